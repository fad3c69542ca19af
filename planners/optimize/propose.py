"""Which experiments of a space of conditions to do next: one pure function from what was measured to a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge.records.base import Record
from knowledge.records.space import Setting, Space
from knowledge.records.trial import Choice, Trial
from planners.optimize.choosing import worth as worths
from planners.optimize.choosing.batch import Picked, greedy, relevant, thompson
from planners.optimize.choosing.fronts import reference_point
from planners.optimize.choosing.goals import Aim, Costs, Limit, Preference, Rule
from planners.optimize.choosing.improvement import Goals, floor_of
from planners.optimize.choosing.normal import log_mean, log_within
from planners.optimize.choosing.results import Results, gather, keys
from planners.optimize.choosing.screening import Screen, moments
from planners.optimize.choosing.shortlist import finite, searched
from planners.optimize.choosing.worth import Worth
from planners.optimize.insight.feasibility import fit_feasibility
from planners.optimize.insight.reasons import explain_choices, split
from planners.optimize.process.contract import Array, Earlier, Posterior
from planners.optimize.process.families import Families
from planners.optimize.process.fit import fit
from planners.optimize.process.fitted import Fitted
from planners.optimize.space.encoding import Codes, Encoding
from planners.optimize.space.grid import Grid

SHORT = 256
"""Settings that are looked at together, after all were looked at one by one."""
SCORED_WHOLE = 20_000
"""Settings that are scored by the whole models; of larger spaces, a part of the models' members sees all of them."""
ROUGH_ENTRIES = 128
"""Covariances of one setting (members times tried settings) in that case, at least one member's."""
MOST_SCORED = 5_000_000
"""Settings that are looked at one by one; larger spaces are searched."""
MOST_AIMS = 4
_SPREAD = 8  # settings for each place of a start's batch, where some are worth more than others
_WORTH_REPEATING = 0.15  # a measurement's error, as a share of the results' spread


class Proposal(Record):
    """`choices` in the order of choice; `models`: the state of each outcome's model by outcome name, from which
    `process.fit.restore` makes it again; `words`: what was done and why, and why there are fewer than asked for.
    """

    choices: tuple[Choice, ...]
    models: dict[str, dict[str, Any]] = {}
    words: str


def propose(
    space: Space,
    trials: Sequence[Trial],
    *,
    pending: Sequence[Setting] = (),
    aims: Sequence[Aim],
    limits: Sequence[Limit] = (),
    batch: int,
    seed: int,
    earlier: Mapping[str, Sequence[Earlier]] | Sequence[Earlier] = (),
    rule: Rule = "auto",
    costs: Costs | None = None,
    preferences: Sequence[Preference] = (),
    models: Mapping[str, Posterior] | None = None,
) -> Proposal:
    """At most `batch` settings of `space` for the next experiments, all different, none tried or pending.

    One aim: noisy expected improvement; several: noisy hypervolume improvement above the aims' `worst` (or a point
    that the results suggest); both under a joint posterior in which pending settings and earlier places of the batch
    count as done with an unknown outcome. `limits` count by their probability, and so does the chance that the
    chemistry gives anything, learned from trials that `failed`. With `costs` it is the improvement per cost. Before an
    aim has two different results the settings are spread over the space.

    `earlier`: other campaigns' results, by outcome (a plain sequence: of the first aim). `models` by outcome are used
    as they are; what is not among them is fitted. Only when nothing else is left, and the results scatter, are tried
    settings proposed again.

    The order of `trials` and `pending` does not matter; the same arguments give the same proposal. Raises BadTrials,
    EmptySpace (rules that leave no setting), BadSetting, and ValueError for no aim, an outcome with two aims or a
    negative batch.
    """
    aims, limits = tuple(aims), tuple(limits)
    _check(aims, batch)
    worths.check(space, preferences, costs)
    encoding = Encoding(space)
    grid = Grid(encoding)
    outcomes = list(dict.fromkeys([*(a.outcome for a in aims), *(limit.outcome for limit in limits)]))
    results = gather(grid, space, trials, pending, outcomes)
    given = dict(models or {})
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(3 + len(outcomes))]
    feasibility = fit_feasibility(encoding, results.tried, results.failed, seeds[1])
    worth = Worth(encoding, feasibility, tuple(preferences), costs)
    start = None if all(a.outcome in given for a in aims) else _too_early(results, trials, aims)
    if rule == "random" or start is not None:
        return _spread(grid, results, batch, seeds, worth, start)
    silent = [limit for limit in limits if limit.outcome not in {*results.outcomes, *given}]
    limits = tuple(limit for limit in limits if limit not in silent)
    wanted = [name for name in outcomes if name in given or name in results.outcomes]
    past = earlier if isinstance(earlier, Mapping) else {aims[0].outcome: earlier}
    fitted = {
        name: given[name] if name in given else _fit(encoding, results, name, past.get(name, ()), seeds[3 + i])
        for i, name in enumerate(wanted)
    }
    goals = Goals(fitted, aims, limits, _floors(results, aims, limits))
    job = _Job(space, grid, results, tuple(trials), goals, worth, batch, seeds)
    proposal = job.choose(
        "thompson" if rule == "thompson" or (rule == "auto" and len(aims) > MOST_AIMS) else "improvement"
    )
    notes = [f"the limit on {limit.outcome} is not counted, as nothing was measured of it" for limit in silent]
    return proposal.model_copy(update={"words": "; ".join([proposal.words, *notes])})


