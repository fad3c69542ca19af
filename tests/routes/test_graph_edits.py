"""Graph edits: what they do to a molecule, above all to its stereo, and how they follow from a mapped reaction."""

from __future__ import annotations

import pytest
from rdkit import Chem

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.graph.edits import Editor, Edits
from planners.routes.single_step.graph.stereo import odd
from planners.routes.structure import canonical
from planners.routes.training.graph_derive import canonical_product, derive
from planners.routes.training.uspto import MappedReaction


def _bond(editor: Editor, pattern: str) -> tuple[int, int, int]:
    """The first bond that matches: its index and the two atoms in the pattern's order."""
    begin, end = editor.mol.GetSubstructMatch(Chem.MolFromSmarts(pattern))[:2]
    return int(editor.mol.GetBondBetweenAtoms(begin, end).GetIdx()), int(begin), int(end)


def _cut(product: str, pattern: str, left: str, right: str) -> tuple[str, ...] | None:
    """Delete the bond between the pattern's first two atoms; give each its word, "" for none."""
    editor = Editor(product)
    bond, begin, end = _bond(editor, pattern)
    atoms = sorted((a, w) for a, w in ((begin, left), (end, right)) if w)
    return editor.apply(Edits(((bond, 0),), tuple(atoms)))


def test_an_amide_falls_into_acid_and_amine() -> None:
    assert _cut("CC(=O)Nc1ccccc1", "[CX3]-[NX3]", "*O", "") == ("CC(=O)O", "Nc1ccccc1")


def test_a_biaryl_falls_into_halide_and_boronic_acid() -> None:
    found = _cut("Cc1ccc(-c2ccncc2)cc1", "c-c", "*Br", "*B(O)O")
    assert found is not None
    assert set(found) in ({"Cc1ccc(Br)cc1", "OB(O)c1ccncc1"}, {"Cc1ccc(B(O)O)cc1", "Brc1ccncc1"})


def test_a_cut_pyrrole_nitrogen_gets_its_hydrogen_back() -> None:
    assert _cut("CCn1cccc1", "[CX4]-n", "*I", "") == ("CCI", "c1cc[nH]c1")


def test_an_aniline_becomes_a_nitro_compound() -> None:
    editor = Editor("Nc1ccc(F)cc1")
    nitrogen = editor.mol.GetSubstructMatch(Chem.MolFromSmarts("[NH2]"))[0]
    assert editor.apply(Edits((), ((nitrogen, "O=[*+][O-]"),))) == ("O=[N+]([O-])c1ccc(F)cc1",)


def test_a_phthalimide_closes_on_one_nitrogen() -> None:
    editor = Editor("NCCc1ccccc1")
    nitrogen = editor.mol.GetSubstructMatch(Chem.MolFromSmarts("[NH2]"))[0]
    found = editor.apply(Edits((), ((nitrogen, "O=C1*C(=O)c2ccccc21"),)))
    assert found == (canonical("O=C1N(CCc2ccccc2)C(=O)c2ccccc21"),)


def test_a_ketone_becomes_an_alcohol_by_a_bond_order() -> None:
    editor = Editor("CCC(=O)CC")
    bond, _, _ = _bond(editor, "C=O")
    assert editor.apply(Edits(((bond, 1),), ())) == ("CCC(O)CC",)


@pytest.mark.parametrize("product", ["C[C@H](Oc1ccccc1)C(=O)OC", "C[C@@H](Oc1ccccc1)C(=O)OC"])
def test_a_replaced_neighbour_keeps_the_centre(product: str) -> None:
    """CIP ranks of OPh and of Cl are both the highest here, so retention keeps the letter."""
    found = _cut(product, "[CX4;H1]-[OX2]c", "*Cl", "")
    assert found is not None
    chloride = next(s for s in found if "Cl" in s)
    labels = [Chem.FindMolChiralCenters(Chem.MolFromSmiles(s)) for s in (chloride, product)]
    assert labels[0][0][1] == labels[1][0][1]
    inverted = _cut(product, "[CX4;H1]-[OX2]c", "[2*]Cl", "")
    assert inverted is not None
    assert next(s for s in inverted if "Cl" in s) == canonical(
        chloride.replace("@@", "%").replace("@", "@@").replace("%", "@")
    )
    forgotten = _cut(product, "[CX4;H1]-[OX2]c", "[1*]Cl", "")
    assert forgotten is not None
    assert "COC(=O)C(C)Cl" in forgotten


def test_a_centre_beside_the_cut_is_left_alone() -> None:
    product = "C[C@H](N)C(=O)N1CCCC1"
    assert _cut(product, "[CX3]-[NX3;R]", "*O", "") == ("C1CCNC1", canonical("C[C@H](N)C(=O)O"))


