"""Fits what each group adds to a property, on the handbook: writes `planners/design/camd/contributions.yaml`.

    python -m planners.design.training.camd

Ridge regression of the property's sum (see `planners.design.camd.contributions.Form`) on group counts. Rare groups
lean on commoner ones: beside each group's own column stand the Joback groups and the elements that it consists of, so
that a lactam that hardly anybody measured begins as its carbonyl and its amine. The columns are folded into one
number a group.

Fitted to the handbook without the 30 % that the default campaign withholds (seed 0); these are the test set. Form,
scale and penalty were chosen by five-fold cross-validation within the rest. One core, half a minute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook
from planners.design import camd
from planners.design.camd.contributions import Array, Form, heavy_atoms
from planners.design.camd.groups import GROUPS, NAMES, fragmentation

WITHHELD, SEED = 0.3, 0
LARGEST = 24  # groups of a training molecule; what is designed is not larger
FOLDS = 5
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
OUTPUT = Path(camd.__file__).parent / "contributions.yaml"
_ELEMENTS = ("C", "N", "O", "F", "S", "Cl")


@dataclass(frozen=True)
class Task:
    property: str
    form: Form
    scales: tuple[float, ...] = (1.0,)


# The forms that had the lowest error in cross-validation on the visible part, out of those the programme can solve.
TASKS = (
    Task("boiling_point", Form.LOGARITHM, (300.0, 350.0, 400.0)),
    Task("melting_point", Form.LINEAR),
    Task("flash_point", Form.LOGARITHM, (200.0, 250.0, 300.0)),
    Task("viscosity", Form.EXPONENTIAL),
    Task("hansen_dispersion", Form.SHARE),
    Task("hansen_polar", Form.SHARE),
    Task("hansen_hydrogen", Form.SHARE),
    Task("logp", Form.LINEAR),
)


def shared_parts() -> Array:
    """Shape (groups, columns): what each group consists of, for the columns that groups share."""
    rows = []
    for group in GROUPS:
        joback = [group.joback.get(number, 0) for number in range(1, 42)]
        rows.append([*joback, *(group.elements.get(e, 0) for e in _ELEMENTS), group.heavy_atoms, bool(group.ends)])
    return np.array(rows, dtype=np.float64)


def samples(handbook: Handbook, name: str) -> tuple[list[str], Array, Array]:
    """SMILES, counts (n, groups) and values (n,) of the molecules that the groups cover."""
    pairs = _crippen(handbook) if name == "logp" else [(f.smiles, f.value) for f in handbook.facts(name)]
    texts, rows, values = [], [], []
    for smiles, value in pairs:
        found = fragmentation(smiles)
        if found.complete and sum(found.counts.values()) <= LARGEST:
            row = np.zeros(len(GROUPS))
            row[list(found.counts)] = list(found.counts.values())
            texts.append(smiles)
            rows.append(row)
            values.append(value)
    return texts, np.array(rows), np.array(values)


def _crippen(handbook: Handbook) -> list[tuple[str, float]]:
    """Of the molecules with a boiling point: Crippen's atoms know more of their neighbours than groups do."""
    from rdkit import Chem
    from rdkit.Chem.Crippen import MolLogP  # type: ignore[attr-defined]

    return [(f.smiles, float(MolLogP(Chem.MolFromSmiles(f.smiles)))) for f in handbook.facts("boiling_point")]


