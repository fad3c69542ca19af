"""Which named reaction a step is."""

from __future__ import annotations

import os
from itertools import islice

import pytest
from rdkit import Chem

from planners.routes.conditions import classify, conditions_table
from planners.routes.conditions.changes import _EXCHANGES, _HETEROCYCLES
from planners.routes.conditions.classify import match, patterns
from planners.routes.structure import canonical
from planners.routes.training import uspto

NAMED = [
    ("amide_coupling", "OC(=O)c1ccc(F)cc1.C1COCCN1>>O=C(c1ccc(F)cc1)N1CCOCC1"),
    ("acid_chloride_amidation", "O=C(Cl)c1ccccc1.NCc1ccccn1>>O=C(NCc1ccccn1)c1ccccc1"),
    ("suzuki", "OB(O)c1ccncc1.COc1ccc(Br)cc1>>COc1ccc(-c2ccncc2)cc1"),
    ("suzuki", "CC1(C)OB(c2ccccc2)OC1(C)C.O=S(=O)(Oc1ccncc1)C(F)(F)F>>c1ccc(-c2ccncc2)cc1"),
    ("buchwald_hartwig", "COc1ccc(Br)cc1.C1COCCN1>>COc1ccc(N2CCOCC2)cc1"),
    ("sonogashira", "C#Cc1ccccc1.Brc1cccnc1>>C(#Cc1cccnc1)c1ccccc1"),
    ("heck", "C=CC(=O)OC.Ic1ccccc1>>COC(=O)/C=C/c1ccccc1"),
    ("stille", "C=C[Sn](CCCC)(CCCC)CCCC.Brc1ccccc1>>C=Cc1ccccc1"),
    ("aromatic_substitution", "Clc1ncnc2ccccc12.Nc1ccccc1>>c1ccc(Nc2ncnc3ccccc23)cc1"),
    ("aromatic_substitution_oxygen", "O=[N+]([O-])c1ccc(F)cc1.OCc1ccccc1>>O=[N+]([O-])c1ccc(OCc2ccccc2)cc1"),
    ("n_alkylation", "BrCc1ccccc1.C1CCNCC1>>C1CCN(Cc2ccccc2)CC1"),
    ("phenol_alkylation", "BrCc1ccccc1.Oc1ccc(C=O)cc1>>O=Cc1ccc(OCc2ccccc2)cc1"),
    ("azole_alkylation", "CCBr.c1ccc2[nH]ccc2c1>>CCn1ccc2ccccc21"),
    ("thiol_alkylation", "CCBr.Sc1ccccc1>>CCSc1ccccc1"),
    ("mitsunobu", "OCCc1ccccn1.Oc1ccc(C=O)cc1>>O=Cc1ccc(OCCc2ccccn2)cc1"),
    ("reductive_amination", "O=Cc1ccc(F)cc1.C1COCCN1>>Fc1ccc(CN2CCOCC2)cc1"),
    ("boc_protection", "CC(C)(C)OC(=O)OC(=O)OC(C)(C)C.C1COCCN1>>CC(C)(C)OC(=O)N1CCOCC1"),
    ("boc_deprotection", "CC(C)(C)OC(=O)N1CCN(c2ccccn2)CC1>>c1ccc(N2CCNCC2)nc1"),
    ("boc_deprotection", "CC(C)(C)OC(=O)n1ccc2ccccc21>>c1ccc2[nH]ccc2c1"),
    ("boc_deprotection", "CC(C)(C)OC(=O)NCCNC(=O)OC(C)(C)C>>NCCN"),
    ("cbz_deprotection", "O=C(OCc1ccccc1)N1CCC(c2ccccc2)CC1>>c1ccc(C2CCNCC2)cc1"),
    ("benzyl_hydrogenolysis", "O=Cc1ccc(OCc2ccccc2)cc1>>O=Cc1ccc(O)cc1"),
    ("silyl_deprotection", "CC(C)(C)[Si](C)(C)OCCc1ccccn1>>OCCc1ccccn1"),
    ("silylation", "CC(C)(C)[Si](C)(C)Cl.OCCc1ccccn1>>CC(C)(C)[Si](C)(C)OCCc1ccccn1"),
    ("acetal_hydrolysis", "c1ccc(C2OCCO2)cc1>>O=Cc1ccccc1"),
    ("ester_hydrolysis", "CCOC(=O)c1ccc(Br)cc1>>O=C(O)c1ccc(Br)cc1"),
    ("tert_butyl_ester_cleavage", "CC(C)(C)OC(=O)c1ccc(Br)cc1>>O=C(O)c1ccc(Br)cc1"),
    ("nitro_reduction", "O=[N+]([O-])c1ccc(N2CCOCC2)cc1>>Nc1ccc(N2CCOCC2)cc1"),
    ("nitrile_reduction", "N#Cc1ccccc1>>NCc1ccccc1"),
    ("alkene_hydrogenation", "COC(=O)/C=C/c1ccccc1>>COC(=O)CCc1ccccc1"),
    ("sulfonamide_formation", "CS(=O)(=O)Cl.NCCc1ccccc1>>CS(=O)(=O)NCCc1ccccc1"),
    ("urea_formation_isocyanate", "O=C=Nc1ccccc1.C1COCCN1>>O=C(Nc1ccccc1)N1CCOCC1"),
    ("cbz_protection", "O=C(Cl)OCc1ccccc1.NC1CC1>>O=C(NC1CC1)OCc1ccccc1"),
    ("carbamate_formation", "CCOC(=O)Cl.NC1CC1>>CCOC(=O)NC1CC1"),
    ("organometal_addition", "C[Mg]Br.O=Cc1ccncc1>>CC(O)c1ccncc1"),
    ("wittig", "C[P+](c1ccccc1)(c1ccccc1)c1ccccc1.O=Cc1ccncc1>>C=Cc1ccncc1"),
    ("horner_wadsworth_emmons", "CCOC(=O)CP(=O)(OCC)OCC.O=Cc1ccncc1>>CCOC(=O)/C=C/c1ccncc1"),
    ("alcohol_oxidation_aldehyde", "OCc1ccncc1>>O=Cc1ccncc1"),
    ("alcohol_oxidation_ketone", "CC(O)c1ccncc1>>CC(=O)c1ccncc1"),
    ("ketone_reduction", "CC(=O)c1ccncc1>>CC(O)c1ccncc1"),
    ("ester_reduction", "CCOC(=O)c1ccncc1>>OCc1ccncc1"),
    ("acid_reduction", "O=C(O)c1ccncc1>>OCc1ccncc1"),
    ("aromatic_bromination", "COc1ccccc1.O=C1CCC(=O)N1Br>>COc1ccc(Br)cc1"),
    ("benzylic_bromination", "Cc1ccccc1F.O=C1CCC(=O)N1Br>>Fc1ccccc1CBr"),
    ("deoxychlorination_heteroaryl", "O=c1[nH]cnc2ccccc12>>Clc1ncnc2ccccc12"),
    ("aryl_cyanation", "Brc1ccncc1>>N#Cc1ccncc1"),
    ("azide_substitution", "BrCc1ccccc1.[N-]=[N+]=[N-]>>[N-]=[N+]=NCc1ccccc1"),
    ("click_cycloaddition", "C#Cc1ccccc1.[N-]=[N+]=NCc1ccccc1>>c1ccc(Cn2cc(-c3ccccc3)nn2)cc1"),
    ("fischer_indole", "NNc1ccccc1.O=C1CCCCC1>>c1ccc2c3c([nH]c2c1)CCCC3"),
    ("thiazole_formation", "NC(=S)c1ccccc1.O=C(CBr)c1ccccc1>>c1ccc(-c2csc(-c3ccccc3)n2)cc1"),
    ("benzimidazole_formation", "Nc1ccccc1N.O=C(O)c1ccccc1>>c1ccc(-c2nc3ccccc3[nH]2)cc1"),
    ("fischer_esterification", "CCO.O=C(O)c1ccncc1>>CCOC(=O)c1ccncc1"),
    ("diels_alder", "C=CC=C.C=CC(=O)OC>>COC(=O)C1CC=CCC1"),
    ("generic", "CCO>>CCCCCN"),
]  # fmt: skip


