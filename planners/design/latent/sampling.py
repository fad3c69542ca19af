"""The shipped autoencoder: molecules to points, points to molecules, and points drawn from where molecules lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open

from planners.design.generator import CannotServe
from planners.design.latent.model import Autoencoder, Shape
from planners.design.latent.tokens import PAD, Vocabulary
from planners.optimize.threads import torch_threads

Array = npt.NDArray[np.float64]

WEIGHTS = Path(__file__).parent / "trained" / "autoencoder.safetensors"
COMMAND = "make train-design"
LAYOUT = "2"  # of the weights' file
_WRITTEN_AT_ONCE = 256


class Unwritable(ValueError):
    """A molecule that the autoencoder has no words for, or that is too long for it."""


@dataclass(frozen=True)
class Samples:
    """smiles: one for each point drawn; None where the words spell no molecule that RDKit accepts."""

    smiles: tuple[str | None, ...]


class LatentSpace:
    """Points of `dimensions` numbers. Pure: the same input gives the same output, on one thread of torch.

    digest: SHA-256 of the weights' file.
    spread: (d,), standard deviation of the means of molecules, for steps that fit each direction.
    notes: what the training wrote beside the weights (figures, counts).
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Raises CannotServe when the weights are missing or of another layout."""
        if not path.is_file():
            raise CannotServe(
                f"the autoencoder's weights {path.name} are missing from {path.parent}: make them with `{COMMAND}`, "
                "or install the package again, which brings them"
            )
        tensors, notes = _read(path)
        if notes.get("layout") != LAYOUT:
            raise CannotServe(
                f"{path.name} has layout {notes.get('layout')}, this version reads {LAYOUT}: make it with `{COMMAND}`"
            )
        shape = Shape(**json.loads(notes["shape"]))
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.vocabulary = Vocabulary(json.loads(notes["words"]), shape.longest)
        self.dimensions = shape.latent
        self.notes: dict[str, object] = json.loads(notes["notes"])
        self.property_names: tuple[str, ...] = tuple(json.loads(notes["properties"]))
        self._centre, self._scale = tensors.pop("properties.centre"), tensors.pop("properties.scale")
        shares = _array(tensors.pop("prior.shares"))
        self._shares: Array = shares / shares.sum()
        self._means, self._roots = _array(tensors.pop("prior.means")), _array(tensors.pop("prior.roots"))
        self.spread: Array = _array(tensors.pop("prior.spread"))
        self.network = Autoencoder(shape)
        self.network.load_state_dict(tensors)
        self.network.eval()

    def writable(self, smiles: str) -> bool:
        """Whether the molecule can be encoded: known symbols, not too long. Stereochemistry does not count."""
        return self.vocabulary.numbers(smiles) is not None

    @torch_threads(None)
    @torch.no_grad()
    def encode(self, smiles: Sequence[str]) -> tuple[Array, Array]:
        """Mean and standard deviation, (n, d) each. Raises Unwritable, naming the first molecule that cannot be."""
        means, spreads = [], []
        for text in smiles:
            numbers = self.vocabulary.numbers(text)
            if numbers is None:
                raise Unwritable(f"'{text}' cannot be encoded: a symbol that is not known, or too many")
            # One by one and at full length, so that a molecule's point never depends on those it comes with.
            padded = numbers + [PAD] * (self.vocabulary.longest - len(numbers))
            mean, spread = self.network.encode(torch.tensor([padded]))
            means.append(mean[0])
            spreads.append(spread[0].exp())
        if not means:
            return np.zeros((0, self.dimensions)), np.zeros((0, self.dimensions))
        return _array(torch.stack(means)), _array(torch.stack(spreads))

    @torch_threads(None)
    @torch.no_grad()
    def decode(self, points: Array, dice: torch.Generator | None = None) -> list[str | None]:
        """The most probable molecule of each point (n, d), word by word, or one drawn with `dice`, as canonical SMILES;
        None where RDKit accepts none.
        """
        found: list[str | None] = []
        for at in range(0, len(points), _WRITTEN_AT_ONCE):
            written = self.network.write(torch.from_numpy(points[at : at + _WRITTEN_AT_ONCE]).float(), dice)
            found += [self.vocabulary.smiles(row) for row in written.tolist()]
        return found

    @torch_threads(None)
    @torch.no_grad()
    def foresee(self, points: Array) -> Array:
        """The properties that the second head reads from points, (n, p), in the order and units of `properties`."""
        return _array(self.network.properties(torch.from_numpy(points).float()) * self._scale + self._centre)

    def prior(self, n: int, rng: np.random.Generator) -> Array:
        """(n, d) points drawn from the mixture of Gaussians fitted to the points of training molecules."""
        parts = rng.choice(len(self._shares), size=n, p=self._shares)
        noise = rng.standard_normal((n, self.dimensions))
        points = self._means[parts]
        for part in range(len(self._shares)):
            rows = parts == part
            points[rows] += noise[rows] @ self._roots[part].T
        return points

    def sample(self, n: int, *, seed: int) -> Samples:
        """n molecules drawn at n points of the prior, nothing filtered, nothing tried twice."""
        points = self.prior(n, np.random.Generator(np.random.PCG64(seed)))
        return Samples(tuple(self.decode(points, torch.Generator().manual_seed(seed))))


@cache
def shipped() -> LatentSpace:
    """The weights beside this file, read once. Raises CannotServe when they are missing."""
    return LatentSpace(WEIGHTS)


def sample(n: int, *, seed: int) -> Samples:
    """Of the shipped weights, see `LatentSpace.sample`."""
    return shipped().sample(n, seed=seed)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).float() for name in file.keys()}, dict(file.metadata())  # noqa: SIM118


def _array(tensor: torch.Tensor) -> Array:
    return tensor.double().numpy()