@dataclass(frozen=True)
class _Job:
    space: Space
    grid: Grid
    results: Results
    trials: tuple[Trial, ...]
    goals: Goals
    worth: Worth
    batch: int
    seeds: list[int]

    def choose(self, rule: str) -> Proposal:
        measured = self.results.tried_with([a.outcome for a in self.goals.aims])
        codes = self._short(measured)
        if len(codes) == 0:
            return self._again()
        if rule == "thompson":
            picked = thompson(self.goals, self.worth, codes, self.batch, self.seeds[2])
        else:
            known = np.concatenate([relevant(self.goals, measured), self.results.pending])
            picked = greedy(
                self.goals,
                self.worth,
                known,
                codes,
                self.batch,
                self.seeds[2],
                turn=len(self.results.tried) + len(self.results.pending),
            )
        return self._proposal(
            codes, picked, rule, f"{_by(rule, self.goals.aims)} over {_count(len(measured), 'setting')}"
        )

    def _short(self, measured: Codes) -> Codes:
        """What each family of models finds promising."""
        blocked = self.results.blocked()
        size = self.grid.size
        if size is not None and size <= SHORT + len(blocked):
            rows = np.concatenate(list(self.grid.chunks(SHORT)))
            return rows[[key not in blocked for key in keys(rows)]]
        families = self.goals.families()
        found = [self._promising(goals, measured, blocked, SHORT // len(families)) for goals in families]
        rows = np.concatenate(found)
        first: dict[bytes, int] = {}
        for i, key in enumerate(keys(rows)):
            first.setdefault(key, i)
        return rows[list(first.values())]

    def _promising(self, goals: Goals, measured: Codes, blocked: set[bytes], count: int) -> Codes:
        screen = Screen.over(goals, self.worth, measured)
        size = self.grid.size
        if size is None or size > MOST_SCORED:
            starts = relevant(goals, measured)
            return searched(self.grid, screen, blocked, starts[self.grid.allowed(starts)], count, self.seeds[0])
        rough = None
        if size > SCORED_WHOLE:
            members = max(1, ROUGH_ENTRIES // max(len(measured), 1))
            rough = Screen.over(goals.thinned(members), self.worth, measured)
        return finite(self.grid, screen, blocked, count, self.seeds[0], rough=rough)

    def _again(self) -> Proposal:
        """Nothing is left to try for the first time."""
        states = _states(self.goals.models)
        aim = self.goals.aims[0]
        measured = self.results.tried_with([aim.outcome])
        waiting = set(keys(self.results.pending))
        measured = measured[[key not in waiting for key in keys(measured)]]
        measured = measured[self.grid.allowed(measured)] if len(measured) else measured
        model = self.goals.models[aim.outcome]
        stds = self.results.outcomes[aim.outcome].stds
        error = float(np.sqrt(model.weights @ model.noise + (0.0 if stds is None else np.median(stds**2))))
        range_ = float(np.ptp(list(self.results.average(aim.outcome).values())))
        if len(measured) == 0 or error <= _WORTH_REPEATING * range_:
            return Proposal(choices=(), models=states, words="every setting of the space was tried or is under way")
        mean, std = moments(model, measured)
        rows = np.argsort(-(aim.sign * mean + std), kind="stable")[: self.batch]
        picked = Picked(tuple(rows.tolist()), (None,) * len(rows))
        why = (
            f"every setting of the space was tried; the most promising of them again, because a measurement of "
            f"{aim.outcome} errs by {error:.2g} {aim.unit}"
        )
        return self._proposal(measured, picked, "improvement", why)

    def _proposal(self, codes: Codes, picked: Picked, rule: str, why: str) -> Proposal:
        chosen = codes[list(picked.rows)]
        goals = self.goals
        units = {limit.outcome: limit.unit for limit in goals.limits} | {a.outcome: a.unit for a in goals.aims}
        tried = self.results.tried_with([a.outcome for a in goals.aims])
        choices = explain_choices(
            self.grid.encoding,
            chosen,
            goals.models,
            units,
            split(goals.models, chosen, tried, goals.aims, goals.limits, goals.floors),
            self.trials,
            leading=goals.aims[0].outcome,
            feasibility=self._chance(chosen),
            acquisitions=picked.acquisitions,
            rules=[rule] * len(chosen),
        )
        few = "" if len(choices) == self.batch else f"; {len(choices)} of {self.batch}, as no more are left"
        return Proposal(choices=choices, models=_states(goals.models), words=why + few)

    def _chance(self, codes: Codes) -> Array:
        """(n,): that the chemistry gives something and all limits are kept."""
        log = np.log(np.maximum(self.worth.feasibility.probability(codes), 1e-12))
        for limit in self.goals.limits:
            model = self.goals.models[limit.outcome]
            means, variances = model.marginal(codes)
            std = np.sqrt(np.maximum(variances, np.finfo(float).tiny))
            log = log + log_mean(log_within(means, std, limit.minimum, limit.maximum), model.weights)
        return np.asarray(np.clip(np.exp(log), 0.0, 1.0))


def _check(aims: Sequence[Aim], batch: int) -> None:
    if not aims:
        raise ValueError("there is no aim to choose by")
    for name, count in Counter(a.outcome for a in aims).items():
        if count > 1:
            raise ValueError(f"there are {count} aims for '{name}'")
    if batch < 0:
        raise ValueError(f"a batch has at least 0 settings, not {batch}")


def _too_early(results: Results, trials: Sequence[Trial], aims: Sequence[Aim]) -> str | None:
    """Why no model can be asked yet, or None."""
    if not trials:
        return "nothing was tried yet"
    for aim in aims:
        if aim.outcome not in results.outcomes:
            others = sorted({name for t in trials for name in t.values})
            return f"{aim.outcome} was never measured" + (f" (only {', '.join(others)})" if others else "")
    values = {a.outcome: results.outcomes[a.outcome].values for a in aims}
    if all(np.ptp(each) == 0.0 for each in values.values()):
        if all(len(each) == 1 for each in values.values()):
            return "there is only one result"
        return "all results are equal"
    return None


def _spread(grid: Grid, results: Results, batch: int, seeds: Sequence[int], worth: Worth, why: str | None) -> Proposal:
    """Without a model: at the start (`why`) spread over the space, and more where it is worth more; otherwise at
    random.
    """
    blocked = results.blocked()
    even = why is None or worth.even
    drawn = grid.draw((1 if even else _SPREAD) * batch + len(blocked), seeds[0], spread=why is not None)
    drawn = drawn[[key not in blocked for key in keys(drawn)]]
    if not even and len(drawn):
        # A sample without replacement, with chances in proportion to the worth.
        chance = worth.log(drawn) + np.random.default_rng(seeds[2]).gumbel(size=len(drawn))
        drawn = drawn[np.argsort(-chance, kind="stable")]
    drawn = drawn[:batch]
    rule = "random" if why is None else "start"
    chances = np.clip(worth.feasibility.probability(drawn), 0.0, 1.0).tolist()
    choices = tuple(
        Choice(setting=setting, rule=rule, feasibility=chance)
        for setting, chance in zip(grid.encoding.decode(drawn), chances, strict=True)
    )
    how = "settings drawn at random" if why is None else f"settings spread over the space: {why}"
    few = "" if len(choices) == batch else f"; {len(choices)} of {batch}, as no more are left"
    return Proposal(choices=choices, words=how + few)


def _fit(encoding: Encoding, results: Results, name: str, earlier: Sequence[Earlier], seed: int) -> Fitted | Families:
    measured = results.outcomes[name]
    return fit(encoding, measured.codes, measured.values, stds=measured.stds, seed=seed, earlier=earlier)


def _floors(results: Results, aims: Sequence[Aim], limits: Sequence[Limit]) -> Array:
    """(m,): `worst` where it is given, else what the results suggest; of one aim at least the best result.

    A model that takes the best result for luck would look for better ones around it for long. On direct arylation (60
    starts, seeds 100 to 159) 94.8 % instead of 92.2 % were reached after 20 experiments, the median of experiments to
    99 % fell from 20 to 17.5, and on five other problems (10 starts each) none became worse, one with much noise
    better.
    """
    worst = [None if a.worst is None else a.sign * a.worst for a in aims]
    each = [results.average(a.outcome) if a.outcome in results.outcomes else {} for a in aims]
    both = [key for key in each[0] if all(key in other for other in each)]
    if both and len(aims) > 1:
        points = np.array([[a.sign * values[key] for a, values in zip(aims, each, strict=True)] for key in both])
        kept = np.ones(len(both), dtype=bool)
        for limit in limits:
            known = results.average(limit.outcome) if limit.outcome in results.outcomes else {}
            kept &= np.array([key not in known or limit.holds(known[key]) for key in both])
        learned = reference_point(points[kept] if kept.any() else points, worst)
    else:
        lowest = [min((a.sign * v for v in values.values()), default=0.0) for a, values in zip(aims, each, strict=True)]
        learned = np.array([low if w is None else w for low, w in zip(lowest, worst, strict=True)])
        if both and len(aims) == 1:
            learned = np.maximum(learned, _best(results, aims[0], limits))
    return np.array([floor_of(a, limits, floor) for a, floor in zip(aims, learned.tolist(), strict=True)])


def _best(results: Results, aim: Aim, limits: Sequence[Limit]) -> float:
    """The best utility that was measured and keeps the limits; -inf where measurements are known to err much."""
    values = results.average(aim.outcome)
    stds = results.outcomes[aim.outcome].stds
    if stds is not None and float(np.median(stds)) > _WORTH_REPEATING * float(np.ptp(list(values.values()))):
        return -np.inf
    for limit in limits:
        known = results.average(limit.outcome) if limit.outcome in results.outcomes else {}
        values = {key: value for key, value in values.items() if key not in known or limit.holds(known[key])}
    return max((aim.sign * value for value in values.values()), default=-np.inf)


def _states(models: Mapping[str, Posterior]) -> dict[str, dict[str, Any]]:
    return {name: model.state() for name, model in models.items() if isinstance(model, Fitted | Families)}


def _by(rule: str, aims: Sequence[Aim]) -> str:
    if rule == "thompson":
        return "by draws of the models (Thompson sampling)"
    names = " and ".join(a.outcome for a in aims)
    return f"by expected {'improvement' if len(aims) == 1 else 'hypervolume improvement'} of {names}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
