"""How many molecules a training takes, and what is told of it."""

from __future__ import annotations

import numpy as np

from agent.training import CUBIC_ROWS, Data, Training, limited
from knowledge.qspr.contract import Samples
from knowledge.records.properties import get_property

MANY = CUBIC_ROWS + 1000


def data(n: int) -> Data:
    samples = Samples(tuple(f"molecule {i}" for i in range(n)), np.arange(float(n)), np.zeros(n))
    return Data(get_property("boiling_point"), "boiling_point", samples, n, "table own.csv")


def test_a_process_is_capped_and_it_is_said() -> None:
    for models in (("gp",), ("boosting", "gp+prior-feature"), ("stack",)):
        for rows in (None, MANY):
            few = limited(data(MANY), Training("boiling_point", rows=rows), models)
            assert len(few.samples) == CUBIC_ROWS
            assert f"{CUBIC_ROWS} of {MANY} molecules are used" in few.notes[-1]
            assert few.available == MANY


def test_trees_take_all_or_as_many_as_asked() -> None:
    whole = limited(data(MANY), Training("boiling_point"), ("boosting",))
    assert (len(whole.samples), whole.notes) == (MANY, ())
    few = limited(data(MANY), Training("boiling_point", rows=5500), ("boosting",))
    assert len(few.samples) == 5500
    assert few.notes == (f"5500 of {MANY} molecules are used, as asked",)


def test_the_draw_depends_on_the_seed_alone_and_keeps_the_order() -> None:
    first, again, other = (
        limited(data(200), Training("boiling_point", rows=50, seed=seed), ("gp",)).samples for seed in (1, 1, 2)
    )
    assert first.smiles == again.smiles != other.smiles
    assert (np.diff(first.values) > 0).all()
