"""What a fused model learns from: the primary source, and others that speak of the same property.

A secondary source is one of two things. A witness (a handbook, another laboratory) measured the same quantity; what it
says of a molecule is as good as an answer, so by default only its values of the molecules that `fit` is given are used:
cross-validation then never sees a witness of a molecule that it tests. A calculation (a simulation, group
contributions, xTB) exists before anybody measures, so what it says of the asked molecules is used as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.prior import CalibratedPrior, Known, Prior
from knowledge.qspr.priors.residual import on_model_scale
from knowledge.records.base import canonical_json, sha256_text


class Said(NamedTuple):
    """Of n asked molecules, each (n,): values on the model scale (NaN where unknown), their known variances (0 where
    nothing is known of them), and whether the source says anything.
    """

    values: Array
    variances: Array
    known: Known


@runtime_checkable
class Source(Protocol):
    """`version` is raised whenever a value would change. `measured`: a witness; its noise has heavy tails and its
    deviations are believed to be small. `everywhere`: its values are used of every molecule, not only of those that
    `fit` is given. `listed`: molecules that it can be asked for without computing anything.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def measured(self) -> bool: ...

    @property
    def everywhere(self) -> bool: ...

    @property
    def listed(self) -> tuple[str, ...]: ...

    def __call__(self, smiles: Sequence[str]) -> Said: ...


@dataclass(frozen=True)
class TableSource:
    """Values that exist for certain molecules only; molecules are recognised by their canonical SMILES.

    A witness with `everywhere` set (one's own thirty measurements beside a handbook of thousands) makes the figures of
    cross-validation too good, because the table speaks of the tested molecules.
    """

    name: str
    samples: Samples
    measured: bool
    everywhere: bool

    @staticmethod
    def witness(name: str, samples: Samples, *, everywhere: bool = False) -> TableSource:
        return TableSource(name, samples, measured=True, everywhere=everywhere)

    @staticmethod
    def calculated(name: str, samples: Samples) -> TableSource:
        return TableSource(name, samples, measured=False, everywhere=True)

    @cached_property
    def version(self) -> str:
        return self.samples.data_hash

    @property
    def listed(self) -> tuple[str, ...]:
        return self.samples.smiles

    @cached_property
    def _place(self) -> dict[str, int]:
        return {s: i for i, s in enumerate(self.samples.smiles)}

    def __call__(self, smiles: Sequence[str]) -> Said:
        rows = np.array([self._place.get(s, -1) for s in smiles], dtype=np.intp)
        known = rows >= 0
        values, variances = np.full(len(rows), np.nan), np.zeros(len(rows))
        values[known], variances[known] = self.samples.values[rows[known]], self.samples.variances[rows[known]]
        return Said(values, variances, known)


@dataclass(frozen=True)
class ComputedSource:
    """A prior as a source: computed for any molecule that it covers, or looked up in a table's column."""

    prior: Prior

    measured = False
    everywhere = True

    @property
    def listed(self) -> tuple[str, ...]:
        return tuple(self.prior.values) if isinstance(self.prior, ColumnPrior) else ()

    def constants(self) -> dict[str, float] | None:
        """What must be stored to have the prior again, None for nothing."""
        return dict(self.prior.constants()) if isinstance(self.prior, CalibratedPrior) else None

    def with_constants(self, constants: Mapping[str, float] | None) -> ComputedSource:
        if constants is None or not isinstance(self.prior, CalibratedPrior):
            return self
        return ComputedSource(self.prior.with_constants(constants))

    @property
    def name(self) -> str:
        return self.prior.name

    @property
    def version(self) -> str:
        return self.prior.version

    def __call__(self, smiles: Sequence[str]) -> Said:
        """Raises InvalidMolecule, and what the prior raises where a package is missing."""
        values, known = on_model_scale(self.prior, smiles)
        return Said(values, np.zeros(len(values)), known)


@dataclass(frozen=True)
class FusedSamples:
    """One `Samples` per source on one model scale, the primary first. Raises ValueError for repeated names or different
    numbers of both.
    """

    names: tuple[str, ...]
    samples: tuple[Samples, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.samples) or not self.names:
            raise ValueError(f"got {len(self.names)} names of {len(self.samples)} sources, the primary among them")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"a source is named twice: {', '.join(self.names)}")

    @property
    def primary(self) -> Samples:
        return self.samples[0]

    @property
    def molecules(self) -> tuple[str, ...]:
        """Distinct SMILES, the primary source's first."""
        return tuple(dict.fromkeys(s for part in self.samples for s in part.smiles))

    def __len__(self) -> int:
        """Values of all sources together."""
        return sum(map(len, self.samples))

    @property
    def data_hash(self) -> str:
        parts = [[name, part.data_hash] for name, part in zip(self.names, self.samples, strict=True)]
        return sha256_text(canonical_json(parts))


def fused(
    primary: Samples, sources: Sequence[Source], *, name: str, limit: int, elsewhere: int, seed: int
) -> FusedSamples:
    """What `sources` say of the primary source's molecules, and of at most `elsewhere` others that they list where they
    may be used everywhere; at most `limit` values in all. Of what is too much, a seeded draw.

    Raises ValueError when the primary source alone has more than `limit` values.
    """
    room = limit - len(primary)
    if room < 0:
        raise ValueError(f"fusion is exact and takes at most {limit} values, the samples alone are {len(primary)}")
    rng = np.random.default_rng(seed)
    trained = set(primary.smiles)
    near = [(i, x) for i, s in enumerate(sources) for x in _known(s, primary.smiles)]
    far = [(i, x) for i, s in enumerate(sources) if s.everywhere for x in s.listed if x not in trained]
    near = _drawn(near, room, rng)
    far = _drawn(far, min(elsewhere, room - len(near)), rng)
    parts = [_part(source, [x for j, x in (*near, *far) if j == i]) for i, source in enumerate(sources)]
    return FusedSamples((name, *(s.name for s in sources)), (primary, *parts))


def _known(source: Source, smiles: Sequence[str]) -> list[str]:
    return [s for s, known in zip(smiles, source(smiles).known.tolist(), strict=True) if known]


def _drawn(items: list[tuple[int, str]], count: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    if len(items) <= count:
        return items
    return [items[i] for i in np.sort(rng.permutation(len(items))[:count]).tolist()]


def _part(source: Source, smiles: Sequence[str]) -> Samples:
    said = source(smiles)
    return Samples(tuple(smiles), said.values, said.variances)
