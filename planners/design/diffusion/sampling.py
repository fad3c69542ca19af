"""From noise, or from noised molecules, to drawings: the two samplers of the one network.

`flow`: coordinates follow the straight road to the guess (Euler), elements and bonds jump to the guess with the rate
of discrete flow matching, plus jumps back to noise that the next guesses repair (Campbell et al., ICML 2024; Gat et
al., NeurIPS 2024). `diffusion`: coordinates by the ancestral posterior (Ho, Jain, Abbeel, NeurIPS 2020), elements and
bonds by the posterior of their noise (Austin et al., NeurIPS 2021; Vignac et al., ICLR 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from planners.design.diffusion.drawing import Drawing
from planners.design.diffusion.network import Clean, Noisy
from planners.design.diffusion.noise import (
    DIFFUSION,
    FLOW,
    Scales,
    centred,
    drawn,
    drawn_bonds,
    gaussian,
    level,
    mirrored,
)
from planners.design.diffusion.weights import Trained

Road = Literal["flow", "diffusion"]


@dataclass(frozen=True)
class Settings:
    """steps: calls of the network.  guidance: 0 asks without pressing; w presses by (1 + w) asked - w unasked.
    churn: how often, per unit of time, flow sends elements and bonds back to noise."""

    steps: int = 60
    guidance: float = 0.5
    churn: float = 2.0


@dataclass(frozen=True)
class Wish:
    """values: (p,), standardised.  given: (p,), which of them are asked for."""

    values: Tensor
    given: Tensor


@dataclass(frozen=True)
class Held:
    """Atoms that every drawing has: x (k, 3) in units of length, atoms (k,), bonds (k, k); the first k of each."""

    x: Tensor
    atoms: Tensor
    bonds: Tensor


@dataclass
class _State:
    x: Tensor
    atoms: Tensor
    bonds: Tensor


def sizes(scales: Scales, n: int, dice: torch.Generator, least: int = 1, most: int = 9) -> Tensor:
    """How many heavy atoms n molecules should have, (n,), as often as in the data, within the limits."""
    share = scales.sizes.float().clone()
    share[:least] = 0.0
    share[most + 1 :] = 0.0
    return torch.multinomial(share, n, replacement=True, generator=dice)


@torch.no_grad()
def draw(
    trained: Trained,
    road: Road,
    counts: Tensor,
    dice: torch.Generator,
    *,
    wishes: tuple[Tensor, Tensor] | None = None,
    settings: Settings = Settings(),
) -> list[Drawing]:
    """One drawing for each count (m,) of heavy atoms, in order. wishes: values and given, (m, p), standardised."""
    made: list[Drawing | None] = [None] * len(counts)
    scales = trained.scales
    for n in sorted(set(counts.tolist())):
        for rows in torch.nonzero(counts == n)[:, 0].split(256):
            b = len(rows)
            begin = _State(
                gaussian(b, n, dice), drawn(scales.atoms, (b, n), dice), drawn_bonds(scales.bonds, b, n, dice)
            )
            asked = None if wishes is None else (wishes[0][rows], wishes[1][rows])
            end = _walk(trained, road, begin, 0.0, dice, asked, settings)
            for row, drawing in zip(rows.tolist(), _drawings(end, scales), strict=True):
                made[row] = drawing
    return [drawing for drawing in made if drawing is not None]


@torch.no_grad()
def redraw(
    trained: Trained,
    road: Road,
    parents: list[Drawing],
    start: float,
    dice: torch.Generator,
    *,
    wishes: tuple[Tensor, Tensor] | None = None,
    settings: Settings = Settings(),
) -> list[Drawing]:
    """One relative of each parent: noised back to the time `start` (0 forgets all, 1 nothing) and drawn again from
    there (after Meng et al., ICLR 2022)."""
    from planners.design.diffusion.noise import corrupted

    made: list[Drawing | None] = [None] * len(parents)
    counts = torch.tensor([len(p.atoms) for p in parents])
    for n in sorted(set(counts.tolist())):
        rows = torch.nonzero(counts == n)[:, 0]
        x = torch.stack([torch.from_numpy(parents[i].x).float() for i in rows.tolist()]) / trained.scales.length
        atoms = torch.stack([torch.from_numpy(parents[i].atoms).long() for i in rows.tolist()])
        bonds = torch.stack([torch.from_numpy(parents[i].bonds).long() for i in rows.tolist()])
        mode = torch.full((len(rows),), FLOW if road == "flow" else DIFFUSION)
        noisy = corrupted(
            centred(x), atoms, bonds, torch.full((len(rows),), start), mode, trained.scales, dice
        )
        asked = None if wishes is None else (wishes[0][rows], wishes[1][rows])
        end = _walk(trained, road, _State(*noisy), start, dice, asked, settings)
        for row, drawing in zip(rows.tolist(), _drawings(end, trained.scales), strict=True):
            made[row] = drawing
    return [drawing for drawing in made if drawing is not None]


def _walk(
    trained: Trained,
    road: Road,
    state: _State,
    start: float,
    dice: torch.Generator,
    asked: tuple[Tensor, Tensor] | None,
    settings: Settings,
) -> _State:
    b = len(state.x)
    properties = len(trained.scales.mean)
    mode = torch.full((b,), FLOW if road == "flow" else DIFFUSION)
    nothing = torch.zeros(b, properties)
    count = max(2, round(settings.steps * (1 - start)))
    times = np.linspace(start, 1.0, count + 1)
    before: Clean | None = None
    for now, then in zip(times[:-1], times[1:], strict=True):
        t = torch.full((b,), float(now))
        if asked is None:
            guess = trained.network(Noisy(state.x, state.atoms, state.bonds, t, mode, nothing, nothing), before)
        else:
            guess = trained.network(Noisy(state.x, state.atoms, state.bonds, t, mode, *asked), before)
            if settings.guidance:
                plain = trained.network(Noisy(state.x, state.atoms, state.bonds, t, mode, nothing, nothing), before)
                guess = _pressed(guess, plain, settings.guidance)
        before = guess
        if then >= 1.0:
            state = _State(guess.x, guess.atoms.argmax(-1), mirrored(guess.bonds.argmax(-1)))
        elif road == "flow":
            state = _flowed(state, guess, float(now), float(then), trained.scales, dice, settings)
        else:
            state = _denoised(state, guess, float(now), float(then), trained.scales, dice)
    return state


def _pressed(asked: Clean, plain: Clean, by: float) -> Clean:
    """Guidance without a classifier (Ho and Salimans, 2022)."""
    return Clean(
        asked.x + by * (asked.x - plain.x),
        torch.log_softmax(asked.atoms + by * (asked.atoms - plain.atoms), dim=-1),
        torch.log_softmax(asked.bonds + by * (asked.bonds - plain.bonds), dim=-1),
    )


def _sampled(probabilities: Tensor, dice: torch.Generator) -> Tensor:
    flat = probabilities.reshape(-1, probabilities.shape[-1]).clamp(min=0.0)
    return torch.multinomial(flat, 1, generator=dice).view(probabilities.shape[:-1])


def _flowed(
    state: _State, guess: Clean, now: float, then: float, scales: Scales, dice: torch.Generator, settings: Settings
) -> _State:
    share = (then - now) / (1 - now)
    x = state.x + share * (guess.x - state.x)
    # A token sent back to noise at rate `churn` is made up for by as many more that jump to the guess: what is added
    # to the forward rate keeps the distribution at each time what it is.
    back = (then - now) * settings.churn * then
    forth = min(1.0, share + (then - now) * settings.churn * now / (1 - now) if now < 1 else 1.0)

    def jumped(old: Tensor, target: Tensor, noise: Tensor, roll: Tensor) -> Tensor:
        new = torch.where(roll < forth, target, old)
        return torch.where(roll > 1 - back, noise, new)

    b, n = state.atoms.shape
    atoms = jumped(
        state.atoms,
        _sampled(guess.atoms.exp(), dice),
        drawn(scales.atoms, (b, n), dice),
        torch.rand(b, n, generator=dice),
    )
    bonds = jumped(
        state.bonds,
        _sampled(guess.bonds.exp(), dice),
        drawn(scales.bonds, (b, n, n), dice),
        torch.rand(b, n, n, generator=dice),
    )
    return _State(x, atoms, mirrored(bonds))


def _denoised(
    state: _State, guess: Clean, now: float, then: float, scales: Scales, dice: torch.Generator
) -> _State:
    b, n = state.atoms.shape
    a_now, s_now = (float(v) for v in level(torch.tensor(now)))
    a_then, s_then = (float(v) for v in level(torch.tensor(then)))
    ratio = a_now / a_then
    fresh = s_now**2 - ratio**2 * s_then**2  # the variance added between `then` and `now`
    mean = state.x * (ratio * s_then**2 / s_now**2) + guess.x * (a_then * fresh / s_now**2)
    x = mean + (fresh**0.5 * s_then / s_now) * gaussian(b, n, dice)

    def posterior(old: Tensor, target: Tensor, frequencies: Tensor) -> Tensor:
        """Of the value at `then`, given the value at `now` and the guess of the end."""
        kept = now / then
        same = torch.nn.functional.one_hot(old, len(frequencies)).float()
        back = kept * same + (1 - kept) * frequencies[old][..., None]  # q(now | then = k), for each k
        forward = then * torch.nn.functional.one_hot(target, len(frequencies)) + (1 - then) * frequencies
        return back * forward

    atoms = _sampled(posterior(state.atoms, _sampled(guess.atoms.exp(), dice), scales.atoms), dice)
    bonds = _sampled(posterior(state.bonds, _sampled(guess.bonds.exp(), dice), scales.bonds), dice)
    return _State(x, atoms, mirrored(bonds))


def _drawings(state: _State, scales: Scales) -> list[Drawing]:
    x = (state.x * scales.length).double().numpy()
    atoms, bonds = state.atoms.numpy(), state.bonds.numpy()
    return [Drawing(x[i], atoms[i], bonds[i]) for i in range(len(x))]
