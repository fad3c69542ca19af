"""What earlier campaigns teach about this one: an outcome as theirs, stretched, plus what is new.

    f = sum over earlier campaigns of r_i m_i + sqrt(1 - sum r_i^2) g

`m_i` is the posterior mean of the earlier campaign's own model (its own hyperparameters, mean, scale and noise), `g` a
process as without transfer, and `r_i` the correlation of the tasks: the intrinsic coregionalisation of E. V. Bonilla,
K. M. A. Chai and C. K. I. Williams (NIPS 2008) in its conditional form (M. C. Kennedy and A. O'Hagan, Biometrika 87, 1,
2000), whose cost does not grow with the earlier campaigns' size once their models are fitted.

Every `r_i` is exactly 0 with a prior probability such that no campaign is believed at all with probability 3/4 (spike
and slab). Sampled with the other hyperparameters, `r_i` is positive in as many of the samples as the marginal
likelihood of this campaign's own measurements speaks for it, and so many members of the mixture follow; all others are
those of the model without earlier campaigns. Where hardly any would, or weakly, none does: an earlier campaign that
misleads leaves the model exactly what it is without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtri

from planners.optimize.process.contract import Array, Earlier
from planners.optimize.process.evidence import Evidence
from planners.optimize.process.fitted import Fitted, condition
from planners.optimize.process.inference import best, sample
from planners.optimize.process.kernel import Kernel
from planners.optimize.space.encoding import Codes, Encoding

UNBELIEVED = 0.75  # prior probability that no earlier campaign helps
LEFT = 0.15  # mean correlation of all samples, below which no member follows; measured: 0.05 misled, 0.3 related
STRETCH = 1.0  # of the slab
CLOSEST = 0.98  # largest correlation of tasks
STEP = 1e-4  # of a latent, in the evidence's derivative
FEWEST = 3  # measurements of an earlier campaign; fewer say nothing
MOST = 600  # measurements of an earlier campaign that are used


@dataclass(frozen=True)
class Guide:
    """An earlier campaign's model."""

    name: str
    model: Fitted

    def __call__(self, codes: Codes) -> Array:
        """(n,): its mean, in deviations of its own measurements."""
        means, _ = self.model.marginal(codes)
        return np.asarray((self.model.weights @ means - self.model.center) / self.model.data_spread, dtype=np.float64)


@dataclass(frozen=True)
class _Past:
    """What a guide is fitted to; equal where the contents are."""

    content: str
    encoding: Encoding = field(compare=False)
    earlier: Earlier = field(compare=False)
    alone: Callable[[Encoding, Earlier], Fitted] = field(compare=False)


def guides_of(
    encoding: Encoding, earlier: Sequence[Earlier], alone: Callable[[Encoding, Earlier], Fitted]
) -> list[Guide]:
    """The models of `earlier`, each fitted with `alone`, and once for as long as they are the same.

    Campaigns whose results are all equal have nothing to say and are left out. Raises ValueError for two of one name,
    for arrays of different lengths and for values that are not finite.
    """
    guides: list[Guide] = []
    for past in earlier:
        if any(guide.name == past.name for guide in guides):
            raise ValueError(f"two earlier campaigns are called '{past.name}'")
        if len(past.codes) != len(past.values) or not np.all(np.isfinite(past.values)):
            raise ValueError(f"the earlier campaign '{past.name}' needs one finite value for each setting")
        if len(past.values) < FEWEST or np.ptp(past.values) <= 1e-9 * np.abs(past.values).max():
            continue
        digest = hashlib.sha256(encoding.space.canonical().encode())
        for array in (past.codes, past.values, () if past.stds is None else past.stds):
            digest.update(np.ascontiguousarray(array, dtype=np.float64).tobytes())
        guides.append(Guide(past.name, _model(_Past(digest.hexdigest(), encoding, past, alone))))
    return guides


@lru_cache(maxsize=32)
def _model(past: _Past) -> Fitted:
    return past.alone(past.encoding, limited(past.earlier))


def limited(past: Earlier) -> Earlier:
    """Of very many measurements a fixed random part, since what they cost grows with the third power."""
    if len(past.values) <= MOST:
        return past
    some = np.sort(np.random.default_rng(0).permutation(len(past.values))[:MOST])
    stds = None if past.stds is None else past.stds[some]
    return Earlier(past.name, past.codes[some], past.values[some], stds)


def following(guides: Sequence[Guide], r: Array) -> str:
    """Of how many members of the mixture (K, T) follow which guide; "" without guides."""
    told = [
        f"{int((column > 0.0).sum())} of {len(column)} follow '{guide.name}' (correlation {column.mean():.2f})"
        for guide, column in zip(guides, r.T, strict=True)
    ]
    return "; " + ", ".join(told) if told else ""


def correlations(latents: Array) -> Array:
    """(M, T) of standard normal latents (M, T): 0 with the prior probability of the spike."""
    tasks = latents.shape[1]
    if not tasks:
        return latents.copy()
    threshold = ndtri(UNBELIEVED ** (1.0 / tasks))
    raw = STRETCH * np.maximum(latents - threshold, 0.0)
    length = np.sqrt((raw * raw).sum(axis=1, keepdims=True))
    return np.asarray(raw * CLOSEST * np.tanh(length) / np.maximum(length, 1e-12), dtype=np.float64)


