"""Amounts, vessels, conditions and the protocol that instruments get."""

from __future__ import annotations

import pytest

from knowledge.records.procedure import Basis, Role
from knowledge.records.properties import UnknownProperty
from knowledge.records.protocol import Protocol
from knowledge.records.quantity import Quantity
from knowledge.records.route import RouteStep
from planners.routes.balance import Unbalanced, check_balance
from planners.routes.conditions import conditions_for, conditions_table
from planners.routes.handbook import label
from planners.routes.procedure import CONCENTRATION, molar_mass, write_procedures
from planners.routes.protocol import NotMeasurable, to_protocol
from planners.routes.purification import method_of
from planners.routes.rendering import render
from planners.routes.search import RoutePlanner
from planners.routes.single_step.curated import reactions
from tests.routes.targets import TARGETS, TWO_STEPS

TWO = TWO_STEPS["ethyl N-isopropylpyrrolidone-4-carboxylate"]


@pytest.mark.parametrize("name", conditions_table().classes)
def test_no_open_vessel_within_five_kelvin_of_boiling(name: str) -> None:
    conditions = conditions_for(name)
    assert conditions.duration.magnitude("h") > 0
    if conditions.solvent_smiles is None:
        return
    solvent = label(conditions.solvent_smiles)
    assert solvent.density is not None
    assert solvent.boiling_point is not None
    temperature = conditions.temperature.magnitude("K")
    if conditions.vessel == "open":
        assert temperature <= solvent.boiling_point - 5.0
    if conditions.vessel == "reflux":
        assert temperature == pytest.approx(solvent.boiling_point, abs=1.0)


def test_unknown_classes_fall_back_to_marked_defaults() -> None:
    conditions = conditions_for("no_such_class")
    assert conditions.reaction_class == "generic"
    assert {conditions.basis(f) for f in ("solvent", "temperature", "duration", "yield", "workup")} == {Basis.DEFAULT}
    named = {r.reaction_class for r in reactions().values()}
    assert set(conditions_table().aliases) <= named


@pytest.mark.parametrize("name", TARGETS)
def test_amounts_follow_from_the_wanted_mass(name: str, planner: RoutePlanner) -> None:
    route = planner.plan(TARGETS[name][0], make=True)[0]
    procedures = write_procedures(route, Quantity(value=20.0, unit="g"))
    assert procedures[-1].product_mass.magnitude("g") == pytest.approx(20.0)
    for procedure in procedures:
        reactants = [c for c in procedure.charges if c.role is Role.REACTANT]
        limiting = min(reactants, key=lambda c: c.amount.value / procedure.reactants.count(c.smiles))
        assert limiting.equivalents == pytest.approx(1.0)
        count = procedure.reactants.count(limiting.smiles)
        theory = limiting.amount.value / count * molar_mass(procedure.product)
        assert theory * procedure.expected_yield.quantity.value == pytest.approx(procedure.product_mass.value, rel=1e-4)
        filled = sum(c.volume.value if c.volume is not None else c.mass.value / 1.3 for c in procedure.charges)
        assert filled <= procedure.vessel_volume.value * 2 / 3
        for charge in procedure.charges:
            assert charge.mass.value == pytest.approx(charge.amount.value * molar_mass(charge.smiles), rel=1e-4)
            if charge.role is Role.SOLVENT and charge.volume is not None:
                assert charge.volume.value == pytest.approx(limiting.amount.value / CONCENTRATION * 1000.0, rel=1e-4)


def test_earlier_steps_make_what_later_ones_need(planner: RoutePlanner) -> None:
    route = planner.plan(TWO)[0]
    small = write_procedures(route, Quantity(value=5.0, unit="g"))
    first, last = small
    needed = next(c for c in last.charges if c.smiles == first.product)
    assert first.product_mass.value == pytest.approx(needed.mass.value, rel=1e-4)
    assert needed.equivalents == pytest.approx(1.0)
    large = write_procedures(route, Quantity(value=0.05, unit="kg"))
    assert large[0].charges[0].mass.value == pytest.approx(10.0 * first.charges[0].mass.value, rel=1e-4)
    with pytest.raises(ValueError, match="positive"):
        write_procedures(route, Quantity(value=0.0, unit="g"))


