"""The search as users meet it: budgets, anytime, gates, checks, circles, reasons; both algorithms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from knowledge.records.molecule import InvalidMolecule
from knowledge.records.route import Route, RouteStep, StepCheck, Verdict
from knowledge.stock import Stock
from planners.routes.search import Budget, FlatMatches, Progress, RouteSearch, SearchResult
from planners.routes.search.strategy import Algorithm
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.proposal import Proposal
from tests.routes.conftest import SmallStock
from tests.routes.dictionary import Book, Shelf

BOTH: tuple[Algorithm, ...] = ("retro*", "mcts")

# Benzocaine-like esters: a short route through the acid and longer ones through the nitro compound.
TARGET = "CCOC(=O)c1ccc(N)cc1"
BOOK = {
    TARGET: [("CCO.Nc1ccc(C(=O)O)cc1", 0.8), ("CCOC(=O)c1ccc([N+](=O)[O-])cc1", 0.5), ("CCOC(=O)c1ccc(Br)cc1.N", 0.1)],
    "CCOC(=O)c1ccc([N+](=O)[O-])cc1": [
        ("CCO.O=C(O)c1ccc([N+](=O)[O-])cc1", 0.9),
        ("CCO.O=C(Cl)c1ccc([N+](=O)[O-])cc1", 0.8),
    ],
    "Nc1ccc(C(=O)O)cc1": [("O=C(O)c1ccc([N+](=O)[O-])cc1", 0.7), (f"{TARGET}.O", 0.4)],
    "O=C(O)c1ccc([N+](=O)[O-])cc1": [("Cc1ccc([N+](=O)[O-])cc1", 0.6)],
    "O=C(Cl)c1ccc([N+](=O)[O-])cc1": [("O=C(O)c1ccc([N+](=O)[O-])cc1.O=S(Cl)Cl", 0.9)],
    "CCOC(=O)c1ccc(Br)cc1": [("CCO.O=C(O)c1ccc(Br)cc1", 0.9)],
}  # fmt: skip
SHELF = Shelf("CCO", "Cc1ccc([N+](=O)[O-])cc1", "O=S(Cl)Cl", "N")
ACID = "Nc1ccc(C(=O)O)cc1"


class Ticking:
    """A clock that moves one second at every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def _products(route: Route) -> list[str]:
    return [step.product for step in route.steps]


@pytest.mark.parametrize("algorithm", BOTH)
def test_all_routes_of_a_small_network_best_first(algorithm: Algorithm) -> None:
    result = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm).search(TARGET)
    assert result.solved
    assert result.why_stopped == "nothing is left to expand"
    assert result.partial is None
    assert len(result.routes) == 3
    # two routes of three steps; the third goes through the acid chloride for nothing
    assert sorted(len(r.steps) for r in result.routes) == [3, 3, 4]
    assert result.routes[0].score == max(r.score for r in result.routes)
    assert result.first_solution_seconds is not None
    assert (result.validated, result.unsupported) == (False, 0)
    for route in result.routes:
        assert route.figures is not None
        assert route.figures.steps == len(route.steps)
        assert {step.model for step in route.steps} == {"book"}
        assert TARGET not in {r for step in route.steps for r in step.reactants}


@pytest.mark.parametrize("algorithm", BOTH)
def test_counts_alone_give_the_same_result_every_time(algorithm: Algorithm) -> None:
    def run() -> SearchResult:
        return RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, clock=lambda: 0.0).search(
            TARGET, Budget(expansions=4)
        )

    assert run() == run()


@pytest.mark.parametrize("algorithm", BOTH)
def test_purchasable_molecules_are_leaves(algorithm: Algorithm) -> None:
    book = Book({**BOOK, "CCO": [("C=C.O", 1.0)]})
    shelf = Shelf("CCO", ACID)
    result = RouteSearch(shelf, book, algorithm=algorithm).search(TARGET)
    assert "CCO" not in book.asked
    assert _products(result.routes[0]) == [TARGET]


