"""Training of the model `pretrained`: a small head on the encoder's embedding, and then the encoder with it.

The head is trained first, on embeddings that are made once, because a head that knows nothing would spoil the encoder's
weights (A. Kumar et al., ICLR 2022). One thread, no global random state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from knowledge.features.molgraph import Indices
from knowledge.qspr.kernels import Array
from knowledge.qspr.models.encoder import GraphRows, Pretrained, apply
from knowledge.qspr.models.network import reproducible
from knowledge.qspr.models.scaling import LIMIT, Features

_BETA = 0.5
_LOG_VARIANCE = (-7.0, 3.0)  # of standardised targets


@dataclass(frozen=True)
class Tuning:
    """How a member is trained. `head_steps` and `steps`: batches of the two stages, or as many as it takes to see every
    row `head_passes` and `passes` times.
    """

    hidden: int = 128
    dropout: float = 0.1
    batch_size: int = 32
    head_steps: int = 300
    head_passes: int = 20
    head_rate: float = 1e-3
    head_decay: float = 1e-2
    steps: int = 150
    passes: int = 6
    rate: float = 1e-4
    looks: int = 25  # how often a stage looks at the watched rows


class Head(nn.Module):
    """Mean and logarithm of the variance from what is read off the embedding, next to whole-molecule features."""

    def __init__(self, inputs: int, tuning: Tuning) -> None:
        super().__init__()
        self.dropout = nn.Dropout(tuning.dropout)
        self.mix = nn.Linear(inputs, tuning.hidden)
        self.last = nn.Linear(tuning.hidden, 2)

    def forward(self, told: Tensor, extra: Tensor) -> tuple[Tensor, Tensor]:
        """Each (n,)."""
        mixed = functional.relu(self.mix(self.dropout(torch.cat([told, extra], dim=1))))
        mean, log_variance = self.last(self.dropout(mixed)).unbind(dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)


@dataclass(frozen=True)
class Reading:
    """What is read off an embedding (n, width): `matrix` (m, width) times it plus `offset` (m,), cut at `LIMIT`."""

    matrix: Tensor
    offset: Tensor

    @staticmethod
    def of(given: Pretrained, scale: Features) -> Reading:
        """GFN2-xTB values and principal components, brought to the scale that `scale` found for them."""
        matrix = np.concatenate([given.quantum, given.axes])
        offset = np.concatenate([given.offset, -given.axes @ given.centre])
        keep = scale.columns.astype(np.intp)
        return Reading(
            torch.from_numpy((matrix[keep] / scale.scale[:, None]).astype(np.float32)),
            torch.from_numpy(((offset[keep] - scale.centre) / scale.scale).astype(np.float32)),
        )

    def __call__(self, embedding: Tensor) -> Tensor:
        return (embedding @ self.matrix.T + self.offset).clamp(-LIMIT, LIMIT)


@dataclass(frozen=True)
class Rows:
    """What is trained on: `graphs`, `extra` (n, d), `target` and `known` (n,): a value's variance; standardised."""

    graphs: GraphRows
    extra: Tensor
    target: Tensor
    known: Tensor
    reading: Reading


