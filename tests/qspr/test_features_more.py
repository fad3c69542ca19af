from __future__ import annotations

import numpy as np
import pytest

from knowledge.features.embedding import Embedding, EmbeddingUnavailable, embedding_available
from knowledge.features.featurizer import Featurizer
from knowledge.features.molgraph import ATOM_FEATURES, BOND_FEATURES, batch, molgraph
from knowledge.features.topological import LIMIT, AtomPairs, Topological
from knowledge.records.molecule import InvalidMolecule

ODD = ["C", "[Na+].[Cl-]", "[2H]O[2H]", "F[P-](F)(F)(F)(F)F", "C[Si](C)(C)C", "[Hg]", "c1ccccc1-c1ccccc1", "C" * 60]


def test_descriptors_have_the_textbook_values() -> None:
    topological = Topological()
    row = dict(zip(topological.columns, topological(["CCO"])[0], strict=True))
    assert row["MolWt"] == pytest.approx(46.07, abs=0.01)
    assert row["TPSA"] == pytest.approx(20.23, abs=0.01)  # P. Ertl, 2000: one hydroxyl
    assert (row["NumHDonors"], row["HeavyAtomCount"], row["RingCount"]) == (1.0, 3.0, 0.0)
    assert len(topological.columns) > 200


def test_descriptors_of_odd_molecules_are_finite_and_bounded() -> None:
    rows = Topological()(ODD)
    assert np.isfinite(rows).all()
    assert np.abs(rows).max() <= LIMIT
    assert Topological()([]).shape == (0, len(Topological().columns))


def test_rows_do_not_depend_on_company_and_belong_to_the_caller() -> None:
    topological = Topological()
    rows = topological(["CCO", "CCN"])
    rows[:] = 0.0
    np.testing.assert_array_equal(topological(["CCN"])[0], topological(["CCO", "CCN"])[1])
    assert topological(["CCN"]).any()


def test_atom_pairs_count_every_pair_once() -> None:
    pairs = AtomPairs()(["CCCCCC", "c1ccccc1", "C"])
    np.testing.assert_array_equal(pairs.sum(axis=1), [15.0, 15.0, 0.0])
    assert not np.array_equal(pairs[0], pairs[1])


@pytest.mark.parametrize("featurizer", [Topological(), AtomPairs()])
def test_what_is_no_molecule_is_refused(featurizer: Featurizer) -> None:
    assert isinstance(featurizer, Featurizer)
    for text in ("", "C1CC", "not a molecule"):
        with pytest.raises(InvalidMolecule):
            featurizer([text])


def test_graph_has_every_bond_in_both_directions() -> None:
    graph = molgraph("CC(=O)Oc1ccccc1")
    assert graph.atoms.shape == (10, ATOM_FEATURES)
    assert graph.bonds.shape == (20, BOND_FEATURES)
    reverse = np.arange(20) ^ 1
    np.testing.assert_array_equal(graph.ends[:, reverse], graph.ends[::-1])
    np.testing.assert_array_equal(graph.bonds[reverse], graph.bonds)


def test_graph_tells_mirror_images_and_double_bonds_apart() -> None:
    assert not np.array_equal(molgraph("C[C@H](F)O").atoms, molgraph("C[C@@H](F)O").atoms)
    assert not np.array_equal(molgraph("C/C=C/C").bonds, molgraph("C/C=C\\C").bonds)


def test_batch_keeps_molecules_apart_also_without_bonds() -> None:
    joined = batch(["CCO", "C", "C=C"])
    assert joined.owner.tolist() == [0, 0, 0, 1, 2, 2]
    assert joined.graph.ends.tolist() == [[0, 1, 1, 2, 4, 5], [1, 0, 2, 1, 5, 4]]
    assert batch(["C", "[Na+]"]).graph.ends.shape == (2, 0)
    with pytest.raises(InvalidMolecule):
        batch(["C", "C1CC"])


@pytest.mark.skipif(embedding_available(), reason="the extra 'embedding' is installed")
def test_embedding_without_its_package_names_the_extra() -> None:
    with pytest.raises(EmbeddingUnavailable, match=r"athanor\[embedding\]"):
        Embedding()(["CCO"])


@pytest.mark.skipif(not embedding_available(), reason="needs the extra 'embedding'")
def test_embedding_depends_on_the_molecule_and_not_on_how_it_is_written() -> None:
    rows = Embedding()(["CCO", "OCC", "c1ccccc1", "C"])
    assert rows.shape == (4, 512)
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows[0], rows[1])
    assert np.abs(rows[0] - rows[2]).max() > 0.1
    with pytest.raises(InvalidMolecule):
        Embedding()(["C1CC"])
