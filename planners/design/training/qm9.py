"""QM9 as arrays of heavy atoms: coordinates, elements, bonds, and the properties that a network is asked for.

Ramakrishnan, Dral, Rupp, von Lilienfeld, Sci. Data 2014, 1:140022: all molecules of up to nine C, N, O, F, in B3LYP
geometries, here out of the wheel of qm9pack. Hydrogens are left out: the bonds tell where they are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from knowledge.trainer.wheels import fetched, training_dir
from planners.design.diffusion.drawing import BOND_TYPES
from planners.design.diffusion.network import ELEMENTS, LEAST_ATOMS, MOST_ATOMS
from planners.design.diffusion.wishes import PROPERTIES

WHEEL = "qm9pack==1.0.3"
_PARTS = {f"qm9_part{i}.csv": f"qm9pack/data/qm9_part{i}.csv" for i in (1, 2, 3)}
_ARRAYS = "qm9-1.npz"
_HARTREE_EV = 27.211386
_LONGEST_BOND = 1.8  # Å, between second-row atoms; longer means that the SMILES is not of this geometry
_HELD_OUT = 5_000

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Molecules:
    """x: (m, 9, 3) in Å, mean zero, zeros beyond `size`.  atoms: (m, 9), index in ELEMENTS.  bonds: (m, 9, 9), index in
    BOND_TYPES.  size: (m,).  values: (m, p), by PROPERTIES, in their units.  smiles: (m,), canonical.
    """

    x: Array
    atoms: npt.NDArray[np.int8]
    bonds: npt.NDArray[np.int8]
    size: npt.NDArray[np.int8]
    values: Array
    smiles: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.size)

    def take(self, rows: npt.NDArray[np.intp]) -> Molecules:
        return Molecules(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def molecules() -> Molecules:
    """All of QM9 that is neutral in every atom and whose geometry fits its SMILES, of 3 to 9 heavy atoms.

    Read from the training folder; made there the first time, which takes two minutes. Raises RuntimeError when the
    wheel cannot be fetched.
    """
    path = training_dir("design") / _ARRAYS
    if not path.exists():
        home = fetched(WHEEL, _PARTS, training_dir("design") / "qm9pack")
        rows = [row for name in sorted(_PARTS) for row in _read(home / name)]
        columns = [np.stack(column) for column in zip(*rows, strict=True)]
        scratch = path.with_suffix(".new.npz")
        x, atoms, bonds, size, values, smiles = columns
        np.savez_compressed(scratch, x=x, atoms=atoms, bonds=bonds, size=size, values=values, smiles=smiles)
        scratch.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        return Molecules(**arrays)


def split(all_of_them: Molecules) -> tuple[Molecules, Molecules, Molecules]:
    """Training, development and test, the same for ever: 5,000 in each of the latter two."""
    order = np.random.default_rng(9).permutation(len(all_of_them))
    cuts = (order[2 * _HELD_OUT :], order[:_HELD_OUT], order[_HELD_OUT : 2 * _HELD_OUT])
    train, develop, test = (all_of_them.take(np.sort(cut)) for cut in cuts)
    return train, develop, test


def training_smiles() -> list[str]:
    """What the shipped weights were trained on, canonical, without stereochemistry."""
    train, _, _ = split(molecules())
    return [str(text) for text in train.smiles]


def _read(path: Path) -> Iterator[tuple[object, ...]]:
    with path.open(newline="", encoding="utf-8") as file, rdBase.BlockLogs():
        for row in csv.DictReader(file):
            made = _molecule(row)
            if made is not None:
                yield made


def _molecule(row: Mapping[str, str]) -> tuple[object, ...] | None:
    mol = Chem.MolFromSmiles(row["SMILES"])
    if mol is None or not LEAST_ATOMS <= mol.GetNumAtoms() <= MOST_ATOMS:
        return None
    symbols = row["Elements"].strip("[]").replace("'", "").split(",")
    flat = row["XYZ_Ang"].replace("[", "").replace("]", "").split(",")
    places = np.array([float(text.replace("*^", "e")) for text in flat]).reshape(-1, 3)
    heavy = [i for i, symbol in enumerate(symbols) if symbol != "H"]
    n = len(heavy)
    if [a.GetSymbol() for a in mol.GetAtoms()] != [symbols[i] for i in heavy]:
        return None
    if any(a.GetFormalCharge() or a.GetNumRadicalElectrons() for a in mol.GetAtoms()):
        return None
    if not _hydrogens_fit(mol, places, heavy):
        return None

    smiles = Chem.MolToSmiles(mol, isomericSmiles=False)
    values = [
        float(row["HOMO_LUMO_gap_au"]) * _HARTREE_EV,
        float(row["HOMO_au"]) * _HARTREE_EV,
        float(row["LUMO_au"]) * _HARTREE_EV,
        float(row["Dipole_debye"]),
        float(row["Polarizability_bohr3"]),
        rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
        rdMolDescriptors.CalcTPSA(mol),
    ]
    assert len(values) == len(PROPERTIES)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    x = np.zeros((MOST_ATOMS, 3), dtype=np.float32)
    atoms = np.zeros(MOST_ATOMS, dtype=np.int8)
    bonds = np.zeros((MOST_ATOMS, MOST_ATOMS), dtype=np.int8)
    x[:n] = places[heavy] - places[heavy].mean(axis=0)
    atoms[:n] = [ELEMENTS.index(symbols[i]) for i in heavy]
    for bond in mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if np.linalg.norm(x[i] - x[j]) > _LONGEST_BOND:
            return None
        bonds[i, j] = bonds[j, i] = BOND_TYPES.index(bond.GetBondType())
    return x, atoms, bonds, np.int8(n), np.array(values, dtype=np.float32), np.str_(smiles)


def _hydrogens_fit(mol: Chem.Mol, places: npt.NDArray[np.float64], heavy: list[int]) -> bool:
    """Whether each heavy atom has as many hydrogens next to it as its SMILES says."""
    light = [i for i in range(len(places)) if i not in heavy]
    counts = [0] * len(heavy)
    for i in light:
        counts[int(np.argmin(np.linalg.norm(places[heavy] - places[i], axis=1)))] += 1
    return counts == [a.GetTotalNumHs() for a in mol.GetAtoms()]
