"""A finite pool as a BoTorch model: inputs are indices into a list of molecules, the joint posterior is computed once.

Scoring molecules as fingerprints would repeat the training data for each of them; indexing one covariance is exact and
needs no kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

with warnings.catch_warnings():
    # linear_operator 0.6 decorates a function with torch.jit.script, which torch 2.13 announces to retire.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=r"`torch\.jit\.script` is deprecated")
    from botorch.acquisition.multi_objective import logei
    from botorch.models.model import Model
    from botorch.posteriors.posterior import Posterior

from planners.optimize.surrogates import Surrogates

# BoTorch would otherwise compile a C++ kernel on first use: seconds, a lock file that a killed process leaves behind
# for ever, and results that differ in the last bits between machines with and without a compiler. The Python path gives
# the same values.
logei._load_attempted = True

_JITTER = 1e-9
_LEAST = 1e-12  # variance; what rounding leaves of a point that the others determine


class IndexPosterior(Posterior):
    """Independent outcomes, each jointly normal over the points: `index` (b, q) into `mean` (n, m) and `covariance`
    (m, n, n).

    Roots are lower triangular. They are made when samples are asked for, as the last point's share in a sample needs
    only the root of the others, which may be the same throughout the batch.
    """

    def __init__(self, index: Tensor, mean: Tensor, covariance: Tensor) -> None:
        self._index, self._all, self._covariance = index, mean, covariance
        self._mean = mean[index]  # (b, q, m)

    @property
    def device(self) -> torch.device:
        return self._mean.device

    @property
    def dtype(self) -> torch.dtype:
        return self._mean.dtype

    @property
    def batch_shape(self) -> torch.Size:
        return self._mean.shape[:-2]

    @property
    def base_sample_shape(self) -> torch.Size:
        return self._mean.shape

    @property
    def batch_range(self) -> tuple[int, int]:
        return (0, -2)

    def _extended_shape(self, sample_shape: torch.Size = torch.Size()) -> torch.Size:  # noqa: B008
        return sample_shape + self._mean.shape

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def variance(self) -> Tensor:
        return self._covariance.diagonal(dim1=-2, dim2=-1).T[self._index]

    def rsample_from_base_samples(self, sample_shape: torch.Size, base_samples: Tensor) -> Tensor:
        return self._mean + torch.einsum("...mij,...jm->...im", self.root, base_samples)

    def rsample(self, sample_shape: torch.Size | None = None) -> Tensor:
        shape = torch.Size([1]) if sample_shape is None else sample_shape
        return self.rsample_from_base_samples(shape, torch.randn(self._extended_shape(shape), dtype=self.dtype))

    @property
    def root(self) -> Tensor:
        """(b, m, q, q)."""
        index = self._index
        covariance = self._covariance[:, index.unsqueeze(-1), index.unsqueeze(-2)].movedim(0, -3)
        return torch.linalg.cholesky(covariance + _JITTER * torch.eye(index.shape[-1], dtype=covariance.dtype))

    def last(self, base_samples: Tensor, root: Tensor) -> Tensor:
        """Samples (s, b, 1, m) of each last point, as `rsample_from_base_samples` has them, in a fraction of its time
        and memory: the points before it, the same in the whole batch, have the root (m, q - 1, q - 1). `base_samples`
        (s, 1, q, m).
        """
        before, asked = self._index[0, :-1], self._index[:, -1]
        shared = torch.linalg.solve_triangular(root, self._covariance[:, before][:, :, asked], upper=False)
        own = self._covariance[:, asked, asked] + _JITTER - shared.square().sum(dim=-2)  # (m, b)
        drawn = base_samples.squeeze(-3)
        by_others = torch.einsum("sqm,mqb->sbm", drawn[:, :-1], shared)
        alone = drawn[:, None, -1, :] * own.clamp_min(_LEAST).sqrt().T
        return (self._all[asked] + by_others + alone).unsqueeze(-2)


class PoolModel(Model):
    """`smiles`: different molecules; `properties`: the outcomes, in order. Outcomes are on the model scale, divided by
    `spread`.

    `centre`, `spread` (m,): y_model_scale = centre + spread * outcome, so that all outcomes have comparable size.
    """

    def __init__(self, surrogates: Surrogates, smiles: Sequence[str], properties: Sequence[str]) -> None:
        super().__init__()
        means, covariances, centres, spreads = [], [], [], []
        for name in properties:
            model = surrogates[name]
            mean, covariance = model.joint(smiles)
            centre, spread = float(model.rows.values.mean()), float(model.rows.values.std()) or 1.0
            means.append(torch.as_tensor((mean - centre) / spread))
            covariances.append(torch.as_tensor(covariance / spread**2))
            centres.append(centre)
            spreads.append(spread)
        self.centre = torch.tensor(centres, dtype=torch.float64)
        self.spread = torch.tensor(spreads, dtype=torch.float64)
        self._mean = torch.stack(means, dim=-1)  # (n, m)
        self._covariance = torch.stack(covariances)  # (m, n, n)

    @property
    def num_outputs(self) -> int:
        return int(self._mean.shape[-1])

    @property
    def batch_shape(self) -> torch.Size:
        return torch.Size()

    def posterior(
        self,
        X: Tensor,  # noqa: N803 (BoTorch's name)
        output_indices: object = None,
        observation_noise: object = False,
        posterior_transform: object = None,
    ) -> IndexPosterior:
        """`X` (..., q, 1): indices as floats. The other arguments belong to BoTorch's interface and must keep their
        defaults.
        """
        if output_indices is not None or observation_noise is not False or posterior_transform is not None:
            raise NotImplementedError("a pool model has one posterior: all outcomes, without observation noise")
        return IndexPosterior(X.squeeze(-1).long(), self._mean, self._covariance)
