"""Refits every group contribution to the handbook: `python -m instruments.simulation.fit` rewrites `contributions.py`.

Data. All of `Handbook.full()` with, for boiling and melting points, at least two sources that agree: single-source
melting points are mostly those of solid derivatives, single-source boiling points often those of vacuum distillations.
Melting points count up to 25 heavy atoms, because the lab is about liquids. What never crystallised is missing from
every compilation, so volatile compounds (Tb below 600 K) without any melting point count with half their boiling point
and half the weight; they are used to fit, never to judge.

Method. Ridge regression, made robust by reweighting (Huber, Ann. Math. Stat. 35 (1964) 73). Contributions of atom
classes shrink towards that of the average atom, not to nought, so that rare classes stay sane; those of whole-molecule
counts shrink to nought; the constant, the average and the term in Tb are free. `_RECIPES` holds the settings. The
weight of a melting point is one over its number of atoms, for the same reason as above.

Judgement. Five-fold cross-validation; the folds are drawn at random over connectivities (first block of the InChIKey)
and are the same for every property, so no stereoisomer of a test compound is ever trained on. Every fold is refitted
from nothing; the settings above were chosen by the same cross-validation, a handful of variants per property, which
makes its figures slightly rosy. The interaction terms and the ridge of the viscosity were chosen with an eye on glycols
and glycol ethers as well, which the handbook lacks (`tests/instruments/test_truth.py` has their values): those are
checked, not predicted blindly. Given the same handbook, the file comes out the same to the byte.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from instruments.simulation.forms import FORMS, finished
from instruments.simulation.groups import EXTRAS, NAMES, OF_THE_CRYSTAL, count_groups
from knowledge.records.fact import Fact
from knowledge.sources import tables
from knowledge.sources.handbook import Handbook

Array = npt.NDArray[np.float64]

FOLDS = 5
SEED = 0
_MELTING_LARGEST = 25  # heavy atoms
_VOLATILE_K = 600.0
_ROUNDS = 15  # of reweighting


class Recipe(NamedTuple):
    """`ridge` is the penalty on squared contributions, per unit of weight. Residuals beyond `huber` robust standard
    deviations (1.4826 times the median) lose weight. Smaller molecules than `smallest` do not add up from groups.
    """

    ridge: float
    huber: float
    smallest: int = 2
    two_sources: bool = False


_RECIPES: dict[str, Recipe] = {
    "boiling_point": Recipe(0.03, 2.0, two_sources=True),
    "melting_point": Recipe(0.1, 2.0, two_sources=True),
    "flash_point": Recipe(0.1, 2.0),
    "viscosity": Recipe(1.0, 2.5, smallest=3),
    "hansen_dispersion": Recipe(0.1, 2.5),
    "hansen_polar": Recipe(0.1, 2.5),
    "hansen_hydrogen": Recipe(0.1, 2.5),
}


class Sample(NamedTuple):
    """The data of one property, row by row: `target` on the scale of the linear form, `value` in the property's unit.

    `boiling_k` is the handbook's, 1 where it is not needed or not known; `judged` is False for pseudo-points.
    """

    smiles: list[str]
    connectivity: list[str]
    target: Array
    value: Array
    boiling_k: Array
    weight: Array
    judged: npt.NDArray[np.bool_]


class Model(NamedTuple):
    """Coefficients of one property: constant, of Tb (0 in most), and by name those of `NAMES` and `EXTRAS`."""

    constant: float
    per_boiling: float
    contributions: Mapping[str, float]


class Score(NamedTuple):
    """Errors in the property's unit, of the natural logarithm for viscosity; `fitted` is in-sample."""

    name: str
    compounds: int
    mean: float
    median: float
    fitted: float | None


class Outcome(NamedTuple):
    models: dict[str, Model]
    scores: list[Score]
    #: Of the compounds that melt below / above 298.15 K and boil below 600 K: the share on the right side of it.
    liquid_share: float
    solid_share: float


@cache
def _boiling_points() -> dict[str, float]:
    return {fact.inchikey: fact.value for fact in Handbook.full().facts("boiling_point")}


def collect(name: str) -> Sample:
    """What the handbook says about one property, as this module's docstring selects it."""
    recipe = _RECIPES[name]
    boiling = _boiling_points()
    every = Handbook.full().facts(name)
    rows: list[tuple[Fact, float, float]] = []
    for fact in every:
        atoms = count_groups(fact.smiles)[1]
        if atoms < recipe.smallest or (recipe.two_sources and " + " not in fact.source):
            continue
        if FORMS[name].per_boiling and fact.inchikey not in boiling:
            continue
        if name == "melting_point" and atoms > _MELTING_LARGEST:
            continue
        rows.append((fact, fact.value, 1.0 / atoms if name == "melting_point" else 1.0))
    judged = len(rows)
    if name == "melting_point":
        known = {fact.inchikey[:14] for fact in every}
        for fact in Handbook.full().facts("boiling_point"):
            atoms = count_groups(fact.smiles)[1]
            missing = fact.inchikey[:14] not in known and " + " in fact.source
            if missing and recipe.smallest <= atoms <= _MELTING_LARGEST and fact.value < _VOLATILE_K:
                rows.append((fact, 0.5 * fact.value, 0.5 / atoms))
    value = np.array([v for _, v, _ in rows])
    return Sample(
        smiles=[fact.smiles for fact, _, _ in rows],
        connectivity=[fact.inchikey[:14] for fact, _, _ in rows],
        target=np.log(value) if FORMS[name].logarithm else value,
        value=value,
        boiling_k=np.array([boiling.get(fact.inchikey, 1.0) for fact, _, _ in rows]),
        weight=np.array([w for _, _, w in rows]),
        judged=np.arange(len(rows)) < judged,
    )


