"""Learned weights: fp16 safetensors beside this file, each with a model card, made by `make train-routes`."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "trained"
VARIABLE = "ATHANOR_ROUTE_WEIGHTS"  # another folder, for weights that somebody trained on data of their own
COMMAND = "make train-routes"


class WeightsMissing(RuntimeError):
    """A learned model without its weights; the message names the command that makes them."""


def folder() -> Path:
    return Path(os.environ.get(VARIABLE) or FOLDER)


def find(name: str) -> Path:
    """The file `name`, such as "template.safetensors". Raises WeightsMissing."""
    path = folder() / name
    if not path.is_file():
        raise WeightsMissing(f"the weights {name} are not in {folder()}; `{COMMAND}` makes them")
    return path


def available(name: str) -> bool:
    return (folder() / name).is_file()
