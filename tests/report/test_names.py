"""Names and rules in words, as the report takes them from the registers and from the campaign."""

from __future__ import annotations

import pytest

from agent.gather import _share_rule, common_names
from knowledge.records.molecule import Molecule


@pytest.fixture(scope="module")
def names() -> dict[str, str | None]:
    smiles = (
        "CN1CCCC1=O", "C=O", "CC1CCC(=O)O1", "CCCN(C=O)CCC", "CCOS(=O)OCC", "CC(O)C(=O)O", "C[C@H](O)C(=O)O",
        "CCCCOC(C)=O", "CCCCN", "CCOCBr", "CCC(=O)CC#N",
    )  # fmt: skip
    keys = {s: Molecule.from_smiles(s).inchikey for s in smiles}
    found = common_names(frozenset(keys.values()))
    return {s: found.get(key) for s, key in keys.items()}


@pytest.mark.parametrize(
    "smiles, name",
    [
        ("CN1CCCC1=O", "1-methylpyrrolidin-2-one"),
        ("C=O", "formaldehyde"),
        ("CC1CCC(=O)O1", "γ-valerolactone"),
        ("CCCN(C=O)CCC", "N,N-dipropylformamide"),
        ("CCOS(=O)OCC", "diethyl sulfite"),
        ("CCCCOC(C)=O", "butyl acetate"),
        ("CCCCN", "butylamine"),  # not "N-butylamine"
        ("CCOCBr", "bromomethyloxyethane"),  # not "ethane, (bromomethoxy)-"
        ("CCC(=O)CC#N", None),
    ],
)
def test_compounds_have_the_names_that_chemists_use(
    names: dict[str, str | None], smiles: str, name: str | None
) -> None:
    assert names[smiles] == name


def test_a_stereoisomer_and_the_compound_without_stereochemistry_do_not_share_a_name(
    names: dict[str, str | None],
) -> None:
    assert names["CC(O)C(=O)O"] == "lactic acid"
    assert names["C[C@H](O)C(=O)O"] == "L-lactic acid"


@pytest.mark.parametrize(
    "limit, rule",
    [
        (0, "Nothing may simply be bought."),
        (1, "At most 1 of 24 molecules may simply be bought, as a reference; the rest must be made."),
        (3, "At most 3 of 24 molecules may simply be bought, as references; the rest must be made."),
        (24, "All molecules may simply be bought, as references."),
    ],
)
def test_how_much_may_be_bought_is_a_sentence(limit: int, rule: str) -> None:
    assert _share_rule(limit, 24) == rule
