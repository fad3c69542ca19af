"""The properties that a drawn molecule can be asked to have: what a problem's goals mean in them, and what a known
molecule has of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from knowledge.quantum.surrogate import QUANTITIES, Surrogate
from planners.design.problem import Problem

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# By name; the unit is part of it. Frontier orbitals and their gap are B3LYP's (eV), the dipole is in debye, the
# polarizability in bohr³, logP is Crippen's, the polar surface in Å².
PROPERTIES: tuple[str, ...] = (
    "gap_ev",
    "homo_ev",
    "lumo_ev",
    "dipole_debye",
    "polarizability_bohr3",
    "logp",
    "polar_surface_a2",
)
FARTHEST = 2.5  # standard deviations; beyond them the data have next to nothing to learn from

# What the network was taught is B3LYP; problems speak of GFN2-xTB. (slope, intercept) from the one to the other by
# least squares on 1,500 development molecules of QM9, with GFN2-xTB as its surrogate guesses it: correlations 0.86,
# 0.75, 0.86, 0.70.
_FROM_XTB = MappingProxyType(
    {
        "gap_ev": (0.4960, 4.3243),
        "homo_ev": (0.8952, 3.0228),
        "lumo_ev": (0.4721, 2.9942),
        "dipole_debye": (0.6801, 0.5843),
    }
)
_FROM_REFRACTIVITY = (2.3073, 0.8840)  # polarizability in bohr³ from Crippen's molar refractivity, correlation 0.94

# Quantity of a problem: property of the network.
_MEANS = MappingProxyType(
    {
        "orbital_gap": "gap_ev",
        "homo_energy": "homo_ev",
        "lumo_energy": "lumo_ev",
        "dipole_moment": "dipole_debye",
        "logp": "logp",
        "tpsa": "polar_surface_a2",
    }
)


@dataclass(frozen=True)
class Aim:
    """What a problem asks for in terms of the network: values (p,), standardised, and which of them it names (p,)."""

    values: Array
    named: Flags


def aim(problem: Problem, mean: Array, std: Array) -> Aim:
    """mean, std: (p,) of the training data. Goals first; a requirement counts where no goal names its property."""
    values, named = np.zeros(len(PROPERTIES)), np.zeros(len(PROPERTIES), dtype=np.bool_)

    def wants(quantity: str, value: float) -> None:
        k = _column(quantity)
        if k is None or named[k]:
            return
        if np.isfinite(value):
            slope, intercept = _FROM_XTB.get(PROPERTIES[k], (1.0, 0.0))
            value = (slope * value + intercept - mean[k]) / std[k]
        values[k], named[k] = np.clip(value, -FARTHEST, FARTHEST), True

    for goal in problem.goals:
        wants(goal.property, goal.best_value)
    for requirement in problem.requirements:
        low, high = requirement.bounds
        ends = [end for end in (low, high) if np.isfinite(end)]
        wants(requirement.property, float(np.mean(ends)))
    return Aim(values, named)


def _column(quantity: str) -> int | None:
    name = _MEANS.get(quantity)
    return None if name is None else PROPERTIES.index(name)


def possessed(smiles: Sequence[str], mean: Array, std: Array) -> Array:
    """What molecules have of PROPERTIES, (m, p), standardised: logP and polar surface by formula, the rest guessed by
    the surrogate of GFN2-xTB and by refractivity; 0, the average, where there is no guess. Raises InvalidMolecule.
    """
    mols = [Chem.MolFromSmiles(text) for text in smiles]
    guesses = Surrogate.shipped().guess(smiles).mean
    crippen = np.array([rdMolDescriptors.CalcCrippenDescriptors(mol) for mol in mols]).reshape(-1, 2)
    columns = []
    for name in PROPERTIES:
        if name in _FROM_XTB:
            slope, intercept = _FROM_XTB[name]
            columns.append(slope * guesses[:, QUANTITIES.index(name)] + intercept)
        elif name == "polarizability_bohr3":
            slope, intercept = _FROM_REFRACTIVITY
            columns.append(slope * crippen[:, 1] + intercept)
        elif name == "logp":
            columns.append(crippen[:, 0])
        else:
            columns.append(np.array([rdMolDescriptors.CalcTPSA(mol) for mol in mols]))
    standard = (np.stack(columns, axis=1).reshape(len(smiles), len(PROPERTIES)) - mean) / std
    return np.nan_to_num(standard, nan=0.0).clip(-2 * FARTHEST, 2 * FARTHEST)
