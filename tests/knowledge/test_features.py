"""Featurizers: right counts, finite numbers, the same for every way of writing a molecule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from knowledge.features import CountMorgan, Descriptors, Featurizer, Groups
from knowledge.records.molecule import InvalidMolecule
from knowledge.sources.handbook import Handbook

FEATURIZERS: tuple[Featurizer, ...] = (CountMorgan(), CountMorgan(radius=3, bits=512), Descriptors(), Groups())
ODD = [
    "C",
    "O",
    "[H][H]",
    "FC(F)(F)F",
    "C[Si](C)(C)O[Si](C)(C)C",
    "CS(C)=O",
    "[Na+].[Cl-]",
    "CCCCCCCCCCCCCCCCCCCC",
    "N#N",
    "I",
]


@pytest.fixture(scope="module")
def liquids() -> list[str]:
    return [fact.smiles for fact in Handbook.full().facts("flash_point")][:600]


@pytest.mark.parametrize("featurizer", FEATURIZERS, ids=lambda f: f.name)
def test_shape_finite_and_deterministic(featurizer: Featurizer, liquids: list[str]) -> None:
    assert isinstance(featurizer, Featurizer)
    x = featurizer([*liquids, *ODD])
    assert x.shape == (len(liquids) + len(ODD), len(featurizer.columns))
    assert len(set(featurizer.columns)) == len(featurizer.columns)
    assert np.isfinite(x).all()
    assert np.abs(x).max() < 1e4
    assert np.array_equal(x, featurizer([*liquids, *ODD]))
    assert featurizer([]).shape == (0, len(featurizer.columns))


@pytest.mark.parametrize("featurizer", FEATURIZERS, ids=lambda f: f.name)
def test_rows_are_independent_and_cannot_be_spoilt_by_a_caller(featurizer: Featurizer) -> None:
    alone = featurizer(["CCO"])[0].copy()
    together = featurizer(["CCO", "c1ccccc1"])
    assert np.array_equal(together[0], alone)
    together[:] = -1.0
    assert np.array_equal(featurizer(["CCO"])[0], alone)


@pytest.mark.parametrize("featurizer", FEATURIZERS, ids=lambda f: f.name)
def test_unreadable_smiles_are_named(featurizer: Featurizer) -> None:
    with pytest.raises(InvalidMolecule, match="C1CC"):
        featurizer(["CCO", "C1CC"])


@given(
    st.sampled_from(["CN1CCCC1=O", "CCOC(C)=O", "COCCOC(=O)C", "CC1COC(=O)O1", "OCC1CCCO1"]),
    st.randoms(use_true_random=False),
)
def test_the_way_of_writing_does_not_matter(smiles: str, random: object) -> None:
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    other = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
    for featurizer in FEATURIZERS:
        a, b = featurizer([smiles, other])
        assert np.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    "smiles,expected",
    [
        ("CN1CCCC1=O", {"methyl": 1, "methylene_ring": 3, "lactam": 1}),
        ("O=C1CCCO1", {"methylene_ring": 3, "lactone": 1}),
        ("CC1COC(=O)O1", {"methyl": 1, "methylene_ring": 1, "methine": 1, "carbonate_ring": 1}),
        ("COC(=O)OC", {"methyl": 2, "carbonate_chain": 1}),
        ("CCOC(C)=O", {"methyl": 2, "methylene_chain": 1, "ester": 1}),
        ("CC(=O)N(C)C", {"methyl": 3, "amide_tertiary": 1}),
        ("CC(=O)OC(C)=O", {"methyl": 2, "anhydride": 1}),
        ("CS(C)=O", {"methyl": 2, "sulfoxide": 1}),
        ("COCCO", {"methyl": 1, "methylene_chain": 2, "ether_chain": 1, "alcohol_primary": 1}),
        ("CCN(CC)CC", {"methyl": 3, "methylene_chain": 3, "amine_tertiary": 1}),
        ("CC(C)O", {"methyl": 2, "methine": 1, "alcohol_secondary": 1}),
        ("O=CO", {"acid": 1}),
        ("C[N+](=O)[O-]", {"methyl": 1, "nitro": 1}),
    ],
)
def test_groups_are_counted_once(smiles: str, expected: dict[str, int]) -> None:
    groups = Groups()
    row = groups([smiles])[0]
    assert {c: int(v) for c, v in zip(groups.columns, row, strict=True) if v} == expected


def test_morgan_counts_and_descriptor_values() -> None:
    ethane, butane = CountMorgan()(["CC", "CCCC"])
    assert ethane.max() == 2.0
    assert butane.sum() > ethane.sum()
    x = dict(zip(Descriptors.columns, Descriptors()(["CN1CCCC1=O"])[0], strict=True))
    assert x["exact_mass"] == pytest.approx(99.068, abs=0.001)
    assert x["tpsa"] == pytest.approx(20.31, abs=0.01)
    assert (x["n_N"], x["n_O"], x["hbd"], x["rings"]) == (1, 1, 0, 1)


def test_parameters_are_part_of_the_name() -> None:
    assert len({f.name for f in FEATURIZERS}) == len(FEATURIZERS)
    with pytest.raises(ValueError, match="radius"):
        CountMorgan(radius=-1)


def test_a_second_look_is_free(liquids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from knowledge.features.descriptors import ROWS

    descriptors = Descriptors()
    first = descriptors(liquids)
    monkeypatch.setattr(ROWS, "compute", pytest.fail)
    np.testing.assert_array_equal(descriptors(liquids), first)
