from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from rdkit import Chem
from thermo.group_contribution.joback import JOBACK_GROUPS, Joback
from thermo.unifac import UFSG

from knowledge.features.featurizer import Featurizer
from knowledge.features.joback_groups import GROUPS, NAMES, Fragmentation, JobackGroups, joback_fragmentation
from knowledge.features.unifac_groups import NUMBERS, SUBGROUPS, UnifacGroups, unifac_fragmentation
from knowledge.records.molecule import InvalidMolecule
from knowledge.sources.handbook import Handbook

HANDBOOK = [m.smiles for m in Handbook.full().molecules()[:: 57_000 // 300]]


def named(found: Fragmentation, names: dict[int, str]) -> dict[str, int]:
    return {names[number]: count for number, count in found.counts.items()}


def test_group_tables_are_those_of_thermo() -> None:
    assert {number: g.group for number, g in JOBACK_GROUPS.items()} == NAMES
    assert len(GROUPS) == 41
    assert {s.number: s.name for s in SUBGROUPS} == {n: g.group for n, g in UFSG.items() if n not in (178, 179)}
    assert len(SUBGROUPS) == len(NUMBERS) == 111


@pytest.mark.parametrize(
    "smiles, groups",
    [
        ("CC(C)=O", {"-CH3": 2, ">C=O (nonring)": 1}),
        ("O=C1CCCCC1", {"-CH2- (ring)": 5, ">C=O (ring)": 1}),
        ("CCC(=O)OC(=O)CC", {"-CH3": 2, "-CH2-": 2, ">C=O (nonring)": 1, "-COO- (ester)": 1}),
        ("CCOC(=O)OCC", {"-CH3": 2, "-CH2-": 2, "-O- (nonring)": 1, "-COO- (ester)": 1}),
        ("O=[N+]([O-])c1ccc(O)cc1", {"=CH- (ring)": 4, "=C< (ring)": 2, "-OH (phenol)": 1, "-NO2": 1}),
        ("C=C=CC#N", {"=CH2": 1, "=CH-": 1, "=C=": 1, "-CN": 1}),
        ("CC#CC(S)C(=O)O", {"-CH3": 1, ">CH-": 1, "≡C-": 2, "-COOH (acid)": 1, "-SH": 1}),
        ("c1ccncc1", {"=CH- (ring)": 5, "-N= (ring)": 1}),
    ],
)
def test_joback_groups_of_known_molecules(smiles: str, groups: dict[str, int]) -> None:
    found = joback_fragmentation(smiles)
    assert found.complete
    assert named(found, NAMES) == groups


# After Fredenslund, Gmehling and Rasmussen, 1977, and Poling et al., The Properties of Gases and Liquids, 2001.
@pytest.mark.parametrize(
    "smiles, groups",
    [
        ("CCC(C)=O", {"CH3": 1, "CH2": 1, "CH3CO": 1}),
        ("CCOC(C)=O", {"CH3": 1, "CH2": 1, "CH3COO": 1}),
        ("CCOCC", {"CH3": 2, "CH2": 1, "CH2O": 1}),
        ("C1CCOC1", {"CH2": 3, "THF": 1}),
        ("CCc1ccccc1", {"ACH": 5, "ACCH2": 1, "CH3": 1}),
        ("ClCc1ccccc1", {"ACH": 5, "AC": 1, "CH2CL": 1}),
        ("CC(=O)c1ccccc1", {"ACH": 5, "AC": 1, "CH3CO": 1}),
        ("CCOCCO", {"CH3": 1, "CH2": 1, "C2H5O2": 1}),
        ("C=CC(=O)OC", {"CH2=CH": 1, "COO": 1, "CH3": 1}),
        ("CCC(=O)Cc1ccccc1", {"ACH": 5, "ACCH2": 1, "CH3": 1, "CH2CO": 1}),
        ("CN(C)C=O", {"DMF": 1}),
        ("Cc1ccncc1", {"C5H4N": 1, "CH3": 1}),
        ("CC(Cl)(Cl)Cl", {"CH3": 1, "CCL3": 1}),
        ("CCO[Si](C)(C)O[Si](C)(C)C", {"CH3": 6, "CH2O": 1, "SI": 1, "SIO": 1}),
    ],
)
def test_unifac_groups_of_known_molecules(smiles: str, groups: dict[str, int]) -> None:
    found = unifac_fragmentation(smiles)
    assert found.complete
    assert named(found, {s.number: s.name for s in SUBGROUPS}) == groups


@pytest.mark.parametrize(
    "smiles, uncovered",
    [
        ("C[Si](C)(C)C", (1,)),
        ("CS(C)=O", (1, 3)),
        ("CN(C)C=O", (4,)),  # a formamide is no aldehyde
        ("CC(=O)[O-]", (3,)),
        ("C", (0,)),
        ("CCOO", (2, 3)),  # a hydroperoxide is no alcohol
        ("CC(C)=NO", (4,)),
        ("[CH3]", (0,)),
    ],
)
def test_joback_says_which_atoms_are_in_no_group(smiles: str, uncovered: tuple[int, ...]) -> None:
    found = joback_fragmentation(smiles)
    assert not found.complete
    assert found.uncovered == uncovered


def test_isotopes_do_not_change_the_groups() -> None:
    assert joback_fragmentation("[2H]C([2H])([2H])O").counts == joback_fragmentation("CO").counts


def test_unifac_does_not_cover_what_it_has_no_group_for() -> None:
    for smiles in ("CC(C)C(=O)C(C)C", "CC(=O)OC(C)=O", "CP(C)C", "[Na+].CC(=O)[O-]", "CN(C)C(=O)N(C)C"):
        assert not unifac_fragmentation(smiles).complete
        assert unifac_fragmentation(smiles).uncovered


@pytest.mark.parametrize("fragment", [joback_fragmentation, unifac_fragmentation])
def test_every_heavy_atom_is_in_one_group_or_uncovered(fragment: object) -> None:
    assert callable(fragment)
    complete = 0
    for smiles in HANDBOOK:
        found = fragment(smiles)
        seen = Counter(i for _, atoms in found.atoms for i in atoms)
        seen.update(found.uncovered)
        assert seen == Counter(range(Chem.MolFromSmiles(smiles).GetNumAtoms()))
        assert sum(found.counts.values()) == len(found.atoms)
        complete += found.complete
    assert complete > 0.4 * len(HANDBOOK)


@pytest.mark.parametrize("fragment", [joback_fragmentation, unifac_fragmentation])
def test_groups_do_not_depend_on_how_the_molecule_is_written(fragment: object) -> None:
    assert callable(fragment)
    for i, smiles in enumerate(HANDBOOK[::2]):
        mol = Chem.MolFromSmiles(smiles)
        order = np.random.default_rng(i).permutation(mol.GetNumAtoms()).tolist()
        shuffled = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
        assert fragment(shuffled).counts == fragment(smiles).counts, shuffled


def test_unifac_groups_hold_the_molecules_atoms() -> None:
    for smiles in HANDBOOK:
        found = unifac_fragmentation(smiles)
        if not found.complete:
            continue
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        atoms: Counter[str] = Counter()
        for number, count in found.counts.items():
            atoms.update({e: n * count for e, n in UFSG[number].atoms.items()})
        assert +atoms == Counter(a.GetSymbol() for a in mol.GetAtoms()), smiles


@pytest.mark.parametrize("fragment", [joback_fragmentation, unifac_fragmentation])
def test_a_polymer_is_cut_whole(fragment: object) -> None:
    assert callable(fragment)
    chain = fragment("CP(C)" + "C" * 1200)
    assert chain.uncovered == (1,)
    assert chain.counts == {1: 3, 2: 1199}


def test_joback_agrees_with_thermos_own_cutting() -> None:
    compared = 0
    for smiles in HANDBOOK[:150]:
        ours, theirs = joback_fragmentation(smiles), Joback(smiles)
        if ours.complete and theirs.success:
            compared += 1
            assert ours.counts == dict(sorted(theirs.counts.items())), smiles
    assert compared >= 100


@pytest.mark.parametrize("featurizer, width", [(JobackGroups(), 41), (UnifacGroups(), 111)])
def test_featurizers(featurizer: Featurizer, width: int) -> None:
    assert isinstance(featurizer, Featurizer)
    assert len(featurizer.columns) == len(set(featurizer.columns)) == width
    rows = featurizer(["CCO", "CCCO", "CCO"])
    assert rows.shape == (3, width)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (rows[1] - rows[0]).sum() == 1.0
    assert featurizer([]).shape == (0, width)
    for bad in ("", "C(", "Xy"):
        with pytest.raises(InvalidMolecule):
            featurizer([bad])
