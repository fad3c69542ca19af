"""Figures of samples of generative models, on samples that a chemist can count."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from benchmarks.generative_geometry import relaxation, summary, superposed
from benchmarks.generative_metrics import canonical, distance, quality


def _xyz(smiles: str) -> str:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    return str(Chem.MolToXYZBlock(mol))


def test_shares_are_counted_one_after_the_other() -> None:
    drawn = ["CCO", "OCC", "CCN", None, "C[CH2]", "CC.O", "C(C)(C)(C)(C)C", "OO"]
    found = quality(drawn, ["CCO", "CCC"])
    assert found.tries == 8
    assert found.valid == pytest.approx(4 / 8)  # no try, a radical, two pieces and five bonds are not
    assert found.unique == pytest.approx(3 / 4)
    assert found.novel == pytest.approx(2 / 3)
    assert found.sound == pytest.approx(2 / 3)  # hydrogen peroxide is not what a bottle should hold


def test_stereochemistry_does_not_make_a_molecule_new() -> None:
    assert canonical("C[C@H](O)C(=O)O") == canonical("C[C@@H](O)C(=O)O")
    assert quality(["C[C@H](O)C(=O)O"], ["CC(O)C(=O)O"]).novel == 0.0


def test_distance_is_zero_from_itself_and_grows() -> None:
    data = ["CCO", "CCCCO", "CC(=O)OCC", "c1ccccc1", "CCOCC", "CC(C)=O"]
    assert distance(data, data) == 0.0
    assert distance(["CCCCCCCCCCCC", "CCCCCCCCCCC"], data) > distance(["CCCO", "CCC(C)=O"], data) > 0.0


def test_turned_molecules_lie_on_each_other_and_mirrored_ones_do_not() -> None:
    first = np.random.default_rng(0).standard_normal((6, 3))
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    turn[:, 0] *= np.linalg.det(turn)
    assert superposed(first, first @ turn + 2.0) < 1e-9
    assert superposed(first, first * np.array([-1.0, 1.0, 1.0])) > 0.1


def test_a_force_field_geometry_relaxes_a_little_and_keeps_its_bonds() -> None:
    found = relaxation(_xyz("CCO"))
    assert found is not None
    assert found.kept
    assert 0.0 < found.rmsd < 0.1
    assert 0.0 < found.drop < 60.0


def test_atoms_apart_are_no_geometry() -> None:
    assert relaxation("2\n\nHe 0 0 0\nHe 0 0 9\n") is None
    assert summary(["", ""]) == {"geometries": 0, "relaxed": 0}
