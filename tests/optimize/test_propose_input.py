"""What `propose` makes of input that cannot be, or that says next to nothing."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.objective import Direction
from knowledge.records.space import Category, Forbidden, Number, Option, Space, Where
from knowledge.records.trial import Trial
from planners.optimize.choosing.goals import Aim
from planners.optimize.choosing.results import BadTrials, gather, keys
from planners.optimize.propose import propose
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.feasibility import EmptySpace
from planners.optimize.space.grid import Grid
from tests.optimize.conditions import GRID, LIGANDS, TEMPERATURE_ONLY, drawn, options, settings, tried

YIELD = Aim(outcome="yield", direction=Direction.MAXIMISE, unit="percent", best=100.0)
TURNOVER = Aim(outcome="turnover", direction=Direction.MAXIMISE, unit="dimensionless")


@pytest.fixture(scope="module")
def eight():
    return tried(drawn(GRID, 8))


def broken(setting, **more):
    """A trial that was never checked."""
    return Trial.model_construct(**{"setting": setting, "values": {}, "stds": {}, "failed": False, "cost": 1.0, **more})


HERE = {"ligand": "XPhos", "solvent": "DMAc", "temperature": 80.0, "loading": 1.0}


@pytest.mark.parametrize(
    "trial, message",
    [
        (broken(HERE, values={"yield": float("nan")}), "trial 1: 'yield' is nan"),
        (broken(HERE, values={"yield": float("inf")}), "trial 1: 'yield' is inf"),
        (broken(HERE, values={"yield": 5.0}, stds={"yield": float("nan")}), "deviation of 'yield' is nan"),
        (broken(HERE, values={"yield": 5.0}, stds={"turnover": 1.0}), "'turnover' has a deviation and no value"),
        (broken(HERE | {"temperature": 140.0}), "trial 1: 'temperature' cannot be 140 degC; allowed: 60, 80, 100"),
        (broken(HERE | {"ligand": "SPhos"}), "trial 1: 'ligand' has no option 'SPhos'"),
        (broken(HERE | {"base": "KOAc"}), "trial 1: there is no parameter 'base'"),
        (broken({"ligand": "XPhos"}), "trial 1: 'solvent' is missing"),
    ],
)
def test_bad_trials_are_named_in_one_line(trial, message):
    with pytest.raises(BadTrials, match=message) as caught:
        propose(GRID, [trial], aims=[YIELD], batch=1, seed=0)
    assert "\n" not in str(caught.value)


def test_a_pending_setting_is_checked_too():
    with pytest.raises(BadTrials, match="pending setting 1: 'loading' cannot be 9"):
        propose(GRID, [], pending=[HERE | {"loading": 9.0}], aims=[YIELD], batch=1, seed=0)


@pytest.mark.parametrize(
    "values, words",
    [
        ([{}], "yield was never measured"),
        ([{"conversion": 5.0}, {"conversion": 7.0}], "yield was never measured (only conversion)"),
        ([{"yield": 5.0}], "only one result"),
        ([{"yield": 5.0}, {"yield": 5.0}], "all results are equal"),
    ],
)
def test_too_little_to_learn_from(values, words):
    trials = [Trial(setting=s, values=v) for s, v in zip(drawn(GRID, 2), values, strict=False)]
    proposal = propose(GRID, trials, aims=[YIELD], batch=3, seed=0)
    assert {c.rule for c in proposal.choices} == {"start"}
    assert len(proposal.choices) == 3
    assert words in proposal.words


def test_one_of_two_aims_without_any_spread_still_works(eight):
    trials = [t.model_copy(update={"values": {"yield": t.values["yield"], "turnover": 0.0}}) for t in eight]
    proposal = propose(GRID, trials, aims=[YIELD, TURNOVER], batch=2, seed=0)
    assert {c.rule for c in proposal.choices} == {"improvement"}


def test_repeated_measurements_count_by_their_precision():
    """One setting measured three times: its average is what counts, the precise value most."""
    once = drawn(TEMPERATURE_ONLY, 3)
    encoding = Encoding(TEMPERATURE_ONLY)
    trials = [Trial(setting=s, values={"yield": 10.0 * i}, stds={"yield": 1.0}) for i, s in enumerate(once)]
    trials += [Trial(setting=once[0], values={"yield": 90.0}, stds={"yield": 0.1})] * 2
    results = gather(Grid(encoding), TEMPERATURE_ONLY, trials, (), ["yield"])
    assert len(results.tried) == 3
    mean = results.average("yield")[keys(encoding.encode(once[:1]))[0]]
    assert mean == pytest.approx(90.0, abs=0.5)
    proposal = propose(TEMPERATURE_ONLY, trials, aims=[YIELD], batch=1, seed=0)
    assert len(proposal.choices) == 1


def test_a_space_of_one_setting():
    space = Space(parameters=(Category(name="ligand", options=options({"XPhos": LIGANDS["XPhos"]})),))
    assert settings(propose(space, [], aims=[YIELD], batch=3, seed=0)) == [{"ligand": "XPhos"}]
    done = propose(space, [Trial(setting={"ligand": "XPhos"}, values={"yield": 3.0})], aims=[YIELD], batch=3, seed=0)
    assert done.choices == ()
    assert "0 of 3, as no more are left" in done.words


def test_when_all_was_tried_only_noise_is_a_reason_to_repeat():
    space = Space(parameters=(Number(name="temperature", unit="degC", levels=tuple(range(30, 110, 10))),))
    exact = [
        Trial(setting={"temperature": float(t)}, values={"yield": t * (140.0 - t) / 49.0}) for t in range(30, 110, 10)
    ]
    assert (
        "every setting of the space was tried" in (done := propose(space, exact, aims=[YIELD], batch=2, seed=0)).words
    )
    assert done.choices == ()
    rng = np.random.default_rng(0)
    noisy = [
        Trial(
            setting=t.setting, values={"yield": float(t.values["yield"] + rng.normal(scale=30.0))}, stds={"yield": 30.0}
        )
        for t in exact
    ]
    again = propose(space, noisy, aims=[YIELD], batch=2, seed=0)
    assert len(again.choices) == 2
    assert "again, because a measurement of yield errs by" in again.words


def test_rules_that_leave_nothing():
    nowhere = GRID.with_rules(Forbidden(where=(Where(parameter="temperature", minimum=0.0),)))
    with pytest.raises(EmptySpace):
        propose(nowhere, [], aims=[YIELD], batch=1, seed=0)


def test_a_trial_that_a_later_rule_forbids_still_teaches(eight):
    banned = str(eight[0].setting["ligand"])
    space = GRID.with_rules(Forbidden(where=(Where(parameter="ligand", options=(banned,)),), reason="stock"))
    proposal = propose(space, eight, aims=[YIELD], batch=5, seed=0)
    assert banned not in {s["ligand"] for s in settings(proposal)}
    assert "8 settings" in proposal.words


def test_a_grid_with_options_of_no_structure():
    space = Space(
        parameters=(
            Category(name="catalyst", options=(Option(name="A"), Option(name="B"))),
            Number(name="temperature", unit="degC", low=30.0, high=110.0),
        )
    )
    trials = [
        Trial(setting={"catalyst": c, "temperature": t}, values={"yield": t if c == "A" else 0.5 * t})
        for c in "AB"
        for t in (40.0, 60.0, 80.0)
    ]
    proposal = propose(space, trials, aims=[YIELD], batch=1, seed=0)
    assert proposal.choices[0].setting["catalyst"] == "A"
    assert float(proposal.choices[0].setting["temperature"]) > 80.0
