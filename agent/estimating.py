"""What a campaign would take on this machine: its space, seconds and memory, from a short calibration."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

from agent.campaign import CampaignSpec
from agent.conditions.spec import ConditionsSpec
from planners.optimize.estimate import Growth, Part, batches, matrices_mb, part

_FITTED = (120, 240)  # molecules in the two fits that are timed
_ASKED = 40  # molecules
_ROUTES = 4  # molecules that routes are sought for
_TRIALS = (12, 24)  # settings in the two proposals that are timed
_REMAINING = 1.5  # molecules that a route is sought for, per one that has one: as in the default campaign
_MATRICES = 12  # of training rows with themselves, while a model is fitted


def estimate(spec: CampaignSpec | ConditionsSpec) -> dict[str, Any]:
    """JSON-able: {"space", "batches", "seconds", "memory_mb", "parts", "words"}; takes some seconds."""
    return _of_conditions(spec) if isinstance(spec, ConditionsSpec) else _of_molecules(spec)


def _of_molecules(spec: CampaignSpec) -> dict[str, Any]:
    from agent.batch import SAMPLE
    from agent.breeding import ELITE
    from agent.prior import handbook, route_planner
    from knowledge.qspr.neighbours import ROWS
    from knowledge.qspr.training import MAX_ROWS
    from planners.optimize.surrogates import Surrogates, fit_surrogates

    book = handbook(spec.knowledge)
    facts = {name: book.facts(name) for name in spec.properties}
    richest = max(facts, key=lambda name: (len(facts[name]), name))
    known = sorted(facts[richest], key=lambda fact: fact.sha256)
    small, large = (min(n, len(known)) for n in _FITTED)
    few, many = [known[:n] for n in (small, large)]
    fit_surrogates({richest: many}, seed=spec.seed)  # features and libraries once; what is timed below is the fit
    timed: dict[str, Surrogates] = {}
    cold = _growth(
        (small, lambda: fit_surrogates({richest: few}, seed=spec.seed)),
        (large, lambda: timed.update(model=fit_surrogates({richest: many}, seed=spec.seed))),
    )
    model = timed["model"]
    warm_s = _seconds(lambda: fit_surrogates({richest: many}, seed=spec.seed, warm=model.state()))
    warm = Growth(warm_s / large**cold.exponent, cold.exponent)
    asked = [fact.smiles for fact in known[-_ASKED:]]
    per_molecule = _seconds(lambda: model[richest].predict(asked)) / len(asked)
    again = _seconds(lambda: model[richest].predict(asked)) / len(asked)  # features are known by now
    planner = route_planner(spec.making)
    planner.makeable(asked[0])
    # A candidate is not in stock, so a route to it must be sought.
    per_route = _seconds(lambda: [planner.makeable(s, make=True) for s in asked[1 : 1 + _ROUTES]]) / _ROUTES

    done = batches(spec.budget.experiments, spec.budget.batch)
    rows = {name: min(MAX_ROWS, len(found)) for name, found in facts.items()}
    near = {name: min(ROWS, len(found)) for name, found in facts.items()}
    fitted = [sum(map(cold, rows.values())), *(sum(map(warm, near.values())) for _ in done[1:])]
    breeding = sum(name != "library" for name in spec.search.generators)
    bred = spec.search.generations * spec.search.population * breeding
    library = len(known) if "library" in spec.search.generators else 0
    scored = bred + ELITE
    growing = again * sum(near.values()) / large  # a prediction compares with every training row
    described = max(per_molecule - again, 0.0)
    predicted = Growth(described + growing, 1.0)
    whole = {fact.smiles for found in facts.values() if len(found) <= MAX_ROWS for fact in found}
    fitted[0] += described * (len(whole) + sum(MAX_ROWS for found in facts.values() if len(found) > MAX_ROWS))
    sought = math.ceil(_REMAINING * (spec.search.checked + SAMPLE))
    parts = [
        _given("models", "training rows", sum(near.values()), fitted),
        part("predictions", "molecules", [scored] * len(done), predicted),
        part("route checks", "molecules", [sought] * len(done), Growth(per_route, 1.0)),
    ]
    memory = _peak_mb() + matrices_mb(max(rows.values()), _MATRICES)
    words = f"{bred:,} molecules bred and at most {library:,} from the handbook in each batch"
    return _told(spec, parts, {"size": bred + library, "finite": False, "words": words}, done, memory)


def _of_conditions(spec: ConditionsSpec) -> dict[str, Any]:
    import numpy as np

    from agent.conditions.choosing import aims, limits
    from knowledge.records.trial import Trial
    from planners.optimize.propose import propose
    from planners.optimize.space.encoding import Encoding
    from planners.optimize.space.grid import Grid

    encoding = Encoding(spec.searched)
    grid = Grid(encoding)
    counts = [min(n, grid.size - 1) if grid.size is not None else n for n in _TRIALS]
    done = batches(spec.budget.experiments, spec.budget.batch, spec.start)
    wanted, bounds = aims(spec), limits(spec)
    settings = encoding.decode(grid.draw(counts[-1], spec.seed))
    places = np.random.default_rng(spec.seed).uniform(size=(len(settings), 1 + len(bounds) + len(wanted)))
    names = list(dict.fromkeys([*(a.outcome for a in wanted), *(b.outcome for b in bounds)]))
    # What the outcomes are does not matter for the time; that they scatter does.
    trials = [
        Trial(setting=s, values={name: 100.0 * float(row[i]) for i, name in enumerate(names)})
        for s, row in zip(settings, places, strict=True)
    ]

    def run(n: int) -> Callable[[], object]:
        return lambda: propose(
            spec.searched, trials[:n], aims=wanted, limits=bounds, batch=spec.budget.batch, seed=spec.seed
        )

    run(min(4, counts[0]))()
    if counts[0] < counts[1]:
        growth = _growth((counts[0], run(counts[0])), (counts[1], run(counts[1])))
    else:
        growth = Growth(_seconds(run(counts[0])), 0.0)
    parts = [part("models, choice", "trials", done, growth)]
    words = "no end of settings: a number is continuous" if grid.size is None else f"{grid.size:,} settings"
    space = {"size": grid.size, "finite": grid.size is not None, "words": words}
    return _told(spec, parts, space, done, _peak_mb() + matrices_mb(spec.budget.experiments, _MATRICES))


def _told(
    spec: CampaignSpec | ConditionsSpec,
    parts: Sequence[Part],
    space: dict[str, Any],
    done: Sequence[int],
    memory: float,
) -> dict[str, Any]:
    seconds = {name: round(math.fsum(getattr(p, name) for p in parts), 1) for name in ("first", "last", "total")}
    return {
        "campaign": spec.name,
        "estimate": True,
        "kind": "conditions" if isinstance(spec, ConditionsSpec) else "molecules",
        "space": space,
        "experiments": spec.budget.experiments,
        "batches": len(done),
        "seconds": seconds,
        "memory_mb": round(memory),
        "parts": [
            {**p.model_dump(), **{k: round(getattr(p, k), 2) for k in ("first", "last", "total")}} for p in parts
        ],
        "words": "processor seconds of computing alone, from a short calibration on this machine; expect them within a "
        "factor of two, and the laboratory's time on top",
    }


def _given(name: str, unit: str, size: int, seconds: Sequence[float]) -> Part:
    return Part(name=name, unit=unit, size=size, first=seconds[0], last=seconds[-1], total=math.fsum(seconds))


def _growth(small: tuple[int, Callable[[], object]], large: tuple[int, Callable[[], object]]) -> Growth:
    if small[0] >= large[0]:
        return Growth(_seconds(large[1]) / large[0], 1.0)
    return Growth.between((small[0], _seconds(small[1])), (large[0], _seconds(large[1])))


def _seconds(work: Callable[[], object]) -> float:
    """Of all processors, as the machine may be busy with other things."""
    began = time.process_time()
    work()
    return max(time.process_time() - began, 1e-6)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
