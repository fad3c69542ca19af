"""A small space of real chemistry: solvents in an open vessel, which boil away above their boiling points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knowledge.records.space import Category, Number, Option, Setting, Space
from knowledge.records.trial import Trial
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.grid import Grid

BOILING = {  # degC at 1 atm
    "diethyl ether": ("CCOCC", 34.6),
    "dichloromethane": ("ClCCl", 39.6),
    "acetone": ("CC(C)=O", 56.1),
    "methanol": ("CO", 64.7),
    "THF": ("C1CCOC1", 66.0),
    "ethyl acetate": ("CCOC(C)=O", 77.1),
    "ethanol": ("CCO", 78.4),
    "acetonitrile": ("CC#N", 81.6),
    "1-propanol": ("CCCO", 97.2),
    "toluene": ("Cc1ccccc1", 110.6),
    "butyronitrile": ("CCCC#N", 117.6),
    "butyl acetate": ("CCCCOC(C)=O", 126.1),
    "p-xylene": ("Cc1ccc(C)cc1", 138.4),
    "DMF": ("CN(C)C=O", 153.0),
    "DMAc": ("CC(=O)N(C)C", 165.0),
}
SPACE = Space(
    parameters=(
        Category(name="solvent", options=tuple(Option(name=n, smiles=s) for n, (s, _) in BOILING.items())),
        Number(name="temperature", unit="degC", levels=tuple(float(t) for t in range(25, 170, 12))),
        Number(name="concentration", unit="mol/L", levels=(0.05, 0.1, 0.2)),
    )
)
ENCODING = Encoding(SPACE)
GRID = Grid(ENCODING)


def everything() -> NDArray[np.float64]:
    """All 585 settings as codes."""
    return np.concatenate(list(GRID.chunks(1000)))


def boiled(settings: list[Setting]) -> NDArray[np.bool_]:
    return np.array([float(s["temperature"]) > BOILING[str(s["solvent"])][1] for s in settings])


def conversion(setting: Setting) -> float:
    """Percent after an hour: second order, 80 kJ/mol, 5e-4 L/mol/s at 80 degC, at most at reflux."""
    kelvin = min(float(setting["temperature"]), BOILING[str(setting["solvent"])][1]) + 273.15
    rate = 5e-4 * np.exp(-80e3 / 8.314 * (1.0 / kelvin - 1.0 / 353.15))
    extent = rate * float(setting["concentration"]) * 3600.0
    return float(100.0 * extent / (1.0 + extent))


def trials(n: int, seed: int) -> list[Trial]:
    """What `n` different settings gave, drawn at random."""
    settings = ENCODING.decode(GRID.draw(n, seed))
    return [Trial(setting=s, values={"conversion": conversion(s)}) for s in settings]
