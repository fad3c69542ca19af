"""What was drawn, as coordinates with hydrogens, and what GFN2-xTB says: how far it moves, and whether it holds."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdForceFieldHelpers

from knowledge.quantum.conformers import Geometry
from knowledge.quantum.errors import QuantumError, QuantumUnavailable
from knowledge.quantum.relaxation import relaxed
from knowledge.quantum.xtb import BOHR_ANGSTROM, HARTREE_KJ_MOL, Surface, one_thread

_BROKEN, _FORMED = 0.4, 0.6  # Wiberg orders: single bonds lie near 1, hydrogen bonds below 0.1

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Check:
    """moved: root mean square shift of heavy atoms on relaxation in Å, after superposition; None unless `verdict` is
    "holds" or "changed".  strain: energy lost on relaxation in kJ/mol.
    verdict: "holds", the bonds stay those drawn; "changed", one breaks or forms; "failed", `why` says why there is no
        answer; "unchecked", GFN2-xTB is not installed.
    """

    verdict: Literal["holds", "changed", "failed", "unchecked"]
    moved: float | None = None
    strain: float | None = None
    why: str = ""

    def __str__(self) -> str:
        if self.moved is None:
            return f"{self.verdict}: {self.why}"
        said = "bonds hold" if self.verdict == "holds" else f"bonds change ({self.why})"
        return f"relaxed with GFN2-xTB, {said}: heavy atoms move {self.moved:.3f} Å, {self.strain:.0f} kJ/mol"


def with_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """Hydrogens added where valences ask for them, turned and bent by a force field (MMFF94, or UFF) while the heavy
    atoms stay as they are drawn, in the order of `smiles_of(mol)`."""
    Chem.MolToSmiles(mol, isomericSmiles=False)
    # RDKit leaves the order of output as a property: a text such as "[2,0,1,]".
    order = [int(i) for i in mol.GetProp("_smilesAtomOutputOrder").strip("[],").split(",")]
    with rdBase.BlockLogs():
        full = Chem.AddHs(Chem.RenumberAtoms(mol, order), addCoords=True)
        field = _field(full)
        if field is not None:
            field.Initialize()
            for i in range(mol.GetNumAtoms()):
                field.AddFixedPoint(i)
            with contextlib.suppress(RuntimeError):  # the minimiser cannot start where no atom feels a force
                field.Minimize(maxIts=200)
    return full


def _field(full: Chem.Mol) -> Any:
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
        return rdForceFieldHelpers.MMFFGetMoleculeForceField(full, rdForceFieldHelpers.MMFFGetMoleculeProperties(full))
    if rdForceFieldHelpers.UFFHasAllMoleculeParams(full):
        return rdForceFieldHelpers.UFFGetMoleculeForceField(full)
    return None


def xyz(full: Chem.Mol, comment: str) -> str:
    """The atoms of `full` with its conformer, in Å."""
    places = full.GetConformer().GetPositions()
    lines = [
        f"{atom.GetSymbol():2s} {x:11.5f} {y:11.5f} {z:11.5f}"
        for atom, (x, y, z) in zip(full.GetAtoms(), places.tolist(), strict=True)
    ]
    return "\n".join([str(len(lines)), comment, *lines]) + "\n"


def checked(full: Chem.Mol) -> Check:
    """Relaxes all atoms from where they are drawn; 0.1 to 0.3 s for nine heavy atoms."""
    numbers = np.array([atom.GetAtomicNum() for atom in full.GetAtoms()], dtype=np.int64)
    places: Array = np.asarray(full.GetConformer().GetPositions(), dtype=np.float64)
    if len(places) > 1 and _closest(places) < 0.3:
        return Check("failed", why="two atoms are drawn in one place")
    geometry = Geometry(
        numbers=numbers,
        positions=places,
        bonds=tuple((b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in full.GetBonds()),
        bond_distances=np.asarray(Chem.GetDistanceMatrix(full), dtype=np.float64),
        charge=0,
        unpaired=0,
    )
    try:
        with one_thread():
            surface = Surface(numbers, charge=0, unpaired=0)
            before = surface.at(places / BOHR_ANGSTROM)
            after, point = relaxed(surface, geometry, places / BOHR_ANGSTROM)
    except QuantumUnavailable as error:
        return Check("unchecked", why=str(error))
    except QuantumError as error:
        return Check("failed", why=str(error))
    heavy = numbers > 1
    moved = superposed(places[heavy], (after * BOHR_ANGSTROM)[heavy])
    strain = (before.energy - point.energy) * HARTREE_KJ_MOL
    why = _difference(full, point.bond_orders)
    return Check("changed" if why else "holds", moved, strain, why)


def superposed(first: Array, second: Array) -> float:
    """Root mean square distance of (n, 3) and (n, 3) after the best shift and turn (Kabsch, Acta Cryst. A 1976)."""
    first, second = first - first.mean(0), second - second.mean(0)
    left, stretch, right = np.linalg.svd(first.T @ second)
    if np.linalg.det(left) * np.linalg.det(right) < 0:
        stretch[-1] *= -1
    square = (first**2).sum() + (second**2).sum() - 2 * stretch.sum()
    return float(np.sqrt(max(0.0, square) / len(first)))


def _closest(places: Array) -> float:
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return float(apart[np.triu_indices(len(places), 1)].min())


def _difference(full: Chem.Mol, orders: Array) -> str:
    for i in range(full.GetNumAtoms()):
        for j in range(i):
            bonded = full.GetBondBetweenAtoms(i, j) is not None
            pair = f"{full.GetAtomWithIdx(j).GetSymbol()}{j + 1} and {full.GetAtomWithIdx(i).GetSymbol()}{i + 1}"
            if bonded and orders[i, j] < _BROKEN:
                return f"between {pair} one breaks"
            if not bonded and orders[i, j] > _FORMED:
                return f"between {pair} one forms"
    return ""
