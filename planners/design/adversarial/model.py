"""The trained network as a tool: molecules from nothing, and molecules drawn anew in part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rdkit import Chem
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from planners.design.adversarial.alphabet import KINDS, LARGEST, Drawing, assembled
from planners.design.adversarial.critic import Critic
from planners.design.adversarial.drawing import RIVALS, drawn_anew, redrawn
from planners.design.adversarial.network import Drafter, Graphs, Shape
from planners.design.adversarial.weights import COMMAND, folder
from planners.design.generator import CannotServe
from planners.optimize.threads import torch_threads

FILE = "adversarial.safetensors"
_BLOCK = 512 // RIVALS  # molecules of one call of the network


@dataclass(frozen=True)
class Request:
    """A molecule to draw in part: the graph, which of its atoms are open, and how much of these is forgotten (0..1)."""

    drawing: Drawing
    opened: npt.NDArray[np.bool_]
    level: float


class DrawingModel:
    """Pure: the same input and random stream give the same output. No method filters.

    digest: SHA-256 of the weights' file.
    sizes: shape (LARGEST + 1,), how often the training set has each number of atoms.
    """

    def __init__(self, path: Path) -> None:
        """Raises CannotServe when the weights are missing."""
        if not path.is_file():
            raise CannotServe(
                f"the adversarial network's weights {path.name} are missing from {path.parent}; `{COMMAND}` and then "
                "the same with `--export` make them, and an installed package brings them"
            )
        tensors = {name: value.float() for name, value in load_file(path).items()}
        with safe_open(path, framework="pt") as file:
            notes = dict(file.metadata())
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.sizes: npt.NDArray[np.float64] = tensors.pop("sizes").double().numpy()
        self._network, self._critic = Drafter(Shape(**json.loads(notes["shape"]))).eval(), Critic().eval()
        for name, network in (("drafter.", self._network), ("critic.", self._critic)):
            network.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})

    @torch_threads(None)
    def draw(
        self, n: int, rng: np.random.Generator, *, least: int = 1, most: int = LARGEST, elements: Sequence[str] = ()
    ) -> list[str | None]:
        """n molecules as SMILES, None where a graph cannot be one, with `least` to `most` atoms in the training set's
        shares; empty `elements`: all that the network knows.
        """
        shares = self.sizes.copy()
        shares[:least] = shares[most + 1 :] = 0.0
        if shares.sum() <= 0.0:
            shares[least : most + 1] = 1.0
        counts = rng.multinomial(n, shares / shares.sum())
        found: list[str | None] = []
        for size, count in enumerate(counts.tolist()):
            for at in range(0, count, _BLOCK):
                batch = min(_BLOCK, count - at)
                graphs = drawn_anew(self._network, self._critic, rng, batch, size, allowed=_allowed(elements))
                found += _written(graphs)
        return [found[i] for i in rng.permutation(n)]

    @torch_threads(None)
    def redraw(
        self, requests: Sequence[Request], rng: np.random.Generator, *, elements: Sequence[str] = ()
    ) -> list[str | None]:
        """One SMILES for each request, in order; None where the graph cannot be a molecule."""
        found: list[str | None] = [None] * len(requests)
        for size in sorted({len(r.drawing.kinds) for r in requests}):
            rows = [i for i, r in enumerate(requests) if len(r.drawing.kinds) == size]
            for at in range(0, len(rows), _BLOCK):
                block = rows[at : at + _BLOCK]
                graphs = Graphs(
                    torch.from_numpy(np.stack([requests[i].drawing.kinds for i in block])),
                    torch.from_numpy(np.stack([requests[i].drawing.orders for i in block])),
                )
                opened = np.stack([requests[i].opened for i in block])
                level = np.array([requests[i].level for i in block])
                drawn = redrawn(self._network, self._critic, rng, graphs, opened, level, allowed=_allowed(elements))
                for i, smiles in zip(block, _written(drawn), strict=True):
                    found[i] = smiles
        return found


@cache
def shipped() -> DrawingModel:
    """The weights beside this file, read once. Raises CannotServe when they are missing."""
    return DrawingModel(folder() / FILE)


def save(path: Path, weights: Mapping[str, Tensor], sizes: Path, shape: Shape, facts: Mapping[str, str]) -> None:
    """The fp16 file that `DrawingModel` reads.  sizes: a safetensors file with the tensor "sizes"."""
    tensors = {name: value.half().contiguous() for name, value in weights.items()}
    tensors["sizes"] = load_file(sizes)["sizes"]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"shape": json.dumps(asdict(shape)), **facts})


def _allowed(elements: Sequence[str]) -> Tensor | None:
    return torch.tensor([element in elements for element, _ in KINDS]) if elements else None


def _written(graphs: Graphs) -> list[str | None]:
    pairs = zip(graphs.kinds.numpy(), graphs.orders.numpy(), strict=True)
    mols = [assembled(Drawing(kinds, orders)) for kinds, orders in pairs]
    return [None if mol is None else str(Chem.MolToSmiles(mol)) for mol in mols]
