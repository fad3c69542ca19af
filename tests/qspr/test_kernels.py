from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from knowledge.features import CountMorgan
from knowledge.qspr.kernels import squared_distance, tanimoto, unary
from knowledge.qspr.representation import MAX_COUNT

MOLECULES = [
    "CN1CCCC1=O",  # NMP
    "CS(C)=O",
    "CN(C)C=O",
    "O=C1OCCO1",
    "CC1COC(=O)O1",
    "CCCCCCCCCCCC",  # the same environment many times
    "COCCOCCOC",
    "CC(C)(C)OC(=O)N",
    "O=c1cccc[nH]1",
    "ClC(Cl)=C(Cl)Cl",
    "C",
    "O",
    "CCOC(=O)C(C)O",
    "c1ccc2ccccc2c1",
    "N#CCCC#N",
]


def test_tanimoto_equals_rdkit_for_every_pair() -> None:
    """All pairs, not one row: kernels are known to have compared only the last row of a batch."""
    ours = tanimoto(*[unary(CountMorgan(radius=2, bits=2048)(MOLECULES), MAX_COUNT)] * 2)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetCountFingerprint(Chem.MolFromSmiles(s)) for s in MOLECULES]
    theirs = np.array([[DataStructs.TanimotoSimilarity(a, b) for b in prints] for a in prints])
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert len(np.unique(ours.round(6))) > 30


def test_tanimoto_of_different_row_sets_is_a_block_of_the_whole() -> None:
    counts = unary(CountMorgan(radius=2, bits=2048)(MOLECULES), MAX_COUNT)
    whole = tanimoto(counts, counts)
    np.testing.assert_array_equal(tanimoto(counts[:4], counts[4:]), whole[:4, 4:])


def test_tanimoto_is_positive_semidefinite_and_knows_empty_rows() -> None:
    rng = np.random.default_rng(0)
    counts = unary(np.vstack([rng.integers(0, 4, size=(30, 12)).astype(float), np.zeros((2, 12))]), 4)
    kernel = tanimoto(counts, counts)
    assert np.linalg.eigvalsh(kernel).min() > -1e-10
    np.testing.assert_array_equal(np.diag(kernel), 1.0)
    assert kernel[0, -1] == 0.0


def test_squared_distance_matches_the_definition() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    direct = [[float(((x - y) ** 2).sum()) for y in b] for x in a]
    assert squared_distance(a, b) == pytest.approx(np.array(direct))
    assert (squared_distance(a, a) >= 0.0).all()