def _designs(name: str, sample: Sample) -> tuple[Array, Array]:
    """(free columns [rows, 2 or 3], penalised columns [rows, classes + extras])."""
    column = {each: i for i, each in enumerate((*NAMES, *EXTRAS))}
    counts = np.zeros((len(sample.smiles), len(column)))
    size = np.zeros(len(sample.smiles))
    for row, smiles in enumerate(sample.smiles):
        found, atoms = count_groups(smiles)
        size[row] = atoms
        for each, count in found.items():
            if name == "melting_point" or each not in OF_THE_CRYSTAL:
                counts[row, column[each]] = count
    dilution = size ** FORMS[name].power
    free = [np.ones(len(size))]
    if FORMS[name].power < 1.0:  # otherwise the average atom is the constant
        free.append(size / dilution)
    if FORMS[name].per_boiling:
        free.append(sample.boiling_k)
    return np.stack(free, axis=1), counts / dilution[:, None]


def _solve(free: Array, penalised: Array, target: Array, weight: Array, recipe: Recipe) -> Array:
    """Coefficients of the free columns, then of the penalised ones."""
    design = np.hstack([free, penalised])
    penalty = np.diag([0.0] * free.shape[1] + [recipe.ridge * float(np.mean(weight))] * penalised.shape[1])
    trust: Array = np.ones(len(target))
    solution: Array = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        weighted = design * (weight * trust)[:, None]
        solution = np.asarray(np.linalg.solve(weighted.T @ design + penalty, weighted.T @ target), dtype=np.float64)
        residual = np.abs(target - design @ solution)
        limit = recipe.huber * 1.4826 * float(np.median(residual))
        trust = np.minimum(1.0, limit / np.maximum(residual, 1e-9))
    return solution


def _named(name: str, solution: Array) -> Model:
    """The average atom is folded into every class, and figures are cut to those that the file holds."""
    form = FORMS[name]
    values = [float(v) for v in solution]
    constant = values.pop(0)
    average = values.pop(0) if form.power < 1.0 else 0.0
    per_boiling = values.pop(0) if form.per_boiling else 0.0
    names = (*NAMES, *EXTRAS)
    classes = {each: v + average if each in NAMES else v for each, v in zip(names, values, strict=True)}
    return Model(_cut(constant), _cut(per_boiling), {each: _cut(v) for each, v in classes.items()})


def _cut(value: float) -> float:
    """Four significant digits, and no negative zero."""
    return float(f"{value:.4g}") + 0.0


def fit(name: str, sample: Sample) -> Model:
    """The model of one property from all rows of the sample."""
    return _named(name, _solve(*_designs(name, sample), sample.target, sample.weight, _RECIPES[name]))


def predict(name: str, model: Model, smiles: Sequence[str], boiling_k: Array) -> Array:
    """The property in its unit, as `property_models` gives it."""
    values = []
    for each, boiling in zip(smiles, boiling_k.tolist(), strict=True):
        counts, atoms = count_groups(each)
        total = sum(count * model.contributions[group] for group, count in counts.items())
        linear = model.constant + model.per_boiling * boiling + total / atoms ** FORMS[name].power
        values.append(finished(name, linear, boiling))
    return np.array(values)


def _errors(name: str, predicted: Array, sample: Sample) -> Array:
    """Absolute errors; NaN for pseudo-points."""
    off = np.log(predicted / sample.value) if FORMS[name].logarithm else predicted - sample.value
    return np.where(sample.judged, np.abs(off), np.nan)


def _score(label: str, errors: Array, fitted: Array | None) -> Score:
    seen = errors[~np.isnan(errors)]
    inside = None if fitted is None else float(np.nanmean(fitted))
    return Score(label, len(seen), float(np.mean(seen)), float(np.median(seen)), inside)


def _subset(sample: Sample, rows: npt.NDArray[np.bool_]) -> Sample:
    picked = np.flatnonzero(rows).tolist()
    return Sample(
        smiles=[sample.smiles[i] for i in picked],
        connectivity=[sample.connectivity[i] for i in picked],
        target=sample.target[rows],
        value=sample.value[rows],
        boiling_k=sample.boiling_k[rows],
        weight=sample.weight[rows],
        judged=sample.judged[rows],
    )


