"""Circles: what counts as coming back, and what is honest chemistry."""

from __future__ import annotations

import pytest

from planners.routes.search.loops import bare, circular

PROTECTED = {
    "Boc": ("CC(C)(C)OC(=O)NCC1CCCCC1", "NCC1CCCCC1"),
    "Boc on an aromatic nitrogen": ("CC(C)(C)OC(=O)n1ccc2ccccc21", "c1ccc2[nH]ccc2c1"),
    "Cbz": ("O=C(NCC1CCCCC1)OCc1ccccc1", "NCC1CCCCC1"),
    "Fmoc": ("O=C(NCC1CCCCC1)OCC1c2ccccc2-c2ccccc21", "NCC1CCCCC1"),
    "TBS": ("CC(C)(C)[Si](C)(C)OCC1CCCCC1", "OCC1CCCCC1"),
    "TIPS": ("CC(C)[Si](OCC1CCCCC1)(C(C)C)C(C)C", "OCC1CCCCC1"),
    "TBDPS": ("CC(C)(C)[Si](OCC1CCCCC1)(c1ccccc1)c1ccccc1", "OCC1CCCCC1"),
    "benzyl": ("c1ccc(COCC2CCCCC2)cc1", "OCC1CCCCC1"),
    "PMB": ("COc1ccc(COCC2CCCCC2)cc1", "OCC1CCCCC1"),
    "THP": ("C1CCC(OCC2CCCCC2)OC1", "OCC1CCCCC1"),
    "MOM": ("COCOCC1CCCCC1", "OCC1CCCCC1"),
    "trityl": ("C(NC(c1ccccc1)(c1ccccc1)c1ccccc1)C1CCCCC1", "NCC1CCCCC1"),
    "acetyl": ("CC(=O)OCC1CCCCC1", "OCC1CCCCC1"),
    "methyl ester": ("COC(=O)C1CCCCC1", "O=C(O)C1CCCCC1"),
    "tert-butyl ester": ("CC(C)(C)OC(=O)C1CCCCC1", "O=C(O)C1CCCCC1"),
    "benzyl ester": ("O=C(OCc1ccccc1)C1CCCCC1", "O=C(O)C1CCCCC1"),
}


@pytest.mark.parametrize("name", PROTECTED)
def test_groups_come_off(name: str) -> None:
    protected, free = PROTECTED[name]
    assert bare(protected)[0] == bare(free)[0]
    assert len(bare(protected)[1]) == len(bare(free)[1]) + 1


@pytest.mark.parametrize(
    "left,right",
    [
        ("CC(=O)CC1CCCCC1", "CCC1CCCCC1"),  # a methyl ketone carries no acetyl group
        ("COc1ccccc1", "Oc1ccccc1"),  # nor is every ether a protecting group
        ("CCOCC1CCCCC1", "OCC1CCCCC1"),
        ("NCC1CCCCC1", "OCC1CCCCC1"),
        ("c1ccc(Cc2ccccc2)cc1", "c1ccccc1"),
        ("C[Si]1(C)CCCO1", "O"),
    ],
)
def test_what_is_no_protecting_group(left: str, right: str) -> None:
    assert bare(left)[0] != bare(right)[0]


@pytest.mark.parametrize(
    "path,back",
    [
        (("CCO", "CC=O", "CCO"), 0),
        (("CCC[C@H](C)O", "CCC[C@@H](C)O"), 0),  # nothing but another stereoisomer
        (("NCC1CCCCC1", PROTECTED["Boc"][0]), None),  # a deprotection
        ((PROTECTED["Boc"][0], "NCC1CCCCC1"), None),  # a protection
        ((PROTECTED["Boc"][0], "NCC1CCCCC1", PROTECTED["Cbz"][0]), None),  # another group for good reason
        (("NCC1CCCCC1", "N#CC1CCCCC1", PROTECTED["Boc"][0]), 0),  # to the nitrile and back to what deprotects at once
        (("COC(=O)C1CCCCC1", "O=C(Cl)C1CCCCC1", "O=C(O)C1CCCCC1"), None),  # an ester by way of the acid chloride
        # Boc on a bare amine, taken off, on again: the second Boc compound differs only in place
        (("CC(C)(C)OC(=O)NCCNC", "CNCCN", "CC(C)(C)OC(=O)N(C)CCN"), 0),
    ],
)
def test_circles(path: tuple[str, ...], back: int | None) -> None:
    assert circular(path[-1], path[:-1]) == back
