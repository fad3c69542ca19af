"""The portfolio: real generators side by side, shares that follow credit, a restart that changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from knowledge.records.candidate import Candidate
from knowledge.records.molecule import Molecule
from planners.design.generator import CannotServe, Dice, Evaluated, Generator, StateMismatch
from planners.design.genetic import GeneticGenerator
from planners.design.library import LibraryGenerator
from planners.design.portfolio import opened
from planners.design.portfolio.credit import FLOOR, PATIENCE, Credit, Gains
from planners.design.portfolio.foresight import MOST, picked, remembered
from planners.design.portfolio.generator import PortfolioGenerator
from planners.design.problem import Problem
from planners.design.space import DesignSpace
from tests.design.molecules import SHELF

SPACE = DesignSpace()
ALKANES = ["C" * n + "C(C)" + "C" * m + "C(CC)" + "C" * k for n in (1, 2, 3) for m in (0, 1, 2) for k in (1, 2, 3)]
ALKANES += ["C" * n + "C(C)(C)" + "C" * m for n in (1, 2, 3, 4) for m in (1, 2, 3, 4, 5)]


def polar(smiles: str) -> tuple[float, ...]:
    """Polar surface near 45 Å^2 and a logP near 1: alkanes are hopeless."""
    mol = Chem.MolFromSmiles(smiles)
    logp = rdMolDescriptors.CalcCrippenDescriptors(mol)[0]
    return (max(0.0, 1 - abs(rdMolDescriptors.CalcTPSA(mol) - 45) / 45), max(0.0, 1 - abs(logp - 1.0) / 2))


def judged(candidates: Sequence[Candidate]) -> list[Evaluated]:
    found = []
    for candidate in candidates:
        smiles = candidate.molecule.smiles
        goals = polar(smiles)
        found.append(Evaluated(smiles=smiles, score=float(np.sqrt(goals[0] * goals[1])), objectives=goals))
    return found


def fresh(seed: int = 1) -> PortfolioGenerator:
    members: dict[str, Generator] = {
        "genetic": GeneticGenerator(SPACE, SHELF, seed=1),
        "alkanes": LibraryGenerator(SPACE, ALKANES, seed=1),
    }
    return PortfolioGenerator(members, seed=seed)


def rounds(portfolio: Generator, count: int, n: int) -> list[list[str]]:
    asked = []
    for _ in range(count):
        candidates = portfolio.ask(n)
        asked.append([c.molecule.smiles for c in candidates])
        portfolio.tell(judged(candidates))
    return asked


def test_the_share_of_a_useless_member_falls_to_its_floor() -> None:
    portfolio = fresh()
    assert isinstance(portfolio, Generator)
    before = {s.member: s.share for s in portfolio.shares()}
    assert before == {"genetic": 0.5, "alkanes": 0.5}
    asked = rounds(portfolio, 6, 20)
    keys = [Molecule.from_smiles(s).connectivity for batch in asked for s in batch]
    assert len(keys) == len(set(keys)) == 120
    after = {s.member: s for s in portfolio.shares()}
    assert after["alkanes"].share < 0.35 < after["genetic"].share
    assert after["alkanes"].share >= FLOOR / 2
    assert sum(s.share for s in after.values()) == pytest.approx(1.0)
    assert sum(s.judged for s in after.values()) == 120
    assert after["genetic"].gain > after["alkanes"].gain


def test_a_killed_portfolio_goes_on_where_it_was() -> None:
    portfolio = fresh()
    rounds(portfolio, 3, 16)
    pending = portfolio.ask(10)
    state = json.loads(json.dumps(portfolio.state()))
    twin = fresh(seed=9)
    twin.restore(state)
    for one in (portfolio, twin):
        one.tell(judged(pending))
    assert rounds(twin, 2, 12) == rounds(portfolio, 2, 12)
    assert twin.shares() == portfolio.shares()
    assert json.dumps(twin.state()) == json.dumps(portfolio.state())


class Toiling(GeneticGenerator):
    """Takes a second for each ask and a tenth for each molecule, by a clock that only it moves."""

    def __init__(self, clock: list[float], seed: int) -> None:
        super().__init__(SPACE, SHELF, seed=seed)
        self.ticks, self.asked = clock, list[int]()

    def ask(self, n: int) -> list[Candidate]:
        found = super().ask(n)
        self.ticks[0] += 1.0 + 0.1 * len(found)
        self.asked.append(n)
        return found


def timed(seed: int = 1) -> tuple[PortfolioGenerator, Toiling]:
    """The same generator twice, one of them slow."""
    ticks = [100.0 * seed]  # clocks of two processes do not begin at the same time
    slow = Toiling(ticks, 3)
    members: dict[str, Generator] = {"quick": GeneticGenerator(SPACE, SHELF, seed=2), "slow": slow}
    return PortfolioGenerator(members, seed=seed, clock=lambda: ticks[0]), slow


def test_who_is_slow_is_asked_rarely_and_for_many_at_once() -> None:
    portfolio, slow = timed()
    rounds(portfolio, 16, 6)
    shares = {s.member: s for s in portfolio.shares()}
    assert shares["quick"].cost == 0.0
    cost = shares["slow"].cost
    assert cost is not None
    assert 0.1 < cost < 0.3  # one alone would take 1.1 s
    assert FLOOR / 2 <= shares["slow"].share < 0.4
    assert 10 <= shares["slow"].judged < shares["quick"].judged
    assert len(slow.asked) <= 8
    untimed = PortfolioGenerator(
        {"quick": GeneticGenerator(SPACE, SHELF, seed=2), "slow": Toiling([0.0], 3)}, seed=1, clock=None
    )
    rounds(untimed, 16, 6)
    after = {s.member: s for s in untimed.shares()}
    assert after["slow"].cost is None
    assert after["slow"].judged > shares["slow"].judged


def test_costs_survive_a_restart() -> None:
    portfolio, _ = timed()
    rounds(portfolio, 4, 16)
    state = json.loads(json.dumps(portfolio.state()))
    twin, _ = timed(seed=9)
    twin.restore(state)
    assert twin.shares() == portfolio.shares()
    assert rounds(twin, 3, 12) == rounds(portfolio, 3, 12)
    costs = [[s.cost for s in one.shares()] for one in (twin, portfolio)]
    assert costs[0] == pytest.approx(costs[1])


def test_shares_are_gains_by_costs() -> None:
    credit = Credit(("a", "b", "c"))
    assert credit.shares() == pytest.approx(dict.fromkeys("abc", 1 / 3))
    credit.spend("a", 0.0, 10)
    credit.spend("b", 4 * PATIENCE, 2)
    credit.spend("b", 0.0, 0)
    free = {name: share - FLOOR / 3 for name, share in credit.shares().items()}
    assert free["a"] == pytest.approx(3 * free["b"])  # one patience against three
    assert free["c"] == pytest.approx(free["a"] / 2)  # not told: as dear as the others are on average
    assert (credit.dear("a"), credit.dear("b"), credit.dear("c")) == (False, True, False)
    for _ in range(6):
        credit.spend("b", 0.0, 1)  # only the latest asks count
    assert credit.cost("b") == 0.0


def test_the_state_of_another_portfolio_is_refused() -> None:
    alone = PortfolioGenerator({"genetic": GeneticGenerator(SPACE, SHELF, seed=1)}, seed=1)
    with pytest.raises(StateMismatch, match="this one has genetic"):
        alone.restore(fresh().state())


def test_others_step_in_when_a_member_is_used_up() -> None:
    members: dict[str, Generator] = {
        "shelf": LibraryGenerator(SPACE, ["CCCCOC(C)=O"], seed=1),
        "genetic": GeneticGenerator(SPACE, SHELF, seed=1),
    }
    found = PortfolioGenerator(members, seed=1).ask(12)
    assert len(found) == 12


def test_who_cannot_serve_is_left_out_with_the_reason() -> None:
    problem = Problem.model_validate(
        {
            "name": "locked",
            "space": {"locked": ["[#6]1~[#6]~[#7]~[#16]~[#8]~[#7]~1"], "elements": ["C", "H", "N", "O", "S"]},
            "goals": [{"property": "logp", "direction": "target", "unit": "dimensionless", "target": 1, "worst": 4}],
        }
    )
    with pytest.raises(CannotServe, match=r"portfolio: no generator can work .* library: no compound of the handbook"):
        opened(problem, seed=1, families=["library"])


def test_a_late_bloomer_is_found_out() -> None:
    credit = Credit(("early", "late"))
    for _ in range(150):
        credit.add("early", 0.5)
        credit.add("late", 0.0)
    assert credit.shares()["late"] < 0.15
    for _ in range(120):
        credit.add("early", 0.02)
        credit.add("late", 0.06)  # less than what was easy at the beginning, but more than anybody else now
    assert credit.shares()["late"] > credit.shares()["early"]


def test_quotas_are_the_shares_on_average() -> None:
    credit = Credit(("a", "b", "c"))
    for gain in (0.0, 0.1, 0.9):
        for name, factor in (("a", 1.0), ("b", 0.5), ("c", 0.0)):
            credit.add(name, gain * factor)
    dice, drawn = Dice(3), np.zeros(3)
    for _ in range(400):
        quotas = credit.quotas(5, dice)
        assert sum(quotas.values()) == 5
        drawn += list(quotas.values())
    assert drawn / 2000 == pytest.approx(list(credit.shares().values()), abs=0.01)


def test_gains_count_only_what_is_better() -> None:
    gains = Gains()
    one = Evaluated(smiles="CCO", score=0.5, objectives=(0.5, 0.5))
    rich = Evaluated(smiles="CCN", score=0.5, objectives=(0.9, 0.2))
    first = gains.of([one] * 10 + [rich])
    assert max(first) == 1.0
    assert min(first) >= 0.5  # nothing was known: all are among the best
    worse = Evaluated(smiles="CCC", score=0.1, objectives=(0.4, 0.1))
    refused = Evaluated(smiles="CCF", score=0.9, feasible=False, objectives=(1.0, 1.0))
    assert gains.of([worse, refused]) == [0.0, 0.0]
    assert gains.of([Evaluated(smiles="CCS", score=0.8, objectives=(0.95, 0.9)), worse]) == [1.0, 0.0]


@pytest.fixture(scope="module")
def pool() -> list[str]:
    return [o.smiles for o in GeneticGenerator(SPACE, SHELF, seed=4).breed(260)]


def told(smiles: Sequence[str], score: Callable[[str], float]) -> list[Evaluated]:
    return [Evaluated(smiles=text, score=score(text)) for text in smiles]


def test_what_is_chosen_is_better_than_chance_and_does_not_repeat_itself(pool: list[str]) -> None:
    def score(text: str) -> float:
        return float(rdMolDescriptors.CalcCrippenDescriptors(Chem.MolFromSmiles(text))[0])

    known, offered = told(pool[:100], score), pool[100:]
    chosen = picked(known, offered, 20, np.random.default_rng(0))
    assert len(set(chosen)) == 20
    values = np.array([score(text) for text in offered])
    assert values[chosen].mean() > values.mean() + values.std()
    assert picked(known, offered, 20, np.random.default_rng(0)) == chosen
    assert picked(known[:5], offered, 3, np.random.default_rng(0)) == [0, 1, 2]


def test_quotas_come_before_merit(pool: list[str]) -> None:
    known = told(pool[:60], lambda text: float(len(text)))
    offered = pool[60:160]
    last = range(90, 100)
    chosen = picked(known, offered, 12, np.random.default_rng(0), [(last, 4), (range(90), 8)])
    assert sum(i in last for i in chosen) == 4
    assert len(picked(known, offered, 12, np.random.default_rng(0), [(last, 12)])) == 12


def test_memory_keeps_the_best_and_the_latest() -> None:
    every = [Evaluated(smiles="C" * (i + 1), score=float(-i)) for i in range(MOST + 50)]
    kept = remembered(every)
    assert len(kept) == MOST
    assert every[0] in kept
    assert every[-1] in kept
