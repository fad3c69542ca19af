"""Local templates: what is read off a mapped reaction is what gives the reactants back, stereo included."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from planners.routes.single_step.local.application import apply, matches
from planners.routes.single_step.local.extraction import Extracted, NoTemplate, extract
from planners.routes.single_step.local.template import LocalTemplate
from planners.routes.structure import canonical, parse
from planners.routes.training import uspto

AMIDE = ("Cl[C:1](=[O:2])[CH3:3].[NH2:4][c:5]1[cH:6][cH:7][c:8]([OH:9])[cH:10][cH:11]1",
         "[C:1](=[O:2])([CH3:3])[NH:4][c:5]1[cH:6][cH:7][c:8]([OH:9])[cH:10][cH:11]1")  # fmt: skip
SUZUKI = ("Br[c:1]1[cH:2][cH:3][cH:4][cH:5][n:6]1.OB(O)[c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1",
          "[c:1]1(-[c:7]2[cH:8][cH:9][cH:10][cH:11][cH:12]2)[cH:2][cH:3][cH:4][cH:5][n:6]1")  # fmt: skip
NITRO = ("O=[N+:1]([O-])[c:2]1[cH:3][cH:4][cH:5][cH:6][c:7]1[F:8]",
         "[NH2:1][c:2]1[cH:3][cH:4][cH:5][cH:6][c:7]1[F:8]")  # fmt: skip
BENZIMIDAZOLE = (
    "O[C:1](=O)[CH3:2].[NH2:3][c:4]1[cH:5][cH:6][c:7]([Cl:8])[cH:9][c:10]1[NH:11][CH3:12]",
    "[c:1]1([CH3:2])[n:3][c:4]2[cH:5][cH:6][c:7]([Cl:8])[cH:9][c:10]2[n:11]1[CH3:12]",
)
BOC = ("CC(C)(C)OC(=O)[NH:1][C@@H:2]([CH3:3])[C:4](=[O:5])[OH:6]", "[NH2:1][C@@H:2]([CH3:3])[C:4](=[O:5])[OH:6]")
# A chiral mesylate and a thiol: the bond that breaks is at the stereocentre, which turns over.
INVERSION = ("CS(=O)(=O)O[C@@H:1]([CH3:2])[C:3](=[O:4])[O:5][CH3:6].[SH:7][c:8]1[cH:9][cH:10][cH:11][cH:12][cH:13]1",
             "[C@@H:1]([CH3:2])([C:3](=[O:4])[O:5][CH3:6])[S:7][c:8]1[cH:9][cH:10][cH:11][cH:12][cH:13]1")  # fmt: skip
VINYL = ("I/[CH:1]=[CH:2]/[CH2:3][OH:4].[CH:5]#[C:6][c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1",
         "[CH:1](=[CH:2]/[CH2:3][OH:4])\\[C:5]#[C:6][c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1")  # fmt: skip
HYDROGENATION = (
    "[CH3:1][O:2][C:3](=[O:4])/[CH:5]=[CH:6]/[c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1",
    "[CH3:1][O:2][C:3](=[O:4])[CH2:5][CH2:6][c:7]1[cH:8][cH:9][cH:10][cH:11][cH:12]1",
)
ALL = (AMIDE, SUZUKI, NITRO, BENZIMIDAZOLE, BOC, INVERSION, VINYL, HYDROGENATION)


def _truth(reactants: str) -> tuple[str, ...]:
    parts = []
    for part in reactants.split("."):
        mol = Chem.MolFromSmiles(part)
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
        parts.append(canonical(Chem.MolToSmiles(mol)))
    return tuple(sorted(parts))


@pytest.mark.parametrize("reaction", ALL)
def test_the_template_gives_the_reactants_back_at_every_site(reaction: tuple[str, str]) -> None:
    found = extract(*reaction)
    assert found.exact
    assert found.reactants == _truth(reaction[0])
    for site in found.sites:
        assert apply(found.template, parse(found.product), site) == found.reactants


@pytest.mark.parametrize("reaction", ALL)
def test_the_anchor_alone_finds_the_site_again(reaction: tuple[str, str]) -> None:
    found = extract(*reaction)
    for site in found.sites:
        anchor = [site[p] for p in found.template.anchor]
        assert site in matches(found.template, parse(found.product), anchor)


def test_templates_name_the_bare_change() -> None:
    assert extract(*AMIDE).template.dump() == [[["C", 0, 0], ["N", 1, 0]], [[0, 1, 1, 0]], ["[1*]Cl"], []]
    assert extract(*NITRO).template.dump() == [[["N", -2, 1]], [], ["[1*]=O", "[1*][O-]"], []]


def test_stereo_is_marked_only_where_it_is_not_kept() -> None:
    assert extract(*BOC).template.stereo == ()
    assert extract(*VINYL).template.stereo == ()
    assert [m[-1] for m in extract(*INVERSION).template.stereo] == ["i"]
    assert [m[-1] for m in extract(*HYDROGENATION).template.stereo] == ["E"]


def test_the_order_in_which_a_reaction_is_written_does_not_matter() -> None:
    def shuffled(smiles: str, seed: int) -> str:
        mol = Chem.MolFromSmiles(smiles)
        order = sorted(range(mol.GetNumAtoms()), key=lambda i: (i * 7919 + seed * 104729) % 97)
        return str(Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False))

    def said(found: Extracted) -> tuple[str, str, set[tuple[int, ...]]]:
        mol = parse(found.product)
        ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
        return found.product, found.template.id, {tuple(ranks[i] for i in site) for site in found.sites}

    for reactants, product in ALL:
        first = said(extract(reactants, product))
        for seed in (1, 2, 3):
            assert said(extract(shuffled(reactants, seed), shuffled(product, seed))) == first


def test_a_template_is_applied_exactly_where_it_is_told() -> None:
    template = extract(*AMIDE).template
    mol = parse(canonical("CC(=O)NCCNC(=O)c1ccccc1"))
    made = set()
    for bond in mol.GetBonds():
        for anchor in (
            (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()),
            (bond.GetEndAtomIdx(), bond.GetBeginAtomIdx()),
        ):
            for site in matches(template, mol, anchor):
                reactants = apply(template, mol, site)
                assert reactants is not None
                made.add(reactants)
    assert ("CC(=O)Cl", "NCCNC(=O)c1ccccc1") in made
    assert ("CC(=O)NCCN", "O=C(Cl)c1ccccc1") in made
    assert len(made) == 4  # the two C-N bonds of the amides, the two to the ethylene bridge; never N-Cl


def test_an_edit_that_gives_no_molecule_is_refused() -> None:
    template = LocalTemplate.load([[["C", 0, 0]], [], ["[1*]Cl"], []])
    assert apply(template, parse("C"), (0,)) is None


def test_dump_and_load_and_a_stable_name() -> None:
    for reaction in ALL:
        template = extract(*reaction).template
        again = LocalTemplate.load(json.loads(json.dumps(template.dump())))
        assert again == template
        assert again.id == template.id
    assert extract(*AMIDE).template.id == "c7e2ec6715"


def test_reactions_without_a_template_say_why() -> None:
    with pytest.raises(NoTemplate, match="nothing changes"):
        extract("[CH3:1][OH:2]", "[CH3:1][OH:2]")
    with pytest.raises(NoTemplate, match="without a partner"):
        extract("[CH3:1]O", "[CH3:1][OH:2]")


def test_published_reactions_come_back_exactly() -> None:
    try:
        reactions = list(uspto.reactions("train"))
    except (RuntimeError, OSError) as error:
        pytest.skip(f"USPTO-50k is not here: {error}")
    sample = reactions[::200]
    exact = sum(extract(r.reactants, r.product).exact for r in sample)
    assert exact >= 0.96 * len(sample)
