from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.quantity import Quantity
from planners.optimize.goals import Observation, feasible, utilities, utility
from planners.optimize.hypervolume import hypervolume, pareto_front
from tests.optimize.conftest import CONSTRAINTS, OBJECTIVES

ETA = Objective(property="viscosity", direction=Direction.MINIMISE, unit="mPa*s", worst=10.0)
FLASH = Objective(property="flash_point", direction=Direction.MAXIMISE, unit="K", worst=300.0)
NAMES = ("viscosity", "flash_point")


def points(*rows: tuple[float, ...]) -> list[Observation]:
    return [Observation(smiles="C" * (i + 1), values=dict(zip(NAMES, row, strict=True))) for i, row in enumerate(rows)]


def test_utility_is_zero_at_worst_and_one_at_an_ideal_of_zero() -> None:
    assert utility(ETA, 10.0) == 0.0
    assert utility(ETA, 0.0) == 1.0
    assert utility(FLASH, 330.0) == pytest.approx(0.1)
    assert utility(Objective(property="viscosity", direction=Direction.MINIMISE, unit="Pa*s", worst=0.01), 5.0) == 0.5


def test_hansen_distance_comes_from_its_three_components() -> None:
    nmp = {"hansen_dispersion": 18.0, "hansen_polar": 12.3, "hansen_hydrogen": 7.2, "viscosity": 1.67}
    found = utilities(nmp, OBJECTIVES)
    assert found == pytest.approx((1.0, 1.0 - 1.67 / 5.0))
    assert utilities({"viscosity": 1.67}, OBJECTIVES) is None


def test_two_points_cover_the_union_of_their_rectangles() -> None:
    # Utilities (0.5, 0.2) and (0.2, 0.4): 0.5*0.2 + 0.2*(0.4-0.2).
    assert hypervolume(points((5.0, 360.0), (8.0, 420.0)), [ETA, FLASH]) == pytest.approx(0.14)


def test_points_beyond_worst_infeasible_or_unmeasured_do_not_count() -> None:
    limit = Constraint(property="flash_point", maximum=Quantity(value=400.0, unit="K"))
    assert hypervolume(points((11.0, 360.0)), [ETA, FLASH]) == 0.0
    assert hypervolume(points((5.0, 420.0)), [ETA, FLASH], [limit]) == 0.0
    assert hypervolume(points((5.0, 360.0)), [ETA, FLASH], CONSTRAINTS) == 0.0  # no boiling point
    assert hypervolume(points((5.0, 360.0)), [ETA, FLASH], CONSTRAINTS, assume_met={"boiling_point"}) > 0.0
    assert hypervolume([], [ETA]) == 0.0
    with pytest.raises(ValueError, match="no objective"):
        hypervolume([], [])


def test_a_value_counts_even_where_it_may_be_missing() -> None:
    limit = Constraint(property="melting_point", maximum=Quantity(value=298.15, unit="K"))
    assert feasible({}, [limit], {"melting_point"})
    assert not feasible({}, [limit])
    assert not feasible({"melting_point": 310.0}, [limit], {"melting_point"})


def test_pareto_front_keeps_equal_points_and_drops_dominated_ones() -> None:
    rows = points((5.0, 360.0), (8.0, 420.0), (8.0, 360.0), (5.0, 360.0))
    assert pareto_front(rows, [ETA, FLASH]) == [0, 1, 3]


VALUES = st.lists(st.tuples(st.floats(0.1, 12.0), st.floats(280.0, 600.0)), min_size=1, max_size=8)


@given(VALUES)
def test_hypervolume_grows_never_shrinks_and_needs_only_the_front(rows: list[tuple[float, float]]) -> None:
    everything = points(*rows)
    volume = hypervolume(everything, [ETA, FLASH])
    assert hypervolume(everything[:-1], [ETA, FLASH]) <= volume + 1e-12
    front = [everything[i] for i in pareto_front(everything, [ETA, FLASH])]
    assert hypervolume(front, [ETA, FLASH]) == pytest.approx(volume)


def test_three_objectives_agree_with_monte_carlo() -> None:
    heat = Objective(property="boiling_point", direction=Direction.MINIMISE, unit="K", worst=500.0)
    rng = np.random.default_rng(0)
    rows = rng.uniform([0.0, 300.0, 0.0], [10.0, 600.0, 500.0], size=(9, 3))
    seen = [
        Observation(smiles="C", values={"viscosity": a, "flash_point": b, "boiling_point": c})
        for a, b, c in rows.tolist()
    ]
    u = np.column_stack([1 - rows[:, 0] / 10, rows[:, 1] / 300 - 1, 1 - rows[:, 2] / 500])
    probe = rng.uniform(size=(200_000, 3))
    share = (probe[:, None, :] <= u[None, :, :]).all(axis=2).any(axis=1).mean()
    assert hypervolume(seen, [ETA, FLASH, heat]) == pytest.approx(share, abs=0.005)
