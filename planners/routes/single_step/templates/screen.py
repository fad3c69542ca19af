"""Which of many patterns may be in a molecule: bits that all molecules with a pattern have, compared words at a time.

Two kinds of bits. RDKit's pattern fingerprint knows elements and paths. To it we add counts of bonds: a pattern with
two bonds of a kind, "[C&H0&D3&+0]=[O&D1&H0]" say, can only be in a molecule with two such bonds or more. The kinds name
hydrogens, neighbours and charges, which the fingerprint does not know, so five times fewer patterns are left.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs

from planners.routes.single_step.templates.compiled import FINGERPRINT_BITS

# An element, aromatic or not, its hydrogens, neighbours and charge: what `_signature` tells apart. Bonds with an atom
# that asks for anything else are left out of the screen; the search itself decides about them.
_PLAIN = re.compile(r"\[(#\d+|[A-Za-z]{1,2})(&(a|A|H\d?|D\d|[+-]\d?))*\]")
_PLAIN_BONDS = ("-", "=", "#", ":", "/", "\\")

Kind = tuple[str, str, str]  # atom, bond, atom as SMARTS, the smaller atom first
Signature = tuple[int, bool, int, int, int]  # atomic number, aromatic, hydrogens, neighbours, charge


def _words(bits: DataStructs.ExplicitBitVect) -> NDArray[np.uint64]:
    return np.frombuffer(DataStructs.BitVectToBinaryText(bits), dtype=np.uint64)


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(n, bits) to (n, words)."""
    missing = -bits.shape[1] % 64
    padded = np.pad(bits, ((0, 0), (0, missing)))
    return np.packbits(padded, axis=1).view(np.uint64)


class Screen:
    """Over `patterns`, queries made from SMARTS, in their order."""

    def __init__(self, patterns: Sequence[Chem.Mol]) -> None:
        found = [_kinds(pattern) for pattern in patterns]
        most: Counter[Kind] = Counter()
        for kinds in found:
            most |= kinds
        places = {kind: i for i, kind in enumerate(sorted(most))}
        offsets = np.concatenate([[0], np.cumsum([most[kind] for kind in places])]).astype(np.int64)
        self._width = int(offsets[-1])
        self._first = offsets[:-1]
        self._most = np.array([most[kind] for kind in places], dtype=np.int64)
        needed = np.zeros((len(patterns), self._width), dtype=np.bool_)
        for row, kinds in zip(needed, found, strict=True):
            for kind, count in kinds.items():
                start = offsets[places[kind]]
                row[start : start + count] = True
        prints = np.stack([_words(Chem.PatternFingerprint(p, fpSize=FINGERPRINT_BITS)) for p in patterns])
        self._needs = np.ascontiguousarray(np.hstack([_packed(needed), prints]).T)
        self._atoms = {text: Chem.AtomFromSmarts(text) for kind in places for text in (kind[0], kind[2])}
        self._by_atoms: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for (a, bond, b), place in places.items():
            self._by_atoms.setdefault((a, b), []).append((bond, place))
        self._fits: dict[Signature, list[str]] = {}
        self._places: dict[tuple[Signature, Signature, str], list[int]] = {}

    def candidates(self, mol: Chem.Mol) -> NDArray[np.int64]:
        """Ascending indices of the patterns that no bit rules out."""
        missing = ~self._bits(mol)
        alive = np.arange(self._needs.shape[1])
        for word, absent in zip(self._needs, missing, strict=True):
            # Word by word: most patterns fall at the first few, and the rest is not looked at.
            alive = alive[(word[alive] & absent) == 0]
        return alive

    def _bits(self, mol: Chem.Mol) -> NDArray[np.uint64]:
        counts = np.zeros(len(self._most), dtype=np.int64)
        signatures = [_signature(atom) for atom in mol.GetAtoms()]
        for bond in mol.GetBonds():
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            key = signatures[i], signatures[j], _order(bond)
            if key not in self._places:
                self._places[key] = self._fitting(bond.GetBeginAtom(), bond.GetEndAtom(), key[2])
            counts[self._places[key]] += 1
        counts = np.minimum(counts, self._most)
        bits = np.zeros(self._width + 1, dtype=np.int64)
        # Bits first, first + 1 .. first + count - 1 of each kind.
        np.add.at(bits, self._first, 1)
        np.add.at(bits, self._first + counts, -1)
        has = np.cumsum(bits[:-1]) > 0
        return np.concatenate([_packed(has[None, :])[0], _words(Chem.PatternFingerprint(mol, fpSize=FINGERPRINT_BITS))])

    def _fitting(self, a: Chem.Atom, b: Chem.Atom, order: str) -> list[int]:
        """Kinds that a bond between these atoms is of, each once."""
        found: set[int] = set()
        for x, y in ((a, b), (b, a)):
            for first in self._texts(x):
                for second in self._texts(y):
                    for bond, place in self._by_atoms.get((first, second), ()):
                        if bond == order:
                            found.add(place)
        return sorted(found)

    def _texts(self, atom: Chem.Atom) -> list[str]:
        """The atom queries that an atom satisfies."""
        signature = _signature(atom)
        if signature not in self._fits:
            self._fits[signature] = [text for text, query in self._atoms.items() if query.Match(atom)]
        return self._fits[signature]


def _signature(atom: Chem.Atom) -> Signature:
    return (
        atom.GetAtomicNum(),
        atom.GetIsAromatic(),
        atom.GetTotalNumHs(),
        atom.GetDegree(),
        atom.GetFormalCharge(),
    )


def _order(bond: Chem.Bond) -> str:
    if bond.GetIsAromatic():
        return ":"
    return {1.0: "-", 2.0: "=", 3.0: "#"}.get(bond.GetBondTypeAsDouble(), "?")


def _kinds(pattern: Chem.Mol) -> Counter[Kind]:
    """How many bonds of each kind a pattern has."""
    texts = [re.sub(r":\d+", "", atom.GetSmarts()) for atom in pattern.GetAtoms()]
    kinds: Counter[Kind] = Counter()
    for bond in pattern.GetBonds():
        ends = sorted((texts[bond.GetBeginAtomIdx()], texts[bond.GetEndAtomIdx()]))
        text = bond.GetSmarts()  # type: ignore[call-arg]  # RDKit's stub asks for the bond a second time
        if text not in _PLAIN_BONDS or not all(map(_PLAIN.fullmatch, ends)):
            continue
        kinds[ends[0], "-" if text in "/\\" else text, ends[1]] += 1
    return kinds
