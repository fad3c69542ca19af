"""The table that a replay lab answers from: found, read and held against the campaign before anything runs.

What decides never reads it; here it is only asked which settings it has, not what came of them.
"""

from __future__ import annotations

from pathlib import Path

from agent.conditions.spec import ConditionsSpec
from knowledge.records.properties import credible, get_property
from knowledge.records.quantity import UnitMismatch, convert
from knowledge.sources.conditions_table import BadConditionsTable
from knowledge.sources.recorded_results import NoSuchValues, Recorded, address_of, content_of, read_recorded


class BadReplayTable(ValueError):
    """A table that this campaign cannot be replayed from; `at`: the key below `lab` that the line is about."""

    def __init__(self, at: tuple[str, ...], words: str) -> None:
        super().__init__(words)
        self.at = at


def found(spec: ConditionsSpec, path: Path) -> ConditionsSpec:
    """The campaign with its table's address. Raises BadReplayTable."""
    lab = spec.lab
    try:
        content = content_of(path)
    except FileNotFoundError:
        hint = "put it there, or name it with --table FILE or ATHANOR_TABLE"
        raise BadReplayTable(("table",), f"there is no table {path}; {hint}") from None
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadReplayTable(("table",), f"{path} cannot be read: {why}") from None
    spec = spec.model_copy(update={"lab": lab.model_copy(update={"content": address_of(content), "found": path})})
    _check_values(spec, recorded(spec, path))
    return spec


def recorded(spec: ConditionsSpec, path: Path) -> Recorded:
    """Raises BadReplayTable."""
    lab = spec.lab
    try:
        return read_recorded(
            path,
            spec.searched,
            columns={name: how.column for name, how in lab.parameters.items()},
            units={name: how.unit for name, how in lab.parameters.items() if how.unit is not None},
            outcomes={name: how.column for name, how in lab.outcomes.items()},
        )
    except BadConditionsTable as error:
        raise BadReplayTable(("table",), str(error)) from None
    except NoSuchValues as error:
        raise BadReplayTable(("parameters", error.parameter), str(error)) from None
    except OSError as error:
        raise BadReplayTable(("table",), f"{path} cannot be read: {error.strerror}") from None


def _check_values(spec: ConditionsSpec, results: Recorded) -> None:
    """Results that nobody can believe, nearly always because of a forgotten unit."""
    for name, how in spec.lab.outcomes.items():
        known = get_property(name)
        try:
            values = [convert(t.values[how.column], how.unit or known.unit, known.unit)
                      for t in results.table.trials if how.column in t.values]  # fmt: skip
        except UnitMismatch as error:
            raise BadReplayTable(("outcomes", name), str(error)) from None
        if not values:
            raise BadReplayTable(("outcomes", name), f"column '{how.column}' has no measured value")
        low, high = credible(name)
        worst = min(values) if min(values) < low else max(values)
        if not low <= worst <= high:
            given = convert(worst, known.unit, how.unit or known.unit)
            hint = "; write its unit, e.g. {column: ..., unit: percent}" if how.unit is None else ""
            raise BadReplayTable(("outcomes", name), f"column '{how.column}' has {given:g}, which no {name} is{hint}")
    if not results.settings():
        raise BadReplayTable(("table",), "no setting of the space has a result in it")


def coverage(spec: ConditionsSpec) -> str:
    """Which part of the space the table answers, in a sentence."""
    assert spec.lab.found is not None
    from planners.optimize.space.encoding import Encoding
    from planners.optimize.space.grid import Grid

    results = recorded(spec, spec.lab.found)
    grid = Grid(Encoding(spec.searched))
    size = grid.size
    assert size is not None  # a table answers levels only
    covered = int(grid.allowed(grid.encoding.encode(results.settings())).sum())
    words = f"{spec.lab.table} answers {covered} of {size} settings"
    lost = [f"{name} {', '.join(str(v) for v in values[:4])}" for name, values in results.missing().items()]
    if lost:
        words += f" (nothing of {'; '.join(lost)})"
    if covered < size:
        words += "; others end as chemistry that cannot be answered"
    return "; ".join([words, *results.table.notes])
