"""The sequence model's text work: tokens, root-aligned SMILES, rewriting scripts, guessed atom maps."""

from __future__ import annotations

import random

import pytest
from rdkit import Chem

from planners.routes.single_step.sequence.alignment import AtomMapMissing, Product, align, align_to
from planners.routes.single_step.sequence.mapping import Surroundings, partners
from planners.routes.single_step.sequence.script import encode, text
from planners.routes.single_step.sequence.tokens import UNKNOWN, UnreadableText, Vocabulary, layout, split
from planners.routes.structure import canonical

# Mapped by hand: a disconnection with a leaving group, two halves out of the middle of the string, a protecting group,
# a ring closure, a stereocentre that keeps its hand, and a reagent of which the product has no atom.
REACTIONS = {
    "amide": ("[CH3:1][C:2](=[O:3])[NH:4][c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1",
              "[CH3:1][C:2](=[O:3])Cl.[NH2:4][c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1"),
    "suzuki": ("[CH3:1][O:2][c:3]1[cH:4][cH:5][c:6](-[c:7]2[cH:8][cH:9][n:10][cH:11][cH:12]2)[cH:13][cH:14]1",
               "[CH3:1][O:2][c:3]1[cH:4][cH:5][c:6](Br)[cH:13][cH:14]1"
               ".OB(O)[c:7]1[cH:8][cH:9][n:10][cH:11][cH:12]1"),
    "boc": ("[NH2:1][CH2:2][c:3]1[cH:4][cH:5][cH:6][cH:7][c:8]1[Cl:9]",
            "CC(C)(C)OC(=O)[NH:1][CH2:2][c:3]1[cH:4][cH:5][cH:6][cH:7][c:8]1[Cl:9]"),
    "ring": ("[O:1]=[C:2]1[CH2:3][CH2:4][CH2:5][CH2:6][O:7]1", "[O:1]=[C:2](O)[CH2:3][CH2:4][CH2:5][CH2:6][OH:7]"),
    "stereo": ("[CH3:1][C@H:2]([NH:3][CH2:4][c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1)[C:11](=[O:12])[O:13][CH3:14]",
               "[CH3:1][C@H:2]([NH2:3])[C:11](=[O:12])[O:13][CH3:14].O=[CH:4][c:5]1[cH:6][cH:7][cH:8][cH:9][cH:10]1"),
    "reagent": ("[NH2:1][c:2]1[cH:3][cH:4][cH:5][cH:6][c:7]1[F:8]",
                "O=[N+:1]([O-])[c:2]1[cH:3][cH:4][cH:5][cH:6][c:7]1[F:8].[H][H]"),
}  # fmt: skip


def unmapped(smiles: str) -> str:
    mol = Chem.MolFromSmiles(smiles)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(Chem.MolToSmiles(mol))


def mols(name: str) -> tuple[Chem.Mol, Chem.Mol]:
    product, reactants = REACTIONS[name]
    return Chem.MolFromSmiles(product), Chem.MolFromSmiles(reactants)


def test_tokens_keep_brackets_and_two_letter_elements() -> None:
    assert split("C[C@@H](Br)c1cc%10[nH]c1Cl%10") == [
        "C", "[C@@H]", "(", "Br", ")", "c", "1", "c", "c", "%10", "[nH]", "c", "1", "Cl", "%10",
    ]  # fmt: skip
    with pytest.raises(UnreadableText):
        split("CC!O")


@pytest.mark.parametrize("smiles", ["CC(=O)Nc1ccccc1", "C1CC2CCC1O2", "C%11CC(F)(F)C%11/C=C/C#N", "[O-][n+]1ccccc1.Cl"])
def test_layout_finds_the_bonds_that_rdkit_finds(smiles: str) -> None:
    tokens = split(smiles)
    atoms = [i for i, token in enumerate(tokens) if token[0] == "[" or token[0].isalpha()]
    edges = {frozenset((a, b)) for a, b in layout(tokens).edges}
    found = {edge for edge in edges if edge <= set(atoms)}
    mol = Chem.MolFromSmiles(smiles)
    expected = {frozenset((atoms[b.GetBeginAtomIdx()], atoms[b.GetEndAtomIdx()])) for b in mol.GetBonds()}
    assert found == expected


