"""From measurements to a model: scaling, hyperparameters, posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planners.optimize.process.contract import Array, Earlier
from planners.optimize.process.evidence import Evidence
from planners.optimize.process.fitted import Fitted, condition
from planners.optimize.process.inference import best, sample
from planners.optimize.process.kernel import Form, Kernel
from planners.optimize.space.encoding import Codes, Encoding

FORM = Form()
SAMPLED = 120  # measurements; with more, hyperparameters are known well enough for their best values
ENOUGH = 300  # measurements that hyperparameters are estimated from
MEMBERS, SWEEPS = 16, 40


def fit(
    encoding: Encoding,
    codes: Codes,
    values: Array,
    *,
    stds: Array | None = None,
    seed: int,
    earlier: Sequence[Earlier] = (),
    cheap: bool = False,
) -> Fitted:
    """A model of an outcome from `values` (n,) at `codes` (n, p), n >= 1, with standard uncertainties `stds` where they
    are known.

    Raises ValueError for no values, values that are not finite, or arrays of different lengths.
    """
    codes, values = np.asarray(codes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(values) == 0 or len(values) != len(codes) or (stds is not None and len(stds) != len(values)):
        raise ValueError(f"a model needs as many values as settings, at least one; got {len(values)} and {len(codes)}")
    if not np.all(np.isfinite(values)):
        raise ValueError("a model needs finite values")
    kernel = Kernel(encoding, FORM)
    rng = np.random.default_rng(seed)
    center, spread = _scaling(values)
    some = np.arange(len(values))
    if len(values) > ENOUGH:
        some = np.sort(rng.permutation(len(values))[:ENOUGH])
    known = np.zeros(len(values)) if stds is None else (np.asarray(stds) / spread) ** 2
    evidence = Evidence(kernel, codes[some], (values[some] - center) / spread, known[some])
    if len(values) > SAMPLED or cheap:
        latents = best(evidence, kernel.latents, 2 if cheap else 3, rng)[:1]
    else:
        origins = rng.normal(size=(MEMBERS, kernel.latents))
        latents = sample(evidence, origins, SWEEPS, rng)
    state: dict[str, Any] = {
        "latents": latents,
        "weights": np.full(len(latents), 1.0 / len(latents)),
        "center": center,
        "spread": spread,
        "words": _words(kernel, len(values), len(latents)),
    }
    return condition(kernel, state, codes, values, stds)


def restore(
    state: Mapping[str, Any], encoding: Encoding, codes: Codes, values: Array, stds: Array | None = None
) -> Fitted:
    """The model that `Fitted.state` was taken from, on the same or on more measurements."""
    return condition(Kernel(encoding, FORM), state, codes, values, stds)


def _scaling(values: Array) -> tuple[float, float]:
    center, spread = float(values.mean()), float(values.std())
    # Equal values: any scale will do, and 1 keeps what is asked for in the outcome's own unit.
    if spread <= 1e-9 * max(1.0, abs(center)):
        return center, max(1e-3 * abs(center), 1e-3) if len(values) > 1 else max(abs(center), 1.0)
    return center, spread


def _words(kernel: Kernel, measurements: int, members: int) -> str:
    how = f"{members} samples of its hyperparameters" if members > 1 else "the best hyperparameters"
    return f"Gaussian process over {len(kernel.columns)} parameters, {measurements} measurements, {how}"
