"""A local template: the bare change between product and reactants, as data that can be applied to a graph.

The idea follows LocalRetro (S. Chen, Y. Jung, JACS Au 2021, 1, 1612): a template names only the atoms that change and
the groups that they gain, so a few hundred of them describe most of the reactions that chemists publish.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product

from rdkit import Chem

AROMATIC = 4  # order code; 0 is "no bond", 1 to 3 are what they say
ORDER = {
    Chem.BondType.SINGLE: 1,
    Chem.BondType.DOUBLE: 2,
    Chem.BondType.TRIPLE: 3,
    Chem.BondType.AROMATIC: AROMATIC,
    Chem.BondType.DATIVE: 5,
}
BOND = {code: bond for bond, code in ORDER.items()}
MAX_ORDERINGS = 5000
_LABEL = re.compile(r"\[(\d+)\*")


class TooSymmetric(ValueError):
    """A change with more equivalent atom orders than are worth comparing."""


@dataclass(frozen=True, slots=True)
class AtomEdit:
    """One atom of the centre: its element and what it gains from product to reactants."""

    element: str
    hydrogens: int
    charge: int


@dataclass(frozen=True, slots=True)
class BondEdit:
    """A bond between centre atoms `a` < `b`: order codes in the product and in the reactants, equal when it stays."""

    a: int
    b: int
    old: int
    new: int


@dataclass(frozen=True)
class LocalTemplate:
    """`groups`: SMILES of what the reactants have and the product lacks, "[3*]" being the bond to centre atom 2.

    `stereo`: "" when every stereo mark that still has a meaning is kept, else marks such as "0i" (centre atom 0 is
    inverted), "0l" (its mark is lost), "0-1E" and "0-1Z" (what the new double bond between 0 and 1 is).
    """

    atoms: tuple[AtomEdit, ...]
    bonds: tuple[BondEdit, ...]
    groups: tuple[str, ...]
    stereo: tuple[str, ...] = ()

    def dump(self) -> list[object]:
        """JSON-ready and compact."""
        return [
            [[a.element, a.hydrogens, a.charge] for a in self.atoms],
            [[b.a, b.b, b.old, b.new] for b in self.bonds],
            list(self.groups),
            list(self.stereo),
        ]

    @classmethod
    def load(cls, data: Sequence[Sequence[object]]) -> LocalTemplate:
        """The inverse of `dump`."""
        atoms, bonds, groups, stereo = data
        return cls(
            tuple(AtomEdit(*a) for a in atoms),  # type: ignore[misc]
            tuple(BondEdit(*b) for b in bonds),  # type: ignore[misc]
            tuple(str(g) for g in groups),
            tuple(str(s) for s in stereo),
        )

    @cached_property
    def id(self) -> str:
        """Ten hexadecimal digits, the same in every run."""
        text = json.dumps(self.dump(), separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @cached_property
    def anchor(self) -> tuple[int, ...]:
        """The centre atoms that the model points at: the ends of one bond of the product, or a lone atom.

        The first bond that is cut, else that changes its order, else that stays; so position 0 and 1 are no convention.
        """
        present = [b for b in self.bonds if b.old]
        if not present:
            return (0,)
        best = min(present, key=lambda b: (b.new != 0, b.new == b.old, b.a, b.b))
        return best.a, best.b

    @cached_property
    def neighbours(self) -> tuple[dict[int, int], ...]:
        """Per centre atom: the other centre atoms that the product must have (order) or lack (0) beside it."""
        found: tuple[dict[int, int], ...] = tuple({} for _ in self.atoms)
        for bond in self.bonds:
            found[bond.a][bond.b] = bond.old
            found[bond.b][bond.a] = bond.old
        return found

    def with_stereo(self, marks: Iterable[str]) -> LocalTemplate:
        return LocalTemplate(self.atoms, self.bonds, self.groups, tuple(marks))


def relabel(group: str, place: Sequence[int]) -> str:
    """The same group with attachment i renamed to place[i], canonical again."""
    mol = Chem.MolFromSmiles(_LABEL.sub(lambda m: f"[{place[int(m[1]) - 1] + 1}*", group), sanitize=False)
    return str(Chem.MolToSmiles(mol))


def canonical_order(
    atoms: Sequence[AtomEdit], bonds: Sequence[BondEdit], groups: Sequence[str]
) -> tuple[LocalTemplate, list[tuple[int, ...]]]:
    """The template in its canonical atom order, and every order (new position -> old index) that gives it.

    Raises TooSymmetric.
    """
    orders = list(_orders(atoms, bonds, groups))
    best: LocalTemplate | None = None
    best_key = ""
    same: list[tuple[int, ...]] = []
    for order in orders:
        place = [0] * len(order)
        for new, old in enumerate(order):
            place[old] = new
        moved = sorted((min(place[b.a], place[b.b]), max(place[b.a], place[b.b]), b.old, b.new) for b in bonds)
        candidate = LocalTemplate(
            tuple(atoms[old] for old in order),
            tuple(BondEdit(*m) for m in moved),
            tuple(sorted(relabel(g, place) for g in groups)),
        )
        key = json.dumps(candidate.dump())
        if best is None or key < best_key:
            best, best_key, same = candidate, key, [order]
        elif key == best_key:
            same.append(order)
    assert best is not None
    return best, same


def _orders(atoms: Sequence[AtomEdit], bonds: Sequence[BondEdit], groups: Sequence[str]) -> Iterable[tuple[int, ...]]:
    """Atom orders that agree with a Weisfeiler-Lehman ranking of the change, ties in every order."""
    labels = [
        json.dumps(
            [
                a.element,
                a.hydrogens,
                a.charge,
                sorted(
                    relabel(g, [0 if j == i else 1 for j in range(len(atoms))]) for g in groups if f"[{i + 1}*" in g
                ),
            ]
        )
        for i, a in enumerate(atoms)
    ]
    ranks = _ranks(labels)
    for _ in range(len(atoms)):
        labels = []
        for i, rank in enumerate(ranks):
            around = sorted((b.old, b.new, ranks[b.b if b.a == i else b.a]) for b in bonds if i in (b.a, b.b))
            labels.append(json.dumps([f"{rank:04d}", around]))
        refined = _ranks(labels)
        if refined == ranks:
            break
        ranks = refined
    classes: dict[int, list[int]] = {}
    for i, rank in enumerate(ranks):
        classes.setdefault(rank, []).append(i)
    count = 1
    for members in classes.values():
        for n in range(2, len(members) + 1):
            count *= n
    if count > MAX_ORDERINGS:
        raise TooSymmetric(f"{count} equivalent orders of {len(atoms)} atoms")
    for parts in product(*(permutations(classes[rank]) for rank in sorted(classes))):
        yield tuple(i for part in parts for i in part)


def _ranks(labels: Sequence[str]) -> list[int]:
    place = {label: i for i, label in enumerate(sorted(set(labels)))}
    return [place[label] for label in labels]
