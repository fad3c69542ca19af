"""From noise, or from noised molecules, to drawings: the two samplers of the one network.

`flow`: coordinates follow the straight road to the guess (Euler), elements and bonds jump to the guess with the rate
of discrete flow matching, plus jumps back to noise that the next guesses repair (Campbell et al., ICML 2024; Gat et
al., NeurIPS 2024). `diffusion`: coordinates by the ancestral posterior (Ho, Jain, Abbeel, NeurIPS 2020), elements and
bonds by the posterior of their noise (Austin et al., NeurIPS 2021; Vignac et al., ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from planners.design.diffusion.drawing import Drawing
from planners.design.diffusion.holding import Terms
from planners.design.diffusion.network import Clean, Noisy
from planners.design.diffusion.noise import (
    DIFFUSION,
    FLOW,
    centred,
    corrupted,
    drawn,
    drawn_bonds,
    gaussian,
    level,
    mirrored,
)
from planners.design.diffusion.weights import Trained

Road = Literal["flow", "diffusion"]
_BLOCK = 256  # molecules in one call of the network
# The time that the calls which polish are told. Of 32 molecules relaxed with GFN2-xTB, heavy atoms moved 0.18 Å
# (median) without these calls, 0.16 Å with four at 0.85, 0.14 Å with four at 0.95.
_POLISHED = 0.95


@dataclass(frozen=True)
class Settings:
    """steps: calls of the network on the way.  polish: calls after them, which only move atoms.
    guidance: w presses what is asked by (1 + w) asked - w unasked; 0 only asks.
    churn: how fast, in flow, elements and bonds go back to noise and to the guess again.
    sharpness: power to which the guess's probabilities are raised before elements and bonds are drawn from them.
    """

    steps: int = 50
    polish: int = 4
    guidance: float = 1.0
    churn: float = 5.0
    sharpness: float = 1.0


@dataclass(frozen=True)
class Wishes:
    """values: (m, p), standardised.  given: (m, p), 1 where the property is asked for, else 0."""

    values: Tensor
    given: Tensor

    def of(self, rows: Tensor) -> Wishes:
        return Wishes(self.values[rows], self.given[rows])


@dataclass(frozen=True)
class Stage:
    """Where molecules of one size are on their way: coordinates (b, n, 3), elements (b, n), bonds (b, n, n)."""

    x: Tensor
    atoms: Tensor
    bonds: Tensor


class Walker:
    """Draws molecules along one road, under the same terms."""

    def __init__(
        self, trained: Trained, road: Road, settings: Settings | None = None, terms: Terms | None = None
    ) -> None:
        self._network, self._scales, self._road = trained.network, trained.scales, road
        self._settings = settings or Settings()
        self._terms = terms or Terms()

    def sizes(self, n: int, dice: torch.Generator, *, least: int, most: int) -> Tensor:
        """How many heavy atoms n molecules should have, (n,), as often as in the data, within the limits."""
        share = self._scales.sizes.float().clone()
        share[:least] = 0.0
        share[most + 1 :] = 0.0
        return torch.multinomial(share, n, replacement=True, generator=dice)

    @torch.no_grad()
    def draw(self, counts: Tensor, dice: torch.Generator, wishes: Wishes | None = None) -> list[Drawing]:
        """One drawing for each count (m,) of heavy atoms, in order."""
        made: dict[int, Drawing] = {}
        for rows in _blocks(counts):
            b, n = len(rows), int(counts[rows[0]])
            frequencies = self._terms.allowed(self._scales.atoms)
            begin = Stage(
                gaussian(b, n, dice), drawn(frequencies, (b, n), dice), drawn_bonds(self._scales.bonds, b, n, dice)
            )
            end = self._walk(begin, 0.0, dice, None if wishes is None else wishes.of(rows))
            made.update(zip(rows.tolist(), self._drawings(end), strict=True))
        return [made[i] for i in range(len(counts))]

    @torch.no_grad()
    def redraw(
        self, parents: Sequence[Drawing], start: float, dice: torch.Generator, wishes: Wishes | None = None
    ) -> list[Drawing]:
        """A relative of each parent: it is noised back to the time `start`, 0..1, and drawn again from there (after
        Meng et al., ICLR 2022). Held atoms come first in the parents, too."""
        counts = torch.tensor([len(parent.atoms) for parent in parents])
        made: dict[int, Drawing] = {}
        for rows in _blocks(counts):
            some = [parents[i] for i in rows.tolist()]
            x = torch.from_numpy(np.stack([parent.x for parent in some])).float() / self._scales.length
            atoms = torch.from_numpy(np.stack([parent.atoms for parent in some])).long()
            bonds = torch.from_numpy(np.stack([parent.bonds for parent in some])).long()
            time = torch.full((len(some),), start)
            noisy = corrupted(centred(x), atoms, bonds, time, self._modes(len(some)), self._scales, dice)
            end = self._walk(Stage(*noisy), start, dice, None if wishes is None else wishes.of(rows))
            made.update(zip(rows.tolist(), self._drawings(end), strict=True))
        return [made[i] for i in range(len(parents))]

    def _modes(self, b: int) -> Tensor:
        return torch.full((b,), FLOW if self._road == "flow" else DIFFUSION)

    def _walk(self, stage: Stage, start: float, dice: torch.Generator, wishes: Wishes | None) -> Stage:
        steps = max(2, round(self._settings.steps * (1 - start)))
        times = np.linspace(start, 1.0, steps + 1).tolist()
        before: Clean | None = None
        stage = self._terms.held_in(stage.x, stage.atoms, stage.bonds, Stage)
        for now, then in pairwise(times):
            before = guess = self._guess(stage, now, before, wishes)
            if then >= 1.0:
                break
            moved = self._flowed if self._road == "flow" else self._denoised
            stage = moved(stage, guess, now, then, dice)
            stage = self._terms.held_in(stage.x, stage.atoms, stage.bonds, Stage)
        end = Stage(guess.x, guess.atoms.argmax(-1), mirrored(guess.bonds.argmax(-1)))
        for _ in range(self._settings.polish):
            before = self._guess(end, _POLISHED, before, wishes)
            end = Stage(before.x, end.atoms, end.bonds)
        return end

    def _guess(self, stage: Stage, now: float, before: Clean | None, wishes: Wishes | None) -> Clean:
        b = len(stage.x)
        time, modes = torch.full((b,), now), self._modes(b)
        nothing = torch.zeros(b, len(self._scales.mean))

        def asked(values: Tensor, given: Tensor) -> Clean:
            noisy = Noisy(stage.x, stage.atoms, stage.bonds, time, modes, values, given)
            made: Clean = self._network(noisy, before)
            return made

        guess = asked(nothing, nothing) if wishes is None else asked(wishes.values, wishes.given)
        if wishes is not None and self._settings.guidance:
            guess = _pressed(guess, asked(nothing, nothing), self._settings.guidance)
        return self._terms.imposed(guess)

    def _targets(self, guess: Clean, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        power = self._settings.sharpness
        return _sampled((guess.atoms * power).exp(), dice), _sampled((guess.bonds * power).exp(), dice)

    def _flowed(self, stage: Stage, guess: Clean, now: float, then: float, dice: torch.Generator) -> Stage:
        share, step = (then - now) / (1 - now), then - now
        # Jumps back to noise at the rate churn (1 - t) are made up for by jumps to the guess at the rate churn t: of
        # tokens that keep their value with probability t, the distribution stays what it is.
        back = step * self._settings.churn * (1 - now)
        forth = share + step * self._settings.churn * now

        def jumped(old: Tensor, target: Tensor, noise: Tensor) -> Tensor:
            roll = torch.rand(old.shape, generator=dice)
            return torch.where(roll > 1 - back, noise, torch.where(roll < forth, target, old))

        atoms, bonds = self._targets(guess, dice)
        return Stage(
            stage.x + share * (guess.x - stage.x),
            jumped(stage.atoms, atoms, drawn(self._scales.atoms, tuple(atoms.shape), dice)),
            mirrored(jumped(stage.bonds, bonds, drawn(self._scales.bonds, tuple(bonds.shape), dice))),
        )

    def _denoised(self, stage: Stage, guess: Clean, now: float, then: float, dice: torch.Generator) -> Stage:
        b, n = stage.atoms.shape
        (a_now, s_now), (a_then, s_then) = (
            [float(v) for v in level(torch.tensor(t, dtype=torch.float64))] for t in (now, then)
        )
        ratio = a_now / a_then
        fresh = s_now**2 - ratio**2 * s_then**2  # the variance that comes between `then` and `now`
        mean = stage.x * (ratio * s_then**2 / s_now**2) + guess.x * (a_then * fresh / s_now**2)
        kept = now / then

        def posterior(old: Tensor, target: Tensor, frequencies: Tensor) -> Tensor:
            """Of the value at `then`, given the value at `now` and a draw from the guess."""
            same = functional.one_hot(old, len(frequencies)).float()
            backward = kept * same + (1 - kept) * frequencies[old][..., None]
            forward = then * functional.one_hot(target, len(frequencies)) + (1 - then) * frequencies
            return backward * forward

        atoms, bonds = self._targets(guess, dice)
        return Stage(
            mean + (fresh**0.5 * s_then / s_now) * gaussian(b, n, dice),
            _sampled(posterior(stage.atoms, atoms, self._scales.atoms), dice),
            mirrored(_sampled(posterior(stage.bonds, bonds, self._scales.bonds), dice)),
        )

    def _drawings(self, stage: Stage) -> list[Drawing]:
        x = (stage.x * self._scales.length).double().numpy()
        atoms, bonds = stage.atoms.numpy(), stage.bonds.numpy()
        return [Drawing(x[i], atoms[i], bonds[i]) for i in range(len(x))]


def _blocks(counts: Tensor) -> list[Tensor]:
    """Rows of one count, at most _BLOCK together."""
    return [block for n in sorted(set(counts.tolist())) for block in torch.nonzero(counts == n)[:, 0].split(_BLOCK)]


def _pressed(asked: Clean, plain: Clean, by: float) -> Clean:
    """Guidance without a classifier (Ho and Salimans, 2022)."""
    return Clean(
        asked.x + by * (asked.x - plain.x),
        torch.log_softmax(asked.atoms + by * (asked.atoms - plain.atoms), dim=-1),
        torch.log_softmax(asked.bonds + by * (asked.bonds - plain.bonds), dim=-1),
    )


def _sampled(shares: Tensor, dice: torch.Generator) -> Tensor:
    """Class indices drawn from shares (..., k), which need not sum to 1."""
    return torch.multinomial(shares.reshape(-1, shares.shape[-1]), 1, generator=dice).view(shares.shape[:-1])
