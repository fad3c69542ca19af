"""Which setting a failed step is given next: a chemist's first thought, then what the attempts themselves say.

After one failure there is nothing to fit a model to, so a rule speaks: what `diagnosis` says went wrong decides in which
direction each parameter moves. Its numbers are judged by us; they say what is tried first and nothing about how often
that helps. From the second failure on the optimiser chooses, and the rule is one more campaign to it, which may be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from knowledge.records.base import Record
from knowledge.records.space import Category, Forbidden, Setting, Space, Value
from planners.routes.handbook import label
from planners.routes.rescue.diagnosis import Fault, Seen

KELVINS = 20.0  # one step of temperature
COST = 0.3  # of changing what the fault does not speak of: it stays unless something else needs it
LOW_BOILING = 390.0  # K; such a solvent is gone before the product is purified
DOUBT = 0.02  # a yield of nothing counts as this much, so that odds can be taken
BETTER = 2.0  # times the yield of the attempt before, or two failures to convert are enough


class Pull(NamedTuple):
    """How the odds of a yield change by moving `m` steps: `gain * m - cost * m * m / 2`, in natural logarithms."""

    gain: float
    cost: float


# A step: 20 K; a factor 2 of time or excess; another purification; another solvent (`dry`: one that boils low instead).
_PULLS: dict[Fault, dict[str, Pull]] = {
    Fault.NO_CONVERSION: {
        "temperature": Pull(1.0, 0.7), "duration": Pull(1.0, 0.7), "excess": Pull(0.4, 0.2), "solvent": Pull(0.0, 0.2),
    },
    Fault.INCOMPLETE: {
        "temperature": Pull(0.3, 0.4), "duration": Pull(1.0, 0.7), "purification": Pull(1.5, 0.5),
    },
    Fault.OVERDONE: {
        "temperature": Pull(-0.8, 0.7), "duration": Pull(-0.4, 0.7), "purification": Pull(1.0, 0.5),
    },
    Fault.NOT_PARTED: {
        "duration": Pull(0.3, 0.4), "purification": Pull(1.5, 0.5), "dry": Pull(1.5, 0.5),
    },
}  # fmt: skip


class Attempt(Record):
    """One synthesis: the setting of the step in question, what was seen of that step, what was wrong with it."""

    setting: Setting
    seen: Seen
    fault: Fault


class Proposed(Record):
    """`by`: "rule" or "model". `expected`: the pure yield hoped for, 0 to 1; by the rule it is no more than a hope."""

    setting: Setting
    by: str
    expected: float


def first_thought(space: Space, own: Setting, setting: Setting, fault: Fault, start: float) -> float:
    """The pure yield (0 to 1) that the rule hopes for, seeing `start` at the setting `own`."""
    pulls = _PULLS[fault]
    start = min(max(start, DOUBT), 1.0 - DOUBT)
    logit = math.log(start / (1.0 - start))
    for name, value in setting.items():
        move = _move(name, own[name], value)
        if move == 0.0:
            continue
        pull = pulls.get(name, Pull(0.0, COST))
        logit += pull.gain * move - pull.cost * move * move / 2.0
        if name == "solvent" and "dry" in pulls and _dries(space, str(own[name]), str(value)):
            logit += pulls["dry"].gain - pulls["dry"].cost / 2.0
    return 1.0 / (1.0 + math.exp(-logit))


def _move(name: str, own: Value, value: Value) -> float:
    """In steps; 0 for no change."""
    if isinstance(own, str) or isinstance(value, str):
        return float(own != value)
    return (value - own) / KELVINS if name == "temperature" else math.log2(value / own)


def _dries(space: Space, own: str, other: str) -> bool:
    """Whether a solvent that boils low stands in place of one that does not."""
    solvents = space.parameter("solvent")
    assert isinstance(solvents, Category)
    smiles = {option.name: option.smiles for option in solvents.options}
    boiling = [label(smiles[name] or name).boiling_point for name in (own, other)]
    return all(b is not None for b in boiling) and boiling[0] >= LOW_BOILING > boiling[1]


def settings_of(space: Space) -> list[Setting]:
    """All allowed settings of a space without continuous numbers, in the order of its levels and options."""
    values: list[Sequence[Value]] = [
        [o.name for o in p.options] if isinstance(p, Category) else list(p.levels) for p in space.parameters
    ]
    rules = [rule for rule in space.rules if isinstance(rule, Forbidden)]
    every = (dict(zip(space.names, row, strict=True)) for row in product(*values))
    return [s for s in every if not any(all(w.holds(s) for w in rule.where) for rule in rules)]


def hopeless(attempts: Sequence[Attempt]) -> str:
    """Why no further attempt is worth it; "" when one may be. Two that did not convert, the later no better, are enough."""
    if len(attempts) < 2 or any(a.fault is not Fault.NO_CONVERSION for a in attempts[-2:]):
        return ""
    before, last = (a.seen.pure_yield for a in attempts[-2:])
    return "" if last > 0.0 and last >= BETTER * before else "it did not convert under other conditions either"