class Fit:
    """One ridge regression: intercept and one number a group."""

    def __init__(self, form: Form, scale: float, penalty: float) -> None:
        self.form, self.scale, self.penalty = form, scale, penalty

    def _columns(self, counts: Array) -> Array:
        both = np.hstack([counts, counts @ shared_parts()])
        # Ten heavy atoms as the unit, so that one range of penalties suits all forms.
        return both * (10.0 / (counts @ heavy_atoms()))[:, None] if self.form is Form.SHARE else both

    def _target(self, values: Array) -> Array:
        if self.form is Form.LOGARITHM:
            return np.exp((values - 400.0) / self.scale) * 10.0
        return np.log(values) if self.form is Form.EXPONENTIAL else values

    def fit(self, counts: Array, values: Array) -> Fit:
        columns = np.hstack([self._columns(counts), np.ones((len(counts), 1))])
        ridge = np.eye(columns.shape[1]) * self.penalty
        ridge[-1, -1] = 1e-6
        weights = np.linalg.solve(columns.T @ columns + ridge, columns.T @ self._target(values))
        n = len(GROUPS)
        each = weights[:n] + shared_parts() @ weights[n:-1]
        intercept = float(weights[-1])
        if self.form is Form.LOGARITHM:
            factor = math.exp(400.0 / self.scale) / 10.0
            each, intercept = each * factor, intercept * factor
        if self.form is Form.SHARE:
            # The constant belongs to the share: as a sum it is one constant for every heavy atom.
            each, intercept = each * 10.0 + intercept * heavy_atoms(), 0.0
        self.each = np.array([float(f"{v:.6g}") for v in each])
        self.intercept = float(f"{intercept:.6g}")
        return self

    def predict(self, counts: Array) -> Array:
        sums: Array = self.intercept + counts @ self.each
        if self.form is Form.LOGARITHM:
            return self.scale * np.log(np.maximum(sums, 1e-2))
        if self.form is Form.SHARE:
            return sums / (counts @ heavy_atoms())
        return np.exp(sums) if self.form is Form.EXPONENTIAL else sums


def errors(name: str, predicted: Array, values: Array) -> Array:
    """Absolute, on the scale of the property's models: viscosities as natural logarithms."""
    if name == "viscosity":
        return np.abs(np.log(predicted) - np.log(values))
    return np.abs(predicted - values)


def cross_validated(task: Task, scale: float, penalty: float, counts: Array, values: Array) -> float:
    order = np.random.default_rng(SEED).permutation(len(values))
    found = np.zeros(len(values))
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(order, held)
        found[held] = Fit(task.form, scale, penalty).fit(counts[rest], values[rest]).predict(counts[held])
    return float(errors(task.property, found, values).mean())


def main() -> None:
    visible = Handbook.known(WITHHELD, SEED)
    everything = Handbook.full()
    document = {}
    for task in TASKS:
        known, counts, values = samples(visible, task.property)
        every, all_counts, all_values = samples(everything, task.property)
        seen = set(known)
        test = np.array([text not in seen for text in every])
        trials = [(cross_validated(task, s, p, counts, values), s, p) for s in task.scales for p in PENALTIES]
        error, scale, penalty = min(trials)
        best = Fit(task.form, scale, penalty).fit(counts, values)
        tested = errors(task.property, best.predict(all_counts[test]), all_values[test])
        print(
            f"{task.property}: {len(values)} molecules, scale {scale:g}, penalty {penalty:g}; mean absolute error "
            f"{error:.3g} (cross-validated), {tested.mean():.3g} (median {np.median(tested):.3g}) of {test.sum()} "
            "withheld"
        )
        document[task.property] = {
            "unit": "dimensionless" if task.property == "logp" else get_property(task.property).unit,
            "form": task.form.value,
            "scale": scale,
            "molecules": len(values),
            "error_cross_validated": float(f"{error:.3g}"),
            "error_withheld": float(f"{tested.mean():.3g}"),
            "withheld": int(test.sum()),
            "intercept": best.intercept,
            "groups": dict(zip(NAMES, best.each.tolist(), strict=True)),
            "measured": {name: int((counts[:, i] > 0).sum()) for i, name in enumerate(NAMES)},
        }
    header = (
        "# Group contributions fitted by `python -m planners.design.training.camd`; its docstring says how.\n"
        "# Errors are mean absolute ones, of viscosity in ln(mPa s); `withheld` molecules were not fitted to.\n"
        "# `measured`: in how many fitted molecules a group occurs; one that is in none is the sum of its parts.\n"
    )
    OUTPUT.write_text(header + yaml.safe_dump({"properties": document}, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
