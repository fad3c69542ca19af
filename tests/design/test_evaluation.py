"""Values of molecules, and what they are worth: formulas against published numbers, models on real measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge.features import descriptors, topological
from knowledge.features.featurizer import Memory
from knowledge.records.fact import Fact
from knowledge.records.molecule import InvalidMolecule
from knowledge.records.properties import UnknownProperty
from knowledge.sources.handbook import Handbook
from planners.design.evaluation import rows, worth
from planners.design.evaluation.computed import Computed, formula
from planners.design.evaluation.evaluator import CannotEvaluate, Evaluator, Together, Values
from planners.design.evaluation.judge import Judge
from planners.design.evaluation.opening import models_for, needed_models, open_evaluator
from planners.design.evaluation.quantities import QUANTITIES, Kind
from planners.design.problem import Goal, Problem, Requirement

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
GAP: dict[str, Any] = {"property": "orbital_gap", "direction": "target", "unit": "eV", "target": 4.0, "worst": 7.0}
LOGP: dict[str, Any] = {"property": "logp", "direction": "minimise", "unit": "dimensionless", "worst": 4.0, "best": 0.0}


def problem(**given: Any) -> Problem:
    return Problem.model_validate({"name": "x", "space": {"preset": "any"}, "goals": [LOGP], **given})


class Told:
    """Values that a test decides, of molecules that it does not look at."""

    def __init__(self, **columns: tuple[float, float]) -> None:
        self.names = tuple(columns)
        self._rows = np.array(list(columns.values()))

    def __call__(self, smiles: Any) -> Values:
        mean, std = (np.tile(column, (len(smiles), 1)) for column in self._rows.T)
        return Values(mean, std, np.ones(mean.shape, dtype=np.bool_))


@pytest.mark.parametrize(
    "name, smiles, value",
    [
        ("logp", ASPIRIN, 1.3101),  # RDKit's own documentation of Crippen's method
        ("tpsa", ASPIRIN, 63.60),  # P. Ertl et al., J. Med. Chem. 43 (2000) 3714
        ("molar_mass", ASPIRIN, 180.16),
        ("rotatable_bonds", ASPIRIN, 2.0),
        ("conjugated_atoms", "c1ccccc1", 6.0),
        ("conjugated_atoms", "C(=Cc1ccccc1)c1ccccc1", 14.0),
        ("conjugated_atoms", "c1ccccc1Cc1ccccc1", 6.0),
        ("conjugated_atoms", "CCCCO", 0.0),
        ("chain_length", "CCCCCCCCCCCCOCCO", 12.0),
        ("chain_length", "CCCCC(C)CCCCCC", 6.0),
        ("chain_length", "C1CCCCC1", 0.0),
        # Davies: 7 + 1.9 for OH - 0.475 for each of 16 groups CHn: cetyl alcohol 1.3 in his table.
        ("hydrophilic_lipophilic_balance", "CCCCCCCCCCCCCCCCO", 1.3),
        # One free ester, two free OH, 14 groups CHn.
        ("hydrophilic_lipophilic_balance", "CCCCCCCCCCCC(=O)OCC(O)CO", 7.0 + 2.4 + 3.8 - 14 * 0.475),
    ],
)
def test_formulas_give_published_values(name: str, smiles: str, value: float) -> None:
    assert Computed({name: formula(name, None)})([smiles]).mean[0, 0] == pytest.approx(value, abs=0.01)


def test_scores_lie_where_they_are_known_to_lie() -> None:
    names = ("qed", "synthetic_accessibility")
    taxol_core = "CC1=C2C(C(=O)C3(C(CC4C(C3C(C(C2(C)C)(CC1O)O)O)(CO4)OC(C)=O)O)C)O"
    values = Computed({name: formula(name, None) for name in names})([ASPIRIN, taxol_core]).mean
    assert 0.5 < values[0, 0] < 0.6  # aspirin's QED is 0.55
    assert 1.0 <= values[0, 1] < 2.0 < 5.0 < values[1, 1] <= 10.0


def test_similarity_is_to_the_reference() -> None:
    near = formula("similarity", "CCCCO")
    values = Computed({"similarity to CCCCO": near})(["CCCCO", "CCCCCO", "c1ccccc1"]).mean[:, 0]
    assert values[0] == 1.0
    assert 1.0 > values[1] > values[2] == 0.0


def test_what_a_method_cannot_say_is_unknown_and_infeasible() -> None:
    """Amides are not in Davies' table; a salt has no orbitals of one molecule; too large for the surrogate."""
    hlb = {"property": "hydrophilic_lipophilic_balance", "minimum": 1.0}
    judged = Judge(problem(requirements=[hlb]), open_evaluator(problem(requirements=[hlb]))).judge(["CCCCCC(=O)NC"])[0]
    assert not judged.feasible
    assert not judged.value("hydrophilic_lipophilic_balance").known
    assert "is not known" in " ".join(v.words for v in judged.violations)
    asked = problem(goals=[GAP], no_hazard_alert=False)
    salt, large, small = Judge(asked, open_evaluator(asked)).judge(["C[NH3+].[Cl-]", "C" * 60, "c1ccccc1"])
    assert (salt.feasible, large.feasible, small.feasible) == (False, False, True)
    assert salt.score == large.score == 0.0 < small.score


