"""Whole-molecule descriptors: a short fixed list that is fast, finite and has a meaning for liquids.

Not RDKit's 200: many of those are nearly constant over small molecules, some are NaN, and a few cost as much as the
rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors, rdPartialCharges

from knowledge.features.featurizer import Memory, parse

_ELEMENTS = ("C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I")

_SCALARS: tuple[tuple[str, Callable[[Chem.Mol], float]], ...] = (
    # size and shape
    ("exact_mass", rdMolDescriptors.CalcExactMolWt),
    ("heavy_atoms", rdMolDescriptors.CalcNumHeavyAtoms),
    ("labute_asa", rdMolDescriptors.CalcLabuteASA),
    ("chi0v", rdMolDescriptors.CalcChi0v),
    ("chi1v", rdMolDescriptors.CalcChi1v),
    ("chi2v", rdMolDescriptors.CalcChi2v),
    ("chi3v", rdMolDescriptors.CalcChi3v),
    ("chi4v", rdMolDescriptors.CalcChi4v),
    ("chi1n", rdMolDescriptors.CalcChi1n),
    ("kappa1", rdMolDescriptors.CalcKappa1),
    ("kappa2", rdMolDescriptors.CalcKappa2),
    ("kappa3", rdMolDescriptors.CalcKappa3),
    ("hall_kier_alpha", rdMolDescriptors.CalcHallKierAlpha),
    ("phi", rdMolDescriptors.CalcPhi),
    # flexibility and rings
    ("rotatable_bonds", rdMolDescriptors.CalcNumRotatableBonds),
    ("rings", rdMolDescriptors.CalcNumRings),
    ("aromatic_rings", rdMolDescriptors.CalcNumAromaticRings),
    ("heterocycles", rdMolDescriptors.CalcNumHeterocycles),
    ("fraction_csp3", rdMolDescriptors.CalcFractionCSP3),
    # polarity and hydrogen bonds
    ("tpsa", rdMolDescriptors.CalcTPSA),
    ("hbd", rdMolDescriptors.CalcNumHBD),
    ("hba", rdMolDescriptors.CalcNumHBA),
    ("lipinski_hba", rdMolDescriptors.CalcNumLipinskiHBA),
    ("amide_bonds", rdMolDescriptors.CalcNumAmideBonds),
)
_DERIVED = ("logp", "molar_refractivity", "charge_max", "charge_min", "charge_abs_mean", "charge_variance")
_BCUT = ("mass_high", "mass_low", "charge_high", "charge_low", "logp_high", "logp_low", "mr_high", "mr_low")
_COLUMNS = (
    *(name for name, _ in _SCALARS),
    *_DERIVED,
    *(f"n_{element}" for element in _ELEMENTS),
    *(f"bcut_{name}" for name in _BCUT),
)


def _computed(smiles: str) -> npt.NDArray[np.float64]:
    mol = parse(smiles)
    logp, refractivity = rdMolDescriptors.CalcCrippenDescriptors(mol)
    charges = _charges(mol)
    elements = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    values = [
        *(function(mol) for _, function in _SCALARS),
        logp,
        refractivity,
        charges.max(),
        charges.min(),
        np.abs(charges).mean(),
        charges.var(),
        *(elements[element] for element in _ELEMENTS),
        *_bcut(mol),
    ]
    row: npt.NDArray[np.float64] = np.nan_to_num(np.array(values, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return row


ROWS = Memory(_computed)


def _charges(mol: Chem.Mol) -> npt.NDArray[np.float64]:
    """Gasteiger charges of the heavy atoms, hydrogens folded in; zero where an element has no parameters."""
    rdPartialCharges.ComputeGasteigerCharges(mol, throwOnParamFailure=False)
    charges = [a.GetDoubleProp("_GasteigerCharge") + a.GetDoubleProp("_GasteigerHCharge") for a in mol.GetAtoms()]
    cleaned: npt.NDArray[np.float64] = np.nan_to_num(
        np.array(charges, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0
    )
    return cleaned


def _bcut(mol: Chem.Mol) -> list[float]:
    """Extreme eigenvalues of the Burden matrix weighted by mass, charge, logP and refractivity (Pearlman and Smith
    1999).
    """
    try:
        return list(rdMolDescriptors.BCUT2D(mol))
    except (RuntimeError, ValueError):
        # No bond to build a matrix from (methane, water) or an atom without parameters: zeros, like other undefined
        # values.
        return [0.0] * len(_BCUT)


class Descriptors:
    """48 numbers per molecule; what is undefined for a molecule is 0. Not scaled."""

    name = "descriptors"
    version = "1"
    columns = _COLUMNS

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), len(columns)). Raises InvalidMolecule."""
        if not smiles:
            return np.zeros((0, len(_COLUMNS)))
        return np.stack([ROWS(text) for text in smiles])
