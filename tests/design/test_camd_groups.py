"""Groups: cutting known molecules, and putting group vectors together again."""

from __future__ import annotations

from collections import Counter

import pytest
from rdkit import Chem

from planners.design.camd.component import Vector
from planners.design.camd.contributions import rings_of, vector
from planners.design.camd.decode import decode
from planners.design.camd.groups import GROUPS, NAMES, UnknownGroup, allowed, chosen, group_counts


def _vector(smiles: str) -> Vector:
    counts = group_counts(smiles)
    assert counts is not None, smiles
    return tuple(counts.get(name, 0) for name in NAMES)


@pytest.mark.parametrize(
    "smiles,expected",
    [
        ("O=Cc1ccccc1", {"aldehyde": 1, "aromatic_c": 1, "aromatic_ch": 5}),
        ("CN1CCCC1=O", {"ring_amide": 1, "ring_ch2": 3, "ch3": 1}),
        ("CCOC(C)=O", {"ester": 1, "ch3": 2, "ch2": 1}),
        ("COc1ccccc1", {"ether": 1, "ch3": 1, "aromatic_c": 1, "aromatic_ch": 5}),
        ("CN(C)C=O", {"formamide": 1, "ch3": 2}),
        ("CC1COC(=O)O1", {"ring_carbonate": 1, "ring_ch2": 1, "ring_ch": 1, "ch3": 1}),
        ("O=S1(=O)CCCC1", {"ring_sulfone": 1, "ring_ch2": 4}),
        ("CC#N", {"nitrile": 1, "ch3": 1}),
        ("Oc1ccncc1", {"phenol": 1, "aromatic_n": 1, "aromatic_c": 1, "aromatic_ch": 4}),
        ("C1COCCN1", {"ring_ether": 1, "ring_nh": 1, "ring_ch2": 4}),
    ],
)
def test_known_molecules_are_cut_and_found_again(smiles: str, expected: dict[str, int]) -> None:
    assert group_counts(smiles) == expected
    decoded = decode(_vector(smiles))
    assert decoded.complete
    assert Chem.CanonSmiles(smiles) in decoded.smiles


@pytest.mark.parametrize("smiles", ["COC=O", "c1ccc2ccccc2c1", "C[Si](C)C", "CC(=O)OC(C)=O", "COO", "NN"])
def test_what_has_no_group_is_not_covered(smiles: str) -> None:
    assert group_counts(smiles) is None


def test_a_formate_is_no_aldehyde_with_an_ether() -> None:
    # Methyl formate would be the only molecule of these counts, and it is cut otherwise.
    decoded = decode(tuple(int(n) for n in vector({"aldehyde": 1, "ether": 1, "ch3": 1})))
    assert decoded.complete
    assert decoded.smiles == ()


def test_all_heptanes_are_found() -> None:
    # Nine isomers of C7H16 (W. M. Heston, 1931, and every textbook since), over all their vectors.
    found = []
    for c in range(3):
        for ch in range(4):
            ch3 = 2 + ch + 2 * c
            ch2 = 7 - c - ch - ch3
            if ch2 >= 0:
                counts = {"ch3": ch3, "ch2": ch2, "ch": ch, "c": c}
                decoded = decode(tuple(int(n) for n in vector({k: v for k, v in counts.items() if v})))
                assert decoded.complete
                found += decoded.smiles
    assert len(found) == len(set(found)) == 9


def test_ring_isomers_are_found_once() -> None:
    trimethylbenzenes = decode(_vector("Cc1cc(C)cc(C)c1"))
    assert len(trimethylbenzenes.smiles) == 3
    dioxanes = decode(tuple(int(n) for n in vector({"ring_ether": 2, "ring_ch2": 4})))
    # 1,3- and 1,4-dioxane; the 1,2-isomer is a peroxide.
    assert set(dioxanes.smiles) == {"C1COCOC1", "C1COCCO1"}
    lactones = decode(tuple(int(n) for n in vector({"ring_ester": 1, "ring_ch2": 2, "ring_ch": 1, "ch3": 1})))
    assert {Chem.CanonSmiles(s) for s in ("CC1CCC(=O)O1", "CC1CCOC1=O", "CC1COC(=O)C1")} == set(lactones.smiles)


def test_two_rings_are_bonded_by_their_ports() -> None:
    biphenyl = decode(_vector("c1ccc(-c2ccccc2)cc1"))
    assert biphenyl.smiles == ("c1ccc(-c2ccccc2)cc1",)
    assert rings_of(vector({"aromatic_ch": 10, "aromatic_c": 2})[None, :]).tolist() == [2.0]


def test_a_cut_enumeration_says_so() -> None:
    decoded = decode(_vector("CCCCCCCCOC(=O)CCC(C)=O"), most_molecules=10)
    assert not decoded.complete
    assert len(decoded.smiles) + decoded.unfaithful == 10


def test_every_molecule_has_its_vectors_atoms_and_groups() -> None:
    wanted = _vector("COCCOC(=O)CC#N")
    decoded = decode(wanted)
    assert decoded.complete
    assert len(decoded.smiles) > 5
    atoms = Counter(a.GetSymbol() for a in Chem.MolFromSmiles("COCCOC(=O)CC#N").GetAtoms())
    for smiles in decoded.smiles:
        assert Counter(a.GetSymbol() for a in Chem.MolFromSmiles(smiles).GetAtoms()) == atoms
        assert _vector(smiles) == wanted


def test_unknown_group() -> None:
    assert [g.name for g in chosen(["ch3", "acid"])] == ["acid", "ch3"]
    with pytest.raises(UnknownGroup, match=r"unknown group 'methyl'; known: .*aldehyde"):
        chosen(["methyl"])


def test_ports_pair_both_ways() -> None:
    classes = sorted({c for g in GROUPS for c in (*g.ports, *g.ends)})
    assert all(allowed(a, b) == allowed(b, a) for a in classes for b in classes)
    assert not allowed("ether", "amine")
    assert not allowed("acyl", "ether")
    assert allowed("double", "double")
    assert not allowed("double", "sp3")