@pytest.mark.parametrize("product, acid", [("C/C=C/C(=O)NC", "C/C=C/C(=O)O"), ("C/C=C\\C(=O)NC", "C/C=C\\C(=O)O")])
def test_a_double_bond_keeps_its_geometry(product: str, acid: str) -> None:
    assert _cut(product, "[CX3;$(C=O)]-[NX3]", "*O", "") == tuple(sorted(("CN", canonical(acid))))


@pytest.mark.parametrize("product, iodide", [("C/C=C/c1ccccc1", "C/C=C/I"), ("C/C=C\\c1ccccc1", "C/C=C\\I")])
def test_a_replaced_reference_keeps_the_geometry(product: str, iodide: str) -> None:
    found = _cut(product, "[CX3]-c", "*I", "*B(O)O")
    assert found == tuple(sorted((canonical(iodide), "OB(O)c1ccccc1")))


def test_edits_that_break_valence_give_nothing() -> None:
    editor = Editor("Fc1ccccc1")
    fluorine = editor.mol.GetSubstructMatch(Chem.MolFromSmarts("F"))[0]
    assert editor.apply(Edits((), ((fluorine, "*Cl"),))) is None


def test_permutation_parity() -> None:
    assert not odd((1, 2, 3, 4), (1, 2, 3, 4))
    assert odd((1, 2, 3, 4), (2, 1, 3, 4))
    assert not odd((1, 2, 3, 4), (2, 3, 1, 4))


MAPPED = {
    "amide": (
        "O[C:1]([c:2]1[cH:3][cH:4][cH:5][cH:6][cH:7]1)=[O:8].[NH2:9][C@H:10]([CH3:11])[C:12](=[O:13])[O:14][CH3:15]",
        "[C:1]([c:2]1[cH:3][cH:4][cH:5][cH:6][cH:7]1)(=[O:8])[NH:9][C@H:10]([CH3:11])[C:12](=[O:13])[O:14][CH3:15]",
    ),
    "deprotection": (
        "CC(C)(C)OC(=O)[NH:1][CH2:2][C@H:3]([OH:4])[c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1",
        "[NH2:1][CH2:2][C@H:3]([OH:4])[c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1",
    ),
    "inversion": (
        "O[C@H:1]([CH3:2])[CH2:3][CH3:4].[OH:5][c:6]1[cH:7][cH:8][cH:9][cH:10][cH:11]1",
        "[C@@H:1]([CH3:2])([CH2:3][CH3:4])[O:5][c:6]1[cH:7][cH:8][cH:9][cH:10][cH:11]1",
    ),
    "reductive amination": (
        "O=[CH:1][c:2]1[cH:3][cH:4][n:5][cH:6][cH:7]1.[NH:8]1[CH2:9][CH2:10][O:11][CH2:12][CH2:13]1",
        "[CH2:1]([c:2]1[cH:3][cH:4][n:5][cH:6][cH:7]1)[N:8]1[CH2:9][CH2:10][O:11][CH2:12][CH2:13]1",
    ),
}


@pytest.mark.parametrize("name", sorted(MAPPED))
def test_derived_edits_regenerate_the_reactants(name: str) -> None:
    found = derive(MappedReaction(name, *MAPPED[name]))
    assert found.edits is not None
    assert Editor(found.product).apply(found.edits) == found.reactants


def test_derived_edits_do_not_depend_on_the_order_of_the_mapped_string() -> None:
    """A model must not learn the reaction from the order in which the product's atoms are written."""
    reactants, product = MAPPED["amide"]
    mol = Chem.MolFromSmiles(product)
    first = derive(MappedReaction("", reactants, product))
    for seed in range(5):
        turned = Chem.RenumberAtoms(mol, [(i * 7 + seed) % mol.GetNumAtoms() for i in range(mol.GetNumAtoms())])
        again = derive(MappedReaction("", reactants, Chem.MolToSmiles(turned, canonical=False)))
        assert again == first


def test_map_numbers_follow_into_the_canonical_order() -> None:
    smiles, numbers = canonical_product(MAPPED["inversion"][1])
    mol = Chem.MolFromSmiles(smiles)
    assert canonical(smiles) == smiles
    assert mol.GetAtomWithIdx(numbers.index(5)).GetSymbol() == "O"
    assert sorted(numbers) == list(range(1, 12))


def test_a_reaction_out_of_reach_says_why() -> None:
    """Acetone holds on to both oxygens; a word belongs to one atom."""
    acetal = "CC1(C)[O:1][CH2:2][CH2:3][O:4]1"
    found = derive(MappedReaction("", acetal, "[OH:1][CH2:2][CH2:3][OH:4]"))
    assert found.edits is None
    assert found.why == "a leaving group with several anchors"


def test_nonsense_is_an_error() -> None:
    with pytest.raises(InvalidMolecule):
        Editor("not a molecule")
