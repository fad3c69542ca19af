"""What GFN2-xTB would say of a molecule, guessed from its structure a thousand times faster, with intervals.

The guess is of the values of `knowledge.quantum.compute` with its defaults, the choice of conformer included, and not
of experiment. Needs neither tblite nor a conformer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open

from knowledge.quantum.calibration import LEVEL, Calibration, Signs
from knowledge.quantum.familiarity import Familiarity
from knowledge.quantum.graphs import VERSION, Graphs, graphs
from knowledge.quantum.network import Network, Tensors

WEIGHTS = Path(__file__).parent / "trained" / "surrogate.safetensors"
COMMAND = "make train-quantum"
QUANTITIES = (
    "gap_ev",
    "homo_ev",
    "lumo_ev",
    "dipole_debye",
    "solvation_water_kj_mol",
    "solvation_octanol_kj_mol",
    "solvation_hexane_kj_mol",
)
_BATCH = 64  # molecules; more do not stay in a core's cache
_GAUSSIAN_90 = 1.6448536269514722

Array = npt.NDArray[np.float64]


class WeightsUnusable(RuntimeError):
    """The surrogate's weights are missing or of another version; the message names the file and the command."""


@dataclass(frozen=True)
class Guesses:
    """Of m molecules. `mean` and `half` (m, 7) in the order of QUANTITIES: mean ± half is the 90 % interval; `half` is
    infinite where nothing is promised, and `mean` is NaN where nothing can be said. `outside`: why, None elsewhere.
    `rarity` (m,): see Familiarity; `atoms` (m,): heavy atoms.
    """

    mean: Array
    half: Array
    outside: tuple[str | None, ...]
    rarity: Array
    atoms: npt.NDArray[np.int64]

    @property
    def std(self) -> Array:
        """(m, 7): that of a normal distribution with the same 90 % interval."""
        return self.half / _GAUSSIAN_90


class Surrogate:
    """Immutable; the same SMILES give the same guesses to the last digits of float32."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Raises WeightsUnusable."""
        try:
            self.version = sha256(path.read_bytes()).hexdigest()[:12]
            with safe_open(path, framework="np") as stored:
                about = json.loads(stored.metadata()["about"])
                arrays = {name: stored.get_tensor(name) for name in list(stored.keys())}
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise WeightsUnusable(f"cannot read {path}: {error}; `{COMMAND}` makes it") from None
        if about.get("graphs") != VERSION:
            raise WeightsUnusable(f"{path} is of another version; `{COMMAND}` makes it anew")
        self.about: dict[str, Any] = about
        self._network = Network(about["width"], about["depth"])
        prefix = "network."
        self._network.load_state_dict(
            {
                name.removeprefix(prefix): torch.from_numpy(array.astype(np.float32))
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
        )
        self._network.eval()
        self._centre = torch.tensor(about["centre"], dtype=torch.float32)
        self._spread = torch.tensor(about["spread"], dtype=torch.float32)
        counts, types = arrays["surroundings.molecules"].astype(np.int64), arrays["types.molecules"].astype(np.int64)
        self._familiarity = Familiarity(arrays["surroundings"], counts, types)
        self._whitening = torch.from_numpy(arrays["whitening"])
        self._calibration = Calibration.of_plain(about["calibration"])

    @classmethod
    def shipped(cls) -> Surrogate:
        """The one that comes with the program, read once per process. Raises WeightsUnusable."""
        return _shipped()

    @property
    def typical(self) -> Array:
        """(7,): medians of what it learned from."""
        medians: Array = with_gap(self._centre[None]).double().numpy()[0]
        return medians

    def guess(self, smiles: Sequence[str]) -> Guesses:
        """Outside, with a NaN mean: salts and mixtures, ions, radicals, elements it does not know. Outside, with a
        mean but no interval: atoms of a type it hardly met, such as sulphur with six neighbours, and more heavy atoms
        than any molecule it learned from. Raises InvalidMolecule.
        """
        count = len(smiles)
        mean = np.full((count, len(QUANTITIES)), np.nan)
        half = np.full((count, len(QUANTITIES)), np.inf)
        rarity = np.full(count, np.inf)
        atoms = np.zeros(count, dtype=np.int64)
        outside: list[str | None] = [None] * count
        with _one_thread():
            for start in range(0, count, _BATCH):
                part = slice(start, min(start + _BATCH, count))
                graph, refused = graphs(smiles[part])
                atoms[part] = graph.sizes
                mean[part], signs = self.raw(graph)
                rarity[part], half[part] = signs.rarity, self._calibration.half(signs)
                for i in np.flatnonzero(self._familiarity.unknown(graph)).tolist():
                    outside[start + i], half[start + i] = "an atom unlike those it learned from", np.inf
                for i, why in refused.items():
                    outside[start + i] = why
                    mean[start + i], half[start + i], rarity[start + i] = np.nan, np.inf, np.inf
        largest = int(self.about["atoms_max"])
        for i in np.flatnonzero(atoms > largest).tolist():
            outside[i] = f"{atoms[i]} heavy atoms, more than the {largest} it learned from"
            half[i] = np.inf
        return Guesses(mean, half, tuple(outside), rarity, atoms)

    def raw(self, graph: Graphs) -> tuple[Array, Signs]:
        """Means (m, 7) in the units of the answers, and what the width of their intervals will be made of."""
        with torch.inference_mode():
            mean, log_scale, features, _ = self._network(Tensors.of(graph))
            mean = with_gap(mean * self._spread[1:] + self._centre)
            leverage = (features @ self._whitening).square().sum(dim=1)
            scales = (log_scale + torch.log(self._spread)).double().numpy()
        signs = Signs(
            scales, self._familiarity.rarity(graph), leverage.double().numpy(), graph.sizes.astype(np.float64)
        )
        return mean.double().numpy(), signs


def with_gap(values: torch.Tensor) -> torch.Tensor:
    """(m, 7) in the order of QUANTITIES from the network's (m, 6)."""
    return torch.cat([values[:, 1:2] - values[:, :1], values], dim=1)


@cache
def _shipped() -> Surrogate:
    return Surrogate()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: small matrices gain nothing from more, and the order of sums must not depend on cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


__all__ = ["LEVEL", "QUANTITIES", "Guesses", "Surrogate", "WeightsUnusable"]
