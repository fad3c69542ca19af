"""From what a network thinks of atoms and bonds to a graph that obeys valence and hangs together.

Bonds are taken one at a time, the most certain one of each graph first, as long as both atoms have valence left; then
parts that stand alone are joined by the bond that costs least. All graphs of a batch have the same number of atoms and
are decoded together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from planners.design.adversarial.alphabet import ORDERS


def decoded(advantage: Tensor, capacity: Tensor) -> Tensor:
    """Bond orders, shape (batch, n, n), int64, symmetric.

    advantage: shape (batch, n, n, 3), log probability of orders 1, 2, 3 over that of no bond, symmetric.
    capacity: shape (batch, n), bonds that an atom may have. No atom gets more. A part whose atoms have no valence left
    stays alone.
    """
    batch, n = capacity.shape
    if n == 1:
        return torch.zeros(batch, 1, 1, dtype=torch.int64)
    work = _Assignment(advantage, capacity)
    while work.take(work.gain > 0.0):
        pass
    while work.take(work.apart()):
        pass
    orders = torch.zeros(batch, n, n, dtype=torch.int64)
    orders[:, work.first, work.second] = work.orders
    return orders + orders.transpose(1, 2)


def connected(orders: Tensor) -> Tensor:
    """Which atoms can be reached from which, shape (batch, n, n), bool."""
    n = orders.shape[1]
    reach = ((orders > 0) | torch.eye(n, dtype=torch.bool)).float()
    steps = 1
    while steps < n - 1:
        reach = (reach @ reach > 0).float()
        steps *= 2
    return reach > 0


class _Assignment:
    """Pairs i < j of all graphs, with the bonds taken so far."""

    def __init__(self, advantage: Tensor, capacity: Tensor) -> None:
        batch, n = capacity.shape
        self.first, self.second = torch.triu_indices(n, n, offset=1)
        self.gain = advantage[:, self.first, self.second].detach()  # (batch, pairs, 3)
        self.left = capacity.clone()
        self.orders = torch.zeros(batch, len(self.first), dtype=torch.int64)
        self._order = torch.tensor(ORDERS)
        self._rows = torch.arange(batch)

    def take(self, wanted: Tensor) -> bool:
        """The best of the wanted bonds of each graph that valence allows; False when no graph has one."""
        room = torch.minimum(self.left[:, self.first], self.left[:, self.second])
        allowed = wanted & (self._order <= room[..., None]) & (self.orders == 0)[..., None]
        score, place = self.gain.masked_fill(~allowed, -torch.inf).flatten(1).max(1)
        some = torch.isfinite(score)
        if not bool(some.any()):
            return False
        rows, place = self._rows[some], place[some]
        pair, order = place // len(ORDERS), place % len(ORDERS) + 1
        self.orders[rows, pair] = order
        self.left[rows, self.first[pair]] -= order
        self.left[rows, self.second[pair]] -= order
        return True

    def apart(self) -> Tensor:
        """Pairs of atoms in different parts, shape (batch, pairs, 1)."""
        n = self.left.shape[1]
        orders = torch.zeros(len(self.left), n, n, dtype=torch.int64)
        orders[:, self.first, self.second] = self.orders
        reach = connected(orders + orders.transpose(1, 2))
        return ~reach[:, self.first, self.second, None]
