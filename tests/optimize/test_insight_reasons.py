from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.objective import Direction
from planners.optimize.choosing.goals import Aim, Limit
from planners.optimize.insight.influence import influences
from planners.optimize.insight.reasons import (
    Split,
    explain_choices,
    incumbent,
    nearest,
    predicted,
    split,
    split_hypervolume,
    split_improvement,
)
from planners.optimize.insight.slices import surface
from planners.optimize.process.fit import fit
from planners.optimize.process.fitted import Fitted
from tests.optimize.vessels import BOILING, ENCODING, GRID, SPACE, conversion, everything, trials

KNOWN = trials(25, seed=3)
TRIED = ENCODING.encode([t.setting for t in KNOWN])
VALUES = np.array([t.values["conversion"] for t in KNOWN])
AIM = Aim(outcome="conversion", direction=Direction.MAXIMISE, unit="percent")


@pytest.fixture(scope="module")
def model() -> Fitted:
    return fit(ENCODING, TRIED, VALUES, seed=0)


def test_promise_and_uncertainty_add_up_to_the_expected_improvement(model: Fitted) -> None:
    codes = GRID.draw(40, 7)
    for maximise, sign in ((True, 1.0), (False, -1.0)):
        _, best = incumbent(model, TRIED, maximise=maximise)
        parts = split_improvement(model, codes, best, maximise=maximise)
        means, variances = model.marginal(codes)
        normal = np.random.default_rng(0).standard_normal((20_000, 1))
        drawn = [
            np.maximum(sign * (m + normal * np.sqrt(v) - best), 0.0).mean(axis=0)
            for m, v in zip(means, variances, strict=True)
        ]
        expected = model.weights @ np.array(drawn)
        assert parts.promise + parts.uncertainty == pytest.approx(expected, rel=0.05, abs=0.02)
        mean, _ = predicted(model, codes)
        assert parts.promise == pytest.approx(np.maximum(sign * (mean - best), 0.0), abs=1e-9)
        assert parts.uncertainty.min() >= 0.0


def test_the_best_tried_setting_is_judged_without_its_noise(model: Fitted) -> None:
    row, value = incumbent(model, TRIED, maximise=True)
    assert row == int(np.argmax(VALUES))
    assert value == pytest.approx(VALUES.max(), abs=3.0)


def test_a_limit_decides_what_there_is_to_improve_on(model: Fitted) -> None:
    """Where no tried setting keeps the limit, the whole outcome above its floor is still to be gained."""
    codes, floor = GRID.draw(10, 1), np.array([-5.0])
    free = split({"conversion": model}, codes, TRIED, [AIM], [], floor)
    _, best = incumbent(model, TRIED, maximise=True)
    assert free.promise == pytest.approx(split_improvement(model, codes, best, maximise=True).promise)
    limit = Limit(outcome="conversion", unit="percent", minimum=500.0)
    bound = split({"conversion": model}, codes, TRIED, [AIM], [limit], floor)
    assert bound.promise == pytest.approx(split_improvement(model, codes, -5.0, maximise=True).promise)


def staircase(points: list[tuple[float, float]]) -> float:
    """Area between the origin and points of two objectives."""
    area, top = 0.0, 0.0
    for x, y in sorted((p for p in points if min(p) > 0.0), reverse=True):
        area, top = area + x * max(y - top, 0.0), max(y, top)
    return area


def test_of_several_objectives_the_added_volume_is_split() -> None:
    known = np.array([[0.2, 0.8], [0.6, 0.5], [0.9, 0.1]])
    means, stds = np.array([[0.7, 0.7], [0.1, 0.1], [1.0, 0.3]]), np.full((3, 2), 0.15)
    found = split_hypervolume(means, stds, known, np.zeros(2))
    front = [(float(x), float(y)) for x, y in known]

    def added(point: np.ndarray) -> float:
        return staircase([*front, (float(point[0]), float(point[1]))]) - staircase(front)

    assert found.promise == pytest.approx([added(m) for m in means], abs=1e-6)
    normal = np.random.default_rng(0).standard_normal((4000, 2))
    for i in range(3):
        expected = np.mean([added(p) for p in means[i] + normal * stds[i]])
        assert found.promise[i] + found.uncertainty[i] == pytest.approx(expected, abs=0.004)
    assert found.promise[1] == 0.0
    assert found.uncertainty[1] < found.uncertainty[0]


def test_near_trials_come_the_most_alike_first(model: Fitted) -> None:
    (first, *_), *_ = nearest(model, TRIED[:5], TRIED, KNOWN)
    assert first.setting == KNOWN[0].setting
    assert first.likeness == pytest.approx(1.0, abs=1e-6)
    for row in nearest(model, GRID.draw(5, 2), TRIED, KNOWN):
        assert [n.likeness for n in row] == sorted((n.likeness for n in row), reverse=True)
        assert len(row) == 3
    assert nearest(model, TRIED[:2], TRIED[:0], []) == [(), ()]


