"""Export as XDL-like XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from knowledge.records.procedure import Role
from knowledge.records.quantity import Quantity
from planners.routes.procedure import write_procedures
from planners.routes.xdl import to_xdl
from tests.routes.test_procedure_learned import TWO

PROCEDURES = write_procedures(TWO)


def test_amounts_are_the_procedures_and_carry_units() -> None:
    root = ET.fromstring(to_xdl(PROCEDURES, TWO))
    assert root.tag == "XDL"
    syntheses = root.findall("Synthesis")
    assert len(syntheses) == 2
    for synthesis, procedure in zip(syntheses, PROCEDURES, strict=True):
        reaction = synthesis.find("Procedure/Reaction")
        assert reaction is not None
        charged = {Quantity.model_validate(e.attrib["mass"]).magnitude("g") for e in reaction if "mass" in e.attrib}
        assert charged == {c.mass.magnitude("g") for c in procedure.charges}
        moles = {Quantity.model_validate(e.attrib["amount"]).magnitude("mol") for e in reaction if "mass" in e.attrib}
        assert moles == {c.amount.magnitude("mol") for c in procedure.charges}
        heat = reaction.find("HeatChill")
        assert heat is not None
        kelvin = float(heat.attrib["temp"].partition(" ")[0]) + 273.15
        assert kelvin == pytest.approx(procedure.temperature.quantity.magnitude("K"), abs=0.01)
        assert heat.attrib["time"] == str(procedure.duration.quantity)


def test_what_is_used_is_declared() -> None:
    root = ET.fromstring(to_xdl(PROCEDURES, TWO))
    for synthesis in root.findall("Synthesis"):
        reagents = {r.attrib["name"] for r in synthesis.iterfind("Reagents/Reagent")}
        vessels = {c.attrib["id"] for c in synthesis.iterfind("Hardware/Component")}
        for element in synthesis.iterfind("Procedure/*/*"):
            for key in ("reagent", "solvent", "agent"):
                assert element.attrib.get(key) in {None, *reagents}
            for key in ("vessel", "from_vessel", "to_vessel", "separation_vessel"):
                assert element.attrib.get(key) in {None, *vessels}


def test_an_intermediate_is_transferred_not_bought() -> None:
    root = ET.fromstring(to_xdl(PROCEDURES, TWO))
    second = root.findall("Synthesis")[1]
    moved = second.find("Procedure/Reaction/Transfer")
    assert moved is not None
    assert moved.attrib["from_vessel"] == "product_1"
    bought = {r.attrib.get("smiles") for r in second.iterfind("Reagents/Reagent")}
    assert PROCEDURES[0].product not in bought
    assert all(c.smiles in bought for c in PROCEDURES[1].charges if c.role is not Role.REACTANT)


def test_deterministic_round_trip() -> None:
    text = to_xdl(PROCEDURES, TWO)
    assert text == to_xdl(write_procedures(TWO), TWO)
    again = ET.tostring(ET.fromstring(text), encoding="unicode")
    assert ET.canonicalize(text) == ET.canonicalize(again)


def test_procedures_of_another_route_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of the route"):
        to_xdl(PROCEDURES[:1], TWO)
