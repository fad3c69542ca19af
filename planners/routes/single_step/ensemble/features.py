"""What the reranker sees of each candidate: the models' votes, the change it makes, how usual its pieces are."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdMolDescriptors

from planners.routes.single_step.ensemble.pool import MODELS, Entry
from planners.routes.structure import parse

_VOTE = ("log_score", "rank", "lead")
_CHANGE = (
    "reactants",
    "largest",
    "smallest",
    "evenness",
    "added_atoms",
    "product_atoms",
    "rings_opened",
    "stereo_change",
    "halogens_added",
    "metals_added",
    "stray",
)
NAMES: tuple[str, ...] = (
    *(f"{model}_{name}" for model in MODELS for name in _VOTE),
    "votes",
    "reciprocal_ranks",
    "first_places",
    "pool_size",
    "template_frequency",
    "local_frequency",
    "popularity_least",
    "popularity_sum",
    *_CHANGE,
    "likelihood",
    "likelihood_lead",
    "likelihood_rank",
)
_METALS = frozenset({3, 5, 11, 12, 14, 19, 29, 30, 50, 80})


def popularity_key(smiles: str) -> str:
    """Twelve hex digits: enough to tell some ten thousand building blocks apart without storing them."""
    return hashlib.blake2b(smiles.encode(), digest_size=6).hexdigest()


def _no_frequency(_: str) -> int:
    return 0


@dataclass(frozen=True)
class Background:
    """What is known from the training reactions. `popularity`: popularity_key -> times a reactant."""

    popularity: Mapping[str, int] = field(default_factory=dict)
    template_frequency: Callable[[str], int] = _no_frequency
    local_frequency: Callable[[str], int] = _no_frequency


@dataclass(frozen=True, slots=True)
class _Shape:
    atoms: int
    rings: int
    centres: int
    halogens: int
    metals: int


@lru_cache(maxsize=50_000)
def _shape(smiles: str) -> _Shape:
    mol = parse(smiles)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    return _Shape(
        atoms=len(numbers),
        rings=mol.GetRingInfo().NumRings(),
        centres=rdMolDescriptors.CalcNumAtomStereoCenters(mol),
        halogens=sum(n in (9, 17, 35, 53) for n in numbers),
        metals=sum(n in _METALS for n in numbers),
    )


def _change(product: str, reactants: Sequence[str]) -> list[float]:
    whole = _shape(product)
    parts = [_shape(r) for r in reactants]
    sizes = sorted(p.atoms for p in parts)
    total = sum(sizes)
    return [
        len(parts),
        sizes[-1],
        sizes[0],
        sizes[0] / sizes[-1] if len(sizes) > 1 else 0.0,
        total - whole.atoms,
        whole.atoms,
        whole.rings - sum(p.rings for p in parts),
        sum(p.centres for p in parts) - whole.centres,
        sum(p.halogens for p in parts) - whole.halogens,
        sum(p.metals for p in parts) - whole.metals,
        max(0, total - whole.atoms) / total,
    ]


def matrix(
    product: str,
    entries: Sequence[Entry],
    background: Background,
    likelihoods: Sequence[float | None],
) -> NDArray[np.float32]:
    """[n_entries, len(NAMES)] float32; NaN where a model did not propose the entry or has no likelihood for it.

    `likelihoods`: log-probability per entry by the sequence model, None where it was not asked.
    """
    best = {m: max((e.votes[m].score for e in entries if m in e.votes), default=1.0) for m in MODELS}
    known = sorted((x for x in likelihoods if x is not None), reverse=True)
    rows = []
    for entry, likelihood in zip(entries, likelihoods, strict=True):
        row: list[float] = []
        for model in MODELS:
            vote = entry.votes.get(model)
            if vote is None:
                row += [math.nan, math.nan, math.nan]
            else:
                own = math.log(max(vote.score, 1e-12))
                row += [own, vote.rank, own - math.log(max(best[model], 1e-12))]
        ranks = [v.rank for v in entry.votes.values()]
        row += [len(ranks), sum(1 / (1 + r) for r in ranks), sum(r == 0 for r in ranks), len(entries)]
        for model, frequency in (("template", background.template_frequency), ("local", background.local_frequency)):
            vote = entry.votes.get(model)
            row.append(math.nan if vote is None or not vote.template else math.log1p(frequency(vote.template)))
        seen = [math.log1p(background.popularity.get(popularity_key(r), 0)) for r in entry.reactants]
        row += [min(seen), sum(seen)]
        row += _change(product, entry.reactants)
        if likelihood is None:
            row += [math.nan, math.nan, math.nan]
        else:
            row += [likelihood, likelihood - known[0], float(known.index(likelihood))]
        rows.append(row)
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), len(NAMES))
