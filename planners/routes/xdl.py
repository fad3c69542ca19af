"""Procedures as XML in the manner of the chemical description language XDL, one Synthesis per step.

S. H. M. Mehr, M. Craven, A. I. Leonov, G. Keenan and L. Cronin, Science 2020, 370, 101. Element and attribute names
follow that standard; `smiles`, `amount` and the text of `Metadata` go beyond it. Every number carries its unit.
Work-up liquids, which procedures do not count, are given as one reaction volume each.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from knowledge.records.procedure import Charge, Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Route
from planners.routes.appraisal import filled
from planners.routes.conditions import conditions_table
from planners.routes.purification import method_of

ROOM = "25.00 °C"
VERSION = "2.0"
# By work-up of the conditions table: liquids that are added, phases that are taken, what dries the solution.
_QUENCH: dict[str, tuple[tuple[str, str], ...]] = {
    "quench_hydride": (("water", "0.00 °C"), ("2 M sodium hydroxide", "0.00 °C")),
    "quench_ammonium": (("saturated ammonium chloride", "0.00 °C"),),
    "quench_oxidant": (("saturated sodium sulfite", "10.00 °C"),),
    "ice": (("ice water", "0.00 °C"),),
    "acidify": (("2 M hydrochloric acid", "10.00 °C"),),
    "base_then_extract": (("2 M sodium hydroxide", "10.00 °C"),),
    "neutralise": (("saturated sodium hydrogen carbonate", ROOM),),
    "aqueous": (("water", ROOM),),
}
_EXTRACTED = frozenset({"quench_ammonium", "ice", "acidify", "base_then_extract", "aqueous"})
_WASHES: dict[str, tuple[str, ...]] = {
    "neutralise": ("brine",),
    "aqueous": ("brine",),
    "acid_wash": ("1 M hydrochloric acid", "saturated sodium hydrogen carbonate", "brine"),
    "quench_ammonium": ("brine",),
    "quench_oxidant": ("saturated sodium hydrogen carbonate", "brine"),
    "ice": ("saturated sodium hydrogen carbonate", "brine"),
}
_FILTERED = frozenset({"filter_salts", "filter_catalyst", "quench_hydride"})
_UNDRIED = frozenset({"evaporate", "filter_salts", "filter_catalyst"})


def to_xdl(procedures: Sequence[Procedure], route: Route) -> str:
    """A well-formed document, the same for the same input. Raises ValueError when `procedures` are not the route's."""
    if [p.product for p in procedures] != [s.product for s in route.steps]:
        raise ValueError("the procedures are not those of the route")
    root = ET.Element("XDL", version=VERSION, target=route.target)
    made: dict[str, str] = {}
    for number, procedure in enumerate(procedures, start=1):
        _synthesis(root, procedure, number, made)
        made[procedure.product] = f"product_{number}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _synthesis(root: ET.Element, procedure: Procedure, number: int, made: dict[str, str]) -> None:
    synthesis = ET.SubElement(root, "Synthesis", id=f"step_{number}")
    metadata = ET.SubElement(
        synthesis,
        "Metadata",
        reaction_class=procedure.reaction_class,
        product=procedure.product,
        product_mass=_text(procedure.product_mass),
        expected_yield=f"{procedure.expected_yield.quantity.value:g}",
    )
    for hazard in procedure.hazards:
        ET.SubElement(metadata, "Hazard").text = hazard
    for precedent in procedure.precedents:
        ET.SubElement(metadata, "Precedent", id=precedent.id, similarity=f"{precedent.similarity:g}")
    hardware = ET.SubElement(synthesis, "Hardware")
    reactor = "reactor"
    ET.SubElement(hardware, "Component", id=reactor, type="reactor", volume=_text(procedure.vessel_volume))
    ET.SubElement(hardware, "Component", id="separator", type="separator")
    ET.SubElement(hardware, "Component", id="rotavap", type="rotavap")
    ET.SubElement(hardware, "Component", id=f"product_{number}", type="flask")
    for source in dict.fromkeys(made[c.smiles] for c in procedure.charges if c.smiles in made):
        ET.SubElement(hardware, "Component", id=source, type="flask")
    reagents = ET.SubElement(synthesis, "Reagents")
    body = ET.SubElement(synthesis, "Procedure")
    reaction = ET.SubElement(body, "Reaction")
    for charge in _order(procedure.charges):
        if charge.smiles in made and charge.role is Role.REACTANT:
            ET.SubElement(reaction, "Transfer", _amounts(charge), from_vessel=made[charge.smiles], to_vessel=reactor)
            continue
        ET.SubElement(reagents, "Reagent", name=charge.name, smiles=charge.smiles, role=charge.role.value)
        ET.SubElement(reaction, "Add", _amounts(charge), vessel=reactor, reagent=charge.name, stir="true")
    ET.SubElement(
        reaction,
        "HeatChill",
        vessel=reactor,
        temp=_celsius(procedure.temperature.quantity),
        time=_text(procedure.duration.quantity),
        stir="true",
    )
    _workup(ET.SubElement(body, "Workup"), reagents, procedure)
    _purification(ET.SubElement(body, "Purification"), procedure, f"product_{number}")


