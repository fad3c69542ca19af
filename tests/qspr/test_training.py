from __future__ import annotations

import math

import pytest

from knowledge.qspr.kernels import tanimoto
from knowledge.qspr.neighbours import near
from knowledge.qspr.representation import default_representation
from knowledge.qspr.training import NoTrainingData, choose, merge
from knowledge.records.fact import Fact, Kind
from knowledge.records.molecule import Molecule
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook

TB, ETA = get_property("boiling_point"), get_property("viscosity")


def fact(
    smiles: str,
    value: float,
    std: float,
    *,
    prop: str = "boiling_point",
    kind: Kind = Kind.EXPERIMENTAL,
    source: str = "a",
) -> Fact:
    molecule = Molecule.from_smiles(smiles)
    return Fact(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        property=prop,
        value=value,
        std=std,
        source=source,
        kind=kind,
    )


def test_values_that_agree_are_averaged_and_get_more_certain() -> None:
    rows = merge([fact("CCO", 351.0, 1.0), fact("OCC", 352.0, 1.0, source="b")], TB)
    assert len(rows) == 1
    assert rows.values[0] == pytest.approx(351.5)
    assert rows.variances[0] == pytest.approx(0.5)


def test_values_that_contradict_each_other_get_less_certain() -> None:
    rows = merge([fact("CCO", 351.0, 1.0), fact("CCO", 391.0, 1.0, source="b")], TB)
    # Birge: chi2 = 2 * 20^2, one degree of freedom.
    assert rows.variances[0] == pytest.approx(0.5 * 800.0)


def test_own_measurements_replace_the_handbook() -> None:
    rows = merge([fact("CCO", 300.0, 1.0), fact("CCO", 351.4, 0.5, kind=Kind.MEASURED_HERE, source="lab")], TB)
    assert rows.values[0] == pytest.approx(351.4)
    assert rows.own == (True,)


def test_log_scale_uses_relative_uncertainty() -> None:
    rows = merge([fact("CCO", 1.074, 0.05, prop="viscosity")], ETA)
    assert rows.values[0] == pytest.approx(math.log(1.074))
    assert math.sqrt(rows.variances[0]) == pytest.approx(0.05 / 1.074)


def test_bad_facts_are_refused() -> None:
    with pytest.raises(NoTrainingData, match="boiling_point"):
        merge([], TB)
    with pytest.raises(ValueError, match="does not belong"):
        merge([fact("CCO", 1.0, 0.1, prop="viscosity")], TB)
    with pytest.raises(ValueError, match="positive"):
        merge([fact("CCO", 0.0, 0.1, prop="viscosity")], ETA)


def test_choice_keeps_own_and_focus_and_does_not_depend_on_order() -> None:
    facts = Handbook.known(withheld=0.3, seed=0).facts("boiling_point")
    big = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"  # far outside the preferred sizes
    own = fact(big, 722.9, 1.0, kind=Kind.MEASURED_HERE)
    focus = max((f.smiles for f in facts), key=len)
    chosen = choose(merge([*facts, own], TB), seed=1, always=[focus], limit=300)
    assert len(chosen) == 300
    assert own.inchikey in chosen.keys
    assert focus in chosen.smiles
    assert choose(merge([own, *facts[::-1]], TB), seed=1, always=[focus], limit=300).data_hash == chosen.data_hash
    heavy = [sum(c.isupper() or c in "cnos" for c in s) for s in chosen.smiles if s not in (big, focus)]
    assert max(heavy) <= 16
    assert choose(merge(facts, TB), seed=2, limit=300).keys != choose(merge(facts, TB), seed=1, limit=300).keys


def test_neighbours_of_the_molecules_at_hand_are_preferred() -> None:
    rows = merge(Handbook.known(withheld=0.3, seed=0).facts("boiling_point"), TB)
    lactams = ["CN1CCCC1=O", "CCN1CCCC1=O", "O=C1CCCN1", "CN1CCCCC1=O"]
    representation = default_representation()
    close = near(rows, lactams, representation, seed=0, limit=60)
    assert len(close) == 60
    assert {s for s in rows.smiles if s in lactams} <= set(close.smiles)
    probe = representation.counts(["CN1CCCC1=O"])
    typical = tanimoto(probe, representation.counts(choose(rows, seed=0, limit=60).smiles)).mean()
    assert tanimoto(probe, representation.counts(close.smiles)).mean() > 2.0 * typical
    assert near(rows, lactams[::-1], representation, seed=0, limit=60).data_hash == close.data_hash
    assert near(rows, lactams, representation, seed=0, limit=10**6) is rows