def _sides(text: str) -> tuple[str, tuple[str, ...]]:
    left, _, right = text.partition(">>")
    return canonical(right), tuple(sorted(canonical(part) for part in left.split(".")))


@pytest.mark.parametrize("name, text", NAMED)
def test_named_reactions(name: str, text: str) -> None:
    product, reactants = _sides(text)
    assert classify(product, reactants) == name
    assert classify(product, tuple(reversed(reactants))) == name


def test_every_class_that_can_be_told_has_conditions() -> None:
    told = {p.reaction_class for p in patterns()} | {row[0] for row in (*_HETEROCYCLES, *_EXCHANGES)}
    assert told | {"heterocycle_formation", "cyclisation"} <= set(conditions_table().classes)


def test_the_order_says_who_is_who() -> None:
    product, reactants = _sides("OC(=O)c1ccc(F)cc1.C1COCCN1>>O=C(c1ccc(F)cc1)N1CCOCC1")
    found = match(product, reactants)
    assert [reactants[i] for i in found.order] == [canonical("OC(=O)c1ccc(F)cc1"), canonical("C1COCCN1")]


def test_two_like_sites_are_counted() -> None:
    assert match(*_sides("COC(=O)c1ccc(C(=O)OC)cc1>>O=C(O)c1ccc(C(=O)O)cc1")).sites == 2
    assert match(*_sides("COC(=O)c1ccccc1>>O=C(O)c1ccccc1")).sites == 1


def test_further_reactants_do_not_hide_the_reaction() -> None:
    assert classify(*_sides("CN(C)C=O.CCN.OC(=O)c1ccccc1>>CCNC(=O)c1ccccc1")) == "amide_coupling"


def _unmapped(smiles: str) -> str:
    mol = Chem.MolFromSmiles(smiles)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(Chem.MolToSmiles(mol))


@pytest.mark.skipif(
    uspto.VARIABLE not in os.environ and not (uspto.training_dir() / "uspto-50k").is_dir(),
    reason="needs the validation split of USPTO-50k",
)
def test_nearly_every_patent_reaction_has_a_name() -> None:
    several = list(islice(uspto.reactions("valid"), 150))
    named = sum(
        classify(_unmapped(r.product), tuple(_unmapped(part) for part in r.reactants.split("."))) != "generic"
        for r in several
    )
    assert named >= 0.95 * len(several)
