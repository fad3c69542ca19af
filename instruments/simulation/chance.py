"""Chance that anyone can repeat: every draw hangs on the lab's seed and on names, never on the order of calls."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

Generator = np.random.Generator


def stream(seed: int, *names: Any) -> Generator:
    """A random stream of its own for these names."""
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, names)]).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def uniform(seed: int, *names: Any) -> float:
    """One number in [0, 1) for these names."""
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2.0**56


def normal(seed: int, *names: Any) -> float:
    """One standard normal number for these names."""
    return float(stream(seed, *names).standard_normal())
