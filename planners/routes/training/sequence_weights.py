"""The averaged parameters of a training as the fp16 file that ships.

python -m planners.routes.training.sequence_weights
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from planners.routes.single_step import weights
from planners.routes.single_step.sequence.trained_model import FILE
from planners.routes.training.sequence_data import folder, vocabulary

_PREFIX = "average."


def export(checkpoint: Path, target: Path) -> None:
    with safe_open(checkpoint, "pt") as held:
        metadata = held.metadata()
        names = [name for name in held.keys() if name.startswith(_PREFIX)]  # noqa: SIM118  a handle, not a dict
        state = {name[len(_PREFIX) :]: held.get_tensor(name).to(torch.float16) for name in names}
    words = vocabulary()
    metadata = {
        "sizes": metadata["sizes"],
        "vocabulary": json.dumps(words.learned),
        "training": metadata["progress"],
    }
    part = target.with_suffix(".part")
    save_file(state, part, metadata)
    part.chmod(0o644)
    part.replace(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=folder() / "sequence.safetensors")
    parser.add_argument("--to", type=Path, default=weights.FOLDER / FILE)
    arguments = parser.parse_args()
    export(arguments.checkpoint, arguments.to)


if __name__ == "__main__":
    main()
