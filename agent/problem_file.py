"""The file of a design problem: from YAML to a Problem, or to one line that says which line and key to change."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

from pydantic import ValidationError

from agent.campaign import CampaignError
from agent.campaign_file import explain, read_yaml
from planners.design.problem import Problem


def read_problem(path: Path) -> Problem:
    """Read and validate. Raises CampaignError, one line that names the file, the line and the key."""
    data, node = read_yaml(path, "problem")
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "this is no design problem"
        raise CampaignError(f"{path}:1: {what}; expected the keys {', '.join(Problem.model_fields)}")
    try:
        return Problem.model_validate(data)
    except ValidationError as error:
        raise CampaignError(explain(path, node, error, Problem)) from None
    except (ArithmeticError, TokenError, RecursionError):  # from pint's parser of units
        raise CampaignError(f"{path}: a unit in it cannot be read; write units like K, mPa*s or MPa**0.5") from None
