"""Routes: closed, balanced, forward-proved, never past what can be bought, the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.records.molecule import InvalidMolecule
from knowledge.records.route import Route
from planners.routes.balance import check_balance, sites
from planners.routes.search import RoutePlanner
from planners.routes.single_step.curated import forward_products, reactions
from planners.routes.structure import flat
from tests.routes.conftest import BULK, SmallStock
from tests.routes.targets import TARGETS, TWO_STEPS

PLANNER = RoutePlanner(SmallStock(BULK))


def _check(route: Route, stock: SmallStock, max_steps: int = 3) -> None:
    made = {step.product for step in route.steps}
    assert 1 <= len(route.steps) <= max_steps
    assert route.steps[-1].product == route.target
    for step in route.steps:
        check_balance(step)
        outcomes = forward_products(reactions()[step.template], step.reactants, sites(step))
        assert flat(step.product) in {flat(o) for o in outcomes}
        assert route.target not in step.reactants
    for leaf in route.leaves:
        assert leaf.smiles not in made
    for step in route.steps[:-1]:
        assert stock.lookup_smiles(step.product) is None, "an intermediate that can be bought is bought"


@pytest.mark.parametrize("name", TARGETS)
def test_the_expected_chemistry_is_among_the_routes(name: str, stock: SmallStock, planner: RoutePlanner) -> None:
    smiles, expected = TARGETS[name]
    wide = RoutePlanner(stock, routes=8, proposer=planner.proposer)
    routes = wide.plan(smiles, make=True)
    assert expected in {route.steps[-1].reaction_class for route in routes}
    for route in routes:
        _check(route, stock)


@pytest.mark.parametrize("name", TWO_STEPS)
def test_two_steps(name: str, stock: SmallStock, planner: RoutePlanner) -> None:
    routes = planner.plan(TWO_STEPS[name])
    assert routes
    assert len(routes[0].steps) == 2
    _check(routes[0], stock)
    assert RoutePlanner(stock, max_steps=1).plan(TWO_STEPS[name]) == []


ACIDS = ("CC(=O)O", "CCC(=O)O", "CCCC(=O)O", "CC(=O)CCC(=O)O", "O=C(O)CCC(=O)O", "CC(O)C(=O)O")
PIECES = ("C", "CC", "CCC", "CC(C)", "C1CCCCC1", "C1CCOC1C", "COCC", "CCOCC")
FRAMES = (
    "{0}OC(=O)CC", "{0}OC(=O){1}", "{0}OC(=O)O{1}", "{0}N1CCCC1=O", "{0}N(C)C(=O){1}", "{0}OCC(O)C", "{0}OCCC#N",
    "{0}NCCC(=O)OC",
    "CC1(C)OCC(CO{0})O1", "{0}OC(=O)CCC(=O)O{1}", "{0}S(=O){1}", "{0}C(=O)N1CCOCC1",
)  # fmt: skip


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(FRAMES), st.sampled_from(PIECES), st.sampled_from(PIECES))
def test_every_route_holds_whatever_the_target(frame: str, left: str, right: str) -> None:
    smiles = frame.format(left, right)
    stock = SmallStock(BULK)
    routes = PLANNER.plan(smiles, make=True)
    scores = [route.score for route in routes]
    assert scores == sorted(scores, reverse=True)
    assert len({route.steps[-1].reaction_smiles for route in routes}) == len(routes)
    for route in routes:
        _check(route, stock)
    assert routes or not PLANNER.makeable(smiles, make=True)


def test_what_can_be_bought_is_bought_unless_asked(planner: RoutePlanner) -> None:
    (bought,) = planner.plan("CCOC(C)=O")
    assert bought.purchased
    assert bought.leaves[0].smiles == "CCOC(C)=O"
    made = planner.plan("CCOC(C)=O", make=True)
    assert made
    assert all(route.steps and "CCOC(C)=O" not in {leaf.smiles for leaf in route.leaves} for route in made)
    assert "in stock" in planner.explain("CCOC(C)=O")


def test_no_route_says_what_is_missing(planner: RoutePlanner) -> None:
    assert planner.plan("CCOC(=O)C12CC(C1)C2") == []
    assert not planner.makeable("CCOC(=O)C12CC(C1)C2")
    text = planner.explain("CCOC(=O)C12CC(C1)C2")
    assert "fischer_esterification" in text
    assert "CCO (in stock)" in text
    assert "O=C(O)C12CC(C1)C2 (missing" in text
    assert "no template applies" in planner.explain("C12C3C4C1C5C2C3C45")


def test_the_same_inputs_give_the_same_routes(stock: SmallStock) -> None:
    smiles = [s for s, _ in TARGETS.values()][:8]
    one, two = RoutePlanner(stock), RoutePlanner(stock)
    forwards = [one.plan(s, make=True) for s in smiles]
    backwards = [two.plan(s, make=True) for s in reversed(smiles)]
    assert [[r.sha256 for r in routes] for routes in forwards] == [
        [r.sha256 for r in routes] for routes in reversed(backwards)
    ]


def test_a_smaller_budget_never_finds_more(stock: SmallStock, planner: RoutePlanner) -> None:
    tiny = RoutePlanner(stock, expansions=1, proposer=planner.proposer)
    for smiles, _ in TARGETS.values():
        assert planner.makeable(smiles, make=True) >= tiny.makeable(smiles, make=True)


def test_bad_input(planner: RoutePlanner, stock: SmallStock) -> None:
    with pytest.raises(InvalidMolecule, match="not-a-smiles"):
        planner.plan("not-a-smiles")
    with pytest.raises(ValueError, match="max_steps must be at least 1"):
        RoutePlanner(stock, max_steps=0)
    with pytest.raises(ValueError, match="least_score"):
        RoutePlanner(stock, least_score=2.0)
