"""Spaces of conditions for tests, of real substances, and a yield that follows from them."""

from __future__ import annotations

import math

from knowledge.records.space import Category, Number, NumberScale, Option, Setting, Space
from knowledge.records.trial import Trial
from planners.optimize.propose import Proposal
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.grid import Grid

LIGANDS = {
    "PPh3": "c1ccc(cc1)P(c1ccccc1)c1ccccc1",
    "PCy3": "C1CCC(CC1)P(C1CCCCC1)C1CCCCC1",
    "PtBu3": "CC(C)(C)P(C(C)(C)C)C(C)(C)C",
    "XPhos": "CC(C)c1cc(C(C)C)c(c(c1)C(C)C)-c1ccccc1P(C1CCCCC1)C1CCCCC1",
    "PMe2Ph": "CP(C)c1ccccc1",
}
SOLVENTS = {"DMAc": "CC(=O)N(C)C", "toluene": "Cc1ccccc1", "BuCN": "CCCC#N"}

TEMPERATURE = Number(name="temperature", unit="degC", low=30.0, high=110.0)
TEMPERATURE_ONLY = Space(parameters=(TEMPERATURE,))


def options(smiles: dict[str, str]) -> tuple[Option, ...]:
    return tuple(Option(name=name, smiles=text) for name, text in smiles.items())


GRID = Space(
    parameters=(
        Category(name="ligand", options=options(LIGANDS)),
        Category(name="solvent", options=options(SOLVENTS)),
        Number(name="temperature", unit="degC", levels=(60.0, 80.0, 100.0)),
        Number(name="loading", unit="percent", levels=(0.5, 1.0, 2.0), scale=NumberScale.LOG),
    )
)
MIXED = Space(
    parameters=(
        Category(name="ligand", options=options(LIGANDS)),
        TEMPERATURE,
        Number(name="loading", unit="percent", low=0.5, high=2.5, scale=NumberScale.LOG),
    )
)

_OF_LIGAND = {"PPh3": 20.0, "PCy3": 55.0, "PtBu3": 45.0, "XPhos": 80.0, "PMe2Ph": 10.0}
_OF_SOLVENT = {"DMAc": 1.0, "toluene": 0.6, "BuCN": 0.8}


def yield_of(setting: Setting) -> float:
    """Percent: best with XPhos in DMAc at 85 degC and much catalyst."""
    temperature, loading = float(setting["temperature"]), float(setting["loading"])
    heat = math.exp(-(((temperature - 85.0) / 30.0) ** 2))
    base = _OF_LIGAND[str(setting["ligand"])] * _OF_SOLVENT[str(setting.get("solvent", "DMAc"))]
    return base * heat * (0.7 + 0.3 * loading / 2.5)


def turnover_of(setting: Setting) -> float:
    """Moles of product per mole of catalyst."""
    return yield_of(setting) / float(setting["loading"])


def tried(settings: list[Setting], **more: object) -> list[Trial]:
    return [
        Trial(setting=s, values={"yield": yield_of(s), "turnover": turnover_of(s)}, **more)  # type: ignore[arg-type]
        for s in settings
    ]


def drawn(space: Space, n: int, seed: int = 0) -> list[Setting]:
    grid = Grid(Encoding(space))
    return grid.encoding.decode(grid.draw(n, seed))


def settings(proposal: Proposal) -> list[Setting]:
    return [c.setting for c in proposal.choices]
