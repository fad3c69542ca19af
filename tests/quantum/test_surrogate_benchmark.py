"""The benchmark's side of the surrogate: what it compares, on records made up so that the answer is known."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import quantum_surrogate
from benchmarks.quantum import sizes
from knowledge.quantum.surrogate import QUANTITIES, Surrogate

SMILES = ["CO", "CCO", "CCCCCC", "c1ccccc1", "CC(C)=O", "CCCCCCCCCCCC", "FS(F)(F)(F)(F)C#N"]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantum_surrogate, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(quantum_surrogate, "_AT_ONCE", 8)


def records(shift: float) -> list[dict[str, Any]]:
    """As if GFN2-xTB had said `shift` more than the surrogate, 1 s each."""
    found = Surrogate.shipped().guess(SMILES)
    return [
        {
            "smiles": smiles,
            "cpu_s": 1.0,
            "heavy_atoms": int(found.atoms[i]),
            **{name: float(found.mean[i, k]) + shift for k, name in enumerate(QUANTITIES)},
        }
        for i, smiles in enumerate(SMILES)
    ]


def test_perfect_guesses_have_no_error_and_hold() -> None:
    result = quantum_surrogate.compared(records(0.0), sizes, 0)
    assert result["n"] == 7
    assert result["outside"] == 1
    assert result["xtb_per_second"] == 1.0
    assert result["times_faster"] == pytest.approx(result["surrogate_per_second"], rel=0.01)
    assert [(label, part["n"]) for label, part in result["by_heavy_atoms"].items()] == [
        *(("1-5", 3), ("6-10", 3), ("11-15", 1)),
    ]
    for name in QUANTITIES:
        figures = result["quantities"][name]
        assert figures["mae"] == 0.0
        assert figures["coverage_90"] == 1.0
        assert figures["r"] == pytest.approx(1.0)
    assert "times faster" in quantum_surrogate.shown(result)[0]


def test_wrong_guesses_are_told() -> None:
    figures = quantum_surrogate.compared(records(500.0), sizes, 0)["quantities"]["gap_ev"]
    assert figures["mae"] == pytest.approx(500.0)
    assert figures["coverage_90"] == 0.0


def test_the_test_part_is_readable() -> None:
    assert len(quantum_surrogate.test_part()) > 100
