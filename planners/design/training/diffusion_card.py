"""The card beside the weights: what they are, what they were made from, and what a small sample of them says."""

from __future__ import annotations

from pathlib import Path

import torch

from planners.design.diffusion.drawing import Drawing, connected, molecule, smiles_of
from planners.design.diffusion.network import MOST_ATOMS
from planners.design.diffusion.walking import Road, Walker
from planners.design.diffusion.weights import Trained
from planners.design.diffusion.wishes import PROPERTIES
from planners.design.training.qm9 import training_smiles

_SAMPLE = 400
_CARD = """# Molecules drawn in space

`diffusion.safetensors`: {weights:,} weights in half precision; sizes and scales are in its metadata. Used by
`planners/design/diffusion` for the generators `flow` and `diffusion`, which share them.

- Kind: E(3)-equivariant attention over atoms and pairs, {layers} layers, {node} dimensions for atoms and {pair} for
  pairs, {sets} sets of coordinates. It sees noisy elements, bonds and coordinates of heavy atoms and guesses the clean
  ones, with its last guess before it, for flow matching and for diffusion; hydrogens follow from the bonds.
- Trained by `python -m planners.design.training.diffusion` (part of `make train-design`) on one core of a busy
  machine: {step} steps of {batch} molecules in {minutes:.0f} minutes on the clock.
- Data: {count:,} molecules of 3 to 9 heavy atoms of QM9 (B3LYP geometries; Ramakrishnan et al., Sci. Data 2014), as the
  package `qm9pack` 1.0.3 brings them; none with charged atoms. 5,000 for development and 5,000 for tests were kept
  apart.
- Can be asked for: {properties}.
- Losses on the development molecules (half precision, averaged over times): {losses}.
- It does not know: more than nine heavy atoms, elements but C, N, O, F, charges, radicals, stereochemistry as such
  (mirror images are drawn equally often).

Of {sample} samples with one seed, nothing repaired, no second try:

| road | valid and of one piece | unique among these | not in the training data |
|---|---|---|---|
{rows}

Full figures: `python -m benchmarks.design_generative --model flow` (or `diffusion`); obedience to what is asked:
`python -m planners.design.training.diffusion_check`.
"""


def write_card(trained: Trained, losses: dict[str, float], batch: int, path: Path) -> None:
    """Samples 400 molecules on each road: some 40 s of one core."""
    known = training_smiles()
    seen = set(known)
    rows = []
    roads: tuple[Road, Road] = ("flow", "diffusion")
    for road in roads:
        walker, dice = Walker(trained, road), torch.Generator().manual_seed(1)
        drawings = walker.draw(walker.sizes(_SAMPLE, dice, least=1, most=MOST_ATOMS), dice)
        made = [text for text in map(_text, drawings) if text is not None]
        unique = sorted(set(made))
        new = sum(text not in seen for text in unique)
        rows.append(
            f"| {road} | {len(made) / _SAMPLE:.1%} | {len(unique) / max(1, len(made)):.1%} "
            f"| {new / max(1, len(unique)):.1%} |"
        )
    size = trained.network.size
    text = _CARD.format(
        weights=sum(p.numel() for p in trained.network.parameters()),
        layers=size.layers,
        node=size.node,
        pair=size.pair,
        sets=size.sets,
        step=trained.notes["step"],
        minutes=float(trained.notes["elapsed"]) / 60,
        batch=batch,
        count=len(known),
        properties=", ".join(PROPERTIES),
        losses=", ".join(f"{name} {value:.4f}" for name, value in losses.items()),
        sample=_SAMPLE,
        rows="\n".join(rows),
    )
    path.write_text(text, encoding="utf-8")


def _text(drawing: Drawing) -> str | None:
    mol = molecule(drawing)
    return smiles_of(mol) if mol is not None and connected(mol) else None
