"""Figures, Pareto front, diversity, published routes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from knowledge.records.molecule import Molecule
from knowledge.records.route import Leaf, Route, RouteFigures, RouteStep, StockItem
from planners.routes.search import Budget, RouteSearch
from planners.routes.search.diversity import distance, spread
from planners.routes.search.figures import default_yield, figures, no_hazard, pareto_front
from planners.routes.search.reference import BadReference, matches_reference, read_targets
from planners.routes.structure import canonical
from tests.routes.dictionary import Book, Shelf


def _leaf(smiles: str, price: float) -> Leaf:
    return Leaf(smiles=smiles, stock=StockItem(inchikey=smiles, source="t", tier=1, price_per_g=price))


def _step(product: str, *reactants: str, score: float = 0.5, kind: str = "") -> RouteStep:
    return RouteStep(product=product, reactants=reactants, reaction_class=kind, template="", score=score)


def test_price_follows_stoichiometry_and_yields() -> None:
    """Diethyl succinate from one acid and two ethanols at 50 %: counted by hand."""
    step = _step("CCOC(=O)CCC(=O)OCC", "O=C(O)CCC(=O)O", "CCO", "CCO", score=0.8)
    leaves = (_leaf("O=C(O)CCC(=O)O", 1.0), _leaf("CCO", 0.1))
    got = figures(step.product, (step,), leaves, lambda s: 0.3, lambda s: 0.5)
    assert got.price == pytest.approx((118.09 * 1.0 + 2 * 46.07 * 0.1) / 0.5 / 174.20, rel=1e-3)
    assert (got.steps, got.longest, got.probability, got.overall_yield, got.hazard) == (1, 1, 0.8, 0.5, 0.3)
    assert got.mass_intensity is None


def test_a_convergent_route_is_shorter_than_its_number_of_steps() -> None:
    left, right = _step("CCOCC", "CCO", "CCBr"), _step("CCNCC", "CCN", "CCBr")
    last = _step("CCN(CC)CCOCC", "CCOCC", "CCNCC")
    leaves = tuple(_leaf(s, 1.0) for s in ("CCO", "CCBr", "CCN"))
    got = figures(last.product, (left, right, last), leaves, no_hazard, default_yield)
    assert (got.steps, got.longest) == (3, 2)
    assert got.overall_yield == pytest.approx(0.7**2)
    assert got.probability == pytest.approx(0.5**3)


def _route(score: float, *steps: RouteStep, leaves: tuple[str, ...], marks: RouteFigures | None = None) -> Route:
    return Route(
        target=steps[-1].product, steps=steps, leaves=tuple(_leaf(s, 1.0) for s in leaves), score=score, figures=marks
    )


def _marks(probability: float, steps: int, price: float) -> RouteFigures:
    return RouteFigures(
        probability=probability, steps=steps, longest=steps, price=price, hazard=0.0, overall_yield=0.7**steps
    )


def test_pareto_front() -> None:
    step = _step("CCOC(C)=O", "CCO", "CC(=O)O")
    wanted = [_marks(0.9, 2, 5.0), _marks(0.5, 1, 9.0), _marks(0.4, 2, 6.0), _marks(0.4, 2, 1.0), _marks(0.9, 2, 5.0)]
    routes = [_route(0.5, step, leaves=("CCO", "CC(=O)O"), marks=m) for m in wanted]
    assert pareto_front(routes) == [True, True, False, True, True]
    with pytest.raises(ValueError, match="no figures"):
        pareto_front([_route(0.5, step, leaves=("CCO", "CC(=O)O"))])


def test_a_different_idea_is_worth_more_than_a_copy() -> None:
    acid = _route(0.50, _step("CCOC(C)=O", "CCO", "CC(=O)O", kind="fischer"), leaves=("CCO", "CC(=O)O"))
    salt = _route(0.49, _step("CCOC(C)=O", "CCO", "CC(=O)O", "O", kind="fischer"), leaves=("CCO", "CC(=O)O", "O"))
    halide = _route(0.30, _step("CCOC(C)=O", "CCBr", "CC(=O)[O-]", kind="alkylation"), leaves=("CCBr", "CC(=O)[O-]"))
    awful = _route(0.001, _step("CCOC(C)=O", "C=C", "CC(=O)OO", kind="strange"), leaves=("C=C", "CC(=O)OO"))
    assert distance(acid, acid) == 0.0
    assert distance(acid, halide) == 1.0
    assert distance(acid, salt) == distance(salt, acid) < 0.5
    assert spread([acid, salt, halide, awful], 2) == [acid, halide]
    assert spread([acid, salt, halide, awful], 4) == [acid, halide, salt, awful]
    assert spread([], 3) == []


def test_the_front_comes_first_and_a_hazard_counts() -> None:
    book = Book({"CCOC(C)=O": [("CCO.CC(=O)Cl", 0.9), ("CCO.CC(=O)O", 0.5)]})
    shelf = Shelf("CCO", "CC(=O)Cl", "CC(=O)O")

    def hazard(step: RouteStep) -> float:
        return 0.8 if "CC(=O)Cl" in step.reactants else 0.1

    result = RouteSearch(shelf, book, hazard=hazard, yields=lambda s: 0.9).search("CCOC(C)=O", Budget(expansions=5))
    assert [r.figures.hazard for r in result.routes if r.figures] == [0.8, 0.1], "both on the front, the likelier first"
    assert all(r.figures is not None and r.figures.overall_yield == pytest.approx(0.9) for r in result.routes)


# -- published routes -------------------------------------------------------------------------------------------------


def _molecule(smiles: str, *reactants: dict[str, object]) -> dict[str, object]:
    step = {"reactants": list(reactants)} if reactants else None
    return {"smiles": smiles, "inchikey": Molecule.from_smiles(smiles).inchikey, "synthesis_step": step}


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    tree = _molecule(
        "CCOC(=O)[C@H](C)NC(C)=O",
        _molecule("CCO"),
        _molecule("C[C@H](NC(C)=O)C(=O)O", _molecule("C[C@H](N)C(=O)O"), _molecule("CC(=O)OC(C)=O")),
    )
    body = {"a": {"smiles": tree["smiles"], "ground_truth": {"target": tree}}, "b": {"smiles": "CCO"}}
    path = tmp_path / "targets.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"stock_name": "x", "targets": body}).encode()))
    return path


def test_recovery_is_exact(targets: Path) -> None:
    with_route, without = read_targets(targets)
    assert (with_route.id, with_route.depth, len(with_route.reactions), len(with_route.leaves)) == ("a", 2, 2, 3)
    assert without.reactions == frozenset()

    def route(acid: str, start: str, target: str = "CCOC(=O)[C@H](C)NC(C)=O") -> Route:
        acid, start, target = map(canonical, (acid, start, target))
        return _route(
            0.5,
            _step(acid, "CC(=O)OC(C)=O", start),
            _step(target, acid, "CCO"),
            leaves=("CCO", "CC(=O)OC(C)=O", start),
        )

    assert matches_reference(route("C[C@H](NC(C)=O)C(=O)O", "C[C@H](N)C(=O)O"), with_route)
    assert not matches_reference(route("CC(NC(C)=O)C(=O)O", "CC(N)C(=O)O"), with_route), "stereo counts"
    assert not matches_reference(route("C[C@@H](NC(C)=O)C(=O)O", "C[C@@H](N)C(=O)O"), with_route)
    short = _route(
        0.5,
        _step("CCOC(=O)[C@H](C)NC(C)=O", "C[C@H](NC(C)=O)C(=O)O", "CCO"),
        leaves=("CCO", "C[C@H](NC(C)=O)C(=O)O"),
    )
    assert not matches_reference(short, with_route)
    bought = Route(target="CCO", steps=(), leaves=(_leaf("CCO", 1.0),), score=1.0)
    assert not matches_reference(bought, without)


def test_a_search_recovers_a_published_route(targets: Path) -> None:
    reference = read_targets(targets)[0]
    book = Book({
        "CCOC(=O)[C@H](C)NC(C)=O": [("CCO.C[C@H](NC(C)=O)C(=O)O", 0.6), ("CCOC(=O)[C@H](C)N.CC(=O)OC(C)=O", 0.7)],
        "C[C@H](NC(C)=O)C(=O)O": [("C[C@H](N)C(=O)O.CC(=O)OC(C)=O", 0.9)],
        "CCOC(=O)[C@H](C)N": [("CCO.C[C@H](N)C(=O)O", 0.9)],
    })  # fmt: skip
    result = RouteSearch(Shelf("CCO", "C[C@H](N)C(=O)O", "CC(=O)OC(C)=O"), book).search(reference.smiles)
    assert [matches_reference(route, reference) for route in result.routes] == [False, True]


@pytest.mark.parametrize("content", ["[1, 2", '{"nothing": 1}', '{"targets": {"a": {"ground_truth": {}}}}', "[]"])
def test_files_that_are_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "targets.json"
    path.write_text(content)
    with pytest.raises(BadReference):
        read_targets(path)
