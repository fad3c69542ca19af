"""Atom maps of reactions that nobody mapped, what they change, and the published reactions nearest to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from planners.routes.precedents import PrecedentIndex, Signature, signature
from planners.routes.precedents.changes import change
from planners.routes.precedents.index import fingerprint
from planners.routes.precedents.mapping import assign, given
from planners.routes.single_step.weights import VARIABLE, WeightsMissing
from planners.routes.structure import canonical, parse
from planners.routes.training.precedents import bare

ESTER = ("CCCC(=O)OC1CCCCC1", ("CCCC(=O)O", "OC1CCCCC1"))
MAPPED = (  # reactants, product with map numbers, by hand
    (
        "Br[CH2:1][c:2]1[cH:3][cH:4][cH:5][cH:6][cH:7]1.[OH:8][c:9]1[cH:10][cH:11][n:12][cH:13][cH:14]1",
        "[CH2:1]([c:2]1[cH:3][cH:4][cH:5][cH:6][cH:7]1)[O:8][c:9]1[cH:10][cH:11][n:12][cH:13][cH:14]1",
    ),
    (
        "CC(C)(C)OC(=O)[NH:1][CH2:2][CH2:3][c:4]1[cH:5][cH:6][cH:7][cH:8][cH:9]1",
        "[NH2:1][CH2:2][CH2:3][c:4]1[cH:5][cH:6][cH:7][cH:8][cH:9]1",
    ),
    (
        "OB(O)[c:1]1[cH:2][cH:3][c:4]([F:5])[cH:6][cH:7]1.Br[c:8]1[cH:9][n:10][cH:11][cH:12][cH:13]1",
        "[c:1]1(-[c:8]2[cH:9][n:10][cH:11][cH:12][cH:13]2)[cH:2][cH:3][c:4]([F:5])[cH:6][cH:7]1",
    ),
    (
        "O=[C:1]1[CH2:2][CH2:3][CH2:4][CH2:5][CH2:6]1.[NH2:7][CH2:8][CH3:9]",
        "[CH:1]1([NH:7][CH2:8][CH3:9])[CH2:2][CH2:3][CH2:4][CH2:5][CH2:6]1",
    ),
)


@pytest.mark.parametrize("reactants,product", MAPPED)
def test_our_map_changes_what_the_given_one_does(reactants: str, product: str) -> None:
    own = signature(bare(product), [bare(part) for part in reactants.split(".")])
    assert own == signature("", (), mapped=(product, reactants))


@pytest.mark.parametrize(
    "product,reactants,counts",
    [
        ("CCOC(C)=O", "CCO.CC(=O)O", (1, 1, 0)),  # the acyl C-O bond goes, whichever oxygen is written first
        ("c1ccc(OC2CCCC2)cc1", "Oc1ccccc1.OC1CCCC1", (1, 1, 0)),  # Mitsunobu: the alkyl one goes, not the aryl one
        ("CC(=O)c1ccc2ncccc2c1", "CON(C)C(=O)c1ccc2ncccc2c1.C[Mg]Br", (1, 2, 0)),  # the new methyl is the Grignard's
        ("OCc1ccccc1", "COC(=O)c1ccccc1", (0, 1, 1)),  # the carbonyl oxygen stays
        ("OC1CCCCC1", "O=C1CCCCC1", (0, 0, 1)),
        ("C1=CCCC(C(=O)OC)C1", "C=CC=C.C=CC(=O)OC", (2, 0, 4)),  # Diels-Alder
    ],
)
def test_least_change(product: str, reactants: str, counts: tuple[int, int, int]) -> None:
    found = change(assign(canonical(product), reactants))
    assert (found.made, found.broken, found.altered) == counts


def test_every_atom_has_at_most_one_partner() -> None:
    mapping = assign("CCCOC(=O)OCCC", "COC(=O)OC.CCCO.CCCO")
    used = [r for r in mapping.partner if r >= 0]
    assert len(used) == len(set(used)) == len(mapping.product)
    assert all(mapping.product.numbers[p] == mapping.reactants.numbers[r] for p, r in enumerate(mapping.partner))


def test_atoms_from_nowhere_stay_without_partner() -> None:
    mapping = assign("CC(=O)Nc1ccccc1", "Nc1ccccc1")
    assert sum(r < 0 for r in mapping.partner) == 3


def test_a_signature_is_the_change_not_the_molecule() -> None:
    product, reactants = ESTER
    same = signature(product, reactants)
    assert signature(product, reactants[::-1]) == same
    assert signature("CCOC(=O)CC", ("CCO", "CCC(=O)O")).radius0 == same.radius0
    amide = signature("CCCC(=O)NC1CCCCC1", ("CCCC(=O)O", "NC1CCCCC1"))
    chloride = signature(product, ("CCCC(=O)Cl", "OC1CCCCC1"))
    assert len({same.radius0, amide.radius0, chloride.radius0}) == 3


def test_the_surroundings_count_at_radius_one_only() -> None:
    phenol, alcohol = signature("COc1ccccc1", ("CI", "Oc1ccccc1")), signature("COC1CCCCC1", ("CI", "OC1CCCCC1"))
    assert phenol.radius0 == alcohol.radius0
    assert phenol.radius1 != alcohol.radius1


def test_the_same_change_twice_is_that_change() -> None:
    once = signature("CCCC(=O)OCC", ("CCCC(=O)O", "CCO"))
    assert signature("CCOC(=O)CCCC(=O)OCC", ("O=C(O)CCCC(=O)O", "CCO", "CCO")) == once


def test_signatures_do_not_depend_on_the_process() -> None:
    code = (
        "from planners.routes.precedents import signature;"
        f"s = signature({ESTER[0]!r}, {ESTER[1]!r}); import sys; sys.stdout.write(f'{{s.radius0}} {{s.radius1}}')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    own = signature(*ESTER)
    assert found.stdout == f"{own.radius0} {own.radius1}"


def _index(rows: list[tuple[int, int, str, str]]) -> PrecedentIndex:
    """(radius1, radius0, product, id)."""
    rows = sorted(rows)
    return PrecedentIndex(
        np.array([r[0] for r in rows], dtype=np.int64),
        np.array([r[1] for r in rows], dtype=np.int64),
        np.stack([fingerprint(parse(r[2])) for r in rows]),
        np.zeros(len(rows), dtype=np.uint8),
        tuple(r[3] for r in rows),
        ("made up",),
    )


def test_the_nearest_come_first_and_closer_changes_before_looser() -> None:
    index = _index(
        [(1, 9, "CCOC(C)=O", "far"), (1, 9, "CCCC(=O)OC1CCCCC1", "near"), (2, 9, ESTER[0], "loose"), (3, 8, "CC", "x")]
    )
    found = index.nearest(ESTER[0], Signature(radius0=9, radius1=1), 3)
    assert [p.id for p in found] == ["near", "far", "loose"]
    assert found[0].similarity == 1.0 > found[1].similarity
    assert found[0].source == "made up"
    assert [p.id for p in index.nearest(ESTER[0], Signature(9, 1), 1, level=0)] == ["near"]
    assert (index.count(Signature(9, 1)), index.count(Signature(9, 1), 0)) == (2, 3)
    assert index.nearest(ESTER[0], Signature(7, 7), 3) == []


def test_ties_go_to_the_row_that_comes_first() -> None:
    index = _index([(1, 9, ESTER[0], name) for name in ("b", "a", "c")])
    assert [p.id for p in index.nearest(ESTER[0], Signature(9, 1), 2)] == ["a", "b"]


def test_rows_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="one row per reaction"):
        PrecedentIndex(
            np.zeros(2, np.int64), np.zeros(1, np.int64), np.zeros((2, 8), np.uint64), np.zeros(2, np.uint8), (), ()
        )


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(WeightsMissing, match="make train-routes"):
        PrecedentIndex.load()


def test_the_index_that_comes_with_the_package() -> None:
    index = PrecedentIndex.load()
    assert len(index) > 40000
    step = signature(*ESTER)
    best = index.nearest(ESTER[0], step, 3)
    assert index.count(step) > 100
    assert best[0].similarity > 0.4
    assert all(p.id.startswith("US") and p.source for p in best)
    assert [p.similarity for p in best] == sorted((p.similarity for p in best), reverse=True)


def test_given_maps_leave_unmapped_atoms_alone() -> None:
    reactants, product = MAPPED[1]
    mapping = given(product, reactants)
    assert len(mapping.reactants) - sum(r >= 0 for r in mapping.partner) == 7  # Boc
