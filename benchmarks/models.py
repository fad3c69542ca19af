"""The single-step models that the benchmarks know by name.

"gated" is the ensemble that asks its slow models only where the quick ones are unsure, at the route command's gate;
"quick" never asks them: both template models, reranked. "combined" is the curated rules and the local templates;
the route command asks it first, and "gated" second.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from planners.routes.single_step import weights
from planners.routes.single_step.proposal import Proposer

_ROOM = "planners.routes.single_step"
MODELS = {
    "template": ("templates.proposer", "TemplateProposer"),
    "local": ("local.proposer", "LocalProposer"),
    "graph": ("graph.proposer", "GraphProposer"),
    "sequence": ("sequence.proposer", "SequenceProposer"),
    "ensemble": ("ensemble", "EnsembleProposer"),
    "gated": ("ensemble", "EnsembleProposer"),
    "quick": ("ensemble", "EnsembleProposer"),
    "combined": ("combined", "CombinedProposer"),
    "rules": ("curated", "RuleProposer"),
}
_SINGLE = ("template", "local", "graph", "sequence", "rules")  # whose files, if any, begin with their name
_ARGUMENTS: dict[str, dict[str, Any]] = {"gated": {"gate": 0.5}, "quick": {"gate": 0.0}}
_WARM_UP = "CC(=O)Oc1ccccc1C(=O)O"  # aspirin: every model has something to say


class ModelUnavailable(RuntimeError):
    """The model cannot be used on this machine; the message says what to do."""


def load(name: str) -> Proposer:
    """The model, with its weights read. Raises ModelUnavailable, KeyError for a name not in MODELS."""
    module, kind = MODELS[name]
    try:
        make = getattr(import_module(f"{_ROOM}.{module}"), kind)
        if name == "combined":
            proposer: Proposer = make(load("rules"), load("local"))
        else:
            proposer = make(**_ARGUMENTS.get(name, {}))
        proposer.propose([_WARM_UP], 1)
    except (weights.WeightsMissing, ModuleNotFoundError) as error:
        raise ModelUnavailable(f"--model {name}: {error}") from error
    return proposer


def counts(proposer: Proposer) -> dict[str, int]:
    """What the model counted, by name: calls, misses, dropped and the like; a mapping it keeps is flattened."""
    found: dict[str, int] = {}
    for name in sorted(n for n in dir(proposer) if not n.startswith("_")):
        value: Any = getattr(proposer, name)
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = value
        elif name in {"counts", "dropped"} and isinstance(value, dict):
            found |= {f"{name}.{key}": number for key, number in sorted(value.items()) if isinstance(number, int)}
    return found


def fingerprints(*names: str) -> dict[str, str]:
    """The first 16 hexadecimal digits of the SHA-256 of every weights file that these models may read, by file."""
    folder = weights.folder()
    files = sorted(p for p in folder.iterdir() if p.suffix != ".md" and p.is_file()) if folder.is_dir() else []
    own = [n for n in names if n in _SINGLE]
    kept = [p for p in files if len(own) < len(names) or p.name.startswith(tuple(own))]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:16] for p in kept}
