"""What was made faster says the same as the plain way."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors as RDKitDescriptors

from knowledge.features import CountMorgan
from knowledge.features.featurizer import Counting
from knowledge.features.topological import AtomPairs, Topological
from knowledge.qspr.contract import Samples
from knowledge.qspr.kernels import coded, tanimoto, unary
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.training import _composition
from knowledge.sources.handbook import Handbook

MOLECULES = ("CCO", "c1ccccc1O", "CC(=O)OCC", "O=S(C)C", "C1CCCCC1", "FC(F)(F)c1cc[nH]c1", "CCCCCCCCCCCCCCCCCCCC", "C")


@pytest.mark.parametrize("fingerprint", [CountMorgan(), AtomPairs()])
def test_occurrences_are_the_dense_rows_less_their_zeros(fingerprint: Counting) -> None:
    dense = unary(fingerprint(MOLECULES), 16)
    sparse = coded(fingerprint.occurrences(MOLECULES), fingerprint.bits, 16)
    assert (dense != sparse).nnz == 0
    assert coded([], fingerprint.bits, 16).shape == (0, fingerprint.bits * 16)


def test_similarity_is_that_of_dense_rows_whichever_side_is_larger() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.poisson(0.3, size=(700, 40)).astype(float), rng.poisson(0.3, size=(9, 40)).astype(float)
    a[0], b[0] = 0.0, 0.0
    low = np.minimum(a[:, None, :], b[None]).sum(axis=2)
    high = np.maximum(a[:, None, :], b[None]).sum(axis=2)
    expected = np.where(high > 0.0, low / np.maximum(high, 1.0), 1.0)
    np.testing.assert_array_equal(tanimoto(unary(a, 9), unary(b, 9)), expected)
    np.testing.assert_array_equal(tanimoto(unary(b, 9), unary(a, 9)), expected.T)


def test_topological_descriptors_are_rdkits() -> None:
    functions = dict(RDKitDescriptors.descList)
    rows = Topological()(MOLECULES)
    for name in ("MaxEStateIndex", "MinEStateIndex", "MaxAbsEStateIndex", "MinAbsEStateIndex", "BertzCT", "fr_ether"):
        column = Topological().columns.index(name)
        expected = [np.float32(functions[name](Chem.MolFromSmiles(s))) for s in MOLECULES]
        assert rows[:, column].tolist() == expected, name


def test_composition_read_from_text_is_that_of_the_molecule() -> None:
    given = [m.smiles for m in Handbook.full().molecules()[::150]]
    for smiles in [
        *given,
        "[2H]C([2H])[2H]",
        "C[Si](C)(C)Cl",
        "c1cc[nH]c1",
        "[O-][N+](=O)c1ccccc1",
        "C[Se]c1ccco1",
        "BrI",
    ]:
        mol = Chem.MolFromSmiles(smiles)
        elements = frozenset(atom.GetSymbol() for atom in mol.GetAtoms())
        assert _composition(smiles) == (elements, mol.GetNumHeavyAtoms()), smiles


def test_a_fit_after_another_uses_what_it_saw_and_gives_the_same() -> None:
    values = np.array([351.0, 455.0, 350.0, 462.0, 354.0, 400.0, 616.0, 112.0])
    samples = Samples(MOLECULES, values, np.zeros(8))
    model = GaussianProcess()
    first = model.fit(samples, seed=0)
    doubted = Samples(MOLECULES, values, np.array([0.0, 900.0, *[0.0] * 6]))
    after = model.after(first)
    again = after.fit(doubted, seed=0)
    assert again.scaled is first.scaled
    anew = model.starting(first.process.theta).fit(doubted, seed=0)
    np.testing.assert_array_equal(again.predict(["CCCO"]).mean, anew.predict(["CCCO"]).mean)
    others = after.fit(samples.take([0, 1, 2, 3]), seed=0)
    assert others.smiles == MOLECULES[:4]
