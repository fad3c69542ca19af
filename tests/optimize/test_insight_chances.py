"""How the chance of a synthesis weighs in the choice of a batch of molecules."""

from __future__ import annotations

import pytest

from planners.optimize.batch import select
from planners.optimize.surrogates import fit_surrogates
from tests.optimize.conftest import CONSTRAINTS, OBJECTIVES, World


def test_what_can_hardly_be_made_gives_way(world: World) -> None:
    surrogates = fit_surrogates(world.facts_with(world.pool[:6]), seed=0)
    pool, seen = world.pool[6:30], [world.observe(s) for s in world.pool[:6]]

    def choose(chances: dict[str, float] | None) -> list[tuple[str, float, float | None]]:
        found = select(
            surrogates, pool, observed=seen, pending=[], objectives=OBJECTIVES, constraints=CONSTRAINTS, q=2, seed=0,
            chances=chances,
        )  # fmt: skip
        return [(s.smiles, s.feasibility, s.acquisition) for s in found]

    free = choose(None)
    (first, possible, value), second = free
    assert choose(dict.fromkeys(pool, 1.0)) == free
    doubtful = choose({first: 1e-9})
    assert doubtful[0][0] == second[0] or first not in [s for s, _, _ in doubtful]
    assert value is not None
    (same, lowered, less), *_ = choose(dict.fromkeys(pool, 0.5))
    assert same == first
    assert lowered == pytest.approx(0.5 * possible)
    assert less == pytest.approx(value - 0.693, abs=0.01)
