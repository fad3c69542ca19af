"""What arithmetic on the structure gives: the same to the last digit for everybody, so without any uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import QED, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # missing in RDKit's stubs

from knowledge.features.featurizer import parse
from planners.design.evaluation.evaluator import Values
from planners.design.evaluation.surfactants import chain_length, davies
from planners.design.filters.accessibility import synthetic_accessibility

Formula = Callable[[Chem.Mol], float]

_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2)


def conjugated_atoms(mol: Chem.Mol) -> float:
    """Atoms of the largest system of conjugated bonds, by RDKit's perception; 0 without any."""
    neighbours: dict[int, list[int]] = {}
    for bond in mol.GetBonds():
        if bond.GetIsConjugated():
            first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            neighbours.setdefault(first, []).append(second)
            neighbours.setdefault(second, []).append(first)
    seen: set[int] = set()
    largest = 0
    for start in neighbours:
        if start in seen:
            continue
        system, open_ends = {start}, [start]
        while open_ends:
            fresh = [n for n in neighbours[open_ends.pop()] if n not in system]
            system.update(fresh)
            open_ends += fresh
        seen |= system
        largest = max(largest, len(system))
    return float(largest)


FORMULAS: Mapping[str, Formula] = MappingProxyType(
    {
        "logp": lambda mol: float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0]),
        "tpsa": lambda mol: float(rdMolDescriptors.CalcTPSA(mol)),
        "molar_mass": lambda mol: float(MolWt(mol)),
        "qed": lambda mol: float(QED.qed(mol)),
        "synthetic_accessibility": synthetic_accessibility,
        "rotatable_bonds": lambda mol: float(rdMolDescriptors.CalcNumRotatableBonds(mol)),
        "conjugated_atoms": conjugated_atoms,
        "chain_length": chain_length,
        "hydrophilic_lipophilic_balance": davies,
    }
)


def similarity_to(smiles: str) -> Formula:
    """Tanimoto similarity of counted Morgan fingerprints (radius 2) to a molecule. Raises InvalidMolecule."""
    reference = _MORGAN.GetSparseCountFingerprint(parse(smiles))
    return lambda mol: float(DataStructs.TanimotoSimilarity(_MORGAN.GetSparseCountFingerprint(mol), reference))


class Computed:
    """Values by formula, each named as in `Problem.wanted`; a molecule is read once for all of them."""

    def __init__(self, formulas: Mapping[str, Formula]) -> None:
        self.names = tuple(formulas)
        self._formulas = tuple(formulas.values())

    def __call__(self, smiles: Sequence[str]) -> Values:
        mean = np.array([self._row(text) for text in smiles], dtype=np.float64).reshape(len(smiles), len(self.names))
        return Values.exact(mean)

    def _row(self, smiles: str) -> list[float]:
        mol = parse(smiles)
        return [formula(mol) for formula in self._formulas]


@cache
def formula(name: str, reference: str | None) -> Formula:
    """The formula of a computed quantity. Raises InvalidMolecule for a reference that is no molecule."""
    return similarity_to(reference or "") if name == "similarity" else FORMULAS[name]
