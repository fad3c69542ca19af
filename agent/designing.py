"""Designing molecules for a problem: a generator asks, the judge tells, and the best are kept with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from agent.design_choice import Find, choose, looked_up
from knowledge.records.candidate import Candidate
from planners.design.families import FAMILIES
from planners.design.problem import Problem

if TYPE_CHECKING:
    from planners.design.evaluation.judge import Judge, Judged
    from planners.design.evaluation.models import PropertyModel
    from planners.design.filters.pipeline import FilterReport
    from planners.design.generator import Generator

PREFERRED = ("portfolio", "genetic")  # the first that there is answers where nobody chooses
KNOWN = 200  # known molecules judged first, so that a generator begins on judged ground
FOCUS = 300  # known molecules about which a model is fitted where more is known than it can hold
_BATCH = 100
_FEWEST_BATCHES = 8


@dataclass(frozen=True)
class Wish:
    """What is asked for. `generator` "": the preferred one. `calls`: molecules to be judged. `models`: the folder of
    trained property models. `clock`: seconds, by which several generators are given turns; None: without regard to what
    they cost, so that the same wish gives the same molecules.
    """

    problem: Problem
    generator: str = ""
    number: int = 10
    calls: int = 2000
    seed: int | None = None
    models: Path | None = None
    clock: Callable[[], float] | None = None


@dataclass(frozen=True)
class Step:
    """After a batch: molecules judged so far, how many of them feasible, and the best feasible score (None: none)."""

    calls: int
    feasible: int
    best: float | None


@dataclass(frozen=True)
class Share:
    """What one generator, perhaps of several in a portfolio, proposed."""

    generator: str
    judged: int
    feasible: int


@dataclass(frozen=True)
class Design:
    """What was found. `best`: feasible ones, the best first, no two much alike; where none is feasible, the nearest
    misses. `front`: the
    Pareto front of the feasible ones, the best first; empty with a single goal. `dropped`: molecules that the generator
    made and its filters refused, by "filter:rule"; `refused`: judged ones that break something, by rule (one molecule
    may break several). `origins`: what each value comes from. `ended`: why it stopped.
    `shares`: who proposed how many, most first; `left_out`: generators of a portfolio that cannot work on this problem,
    with their reasons.
    """

    problem: Problem
    generator: str
    seed: int
    calls: int
    feasible: int
    known: int
    best: tuple[Find, ...]
    front: tuple[Find, ...]
    front_size: int
    history: tuple[Step, ...]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    origins: Mapping[str, str]
    ended: str
    shares: tuple[Share, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Pooling(Protocol):
    """A generator made of others, some of which could not take part."""

    left_out: Mapping[str, str]


@runtime_checkable
class Timed(Protocol):
    """A generator that weighs what its turns bring against what they cost, if it has a clock."""

    clock: Callable[[], float] | None


@runtime_checkable
class Reporting(Protocol):
    """A generator that counts what its filters drop."""

    def filter_report(self) -> FilterReport: ...


@dataclass
class _Search:
    """What has been seen so far."""

    found: list[tuple[Candidate, Judged]] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    feasible: int = 0
    best: float | None = None

    def take(self, candidates: Sequence[Candidate], judged: Sequence[Judged]) -> Step:
        for candidate, one in zip(candidates, judged, strict=True):
            self.found.append((candidate, one))
            self.refused.update(violation.rule for violation in one.violations)
            if one.feasible:
                self.feasible += 1
                self.best = one.score if self.best is None else max(self.best, one.score)
        self.history.append(Step(len(self.found), self.feasible, self.best))
        return self.history[-1]


OnStage = Callable[[str], None]
OnStep = Callable[[Step], None]


def preferred() -> str:
    return next(name for name in PREFERRED if name in FAMILIES)


def design(wish: Wish, *, on_stage: OnStage | None = None, on_step: OnStep | None = None) -> Design:
    """Ctrl-C (KeyboardInterrupt) after the first batch ends the search and keeps what was found.

    Raises UnknownGenerator, CannotServe, CannotEvaluate, WeightsUnusable.
    """
    from planners.design.families import UnknownGenerator, open_generator
    from planners.design.genetic.start import known_members

    problem, name = wish.problem, wish.generator or preferred()
    if name not in FAMILIES:  # said before models are fitted, which takes a while
        raise UnknownGenerator(f"unknown generator '{name}'; known: {', '.join(sorted(FAMILIES))}")
    seed = problem.seed if wish.seed is None else wish.seed
    tell = on_stage or (lambda words: None)
    tell("looking for known molecules of this space")
    start = list(problem.start) or known_members(problem.space, seed=seed)
    tell("reading the generator")
    generator = open_generator(name, problem, start=start, seed=seed, exclude=problem.exclude)
    if isinstance(generator, Timed):
        generator.clock = wish.clock
    tell("fitting property models")
    judge, origins = _judge(problem, start, wish.models)
    tell("judging known molecules")
    known = judge.judge(start[:KNOWN])
    generator.tell([one.evaluated() for one in known])
    search = _Search()
    ended = _climb(generator, judge, search, wish.calls, on_step or (lambda step: None))
    best, front, size = choose(search.found, wish.number, several=len(problem.goals) > 1)
    return Design(
        problem=problem,
        generator=name,
        seed=seed,
        calls=len(search.found),
        feasible=search.feasible,
        known=len(known),
        best=tuple(looked_up(one) for one in best),
        front=front,
        front_size=size,
        history=tuple(search.history),
        dropped=_dropped(generator),
        refused=dict(search.refused.most_common()),
        origins=origins,
        ended=ended,
        shares=_shares(search.found),
        left_out=_left_out(generator),
    )


def _left_out(generator: Generator) -> dict[str, str]:
    if not isinstance(generator, Pooling):
        return {}
    return {name: why.removeprefix(f"{name}: ") for name, why in generator.left_out.items()}


def _shares(found: Sequence[tuple[Candidate, Judged]]) -> tuple[Share, ...]:
    judged = Counter(candidate.provenance.generator for candidate, _ in found)
    feasible = Counter(candidate.provenance.generator for candidate, one in found if one.feasible)
    return tuple(Share(name, count, feasible[name]) for name, count in judged.most_common())


def _judge(problem: Problem, focus: Sequence[str], folder: Path | None) -> tuple[Judge, dict[str, str]]:
    """The judge, and where each of its values comes from."""
    from planners.design.evaluation.judge import Judge
    from planners.design.evaluation.opening import models_for, needed_models, open_evaluator
    from planners.design.evaluation.quantities import Kind

    trained = _trained(needed_models(problem), folder)
    models = models_for(problem, given=trained, focus=focus[:FOCUS])
    origins = {name: model.origin for name, model in models.items()}
    for one in problem.entries:
        name = one.property
        match one.quantity.kind:
            case Kind.COMPUTED:
                origins[name] = "computed from the structure"
            case Kind.GROUPS:
                origins[name] = f"a sum over the groups of {one.quantity.source}"
            case Kind.ELECTRONIC:
                origins[name] = "a surrogate of GFN2-xTB"
            case Kind.DERIVED:
                origins[name] = "from the three predicted Hansen parameters"
    return Judge(problem, open_evaluator(problem, models)), dict(sorted(origins.items()))


def _trained(needed: Sequence[str], folder: Path | None) -> dict[str, PropertyModel]:
    """Models that `train` has put on the shelf; those of another version are passed over where the handbook can stand
    in. Raises CannotEvaluate.
    """
    from knowledge.qspr.shelf import Shelf, Unreadable
    from planners.design.evaluation.evaluator import CannotEvaluate
    from planners.design.evaluation.models import OfShelf
    from planners.design.evaluation.quantities import QUANTITIES

    found: dict[str, PropertyModel] = {}
    if folder is None:
        return found
    shelf = Shelf(folder)
    for name in set(needed) & set(shelf.names()):
        try:
            found[name] = OfShelf(shelf.get(name))
        except Unreadable as error:
            if name not in QUANTITIES:
                raise CannotEvaluate(str(error)) from None
    return found


def _climb(generator: Generator, judge: Judge, search: _Search, calls: int, on_step: OnStep) -> str:
    """Ask, judge, tell until `calls` molecules are judged. Why it ended."""
    size = max(1, min(_BATCH, calls // _FEWEST_BATCHES))
    try:
        while len(search.found) < calls:
            candidates = generator.ask(min(size, calls - len(search.found)))
            if not candidates:
                return "the generator finds no more molecules"
            judged = judge.judge([candidate.molecule.smiles for candidate in candidates])
            step = search.take(candidates, judged)
            generator.tell([one.evaluated() for one in judged])
            on_step(step)
    except KeyboardInterrupt:
        if not search.found:
            raise
        return "interrupted"
    return "all calls used"


def _dropped(generator: Generator) -> dict[str, int]:
    if not isinstance(generator, Reporting):
        return {}
    dropped = generator.filter_report().dropped
    return dict(sorted(dropped.items(), key=lambda item: (-item[1], item[0])))


def as_json(found: Design) -> dict[str, Any]:
    """One document; keys as in `Design`."""
    return {
        "problem": found.problem.name,
        "generator": found.generator,
        "seed": found.seed,
        "calls": found.calls,
        "feasible": found.feasible,
        "known": found.known,
        "ended": found.ended,
        "best": [_as_json(one) for one in found.best],
        "front": [_as_json(one) for one in found.front],
        "front_size": found.front_size,
        "shares": [{"generator": s.generator, "judged": s.judged, "feasible": s.feasible} for s in found.shares],
        "left_out": dict(found.left_out),
        "history": [{"calls": s.calls, "feasible": s.feasible, "best": s.best} for s in found.history],
        "dropped": dict(found.dropped),
        "refused": dict(found.refused),
        "origins": dict(found.origins),
    }


def _as_json(one: Find) -> dict[str, Any]:
    judged = one.judged
    return {
        "smiles": one.candidate.molecule.smiles,
        "inchikey": one.candidate.molecule.inchikey,
        "score": judged.score,
        "feasible": judged.feasible,
        "front": one.front,
        "alike": one.alike,
        "listed": one.listed,
        "measured": dict(one.measured),
        "values": {
            value.key: {
                "value": value.mean if value.known else None,
                "low": value.low if value.known else None,
                "high": value.high if value.known else None,
                "unit": value.unit,
                "in_domain": value.in_domain,
            }
            for value in judged.values
        },
        "worths": list(judged.worths),
        "chances": list(judged.chances),
        "violations": [violation.words for violation in judged.violations],
        "provenance": one.candidate.provenance.model_dump(mode="json"),
    }
