"""Which agents go with which reactions, from mapped multi-step routes: `python -m planners.routes.training.conditions`.

    --routes FILE            RetroCast's JSON (.json.gz) of PaRoutes n1: `mapped_smiles` "reactants>agents>product"
    --without FILE [FILE..]  benchmarks in the same format; none of their reactions is read
    --out FOLDER             where conditions.safetensors and conditions.json.gz go

The last line is one JSON object: counts, and how often the nearest precedents of other patents name the agents used.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, RDLogger
from safetensors.numpy import save_file

from knowledge.records.molecule import InvalidMolecule
from planners.routes.conditions.agents import recognise, vocabulary
from planners.routes.conditions.classify import match
from planners.routes.conditions.precedents import WEIGHTS, WORDS, AgentIndex, packed
from planners.routes.conditions.table import GENERIC, conditions_for
from planners.routes.conditions.vote import SYSTEM, kinds_of, vote
from planners.routes.precedents import signature
from planners.routes.single_step.weights import FOLDER
from planners.routes.structure import canonical, parse


@dataclass(frozen=True, slots=True)
class Example:
    id: str  # patent;paragraph;number
    product: str
    reactants: tuple[str, ...]
    agents: tuple[str, ...]
    reaction_class: str

    @property
    def patent(self) -> str:
        return self.id.partition(";")[0]


def _steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    step = node.get("synthesis_step")
    if step:
        yield step
        for reactant in step["reactants"]:
            yield from _steps(reactant)


def _reactions(file: Path) -> Iterator[tuple[str, str]]:
    """(id, mapped reaction SMILES) of every step of every reference route."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        targets = json.load(lines)["targets"]
    for target in targets.values():
        for route in [target.get("ground_truth"), *(target.get("acceptable_routes") or [])]:
            for step in _steps(route["target"]) if route else ():
                yield (step["metadata"] or {}).get("ID", ""), step["mapped_smiles"]


def _bare(mapped: str) -> str | None:
    try:
        mol = Chem.Mol(parse(mapped))
    except InvalidMolecule:
        return None
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(Chem.MolToSmiles(mol))


def _sides(mapped: str) -> tuple[str, tuple[str, ...]] | None:
    left, _, right = mapped.split(">")
    product, reactants = _bare(right), [_bare(part) for part in left.split(".")]
    if product is None or None in reactants:
        return None
    return product, tuple(sorted(r for r in reactants if r is not None))


def examples(routes: Path, without: list[Path]) -> tuple[list[Example], int]:
    """Each published reaction once, and how many were left out because a benchmark holds them."""
    banned_ids, banned = set(), set()
    for file in without:
        for identity, mapped in _reactions(file):
            banned_ids.add(identity)
            banned.add(_sides(mapped))
    found: dict[str, Example] = {}
    left_out = 0
    for identity, mapped in _reactions(routes):
        sides = _sides(mapped)
        if sides is None or identity in found:
            continue
        if identity in banned_ids or sides in banned:
            left_out += 1
            continue
        agents = recognise(mapped.split(">")[1].split("."))
        if agents:
            found[identity] = Example(identity, *sides, agents, match(*sides).reaction_class)
    return [found[key] for key in sorted(found)], left_out


def build(several: list[Example]) -> AgentIndex:
    classes = sorted({e.reaction_class for e in several})
    agents = sorted({name for e in several for name in e.agents})
    rows = [[agents.index(name) for name in e.agents] for e in several]
    return AgentIndex(
        bits=np.stack([packed(e.product) for e in several]),
        classes=np.array([classes.index(e.reaction_class) for e in several], dtype=np.int16),
        changes=np.array([signature(e.product, e.reactants).radius1 for e in several], dtype=np.int64),
        starts=np.cumsum([0, *(len(r) for r in rows)]).astype(np.int32),
        agents=np.array([i for r in rows for i in r], dtype=np.int16),
        class_names=tuple(classes),
        agent_names=tuple(agents),
        patents=tuple(e.patent for e in several),
    )


def evaluate(index: AgentIndex, several: list[Example], n: int, seed: int = 0) -> dict[str, float]:
    """Leave-one-patent-out on `n` reactions: how often a choice stands in the record, beside the class's commonest one.

    Only reactions whose record names something of that sort count.
    """
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for i in np.random.default_rng(seed).permutation(len(several))[:n]:
        example = several[i]
        rule = conditions_for(example.reaction_class)
        if rule.reaction_class == GENERIC:
            continue
        ballot = vote(index, rule, example.product, example.reactants, without=example.patent)
        total["asked"] += 1
        hits["asked"] += ballot is not None
        others = [r for r in index.rows(example.reaction_class) if index.patents[r] != example.patent]
        habit = Counter(a for r in others for a in index.of_row(int(r)))
        system = tuple(k for k in SYSTEM if k in kinds_of(rule))
        for sort, kinds in (("solvent", ("solvent",)), ("base", ("base",)), ("system", system)):
            if sort == "base" and "base" not in kinds_of(rule):
                continue
            truth = {a for a in example.agents if vocabulary().named(a).kind in kinds and a != "water"}
            if not truth:
                continue
            total[sort] += 1
            known = sorted(a for a in habit if vocabulary().named(a).kind in kinds and a != "water")
            hits[sort + "_commonest"] += max(known, key=habit.__getitem__, default="") in truth
            if ballot is not None:
                active = [a for a in ballot.system if a.kind in SYSTEM]
                leader = min(active, key=lambda a: SYSTEM.index(a.kind), default=None)
                chosen = {"solvent": ballot.solvent, "base": ballot.base, "system": leader}[sort]
                hits[sort] += chosen is not None and chosen.name in truth
    return {key: round(hits[key] / total[key.partition("_")[0]], 4) for key in sorted(hits)}


def save(index: AgentIndex, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(index, name) for name in ("bits", "classes", "changes", "starts", "agents")}
    save_file(arrays, folder / WEIGHTS, metadata={"source": "PaRoutes n1, benchmark reactions left out"})
    words = {"classes": index.class_names, "agents": index.agent_names, "patents": index.patents}
    text = json.dumps(words, separators=(",", ":")).encode("utf-8")
    (folder / WORDS).write_bytes(gzip.compress(text, mtime=0))


def main() -> None:
    RDLogger.logger().setLevel(RDLogger.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routes", type=Path, required=True)
    parser.add_argument("--without", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--validate", type=int, default=2000, help="reactions of the leave-one-patent-out test")
    given = parser.parse_args()
    start = time.monotonic()
    several, left_out = examples(given.routes, given.without)
    index = build(several)
    save(index, given.out)
    figures = evaluate(index, several, given.validate)
    counts = Counter(e.reaction_class for e in several)
    print(
        json.dumps(
            {
                "reactions": len(several),
                "left_out_for_benchmarks": left_out,
                "patents": len(set(index.patents)),
                "agents": len(index.agent_names),
                "classes": len(counts),
                "generic": counts["generic"],
                "leave_one_patent_out": figures,
                "seconds": round(time.monotonic() - start, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
