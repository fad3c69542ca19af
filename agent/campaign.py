"""The campaign file: what a person asks for, validated whole before anything runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from instruments.simulation.config import LabConfig
from knowledge.records.base import Record
from knowledge.records.objective import Constraint, Objective
from knowledge.records.quantity import Quantity
from planners.design.problem import DesignSpace


class CampaignError(ValueError):
    """A campaign file that cannot be used; the message is one line with file, line and key."""


class Budget(Record):
    experiments: int = Field(ge=1, le=100_000)
    batch: int = Field(ge=1, le=96)


class References(Record):
    """Molecules that can simply be bought: `share` of the experiments at most, to check the lab against known values."""

    share: float = Field(default=0.25, ge=0.0, le=1.0)


class Prior(Record):
    """What the agent may know before it starts. `withheld` is the share of handbook compounds hidden from it, chosen by `seed`."""

    withheld: float = Field(default=0.0, ge=0.0, lt=1.0)
    seed: int = 0


class Making(Record):
    """Limits on synthesis. `target_mass` is what the characterisation needs."""

    max_steps: int = Field(default=3, ge=1, le=10)
    expansions: int = Field(default=60, ge=1, le=100_000)
    target_mass: Quantity = Quantity(value=20.0, unit="g")
    minimum_purity: float = Field(default=0.90, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _mass(self) -> Making:
        if self.target_mass.magnitude("g") <= 0:
            raise ValueError("target_mass must be positive")
        return self


class Search(Record):
    """How candidates are sought: `pool` molecules bred per iteration, of which `checked` get a route search."""

    generators: tuple[Literal["genetic", "library"], ...] = ("genetic", "library")
    generations: int = Field(default=6, ge=1, le=1000)
    population: int = Field(default=150, ge=4, le=100_000)
    checked: int = Field(default=100, ge=4, le=100_000)
    acquisition: Literal["auto", "random"] = "auto"


class Mode(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"


class Envelope(Record):
    """Inside these limits the `auto` policy approves by itself."""

    max_steps: int = Field(default=3, ge=0)
    max_temperature: Quantity = Quantity(value=523.15, unit="K")
    max_vessel: Quantity = Quantity(value=5.0, unit="L")


class Review(Record):
    """Who must approve, and for how long an approval holds. `outside`: what `auto` does with work outside its envelope."""

    mode: Mode = Mode.AUTO
    approvals: int = Field(default=1, ge=1, le=5)
    expires_after: Quantity = Quantity(value=72.0, unit="hour")
    two_people_for: tuple[str, ...] = ("energetic", "oxygen-balance")
    envelope: Envelope = Envelope()
    outside: Literal["ask", "reject"] = "ask"


class CampaignSpec(Record):
    """A goal with a budget. Two files with the same content are the same revision, whatever their layout."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    title: str
    background: str = ""
    seed: int = Field(default=0, ge=0)
    objectives: tuple[Objective, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()
    no_hazard_alert: bool = True
    budget: Budget
    references: References = References()
    knowledge: Prior = Prior()
    space: DesignSpace = DesignSpace()
    search: Search = Search()
    making: Making = Making()
    review: Review = Review()
    lab: LabConfig = LabConfig()

    @model_validator(mode="after")
    def _possible(self) -> CampaignSpec:
        for what, names in (
            ("objective", [o.property for o in self.objectives]),
            ("constraint", [c.property for c in self.constraints]),
        ):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"'{twice[0]}' stands in more than one {what}; write it once")
        low = {c.property: c.bounds[0] for c in self.constraints}
        high = {c.property: c.bounds[1] for c in self.constraints}
        # A liquid melts below and flashes below its boiling point, so these demands exclude every molecule.
        for lower in ("melting_point", "flash_point"):
            floor, ceiling = low.get(lower), high.get("boiling_point")
            if floor is not None and ceiling is not None and floor >= ceiling:
                raise ValueError(
                    f"constraints contradict: {lower} >= {floor:g} K cannot hold with boiling_point <= {ceiling:g} K, "
                    f"because the {lower.replace('_', ' ')} lies below the boiling point"
                )
        return self

    @property
    def properties(self) -> tuple[str, ...]:
        """Every property that must be predicted: behind the objectives and in the constraints."""
        names = {n for o in self.objectives for n in o.needs} | {c.property for c in self.constraints}
        return tuple(sorted(names))

    @property
    def characterised(self) -> tuple[str, ...]:
        """What the lab is asked to measure; the melting point shows itself when a sample is not liquid."""
        return tuple(n for n in self.properties if n != "melting_point")


def _line_of(node: yaml.Node | None, path: tuple[Any, ...]) -> int:
    """The line (from 1) of the deepest key on `path` that the file has."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _key(path: tuple[Any, ...]) -> str:
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else (f".{part}" if words else str(part))
    return words or "the file"


def _read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CampaignError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"{path}: cannot be read: {error}") from None
    try:
        return yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CampaignError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise CampaignError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def read_campaign(path: Path, **overrides: Any) -> CampaignSpec:
    """Read and validate; `overrides` replace top-level keys. `lab` and `review` may name another YAML file.

    Raises CampaignError.
    """
    data, node = _read_yaml(path)
    if not isinstance(data, dict):
        raise CampaignError(f"{path}:1: expected a mapping with the keys {', '.join(CampaignSpec.model_fields)}")
    for key in ("lab", "review"):
        if isinstance(data.get(key), str):
            other = (path.parent / data[key]).resolve()
            data[key], other_node = _read_yaml(other)
            model: type[Record] = LabConfig if key == "lab" else Review
            try:
                model.model_validate(data[key])
            except ValidationError as error:
                raise CampaignError(_explain(other, other_node, error)) from None
    data.update({k: v for k, v in overrides.items() if v is not None})
    try:
        return CampaignSpec.model_validate(data)
    except ValidationError as error:
        raise CampaignError(_explain(path, node, error)) from None


def _explain(path: Path, node: yaml.Node | None, error: ValidationError) -> str:
    """The first error as one line: file, line, key, what is wrong, and what is allowed."""
    first = error.errors()[0]
    where = tuple(first["loc"])
    message = first["msg"].removeprefix("Value error, ").splitlines()[0]
    if first["type"] == "extra_forbidden":
        model: Any = CampaignSpec
        message = f"unknown key '{where[-1]}'"
        for part in where[:-1]:
            field = getattr(model, "model_fields", {}).get(part) if isinstance(part, str) else None
            model = getattr(field, "annotation", None) if field is not None else None
        known = getattr(model, "model_fields", None)
        if known:
            message += f"; known here: {', '.join(known)}"
    elif first["type"] not in ("value_error", "missing"):
        message += f" (got {first['input']!r})"
    more = error.error_count() - 1
    tail = f" (and {more} more)" if more else ""
    return f"{path}:{_line_of(node, where)}: {_key(where)}: {message}{tail}"