def test_a_choice_carries_all_its_reasons(model: Fitted) -> None:
    codes = GRID.draw(2, 9)
    parts = Split(np.array([0.0, 2.0]), np.array([1.0, 0.5]))
    failed = KNOWN[0].model_copy(update={"values": {}, "failed": True})
    first, second = explain_choices(
        ENCODING, codes, {"conversion": model}, {"conversion": "percent"}, parts, [failed, *KNOWN[1:]],
        leading="conversion", feasibility=np.array([0.9, 0.4]), acquisitions=[0.1, None],
        rules=["improvement", "random"],
    )  # fmt: skip
    assert [first.setting, second.setting] == ENCODING.decode(codes)
    assert (second.promise, second.uncertainty, second.feasibility) == (2.0, 0.5, 0.4)
    assert (second.acquisition, second.rule) == (None, "random")
    mean, std = predicted(model, codes, measured=True)
    assert first.predicted["conversion"].mean == pytest.approx(mean[0])
    assert first.predicted["conversion"].std == pytest.approx(std[0])
    assert std[0] > predicted(model, codes)[1][0]
    assert all(n.setting != failed.setting for n in first.nearest)


def test_the_outcome_over_two_parameters_where_the_others_stand_or_at_their_best(model: Fitted) -> None:
    at = KNOWN[int(np.argmax(VALUES))].setting
    fixed = surface(model, GRID, "solvent", "temperature", outcome="conversion", trials=KNOWN, at=at)
    assert fixed.mean.shape == (len(fixed.up.values), len(BOILING))
    assert list(fixed.up.values) == sorted(fixed.up.values)  # type: ignore[type-var]
    i, j = 3, 6
    setting = {**at, "solvent": fixed.across.values[j], "temperature": fixed.up.values[i]}
    mean, std = predicted(model, ENCODING.encode([setting]))
    assert (fixed.mean[i, j], fixed.std[i, j]) == pytest.approx((mean[0], std[0]))
    free = surface(model, GRID, "solvent", "temperature", outcome="conversion", trials=KNOWN)
    assert np.all(free.mean >= fixed.mean - 1e-9)
    others = [{**setting, "concentration": c} for c in (0.05, 0.1, 0.2)]
    assert free.mean[i, j] == pytest.approx(predicted(model, ENCODING.encode(others))[0].max())
    low = surface(model, GRID, "solvent", "temperature", outcome="conversion", trials=KNOWN, maximise=False)
    assert np.all(low.mean <= free.mean)
    assert [p.value for p in free.points] == pytest.approx(VALUES.tolist())
    with pytest.raises(ValueError, match="twice"):
        surface(model, GRID, "solvent", "solvent", outcome="conversion", trials=KNOWN)


def test_what_the_rules_forbid_stays_white(model: Fitted) -> None:
    from knowledge.records.space import Forbidden, Where
    from planners.optimize.space.encoding import Encoding
    from planners.optimize.space.grid import Grid

    hot = Forbidden(where=(Where(parameter="solvent", options=("THF",)), Where(parameter="temperature", minimum=60.0)))
    grid = Grid(Encoding(SPACE.with_rules(hot)))
    found = surface(model, grid, "solvent", "temperature", outcome="conversion", trials=KNOWN)
    column = found.across.values.index("THF")
    above = np.array([float(t) >= 60.0 for t in found.up.values])
    assert np.all(np.isnan(found.mean[above, column]))
    assert not np.any(np.isnan(found.mean[~above]))
    assert np.isnan(found.mean).sum() == above.sum()


def test_influence_says_which_parameters_matter_and_which_way() -> None:
    known = trials(150, seed=1)
    values = np.array([t.values["conversion"] for t in known])
    informed = fit(ENCODING, ENCODING.encode([t.setting for t in known]), values, seed=0, cheap=True)
    found = {i.axis.parameter: i for i in influences(informed, GRID, known, seed=0)}
    codes = everything()
    truth = np.array([conversion(s) for s in ENCODING.decode(codes)])
    levels = [np.unique(codes[:, j]) for j in range(3)]
    means = [[truth[codes[:, j] == c].mean() for c in levels[j]] for j in range(3)]
    assert np.corrcoef(found["temperature"].effect, means[1])[0, 1] > 0.95
    shares = [float(np.var(m) / truth.var()) for m in means]
    assert [i.alone for i in found.values()] == pytest.approx(shares, abs=0.1)
    assert all(i.total >= i.alone for i in found.values())
