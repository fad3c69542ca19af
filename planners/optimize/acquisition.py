"""Objectives and constraints as BoTorch sees them, and the acquisition function for one greedy step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from knowledge.records.objective import Constraint, Objective
from knowledge.records.properties import HANSEN, Scale, get_property
from planners.optimize.goals import scale
from planners.optimize.pool_model import IndexPosterior, PoolModel  # first: it imports botorch quietly
from planners.optimize.threads import side_by_side

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=r"`torch\.jit\.script` is deprecated")
    from botorch.acquisition.acquisition import AcquisitionFunction
    from botorch.acquisition.logei import qLogExpectedImprovement, qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective.logei import (
        qLogExpectedHypervolumeImprovement,
        qLogNoisyExpectedHypervolumeImprovement,
    )
    from botorch.acquisition.multi_objective.objective import MCMultiOutputObjective
    from botorch.acquisition.objective import MCAcquisitionObjective
    from botorch.acquisition.utils import compute_best_feasible_objective
    from botorch.sampling.normal import SobolQMCNormalSampler
    from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
    from botorch.utils.multi_objective.pareto import is_non_dominated

SAMPLES = 256
_ETA = 1e-3  # softness of the constraints, in standard deviations of the training data


class Goals:
    """Maps outcomes of a PoolModel (..., m) to utilities (..., k) and to constraint slacks (...), negative where
    satisfied.
    """

    def __init__(
        self,
        model: PoolModel,
        properties: Sequence[str],
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> None:
        self._column = {name: i for i, name in enumerate(properties)}
        self._model = model
        self._objectives = tuple(objectives)
        self.constraints: list[Callable[[Tensor], Tensor]] = []
        for constraint in constraints:
            low, high = constraint.bounds
            if low is not None:
                self.constraints.append(self._slack(constraint.property, low, -1.0))
            if high is not None:
                self.constraints.append(self._slack(constraint.property, high, 1.0))

    def utilities(self, outcomes: Tensor) -> Tensor:
        return torch.stack([self._utility(objective, outcomes) for objective in self._objectives], dim=-1)

    def _values(self, name: str, outcomes: Tensor) -> Tensor:
        i = self._column[name]
        y = outcomes[..., i] * self._model.spread[i] + self._model.centre[i]
        # exp of a hundred is beyond any viscosity; the cut keeps utilities finite.
        return y.clamp_max(100.0).exp() if get_property(name).scale is Scale.LOG else y

    def _utility(self, objective: Objective, outcomes: Tensor) -> Tensor:
        if objective.reference is not None:
            parts = [self._values(name, outcomes) - r for name, r in zip(HANSEN, objective.reference, strict=True)]
            value = (4.0 * parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2).clamp_min(1e-12).sqrt()
        else:
            value = self._values(objective.property, outcomes)
        return (value - objective.worst_in_property_unit) / scale(objective)

    def _slack(self, name: str, bound: float, sign: float) -> Callable[[Tensor], Tensor]:
        prop, i = get_property(name), self._column[name]
        if prop.scale is Scale.LOG and bound <= 0.0:
            raise ValueError(f"a bound on {name} must be positive, got {bound:g} {prop.unit}")
        threshold = (prop.to_model(bound) - float(self._model.centre[i])) / float(self._model.spread[i])
        return lambda outcomes: sign * (outcomes[..., i] - threshold)


class _Utilities(MCMultiOutputObjective):
    def __init__(self, goals: Goals) -> None:
        super().__init__()
        self._goals = goals

    def forward(self, samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803 (BoTorch passes it by name)
        return self._goals.utilities(samples)


class _Utility(MCAcquisitionObjective):
    def __init__(self, goals: Goals) -> None:
        super().__init__()
        self._goals = goals

    def forward(self, samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803 (BoTorch passes it by name)
        return self._goals.utilities(samples).squeeze(-1)


class _NoisyImprovement(qLogNoisyExpectedImprovement):
    """A sample in which nothing feasible was seen yet starts at utility 0, the objective's `worst`, as in the
    hypervolume. The baseline is sampled once, and each candidate beside it.
    """

    _baseline_root: Tensor | None = None

    def _get_samples_and_objectives(self, X: Tensor) -> tuple[Tensor, Tensor]:  # noqa: N803 (BoTorch's name)
        model = cast(PoolModel, self.model)
        posterior = model.posterior(torch.cat([self.X_baseline.expand(len(X), -1, -1), X], dim=-2))
        drawn = _drawn(self.sampler, posterior)
        if self._baseline_root is None:
            known = model.posterior(self.X_baseline)
            self._baseline_root = known.root
            samples = known.rsample_from_base_samples(self.sample_shape, drawn[:, 0, :-1])
            best = compute_best_feasible_objective(
                samples=samples,
                obj=self.objective(samples),
                constraints=self._constraints,
                infeasible_obj=torch.zeros((), dtype=samples.dtype),
            )
            self._best: Tensor = best.clamp_min(0.0)
        samples = posterior.last(drawn, self._baseline_root)
        return samples, self.objective(samples)

    def compute_best_f(self, obj: Tensor) -> Tensor:
        """The best of the baseline in each sample, (s, 1)."""
        return self._best[:, None]


class _NoisyHypervolume(qLogNoisyExpectedHypervolumeImprovement):
    """The root of the baseline is made once, and each candidate is sampled beside it."""

    _baseline_root: Tensor | None = None

    def _get_f_X_samples(self, posterior: Any, q_in: int) -> Tensor:  # noqa: N802 (BoTorch's name)
        if self._baseline_root is None:
            self._baseline_root = cast(PoolModel, self.model).posterior(self.X_baseline).root
        samples: Tensor = posterior.last(_drawn(self.sampler, posterior), self._baseline_root)
        return samples


def _drawn(sampler: Any, posterior: IndexPosterior) -> Tensor:
    """Base samples (s, 1, q, m), the same for every candidate."""
    sampler._construct_base_samples(posterior=posterior)
    drawn: Tensor = sampler.base_samples
    return drawn


def build(
    model: PoolModel, goals: Goals, *, objectives: int, baseline: Sequence[int], seed: int
) -> AcquisitionFunction:
    """qLogNEHVI for several objectives, qLogNEI for one (S. Ament et al., NeurIPS 2023; S. Daulton et al., NeurIPS
    2021).

    `baseline`: indices of what was measured, is being made, or was already chosen for this batch; improvement counts
    over all of them, under the joint posterior. Without a baseline the improvement is over `worst`.
    """
    sampler = SobolQMCNormalSampler(sample_shape=torch.Size([SAMPLES]), seed=seed)
    constraints = goals.constraints or None
    points = torch.tensor(baseline, dtype=torch.float64).reshape(-1, 1)
    if objectives == 1:
        objective = _Utility(goals)
        if not baseline:
            return qLogExpectedImprovement(
                model, best_f=0.0, sampler=sampler, objective=objective, constraints=constraints, eta=_ETA
            )
        return _NoisyImprovement(
            model,
            points,
            sampler=sampler,
            objective=objective,
            constraints=constraints,
            eta=_ETA,
            prune_baseline=False,
            cache_root=False,
        )
    reference = torch.zeros(objectives, dtype=torch.float64)
    if not baseline:
        empty = NondominatedPartitioning(reference, Y=torch.zeros(0, objectives, dtype=torch.float64))
        return qLogExpectedHypervolumeImprovement(
            model, reference, empty, sampler=sampler, objective=_Utilities(goals), constraints=constraints, eta=_ETA
        )
    return _NoisyHypervolume(
        model,
        reference,
        points,
        sampler=sampler,
        objective=_Utilities(goals),
        constraints=constraints,
        eta=_ETA,
        cache_root=False,
    )


def relevant(model: PoolModel, goals: Goals, baseline: Sequence[int], *, seed: int) -> list[int]:
    """Of the baseline the points that are on the front of what is feasible and better than `worst` in at least one
    joint sample: improvement over these is improvement over all. Of hundreds it leaves a few.
    """
    posterior = model.posterior(torch.tensor(baseline, dtype=torch.float64).reshape(-1, 1))
    samples = SobolQMCNormalSampler(sample_shape=torch.Size([SAMPLES]), seed=seed)(posterior)
    utilities = goals.utilities(samples)
    good = (utilities > 0.0).all(dim=-1)
    for slack in goals.constraints:
        good &= slack(samples) <= 0.0
    kept = torch.zeros(len(baseline), dtype=torch.bool)
    # One sample at a time: all pairs of all samples would be gigabytes.
    for utility, possible in zip(utilities, good, strict=True):
        places = possible.nonzero().squeeze(-1)
        if len(places):
            kept[places[is_non_dominated(utility[places])]] = True
    return [point for point, keep in zip(baseline, kept.tolist(), strict=True) if keep]


def evaluate(function: AcquisitionFunction, candidates: Sequence[int], *, chunk: int = 16) -> list[float]:
    """One value (a logarithm) per candidate index; -inf where it is not a number."""

    def values(part: Sequence[int]) -> list[float]:
        points = torch.tensor(part, dtype=torch.float64).reshape(-1, 1, 1)
        with torch.no_grad():  # a thread has its own
            return [v if math.isfinite(v) else -math.inf for v in function(points).tolist()]

    parts = [candidates[i : i + chunk] for i in range(0, len(candidates), chunk)]
    # The first one computes what all have in common.
    return [v for found in (*map(values, parts[:1]), *side_by_side(values, parts[1:])) for v in found]
