"""The network of the model `graph`: directed message passing (K. Yang et al., J. Chem. Inf. Model. 59 (2019) 3370) with
a mean and a variance at its end. One thread, no global random state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from knowledge.features.molgraph import ATOM_FEATURES, BOND_FEATURES, Indices, batch
from knowledge.qspr.kernels import Array

_BETA = 0.5
_LOG_VARIANCE = (-7.0, 3.0)  # of standardised targets


@dataclass(frozen=True)
class Settings:
    """Of a network and its training. Few rows make short epochs: there are as many as `least_steps` needs."""

    hidden: int = 96
    steps: int = 3
    dropout: float = 0.1
    epochs: int = 60
    least_steps: int = 600
    patience: float = 0.2  # share of the epochs without progress at which training ends
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-5


class Network(nn.Module):
    """Messages pass along directed bonds, never straight back. The molecule is the mean and the scaled sum of its atoms
    next to `extra` whole-molecule features.
    """

    def __init__(self, extra: int, settings: Settings) -> None:
        super().__init__()
        hidden = settings.hidden
        self.steps = settings.steps
        self.first = nn.Linear(ATOM_FEATURES + BOND_FEATURES, hidden)
        self.again = nn.Linear(hidden, hidden, bias=False)
        self.gather = nn.Linear(ATOM_FEATURES + hidden, hidden)
        self.dropout = nn.Dropout(settings.dropout)
        self.mix = nn.Linear(2 * hidden + extra, hidden)
        self.head = nn.Linear(hidden, 2)

    def forward(self, smiles: Sequence[str], extra: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, each (n,); `extra` (n, features)."""
        joined = batch(smiles)
        atoms = torch.from_numpy(joined.graph.atoms)
        bonds = torch.from_numpy(joined.graph.bonds)
        source, sink = torch.from_numpy(joined.graph.ends).unbind(dim=0)
        owner = torch.from_numpy(joined.owner)
        reverse = torch.arange(len(bonds)) ^ 1
        begin = self.first(torch.cat([atoms[source], bonds], dim=1))
        state = functional.relu(begin)
        for _ in range(self.steps - 1):
            arrived = _sum(state, sink, len(atoms))
            state = self.dropout(functional.relu(begin + self.again(arrived[source] - state[reverse])))
        final = functional.relu(self.gather(torch.cat([atoms, _sum(state, sink, len(atoms))], dim=1)))
        total = _sum(final, owner, joined.size)
        size = torch.bincount(owner, minlength=joined.size).unsqueeze(1).to(total.dtype)
        molecule = self.dropout(torch.cat([total / size, total * 0.05, extra], dim=1))
        mean, log_variance = self.head(self.dropout(functional.relu(self.mix(molecule)))).unbind(dim=1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)


def _sum(rows: Tensor, owner: Tensor, size: int) -> Tensor:
    return torch.zeros(size, rows.shape[1], dtype=rows.dtype).index_add_(0, owner, rows)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """One thread and a generator of our own; the process's threads and random state are given back."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def train(
    smiles: Sequence[str], extra: Array, y: Array, variances: Array, *, watched: Indices, settings: Settings, seed: int
) -> dict[str, Array]:
    """Weights of one network by name. `y`, `variances` (n,) standardised.

    `watched` (k,): rows that are not trained on but decide when to stop; where there are none, all epochs are run.
    The loss is the Gaussian likelihood with the variance's gradient softened (M. Seitzer et al., ICLR 2022, beta 0.5).
    """
    rng = np.random.default_rng(seed)
    inside = np.setdiff1d(np.arange(len(y)), watched)
    inputs = torch.from_numpy(extra.astype(np.float32))
    target, known = (torch.from_numpy(v.astype(np.float32)) for v in (y, variances))
    with reproducible(seed):
        network = Network(extra.shape[1], settings)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        batches = -(-len(inside) // settings.batch_size)
        epochs = max(settings.epochs, -(-settings.least_steps // batches))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimiser, epochs * batches, eta_min=0.02 * settings.learning_rate
        )
        best, chosen, since = float("inf"), _weights(network), 0
        for _ in range(epochs):
            network.train()
            order = rng.permutation(inside)
            for rows in np.array_split(order, batches):
                mean, log_variance = network([smiles[i] for i in rows], inputs[rows])
                variance = log_variance.exp() + known[rows]
                loss = (variance.detach() ** _BETA * (variance.log() + (target[rows] - mean) ** 2 / variance)).mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                optimiser.step()
                schedule.step()
            if not len(watched):
                continue
            network.eval()
            with torch.no_grad():
                mean, _ = network([smiles[i] for i in watched], inputs[watched])
                error = float(((mean - target[watched]) ** 2).mean())
            since += 1
            if error < best:
                best, chosen, since = error, _weights(network), 0
            elif since >= settings.patience * epochs:
                break
        return chosen if len(watched) else _weights(network)


def _weights(network: Network) -> dict[str, Array]:
    return {name: value.detach().numpy().astype(np.float64) for name, value in network.state_dict().items()}


def ask(weights: Mapping[str, Array], smiles: Sequence[str], extra: Array, settings: Settings) -> tuple[Array, Array]:
    """Mean and variance, each (n,), of the standardised target. Raises ValueError for weights of another network."""
    with reproducible(0), torch.no_grad():
        network = Network(extra.shape[1], settings)
        state = {name: torch.from_numpy(np.asarray(value, dtype=np.float32)) for name, value in weights.items()}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"the stored weights do not fit this network: {error}") from error
        network.eval()
        means, variances = [], []
        for start in range(0, len(smiles), 256):
            mean, log_variance = network(
                smiles[start : start + 256], torch.from_numpy(extra[start : start + 256].astype(np.float32))
            )
            means.append(mean.numpy().astype(np.float64))
            variances.append(log_variance.exp().numpy().astype(np.float64))
    return np.concatenate(means), np.concatenate(variances)
