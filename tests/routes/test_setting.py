"""A setting in grams and millilitres: checked against amounts worked out by hand."""

from __future__ import annotations

import pytest

from knowledge.records.procedure import Basis, Charge, Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.reaction import Meaning, Part, Reaction, Substance
from knowledge.records.space import BadSetting, Category, Number, Option, Setting, Space
from planners.routes.rendering import render
from planners.routes.setting import SOLVENT_DENSITY, route_of, station_protocol, write_setting

BROMIDE, AMINE, PRODUCT = "Brc1ccccc1", "C1COCCN1", "c1ccc(N2CCOCC2)cc1"
REACTION = Reaction(
    substances=(
        Substance(smiles=AMINE, name="morpholine", equivalents=1.2),
        Substance(smiles=BROMIDE, name="bromobenzene", equivalents=1.0),
        Substance(smiles="[Pd]", name="palladium", part=Part.CATALYST, equivalents=0.01),
    ),
    product=PRODUCT,
    scale=Quantity(value=2.0, unit="mmol"),
    time=Quantity(value=90.0, unit="minute"),
)
SPACE = Space(
    parameters=(
        Category(name="additive", options=(Option(name="none"), Option(name="water", smiles="O"))),
        Category(
            name="solvent",
            options=(
                Option(name="toluene", smiles="Cc1ccccc1"),
                Option(name="new ether", smiles="CCCC(C)OC(C)CC(C)OC"),
                Option(name="none"),
            ),
        ),
        Number(name="loading", unit="percent", low=0.0, high=10.0),
        Number(name="concentration", unit="mmol/L", low=50.0, high=1000.0),
        Number(name="temperature", unit="degC", low=20.0, high=150.0),
        Number(name="stirring", unit="rpm", levels=(300.0, 600.0)),
    )
)
MEANINGS = (
    Meaning(parameter="additive", part=Part.ADDITIVE, equivalents=0.5),
    Meaning(parameter="solvent", part=Part.SOLVENT),
    Meaning(parameter="loading", part=Part.LOADING, of="palladium"),
    Meaning(parameter="concentration", part=Part.CONCENTRATION),
    Meaning(parameter="temperature", part=Part.TEMPERATURE),
    Meaning(parameter="stirring", part=Part.OTHER),
)
SETTING: Setting = {
    "additive": "water", "solvent": "toluene", "loading": 5.0, "concentration": 500.0, "temperature": 80.0,
    "stirring": 600.0,
}  # fmt: skip


def written(expected: float | None = None, **changes: str | float) -> Procedure:
    return write_setting(REACTION, SPACE, MEANINGS, {**SETTING, **changes}, expected=expected)


def charges(procedure: Procedure) -> dict[str, Charge]:
    return {c.name: c for c in procedure.charges}


def test_amounts_follow_from_equivalents_loading_and_concentration() -> None:
    procedure = written()
    found = charges(procedure)
    assert procedure.limiting == BROMIDE
    assert found["bromobenzene"].mass.value == pytest.approx(2e-3 * 157.01, rel=1e-4)
    assert found["morpholine"].amount.value == pytest.approx(2.4e-3)
    assert found["palladium"].amount.value == pytest.approx(0.1e-3), "5 percent, not the 1 percent of the file"
    assert found["water"].amount.value == pytest.approx(1e-3)
    assert found["toluene"].volume == Quantity(value=4.0, unit="mL"), "2 mmol at 0.5 mol/L"
    assert found["toluene"].mass.value == pytest.approx(4.0 * 0.862, rel=0.01)
    assert (found["toluene"].role, found["water"].role) == (Role.SOLVENT, Role.REAGENT)
    assert procedure.temperature.quantity == Quantity(value=353.15, unit="K")
    assert procedure.duration.quantity == Quantity(value=1.5, unit="hour")
    assert "stirring: 600 rpm" in procedure.notes


def test_nothing_of_a_substance_is_nothing_charged() -> None:
    assert "water" not in charges(written(additive="none"))
    assert "palladium" not in charges(written(loading=0.0))
    assert [c.role for c in written(solvent="none").charges].count(Role.SOLVENT) == 0


def test_a_solvent_that_the_handbook_does_not_know_is_said_to_be_guessed() -> None:
    procedure = written(solvent="new ether")
    poured = charges(procedure)["new ether"]
    assert poured.basis is Basis.DEFAULT
    assert poured.volume == Quantity(value=4.0, unit="mL")
    assert poured.mass.value == pytest.approx(4.0 * SOLVENT_DENSITY)
    assert any("no density of new ether is known" in note for note in procedure.notes)


def test_a_closed_vessel_where_the_solvent_would_boil() -> None:
    assert written(temperature=120.0).vessel == "sealed"
    assert written(temperature=80.0).vessel == "reflux"


def test_the_predicted_yield_says_what_mass_to_expect() -> None:
    full = 2e-3 * 163.22
    assert written(expected=0.6).product_mass.value == pytest.approx(0.6 * full, rel=1e-3)
    assert written(expected=1.3).product_mass.value == pytest.approx(full, rel=1e-3), (
        "no yield is more than 100 percent"
    )
    silent = written()
    assert silent.product_mass.value == pytest.approx(full, rel=1e-3)
    assert any("nobody has predicted the yield" in note for note in silent.notes)


def test_what_is_dangerous_together_is_told() -> None:
    space = SPACE.model_copy(
        update={"parameters": (Category(name="additive", options=(Option(name="sodium hydride", smiles="[H-].[Na+]"),
                                                                  Option(name="water", smiles="O"))),
                               *SPACE.parameters[1:])}
    )  # fmt: skip
    procedure = write_setting(REACTION, space, MEANINGS, {**SETTING, "additive": "sodium hydride"})
    assert any("hydrogen" in words for words in procedure.hazards)


@pytest.mark.parametrize("change", [{"temperature": 200.0}, {"solvent": "brine"}, {"stirring": 450.0}])
def test_a_setting_outside_the_space_is_refused(change: Setting) -> None:
    with pytest.raises(BadSetting):
        written(**change)


def test_it_reads_like_any_other_step() -> None:
    procedure = written(expected=0.5)
    route = route_of(REACTION, procedure)
    assert [step.product for step in route.steps] == [REACTION.product]
    assert {leaf.smiles for leaf in route.leaves} == {AMINE, BROMIDE}
    protocol = station_protocol(procedure, SETTING, ("reaction_yield",), sample="e1")
    (operation,) = protocol.operations
    assert operation.model_dump()["setting"] == SETTING
    assert protocol.instruments == ("reaction_station",)
    shown = render([procedure])
    assert "5 mol" not in shown
    assert "2 mmol, 1 eq" in shown
    assert "Hold at 353.15 K for 1.5 hour" in shown
