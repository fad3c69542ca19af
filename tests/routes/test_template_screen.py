"""The screen saves work and never an answer: what it lets through holds everything that is there."""

from __future__ import annotations

import pytest
from rdkit import Chem

from planners.routes.single_step import weights
from planners.routes.single_step.templates import library
from planners.routes.single_step.templates.screen import Screen

MOLECULES = [
    "CC(=O)Nc1ccc(O)cc1",
    "CC(C)Cc1ccc([C@H](C)C(=O)O)cc1",
    "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "OB(O)c1ccncc1",
    "C[Si](C)(C)OCC[N+](C)(C)CC(=O)[O-]",
    "O=[N+]([O-])c1cc(C(F)(F)F)ccc1S(=O)(=O)N1CCOCC1",
    "[2H]C([2H])([2H])OC(=O)/C=C/c1cnc[nH]1",
    "CCCC[Sn](CCCC)(CCCC)C#Cc1ccsc1",
]
PATTERNS = ["[C:1]=[O;D1;H0:2]", "[c:1]-[C;H0;D3;+0:2](=[O;D1;H0:3])-[NH:4]", "[#7;+:1]", "[C;R:1]-[C;R:2]", "[F:1]"]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_few_patterns_of_every_kind(smiles: str) -> None:
    patterns = [Chem.MolFromSmarts(p) for p in PATTERNS]
    for pattern in patterns:
        pattern.UpdatePropertyCache(strict=False)
    mol = Chem.MolFromSmiles(smiles)
    there = {i for i, pattern in enumerate(patterns) if mol.HasSubstructMatch(pattern)}
    assert there <= set(Screen(patterns).candidates(mol).tolist())


def test_two_amides_need_two_amides() -> None:
    one, other = "[C:1]-[C;H0;D3:2]=[O;D1;H0:3]", "[C:4]-[C;H0;D3:5]=[O;D1;H0:6]"
    patterns = [Chem.MolFromSmarts(one), Chem.MolFromSmarts(f"{one}.{other}")]
    for pattern in patterns:
        pattern.UpdatePropertyCache(strict=False)
    screen = Screen(patterns)
    assert screen.candidates(Chem.MolFromSmiles("CC(=O)N(C)C")).tolist() == [0]
    assert screen.candidates(Chem.MolFromSmiles("CC(=O)CCC(C)=O")).tolist() == [0, 1]


@pytest.mark.skipif(not weights.available(library.FILE), reason="the templates are not there")
@pytest.mark.parametrize("smiles", MOLECULES)
def test_the_whole_library(smiles: str) -> None:
    whole = library.load()
    mol = Chem.MolFromSmiles(smiles)
    units, members = whole._sides
    sides = zip(units, members, strict=True)
    there = sorted(i for unit, group in sides if mol.HasSubstructMatch(unit.pattern) for i in group)
    assert whole.matching(smiles).tolist() == there
    assert len(whole._screen.candidates(mol)) < 0.1 * len(units)
