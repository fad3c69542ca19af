"""The agents of patent records: which substances a list of fragments stands for, and what each one is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from planners.routes.structure import canonical

Kind = Literal[
    "solvent", "base", "catalyst", "ligand", "coupling", "oxidant", "reductant", "acid", "source", "metal",
    "additive", "workup",
]  # fmt: skip

# A cation may belong to several salts of one record, every other fragment to one substance only.
_SHARED = frozenset({"[Na+]", "[K+]", "[Li+]", "[Cs+]", "[Mg+2]", "[Al+3]"})
_HYDROXIDE = ("[OH-]",)
# Salts whose cation explains itself: beside one of them water is water, and no hydroxide is meant.
_NO_HYDROXIDE = frozenset({"base", "reductant", "workup", "oxidant"})


@dataclass(frozen=True, slots=True)
class Agent:
    """`smiles` as it is charged; `parts` the fragments by which a record names it; `equivalents` None: the kind's."""

    name: str
    kind: Kind
    smiles: str
    parts: tuple[str, ...]
    equivalents: float | None


@dataclass(frozen=True)
class Vocabulary:
    agents: tuple[Agent, ...]
    companions: dict[str, tuple[tuple[str, float], ...]]

    def named(self, name: str) -> Agent:
        """Raises KeyError."""
        return self._by_name()[name]

    def of_smiles(self, smiles: str) -> Agent | None:
        """The agent that is charged as this SMILES. Raises InvalidMolecule."""
        return _by_smiles().get(canonical(smiles))

    def _by_name(self) -> dict[str, Agent]:
        return {agent.name: agent for agent in self.agents}


@cache
def vocabulary() -> Vocabulary:
    """Our table, read once; of two entries for one substance ("... (dry)") the first names it."""
    text = resources.files("planners.routes.conditions").joinpath("agents.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    agents = []
    for name, (kind, smiles, parts) in data["agents"].items():
        pieces = tuple((parts or smiles).split("."))
        agents.append(Agent(name, kind, canonical(smiles), pieces, data["equivalents"].get(name)))
    companions = {n: tuple((c, float(e)) for c, e in rows) for n, rows in data["companions"].items()}
    return Vocabulary(tuple(agents), companions)


@cache
def _by_smiles() -> dict[str, Agent]:
    found: dict[str, Agent] = {}
    for agent in vocabulary().agents:
        found.setdefault(agent.smiles, agent)
    return found


@cache
def _longest_first() -> tuple[Agent, ...]:
    # Python's sort is stable: among equally long ones the table's order decides.
    return tuple(sorted(vocabulary().agents, key=lambda a: -len(a.parts)))


def recognise(fragments: Sequence[str]) -> tuple[str, ...]:
    """Names of the substances that these fragments stand for, in the table's order; what is unknown is left out."""
    left = list(dict.fromkeys(fragments))
    found: list[Agent] = []
    for agent in _longest_first():
        if not all(part in left for part in agent.parts):
            continue
        if any(h in agent.smiles for h in _HYDROXIDE) and _explained(agent, found):
            continue
        found.append(_by_smiles()[agent.smiles])
        for part in agent.parts:
            if part not in _SHARED:
                left.remove(part)
    place = {agent.name: i for i, agent in enumerate(vocabulary().agents)}
    return tuple(sorted({agent.name for agent in found}, key=place.__getitem__))


def _explained(agent: Agent, found: Sequence[Agent]) -> bool:
    """Whether the hydroxide's cation came with another salt already."""
    cation = next((p for p in agent.parts if p in _SHARED), None)
    return any(cation in other.parts and other.kind in _NO_HYDROXIDE for other in found)