def test_values_come_in_the_order_asked_and_once() -> None:
    asked = []

    class Counting(Told):
        def __call__(self, smiles: Any) -> Values:
            asked.append(list(smiles))
            return super().__call__(smiles)

    both = Together([Counting(a=(1.0, 0.0), b=(2.0, 0.5)), Told(c=(3.0, 0.0))], ["c", "a", "b"])
    assert isinstance(both, Evaluator)
    assert both(["CC", "CO", "CC"]).mean.tolist() == [[3.0, 1.0, 2.0]] * 3
    assert both(["CO", "CN"]).std.tolist() == [[0.0, 0.0, 0.5]] * 2
    assert both([]).mean.shape == (0, 3)
    assert asked == [["CC", "CO"], ["CN"]]


def test_a_worth_is_linear_between_its_ends_and_an_expectation() -> None:
    goal = Goal.model_validate(LOGP)
    sure = np.zeros(5)
    assert worth.expected_worth(goal, np.array([-1.0, 0.0, 1.0, 4.0, 9.0]), sure).tolist() == [1.0, 1.0, 0.75, 0.0, 0.0]
    # Well between the ends, the errors cancel; at the better end they can only lower the worth.
    assert worth.expected_worth(goal, np.array([2.0]), np.array([0.3]))[0] == pytest.approx(0.5, abs=1e-6)
    at_best = worth.expected_worth(goal, np.array([0.0]), np.array([1.0]))[0]
    assert at_best == pytest.approx(1.0 - 0.3989 / 4.0, abs=0.004)  # E[max(0, z)] of a standard normal is 0.3989
    target = Goal.model_validate(GAP)
    assert worth.expected_worth(target, np.array([1.0, 2.5, 4.0, 7.0]), np.zeros(4)).tolist() == [0.0, 0.5, 1.0, 0.0]


def test_a_search_can_tell_bad_from_worse() -> None:
    goal, limit = Goal.model_validate(LOGP), Requirement.model_validate({"property": "logp", "maximum": 4.0})
    beyond, sure = np.array([5.0, 8.0, 40.0]), np.zeros(3)
    for guide in (worth.guiding_worth(goal, beyond, sure), worth.guiding_chance(limit, beyond, sure)):
        assert 0.01 > guide[0] > guide[1] > guide[2] > 0.0
    assert worth.expected_worth(goal, beyond, sure).tolist() == worth.chance(limit, beyond, sure).tolist() == [0.0] * 3


