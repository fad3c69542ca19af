from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from knowledge.records.space import Category, Number, Option, Space
from planners.optimize.insight.stopping import plausible_improvement, stagnant, within_budget, within_regret
from planners.optimize.process.fit import fit
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.grid import Grid
from tests.optimize.vessels import ENCODING, GRID, conversion, everything, trials

TABLE = Path(__file__).parents[3] / "shared" / "data" / "olympus" / "buchwald_a_data.csv"  # beside the project


def tried(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    known = trials(n, seed)
    return ENCODING.encode([t.setting for t in known]), np.array([t.values["conversion"] for t in known])


def test_the_bound_covers_what_is_really_left_and_shrinks() -> None:
    truth = max(conversion(s) for s in ENCODING.decode(everything()))
    bounds = []
    for n in (12, 40):
        codes, values = tried(n, 5)
        model = fit(ENCODING, codes, values, seed=0)
        bound, best = plausible_improvement(model, GRID, codes, maximise=True, probability=0.95, seed=0)
        assert best + bound > truth - 1.0
        again = plausible_improvement(model, GRID, codes, maximise=True, probability=0.95, seed=0)
        assert again == (bound, best)
        half, _ = plausible_improvement(model, GRID, codes, maximise=True, probability=0.5, seed=0)
        assert half <= bound
        cut, _ = plausible_improvement(model, GRID, codes, maximise=True, probability=0.95, seed=0, bound=best + 1.5)
        assert cut <= bound
        bounds.append(bound)
    assert bounds[1] < bounds[0]


def test_it_stops_when_nothing_is_left_and_not_before() -> None:
    codes = everything()
    values = np.array([conversion(s) for s in ENCODING.decode(codes)])
    best = int(np.argmax(values))
    rows = np.unique([best, *np.random.default_rng(0).choice(len(codes), 90, replace=False).tolist()])
    model = fit(ENCODING, codes[rows], values[rows], seed=0, cheap=True)
    asked = {"maximise": True, "threshold": 4.0, "unit": "percent", "seed": 0, "bound": 100.0}
    done = within_regret(model, GRID, codes[rows], **asked)  # type: ignore[arg-type]
    assert done.stop
    assert done.numbers["improvement"] <= 4.0
    assert "95% probability" in done.words
    strict = within_regret(model, GRID, codes[rows], **{**asked, "threshold": 0.0})  # type: ignore[arg-type]
    assert not strict.stop
    unbound = within_regret(model, GRID, codes[rows], **{**asked, "bound": None})  # type: ignore[arg-type]
    assert not unbound.stop
    # Minimised, the same model has other places to look at.
    down = within_regret(model, GRID, codes[rows], **{**asked, "maximise": False, "bound": 0.0})  # type: ignore[arg-type]
    assert down.numbers["best"] == pytest.approx(values[rows].min(), abs=1.0)
    few = within_regret(model, GRID, codes[rows][:9], **asked)  # type: ignore[arg-type]
    assert not few.stop
    assert "9 settings" in few.words


def test_no_progress_beyond_noise_is_stagnation() -> None:
    rising = [10.0, 40.0, 41.0, 41.5, 41.5]
    assert stagnant(rising, maximise=True, noise=1.0, batches=3, unit="percent").stop
    assert not stagnant(rising, maximise=True, noise=0.2, batches=3, unit="percent").stop
    assert not stagnant(rising, maximise=True, noise=1.0, batches=4, unit="percent").stop
    assert not stagnant(rising, maximise=True, noise=9.0, batches=5, unit="percent").stop
    assert not stagnant([5.0, 3.0, 1.0], maximise=False, noise=0.1, batches=2, unit="g").stop


def test_the_budget_ends_before_what_does_not_fit() -> None:
    assert within_budget(50.0, 50.0, 1.0).stop
    assert within_budget(46.0, 50.0, 5.0).stop
    assert not within_budget(45.0, 50.0, 5.0).stop


def test_a_space_too_large_to_list_is_searched() -> None:
    space = Space(
        parameters=(
            Number(name="temperature", unit="degC", low=20.0, high=120.0),
            Number(name="time", unit="hour", low=1.0, high=24.0),
        )
    )
    encoding = Encoding(space)
    grid = Grid(encoding)
    codes = grid.draw(25, 0)
    values = 100.0 - 80.0 * ((codes - 0.6) ** 2).sum(axis=1)
    model = fit(encoding, codes, values, seed=0, cheap=True)
    bound, best = plausible_improvement(model, grid, codes, maximise=True, probability=0.9, seed=0)
    assert best + bound == pytest.approx(100.0, abs=3.0)


@pytest.mark.skipif(not TABLE.exists(), reason="needs the Olympus tables, which the project does not carry")
@pytest.mark.parametrize("seed", [100, 101])
def test_measured_yields_are_not_given_up_early(seed: int) -> None:
    with TABLE.open() as file:
        rows = [r for r in csv.reader(file) if r]
    names = ("halide", "additive", "base", "ligand")
    options = [tuple(Option(name=v, smiles=v) for v in dict.fromkeys(r[j] for r in rows)) for j in range(4)]
    space = Space(parameters=tuple(Category(name=n, options=o) for n, o in zip(names, options, strict=True)))
    encoding = Encoding(space)
    codes = encoding.encode([dict(zip(names, r, strict=False)) for r in rows])
    values = np.array([float(r[4]) for r in rows])
    some = np.random.default_rng(seed).choice(len(rows), 20, replace=False)
    model = fit(encoding, codes[some], values[some], seed=seed)
    left = values.max() - values[some].max()
    bound, _ = plausible_improvement(model, Grid(encoding), codes[some], maximise=True, probability=0.95, seed=seed)
    assert bound > left > 1.0
