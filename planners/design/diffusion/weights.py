"""The weights that come with the program, and what was measured on the data they were trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from planners.design.diffusion.network import Network, Size
from planners.design.diffusion.noise import Scales
from planners.design.diffusion.wishes import PROPERTIES

VERSION = "1"
PATH = Path(__file__).parent / "trained" / "diffusion.safetensors"
COMMAND = "python -m planners.design.training.diffusion"


class WeightsUnusable(RuntimeError):
    """The weights are missing or of another version; the message says what makes them."""


@dataclass(frozen=True)
class Trained:
    """A network that guesses, in single precision and without gradients, and the scales of its data."""

    network: Network
    scales: Scales
    notes: Mapping[str, str]


def write(weights: Mapping[str, Tensor], scales: Scales, path: Path, notes: Mapping[str, str]) -> None:
    """In half precision. notes: what to remember of the training."""
    path.parent.mkdir(parents=True, exist_ok=True)
    measured = {k: v.tolist() if isinstance(v, Tensor) else v for k, v in asdict(scales).items()}
    about = {"version": VERSION, "properties": json.dumps(PROPERTIES), "size": json.dumps(asdict(Size()))}
    scratch = path.with_suffix(".new")
    save_file(
        {k: v.to(torch.float16).contiguous() for k, v in weights.items()},
        scratch,
        metadata={**about, "scales": json.dumps(measured), "notes": json.dumps(dict(notes))},
    )
    scratch.replace(path)


def read(path: Path) -> Trained:
    """Raises WeightsUnusable."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise WeightsUnusable(f"cannot read the weights {path.name}: {error}; `{COMMAND}` makes them") from None
    if about.get("version") != VERSION or json.loads(about["properties"]) != list(PROPERTIES):
        raise WeightsUnusable(f"the weights {path.name} are of another version; `{COMMAND}` makes them anew")
    network = Network(len(PROPERTIES), Size(**json.loads(about["size"]))).eval()
    network.load_state_dict(tensors)
    network.requires_grad_(False)
    measured = json.loads(about["scales"])
    tables = {k: torch.tensor(v) for k, v in measured.items() if isinstance(v, list)}
    scales = Scales(length=float(measured["length"]), **tables)
    return Trained(network, scales, json.loads(about["notes"]))


@lru_cache(maxsize=1)
def shipped() -> Trained:
    """Those beside this file, read once per process. Raises WeightsUnusable."""
    return read(PATH)
