"""A small, fast world of real molecules: 70 known to the agent, the others a pool whose truth is in the handbook."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from knowledge.records.fact import Fact, Kind
from knowledge.records.objective import Constraint, Direction, Objective
from knowledge.records.quantity import Quantity
from knowledge.sources.handbook import Handbook
from planners.optimize.goals import Observation
from planners.optimize.surrogates import Surrogates, fit_surrogates

PROPERTIES = ("boiling_point", "flash_point", "hansen_dispersion", "hansen_hydrogen", "hansen_polar", "viscosity")
OBJECTIVES = (
    Objective(
        property="hansen_distance",
        direction=Direction.MINIMISE,
        unit="MPa**0.5",
        worst=14.0,
        reference=(18.0, 12.3, 7.2),
    ),
    Objective(property="viscosity", direction=Direction.MINIMISE, unit="mPa*s", worst=5.0),
)
CONSTRAINTS = (
    Constraint(
        property="boiling_point", minimum=Quantity(value=400.0, unit="K"), maximum=Quantity(value=503.0, unit="K")
    ),
    Constraint(property="flash_point", minimum=Quantity(value=310.0, unit="K")),
)


@dataclass(frozen=True)
class World:
    known: dict[str, list[Fact]]
    truth: dict[str, dict[str, Fact]]  # pool molecule -> property -> fact

    @property
    def pool(self) -> list[str]:
        return sorted(self.truth)

    def observe(self, smiles: str) -> Observation:
        return Observation(smiles=smiles, values={name: fact.value for name, fact in self.truth[smiles].items()})

    def facts_with(self, measured: list[str]) -> dict[str, list[Fact]]:
        found = {name: list(facts) for name, facts in self.known.items()}
        for smiles in measured:
            for name, fact in self.truth[smiles].items():
                found[name].append(fact.model_copy(update={"kind": Kind.MEASURED_HERE, "source": "lab"}))
        return found


@pytest.fixture(scope="session")
def world() -> World:
    book = Handbook.full()
    by_property = {name: {f.smiles: f for f in book.facts(name)} for name in PROPERTIES}
    complete = [s for s, f in by_property["viscosity"].items() if all(s in facts for facts in by_property.values())]
    ordered = sorted(complete, key=lambda s: by_property["viscosity"][s].sha256)
    known, pool = ordered[:70], ordered[70:190]
    return World(
        known={name: [by_property[name][s] for s in known] for name in PROPERTIES},
        truth={s: {name: by_property[name][s] for name in PROPERTIES} for s in pool},
    )


@pytest.fixture(scope="session")
def surrogates(world: World) -> Surrogates:
    return fit_surrogates(world.known, seed=0)
