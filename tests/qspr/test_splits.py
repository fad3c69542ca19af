"""Splits: no leak, no dependence on order or global randomness, groups stay together."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from knowledge.qspr.kernels import tanimoto
from knowledge.qspr.representation import default_representation
from knowledge.qspr.splits import NEAR, SplitKind, group_keys, hold_out, k_fold, scaffold

RINGS = [
    "c1ccccc1",
    "c1ccncc1",
    "C1CCCCC1",
    "c1ccc2ccccc2c1",
    "C1CCNCC1",
    "c1ccoc1",
    "c1ccsc1",
    "C1CCOC1",
    "c1ccc2[nH]ccc2c1",
]
TAILS = ["C", "CC", "CCC", "C(C)C", "CCCC"]
RINGED = [f"{tail}{ring}" for ring in RINGS for tail in TAILS]
CHAINS = [f"{'C' * n}{end}" for end in ("O", "N", "C#N", "C(=O)O", "OC", "Cl") for n in range(2, 7)]
MOLECULES = [*RINGED, *CHAINS]
KINDS = list(SplitKind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_molecule_is_tested_in_exactly_one_fold(kind: SplitKind) -> None:
    folds = k_fold(MOLECULES, kind, seed=0, count=5)
    assert sorted(i for fold in folds for i in fold.test) == list(range(len(MOLECULES)))
    for fold in folds:
        assert sorted(fold.train + fold.test) == list(range(len(MOLECULES)))
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 5  # one group


@pytest.mark.parametrize("kind", KINDS)
def test_groups_are_not_parted(kind: SplitKind) -> None:
    keys = group_keys(MOLECULES, kind, seed=3)
    dominant = {key for key, n in Counter(keys).items() if n > 0.1 * len(MOLECULES)}
    assert len(dominant) <= 1
    for fold in [hold_out(MOLECULES, kind, seed=3), *k_fold(MOLECULES, kind, seed=3)]:
        assert {keys[i] for i in fold.train} & {keys[i] for i in fold.test} <= dominant


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_molecules_and_global_randomness_do_not_matter(kind: SplitKind) -> None:
    random.seed(1)
    tested = {MOLECULES[i] for i in hold_out(MOLECULES, kind, seed=1).test}
    shuffled = random.sample(MOLECULES, len(MOLECULES))
    assert {shuffled[i] for i in hold_out(shuffled, kind, seed=1).test} == tested
    assert {MOLECULES[i] for i in hold_out(MOLECULES, kind, seed=2).test} != tested
    parts = {frozenset(MOLECULES[i] for i in fold.test) for fold in k_fold(MOLECULES, kind, seed=1)}
    assert {frozenset(shuffled[i] for i in fold.test) for fold in k_fold(shuffled, kind, seed=1)} == parts


def test_the_test_part_has_the_size_asked_for() -> None:
    assert len(hold_out(MOLECULES, "random", seed=0, share=0.2).test) == 15
    assert 12 <= len(hold_out(MOLECULES, "scaffold", seed=0, share=0.2).test) <= 15


def test_similarity_groups_are_spheres() -> None:
    keys = group_keys(MOLECULES, "similarity", seed=0)
    representation = default_representation()
    similarity = tanimoto(representation.counts(MOLECULES), representation.counts(keys))
    assert all(similarity[i, i] >= NEAR for i in range(len(MOLECULES)))
    assert 5 < len(set(keys)) < 60


def test_scaffolds() -> None:
    assert scaffold("CCc1ccncc1") == scaffold("Clc1cccnc1") == "c1ccncc1"
    assert scaffold("C[C@H]1CCCC[C@@H]1O") == "C1CCCCC1"
    assert scaffold("OCCCCCC") == scaffold("CC(C)CO") != scaffold("CC(C)O")  # a series; a secondary alcohol is another
    assert scaffold("CCCC") == "acyclic:"


def test_a_dominant_scaffold_stays_in_training_and_is_dealt_over_folds() -> None:
    benzenes = [f"{'C' * n}c1ccccc1" for n in range(1, 25)]
    molecules = [*benzenes, "Cc1ccncc1", "CCc1ccncc1", "CC1CCCCC1", "CC1CCCC1", "Cc1ccoc1", "Cc1ccsc1"]
    for seed in range(3):
        fold = hold_out(molecules, "scaffold", seed=seed)
        assert min(fold.test) >= len(benzenes)
        parts = k_fold(molecules, "scaffold", seed=seed)
        assert [len(part.test) for part in parts] == [6] * 5
        assert all(any(i < len(benzenes) for i in part.test) for part in parts)


def test_five_molecules_are_left_out_one_by_one() -> None:
    assert [len(fold.test) for fold in k_fold(["CCO", "CCN", "CCC", "c1ccccc1", "CC#N"], "scaffold", seed=0)] == [1] * 5
    assert [len(fold.test) for fold in k_fold(["CCO", "CCN"], "scaffold", seed=0)] == [1, 1]


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(ValueError, match="repeated"):
        k_fold(["CCO", "CCO"], "random", seed=0)
    with pytest.raises(ValueError, match="needs 2 molecules"):
        k_fold(["CCO"], "random", seed=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        hold_out(MOLECULES, "random", seed=0, share=1.0)
    with pytest.raises(ValueError, match="of one kind"):
        hold_out([f"{'C' * n}c1ccccc1" for n in range(1, 25)], "scaffold", seed=0)
