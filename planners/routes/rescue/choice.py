"""Which setting a failed step is given next: a chemist's first thought, then what the attempts themselves say.

After one failure there is nothing to fit a model to, so a rule speaks: what `diagnosis` says went wrong decides in
which direction each parameter moves. Its numbers are judged by us; they say what is tried first, and nothing about how
often that helps. From the second failure on the optimiser chooses; the rule is then the mean of its model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from knowledge.records.base import Record
from knowledge.records.objective import Direction
from knowledge.records.space import Category, Forbidden, Setting, Space, Value
from knowledge.records.trial import Trial
from planners.routes.handbook import label
from planners.routes.rescue.diagnosis import Fault, Seen

KELVINS = 20.0  # one step of temperature
COST = 0.3  # of changing what the fault does not speak of: it stays unless something else needs it
LOW_BOILING = 390.0  # K; such a solvent is gone before the product is purified
DOUBT = 0.02  # a yield of nothing counts as this much, so that odds can be taken
MISSING_PURITY = 30.0  # in log odds, for each unit of mass fraction that is missing
BETTER = 2.0  # times the yield of the attempt before, or two failures to convert are enough
MOST_ASKED = 12  # settings of the model that turn out impossible, before the rule is asked instead


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
    """One synthesis: the setting of the step in question, what was seen of it, and what was wrong, if anything."""

    setting: Setting
    seen: Seen
    fault: Fault | None

    def score(self, minimum_purity: float) -> float:
        """Log odds of the pure yield, less what is missing in purity: what an attempt is judged by."""
        found = min(max(self.seen.pure_yield, DOUBT), 1.0 - DOUBT)
        missing = 0.0 if self.seen.purity is None else max(minimum_purity - self.seen.purity, 0.0)
        return math.log(found / (1.0 - found)) - MISSING_PURITY * missing


class Chosen(NamedTuple):
    """`by`: "rule" or "model"."""

    setting: Setting
    by: str


def next_setting(
    space: Space,
    attempts: Sequence[Attempt],
    *,
    minimum_purity: float,
    possible: Callable[[Setting], bool],
    seed: int,
) -> Chosen | None:
    """None when nothing is left that `possible` allows. The latest attempt, which failed, stands last."""
    latest = attempts[-1]
    assert latest.fault is not None
    if len(attempts) > 1:
        setting = _by_model(space, attempts, minimum_purity, possible, seed)
        if setting is not None:
            return Chosen(setting, "model")
    tried = [a.setting for a in attempts]
    fresh = [s for s in settings_of(space) if s not in tried]
    gains = [gain(space, latest.setting, s, latest.fault) for s in fresh]
    for i in sorted(range(len(fresh)), key=lambda i: (-gains[i], i)):
        if possible(fresh[i]):
            return Chosen(fresh[i], "rule")
    return None


def _by_model(
    space: Space, attempts: Sequence[Attempt], minimum_purity: float, possible: Callable[[Setting], bool], seed: int
) -> Setting | None:
    """Expected improvement under a process whose mean is the rule's, seen from the latest attempt."""
    from planners.optimize.choosing.goals import Aim
    from planners.optimize.propose import propose
    from planners.optimize.space.encoding import Encoding
    from planners.routes.rescue.guided import Guided

    latest = attempts[-1]
    fault, start = latest.fault, latest.score(minimum_purity)
    assert fault is not None
    encoding = Encoding(space)
    model = Guided(
        lambda settings: [start + gain(space, latest.setting, s, fault) for s in settings],
        encoding,
        encoding.encode([a.setting for a in attempts]),
        np.array([a.score(minimum_purity) for a in attempts]),
    )
    aim = Aim(outcome="score", direction=Direction.MAXIMISE, unit="dimensionless")
    refused: list[Setting] = []
    for _ in range(MOST_ASKED):
        trials = [Trial(setting=a.setting, values={"score": a.score(minimum_purity)}) for a in attempts]
        proposal = propose(space, trials, pending=refused, aims=[aim], batch=1, seed=seed, models={"score": model})
        if not proposal.choices:
            return None
        if possible(proposal.choices[0].setting):
            return proposal.choices[0].setting
        refused.append(proposal.choices[0].setting)
    return None


def gain(space: Space, own: Setting, setting: Setting, fault: Fault) -> float:
    """By how much, in log odds, the rule hopes that a setting is better than `own`, where that fault was seen."""
    pulls = _PULLS[fault]
    total = 0.0
    for name, value in setting.items():
        move = _move(name, own[name], value)
        if move == 0.0:
            continue
        pull = pulls.get(name, Pull(0.0, COST))
        total += pull.gain * move - pull.cost * move * move / 2.0
        if name == "solvent" and "dry" in pulls and _dries(space, str(own[name]), str(value)):
            total += pulls["dry"].gain - pulls["dry"].cost / 2.0
    return total


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
    before, after = (label(smiles[name] or name).boiling_point for name in (own, other))
    return before is not None and after is not None and before >= LOW_BOILING > after


def settings_of(space: Space) -> list[Setting]:
    """All allowed settings of a space without continuous numbers, in the order of its levels and options."""
    values: list[Sequence[Value]] = [
        [o.name for o in p.options] if isinstance(p, Category) else list(p.levels) for p in space.parameters
    ]
    rules = [rule for rule in space.rules if isinstance(rule, Forbidden)]
    every = (dict(zip(space.names, row, strict=True)) for row in product(*values))
    return [s for s in every if not any(all(w.holds(s) for w in rule.where) for rule in rules)]


def hopeless(attempts: Sequence[Attempt]) -> str:
    """Why no further attempt is worth it, "" when one may be: two gave hardly any product, the later no more."""
    if len(attempts) < 2 or attempts[-1].fault is not Fault.NO_CONVERSION:
        return ""
    *before, last = (a.seen.pure_yield for a in attempts)
    if last == 0.0 or last < BETTER * max(before):
        return "it did not convert under other conditions either"
    return ""
