"""The surrogate beside GFN2-xTB on the same molecules: speed, error, and whether its intervals hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import metrics
from knowledge.quantum.answers import TOLERANCES
from knowledge.quantum.surrogate import QUANTITIES, WEIGHTS, Surrogate

TEST_PART = WEIGHTS.with_suffix(".test.smi")
_LEAST_SECONDS = 1.0
_AT_ONCE = 512  # molecules; fewer are repeated, as nothing is remembered between them


def test_part() -> list[str]:
    """SMILES of handbook and drug-like molecules of which the surrogate learned nothing, stereoisomers included."""
    return TEST_PART.read_text(encoding="ascii").split()


Records = list[dict[str, Any]]


def compared(records: Records, classes: Callable[[Records], dict[str, Records]], seed: int) -> dict[str, Any]:
    """`records` as `benchmarks.quantum` makes them, with "smiles", "cpu_s" and each of QUANTITIES; `classes` sorts them
    by size. Raises WeightsUnusable.
    """
    surrogate = Surrogate.shipped()
    smiles = [str(r["smiles"]) for r in records]
    surrogate.guess(smiles[:8])  # libraries are warm, as they are for xTB
    guesses = surrogate.guess(smiles)
    inside = np.isfinite(guesses.half).all(axis=1)
    by_size = {
        label: _speed(surrogate, [str(r["smiles"]) for r in some], [float(r["cpu_s"]) for r in some])
        for label, some in classes(records).items()
    }
    unsure = (guesses.half > np.array([TOLERANCES[name] for name in QUANTITIES])).any(axis=1)
    return {
        "weights": surrogate.version,
        "trained_on": surrogate.about["molecules"]["train"],
        "outside": int((~inside).sum()),
        **_speed(surrogate, smiles, [float(r["cpu_s"]) for r in records]),
        "by_heavy_atoms": by_size,
        "left_to_xtb_at_default_tolerances": round(float(unsure.mean()), 3),
        "quantities": {
            name: _quantity(
                guesses.mean[inside, k],
                guesses.half[inside, k],
                np.array([float(r[name]) for r, known in zip(records, inside, strict=True) if known]),
                guesses.rarity[inside] >= 1.0,
                seed,
            )
            for k, name in enumerate(QUANTITIES)
        },
    }


def _speed(surrogate: Surrogate, smiles: list[str], xtb_seconds: list[float]) -> dict[str, Any]:
    """Reading the SMILES, the graph and the network, on one core, of many molecules at once."""
    many = smiles * -(-_AT_ONCE // len(smiles))
    rounds, began = 0, time.process_time()
    while rounds == 0 or time.process_time() - began < _LEAST_SECONDS:
        surrogate.guess(many)
        rounds += 1
    each = (time.process_time() - began) / (rounds * len(many))
    xtb = sum(xtb_seconds) / len(xtb_seconds)
    return {
        "n": len(smiles),
        "surrogate_ms": round(1000.0 * each, 4),
        "xtb_ms": round(1000.0 * xtb, 2),
        "surrogate_per_second": round(1.0 / each, 1),
        "xtb_per_second": round(1.0 / xtb, 3),
        "times_faster": round(xtb / each, 1),
    }


def _quantity(
    mean: np.ndarray, half: np.ndarray, truth: np.ndarray, strange: np.ndarray, seed: int
) -> dict[str, Any] | None:
    if len(truth) < 3:
        return None
    error = np.abs(mean - truth)
    held = error <= half
    return {
        "mae": round(float(error.mean()), 3),
        "mae_ci95": [round(end, 3) for end in metrics.interval([float(e) for e in error], seed)],
        "r": round(float(np.corrcoef(mean, truth)[0, 1]), 4),
        "coverage_90": round(float(held.mean()), 3),
        "half_width_median": round(float(np.median(half)), 3),
        "half_width_median_strange": round(float(np.median(half[strange])), 3) if strange.any() else None,
        "spearman_error_width": round(_rank_correlation(error, half), 3),
    }


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [np.argsort(np.argsort(x)).astype(np.float64) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def shown(result: dict[str, Any]) -> list[str]:
    """The figures for people."""
    lines = [
        f"surrogate {result['weights']}, trained on {result['trained_on']} molecules: "
        f"{result['surrogate_per_second']} molecules per second and core, {result['times_faster']} times faster"
    ]
    for label, speed in result["by_heavy_atoms"].items():
        lines.append(
            f"  {label:>8} heavy atoms: {speed['surrogate_ms']:7.3f} ms against {speed['xtb_ms']:8.1f} ms, "
            f"{speed['times_faster']:8.1f} times ({speed['n']})"
        )
    for name, found in result["quantities"].items():
        if found:
            lines.append(
                f"  {name:26} MAE {found['mae']:7.3f}  r {found['r']:6.3f}  90 % held {found['coverage_90']:.3f}"
                f"  half width {found['half_width_median']:.3f}"
            )
    lines.append(f"  left to xTB at the default tolerances: {result['left_to_xtb_at_default_tolerances']:.1%}")
    return lines