@pytest.mark.parametrize("algorithm", BOTH)
def test_a_target_in_stock_is_bought_unless_made(algorithm: Algorithm) -> None:
    shelf = Shelf(TARGET, "CCO", ACID)
    search = RouteSearch(shelf, Book(BOOK), algorithm=algorithm)
    bought = search.search(TARGET)
    assert bought.routes[0].purchased
    assert bought.why_stopped == "in stock"
    assert bought.expansions == 0
    made = search.search(TARGET, make=True)
    assert made.solved
    assert not any(route.purchased for route in made.routes)


@pytest.mark.parametrize("algorithm", BOTH)
def test_ten_steps_in_a_row(algorithm: Algorithm) -> None:
    chain = {f"{'C' * n}N": [(f"{'C' * (n - 1)}N", 0.8)] for n in range(2, 13)}
    shelf = Shelf("CCN")
    deep = RouteSearch(shelf, Book(chain), algorithm=algorithm, max_steps=10).search(f"{'C' * 12}N")
    assert [len(r.steps) for r in deep.routes] == [10]
    assert deep.routes[0].figures is not None
    assert deep.routes[0].figures.longest == 10
    assert deep.routes[0].figures.probability == pytest.approx(0.8**10)
    assert not RouteSearch(shelf, Book(chain), algorithm=algorithm, max_steps=9).search(f"{'C' * 12}N").solved


@pytest.mark.parametrize("algorithm", BOTH)
@pytest.mark.parametrize("batch", [1, 4])
def test_expansions_are_counted_and_kept_to(algorithm: Algorithm, batch: int) -> None:
    for most in (1, 2, 3, 5):
        book = Book(BOOK)
        result = RouteSearch(SHELF, book, algorithm=algorithm, batch=batch).search(TARGET, Budget(expansions=most))
        assert result.expansions == len(book.asked) == len(set(book.asked)) <= most
        assert result.proposer_calls == len(book.batches)
        assert max(book.batches) <= batch


def test_several_molecules_a_batch_save_calls() -> None:
    one, four = Book(BOOK), Book(BOOK)
    single = RouteSearch(SHELF, one, batch=1).search(TARGET)
    fourfold = RouteSearch(SHELF, four, batch=4).search(TARGET)
    assert len(four.batches) < len(one.batches)
    assert {r.sha256 for r in single.routes} == {r.sha256 for r in fourfold.routes}


@pytest.mark.parametrize("algorithm", BOTH)
def test_out_of_time_returns_what_there_is_and_says_so(algorithm: Algorithm) -> None:
    search = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, clock=Ticking())
    result = search.search(TARGET, Budget(seconds=3.0))
    assert not result.solved
    assert "time" in result.why_stopped
    assert result.partial is not None
    assert result.partial.steps
    assert result.partial.missing
    for smiles in result.partial.missing:
        assert smiles in result.reason
    longer = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, clock=Ticking()).search(TARGET, Budget(seconds=40.0))
    assert longer.solved
    assert longer.first_solution_seconds is not None
    assert 0 < longer.first_solution_seconds <= longer.seconds <= 60.0


@pytest.mark.parametrize("algorithm", BOTH)
def test_enough_is_enough(algorithm: Algorithm) -> None:
    every = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, batch=1).search(TARGET)
    result = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, batch=1).search(TARGET, Budget(enough=1))
    assert result.solved
    assert "enough" in result.why_stopped
    assert result.expansions < every.expansions


def test_progress_is_told() -> None:
    told: list[Progress] = []
    result = RouteSearch(SHELF, Book(BOOK), batch=1).search(TARGET, progress=told.append)
    assert [p.expansions for p in told] == list(range(1, result.expansions + 1))
    assert [p.solved for p in told] == sorted(p.solved for p in told)
    assert told[-1].solved
    assert told[-1].molecules == result.molecules


def test_what_is_missing_is_named() -> None:
    nothing = RouteSearch(SHELF, Book({})).search(TARGET)
    assert nothing.partial is None
    assert "no single-step model proposes" in nothing.reason
    shelf = Shelf("CCO")
    result = RouteSearch(shelf, Book(BOOK)).search(TARGET)
    assert not result.solved
    assert result.partial is not None
    assert result.partial.missing == (ACID,)
    assert {leaf.smiles for leaf in result.partial.leaves} == {"CCO"}
    assert f"{ACID} (not in stock, no route to it found)" in result.reason
    short = RouteSearch(shelf, Book(BOOK)).search(TARGET, Budget(expansions=1))
    assert f"{ACID} (not in stock, not searched further)" in short.reason


