"""The file of a design problem: from YAML to a Problem, or to one line that says which line and key to change."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

from pydantic import ValidationError

from agent.campaign import CampaignError
from agent.campaign_file import explain, read_yaml
from knowledge.records.properties import Property
from planners.design.evaluation.quantities import QUANTITIES
from planners.design.problem import Problem


def read_problem(path: Path, models: Path | None = None) -> Problem:
    """Read and validate. A property that Athanor does not know may be one of the user's own, with a model in the folder
    `models`, which says what it predicts.

    Raises CampaignError, one line that names the file, the line and the key.
    """
    data, node = read_yaml(path, "problem")
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "this is no design problem"
        raise CampaignError(f"{path}:1: {what}; expected the keys {', '.join(Problem.model_fields)}")
    if models is not None:
        _define(data, models)
    try:
        return Problem.model_validate(data)
    except ValidationError as error:
        raise CampaignError(explain(path, node, error, Problem)) from None
    except (ArithmeticError, TokenError, RecursionError):  # from pint's parser of units
        raise CampaignError(f"{path}: a unit in it cannot be read; write units like K, mPa*s or MPa**0.5") from None


def _define(data: dict[str, Any], models: Path) -> None:
    """Add to each entry about a property of the user's own what the stored model predicts. Raises CampaignError."""
    lists = [entries for key in ("goals", "requirements") if isinstance(entries := data.get(key), list)]
    for entry in (entry for entries in lists for entry in entries if isinstance(entry, dict)):
        name = entry.get("property")
        if isinstance(name, str) and name not in QUANTITIES and "defined" not in entry:
            found = _stored(name, models)
            if found is not None:
                entry["defined"] = found


def _stored(name: str, models: Path) -> Property | None:
    from knowledge.qspr.shelf import NoSuchModel, Shelf, Unreadable

    try:
        about = Shelf(models).about(name)
    except NoSuchModel:
        return None
    except Unreadable as error:
        raise CampaignError(str(error)) from None
    found = Property.model_validate(about["property"])
    return found if found.unit else found.model_copy(update={"unit": "dimensionless"})
