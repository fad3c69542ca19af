"""Hazards that every chemist knows must be seen, and harmless solvents must pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from knowledge import hazards
from knowledge.hazard_rules import RULES
from knowledge.hazards import assess, incompatible, oxygen_balance
from knowledge.records.hazard import Severity
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.sources import exposure
from knowledge.sources.handbook import Handbook


@pytest.mark.parametrize(
    "smiles,code",
    [
        ("CN1CCCC1=O", "repro:n-alkyl-lactam"),
        ("CCN1CCCC1=O", "repro:n-alkyl-lactam"),
        ("CN(C)C=O", "repro:small-amide"),
        ("CC(=O)N(C)C", "repro:small-amide"),
        ("COCCO", "repro:methyl-glycol-ether"),
        ("COCCOC(C)=O", "repro:methyl-glycol-ether"),
        ("COCCOCCOC", "repro:methyl-glycol-ether"),
        ("CCOCCO", "repro:ethyl-glycol-ether"),
        ("CN1CCN(C)C1=O", "repro:methyl-urea"),
        ("COC(C)CO", "repro:2-methoxypropanol"),
        ("CCCCOC(=O)c1ccccc1C(=O)OCCCC", "repro:phthalate"),
        ("CCCCCC", "neurotoxic:hexane"),
        ("[N-]=[N+]=NCc1ccccc1", "energetic:azide"),
        ("C=[N+]=[N-]", "energetic:diazo"),
        ("CC(C)(C#N)N=NC(C)(C)C#N", "energetic:azo"),
        ("CC(C)(C)OOC(C)(C)C", "energetic:peroxide"),
        ("O=[N+]([O-])OCC(O[N+](=O)[O-])CO[N+](=O)[O-]", "energetic:nitrate-ester"),
        ("Cc1c([N+](=O)[O-])cc([N+](=O)[O-])cc1[N+](=O)[O-]", "energetic:polynitro"),
        ("C[N+](=O)[O-]", "oxygen-balance"),
        ("[O-][N+]#C", "energetic:fulminate"),
        ("[Li]CCCC", "pyrophoric:organometal"),
        ("CC(=O)Cl", "reactive:acyl-halide"),
        ("CS(=O)(=O)Cl", "reactive:acyl-halide"),
        ("CN=C=O", "reactive:isocyanate"),
        ("CC1CO1", "reactive:epoxide"),
        ("C1CN1", "reactive:aziridine"),
        ("C=CC#N", "reactive:michael"),
        ("C=CC(=O)OC", "reactive:michael"),
        ("CC=CC=O", "reactive:enal"),
        ("N#CC=CC#N", "reactive:michael"),
        ("COC(=O)C=CC(=O)OC", "reactive:michael"),
        ("ClCCOCCCl", "alkylator:mustard"),
        ("CI", "alkylator:halide"),
        ("ClCOCCl", "alkylator:activated-halide"),
        ("CN(CCCl)CCCl", "alkylator:mustard"),
        ("COS(=O)(=O)OC", "alkylator:sulfonate"),
        ("CN(C)N=O", "cmr:nitrosamine"),
        ("CNN", "cmr:hydrazine"),
        ("CN(C)P(=O)(N(C)C)N(C)C", "repro:hmpa"),
        ("FC(F)(F)C(F)(F)F", "persistent:pfas"),
        ("CC(C)(O)C#N", "toxic:cyanohydrin"),
        ("c1ccccc1", "iarc:1"),
        ("C1CCOC1", "iarc:2B"),
        ("Oc1ccccc1", "corrosive:phenol"),
    ],
)
def test_dangerous_ones_are_blocked(smiles: str, code: str) -> None:
    assert code in {a.code for a in assess(smiles).blocking}


@pytest.mark.parametrize(
    "smiles",
    [
        "CCO",  # ethanol: IARC 1 as a drink, not as a solvent
        "CC(C)=O",
        "CCOC(C)=O",
        "CS(C)=O",
        "CC1COC(=O)O1",
        "O=C1CCCO1",
        "COC(=O)CCC(=O)OC",
        "CC(O)C(=O)OCC",
        "O=C1CC2COC(O2)C1",  # a relative of Cyrene
        "CCCCN1CCCC1=O",  # N-butylpyrrolidone: not classified, unlike its methyl and ethyl homologues
        "COCC(C)O",  # 1-methoxy-2-propanol: forms no alkoxyacetic acid, unlike its isomer above
        "CCOCCOCCO",
        "OCC(O)CO",
        "CC(C)CO",
        "CCC#N",
        "CN(C)C(=O)CCC(C)C(=O)OC",
    ],
)
def test_accepted_solvents_pass(smiles: str) -> None:
    assert assess(smiles).blocking == ()


def test_what_nobody_knows_is_said() -> None:
    report = assess("CC(C)CN1CCCC1=O")
    assert {"carcinogenicity", "flash point", "exposure limit", "acute toxicity", "reproductive toxicity"} <= set(
        report.unknown
    )
    benzene = assess("c1ccccc1")
    assert "carcinogenicity" not in benzene.unknown
    assert "exposure limit" not in benzene.unknown


def test_an_ether_is_noted_as_a_peroxide_former_not_blocked() -> None:
    notes = {a.code: a.severity for a in assess("CCCCOCCO").alerts}
    assert notes["peroxide-former"] is Severity.NOTE
    assert "peroxide-former" not in {a.code for a in assess("CCOC(C)=O").alerts}


def test_group_three_and_unlisted_are_not_called_safe() -> None:
    toluene = Molecule.from_smiles("Cc1ccccc1").inchikey
    listed = exposure.lookup(toluene)
    assert listed is not None
    assert listed.iarc == "3"
    assert "carcinogenicity" in assess("Cc1ccccc1").unknown
    assert exposure.lookup("AAAAAAAAAAAAAA-UHFFFAOYSA-N") is None


def test_flash_points_come_only_from_the_handbook_that_is_handed_in() -> None:
    full, nothing = Handbook.full(), Handbook.known(1.0, 0)
    assert "flash point" in assess("CCO").unknown
    assert "flash point" in assess("CCO", nothing).unknown
    report = assess("CCO", full)
    assert "flash point" not in report.unknown
    assert "flammable:2" in {a.code for a in report.alerts}
    assert not {a.code for a in assess("OCCO", full).alerts} & {"flammable:2", "flammable:3"}


@pytest.mark.parametrize(
    "smiles,percent",
    [
        ("Cc1c([N+](=O)[O-])cc([N+](=O)[O-])cc1[N+](=O)[O-]", -74.0),  # TNT
        ("O=[N+]([O-])OCC(O[N+](=O)[O-])CO[N+](=O)[O-]", 3.5),  # nitroglycerine
        ("C[N+](=O)[O-]", -39.3),
        ("CCO", -208.4),
    ],
)
def test_oxygen_balance(smiles: str, percent: float) -> None:
    assert oxygen_balance(smiles) == pytest.approx(percent, abs=0.5)


def test_oxygen_alone_makes_no_explosive() -> None:
    assert oxygen_balance("O=C1OCCO1") > hazards.OXYGEN_BALANCE_LIMIT
    assert assess("O=C1OCCO1").blocking == ()


@pytest.mark.parametrize(
    "a,b,code",
    [
        ("[Na+].[N-]=[N+]=[N-]", "ClCCl", "azide+halocarbon"),
        ("[Na+].[N-]=[N+]=[N-]", "Cl", "azide+acid"),
        ("[Na+].[H-]", "CN(C)C=O", "strong-hydride+dipolar-aprotic"),
        ("[Na+].[H-]", "CO", "strong-hydride+protic"),
        ("[Li+].[AlH4-]", "O", "strong-hydride+protic"),
        ("[Li]CCCC", "O", "organometal+protic"),
        ("[K+].[O-][Mn](=O)(=O)=O", "CC(C)=O", "strong-oxidiser+organic"),
        ("O[N+](=O)[O-]", "Cc1ccccc1", "strong-oxidiser+organic"),
        ("OO", "CC(C)=O", "hydrogen-peroxide+ketone"),
        ("OS(=O)(=O)O", "[Na+].[OH-]", "strong-acid+strong-base"),
        ("Cl", "[Na+].[OH-]", "strong-acid+strong-base"),
        ("[Na+].[C-]#N", "Cl", "cyanide+acid"),
        ("[Na+].[O-]Cl", "CNC", "hypochlorite+amine"),
        ("O=S(Cl)Cl", "O", "violent-with-water+water"),
        ("CC(=O)Cl", "CS(C)=O", "acid-chloride+dmso"),
        ("CC(C)(C)[O-].[K+]", "ClC(Cl)Cl", "strong-base+trihalomethane"),
    ],
)
def test_pairs_that_must_not_meet(a: str, b: str, code: str) -> None:
    for pair in ([a, b], [b, a], ["CCCCCCC", b, a]):
        found = {x.code for x in incompatible(pair) if x.severity is Severity.ALERT}
        assert f"incompatible:{code}" in found


@pytest.mark.parametrize(
    "together",
    [
        ["CCO", "CC(=O)O", "OS(=O)(=O)O"],  # Fischer esterification
        ["CC(=O)Cl", "CCCCO", "CCN(CC)CC", "ClCCl"],  # acylation
        ["O=C([O-])[O-].[K+].[K+]", "CCCCBr", "O=C1CCCN1", "CC(C)=O"],  # N-alkylation
        ["CCO"],
        [],
    ],
)
def test_ordinary_reactions_are_allowed(together: list[str]) -> None:
    assert [a for a in incompatible(together) if a.severity is Severity.ALERT] == []


def test_mild_reduction_is_a_note() -> None:
    assert {a.severity for a in incompatible(["[Na+].[BH4-]", "CO"])} == {Severity.NOTE}


def test_every_pattern_compiles_and_every_rule_has_a_source() -> None:
    for rule in RULES:
        assert Chem.MolFromSmarts(rule.smarts) is not None, rule.code
        assert rule.source
        assert rule.text
    for name, alternatives in hazards._CLASSES.items():
        for smarts in alternatives:
            assert Chem.MolFromSmarts(smarts) is not None, name
    named = {pair.first for pair in hazards._PAIRS} | {pair.second for pair in hazards._PAIRS}
    assert named <= set(hazards._CLASSES)


def test_unreadable_smiles() -> None:
    with pytest.raises(InvalidMolecule):
        assess("C1CC")
    with pytest.raises(InvalidMolecule):
        incompatible(["CCO", "nonsense"])


@given(
    st.sampled_from(["CN1CCCC1=O", "COCCO", "CC(=O)Cl", "C=CC#N", "C[N+](=O)[O-]"]), st.randoms(use_true_random=False)
)
def test_the_way_of_writing_does_not_matter(smiles: str, random: object) -> None:
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert assess(Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)) == assess(smiles)


def test_known_drugs_and_explosives_of_the_handbook_do_not_crash() -> None:
    blocked = [bool(assess(fact.smiles).blocking) for fact in Handbook.full().facts("flash_point")]
    # A solvent designer needs room: most compounds with a flash point are ordinary liquids.
    assert 0.1 < sum(blocked) / len(blocked) < 0.5
