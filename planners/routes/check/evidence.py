"""Everything the tests of a step stand on, gathered once: its mapping, its forward run, its precedents."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.records.route import Precedent
from planners.routes.check.explanation import Outcomes, reapply
from planners.routes.check.plausibility import Evidence
from planners.routes.precedents.changes import Change, Signature, change, of_mapping
from planners.routes.precedents.index import PrecedentIndex
from planners.routes.precedents.mapping import Mapping, assign
from planners.routes.structure import parse

NONE = Outcomes(exact=False, skeleton=False, inverts=False, others=())


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of one step.

    `nearest`: published with the same change to radius 1, best first; `loose`: with the same reacting bonds.
    `spectators`: the reactants that give no atom.
    """

    mapping: Mapping
    change: Change
    signature: Signature
    outcomes: Outcomes
    nearest: tuple[Precedent, ...]
    loose: tuple[Precedent, ...]
    spectators: tuple[str, ...]
    evidence: Evidence


def gather(
    product: str, reactants: tuple[str, ...], index: PrecedentIndex | None, *, own: str | None = None
) -> Findings:
    """Of a step in canonical SMILES; `own`: id of a row to overlook, when the step itself is in the index.

    Raises InvalidMolecule.
    """
    mapping = assign(product, ".".join(reactants))
    changed, signature = change(mapping), of_mapping(mapping)
    try:
        outcomes = reapply(mapping, product, reactants)
    except ValueError:  # no reaction can be written for it
        outcomes = NONE
    near = _precedents(index, product, signature, 1, own)
    loose = _precedents(index, product, signature, 0, own)
    spectators = _spectators(mapping, reactants)
    own_rows = 0 if own is None or index is None else 1
    evidence = Evidence(
        same=max(0, index.count(signature, 1) - own_rows) if index else 0,
        alike=max(0, index.count(signature, 0) - own_rows) if index else 0,
        similarity=near[0].similarity if near else 0.0,
        second=near[1].similarity if len(near) > 1 else 0.0,
        loose=loose[0].similarity if loose else 0.0,
        exact=outcomes.exact,
        skeleton=outcomes.skeleton,
        inverts=outcomes.inverts,
        competing=len(outcomes.others),
        made=changed.made,
        broken=changed.broken,
        altered=changed.altered,
        lost=len(mapping.reactants) - sum(r >= 0 for r in mapping.partner),
        spectators=len(spectators),
    )
    return Findings(mapping, changed, signature, outcomes, near, loose, spectators, evidence)


def _precedents(
    index: PrecedentIndex | None, product: str, signature: Signature, level: int, own: str | None
) -> tuple[Precedent, ...]:
    if index is None:
        return ()
    found = index.nearest(product, signature, 3, level=1 if level else 0)
    mine = [p for p in found if p.id == own and p.similarity == 1.0][:1]
    return tuple(p for p in found if p not in mine)[:2]


def _spectators(mapping: Mapping, reactants: tuple[str, ...]) -> tuple[str, ...]:
    used = set(mapping.partner)
    idle, start = [], 0
    for reactant in reactants:
        size = parse(reactant).GetNumAtoms()
        if not any(start <= r < start + size for r in used):
            idle.append(reactant)
        start += size
    return tuple(idle)