def test_chances_are_probabilities_on_the_propertys_scale() -> None:
    between = Requirement.model_validate({"property": "boiling_point", "minimum": "400 K", "maximum": "420 K"})
    mean, std = np.array([400.0, 410.0, 410.0, np.nan]), np.array([0.0, 10.0, 0.0, np.inf])
    assert worth.chance(between, mean, std).tolist() == pytest.approx([1.0, 0.6827, 1.0, 0.0], abs=1e-4)
    thin = Requirement.model_validate({"property": "viscosity", "maximum": "2 mPa*s"})
    # The median is on the limit, whatever the width of a logarithmic distribution.
    assert worth.chance(thin, np.array([2.0]), np.array([1.5]))[0] == pytest.approx(0.5)
    low, high = worth.interval(np.array([2.0]), np.array([1.5]), QUANTITIES["viscosity"].property)
    assert low[0] * high[0] == pytest.approx(4.0)
    assert low[0] > 0.0


def test_a_soft_requirement_halves_the_score_with_every_margin() -> None:
    soft = Requirement.model_validate({"property": "logp", "maximum": 2.0, "margin": 0.5})
    told = worth.softened(soft, np.array([1.0, 2.0, 2.5, 3.0, np.nan]), np.zeros(5))
    assert told.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.25, worth.FAINT])


def test_uncertainty_enters_score_and_feasibility() -> None:
    limit = {"property": "boiling_point", "minimum": "400 K"}
    plain = problem(requirements=[limit], no_hazard_alert=False)
    strict = plain.model_copy(update={"confidence": 0.9})

    def judged(asked: Problem, mean: float, std: float) -> tuple[float, bool]:
        one = Judge(asked, Told(logp=(1.0, 0.0), boiling_point=(mean, std))).judge(["CCO"])[0]
        return one.score, one.feasible

    assert judged(plain, 410.0, 0.0) == (pytest.approx(0.75), True)
    unsure, feasible = judged(plain, 410.0, 20.0)
    assert unsure == pytest.approx(0.75 * 0.6915, abs=1e-3)  # the chance of half a deviation
    assert feasible
    assert judged(strict, 410.0, 20.0)[1] is False
    assert judged(strict, 440.0, 20.0)[1] is True
    assert judged(plain, 390.0, 20.0)[1] is False


def test_a_violation_says_value_limit_and_chance() -> None:
    limit = {"property": "boiling_point", "minimum": "400 K"}
    judge = Judge(problem(requirements=[limit]), Told(logp=(1.0, 0.0), boiling_point=(390.0, 20.0)))
    bomb, quiet = judge.judge(["CC(=O)OO", "CCO"])
    assert [v.rule for v in quiet.violations] == ["requirement: boiling_point at least 400 K"]
    assert quiet.violations[0].words == (
        "boiling_point is 390 K (357.1 to 422.9), wanted is boiling_point at least 400 K: held with probability 0.31"
    )
    assert any(v.rule.startswith("hazard: ") for v in bomb.violations)


def test_the_score_is_the_weighted_geometric_mean() -> None:
    second = {"property": "tpsa", "direction": "maximise", "unit": "angstrom**2", "worst": 0.0, "best": 100.0}
    asked = problem(goals=[LOGP, {**second, "weight": 3.0}], no_hazard_alert=False)
    one = Judge(asked, Told(tpsa=(25.0, 0.0), logp=(2.0, 0.0))).judge(["CCO"])[0]
    assert one.worths == (0.5, 0.25)
    assert one.score == pytest.approx((0.5 * 0.25**3) ** 0.25)
    assert one.evaluated().objectives == (0.5, 0.25)
    scores = Judge(asked, Told(tpsa=(25.0, 0.0), logp=(2.0, 0.0))).verdicts(["CCO", "CCC"]).scores()
    assert scores.values.tolist() == pytest.approx([one.score] * 2)


def test_a_judge_needs_all_values() -> None:
    with pytest.raises(ValueError, match="does not give logp"):
        Judge(problem(), Told(tpsa=(1.0, 0.0)))
    with pytest.raises(InvalidMolecule):
        Judge(problem(), open_evaluator(problem())).judge(["no molecule"])


@pytest.fixture(scope="module")
def viscosities() -> list[Fact]:
    """Of small molecules without rings: enough for a model, and few enough to be quick."""
    return [f for f in Handbook.full().facts("viscosity") if len(f.smiles) < 9 and "1" not in f.smiles][:70]


