"""Quantities by groups: the same numbers for the judge and for the programme, with errors that measurements show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from rdkit import Chem

from knowledge.qspr.estimates import Z90
from knowledge.records.properties import HANSEN, Property, get_property
from knowledge.sources import tables
from knowledge.sources.handbook import Handbook
from planners.design.camd.groups import GROUPS, fragmentation
from planners.design.camd.programming import ProgrammingGenerator
from planners.design.camd.properties import PROPERTIES, evaluated
from planners.design.evaluation.evaluator import Array, Flags
from planners.design.evaluation.grouped import Grouped
from planners.design.evaluation.judge import Judge
from planners.design.evaluation.models import Modelled
from planners.design.evaluation.opening import needed_models, open_evaluator
from planners.design.evaluation.quantities import QUANTITIES, Kind
from planners.design.problem import Problem

BY_GROUPS = ("critical_temperature", "enthalpy_of_vaporization", "molar_volume")
GOALS = [
    {"property": "enthalpy_of_vaporization", "direction": "maximise", "unit": "kJ/mol", "worst": 30.0, "best": 60.0},
    {"property": "molar_volume", "direction": "minimise", "unit": "ml/mol", "worst": 150.0, "best": 50.0},
]
REQUIREMENTS = [{"property": "critical_temperature", "minimum": "250 degC", "maximum": "600 K"}]


def problem(**given: object) -> Problem:
    space = {"preset": "solvent", "max_heavy_atoms": 8, "elements": ["C", "H", "O"]}
    body = {"name": "fluid", "goals": GOALS, "requirements": REQUIREMENTS, "space": space, "no_hazard_alert": False}
    return Problem.model_validate({**body, **given})


@pytest.mark.parametrize(
    "name, smiles, value",
    [
        # R. C. Reid, J. M. Prausnitz, B. E. Poling, The Properties of Gases and Liquids, 4th ed., 1987: Joback's
        # estimate for 2-ethylphenol with his own boiling point.
        ("critical_temperature", "CCc1ccccc1O", 716.0),
        # Sums of Fedors' table: 33.5 + 16.1 + 10.0, and 6 x 16.1 + 16.
        ("molar_volume", "CCO", 59.6),
        ("molar_volume", "C1CCCCC1", 112.6),
        # Measured: 31.0 kJ/mol at 298 K (CRC Handbook); the method has its error.
        ("enthalpy_of_vaporization", "CC(C)=O", 31.0),
    ],
)
def test_published_numbers_come_out(name: str, smiles: str, value: float) -> None:
    values = Grouped([name])([smiles])
    share = 0.1 if name == "enthalpy_of_vaporization" else 0.02
    assert values.mean[0, 0] == pytest.approx(value, rel=share)
    assert values.std[0, 0] == pytest.approx((PROPERTIES[name].spread or 0.0) * values.mean[0, 0])


def test_units_are_those_of_the_programme() -> None:
    shared = set(QUANTITIES) & set(PROPERTIES)
    assert {*BY_GROUPS, "solubility_parameter", "hansen_distance", "logp"} <= shared
    for name in shared:
        assert QUANTITIES[name].property.unit == PROPERTIES[name].unit, name
    assert {name for name, q in QUANTITIES.items() if q.kind is Kind.GROUPS} == set(BY_GROUPS)
    assert needed_models(problem()) == ()
    with pytest.raises(KeyError, match="boiling_point"):
        Grouped(["boiling_point"])  # that has models


def test_the_judge_and_the_programme_mean_the_same() -> None:
    asked = problem()
    generator = ProgrammingGenerator(asked, seed=1)
    generator.prove_possible()
    judge = Judge(asked, open_evaluator(asked))
    for candidate in generator.ask(6):
        groups = candidate.provenance.groups
        assert groups
        counts = np.array([[groups.get(group.name, 0) for group in GROUPS]], dtype=np.float64)
        one = judge.judge([candidate.molecule.smiles])[0]
        for name in BY_GROUPS:
            assert one.value(name).mean == pytest.approx(float(evaluated(name, counts)[0]), rel=1e-12)
        assert 523.0 < one.value("critical_temperature").mean < 600.1
        assert one.chances[0] > 0.4
    assert generator.last is not None


def test_what_the_groups_do_not_reach_is_not_known() -> None:
    judge = Judge(problem(), open_evaluator(problem()))
    alkyne, sulfoxide = judge.judge(["C#CCCO", "CS(C)=O"])
    assert not alkyne.feasible
    assert {v.rule for v in alkyne.violations} >= {f"unknown: {name}" for name in BY_GROUPS}
    assert alkyne.worths == (0.0, 0.0)
    assert sulfoxide.value("molar_volume").known  # Fedors' volume, but no group of Joback's
    assert str(sulfoxide.value("critical_temperature")) == "critical_temperature is not known"
    assert open_evaluator(problem())([]).mean.shape == (0, 3)


def test_a_liquid_boils_below_its_critical_temperature() -> None:
    with pytest.raises(ValueError, match=r"contradicts requirements\[0\].*boils below its critical temperature"):
        problem(requirements=[*REQUIREMENTS, {"property": "boiling_point", "minimum": "650 K"}])
    with pytest.raises(ValueError, match="'molar_volume' is never below 0"):
        problem(requirements=[{"property": "molar_volume", "maximum": "-1 cm**3/mol"}])


class Sure:
    """A model that says the same of every molecule."""

    origin = "a test"

    def __init__(self, name: str, mean: float, std: float) -> None:
        self.property: Property = get_property(name)
        self._mean, self._std = mean, std

    def predict(self, smiles: Sequence[str]) -> tuple[Array, Array, Flags]:
        n = len(smiles)
        return np.full(n, self._mean), np.full(n, self._std), np.ones(n, dtype=np.bool_)


def test_the_solubility_parameter_follows_from_the_predicted_hansen_parameters() -> None:
    models = {name: Sure(name, mean, 0.3) for name, mean in zip(HANSEN, (15.5, 10.4, 7.0), strict=True)}
    wanted = [
        ("solubility_parameter", "solubility_parameter", None),
        ("d", "hansen_distance", (15.5, 10.4, 7.0)),
        ("hansen_polar", "hansen_polar", None),
    ]
    values = Modelled(wanted, models)(["CC(C)=O"])
    assert values.mean[0, 0] == pytest.approx(19.9, abs=0.1)  # acetone: 19.9 MPa^0.5 (C. M. Hansen, 2007, table A.1)
    assert values.std[0, 0] == pytest.approx(0.3, abs=0.02)
    assert values.mean[0, 1] < 1.0
    assert values.mean[0, 2] == pytest.approx(10.4)
    aim = {"property": "solubility_parameter", "direction": "target", "unit": "MPa**0.5", "target": 20, "worst": 30}
    asked = problem(goals=[aim])
    assert set(HANSEN) <= set(needed_models(asked))


MEASURED = {
    "critical_temperature": (
        ("Critical Properties/IUPACOrganicCriticalProps.tsv", "Tc"),
        ("Critical Properties/CRCCriticalOrganics.tsv", "Tc"),
    ),
    "enthalpy_of_vaporization": (
        ("Phase Change/CRC Handbook Heat of Vaporization.tsv", "Hvap298"),
        ("Phase Change/Ghazerati Appendix Vaporization Enthalpy.tsv", "Hvap298"),
    ),
    "molar_volume": (("Misc/Physical Constants of Organic Compounds.csv", "rho"),),
}


def _measured(name: str, known: dict[int, tables.Identity]) -> Iterator[tuple[str, float]]:
    seen: set[int] = set()
    for table, column in MEASURED[name]:
        for cas, value in tables.column("chemicals", table, column):
            identity = known.get(cas)
            if cas in seen or identity is None or "." in identity.smiles:
                continue
            seen.add(cas)
            if name == "molar_volume":  # the table tells densities, of solids and gases too
                book = Handbook.full()
                ends = [book.fact(identity.inchikey, end) for end in ("melting_point", "boiling_point")]
                if any(end is None for end in ends) or not ends[0].value < 293.0 < 300.0 < ends[1].value:  # type: ignore[union-attr]
                    continue
                value = 1000.0 * identity.weight / value
            yield identity.smiles, value / 1000.0 if name == "enthalpy_of_vaporization" else value


def test_nine_of_ten_measured_values_lie_in_the_interval() -> None:
    known = {identity.cas: identity for identity in tables.identities()}
    for name in BY_GROUPS:
        values = Grouped([name])
        pairs = []
        for smiles, value in list(_measured(name, known))[::3]:
            mol = Chem.MolFromSmiles(smiles)
            if mol is None or mol.GetNumHeavyAtoms() < 3:
                continue
            flat = Chem.MolToSmiles(mol, isomericSmiles=False)
            if sum(fragmentation(flat).counts.values()) <= 24:
                pairs.append((flat, value))
        told = values([smiles for smiles, _ in pairs])
        inside = abs(np.array([v for _, v in pairs]) - told.mean[:, 0]) < Z90 * told.std[:, 0]
        covered = told.in_domain[:, 0]
        assert covered.sum() > 200, name
        assert 0.87 < inside[covered].mean() < 0.93, name
