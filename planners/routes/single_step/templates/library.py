"""The templates that ship: their SMARTS, how often and where each was seen, and which of them match a molecule."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs

from planners.routes.single_step import weights
from planners.routes.single_step.templates.compiled import CompiledTemplate, compiled, substrate

FILE = "template.json.gz"


def template_id(smarts: str) -> str:
    """Twelve hexadecimal digits of the SMARTS's SHA-256, behind a "t"."""
    return "t" + hashlib.sha256(smarts.encode()).hexdigest()[:12]


def _words(bits: DataStructs.ExplicitBitVect) -> NDArray[np.uint64]:
    return np.frombuffer(DataStructs.BitVectToBinaryText(bits), dtype=np.uint64)


class TemplateLibrary:
    """`templates` by falling frequency; row i of the policy's output belongs to templates[i]."""

    def __init__(self, templates: list[str], counts: list[int], examples: list[tuple[str, ...]]) -> None:
        if not len(templates) == len(counts) == len(examples):
            raise ValueError(f"{len(templates)} templates, {len(counts)} counts, {len(examples)} lists of examples")
        self.templates = templates
        self.counts = counts
        self.examples = examples
        self.ids = [template_id(t) for t in templates]
        self.index = {name: i for i, name in enumerate(self.ids)}

    def __len__(self) -> int:
        return len(self.templates)

    @cached_property
    def _sides(self) -> tuple[list[CompiledTemplate], list[NDArray[np.int64]]]:
        """One template of each product side, and the indices of all that share it."""
        members: dict[str, list[int]] = {}
        for i, smarts in enumerate(self.templates):
            members.setdefault(smarts.partition(">>")[0], []).append(i)
        groups = list(members.values())
        return [compiled(self.templates[group[0]]) for group in groups], [np.array(group) for group in groups]

    @cached_property
    def _screen(self) -> NDArray[np.uint64]:
        """(words, product sides): what a molecule's pattern fingerprint must contain."""
        return np.ascontiguousarray(np.stack([_words(unit.fingerprint) for unit in self._sides[0]]).T)

    def matching(self, smiles: str) -> NDArray[np.int64]:
        """Sorted indices of the templates whose product side is in the molecule. Raises InvalidMolecule."""
        target = substrate(smiles)
        units, members = self._sides
        missing = ~_words(target.fingerprint)
        alive = np.arange(len(units))
        for word, absent in zip(self._screen, missing, strict=True):
            # Word by word: most sides fall at the first few, and the rest is not looked at.
            alive = alive[(word[alive] & absent) == 0]
        has: Chem.Mol = target.mol
        found = [members[i] for i in alive.tolist() if has.HasSubstructMatch(units[i].pattern)]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


@cache
def _read(path: str) -> TemplateLibrary:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        content = json.load(file)
    return TemplateLibrary(content["templates"], content["counts"], [tuple(e) for e in content["examples"]])


def load() -> TemplateLibrary:
    """The shipped library, shared. Raises WeightsMissing."""
    return _read(str(weights.find(FILE)))