def test_an_empty_stock_says_so() -> None:
    book = Book(BOOK)
    result = RouteSearch(Shelf(), book).search(TARGET)
    assert not result.solved
    assert result.why_stopped == "the stock is empty"
    assert "the stock is empty" in result.reason
    assert book.asked == []


def test_bad_input() -> None:
    with pytest.raises(InvalidMolecule, match="not-a-smiles"):
        RouteSearch(SHELF, Book({})).search("not-a-smiles")
    with pytest.raises(ValueError, match="max_steps"):
        RouteSearch(SHELF, Book({}), max_steps=0)
    with pytest.raises(ValueError, match="'retro\\*' or 'mcts'"):
        RouteSearch(SHELF, Book({}), algorithm="a*")  # type: ignore[arg-type]
    for wrong in ({"expansions": 0}, {"seconds": 0.0}, {"enough": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Budget(**wrong)  # type: ignore[arg-type]


def test_precursors_that_cannot_be_looked_up_are_dropped() -> None:
    class Picky(Shelf):
        def lookup_smiles(self, smiles: str):  # type: ignore[no-untyped-def]
            if smiles == "N":
                raise InvalidMolecule("no InChIKey can be made for 'N'")
            return super().lookup_smiles(smiles)

    result = RouteSearch(Picky("CCO", "Cc1ccc([N+](=O)[O-])cc1", "O=S(Cl)Cl"), Book(BOOK)).search(TARGET)
    assert len(result.routes) == 3


# -- a second proposer ------------------------------------------------------------------------------------------------


def test_a_second_proposer_is_asked_only_where_the_first_has_too_little_to_say() -> None:
    rich = {TARGET: [("CCO.Nc1ccc(C(=O)O)cc1", 0.6), ("C.CCOC(=O)c1ccccc1", 0.3), ("CCOC(C)=O.Nc1ccccc1", 0.2)]}
    second = Book({ACID: [("Nc1ccccc1.O=C=O", 0.5)]}, model="slow")
    result = RouteSearch(Shelf("CCO", "Nc1ccccc1", "O=C=O"), Book(rich), second=second).search(TARGET, Budget(enough=1))
    assert result.solved
    assert TARGET not in second.asked
    assert ACID in second.asked
    assert {step.model for step in result.routes[0].steps} == {"book", "slow"}


def test_a_stuck_search_asks_the_second_proposer_about_the_target() -> None:
    first = {TARGET: [("C.CCOC(=O)c1ccccc1", 0.6), ("CC.CCOC(=O)c1ccccc1", 0.3), ("CCOC(C)=O.Nc1ccccc1", 0.2)]}
    second = Book({TARGET: [("CCO.Nc1ccc(C(=O)O)cc1", 0.9)]}, model="slow")
    result = RouteSearch(Shelf("CCO", ACID), Book(first), second=second).search(TARGET)
    assert result.solved
    assert second.asked.count(TARGET) == 1


# -- checks -----------------------------------------------------------------------------------------------------------


def _judge(bad: set[str], seen: list[RouteStep]):  # type: ignore[no-untyped-def]
    def judge(step: RouteStep) -> StepCheck:
        seen.append(step)
        verdict = Verdict.UNSUPPORTED if step.product in bad else Verdict.PLAUSIBLE
        return StepCheck(verdict=verdict, reasons=("toy",))

    return judge


@pytest.mark.parametrize("algorithm", BOTH)
def test_unsupported_routes_go_behind_and_are_counted(algorithm: Algorithm) -> None:
    seen: list[RouteStep] = []
    plain = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm).search(TARGET)
    assert ACID in _products(plain.routes[0]), "unjudged, the way through the amino acid comes first"
    judged = RouteSearch(SHELF, Book(BOOK), algorithm=algorithm, judge=_judge({ACID}, seen)).search(TARGET)
    assert judged.validated
    assert judged.unsupported == 1
    assert ACID not in _products(judged.routes[0])
    assert ACID in _products(judged.routes[-1])
    assert all(step.check is not None for route in judged.routes for step in route.steps)
    assert len(seen) == len({s.sha256 for s in seen}), "no step is judged twice"


def test_the_search_goes_on_after_a_failed_check() -> None:
    seen: list[RouteStep] = []
    search = RouteSearch(SHELF, Book(BOOK), judge=_judge({ACID}, seen))
    result = search.search(TARGET, Budget(enough=1))
    assert ACID not in _products(result.routes[0])
    assert result.validated
    none = RouteSearch(SHELF, Book(BOOK), judge=_judge({TARGET}, [])).search(TARGET)
    assert none.solved
    assert not none.validated
    assert none.unsupported == len(none.routes)


# -- circles ----------------------------------------------------------------------------------------------------------

AMINE = "NCC1CCCCC1"
BOC = "CC(C)(C)OC(=O)NCC1CCCCC1"
CBZ = "O=C(NCC1CCCCC1)OCc1ccccc1"


def _all_paths(route: Route) -> Iterator[tuple[str, ...]]:
    made = {step.product: step for step in route.steps}

    def down(smiles: str, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if smiles not in made:
            yield (*path, smiles)
            return
        for reactant in made[smiles].reactants:
            yield from down(reactant, (*path, smiles))

    return down(route.target, ())


@pytest.mark.parametrize("algorithm", BOTH)
def test_no_molecule_is_its_own_ancestor(algorithm: Algorithm) -> None:
    ring = {
        "CCCCN": [("CCCN", 0.9), ("CCN.CCS", 0.2)],
        "CCCN": [("CCCCO", 0.9), ("CCCBr", 0.1)],
        "CCCCO": [("CCCN", 0.9), ("CCCBr.CO", 0.2)],
        "CCS": [("CCCCO", 0.9)],
    }
    result = RouteSearch(Shelf("CCCBr", "CO", "CCN"), Book(ring), algorithm=algorithm).search("CCCCN")
    assert len(result.routes) >= 3
    for route in result.routes:
        for path in _all_paths(route):
            assert len(set(path)) == len(path)


@pytest.mark.parametrize("algorithm", BOTH)
def test_protecting_for_nothing_is_no_route(algorithm: Algorithm) -> None:
    """Boc off, ..., Boc on the same skeleton again: only the route that does chemistry in between is offered."""
    target = "NCC1CCC(O)CC1"
    boc_alcohol, boc_ketone = "CC(C)(C)OC(=O)NCC1CCC(O)CC1", "CC(C)(C)OC(=O)NCC1CCC(=O)CC1"
    book = Book({
        target: [(boc_alcohol, 0.9), ("NCC1CCC(OC(C)=O)CC1", 0.5)],
        boc_alcohol: [(boc_ketone, 0.5), ("CC(C)(C)OC(=O)NC[C@H]1CC[C@H](O)CC1", 0.9)],
        "CC(C)(C)OC(=O)NC[C@H]1CC[C@H](O)CC1": [("NC[C@H]1CC[C@H](O)CC1", 0.9)],
        boc_ketone: [("NCC1CCC(=O)CC1", 0.9), ("CC(C)(C)OC(=O)NCC1CCC(OC(C)=O)CC1", 0.9)],
        "NCC1CCC(OC(C)=O)CC1": [("NCC1CCC(=O)CC1.CC(=O)O", 0.4)],
    })  # fmt: skip
    shelf = Shelf("NCC1CCC(=O)CC1", "NC[C@H]1CC[C@H](O)CC1", "CC(C)(C)OC(=O)NCC1CCC(OC(C)=O)CC1", "CC(=O)O")
    result = RouteSearch(shelf, book, algorithm=algorithm).search(target)
    ways = {tuple(_products(route)) for route in result.routes}
    assert (boc_ketone, boc_alcohol, target) in ways, "protect, reduce, deprotect is good practice"
    leaves = {leaf.smiles for route in result.routes for leaf in route.leaves}
    assert "NC[C@H]1CC[C@H](O)CC1" not in leaves, "a stereoisomer of an ancestor"
    assert "CC(C)(C)OC(=O)NCC1CCC(OC(C)=O)CC1" not in leaves, "left the skeleton and came back to it"


# -- with curated rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", BOTH)
def test_real_rules(algorithm: Algorithm, stock: SmallStock) -> None:
    search = RouteSearch(stock, RuleProposer(), algorithm=algorithm, max_steps=4)
    for smiles in ("CCOC(=O)C1CN(C(C)C)C(=O)C1", "CCCOC(=O)OCC1CCCO1"):
        result = search.search(smiles, Budget(expansions=30))
        assert result.solved
        for route in result.routes:
            assert len(route.steps) <= 4
            assert all(stock.lookup_smiles(leaf.smiles) for leaf in route.leaves)
        assert len({r.sha256 for r in result.routes}) == len(result.routes)


def test_routes_that_time_was_too_short_to_judge_come_after_judged_ones() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock, seen = Clock(), []

    def slow(step: RouteStep) -> StepCheck:
        clock.now += 100.0
        seen.append(step)
        return StepCheck(verdict=Verdict.SUPPORTED, reasons=())

    book = Book({"CCOC(C)=O": [("CCO.CC(=O)Cl", 0.9), ("CCO.CC(=O)O", 0.5)]})
    search = RouteSearch(Shelf("CCO", "CC(=O)Cl", "CC(=O)O"), book, judge=slow, clock=clock)
    result = search.search("CCOC(C)=O", Budget(seconds=50.0))
    assert len(seen) == 1
    assert result.validated
    assert [route.steps[0].check is not None for route in result.routes] == [True, False]


def test_a_stereoisomer_on_the_shelf_serves_a_flat_drawing_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "shelf.smi"
    path.write_text("C[C@H](O)C(=O)O\nCCO\n")
    stock = Stock.from_file(path)
    book = Book({"CCOC(=O)C(C)O": [("CCO.CC(O)C(=O)O", 0.9)]})
    assert not RouteSearch(stock, book).search("CCOC(=O)C(C)O").solved
    lenient = RouteSearch(FlatMatches(stock), book).search("CCOC(=O)C(C)O")
    assert lenient.solved
    assert any("connectivity only" in leaf.stock.source for leaf in lenient.routes[0].leaves)


class Asked(Book):
    """A book that notes how many proposals it was asked for."""

    def __init__(self, reactions: dict[str, list[tuple[str, float]]]) -> None:
        super().__init__(reactions)
        self.widths: list[int] = []

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        self.widths.append(k)
        return super().propose(molecules, k)


# Ethyl esters as ways to butanol that lead nowhere; only the last precursor is on the shelf.
MANY = {"CCCCO": [(f"{'C' * n}(=O)OCC", 0.5 - 0.02 * n) for n in range(2, 16)] + [("CCCC=O", 0.01)]}


@pytest.mark.parametrize("algorithm", BOTH)
def test_the_proposer_is_asked_for_more_when_the_first_ten_lead_nowhere(algorithm: Algorithm) -> None:
    book = Asked(MANY)
    result = RouteSearch(Shelf("CCCC=O"), book, algorithm=algorithm).search("CCCCO")
    assert result.solved
    assert result.routes[0].steps[0].reactants == ("CCCC=O",)
    assert book.widths[0] == 10
    assert book.widths.count(50) == 1
    assert result.expansions == 15  # butanol once, though it was asked about twice, and the fourteen dead ends


@pytest.mark.parametrize("algorithm", BOTH)
def test_what_is_solved_early_needs_ten_proposals_only(algorithm: Algorithm) -> None:
    book = Asked({"CCCCO": [("CCCC=O", 0.9), *MANY["CCCCO"]]})
    assert RouteSearch(Shelf("CCCC=O"), book, algorithm=algorithm).search("CCCCO", Budget(enough=1)).solved
    assert set(book.widths) == {10}
