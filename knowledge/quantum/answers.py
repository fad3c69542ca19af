"""What is asked of a molecule's electrons, by the cheapest means that is sure enough: the surrogate, then GFN2-xTB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from knowledge.quantum.batch import Progress, outcomes
from knowledge.quantum.cache import Outcome, QuantumCache
from knowledge.quantum.errors import QuantumUnavailable
from knowledge.quantum.properties import QuantumProperties
from knowledge.quantum.surrogate import QUANTITIES, Surrogate

Origin = Literal["surrogate", "xtb", "failed"]
Tolerances = Mapping[str, float]

# Half the width of the 90 % interval that is still good enough, in the quantity's unit: about as far as GFN2-xTB itself
# is from experiment or from better theory, so that asking it more closely would not say more about the molecule.
TOLERANCES: Tolerances = MappingProxyType(
    {
        "gap_ev": 1.0,
        "homo_ev": 1.0,
        "lumo_ev": 1.0,
        "dipole_debye": 3.0,
        "solvation_water_kj_mol": 10.0,
        "solvation_octanol_kj_mol": 10.0,
        "solvation_hexane_kj_mol": 10.0,
    }
)


@dataclass(frozen=True)
class Value:
    """`low` to `high` is the 90 % interval for what GFN2-xTB gives; `std` that of a normal distribution as wide. What
    GFN2-xTB gave is one point: how far the method is from nature is not in it.
    """

    mean: float
    std: float
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """`values` by quantity: those of QUANTITIES that were wanted; empty where nothing can be said. `origin` "failed":
    neither was sure enough, `why` says what went wrong, and `values` is what the surrogate guesses, with its wide
    intervals, if it has a guess. `why` elsewhere: what made the surrogate too unsure, empty where it was sure.
    """

    smiles: str
    origin: Origin
    values: Mapping[str, Value]
    why: str = ""


def ask(
    smiles: Sequence[str],
    *,
    wanted: Tolerances = TOLERANCES,
    cache: QuantumCache | None = None,
    surrogate: Surrogate | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Answer]:
    """One answer per SMILES, in order. `wanted`: {quantity: half of the widest 90 % interval that will do}, in the unit
    of its name. What the surrogate cannot give so closely, GFN2-xTB computes, or `cache` knows; None: nothing is kept.
    Without tblite such molecules are "failed".

    Raises InvalidMolecule, ValueError for an unknown quantity or a tolerance that is not positive, WeightsUnusable,
    QuantumCacheBroken.
    """
    _check(wanted)
    guesses = (surrogate or Surrogate.shipped()).guess(smiles)
    columns = [QUANTITIES.index(name) for name in wanted]
    over = guesses.half[:, columns] > np.array(list(wanted.values()))
    unsure = np.flatnonzero(over.any(axis=1)).tolist()
    computed = dict(zip(unsure, _computed([smiles[i] for i in unsure], cache, processes, progress), strict=True))
    answers = []
    for i, text in enumerate(smiles):
        guess = {
            name: _interval(float(guesses.mean[i, k]), float(guesses.half[i, k]), float(guesses.std[i, k]))
            for name, k in zip(wanted, columns, strict=True)
            if np.isfinite(guesses.mean[i, k])
        }
        if i not in computed:
            answers.append(Answer(text, "surrogate", guess))
            continue
        names = [name for name, bad in zip(wanted, over[i], strict=True) if bad]
        why = guesses.outside[i] or f"unsure of {', '.join(names)}"
        outcome = computed[i]
        if isinstance(outcome, QuantumProperties):
            exact = {name: _point(float(getattr(outcome, name))) for name in wanted}
            answers.append(Answer(text, "xtb", exact, why))
        else:
            answers.append(Answer(text, "failed", guess, f"{why}; {outcome}"))
    return answers


def _check(wanted: Tolerances) -> None:
    for name, tolerance in wanted.items():
        if name not in QUANTITIES:
            raise ValueError(f"unknown quantity '{name}'; there are {', '.join(QUANTITIES)}")
        if not tolerance > 0.0:
            raise ValueError(f"the tolerance of {name} must be positive, got {tolerance}")


def _computed(
    smiles: Sequence[str], cache: QuantumCache | None, processes: int, progress: Progress | None
) -> Sequence[Outcome | QuantumUnavailable]:
    try:
        return outcomes(smiles, cache=cache, processes=processes, progress=progress) if smiles else []
    except QuantumUnavailable as error:
        return [error] * len(smiles)


def _interval(mean: float, half: float, std: float) -> Value:
    return Value(mean, std, mean - half, mean + half)


def _point(value: float) -> Value:
    return Value(value, 0.0, value, value)
