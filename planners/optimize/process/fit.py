"""From measurements to a model: scaling, hyperparameters, posterior.

How many samples of the hyperparameters: on campaigns of 25 in fives on direct arylation (60 random starts, seeds 100 to
159; expected improvement, kriging believer) the mean best over experiments 6 to 25 was 82.0 with 24 chains of 60 steps
and 79.9 with 8 chains of 25 (standard error about 1); with the best hyperparameters instead of samples it was 84.5
against 87.1 over experiments 6 to 35 (20 starts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from planners.optimize.process.contract import Array, Earlier
from planners.optimize.process.evidence import Evidence, Likelihood
from planners.optimize.process.families import Families, shares
from planners.optimize.process.fitted import Fitted, condition
from planners.optimize.process.inference import best, sample
from planners.optimize.process.kernel import Form, Kernel
from planners.optimize.process.transfer import (
    Guide,
    GuidedEvidence,
    followed,
    following,
    guided,
    guides_of,
    limited,
    parted,
    trends,
)
from planners.optimize.process.trend import Trend, likeliest
from planners.optimize.space.encoding import Codes, Encoding

FORM = Form()
SAMPLED = 120  # measurements; with more, hyperparameters are known well enough for their best values
ENOUGH = 300  # measurements that hyperparameters are estimated from
MEMBERS, SWEEPS = 16, 60
HUGE = 1e100  # values beyond are taken for this: their squares would not be numbers


def fit(
    encoding: Encoding,
    codes: Codes,
    values: Array,
    *,
    stds: Array | None = None,
    seed: int,
    earlier: Sequence[Earlier] = (),
    cheap: bool = False,
) -> Fitted | Families:
    """A model of an outcome from `values` (n,) at `codes` (n, p), n >= 1, with standard uncertainties `stds` where they
    are known. `earlier` campaigns over the same encoding are followed as far as these values agree with them.

    Where substances are chosen and no earlier campaign is followed, there are two families: this process and a trend.
    Raises ValueError for no values, values that are not finite, or arrays of different lengths.
    """
    codes, values = np.asarray(codes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(values) == 0 or len(values) != len(codes) or (stds is not None and len(stds) != len(values)):
        raise ValueError(f"a model needs as many values as settings, at least one; got {len(values)} and {len(codes)}")
    if not np.all(np.isfinite(values)):
        raise ValueError("a model needs finite values")
    values = np.clip(values, -HUGE, HUGE)
    main = _process(encoding, codes, values, stds, seed, earlier, cheap)
    trend = None if cheap or len(values) > SAMPLED or main.guided else Trend.over(encoding)
    if trend is None:
        return main
    known = np.zeros(len(values)) if stds is None else (np.asarray(stds) / main.data_spread) ** 2
    latents = likeliest(trend, Likelihood(trend, codes, (values - main.center) / main.data_spread, known))
    state = {
        "latents": latents,
        "weights": [1.0],
        "center": main.center,
        "spread": main.data_spread,
        "words": "trend over all descriptors",
    }
    models = (main, condition(trend, state, codes, values, stds))
    return Families(models, shares(models))


def _process(
    encoding: Encoding,
    codes: Codes,
    values: Array,
    stds: Array | None,
    seed: int,
    earlier: Sequence[Earlier],
    cheap: bool,
) -> Fitted:
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
        latents = sample(evidence, rng.normal(size=(MEMBERS, kernel.latents)), SWEEPS, rng)
    guides = guides_of(encoding, earlier, _alone)
    if guides:
        said = trends(guides, codes[some])
        told = GuidedEvidence(kernel, codes[some], (values[some] - center) / spread, known[some], said)
        latents = followed(told, latents, len(guides), SWEEPS, seed)
    own, r = parted(kernel, latents)
    state: dict[str, Any] = {
        "latents": own,
        "weights": np.full(len(own), 1.0 / len(own)),
        "center": center,
        "spread": spread,
        "words": _words(kernel, len(values), len(own)) + following(guides, r),
        "correlations": r,
    }
    return (
        guided(kernel, state, codes, values, stds, guides) if guides else condition(kernel, state, codes, values, stds)
    )


def _alone(encoding: Encoding, earlier: Earlier) -> Fitted:
    return _process(encoding, earlier.codes, earlier.values, earlier.stds, 0, (), True)


def restore(
    state: Mapping[str, Any],
    encoding: Encoding,
    codes: Codes,
    values: Array,
    stds: Array | None = None,
    *,
    earlier: Sequence[Earlier] = (),
) -> Fitted | Families:
    """The model that `state()` was taken from, on the same or on more measurements. `earlier` as it was fitted with;
    their own models are made again from their states. Raises ValueError where one is not given.
    """
    if "families" not in state:
        return _restored(state, encoding, codes, values, stds, earlier)
    first, second = state["families"]
    trend = Trend.over(encoding)
    assert trend is not None
    main = _restored(first, encoding, codes, values, stds, earlier)
    return Families((main, condition(trend, second, codes, values, stds)), tuple(map(float, state["shares"])))


def _restored(
    state: Mapping[str, Any],
    encoding: Encoding,
    codes: Codes,
    values: Array,
    stds: Array | None,
    earlier: Sequence[Earlier],
) -> Fitted:
    kernel = Kernel(encoding, FORM)
    if not state.get("guides"):
        return condition(kernel, state, codes, values, stds)
    known = {past.name: past for past in earlier}
    if missing := [name for name in state["guides"] if name not in known]:
        raise ValueError(f"the model was fitted with the earlier campaign '{missing[0]}', which is not given")
    guides = [Guide(name, _again(own, encoding, limited(known[name]))) for name, own in state["guides"].items()]
    return guided(kernel, state, codes, values, stds, guides)


def _again(state: Mapping[str, Any], encoding: Encoding, earlier: Earlier) -> Fitted:
    return _restored(state, encoding, earlier.codes, earlier.values, earlier.stds, ())


def _scaling(values: Array) -> tuple[float, float]:
    center, spread = float(values.mean()), float(values.std())
    # Equal values: any scale will do, and 1 keeps what is asked for in the outcome's own unit.
    if spread <= 1e-9 * max(1.0, abs(center)):
        return center, max(1e-3 * abs(center), 1e-3) if len(values) > 1 else max(abs(center), 1.0)
    return center, spread


def _words(kernel: Kernel, measurements: int, members: int) -> str:
    how = f"{members} samples of its hyperparameters" if members > 1 else "the best hyperparameters"
    return f"Gaussian process over {len(kernel.columns)} parameters, {measurements} measurements, {how}"
