"""How the experiments on one proposal are named: its own id, then -tryN after failed chemistry, -retryN after a failed
robot, -editN after a person's change."""

from __future__ import annotations

import re

_SUFFIXES = re.compile(r"(?:-(?:try|retry|edit)\d+)*$")
_ATTEMPT = re.compile(r"-try(\d+)")


def root_of(experiment_id: str) -> str:
    """The id under which the molecule was proposed."""
    return _SUFFIXES.sub("", experiment_id)


def attempt_of(experiment_id: str) -> int:
    """Which synthesis of the molecule it is, by conditions: 1 for the first; what a robot spoilt does not count."""
    found = _ATTEMPT.findall(experiment_id[len(root_of(experiment_id)) :])
    return int(found[-1]) if found else 1


def is_rescue(experiment_id: str) -> bool:
    """Whether it tries other conditions after a synthesis had failed."""
    return attempt_of(experiment_id) > 1


def is_edited(experiment_id: str) -> bool:
    """Whether a person changed what is done."""
    return "-edit" in experiment_id[len(root_of(experiment_id)) :]
