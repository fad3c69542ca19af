"""What optimisers are compared on: a space, goals, and what an experiment at a setting gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category, Listed, Number, Parameter, Setting, Space, Value
from knowledge.sources.conditions_table import BadConditionsTable, read_conditions

Values = NDArray[np.float64]
"""(n, m): a column for each goal, in the outcome's unit."""


class BadProblem(ValueError):
    """Nothing can be compared on this; one line says why."""


@dataclass(frozen=True)
class Goal:
    outcome: str
    maximise: bool

    @property
    def sign(self) -> float:
        return 1.0 if self.maximise else -1.0


@dataclass(frozen=True)
class Problem:
    """`rows`: the settings there are results for; none where any setting of `space` has one. `best`: for each goal the
    best value that can be found, `worst`: the value that counts as nothing gained; `volume`: with several goals, the
    hypervolume (benchmarks.optimize_figures) of the best set there is. `about`: what defines the problem, for JSON.
    `r2`: of an emulator, by goal, on data that it did not see.
    """

    name: str
    space: Space
    goals: tuple[Goal, ...]
    rows: tuple[Setting, ...]
    measure: Callable[[Sequence[Setting]], Values]
    best: tuple[float, ...]
    worst: tuple[float, ...]
    volume: float = 1.0
    about: dict[str, Any] = field(default_factory=dict)
    r2: tuple[float, ...] = ()

    def starts(self, count: int, seed: int) -> list[Setting]:
        """`count` different settings, uniform among all there are; the same for every optimiser."""
        return draw(self, count, np.random.default_rng(seed), ())


def key(setting: Mapping[str, Value]) -> tuple[Value, ...]:
    """What tells settings apart; numbers to nine digits, which is more than any optimiser keeps of a level."""
    return tuple(v if isinstance(v, str) else float(f"{v:.9g}") for v in setting.values())


def draw(problem: Problem, count: int, generator: np.random.Generator, known: Sequence[Setting]) -> list[Setting]:
    """`count` settings uniform among those not `known`; of a table, or of the space within its bounds."""
    seen = {key(setting) for setting in known}
    if problem.rows:
        left = [row for row in problem.rows if key(row) not in seen]
        return [left[i] for i in generator.choice(len(left), size=count, replace=False)]
    return [uniform(problem.space, generator) for _ in range(count)]


def uniform(space: Space, generator: np.random.Generator) -> Setting:
    setting: Setting = {}
    for parameter in space.parameters:
        if isinstance(parameter, Category):
            setting[parameter.name] = parameter.options[int(generator.integers(len(parameter.options)))].name
        elif parameter.levels:
            setting[parameter.name] = float(generator.choice(parameter.levels))
        else:
            setting[parameter.name] = float(generator.uniform(*parameter.bounds))
    return setting


def nearest(problem: Problem, wanted: Setting, known: Sequence[Setting]) -> Setting:
    """The row not `known` that is nearest to `wanted`: Gower's distance, the mean over parameters of 0 or 1 for
    categories and of the difference over the range for numbers (J. C. Gower, Biometrics 1971, 27, 857). The first of
    equally near ones.
    """
    seen = {key(setting) for setting in known}
    left = [row for row in problem.rows if key(row) not in seen]
    return min(left, key=lambda row: gower(problem.space, wanted, row))


def gower(space: Space, a: Setting, b: Setting) -> float:
    total = 0.0
    for parameter in space.parameters:
        x, y = a[parameter.name], b[parameter.name]
        if isinstance(parameter, Category):
            total += x != y
        else:
            low, high = parameter.bounds
            total += abs(float(x) - float(y)) / ((high - low) or 1.0)
    return total / len(space.parameters)


def table_problem(
    path: Path,
    *,
    parameters: Sequence[str],
    smiles: Sequence[str],
    goals: Sequence[Goal],
    where: Mapping[str, str] | None = None,
) -> Problem:
    """Replays a table of measured results, or its rows where columns have the values in `where`.

    Parameters are numbers where all their cells are, else names. Raises BadProblem and OSError.
    """
    where = where or {}
    outcomes = [goal.outcome for goal in goals]
    try:
        kinds = {**dict.fromkeys(smiles, "smiles"), **{name: _kind(path, name, outcomes) for name in parameters}}
        table = read_conditions(path, parameters={**kinds, **dict.fromkeys(where, "category")}, outcomes=outcomes)
    except (BadConditionsTable, ValueError) as error:
        raise BadProblem(str(error)) from None
    kept = [t for t in table.trials if all(t.setting[name] == value for name, value in where.items())]
    kept = [t for t in kept if all(name in t.values for name in outcomes)]
    if len(kept) < 2:
        raise BadProblem(f"{path.name}: there are {len(kept)} measured rows left to choose among")
    names = [name for name in table.space.names if name not in where]
    rows = tuple({name: t.setting[name] for name in names} for t in kept)
    values = np.array([[t.values[name] for name in outcomes] for t in kept])
    return replay(
        path.name.split(".")[0] + "".join(f" {value}" for value in where.values()),
        _space([table.space.parameter(name) for name in names], rows),
        tuple(goals),
        rows,
        values,
        about={
            "csv": path.name,
            "csv_sha256": table.file_sha256,
            "parameters": {name: kinds[name] for name in names},
            "where": dict(where),
            "rows": len(rows),
        },
    )


def replay(
    name: str,
    space: Space,
    goals: tuple[Goal, ...],
    rows: tuple[Setting, ...],
    values: Values,
    about: dict[str, Any],
) -> Problem:
    """A problem whose experiments are answered from `values`, one row of them for each of `rows`."""
    from benchmarks.optimize_figures import hypervolume

    place = {key(row): i for i, row in enumerate(rows)}
    gains = values * [goal.sign for goal in goals]
    best, worst = gains.max(axis=0), gains.min(axis=0)
    signs = np.array([goal.sign for goal in goals])
    if (best == worst).any():
        raise BadProblem(f"{name}: all results are equal, so there is nothing to find")
    return Problem(
        name=name,
        space=space,
        goals=goals,
        rows=rows,
        measure=lambda settings: values[[place[key(setting)] for setting in settings]],
        best=tuple((best * signs).tolist()),
        worst=tuple((worst * signs).tolist()),
        volume=hypervolume((gains - worst) / (best - worst)) if len(goals) > 1 else 1.0,
        about=about,
    )


def _space(parameters: Sequence[Parameter], rows: Sequence[Setting]) -> Space:
    """Of what occurs in `rows`, and of nothing else."""
    found: list[Parameter] = []
    size = 1
    for parameter in parameters:
        used = {row[parameter.name] for row in rows}
        if isinstance(parameter, Category):
            options = tuple(option for option in parameter.options if option.name in used)
            found.append(parameter.model_copy(update={"options": options}))
        else:
            assert isinstance(parameter, Number)
            found.append(
                parameter.model_copy(update={"levels": tuple(level for level in parameter.levels if level in used)})
            )
        size *= len(used)
    space = Space(parameters=tuple(found))
    if size == len(rows):
        return space
    names = space.names
    return space.with_rules(Listed(parameters=names, rows=tuple(tuple(row[name] for name in names) for row in rows)))


def _kind(path: Path, name: str, outcomes: Sequence[str]) -> str:
    try:
        read_conditions(path, parameters={name: "number"}, outcomes=outcomes)
    except BadConditionsTable:
        return "category"
    return "number"