def loss_of(mean: Tensor, log_variance: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Gaussian likelihood with the variance's gradient softened (M. Seitzer et al., ICLR 2022, beta 0.5)."""
    variance = log_variance.exp() + known
    return (variance.detach() ** _BETA * (variance.log() + (target - mean) ** 2 / variance)).mean()


def train(
    given: Pretrained, rows: Rows, *, watched: Indices, tuning: Tuning, full: bool, seed: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Weights by name of one member's head and, with `full`, of its encoder (otherwise none).

    `watched` (k,): rows that are not trained on but decide which weights are kept; where there are none, the last ones.
    """
    inside = np.setdiff1d(np.arange(len(rows.target)), watched)
    batches = -(-len(inside) // tuning.batch_size)
    rng = np.random.default_rng(seed)
    with reproducible(seed):
        encoder = given.encoder().eval()
        frozen = rows.reading(apply(encoder, rows.graphs))
        head = Head(frozen.shape[1] + rows.extra.shape[1], tuning)
        optimiser = torch.optim.AdamW(head.parameters(), lr=tuning.head_rate, weight_decay=tuning.head_decay)
        _stage(
            [head], optimiser, lambda chosen: head(frozen[chosen], rows.extra[chosen]), rows, inside, watched,
            max(tuning.head_steps, tuning.head_passes * batches), tuning, rng,
        )  # fmt: skip
        if not full:
            return _rounded(head), {}
        groups = [
            {"params": list(encoder.parameters()), "lr": tuning.rate, "weight_decay": 0.0},
            {"params": list(head.parameters()), "lr": 3 * tuning.rate, "weight_decay": tuning.head_decay},
        ]

        def tuned(chosen: Indices) -> tuple[Tensor, Tensor]:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_half()):
                embedding = encoder(rows.graphs.take(chosen))
            mean, log_variance = head(rows.reading(embedding), rows.extra[chosen])
            return mean, log_variance

        _stage(
            [head, encoder],
            torch.optim.AdamW(groups),
            tuned,
            rows,
            inside,
            watched,
            max(tuning.steps, tuning.passes * batches),
            tuning,
            rng,
        )
        return _rounded(head), _rounded(encoder)


def _half() -> bool:
    """Whether the processor multiplies in half precision; elsewhere it would be slower than single."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _stage(
    parts: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
    ask: Callable[[Indices], tuple[Tensor, Tensor]],
    rows: Rows,
    inside: Indices,
    watched: Indices,
    steps: int,
    tuning: Tuning,
    rng: np.random.Generator,
) -> None:
    """Train `parts` in place and leave them at the weights that were best on the watched rows."""
    peaks = [group["lr"] for group in optimiser.param_groups]
    parameters = [p for part in parts for p in part.parameters()]
    size = min(tuning.batch_size, len(inside))
    every = max(1, steps // tuning.looks)
    best, kept = float("inf"), None
    order = rng.permutation(inside)
    for step in range(steps):
        if len(order) < size:
            order = rng.permutation(inside)
        chosen, order = order[:size], order[size:]
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            # A short rise, then a cosine.
            rise = min(1.0, (step + 1) / (0.06 * steps))
            group["lr"] = peak * rise * 0.5 * (1.0 + np.cos(np.pi * step / steps))
        for part in parts:
            part.train()
        mean, log_variance = ask(chosen)
        loss = loss_of(mean, log_variance, rows.target[chosen], rows.known[chosen])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if len(watched) and (step + 1) % every == 0:
            for part in parts:
                part.eval()
            with torch.no_grad():
                error = float(((ask(watched)[0] - rows.target[watched]) ** 2).mean())
            if error < best:
                best, kept = error, [{k: v.clone() for k, v in part.state_dict().items()} for part in parts]
    if kept is not None:
        for part, state in zip(parts, kept, strict=True):
            part.load_state_dict(state)


def _rounded(part: nn.Module) -> dict[str, Array]:
    """Weights in half precision, as they are stored: millions of them, and the last digits say nothing."""
    return {name: value.detach().half().numpy() for name, value in part.state_dict().items()}


def ask(
    given: Pretrained,
    head: Mapping[str, Array],
    encoder: Mapping[str, Array],
    graphs: GraphRows,
    extra: Tensor,
    reading: Reading,
    tuning: Tuning,
) -> tuple[Array, Array]:
    """Mean and variance, each (n,), of the standardised target. Raises ValueError for weights of another network."""
    with reproducible(0), torch.no_grad():
        network = given.encoder()
        if encoder:
            _fill(network, encoder)
        told = reading(apply(network.eval(), graphs))
        last = Head(told.shape[1] + extra.shape[1], tuning).eval()
        _fill(last, head)
        mean, log_variance = last(told, extra)
    return mean.numpy().astype(np.float64), log_variance.exp().numpy().astype(np.float64)


def _fill(network: nn.Module, weights: Mapping[str, Array]) -> None:
    state = {name: torch.from_numpy(np.asarray(value, dtype=np.float32)) for name, value in weights.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"the stored weights do not fit this network: {error}") from error
