"""From trials to a batch: what is proposed, what never is, and what is said about input that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.objective import Direction
from knowledge.records.space import Forbidden, Linear, Where
from knowledge.records.trial import Trial
from planners.optimize.choosing.goals import Aim, CostTable, Limit, Preference
from planners.optimize.choosing.results import gather
from planners.optimize.process.fit import fit, restore
from planners.optimize.propose import Proposal, propose
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.grid import Grid
from tests.optimize.conditions import GRID, MIXED, drawn, settings, tried, yield_of

YIELD = Aim(outcome="yield", direction=Direction.MAXIMISE, unit="percent", best=100.0)
TURNOVER = Aim(outcome="turnover", direction=Direction.MAXIMISE, unit="dimensionless")


def identity(setting):
    return tuple(sorted((k, v if isinstance(v, str) else round(v, 9)) for k, v in setting.items()))


@pytest.fixture(scope="module")
def eight():
    return tried(drawn(GRID, 8))


@pytest.fixture(scope="module")
def known(eight):
    """Models of the eight trials, fitted once."""
    encoding = Encoding(GRID)
    results = gather(Grid(encoding), GRID, eight, (), ["yield", "turnover"])
    return {name: fit(encoding, measured.codes, measured.values, seed=1) for name, measured in results.outcomes.items()}


# What is proposed


def test_it_starts_spread_over_the_space():
    proposal = propose(GRID, [], aims=[YIELD], batch=5, seed=0)
    assert {c.rule for c in proposal.choices} == {"start"}
    assert len({c.setting["ligand"] for c in proposal.choices}) == 5
    assert "nothing was tried yet" in proposal.words


def test_a_start_after_failures_keeps_away_from_their_like():
    cold = [s for s in drawn(GRID, 135) if s["temperature"] == 60.0]
    trials = [Trial(setting=s, failed=True) for s in cold[:12]]
    trials += [Trial(setting=s) for s in drawn(GRID, 135, 1) if s["temperature"] > 60.0][:12]
    proposal = propose(GRID, trials, aims=[YIELD], batch=12, seed=0)
    assert {c.rule for c in proposal.choices} == {"start"}
    assert sum(s["temperature"] == 60.0 for s in settings(proposal)) <= 2  # 4 when spread evenly


def test_a_proposal_says_what_it_expects_and_why(eight):
    proposal = propose(GRID, eight, aims=[YIELD], batch=3, seed=0)
    assert len(proposal.choices) == 3
    for choice in proposal.choices:
        assert choice.rule == "improvement"
        assert choice.predicted["yield"].unit == "percent"
        assert choice.predicted["yield"].std > 0.0
        assert choice.acquisition is not None
        assert choice.feasibility == 1.0
        assert len(choice.nearest) == 3
    values = [c.acquisition for c in proposal.choices]
    assert values == sorted(values, reverse=True)
    assert "8 settings" in proposal.words
    assert Proposal.from_canonical(proposal.canonical()) == proposal


def test_the_model_can_be_made_again_from_its_state(eight):
    proposal = propose(GRID, eight, aims=[YIELD], batch=1, seed=0)
    encoding = Encoding(GRID)
    measured = gather(Grid(encoding), GRID, eight, (), ["yield"]).outcomes["yield"]
    model = restore(proposal.models["yield"], encoding, measured.codes, measured.values)
    mean, _ = model.marginal(encoding.encode(settings(proposal)))
    assert model.weights @ mean == pytest.approx([proposal.choices[0].predicted["yield"].mean])


def test_few_experiments_find_the_best_conditions():
    """135 settings; by chance 20 of them hold the best one once in seven campaigns."""
    trials = tried(drawn(GRID, 5, seed=3))
    while len(trials) < 20:
        trials += tried(settings(propose(GRID, trials, aims=[YIELD], batch=5, seed=len(trials))))
    everything = Encoding(GRID).decode(np.concatenate(list(Grid(Encoding(GRID)).chunks(1000))))
    assert max(t.values["yield"] for t in trials) == pytest.approx(max(map(yield_of, everything)))


def test_continuous_numbers_are_searched():
    trials = tried(drawn(MIXED, 6, seed=1))
    for _ in range(2):
        trials += tried(settings(propose(MIXED, trials, aims=[YIELD], batch=4, seed=len(trials))))
    best = max(trials, key=lambda t: t.values["yield"])
    assert best.values["yield"] > 65.0  # of 80
    assert best.setting["ligand"] == "XPhos"


def test_rules_hold_where_numbers_are_continuous():
    space = MIXED.with_rules(
        Linear(terms={"temperature": 1.0, "loading": 20.0}, maximum=100.0),
        Forbidden(where=(Where(parameter="ligand", options=("XPhos",)), Where(parameter="temperature", minimum=60.0))),
    )
    trials = tried(drawn(space, 6, seed=1))
    proposal = propose(space, trials, aims=[YIELD], batch=4, seed=0)
    assert len(proposal.choices) == 4
    codes = Encoding(space).encode(settings(proposal))
    assert Grid(Encoding(space)).allowed(codes).all()


def test_two_aims(eight, known):
    proposal = propose(GRID, eight, aims=[YIELD, TURNOVER], batch=4, seed=0, models=known)
    assert len({identity(s) for s in settings(proposal)}) == 4
    assert set(proposal.choices[0].predicted) == {"yield", "turnover"}
    assert "hypervolume improvement of yield and turnover" in proposal.words
    # A reference point far up leaves only what is at least that good.
    strict = [YIELD.model_copy(update={"worst": 60.0}), TURNOVER]
    best = propose(GRID, eight, aims=strict, batch=1, seed=0, models=known).choices[0]
    assert best.predicted["yield"].mean > proposal.choices[-1].predicted["yield"].mean


def test_draws_as_a_rule(eight, known):
    one = propose(GRID, eight, aims=[YIELD, TURNOVER], batch=4, seed=0, models=known, rule="thompson")
    assert {c.rule for c in one.choices} == {"thompson"}
    assert len({identity(s) for s in settings(one)}) == 4
    assert one.choices[0].acquisition is None


def test_random_choice_needs_no_results():
    proposal = propose(GRID, tried(drawn(GRID, 3)), aims=[YIELD], batch=4, seed=0, rule="random")
    assert {c.rule for c in proposal.choices} == {"random"}
    assert len(proposal.choices) == 4


# What is never proposed


def test_neither_tried_nor_pending_settings_are_proposed_again(eight, known):
    first = settings(propose(GRID, eight, aims=[YIELD], batch=3, seed=0, models=known))
    taken = {identity(s) for s in [*first, *(t.setting for t in eight)]}
    small = GRID.with_rules(Forbidden(where=(Where(parameter="solvent", options=("toluene", "BuCN")),)))
    left = sum(s["solvent"] == "DMAc" and identity(s) not in taken for s in drawn(GRID, 135))
    for rule in ("improvement", "thompson", "random"):
        everything = propose(small, eight, pending=first, aims=[YIELD], batch=200, seed=0, models=known, rule=rule)
        found = [identity(s) for s in settings(everything)]
        assert len(found) == len(set(found)) == left
        assert not taken & set(found)
        assert f"{left} of 200, as no more are left" in everything.words


def test_pending_experiments_change_the_choice(eight, known):
    """What is under way is not bought twice: a setting like a pending one is worth less."""
    free = propose(GRID, eight, aims=[YIELD], batch=2, seed=0, models=known)
    waiting = propose(GRID, eight, pending=settings(free)[:1], aims=[YIELD], batch=1, seed=0, models=known)
    assert settings(waiting) == settings(free)[1:]


def test_failed_settings_are_not_tried_again_and_their_like_avoided(eight):
    hot = [s for s in drawn(GRID, 135) if s["temperature"] == 100.0 and s["solvent"] == "toluene"][:8]
    failed = [Trial(setting=s, failed=True) for s in hot if identity(s) not in {identity(t.setting) for t in eight}]
    proposal = propose(GRID, [*eight, *failed], aims=[YIELD], batch=30, seed=0)
    assert not {identity(t.setting) for t in failed} & {identity(s) for s in settings(proposal)}
    assert min(c.feasibility for c in proposal.choices) < 0.9
    like = propose(GRID, eight, aims=[YIELD], batch=30, seed=0)
    there = [
        sum(s["temperature"] == 100.0 and s["solvent"] == "toluene" for s in settings(p)) for p in (proposal, like)
    ]
    assert there[0] <= there[1]


# Limits, costs, preferences


def test_a_limit_moves_the_choice(eight, known):
    limit = Limit(outcome="turnover", minimum=40.0)
    free = propose(GRID, eight, aims=[YIELD], batch=4, seed=0, models=known)
    bound = propose(GRID, eight, aims=[YIELD], limits=[limit], batch=4, seed=0, models=known)
    model = known["turnover"]
    expected = [model.weights @ model.marginal(Encoding(GRID).encode(settings(p)))[0] for p in (free, bound)]
    assert expected[1].min() > expected[0].min()
    for choice in bound.choices:
        mean, std = choice.predicted["turnover"].mean, choice.predicted["turnover"].std
        assert (choice.feasibility > 0.5) == (mean > 40.0) or abs(mean - 40.0) < std


def test_a_limit_on_what_was_never_measured_is_said_to_be_left_out(eight, known):
    models = {"yield": known["yield"]}
    limits = [Limit(outcome="purity", minimum=0.9)]
    proposal = propose(GRID, eight, aims=[YIELD], limits=limits, batch=1, seed=0, models=models)
    assert "limit on purity is not counted" in proposal.words


def test_costs_shift_the_choice(eight, known):
    free = propose(GRID, eight, aims=[YIELD], batch=5, seed=0, models=known)
    favourite = str(free.choices[0].setting["ligand"])
    table = {"ligand": {favourite: 1e4}}
    for costs in (table, CostTable(options=table), lambda s: 1e4 if s["ligand"] == favourite else 1.0):
        dear = propose(GRID, eight, aims=[YIELD], batch=5, seed=0, models=known, costs=costs)
        assert favourite not in {s["ligand"] for s in settings(dear)}
    hours = CostTable(factors={"temperature": 100.0})
    cool = propose(GRID, eight, aims=[YIELD], batch=5, seed=0, models=known, costs=hours)
    assert np.mean([s["temperature"] for s in settings(cool)]) <= np.mean([s["temperature"] for s in settings(free)])


def test_preferences_weigh(eight, known):
    dislike = Preference(where=(Where(parameter="solvent", options=("DMAc", "BuCN")),), weight=1e-6, reason="waste")
    proposal = propose(GRID, eight, aims=[YIELD], batch=5, seed=0, models=known, preferences=[dislike])
    assert {s["solvent"] for s in settings(proposal)} == {"toluene"}
    cold = Preference(where=(Where(parameter="temperature", maximum=80.0),), weight=1e6)
    proposal = propose(GRID, eight, aims=[YIELD], batch=5, seed=0, models=known, preferences=[cold])
    assert {s["temperature"] for s in settings(proposal)} <= {60.0, 80.0}


@pytest.mark.parametrize(
    "more, message",
    [
        ({"costs": {"ligand": {"SPhos": 2.0}}}, "no option 'SPhos'"),
        ({"costs": {"base": {"K3PO4": 2.0}}}, "no parameter 'base'"),
        ({"costs": {"temperature": {"80": 2.0}}}, "is a number"),
        ({"costs": lambda s: -1.0}, "more than 0"),
        ({"preferences": [Preference(where=(Where(parameter="ligand", minimum=1.0),), weight=2.0)]}, "does not fit"),
        ({"batch": -1}, "at least 0"),
        ({"aims": []}, "no aim"),
        ({"aims": [YIELD, YIELD]}, "2 aims for 'yield'"),
    ],
)
def test_what_cannot_be_is_refused(eight, known, more, message):
    with pytest.raises(ValueError, match=message):
        propose(GRID, eight, **{"aims": [YIELD], "batch": 1, "seed": 0, "models": known, **more})


# Determinism


def test_the_order_of_trials_does_not_matter(eight):
    first = propose(GRID, eight, pending=drawn(GRID, 3, 9), aims=[YIELD], batch=3, seed=5)
    again = propose(GRID, eight[::-1], pending=drawn(GRID, 3, 9)[::-1], aims=[YIELD], batch=3, seed=5)
    assert settings(first) == settings(again)
    assert first.choices[0].acquisition == pytest.approx(again.choices[0].acquisition)
    assert first == propose(GRID, eight, pending=drawn(GRID, 3, 9), aims=[YIELD], batch=3, seed=5)


def test_a_search_is_the_same_every_time():
    trials = tried(drawn(MIXED, 6))
    first = propose(MIXED, trials, aims=[YIELD], batch=3, seed=2)
    assert settings(first) == settings(propose(MIXED, trials[::-1], aims=[YIELD], batch=3, seed=2))
