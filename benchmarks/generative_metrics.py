"""What a generative model has to give to be measured, and the figures of a sample: valid, unique, novel, like its data.

Validity is the share of tries that are one connected molecule which RDKit accepts, uniqueness is among the valid,
novelty among the unique against what the model was trained on (Polykovskiy et al., Front. Pharmacol. 2020, 11, 565644).
Molecules are compared without stereochemistry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import QED, rdMolDescriptors

from planners.design.filters.accessibility import synthetic_accessibility
from planners.design.filters.stability import instability


class Samples(Protocol):
    """smiles: one for each try, in order; None where the try gave no molecule, without a second try."""

    @property
    def smiles(self) -> Sequence[str | None]: ...


@runtime_checkable
class PlacedSamples(Samples, Protocol):
    """geometries: one for each try, an XYZ text in Å with the hydrogens there are, heavy atoms in the SMILES' order;
    empty where there is none.
    """

    @property
    def geometries(self) -> Sequence[str]: ...


class SamplingRoom(Protocol):
    """The module `planners.design.<room>.sampling` of a model; the second function only of those that draw in space."""

    def sample(self, n: int, *, seed: int) -> Samples:
        """n independent tries of the shipped weights, without filters; the same n and seed give the same."""
        ...


class MovedRoom(Protocol):
    """A sampling room of a model in space."""

    def equivariance_error(self, *, seed: int) -> float:
        """Largest difference between moving (turned, shifted, atoms in another order) before and after one call of the
        network, divided by the largest value it gives."""
        ...


class TrainingRoom(Protocol):
    """The module `planners.design.training.<script>` that made the weights."""

    def training_smiles(self) -> Iterable[str]:
        """What the shipped weights were trained on, made again from the packages (or read from their cached form)."""
        ...


@dataclass(frozen=True)
class Quality:
    """Shares of all tries (valid), of the valid (unique), of the unique (novel, sound).

    sound: passes the stability rules of design, with a synthetic accessibility of at most 4.5.
    distance: mean over logP, QED, SA score, molar mass and rings of the Wasserstein distance between the sample and its
        training data, in standard deviations of the data.
    """

    tries: int
    valid: float
    unique: float
    novel: float
    sound: float
    distance: float


def quality(samples: Sequence[str | None], training: Iterable[str], *, reference: int = 5000) -> Quality:
    """training: canonical or not; compared in canonical form.  reference: how many the distance looks at."""
    known = sorted(training)
    keys = {key for key in map(canonical, known) if key is not None}
    valid = [text for text in map(canonical, samples) if text is not None]
    unique = list(dict.fromkeys(valid))
    novel = sum(text not in keys for text in unique)
    step = max(1, len(known) // reference)
    return Quality(
        tries=len(samples),
        valid=share(len(valid), len(samples)),
        unique=share(len(unique), len(valid)),
        novel=share(novel, len(unique)),
        sound=share(sum(map(sound, unique)), len(unique)),
        distance=distance(unique[:reference], known[::step]),
    )


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def canonical(smiles: str | None) -> str | None:
    """Without stereochemistry; None when it is no single molecule that RDKit accepts, or holds radicals."""
    if not smiles or "." in smiles:
        return None
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0 or any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
        return None
    Chem.RemoveStereochemistry(mol)
    return str(Chem.MolToSmiles(mol))


def sound(smiles: str) -> bool:
    mol = Chem.MolFromSmiles(smiles)
    return instability(mol) is None and synthetic_accessibility(mol) <= 4.5


def descriptors(smiles: str) -> tuple[float, ...]:
    mol = Chem.MolFromSmiles(smiles)
    return (
        float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0]),
        float(QED.qed(mol)),
        synthetic_accessibility(mol),
        float(rdMolDescriptors._CalcMolWt(mol)),
        float(mol.GetRingInfo().NumRings()),
    )


def distance(sample: Sequence[str], data: Sequence[str]) -> float:
    """Between the two in one dimension after the other: the mean difference of their quantiles."""
    if not sample or not data:
        return float("inf")
    ours, theirs = (np.array([descriptors(text) for text in texts]) for texts in (sample, data))
    at = np.linspace(0.005, 0.995, 199)
    gaps = np.abs(np.quantile(ours, at, axis=0) - np.quantile(theirs, at, axis=0)).mean(0)
    return float((gaps / theirs.std(0).clip(1e-9)).mean())
