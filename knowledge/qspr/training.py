"""From facts to training rows: which molecules, one row each, on the model's scale."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import Array
from knowledge.records.base import canonical_json, sha256_text
from knowledge.records.fact import Fact, Kind
from knowledge.records.properties import Property, Scale

MAX_ROWS = 1500  # exact GP: 1,500 rows cost 18 MB and about 0.1 s per Cholesky factor
ELEMENTS = frozenset({"H", "C", "N", "O", "F", "Cl", "S", "P", "Si", "Br"})
HEAVY_ATOMS = (3, 14)  # the size of solvents and of most fine chemicals' building blocks


class NoTrainingData(ValueError):
    """There is no usable fact for a property."""


@dataclass(frozen=True)
class TrainingRows:
    """One row per molecule (InChIKey): `values` and `variances` on the model scale, sorted by key.

    `own` marks molecules with a measurement of our own lab. `data_hash` covers keys, SMILES, values and variances.
    """

    keys: tuple[str, ...]
    smiles: tuple[str, ...]
    values: Array
    variances: Array
    own: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def data_hash(self) -> str:
        rows = [
            [k, s, float(y), float(v)]
            for k, s, y, v in zip(self.keys, self.smiles, self.values, self.variances, strict=True)
        ]
        return sha256_text(canonical_json(rows))

    @property
    def samples(self) -> Samples:
        return Samples(self.smiles, self.values, self.variances)

    def take(self, indices: Sequence[int]) -> TrainingRows:
        chosen = list(indices)
        return TrainingRows(
            keys=tuple(self.keys[i] for i in chosen),
            smiles=tuple(self.smiles[i] for i in chosen),
            values=self.values[chosen],
            variances=self.variances[chosen],
            own=tuple(self.own[i] for i in chosen),
        )


def merge(facts: Sequence[Fact], prop: Property) -> TrainingRows:
    """All facts of one property as one row per molecule.

    Several values of a molecule become their inverse-variance mean; its variance is enlarged by the Birge ratio where
    they contradict each other (R. T. Birge, Phys. Rev. 40 (1932) 207). Measurements of our own replace handbook values
    of the same molecule. Raises NoTrainingData when nothing is left, ValueError for a fact of another property or a
    value <= 0 of a log-scale property.
    """
    grouped: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.property != prop.name:
            raise ValueError(f"a fact about '{fact.property}' does not belong to a model of '{prop.name}'")
        if prop.scale is Scale.LOG and fact.value <= 0.0:
            raise ValueError(f"{prop.name} of {fact.smiles} is {fact.value:g} {prop.unit}; it must be positive")
        grouped[fact.inchikey].append(fact)
    if not grouped:
        raise NoTrainingData(f"no facts about '{prop.name}' to fit a model to")
    keys, smiles, values, variances, own = [], [], [], [], []
    for key in sorted(grouped):
        of_molecule = grouped[key]
        measured = [f for f in of_molecule if f.kind is Kind.MEASURED_HERE]
        # Sorted, so that sums do not depend on the order in which sources were read.
        used = sorted(measured or of_molecule, key=lambda f: (f.value, f.std, f.source))
        mean, variance = _alone(used[0], prop) if len(used) == 1 else _together(used, prop)
        keys.append(key)
        smiles.append(min(f.smiles for f in used))
        values.append(mean)
        variances.append(variance)
        own.append(bool(measured))
    return TrainingRows(tuple(keys), tuple(smiles), np.array(values), np.array(variances), tuple(own))


def _alone(fact: Fact, prop: Property) -> tuple[float, float]:
    """What `_together` says of one, bit for bit, so that the data's hash is the same."""
    weight = 1.0 / _model_std(fact, prop) ** 2
    return weight * prop.to_model(fact.value) / weight, 1.0 / weight


def _together(facts: Sequence[Fact], prop: Property) -> tuple[float, float]:
    y = np.array([prop.to_model(f.value) for f in facts])
    v = np.array([_model_std(f, prop) ** 2 for f in facts])
    weight = 1.0 / v
    mean = float((weight * y).sum() / weight.sum())
    variance = 1.0 / float(weight.sum())
    return mean, variance * max(1.0, float((weight * (y - mean) ** 2).sum()) / (len(facts) - 1))


def _model_std(fact: Fact, prop: Property) -> float:
    """Standard uncertainty on the model's scale; the floor keeps a source that claims none from becoming an exact
    constraint.
    """
    std = max(fact.std, 1e-3 * abs(fact.value), 1e-6)
    return std / fact.value if prop.scale is Scale.LOG else std


def choose(rows: TrainingRows, *, seed: int, always: Collection[str] = (), limit: int = MAX_ROWS) -> TrainingRows:
    """At most `limit` rows, the most relevant to small organic molecules.

    Measurements of our own and `always` (SMILES) stay, even beyond the limit. The others come in this order: elements
    inside ELEMENTS; distance of the size from HEAVY_ATOMS; the sources' uncertainty; then a hash of key and seed, so
    that the choice is arbitrary but stays nearly the same when facts are added.
    """
    if len(rows) <= limit:
        return rows
    wanted = frozenset(always)

    def relevance(i: int) -> tuple[bool, bool, int, float, str]:
        elements, heavy = _composition(rows.smiles[i])
        outside = max(HEAVY_ATOMS[0] - heavy, heavy - HEAVY_ATOMS[1], 0)
        trust = round(float(rows.variances[i]) ** 0.5, 3)
        return (not stays(i), not elements <= ELEMENTS, outside, trust, sha256_text(f"{seed}:{rows.keys[i]}"))

    def stays(i: int) -> bool:
        return rows.own[i] or rows.smiles[i] in wanted

    ranked = sorted(range(len(rows)), key=relevance)
    return rows.take(sorted(ranked[: max(limit, sum(map(stays, ranked)))]))


_ATOM = re.compile(r"\[\d*([A-Z][a-z]?|[a-z][a-z]?)[^\]]*\]|(Cl|Br|[BCNOPSFI]|[bcnops])")


@lru_cache(maxsize=65536)
def _composition(smiles: str) -> tuple[frozenset[str], int]:
    """Elements of the atoms that are written, and how many are not hydrogen. Read from the text: to make molecules of
    twenty thousand facts only to sort them would take longer than to fit a model.
    """
    symbols = [bracketed or plain for bracketed, plain in _ATOM.findall(smiles)]
    if not symbols:
        raise ValueError(f"cannot read '{smiles}' as a SMILES")
    found = [s if s[0].isupper() else s.capitalize() for s in symbols]
    return frozenset(found), sum(s != "H" for s in found)
