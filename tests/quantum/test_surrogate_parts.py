"""What the surrogate is made of: graphs, familiarity, calibration, and the labels it learns from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from knowledge.quantum.calibration import SMALLEST_CLASS, Calibration, Signs
from knowledge.quantum.familiarity import Familiarity, surroundings
from knowledge.quantum.graphs import AROMATIC, ATOM_CODES, ATOM_FEATURES, CIS, DOUBLE, SINGLE, TRANS, TRIPLE, graphs
from knowledge.quantum.training.examples import examples, together
from knowledge.quantum.training.labels import ordered, part, read, suitable


def edges(smiles: str) -> set[tuple[int, int, int]]:
    graph, refused = graphs([smiles])
    assert not refused
    return set(zip(graph.source.tolist(), graph.target.tolist(), graph.kind.tolist(), strict=True))


def test_bonds_are_edges_both_ways_with_their_kind() -> None:
    assert edges("C=CC#N") == {
        *((0, 1, DOUBLE), (1, 0, DOUBLE)),
        *((1, 2, SINGLE), (2, 1, SINGLE)),
        *((2, 3, TRIPLE), (3, 2, TRIPLE)),
    }
    assert {kind for _, _, kind in edges("C1=CC=CC=C1")} == {AROMATIC}
    assert edges("C") == set()


def test_double_bonds_have_sides() -> None:
    across = {(a, b): kind for a, b, kind in edges("Cl/C=C\\Br") if kind in (CIS, TRANS)}
    assert across == {(0, 3): CIS, (3, 0): CIS}
    across = {(a, b): kind for a, b, kind in edges("Cl/C=C/Br") if kind in (CIS, TRANS)}
    assert across == {(0, 3): TRANS, (3, 0): TRANS}
    # Every substituent: of C/C(F)=C(Cl)/Br the methyl is on one side of both others.
    across = {(a, b): kind for a, b, kind in edges("C/C(F)=C(Cl)/Br") if kind in (CIS, TRANS) and a < b}
    assert across == {(0, 4): CIS, (0, 5): TRANS, (2, 4): TRANS, (2, 5): CIS}
    assert not any(kind in (CIS, TRANS) for _, _, kind in edges("ClC=CBr"))


def test_molecules_lie_one_after_the_other() -> None:
    graph, refused = graphs(["CCO", "[Na+].[Cl-]", "c1ccccc1", "F/C=C/F"])
    assert list(refused) == [1]
    assert graph.sizes.tolist() == [3, 0, 6, 4]
    owner = np.repeat(np.arange(4), graph.sizes)
    assert (owner[graph.source] == owner[graph.target]).all()
    assert (np.diff(graph.target) >= 0).all()
    alone, _ = graphs(["F/C=C/F"])
    assert (graph.codes[9:] == alone.codes).all()
    assert (graph.atoms[9:] == alone.atoms).all()


@pytest.mark.parametrize(
    "smiles", ["CC(=O)Nc1ccc(O)cc1", "CS(=O)(=O)c1ccncc1", "OP(=O)(O)OCC1CC1", "C[n+]1cc[nH]c1[S-]"]
)
def test_the_same_molecule_has_the_same_atoms_in_every_order(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    first = Counter(surroundings(graphs([smiles])[0]).tolist())
    for root in range(mol.GetNumAtoms()):
        other = Chem.MolToSmiles(mol, rootedAtAtom=root, canonical=False, kekuleSmiles=False)
        assert Counter(surroundings(graphs([other])[0]).tolist()) == first


def test_atoms_are_ones_and_zeros_that_tell_them_apart() -> None:
    graph, _ = graphs(["CC=O", "C[N+](=O)[O-]", "C1CC1", "CI"])
    assert graph.atoms.shape == (12, ATOM_FEATURES)
    assert graph.codes.max() < ATOM_CODES
    assert set(graph.atoms[:, :-1].sum(axis=1).tolist()) == {4.0}  # element, degree, hydrogens, charge
    assert graph.atoms[:, -1].tolist() == [0] * 7 + [1] * 3 + [0] * 2
    assert len(np.unique(graph.atoms, axis=0)) == len(np.unique(graph.codes)) == 7


def test_rarity_counts_what_was_never_seen() -> None:
    familiarity = Familiarity.of(graphs(["CCO"] * 99 + ["CC"])[0])
    rarity = familiarity.rarity(graphs(["CCO", "CC", "FC(F)F", "[Na+].[Cl-]"])[0])
    assert rarity[0] == pytest.approx(3 / 100)
    assert rarity[1] == pytest.approx(2 / 2)
    assert rarity[2] == 4.0
    assert rarity[3] == 0.0
    assert familiarity.unknown(graphs(["CCCO", "FC", "CC(C)(C)C", "[Na+].[Cl-]"])[0]).tolist() == [
        False,
        True,
        True,
        False,
    ]


def taken(signs: Signs, rows: slice) -> Signs:
    return Signs(signs.log_scale[rows], signs.rarity[rows], signs.leverage[rows], signs.atoms[rows])


def test_calibrated_intervals_hold_and_widen_with_strangeness() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    rarity = rng.choice([0.05, 0.5, 2.0], size=n)
    atoms = rng.integers(4, 30, size=n).astype(np.float64)
    spread = np.exp(rng.normal(size=(n, 2)) * 0.5)
    error = rng.laplace(size=(n, 2)) * spread * (1.0 + rarity[:, None])
    # Scales right in order and far too sure, and a leverage that says nothing.
    signs = Signs(np.log(spread) - 2.0, rarity, np.exp(rng.normal(size=n) * 0.1), atoms)
    fitted = Calibration.fit(error[: n // 2], taken(signs, slice(n // 2)))
    restored = Calibration.of_plain(fitted.plain())
    half = restored.half(taken(signs, slice(n // 2, n)))
    held = np.abs(error[n // 2 :]) <= half
    assert held.mean(axis=0) == pytest.approx(0.9, abs=0.02)
    for value in (0.05, 0.5, 2.0):
        assert held[rarity[n // 2 :] == value].mean() == pytest.approx(0.9, abs=0.03)
    middle = [np.median(half[rarity[n // 2 :] == value]) for value in (0.05, 0.5, 2.0)]
    assert middle[0] < middle[1] < middle[2]
    assert middle[2] / middle[0] == pytest.approx(3.0 / 1.05, rel=0.2)


def test_calibration_wants_enough_molecules() -> None:
    few = SMALLEST_CLASS - 1
    with pytest.raises(ValueError, match=str(SMALLEST_CLASS)):
        Calibration.fit(np.ones((few, 1)), Signs(np.zeros((few, 1)), np.zeros(few), np.ones(few), np.ones(few)))


def test_parts_follow_the_connectivity() -> None:
    keys = [f"{i:014d}-UHFFFAOYSA-N" for i in range(3000)]
    shares = Counter(part(key) for key in keys)
    assert shares["test"] / 3000 == pytest.approx(0.1, abs=0.02)
    assert shares["validation"] / 3000 == pytest.approx(0.2, abs=0.025)
    assert all(part(key) == part(key[:14] + "-AAAAAAAAAA-N") for key in keys[:50])


def test_the_order_is_seeded_and_prefers_small_molecules() -> None:
    smiles = ["C" * n for n in range(1, 40)] + ["CC[Fe]", "[Na+].[Cl-]", "[CH3]", "C[NH3+]", "nonsense"]
    assert [suitable(s) for s in smiles[-5:]] == [0] * 5
    first = ordered(smiles, 1)
    assert first == ordered(smiles, 1)
    assert first != ordered(smiles, 2)
    assert sorted(map(len, first)) == list(range(1, 31))
    early = np.mean([np.mean([len(s) for s in ordered(smiles, seed)[:10]]) for seed in range(50)])
    assert early < 12.0


def test_examples_put_hydrogens_charges_on_their_atoms() -> None:
    row = {
        "smiles": "CO",
        "inchikey": "OKKJLVBELUTLKV-UHFFFAOYSA-N",
        **dict.fromkeys(("gap_ev", "homo_ev", "lumo_ev", "dipole_debye"), 1.0),
        **{f"solvation_{s}_kj_mol": -1.0 for s in ("water", "octanol", "hexane")},
        "charges": [0.1, -0.5, 0.05, 0.05, 0.05, 0.25],
    }
    deuterated = row | {"smiles": "[2H]CO", "charges": [0.1, -0.5]}
    found = [e for chosen in examples([row, deuterated]).values() for e in chosen]
    assert len(found) == 1
    assert found[0].charges == pytest.approx([0.25, -0.25], abs=1e-6)
    assert together(found * 3).sizes.tolist() == [2, 2, 2]


def test_half_a_line_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    assert read(path) == []
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"', encoding="utf-8")
    assert read(path) == [{"a": 1}, {"a": 2}]
