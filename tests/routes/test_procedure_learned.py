"""Procedures of steps that learned models propose: no template of ours, no class, reactants in sorted order."""

from __future__ import annotations

import pytest

from knowledge.records.procedure import Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Leaf, Route, RouteStep, StockItem
from planners.routes.appraisal import check_procedure, expected_yield, hazard_score, process_mass_intensity
from planners.routes.balance import Unbalanced, check_balance
from planners.routes.procedure import write_procedures
from planners.routes.protocol import to_protocol
from planners.routes.rendering import render
from planners.routes.search import RoutePlanner
from tests.routes.targets import TARGETS
from tests.routes.test_conditions import learned
from tests.routes.test_conditions_classify import NAMED


def route_of(*steps: RouteStep) -> Route:
    made = {step.product for step in steps}
    bought = dict.fromkeys(r for step in steps for r in step.reactants if r not in made)
    stock = StockItem(inchikey="", source="test", tier=1, price_per_g=0.1)
    return Route(
        target=steps[-1].product,
        steps=steps,
        leaves=tuple(Leaf(smiles=r, stock=stock) for r in bought),
        score=0.5,
    )


TWO = route_of(
    learned("OB(O)c1ccncc1.CCOC(=O)c1ccc(Br)cc1>>CCOC(=O)c1ccc(-c2ccncc2)cc1"),
    learned("CCOC(=O)c1ccc(-c2ccncc2)cc1>>O=C(O)c1ccc(-c2ccncc2)cc1"),
)


@pytest.mark.parametrize("name, text", [row for row in NAMED if row[0] != "generic"])
def test_every_class_gives_a_procedure_that_holds_together(name: str, text: str) -> None:
    route = route_of(learned(text))
    (procedure,) = write_procedures(route)
    assert procedure.reaction_class == name
    assert check_procedure(procedure) == []
    assert procedure.limiting in procedure.reactants
    assert procedure.vessel in ("open", "reflux", "sealed")
    assert 0.0 <= hazard_score((procedure,)) <= 1.0
    assert expected_yield(route.steps[0]) == pytest.approx(procedure.expected_yield.quantity.value)
    operations = to_protocol(route, (procedure,), sample="e1", characterise=["purity"]).operations
    assert [op.action for op in operations] == ["react", "work_up", "purify", "inject_gc"]


def test_heavy_atoms_from_nowhere_are_refused_and_named() -> None:
    with pytest.raises(Unbalanced, match="Br"):
        check_balance(learned("CCO>>CCCBr"))
    check_balance(learned("Cc1ccccc1F>>Fc1ccccc1CBr"))  # N-bromosuccinimide of the class brings the bromine


def test_a_reactant_that_is_needed_twice_is_charged_twice() -> None:
    step = learned("NCCN.O=C(O)c1ccncc1>>O=C(NCCNC(=O)c1ccncc1)c1ccncc1")
    (procedure,) = write_procedures(route_of(step))
    amounts = {c.smiles: c.amount.magnitude("mol") for c in procedure.charges if c.role is Role.REACTANT}
    assert amounts["O=C(O)c1ccncc1"] >= 2.0 * amounts["NCCN"]
    assert procedure.limiting == "NCCN"
    assert check_procedure(procedure) == []


def test_each_check_can_fail() -> None:
    procedure = write_procedures(TWO)[0]
    lost = procedure.model_copy(update={"charges": procedure.charges[1:]})
    assert any(p.startswith("balance") for p in check_procedure(lost))
    small = procedure.model_copy(update={"vessel_volume": Quantity(value=50.0, unit="mL")})
    assert [p.partition(":")[0] for p in check_procedure(small)] == ["volume"]
    warmer = procedure.temperature.model_copy(update={"quantity": Quantity(value=480.0, unit="K")})
    hot = procedure.model_copy(update={"temperature": warmer, "vessel": "open"})
    assert [p.partition(":")[0] for p in check_procedure(hot)] == ["boiling"]
    heavier = procedure.charges[0].model_copy(update={"mass": Quantity(value=999.0, unit="g")})
    wrong = procedure.model_copy(update={"charges": (heavier, *procedure.charges[1:])})
    assert [p.partition(":")[0] for p in check_procedure(wrong)] == ["mass"]


@pytest.mark.parametrize("name", list(TARGETS)[:8])
def test_curated_routes_pass_the_same_checks(name: str, planner: RoutePlanner) -> None:
    procedures = write_procedures(planner.plan(TARGETS[name][0], make=True)[0])
    assert [check_procedure(p) for p in procedures] == [[] for _ in procedures]


def test_mass_intensity_counts_an_intermediate_once() -> None:
    procedures = write_procedures(TWO)
    charged = sum(c.mass.value for p in procedures for c in p.charges)
    handed = next(c.mass.value for c in procedures[1].charges if c.smiles == procedures[0].product)
    intensity = process_mass_intensity(procedures)
    assert intensity == pytest.approx((charged - handed) / procedures[-1].product_mass.value)
    assert intensity > 5.0
    assert process_mass_intensity(()) == 1.0


def test_an_azide_is_worse_than_an_ester() -> None:
    azide = route_of(learned("BrCc1ccccc1.[N-]=[N+]=[N-]>>[N-]=[N+]=NCc1ccccc1"))
    ester = route_of(learned("CCO.O=C(O)c1ccncc1>>CCOC(=O)c1ccncc1"))
    dangerous, tame = write_procedures(azide), write_procedures(ester)
    assert any("azide" in text for text in dangerous[0].hazards)
    assert hazard_score(dangerous) > hazard_score(tame)


def test_other_sites_are_side_products() -> None:
    (procedure,) = write_procedures(route_of(learned("CC(=O)Cl.NCCc1ccc(N)cc1>>CC(=O)NCCc1ccc(N)cc1")))
    assert "CC(=O)Nc1ccc(CCN)cc1" in procedure.competing
    assert procedure.product not in procedure.competing


def test_old_documents_still_load() -> None:
    procedure = write_procedures(TWO)[0]
    new = ("limiting", "quench", "vessel", "competing", "precedents", "notes")
    document = {k: v for k, v in procedure.model_dump(mode="json").items() if k not in new}
    loaded = Procedure.model_validate(document)
    assert loaded.quench is None
    assert loaded.precedents == ()
    assert check_procedure(loaded) == []


def test_text_names_precedents_and_the_quench() -> None:
    procedures = write_procedures(TWO)
    text = render(procedures)
    assert "Quench: 2 M hydrochloric acid" in text
    for precedent in procedures[0].precedents:
        assert precedent.id in text
    assert next(c for c in procedures[1].charges if c.role is Role.REACTANT).smiles == procedures[0].product
