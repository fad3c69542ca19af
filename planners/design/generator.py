"""The ask/tell protocol that every molecular generator speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from knowledge.records.base import Record
from knowledge.records.candidate import Candidate

T = TypeVar("T")
State = dict[str, Any]


class StateMismatch(ValueError):
    """A stored state that belongs to another generator, version or input."""


class CannotServe(ValueError):
    """A problem that this generator cannot work on, with the reason in words: no weights, a lock it cannot hold, ..."""


class Evaluated(Record):
    """What a molecule is worth. Higher `score` is better; an infeasible one ranks below every feasible one.

    objectives: one value for each goal, higher is better for all; empty where only the score is known.
    """

    smiles: str
    score: float
    feasible: bool = True
    objectives: tuple[float, ...] = ()


@runtime_checkable
class Generator(Protocol):
    """Proposes molecules and learns from their scores. The same inputs, seed and state give the same candidates."""

    @property
    def name(self) -> str: ...

    def ask(self, n: int) -> list[Candidate]:
        """Up to `n` molecules that were never asked before; fewer only when the generator finds no more."""
        ...

    def tell(self, evaluated: Sequence[Evaluated]) -> None:
        """Learn from scores; molecules that were not asked here are welcome (known ones, other generators')."""
        ...

    def reseed(self, seed: int) -> None:
        """Start a new stream of random numbers; everything learnt stays."""
        ...

    def state(self) -> State:
        """All that `restore` needs to continue identically, as JSON-able data."""
        ...

    def restore(self, state: State) -> None:
        """Raises StateMismatch when the state is not this generator's."""
        ...


class Dice:
    """Scalar draws from one numpy generator (PCG64), whose state is plain JSON."""

    __slots__ = ("_rng", "random")

    def __init__(self, seed: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self.random = self._rng.random  # bound once: it is drawn from ten thousand times a second

    def index(self, n: int) -> int:
        """Uniform in 0..n-1."""
        return int(self.random() * n)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.random() * len(items))]

    def permutation(self, n: int) -> list[int]:
        return [int(i) for i in self._rng.permutation(n)]

    def weighted(self, weights: Sequence[float]) -> int:
        """An index with probability proportional to its weight (weights are not negative, not all zero)."""
        threshold = self.random() * sum(weights)
        for i, weight in enumerate(weights):
            threshold -= weight
            if threshold < 0.0:
                return i
        return max(i for i, weight in enumerate(weights) if weight > 0.0)

    def state(self) -> State:
        """The bit generator's state; its 128-bit integers are written as text, since JSON readers lose digits."""
        raw = self._rng.bit_generator.state
        return {
            "state": str(raw["state"]["state"]),
            "inc": str(raw["state"]["inc"]),
            "has_uint32": int(raw["has_uint32"]),
            "uinteger": int(raw["uinteger"]),
        }

    def restore(self, state: State) -> None:
        self._rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": int(state["state"]), "inc": int(state["inc"])},
            "has_uint32": state["has_uint32"],
            "uinteger": state["uinteger"],
        }