def fit_all() -> Outcome:
    """Every property fitted to everything, and cross-validated. About half a minute on one core."""
    samples = {name: collect(name) for name in FORMS}
    blocks = sorted({block for sample in samples.values() for block in sample.connectivity})
    order = np.random.Generator(np.random.PCG64(SEED)).permutation(len(blocks))
    fold_of = {blocks[i]: position % FOLDS for position, i in enumerate(order.tolist())}
    models = {name: fit(name, sample) for name, sample in samples.items()}
    guesses = {name: np.zeros(len(sample.smiles)) for name, sample in samples.items()}
    flash_by_model = np.zeros(len(samples["flash_point"].smiles))
    for fold in range(FOLDS):
        boiling_model: Model | None = None
        for name, sample in samples.items():
            out = np.array([fold_of[block] == fold for block in sample.connectivity])
            model = fit(name, _subset(sample, ~out))
            test = _subset(sample, out)
            guesses[name][out] = predict(name, model, test.smiles, test.boiling_k)
            if name == "boiling_point":
                boiling_model = model
            if name == "flash_point" and boiling_model is not None:
                boiling = predict("boiling_point", boiling_model, test.smiles, test.boiling_k)
                flash_by_model[out] = predict(name, model, test.smiles, boiling)
    scores = []
    for name, sample in samples.items():
        errors = _errors(name, guesses[name], sample)
        fitted = _errors(name, predict(name, models[name], sample.smiles, sample.boiling_k), sample)
        scores.append(_score(name, errors, fitted))
        if name == "melting_point":
            volatile = (sample.boiling_k > 1.0) & (sample.boiling_k < _VOLATILE_K)
            scores.append(_score("melting_point, Tb < 600 K", errors[volatile], fitted[volatile]))
        if name == "flash_point":
            scores.append(_score("flash_point, Tb modelled", _errors(name, flash_by_model, sample), None))
    melting = samples["melting_point"]
    chosen = melting.judged & (melting.boiling_k > 1.0) & (melting.boiling_k < _VOLATILE_K)
    liquid, called = melting.value[chosen] <= 298.15, guesses["melting_point"][chosen] <= 298.15
    return Outcome(models, scores, float(np.mean(called[liquid])), float(np.mean(~called[~liquid])))


def table(outcome: Outcome) -> str:
    """The figures as text, one property a line."""
    lines = [f"{'property':<27} {'n':>6} {'CV mean':>8} {'CV median':>9} {'in-sample mean':>14}"]
    for score in outcome.scores:
        inside = "-" if score.fitted is None else f"{score.fitted:.3g}"
        lines.append(f"{score.name:<27} {score.compounds:>6} {score.mean:>8.3g} {score.median:>9.3g} {inside:>14}")
    return "\n".join(lines)


def source(outcome: Outcome) -> str:
    """The text of `contributions.py`."""
    names = tuple(outcome.models)
    indented = "\n".join(f"    {line}" for line in table(outcome).splitlines())
    rows = "\n".join(
        f'    "{group}": ({", ".join(f"{outcome.models[name].contributions[group]:.4g}" for name in names)}),'
        for group in (*NAMES, *EXTRAS)
    )
    columns = "\n".join(f'    "{name}",' for name in names)
    liquids, solids = f"{outcome.liquid_share:.0%}", f"{outcome.solid_share:.0%}"
    constants = ", ".join(f"{outcome.models[name].constant:.4g}" for name in names)
    return f'''"""Group contributions of the world's physical models.

Generated by `python -m instruments.simulation.fit`, where data and method are described: do not edit. The forms are
those of `instruments.simulation.forms`. Handbook tables: {tables.versions()}.

Absolute errors of five-fold cross-validation on folds of connectivities (CV), and of the fit itself on its own data
(in-sample); K, MPa^0.5, and of the natural logarithm for viscosity:

{indented}

Flash points take the handbook's boiling point unless the line says otherwise. Of the compounds that boil below 600 K,
cross-validation puts {liquids} of the liquids and {solids} of the solids on their side of 298.15 K.
"""

from __future__ import annotations

COLUMNS = (
{columns}
)
CONSTANTS = ({constants})
#: The coefficient of Tb in the flash point.
FLASH_PER_BOILING = {outcome.models["flash_point"].per_boiling:.4g}
CONTRIBUTIONS: dict[str, tuple[float, float, float, float, float, float, float]] = {{
{rows}
}}
'''


def main() -> None:
    outcome = fit_all()
    path = Path(__file__).with_name("contributions.py")
    path.write_text(source(outcome), encoding="utf-8")
    sys.stdout.write(f"{table(outcome)}\n")
    sys.stdout.write(f"liquids called liquid: {outcome.liquid_share:.1%}, solids called solid: ")
    sys.stdout.write(f"{outcome.solid_share:.1%}\nwrote {path.name}\n")


if __name__ == "__main__":
    main()
