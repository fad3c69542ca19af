"""The learned weights: fp16 safetensors beside this file with a model card."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "trained"
VARIABLE = "ATHANOR_DESIGN_WEIGHTS"  # another folder, for weights that somebody trained on data of their own
COMMAND = "python -m planners.design.training.adversarial"


def folder() -> Path:
    return Path(os.environ.get(VARIABLE) or FOLDER)