def _order(charges: Sequence[Charge]) -> list[Charge]:
    """Solvent first, then what reacts, catalysts last: nothing is heated dry, and the catalyst starts the clock."""
    place = {Role.SOLVENT: 0, Role.REACTANT: 1, Role.REAGENT: 2, Role.CATALYST: 3}
    return sorted(charges, key=lambda c: place[c.role])


def _amounts(charge: Charge) -> dict[str, str]:
    found = {"mass": _text(charge.mass), "amount": _text(charge.amount)}
    if charge.volume is not None:
        found["volume"] = _text(charge.volume)
    return found


def _workup(parent: ET.Element, reagents: ET.Element, procedure: Procedure) -> None:
    names = {text: name for name, text in conditions_table().workups.items()}
    name = names.get(procedure.workup.text, "")
    parent.set("description", procedure.workup.text)
    volume = f"{filled(procedure.charges):.6g} mL"

    def liquid(text: str) -> str:
        if all(r.get("name") != text for r in reagents):
            ET.SubElement(reagents, "Reagent", name=text, role="workup")
        return text

    if name not in _QUENCH:
        ET.SubElement(parent, "HeatChillToTemp", vessel="reactor", temp=ROOM)
    for text, temperature in _QUENCH.get(name, ()):
        ET.SubElement(parent, "HeatChillToTemp", vessel="reactor", temp=temperature)
        ET.SubElement(parent, "Add", vessel="reactor", reagent=liquid(text), volume=volume, dropwise="true")
        ET.SubElement(parent, "Stir", vessel="reactor", time="15 min")
    if name in _FILTERED:
        ET.SubElement(parent, "Filter", vessel="reactor")
    vessel = "reactor"
    if name in _EXTRACTED:
        ET.SubElement(
            parent, "Separate", purpose="extract", from_vessel="reactor", separation_vessel="separator",
            to_vessel="rotavap", solvent=liquid("ethyl acetate"), solvent_volume=volume, n_separations="3",
        )  # fmt: skip
        vessel = "rotavap"
    for text in _WASHES.get(name, ()):
        ET.SubElement(
            parent, "Separate", purpose="wash", from_vessel=vessel, separation_vessel="separator",
            to_vessel="rotavap", solvent=liquid(text), solvent_volume=volume, n_separations="1",
        )  # fmt: skip
        vessel = "rotavap"
    if name and name not in _UNDRIED:
        ET.SubElement(parent, "Dry", vessel=vessel, agent=liquid("magnesium sulfate"), time="10 min")
        ET.SubElement(parent, "Filter", vessel=vessel)
    ET.SubElement(parent, "Evaporate", vessel=vessel, temp="40.00 °C", pressure="50 mbar")


def _purification(parent: ET.Element, procedure: Procedure, to_vessel: str) -> None:
    parent.set("description", procedure.purification.text)
    method = method_of(procedure)
    if method == "chromatography":
        ET.SubElement(parent, "RunColumn", from_vessel="rotavap", to_vessel=to_vessel, column="silica gel")
    elif method == "recrystallisation":
        ET.SubElement(parent, "Recrystallize", vessel="rotavap", to_vessel=to_vessel)
        ET.SubElement(parent, "Dry", vessel=to_vessel, temp="40.00 °C", time="4 h", pressure="10 mbar")
    else:
        ET.SubElement(parent, "Distill", from_vessel="rotavap", to_vessel=to_vessel)


def _text(quantity: Quantity) -> str:
    return f"{quantity.value:.6g} {quantity.unit}"


def _celsius(quantity: Quantity) -> str:
    return f"{quantity.magnitude('K') - 273.15:.2f} °C"
