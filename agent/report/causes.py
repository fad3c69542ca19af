"""Why an experiment did not end as planned: the first cause, and what followed from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.report import words

# "purify: hardly any product was isolated": an operation or a property, and what happened to it.
_BLAMED = re.compile(r"([a-z][a-z0-9_]*): (.+)", re.DOTALL)
_NAMED = 2  # more subjects than this are counted


@dataclass(frozen=True)
class Causes:
    """`first` is a sentence without its full stop; `rest` the others, as many as there were different ones."""

    first: str
    rest: tuple[str, ...]


def causes_of(failure: str) -> Causes | None:
    """Read from an outcome such as "purify: no product; isolated_mass: operation failed"; None without a failure.

    What several operations or properties share is told once. Text of another form stands as it is.
    """
    blamed: dict[str, list[str]] = {}
    for part in failure.split("; "):
        match = _BLAMED.fullmatch(part)
        reason, subjects = (match[2], [words.title(match[1])]) if match else (part, [])
        blamed.setdefault(reason, []).extend(subjects)
    texts = [_told(reason, subjects) for reason, subjects in blamed.items() if reason]
    return Causes(texts[0], tuple(texts[1:])) if texts else None


def _told(reason: str, subjects: list[str]) -> str:
    if not subjects:
        return reason
    who = " and ".join(subjects) if len(subjects) <= _NAMED else f"{subjects[0]} and {len(subjects) - 1} more"
    return f"{who[:1].upper()}{who[1:]}: {reason}"