def test_stoichiometry_of_a_diester(planner: RoutePlanner) -> None:
    route = next(
        r for r in planner.plan("CCOC(=O)CCC(=O)OCC") if r.steps[-1].reaction_class == "fischer_esterification"
    )
    (procedure,) = write_procedures(route)
    ethanol = next(c for c in procedure.charges if c.smiles == "CCO")
    assert ethanol.equivalents == pytest.approx(2 * 1.3)
    assert ethanol.volume is not None
    assert ethanol.mass.value / ethanol.volume.value == pytest.approx(0.789, abs=0.005)


def test_known_properties_decide_the_purification(planner: RoutePlanner) -> None:
    route = planner.plan("CCCC(=O)OC1CCCCC1")[0]

    def method(**known: float) -> str:
        return method_of(write_procedures(route, properties={route.target: known})[-1])

    assert method() == "distillation"
    assert method(boiling_point=480.0) == "distillation"
    assert method(boiling_point=700.0) == "chromatography"
    assert method(melting_point=350.0, boiling_point=480.0) == "recrystallisation"


def test_atoms_from_nowhere_are_refused() -> None:
    for template in ("fischer", "synspace:Suzuki", "a template of another origin"):
        step = RouteStep(
            product="CCCCCCCCOC(C)=O",
            reactants=("CC(=O)O", "CCO"),
            reaction_class="fischer_esterification",
            template=template,
            score=0.5,
        )
        with pytest.raises(Unbalanced, match="C"):
            check_balance(step)


def test_protocol_of_two_steps(planner: RoutePlanner) -> None:
    route = planner.plan(TWO)[0]
    procedures = write_procedures(route)
    wanted = ["viscosity", "hansen_distance", "flash_point", "boiling_point", "purity"]
    protocol = to_protocol(route, procedures, sample="e7", characterise=wanted)
    assert [(op.action, op.sample) for op in protocol.operations] == [
        ("react", "e7/s1"), ("work_up", "e7/s1"), ("purify", "e7/s1"),
        ("react", "e7"), ("work_up", "e7"), ("purify", "e7"), ("inject_gc", "e7"),
        ("measure_viscosity", "e7"), ("measure_boiling_point", "e7"), ("measure_solvency", "e7"),
        ("measure_flash_point", "e7"),
    ]  # fmt: skip
    assert protocol.operations[0].intermediates == {}
    assert protocol.operations[3].intermediates == {procedures[0].product: "e7/s1"}
    assert Protocol.from_canonical(protocol.canonical()) == protocol
    assert to_protocol(route, procedures, sample="e7", characterise=wanted).sha256 == protocol.sha256
    with pytest.raises(UnknownProperty):
        to_protocol(route, procedures, sample="e7", characterise=["colour"])
    with pytest.raises(NotMeasurable, match="melting_point"):
        to_protocol(route, procedures, sample="e7", characterise=["melting_point"])
    with pytest.raises(ValueError, match="not those of the route"):
        to_protocol(route, procedures[1:], sample="e7", characterise=[])


def test_protocol_of_a_purchase(planner: RoutePlanner) -> None:
    route = planner.plan("CCOC(C)=O")[0]
    assert write_procedures(route) == ()
    protocol = to_protocol(
        route, (), sample="r1", characterise=["viscosity"], target_mass=Quantity(value=10.0, unit="g")
    )
    assert [op.action for op in protocol.operations] == ["dispense", "inject_gc", "measure_viscosity"]
    assert protocol.operations[0].mass.magnitude("g") == 10.0
    assert render(()) == "Purchased; nothing to make."


def test_text_for_people_names_everything(planner: RoutePlanner) -> None:
    route = planner.plan(TWO)[0]
    text = render(write_procedures(route))
    for word in ("Step 1", "Step 2", "itaconic acid", "ethanol", "eq", "Work-up", "Hazards", "yield"):
        assert word in text
