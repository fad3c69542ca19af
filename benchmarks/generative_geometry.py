"""How far drawn geometries are from the minima of GFN2-xTB next to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from knowledge.quantum.conformers import Geometry
from knowledge.quantum.errors import QuantumError
from knowledge.quantum.relaxation import relaxed
from knowledge.quantum.xtb import BOHR_ANGSTROM, HARTREE_KJ_MOL, Surface, one_thread

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Relaxation:
    """rmsd: of the heavy atoms in Å after superposition.  drop: energy that relaxing wins, kJ/mol.  kept: whether the
    same atoms are bonded before and after.
    """

    rmsd: float
    drop: float
    kept: bool


def relaxation(xyz: str) -> Relaxation | None:
    """Of an XYZ text in Å with all hydrogens; None where xTB fails, or the atoms do not hang together."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromXYZBlock(xyz)
        if mol is None:
            return None
        rdDetermineBonds.DetermineConnectivity(mol)
    if len(Chem.GetMolFrags(mol)) != 1:
        return None
    geometry = _geometry(mol)
    start = geometry.positions / BOHR_ANGSTROM
    try:
        with one_thread():
            surface = Surface(geometry.numbers, charge=0, unpaired=0)
            before = surface.at(start).energy
            positions, end = relaxed(surface, geometry, start)
    except QuantumError:
        return None
    positions = positions * BOHR_ANGSTROM
    heavy = geometry.numbers > 1
    return Relaxation(
        rmsd=superposed(geometry.positions[heavy], positions[heavy]),
        drop=(before - end.energy) * HARTREE_KJ_MOL,
        kept=_bonds(mol, positions) == geometry.bonds,
    )


def _geometry(mol: Chem.Mol) -> Geometry:
    return Geometry(
        numbers=np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64),
        positions=np.asarray(mol.GetConformer().GetPositions(), dtype=np.float64),
        bonds=_pairs(mol),
        bond_distances=np.asarray(Chem.GetDistanceMatrix(mol), dtype=np.float64),
        charge=0,
        unpaired=0,
    )


def _pairs(mol: Chem.Mol) -> tuple[tuple[int, int], ...]:
    ends = ((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds())
    return tuple(sorted((min(pair), max(pair)) for pair in ends))


def _bonds(mol: Chem.Mol, positions: Array) -> tuple[tuple[int, int], ...]:
    """Who is bonded to whom when the atoms stand at `positions` (n, 3) in Å."""
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    rows = (f"{symbol} {x:.5f} {y:.5f} {z:.5f}" for symbol, (x, y, z) in zip(symbols, positions, strict=True))
    moved = Chem.MolFromXYZBlock("\n".join((str(len(symbols)), "", *rows, "")))
    rdDetermineBonds.DetermineConnectivity(moved)
    return _pairs(moved)


def superposed(first: Array, second: Array) -> float:
    """Root mean square distance of two (n, 3) after the best turn and shift (Kabsch, Acta Cryst. 1976, A32, 922)."""
    a, b = first - first.mean(0), second - second.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    handed = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))])
    return float(np.sqrt(((a @ u @ handed @ vt - b) ** 2).sum(1).mean()))


def summary(geometries: Sequence[str]) -> dict[str, float | int]:
    """Of all XYZ texts that are not empty."""
    given = [text for text in geometries if text]
    found = [one for one in map(relaxation, given) if one is not None]
    if not found:
        return {"geometries": len(given), "relaxed": 0}
    rmsd = np.array([one.rmsd for one in found])
    return {
        "geometries": len(given),
        "relaxed": len(found),
        "rmsd_median": round(float(np.median(rmsd)), 4),
        "rmsd_mean": round(float(rmsd.mean()), 4),
        "energy_drop_median_kj_mol": round(float(np.median([one.drop for one in found])), 2),
        "same_bonds": round(float(np.mean([one.kept for one in found])), 4),
    }
