"""The same procedure for instruments: ordered operations on labelled samples."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.records.procedure import Procedure
from knowledge.records.properties import components, get_property
from knowledge.records.protocol import (
    Dispense,
    InjectGC,
    MeasureBoilingPoint,
    MeasureFlashPoint,
    MeasureSolvency,
    MeasureViscosity,
    Operation,
    Protocol,
    Purify,
    React,
    WorkUp,
)
from knowledge.records.quantity import Quantity
from knowledge.records.route import Route
from planners.routes.procedure import TARGET_MASS
from planners.routes.purification import method_of

# Non-destructive tests first; the flash-point aliquot burns and the solvency aliquots are spent.
_TESTS: tuple[
    tuple[type[MeasureViscosity | MeasureBoilingPoint | MeasureFlashPoint | MeasureSolvency], frozenset[str]], ...
] = (
    (MeasureViscosity, frozenset({"viscosity"})),
    (MeasureBoilingPoint, frozenset({"boiling_point"})),
    (MeasureSolvency, frozenset({"hansen_dispersion", "hansen_polar", "hansen_hydrogen"})),
    (MeasureFlashPoint, frozenset({"flash_point"})),
)
_ALWAYS = frozenset(
    {"purity", "reaction_yield", "isolated_mass"}
)  # from the balance and the chromatogram of every sample


class NotMeasurable(ValueError):
    """No instrument of the bench measures that property."""


def to_protocol(
    route: Route,
    procedures: Sequence[Procedure],
    *,
    sample: str,
    characterise: Sequence[str],
    target_mass: Quantity = TARGET_MASS,
) -> Protocol:
    """`characterise`: property names of the table. `target_mass` is what a purchased target is dispensed in.

    Intermediates stand in f"{sample}/s1", f"{sample}/s2", ...; the last step's product in `sample` itself.
    Raises UnknownProperty, NotMeasurable, and ValueError when `procedures` are not those of `route`.
    """
    if [p.product for p in procedures] != [s.product for s in route.steps]:
        raise ValueError("the procedures are not those of the route")
    operations: list[Operation] = []
    if route.purchased:
        operations.append(Dispense(sample=sample, smiles=route.target, mass=target_mass))
    made: dict[str, str] = {}
    for number, procedure in enumerate(procedures, start=1):
        vessel = sample if number == len(procedures) else f"{sample}/s{number}"
        operations.append(
            React(
                sample=vessel,
                product=procedure.product,
                reaction_class=procedure.reaction_class,
                charges=procedure.charges,
                intermediates={r: made[r] for r in sorted(set(procedure.reactants)) if r in made},
                temperature=procedure.temperature.quantity,
                duration=procedure.duration.quantity,
                vessel_volume=procedure.vessel_volume,
            )
        )
        operations.append(WorkUp(sample=vessel, text=procedure.workup.text))
        operations.append(Purify(sample=vessel, product=procedure.product, method=method_of(procedure)))
        made[procedure.product] = vessel
    operations.append(InjectGC(sample=sample, target=route.target))
    operations.extend(_tests(sample, characterise))
    return Protocol(target=route.target, sample=sample, operations=tuple(operations))


def _tests(sample: str, characterise: Sequence[str]) -> list[Operation]:
    needed = {part for name in characterise for part in components(get_property(name).name)}
    measurable = _ALWAYS.union(*(gives for _, gives in _TESTS))
    for name in sorted(needed - measurable):
        raise NotMeasurable(f"no instrument measures '{name}'; measurable: {', '.join(sorted(measurable))}")
    return [test(sample=sample) for test, gives in _TESTS if gives & needed]