def test_a_model_of_measurements_is_fitted_kept_and_found_again(
    viscosities: list[Fact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = problem(
        goals=[{"property": "viscosity", "direction": "minimise", "unit": "mPa*s", "worst": 5.0, "best": 0.5}],
        no_hazard_alert=False,
    )
    assert needed_models(asked) == ("viscosity",)
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path))
    known = {f.smiles: f.value for f in viscosities}
    left_out = list(list(known)[::7])
    seen = [f for f in viscosities if f.smiles not in left_out]

    def told(name: str) -> list[Fact]:
        assert name == "viscosity"
        return seen

    first = open_evaluator(asked, models_for(asked, facts=told))(left_out)
    assert len(list(tmp_path.glob("design-viscosity-*.json"))) == 1
    again = open_evaluator(asked, models_for(asked, facts=told))(left_out)
    assert np.array_equal(first.mean, again.mean)
    assert np.array_equal(first.std, again.std)
    truth = np.array([known[s] for s in left_out])
    errors = np.abs(np.log(first.mean[:, 0]) - np.log(truth))
    guess = np.abs(np.log(np.median([f.value for f in seen])) - np.log(truth))
    assert errors.mean() < 0.6 * guess.mean()
    low, high = worth.interval(first.mean[:, 0], first.std[:, 0], QUANTITIES["viscosity"].property)
    assert ((low <= truth) & (truth <= high)).mean() >= 0.7
    assert (first.std > 0.0).all()


def test_descriptors_of_known_molecules_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def told(smiles: str) -> Any:
        computed.append(smiles)
        return topological.ROWS.compute(smiles)

    def forgetful() -> tuple[Memory, Memory]:
        memories = Memory(told), Memory(descriptors.ROWS.compute)
        monkeypatch.setattr(rows, "_MEMORIES", memories)
        return memories

    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path))
    forgetful()
    rows.remember(["CCO", ASPIRIN, "CCO"])
    assert sorted(computed) == sorted(["CCO", ASPIRIN])
    again = forgetful()
    rows.remember([ASPIRIN, "CCO"])
    assert len(computed) == 2
    for memory, source in zip(again, (topological.ROWS, descriptors.ROWS), strict=True):
        row, fresh = memory(ASPIRIN), source.compute(ASPIRIN)
        assert row.dtype == fresh.dtype
        assert (row == fresh).all()
    rows.remember([ASPIRIN])
    assert len(list(tmp_path.glob("design-rows-*.npz"))) == 2
    rows.remember([])
    with pytest.raises(InvalidMolecule):
        rows.remember(["no molecule"])


def test_a_property_without_data_is_told() -> None:
    asked = problem(
        requirements=[{"property": "hydration_free_energy", "maximum": "-10 kJ/mol"}],
    )
    with pytest.raises(CannotEvaluate, match="'hydration_free_energy'; `train hydration_free_energy --csv FILE"):
        open_evaluator(asked)

    def nothing(name: str) -> list[Fact]:
        return []

    with pytest.raises(CannotEvaluate, match="no facts about 'flash_point'"):
        models_for(problem(requirements=[{"property": "flash_point", "minimum": "300 K"}]), facts=nothing)


def test_every_quantity_is_known_to_somebody() -> None:
    for name, quantity in QUANTITIES.items():
        assert quantity.property.name == name
        if quantity.kind is Kind.COMPUTED:
            assert np.isfinite(formula(name, "CCO" if quantity.reference else None)(_decanol())), name
    electronic = [name for name, q in QUANTITIES.items() if q.kind is Kind.ELECTRONIC]
    asked = problem(requirements=[{"property": name, "minimum": f"-1e6 {_unit(name)}"} for name in electronic])
    assert np.isfinite(open_evaluator(asked)(["CCO"]).mean).all()
    with pytest.raises(UnknownProperty):
        Handbook.full().facts("logp")


def _unit(name: str) -> str:
    return QUANTITIES[name].property.unit


def _decanol() -> Any:
    from rdkit import Chem

    return Chem.MolFromSmiles("CCCCCCCCCCO")