@pytest.mark.parametrize("smiles", ["CC(C", "C1CC", "CC)C", "1CC1"])
def test_layout_refuses_what_does_not_pair(smiles: str) -> None:
    with pytest.raises(UnreadableText):
        layout(split(smiles))


def test_a_rare_token_is_unknown() -> None:
    words = Vocabulary.of([split("CCO"), split("CC[Si]")], least=2)
    assert words.numbers(["C", "O", "[Si]"])[1:] == [UNKNOWN, UNKNOWN]
    assert Vocabulary(words.learned).tokens == words.tokens


@pytest.mark.parametrize("name", REACTIONS)
def test_scripts_write_the_reactants_from_every_root(name: str) -> None:
    product, reactants = mols(name)
    truth = unmapped(REACTIONS[name][1])
    aligned = align(product, reactants)
    for root in range(product.GetNumAtoms()):
        source, script = encode(*aligned.written(root), None)
        assert canonical("".join(source)) == unmapped(REACTIONS[name][0])
        assert canonical(text(source, script)) == truth


def test_reactants_follow_the_product_and_the_leaving_group_stands_where_the_other_half_was() -> None:
    product, written = align(*mols("amide")).written(0)
    assert (product.smiles, written.smiles) == ("CC(=O)Nc1ccccc1", "CC(=O)Cl.Nc1ccccc1")
    source, script = encode(product, written, None)
    assert source[:6] == ["C", "C", "(", "=", "O", ")"]
    assert script == [0, 5, "Cl", ".", 6, 14]


def test_a_half_out_of_the_middle_is_copied_whole() -> None:
    _, written = align(*mols("suzuki")).written(0)
    assert written.smiles == "COc1ccc(Br)cc1.B(O)(O)c1ccncc1"
    _, script = encode(*align(*mols("suzuki")).written(0), None)
    assert len(script) <= 16
    assert [item for item in script if isinstance(item, str)] == ["Br", ".", "B", "(", "O", ")", "(", "O", ")"]


def test_a_token_that_nobody_knows_can_be_copied_but_not_said() -> None:
    words = Vocabulary(["C", "N"])
    encode(*align(*mols("ring")).written(1), None)
    with pytest.raises(UnreadableText):
        encode(*align(*mols("amide")).written(0), words)


def test_a_piece_without_an_end_is_refused() -> None:
    with pytest.raises(UnreadableText):
        text(split("CCO"), [0])
    with pytest.raises(UnreadableText):
        text(split("CCO"), [0, "C"])


def test_a_reaction_without_common_atoms_is_refused() -> None:
    with pytest.raises(AtomMapMissing):
        align(Chem.MolFromSmiles("[CH3:1][OH:2]"), Chem.MolFromSmiles("CCN"))


@pytest.mark.parametrize("name", REACTIONS)
def test_guessed_maps_give_scripts_as_short_as_the_true_ones(name: str) -> None:
    product, reactants = mols(name)
    true = align(product, reactants)
    shuffled = list(range(reactants.GetNumAtoms()))
    random.Random(3).shuffle(shuffled)
    reactants = Chem.RenumberAtoms(reactants, shuffled)
    names: dict[object, int] = {}
    maps = [i + 1 for i in partners(Surroundings(product, names), Surroundings(reactants, names))]
    guessed = align_to(Product(product, list(range(1, product.GetNumAtoms() + 1))), reactants, maps)
    for root in range(product.GetNumAtoms()):
        source, script = encode(*guessed.written(root), None)
        assert canonical(text(source, script)) == unmapped(REACTIONS[name][1])
        assert len(script) <= len(encode(*true.written(root), None)[1]) + 1