def parted(kernel: Kernel, latents: Array) -> tuple[Array, Array]:
    """Latents of the kernel, and correlations of tasks (M, T); what a task explains is taken off the kernel's scale."""
    r = correlations(latents[:, kernel.latents :])
    own = latents[:, : kernel.latents].copy()
    own[:, -2] += 0.5 * np.log1p(-(r * r).sum(axis=1)) / kernel.form.scale.deviation
    return own, r


class GuidedEvidence(Evidence):
    """`guided` (n, T): what the guides say of the measured settings. Latents: the kernel's, then one for each guide."""

    def __init__(self, kernel: Kernel, codes: Codes, values: Array, known: Array, guided: Array) -> None:
        super().__init__(kernel, codes, values, known)
        self._own = kernel
        self._guided = guided

    def __call__(self, latents: Array, trend: Array | None = None) -> Array:
        own, r = parted(self._own, latents)
        return super().__call__(own, r @ self._guided.T)

    def posterior(self, latent: Array, trend: Array | None = None) -> tuple[float, Array]:
        count = self._own.latents
        own, r = parted(self._own, latent[None])
        value, slope = super().posterior(own[0], (r @ self._guided.T)[0])
        value += 0.5 * float(own[0] @ own[0] - latent @ latent)
        gradient = np.empty_like(latent)
        gradient[:count] = slope + own[0] - latent[:count]
        moved = np.repeat(latent[None], 2 * (len(latent) - count), axis=0)
        for i, k in enumerate(range(count, len(latent))):
            moved[2 * i, k] += STEP
            moved[2 * i + 1, k] -= STEP
        ahead_behind = self(moved).reshape(-1, 2)
        gradient[count:] = (ahead_behind[:, 0] - ahead_behind[:, 1]) / (2.0 * STEP) - latent[count:]
        return value, gradient


def followed(evidence: GuidedEvidence, plain: Array, tasks: int, sweeps: int, seed: int) -> Array:
    """(M, latents + tasks): the hyperparameters `plain` (M, latents) that were found without guides, some of which give
    place to ones that follow.
    """
    members, count = plain.shape
    # At 0 a task's latent lies below the threshold, whatever the number of tasks.
    found = np.concatenate([plain, np.zeros((members, tasks))], axis=1)
    rng = np.random.default_rng([seed, 1])
    if members == 1:
        origin = found[0].copy()
        origin[count:] = 1.5
        best_following = best(evidence, count + tasks, 0, rng, also=[origin])
        better = evidence.posterior(best_following[0])[0] > evidence.posterior(found[0])[0]
        return best_following if better else found
    samples = sample(evidence, rng.normal(size=(members, count + tasks)), sweeps, rng)
    strength = np.linalg.norm(correlations(samples[:, count:]), axis=1)
    if strength.mean() >= LEFT:
        follow = samples[strength > 0.0]
        found[members - len(follow) :] = follow
    return found


@dataclass(frozen=True)
class GuidedFitted(Fitted):
    """`correlations` (K, T) with the guides, in the mixture's members."""

    guides: tuple[Guide, ...]
    correlations: Array

    by_member: ClassVar[tuple[str, ...]] = (*Fitted.by_member, "correlations")

    @property
    def guided(self) -> bool:
        return bool(np.any(self.correlations > 0.0))

    def _trend(self, codes: Codes) -> Array:
        """(K, n), in the outcome's unit."""
        return np.asarray(self.data_spread * self.correlations @ trends(self.guides, codes).T, dtype=np.float64)

    def marginal(self, codes: Codes) -> tuple[Array, Array]:
        means, variances = super().marginal(codes)
        return means + self._trend(codes), variances

    def joint(self, codes: Codes) -> tuple[Array, Array]:
        means, covariances = super().joint(codes)
        return means + self._trend(codes), covariances

    def extended(self, codes: Codes, values: Array) -> Fitted:
        return super().extended(codes, values - self._trend(codes))

    def state(self) -> dict[str, Any]:
        return super().state() | {
            "correlations": self.correlations.tolist(),
            "guides": {guide.name: guide.model.state() for guide in self.guides},
        }


def trends(guides: Sequence[Guide], codes: Codes) -> Array:
    """(n, T)."""
    return np.stack([guide(codes) for guide in guides], axis=1)


def guided(
    kernel: Kernel,
    state: Mapping[str, Any],
    codes: Codes,
    values: Array,
    stds: Array | None,
    guides: Sequence[Guide],
) -> GuidedFitted:
    """The posterior for hyperparameters that are known: a `Fitted.state` with `correlations`."""
    r = np.array(state["correlations"], dtype=np.float64)
    trend = float(state["spread"]) * r @ trends(guides, codes).T
    fitted = condition(kernel, state, codes, values - trend, stds)
    return GuidedFitted(
        **{f.name: getattr(fitted, f.name) for f in fields(fitted)}, guides=tuple(guides), correlations=r
    )
