"""Samples of the shipped weights, without filters and without a second try, and how exactly motion passes through."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from planners.design.diffusion.drawing import Drawing, connected, molecule, smiles_of
from planners.design.diffusion.geometry import with_hydrogens, xyz
from planners.design.diffusion.network import BONDS, ELEMENTS, MOST_ATOMS, Noisy
from planners.design.diffusion.noise import drawn, drawn_bonds, gaussian
from planners.design.diffusion.walking import Road, Settings, Walker, Wishes
from planners.design.diffusion.weights import Trained, shipped


@dataclass(frozen=True)
class Samples:
    """One entry for each try. smiles: canonical; None where the drawing is no molecule, or not of one piece.
    geometries: XYZ in Å with hydrogens, heavy atoms in the SMILES' order; empty where there is no molecule."""

    smiles: tuple[str | None, ...]
    geometries: tuple[str, ...]


def sample(
    n: int, *, seed: int, road: Road = "flow", wishes: Wishes | None = None, settings: Settings | None = None
) -> Samples:
    """n independent tries, of sizes as in the data. Raises WeightsUnusable."""
    walker = Walker(shipped(), road, settings)
    dice = torch.Generator().manual_seed(seed)
    counts = walker.sizes(n, dice, least=1, most=MOST_ATOMS)
    pairs = [_written(drawing) for drawing in walker.draw(counts, dice, wishes)]
    return Samples(tuple(text for text, _ in pairs), tuple(place for _, place in pairs))


def _written(drawing: Drawing) -> tuple[str | None, str]:
    mol = molecule(drawing)
    if mol is None or not connected(mol):
        return None, ""
    return smiles_of(mol), xyz(with_hydrogens(mol), "as drawn")


def equivariance_error(*, seed: int, trained: Trained | None = None, dtype: torch.dtype = torch.float32) -> float:
    """Largest difference between moving (turned and mirrored, shifted, atoms in another order) before and after one
    self-conditioned call of the network, divided by the largest value that it gives. Raises WeightsUnusable."""
    trained = trained or shipped()
    network = type(trained.network)(len(trained.scales.mean), trained.network.size).to(dtype).eval()
    network.load_state_dict(trained.network.state_dict())
    dice = torch.Generator().manual_seed(seed)
    b, n = 16, MOST_ATOMS
    x = gaussian(b, n, dice).to(dtype)
    atoms = drawn(torch.ones(len(ELEMENTS)), (b, n), dice)
    bonds = drawn_bonds(torch.ones(BONDS), b, n, dice)
    rest = [torch.rand(b, generator=dice).to(dtype), torch.zeros(b, dtype=dtype)]
    rest += [torch.zeros(b, len(trained.scales.mean), dtype=dtype)] * 2
    turn = torch.linalg.qr(torch.randn(3, 3, generator=dice, dtype=torch.float64))[0].to(dtype)
    turn[:, 0] *= -1 if torch.linalg.det(turn) > 0 else 1  # a mirror, always
    shift = torch.randn(1, 1, 3, generator=dice).to(dtype)
    order = torch.randperm(n, generator=dice)
    with torch.no_grad():
        still = Noisy(x, atoms, bonds, *rest)
        moved = Noisy((x @ turn + shift)[:, order], atoms[:, order], bonds[:, order][:, :, order], *rest)
        first = network(still, network(still))
        second = network(moved, network(moved))
    pairs = [
        ((first.x @ turn)[:, order], second.x),
        (first.atoms[:, order], second.atoms),
        (first.bonds[:, order][:, :, order], second.bonds),
    ]
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in pairs)
