"""Cutting templates from mapped reactions, and running them back and forth."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.templates.compiled import apply, compiled, run_forward, substrate
from planners.routes.single_step.templates.extraction import extract, reactant_set, unmapped
from planners.routes.single_step.templates.library import TemplateLibrary, template_id
from planners.routes.single_step.templates.signature import features, signature

# Mapped by hand.
AMIDE = (
    "O[C:1]([CH2:2][CH3:3])=[O:4].[NH2:5][CH2:6][CH3:7]",
    "[C:1]([CH2:2][CH3:3])(=[O:4])[NH:5][CH2:6][CH3:7]",
)
DEBOC = (
    "CC(C)(C)OC(=O)[NH:1][C@@H:2]([CH3:3])[C:4]([O:5][CH3:6])=[O:7]",
    "[NH2:1][C@@H:2]([CH3:3])[C:4]([O:5][CH3:6])=[O:7]",
)
SUZUKI = (
    "Br[c:1]1[cH:2][cH:3][cH:4][cH:5][cH:6]1.OB(O)[c:7]1[cH:8][cH:9][n:10][cH:11][cH:12]1",
    "[c:1]1(-[c:7]2[cH:8][cH:9][n:10][cH:11][cH:12]2)[cH:2][cH:3][cH:4][cH:5][cH:6]1",
)
INVERSION = (  # azide displaces a mesylate from behind
    "CS(=O)(=O)O[C@@H:1]([CH3:2])[CH2:3][CH3:4].[N-:5]=[N+:6]=[N-:7]",
    "[C@H:1]([CH3:2])([CH2:3][CH3:4])[N:5]=[N+:6]=[N-:7]",
)


@pytest.mark.parametrize("reaction", [AMIDE, DEBOC, SUZUKI, INVERSION], ids=["amide", "deboc", "suzuki", "inversion"])
def test_a_template_regenerates_the_reaction_it_was_cut_from(reaction: tuple[str, str]) -> None:
    reactants, product = reaction
    template = extract(reactants, product)
    assert template is not None
    assert reactant_set(reactants) in apply(template, unmapped(product))
    assert unmapped(product) in run_forward(template, reactant_set(reactants))


def test_extraction_neither_needs_nor_disturbs_numpys_global_state() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr]
    assert extract(*INVERSION) == extract(*INVERSION)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[union-attr]


def test_what_cannot_be_cut_gives_none() -> None:
    assert extract("[CH3:1][OH:2]", "[CH3:1][OH:2]") is None
    assert extract("[CH3:1", "[CH3:1][OH:2]") is None


def test_unmapped_forgets_the_order_of_the_mapped_string() -> None:
    assert unmapped("[CH3:7][CH2:1][OH:3]") == "CCO"
    assert unmapped("[OH:3][CH2:1][CH3:7]") == "CCO"
    with pytest.raises(InvalidMolecule):
        unmapped("C(")


def test_spectator_stereocentres_and_double_bonds_come_through() -> None:
    template = extract(*AMIDE)
    assert template is not None
    product = unmapped("CCNC(=O)C[C@H](F)/C=C/C=C\\Cl")
    assert reactant_set("CCN.OC(=O)C[C@H](F)/C=C/C=C\\Cl") in apply(template, product)


def test_an_inversion_inverts_either_enantiomer() -> None:
    template = extract(*INVERSION)
    assert template is not None
    sets = [apply(template, unmapped(s)) for s in ("CC[C@H](C)N=[N+]=[N-]", "CC[C@@H](C)N=[N+]=[N-]")]
    one, other = ({part for found in group for part in found if "S(" in part} for group in sets)
    assert len(one) == len(other) == 1
    assert one != other


def test_a_ring_that_opens_is_one_molecule() -> None:
    lactone = apply(
        "[C:1]-[O;H0;D2;+0:2]-[C;H0;D3;+0:3]=[O:4]>>O-[C;H0;D3;+0:3]=[O:4].[C:1]-[OH;D1;+0:2]", "O=C1CCCCO1"
    )
    assert lactone == [("O=C(O)CCCCO",)]


def test_reactants_meet_within_or_between_molecules() -> None:
    template = "[C:1]-[O;H0;D2;+0:2]-[C;H0;D3;+0:3]=[O:4]>>O-[C;H0;D3;+0:3]=[O:4].[C:1]-[OH;D1;+0:2]"
    assert "O=C1CCCCO1" in run_forward(template, ["O=C(O)CCCCO"])
    assert "CCOC(C)=O" in run_forward(template, ["CCO", "CC(=O)O", "c1ccccc1"])


def test_nothing_for_a_product_without_the_pattern_and_nothing_unreadable() -> None:
    template = extract(*SUZUKI)
    assert template is not None
    assert apply(template, "CCO") == []
    assert not substrate("c1ccccc1").matches(compiled(template))
    with pytest.raises(InvalidMolecule):
        apply(template, "c1ccc")
    with pytest.raises(ValueError, match=r"SMARTS|reaction"):
        apply("[C:1>>[C:1]", "CCO")


def test_a_product_is_never_its_own_precursor() -> None:
    assert apply("[O:1]-[C:2]>>[O:1]-[C:2]", "CCO") == []


def test_an_outcome_that_is_no_molecule_is_dropped() -> None:
    assert apply("[C:1]-[OH:2]>>[C:1](=[O:2])(Cl)Cl", "CC(C)O") == []


def test_one_signature_for_all_spellings_and_not_for_others() -> None:
    one = "[C:2]-[NH2;D1;+0:1]>>C-C(-C)(-C)-O-C(=O)-[NH;D2;+0:1]-[C:2]"
    spelled = "[NH2;D1;+0:7]-[C:3]>>[C:3]-[NH;D2;+0:7]-C(=O)-O-C(-C)(-C)-C"
    other = "[C:2]-[NH2;D1;+0:1]>>C-C(-C)-O-C(=O)-[NH;D2;+0:1]-[C:2]"
    assert signature(one) == signature(spelled) != signature(other)
    assert features(one, 512) == features(spelled, 512) != features(other, 512)


def test_a_signature_sees_which_atoms_are_joined() -> None:
    # The same two sides; only which of the two oxygens keeps its carbon differs.
    kept = "[O:1]-[C:2]-[S:3]-[C:4]>>[O:1]-[C:2].[S:3]-[C:4]"
    crossed = "[O:1]-[C:2]-[S:3]-[C:4]>>[O:1]-[C:4].[S:3]-[C:2]"
    assert signature(kept) != signature(crossed)


def test_matching_agrees_with_a_search_of_every_template() -> None:
    templates = [t for t in (extract(*r) for r in (AMIDE, DEBOC, SUZUKI, INVERSION)) if t is not None]
    library = TemplateLibrary(templates, [4, 3, 2, 1], [("US1",)] * 4)
    for smiles in ("CCNC(C)=O", "C[C@H](N)C(=O)OC", "c1ccc(-c2ccncc2)cc1", "CC[C@H](C)N=[N+]=[N-]", "CCO"):
        expected = [i for i, t in enumerate(templates) if substrate(smiles).mol.HasSubstructMatch(compiled(t).pattern)]
        assert library.matching(smiles).tolist() == expected


def test_template_ids_are_stable() -> None:
    assert template_id("[C:1]>>[C:1]Br") == template_id("[C:1]>>[C:1]Br") != template_id("[C:1]>>[C:1]Cl")
    assert len(template_id("[C:1]>>[C:1]Br")) == 13
