"""Published reactions by what they change and what they make; no structure is kept, only hashes and patent numbers."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from safetensors.numpy import load_file

from knowledge.records.route import Precedent
from planners.routes.precedents.changes import Signature
from planners.routes.single_step import weights
from planners.routes.structure import parse

NAME = "precedents.safetensors"
IDS = "precedents.ids.json.gz"
BITS = 512
Level = Literal[0, 1]


@cache
def _generator() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)


def fingerprint(mol: Chem.Mol) -> NDArray[np.uint64]:
    """ECFP4 folded to 512 bits, as 8 words."""
    bits = _generator().GetFingerprint(mol)
    return np.frombuffer(DataStructs.BitVectToBinaryText(bits), dtype=np.uint64)


class PrecedentIndex:
    """Rows sorted by `radius1`; shapes (n,), (n,), (n, 8) and (n,). Ties go to the row that comes first.

    `ids`: one text per row; `sources` names the collections that `origin` points into.
    """

    def __init__(
        self,
        radius1: NDArray[np.int64],
        radius0: NDArray[np.int64],
        prints: NDArray[np.uint64],
        origin: NDArray[np.uint8],
        ids: tuple[str, ...],
        sources: tuple[str, ...],
    ) -> None:
        if not len(radius1) == len(radius0) == len(prints) == len(origin) == len(ids):
            raise ValueError("signatures, fingerprints, origins and ids must have one row per reaction")
        self._sorted1 = radius1
        self._order0 = np.argsort(radius0, kind="stable")
        self._sorted0 = radius0[self._order0]
        self._words = np.ascontiguousarray(prints.T)  # word by word: a bucket's rows are then read in one sweep
        self._sizes = np.bitwise_count(self._words).sum(axis=0, dtype=np.int64)
        self._origin = origin
        self._ids = ids
        self.sources = sources

    def __len__(self) -> int:
        return len(self._ids)

    @staticmethod
    def load() -> PrecedentIndex:
        """The index that comes with the package, read once. Raises WeightsMissing."""
        return _load(str(weights.find(NAME)), str(weights.find(IDS)))

    def _span(self, signature: Signature, level: Level) -> tuple[int, int]:
        ordered = self._sorted1 if level else self._sorted0
        key = signature.radius1 if level else signature.radius0
        return int(np.searchsorted(ordered, key, "left")), int(np.searchsorted(ordered, key, "right"))

    def count(self, signature: Signature, level: Level = 1) -> int:
        """Published reactions that make the same change; `level` is the signature's radius."""
        start, end = self._span(signature, level)
        return end - start

    def _similarities(self, query: NDArray[np.uint64], rows: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        common = np.zeros(len(self._sizes[rows]), dtype=np.int64)
        for word, bits in zip(self._words, query, strict=True):
            common += np.bitwise_count(word[rows] & bits)
        union = self._sizes[rows] + int(np.bitwise_count(query).sum()) - common
        return common / np.maximum(union, 1)

    def nearest(self, product: str, signature: Signature, n: int, *, level: Level | None = None) -> list[Precedent]:
        """At most `n` published reactions of the same change, the most similar product (Tanimoto) first.

        Those that agree to radius 1 come before those that agree in the reacting bonds only; `level` asks for one kind.
        Raises InvalidMolecule.
        """
        query = fingerprint(parse(product))
        found: dict[int, float] = {}
        levels: tuple[Level, ...] = (1, 0) if level is None else (level,)
        for radius in levels:
            start, end = self._span(signature, radius)
            if len(found) >= n or start == end:
                continue
            rows = self._order0[start:end] if radius == 0 else np.arange(start, end)
            similarity = self._similarities(query, rows if radius == 0 else slice(start, end))
            wanted = min(n + len(found), len(similarity))
            close = np.flatnonzero(similarity >= np.partition(similarity, -wanted)[-wanted])
            for at in close[np.lexsort((rows[close], -similarity[close]))]:
                if len(found) < n:
                    found.setdefault(int(rows[at]), float(similarity[at]))
        return [
            Precedent(id=self._ids[row], source=self.sources[int(self._origin[row])], similarity=round(value, 4))
            for row, value in found.items()
        ]


@cache
def _load(path: str, ids: str) -> PrecedentIndex:
    tensors = load_file(path)
    with gzip.open(ids, "rt", encoding="utf-8") as text:
        names = json.load(text)
    known = tensors["signatures"]
    return PrecedentIndex(
        radius1=known[tensors["radius1"]],
        radius0=known[tensors["radius0"]],
        prints=np.ascontiguousarray(tensors["products"]).view(np.uint64),
        origin=tensors["origin"],
        ids=tuple(names["ids"].split(" ")),
        sources=tuple(names["sources"]),
    )
