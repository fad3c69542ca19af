"""What a template is, whatever the order its SMARTS was written in: an identity, and features for a network.

Both come from refining labels on the graph of the template's two sides, joined through their map numbers
(B. Weisfeiler and A. A. Lehman, 1968).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from rdkit import Chem

ROUNDS = 8
_MAP = re.compile(r":\d+\]")
_STEREO = re.compile(r"[@/\\]")

_Node = tuple[str, int]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def labels(template: str, rounds: int) -> list[list[str]]:
    """Sorted node labels of each round, round 0 first. Raises ValueError when the SMARTS cannot be read."""
    label: dict[_Node, str] = {}
    edges: dict[_Node, list[tuple[str, _Node]]] = {}
    for side, text in zip("pr", template.split(">>"), strict=True):
        mol = Chem.MolFromSmarts(text[1:-1] if text.startswith("(") else text)
        if mol is None:
            raise ValueError(f"'{text}' is not a SMARTS")
        for atom in mol.GetAtoms():
            node = (side, atom.GetIdx())
            label[node] = side + _MAP.sub("]", atom.GetSmarts())
            edges[node] = []
            if number := atom.GetAtomMapNum():
                link = ("map", number)
                label.setdefault(link, "map")
                edges.setdefault(link, []).append((side, node))
                edges[node].append(("map", link))
        for bond in mol.GetBonds():
            ends = (side, bond.GetBeginAtomIdx()), (side, bond.GetEndAtomIdx())
            for here, there in (ends, ends[::-1]):
                edges[here].append((str(Chem.Bond.GetSmarts(bond)), there))
    found = [sorted(label.values())]
    for _ in range(rounds):
        label = {
            node: _digest("|".join([text, *sorted(f"{kind}{label[other]}" for kind, other in edges[node])]))
            for node, text in label.items()
        }
        found.append(sorted(label.values()))
    return found


def signature(template: str) -> str:
    """Equal for templates that differ in the order of atoms or map numbers only; 16 hexadecimal digits.

    Templates with stereo count as written: a parity depends on the order of neighbours. Raises ValueError.
    """
    if _STEREO.search(template):
        return _digest(template)
    return _digest("|".join(labels(template, ROUNDS)[-1]))


def features(template: str, bins: int) -> Counter[int]:
    """Hashed counts of atoms and their surroundings to two bonds, for a network. Raises ValueError."""
    counts: Counter[int] = Counter()
    for depth, texts in enumerate(labels(template, 3)):
        for text in texts:
            counts[int(_digest(f"{depth}{text}"), 16) % bins] += 1
    return counts
