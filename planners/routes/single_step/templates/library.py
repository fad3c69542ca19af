"""The templates that ship: their SMARTS, how often and where each was seen, and which of them match a molecule."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from planners.routes.single_step import weights
from planners.routes.single_step.templates.compiled import CompiledTemplate, compiled, substrate
from planners.routes.single_step.templates.screen import Screen

FILE = "template.json.gz"


def template_id(smarts: str) -> str:
    """Twelve hexadecimal digits of the SMARTS's SHA-256, behind a "t"."""
    return "t" + hashlib.sha256(smarts.encode()).hexdigest()[:12]


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
    def _screen(self) -> Screen:
        return Screen([unit.pattern for unit in self._sides[0]])

    def matching(self, smiles: str) -> NDArray[np.int64]:
        """Sorted indices of the templates whose product side is in the molecule. Raises InvalidMolecule."""
        mol = substrate(smiles).mol
        units, members = self._sides
        likely = self._screen.candidates(mol).tolist()
        found = [members[i] for i in likely if mol.HasSubstructMatch(units[i].pattern)]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


@cache
def _read(path: str) -> TemplateLibrary:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        content = json.load(file)
    return TemplateLibrary(content["templates"], content["counts"], [tuple(e) for e in content["examples"]])


def load() -> TemplateLibrary:
    """The shipped library, shared. Raises WeightsMissing."""
    return _read(str(weights.find(FILE)))
