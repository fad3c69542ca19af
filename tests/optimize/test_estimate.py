"""What a campaign will cost: growth through two timings, and totals that rise with the work."""

from __future__ import annotations

import pytest

from planners.optimize.estimate import Growth, batches, matrices_mb, part


def test_growth_goes_through_both_timings() -> None:
    growth = Growth.between((100, 0.5), (200, 2.0))
    assert growth.exponent == pytest.approx(2.0)
    assert growth(100) == pytest.approx(0.5)
    assert growth(400) == pytest.approx(8.0)
    assert growth(0) == 0.0


def test_growth_is_never_steeper_than_a_factorisation_and_never_falls() -> None:
    assert Growth.between((10, 0.001), (20, 1.0)).exponent == 3.0
    falling = Growth.between((10, 1.0), (20, 0.5))
    assert falling(1000) == pytest.approx(0.5)
    assert Growth.between((10, 0.0), (20, 1.0))(40) == pytest.approx(2.0)


@pytest.mark.parametrize("sizes", [(20, 10), (10, 10), (0, 10)])
def test_growth_needs_two_sizes(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="larger last"):
        Growth.between((sizes[0], 1.0), (sizes[1], 2.0))


@pytest.mark.parametrize(
    "experiments, batch, start, expected",
    [(24, 4, None, [0, 4, 8, 12, 16, 20]), (12, 5, 5, [0, 5, 10]), (7, 4, 2, [0, 2, 6]), (3, 5, 5, [0])],
)
def test_batches_know_what_came_before(experiments: int, batch: int, start: int | None, expected: list[int]) -> None:
    assert batches(experiments, batch, start) == expected


def test_batches_need_experiments() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        batches(0, 4)


def test_more_work_never_costs_less() -> None:
    growth = Growth.between((12, 0.3), (24, 0.9))
    totals = [part("models", "trials", batches(n, 5, 5), growth).total for n in (10, 20, 50, 200)]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    one = part("models", "trials", [5, 10], growth)
    assert (one.size, one.first, one.last) == (10, growth(5), growth(10))
    assert matrices_mb(2000, 2) == pytest.approx(61.04, abs=0.01)
