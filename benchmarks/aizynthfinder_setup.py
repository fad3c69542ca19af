"""AiZynthFinder in an environment of its own, and our template policy as it reads one.

The environment is made once, in the cache folder, with pip; deleting it is always safe.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.sources.cache import cache_dir

if TYPE_CHECKING:
    from planners.routes.single_step.templates.policy import PolicyNetwork

VERSION = "4.4.1"
# It needs NumPy 1; the newest pyarrow, which one of its dependencies takes, no longer works with that.
_BESIDE = ("pyarrow<20",)
# The exporter of torch needs these; they stay out of our own environment.
_EXPORTER = ("onnx==1.23.2", "onnxscript==0.7.2", "onnx_ir==1.1.0", "ml_dtypes==0.6.0", "protobuf==7.36.2")
_READY = "ready.json"


class SetupFailed(RuntimeError):
    """pip could not install what is needed; the message has its last line."""


def _pip(python: Path | str, arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SetupFailed(f"pip install {' '.join(arguments)}: {last}")


def environment() -> Path:
    """The Python of the environment with AiZynthFinder; takes a few minutes the first time. Raises SetupFailed."""
    home = cache_dir() / f"aizynthfinder-{VERSION}"
    python, ready = home / "bin" / "python", home / _READY
    if not ready.is_file():
        venv.create(home, with_pip=True, clear=True)
        _pip(python, [f"aizynthfinder=={VERSION}", *_BESIDE])
        tried = subprocess.run(
            [str(python), "-c", "import aizynthfinder.aizynthfinder"], capture_output=True, check=False
        )
        if tried.returncode:
            raise SetupFailed(f"AiZynthFinder {VERSION} is installed in {home} but cannot be imported")
        listed = subprocess.run([str(python), "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
        ready.write_text(json.dumps(sorted(listed.stdout.split("\n"))), encoding="utf-8")
    return python


def versions() -> dict[str, str]:
    """Of the packages in the environment that matter for a timing. Needs `environment()` first."""
    lines = json.loads((cache_dir() / f"aizynthfinder-{VERSION}" / _READY).read_text(encoding="utf-8"))
    pairs = dict(line.split("==", 1) for line in lines if "==" in line)
    return {
        name: pairs[name] for name in ("aizynthfinder", "rdkit", "rdchiral", "onnxruntime", "numpy") if name in pairs
    }


def _exporter() -> None:
    folder = cache_dir() / f"onnx-export-{hashlib.sha256(' '.join(_EXPORTER).encode()).hexdigest()[:8]}"
    if not (folder / _READY).is_file():
        _pip(sys.executable, ["--no-deps", "--target", str(folder), *_EXPORTER])
        (folder / _READY).write_text("{}", encoding="utf-8")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()


def export_policy(network: PolicyNetwork, templates: Sequence[str], folder: Path) -> dict[str, str | int]:
    """`policy.onnx`, probabilities over all templates from a fingerprint, and `templates.csv` beside it.

    Returns the settings that a worker needs to use them. Raises SetupFailed.
    """
    _exporter()
    import torch

    from planners.routes.single_step.templates.policy import BITS, RADIUS

    model = torch.nn.Sequential(network, torch.nn.Softmax(dim=-1)).eval()
    example = torch.zeros(2, BITS)
    file = folder / "policy.onnx"
    torch.onnx.export(
        model,
        (example,),
        str(file),
        input_names=["fingerprint"],
        output_names=["probability"],
        dynamic_shapes=({0: torch.export.Dim("molecules")},),
        external_data=False,
        verbose=False,
    )
    rows = ["\tretro_template", *(f"{i}\t{template}" for i, template in enumerate(templates))]
    (folder / "templates.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return {"policy": str(file), "templates": str(folder / "templates.csv"), "radius": RADIUS, "bits": BITS}
