"""Which of all judged molecules are shown: the best that are not much alike, and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from knowledge.records.candidate import Candidate

if TYPE_CHECKING:
    from planners.design.evaluation.judge import Judged

FRONT = 60  # members of the Pareto front that are told at most; beyond that a list helps nobody
ALIKE = 0.6  # similarity (Tanimoto, counted Morgan fingerprints of radius 2) from which one stands for the other
LOOKED_AT = 3000  # of the best, for ones that are much alike
_COMPARED = 5000  # for the front: a pool of n costs n² times the goals, here 0.1 GB


@dataclass(frozen=True)
class Find:
    """A molecule that was designed. `front`: no other feasible one is better in one goal and as good in all others.
    `alike`: how many less good ones it stands for, being much like it. `listed`: the handbook knows the compound, and
    `measured` what it says of the values asked for, in their units.
    """

    candidate: Candidate
    judged: Judged
    front: bool
    alike: int = 0
    listed: bool = False
    measured: Mapping[str, float] = field(default_factory=dict)


def choose(
    found: Sequence[tuple[Candidate, Judged]], number: int, *, several: bool
) -> tuple[tuple[Find, ...], tuple[Find, ...], int]:
    """The best, the front (as many as are told) and the size of the whole front."""
    import numpy as np

    from planners.optimize.choosing.fronts import front

    order = sorted(found, key=lambda one: (not one[1].feasible, -one[1].score, one[1].smiles))
    distinct: dict[str, tuple[Candidate, Judged]] = {}
    for candidate, judged in order:
        distinct.setdefault(candidate.molecule.connectivity, (candidate, judged))
    kept = list(distinct.values())
    good = [one for one in kept if one[1].feasible]
    undominated = np.zeros(len(good), dtype=np.bool_)
    if several and good:
        worths = np.array([judged.worths for _, judged in good])
        undominated[:_COMPARED] = front(worths[:_COMPARED])
    finds = [Find(candidate, judged, bool(flag)) for (candidate, judged), flag in zip(good, undominated, strict=True)]
    best = _unlike(finds or [Find(candidate, judged, False) for candidate, judged in kept], number)
    ahead = [one for one in finds if one.front]
    return tuple(best), tuple(ahead[:FRONT]), len(ahead)


def _unlike(finds: Sequence[Find], number: int) -> list[Find]:
    """The first `number` that are not much like a better one; fewer where there are no more kinds."""
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    kept: list[Find] = []
    prints: list[DataStructs.UIntSparseIntVect] = []
    alike: list[int] = []
    for one in finds[:LOOKED_AT]:
        mol = Chem.MolFromSmiles(one.candidate.molecule.smiles)
        own = morgan.GetSparseCountFingerprint(mol)
        near = [DataStructs.TanimotoSimilarity(own, other) for other in prints]
        if near and max(near) >= ALIKE:
            alike[near.index(max(near))] += 1
        elif len(kept) < number:
            kept.append(one)
            prints.append(own)
            alike.append(0)
    return [replace(one, alike=count) for one, count in zip(kept, alike, strict=True)]


def looked_up(one: Find) -> Find:
    """With what the handbook says, so that nobody takes a known compound for a new one."""
    from knowledge.sources.compilation import PROPERTIES
    from knowledge.sources.handbook import Handbook

    book, key = Handbook.full(), one.candidate.molecule.inchikey
    facts = {v.key: book.fact(key, v.key) for v in one.judged.values if v.key in PROPERTIES}
    return replace(one, listed=key in book, measured={name: f.value for name, f in facts.items() if f is not None})
