"""The quantum featurizer: what the room says, in columns, and an honest row where it says nothing."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from knowledge.features.featurizer import Featurizer
from knowledge.features.quantum import QuantumDescriptors
from knowledge.quantum import QuantumCache, Settings, batch, compute
from knowledge.records.molecule import InvalidMolecule

pytestmark = pytest.mark.skipif(find_spec("tblite") is None, reason="needs the extra 'quantum' (tblite)")


@pytest.fixture
def featurizer(tmp_path: Path) -> QuantumDescriptors:
    return QuantumDescriptors(cache=QuantumCache(tmp_path / "q.sqlite"))


def column(rows: np.ndarray, name: str) -> list[float]:
    return [float(v) for v in rows[:, QuantumDescriptors.columns.index(name)]]


def test_rows_hold_what_the_room_computes(featurizer: QuantumDescriptors) -> None:
    assert isinstance(featurizer, Featurizer)
    rows = featurizer(["CCO", "OCC", "CO", "[He]"])
    assert rows.shape == (4, len(featurizer.columns))
    assert np.isfinite(rows).all()
    assert (rows[0] == rows[1]).all()
    ethanol = compute("CCO")
    assert column(rows, "known") == [1.0] * 4
    assert column(rows, "gap_ev")[0] == ethanol.gap_ev
    assert column(rows, "log_p")[0] == ethanol.log_p
    assert column(rows, "charge_min")[0] == ethanol.charges_e[2]
    assert column(rows, "charge_hydrogen_max")[0] == max(ethanol.charges_e[3:])
    assert column(rows, "charge_hydrogen_max")[3] == 0.0
    assert featurizer([]).shape == (0, len(featurizer.columns))


def test_what_cannot_be_computed_reads_unknown_and_typical(featurizer: QuantumDescriptors) -> None:
    rows = featurizer(["[Na+].[Cl-]", "CC(C)=O"])
    assert column(rows, "known") == [0.0, 1.0]
    # A typical liquid, not zeros: a HOMO at 0 eV would lead every scaler astray.
    assert -13.0 < column(rows, "homo_ev")[0] < -9.0
    assert column(rows, "gap_ev")[0] == pytest.approx(column(rows, "lumo_ev")[0] - column(rows, "homo_ev")[0], abs=1.5)
    with pytest.raises(InvalidMolecule, match="C1CC"):
        featurizer(["CO", "C1CC"])


def test_rows_are_kept_and_cannot_be_spoilt_by_a_caller(
    featurizer: QuantumDescriptors, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = featurizer(["CO"])
    kept = first.copy()
    first[:] = -1.0

    def computed_again(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(batch, "compute", computed_again)
    assert (featurizer(["CO"]) == kept).all()
    fresh = QuantumDescriptors(cache=featurizer._cache)
    assert (fresh(["OC"]) == kept).all()


def test_settings_are_part_of_the_version(tmp_path: Path) -> None:
    cache = QuantumCache(tmp_path / "q.sqlite")
    versions = {QuantumDescriptors(s, cache=cache).version for s in (None, Settings(relax=True), Settings(seed=1))}
    assert len(versions) == 3
