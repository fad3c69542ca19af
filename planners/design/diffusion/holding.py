"""What every drawing must obey while it is drawn: elements that may occur, and fragments that are held.

Held fragments are imposed on each guess (replacement, as in inpainting; Lugmayr et al., CVPR 2022): their elements and
bonds as they are, their coordinates turned onto where the network sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from planners.design.diffusion.network import BONDS, ELEMENTS, Clean

S = TypeVar("S")
_NEVER = -60.0  # a log-probability


@dataclass(frozen=True)
class Held:
    """Fragments, their atoms one after the other. x: (k, 3) in units of length.  atoms: (k,).  bonds: (k, k).
    ends: after which atom each fragment ends, so the last is k."""

    x: Tensor
    atoms: Tensor
    bonds: Tensor
    ends: tuple[int, ...]

    @property
    def blocks(self) -> list[slice]:
        return [slice(begin, end) for begin, end in zip((0, *self.ends[:-1]), self.ends, strict=True)]


@dataclass(frozen=True)
class Terms:
    """elements: (4,), 1 for those of ELEMENTS that may occur, else 0; None: all.  held: the first atoms of each
    drawing; None: nothing is held."""

    elements: Tensor | None = None
    held: Held | None = None

    @property
    def size(self) -> int:
        """Atoms that are held."""
        return 0 if self.held is None else len(self.held.atoms)

    def allowed(self, frequencies: Tensor) -> Tensor:
        return frequencies if self.elements is None else frequencies * self.elements

    def held_in(self, x: Tensor, atoms: Tensor, bonds: Tensor, made: Callable[[Tensor, Tensor, Tensor], S]) -> S:
        """Molecules on their way, with elements and bonds of what is held as they will be."""
        if self.held is not None:
            atoms, bonds = atoms.clone(), bonds.clone()
            atoms[:, : len(self.held.atoms)] = self.held.atoms
            for block in self.held.blocks:
                bonds[:, block, block] = self.held.bonds[block, block]
        return made(x, atoms, bonds)

    def imposed(self, guess: Clean) -> Clean:
        if self.elements is not None:
            never = (1 - self.elements) * _NEVER
            guess = Clean(guess.x, torch.log_softmax(guess.atoms + never, dim=-1), guess.bonds)
        held = self.held
        if held is None:
            return guess
        x, atoms, bonds = guess.x.clone(), guess.atoms.clone(), guess.bonds.clone()
        atoms[:, : len(held.atoms)] = _certain(held.atoms, len(ELEMENTS))
        for block in held.blocks:
            bonds[:, block, block] = _certain(held.bonds[block, block], BONDS)
            x[:, block] = _turned(held.x[block], x[:, block])
        return Clean(x - x.mean(1, keepdim=True), atoms, bonds)


def _certain(classes: Tensor, kinds: int) -> Tensor:
    """Log-probabilities (..., kinds)."""
    return (1 - functional.one_hot(classes, kinds).float()) * _NEVER


def _turned(fragment: Tensor, onto: Tensor) -> Tensor:
    """A fragment (k, 3) shifted and turned or mirrored onto each of (b, k, 3)."""
    centre = onto.mean(1, keepdim=True)
    away = (fragment - fragment.mean(0)).expand(len(onto), -1, -1)
    left, _, right = torch.linalg.svd(away.transpose(1, 2) @ (onto - centre))
    return away @ (left @ right) + centre
