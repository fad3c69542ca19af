"""Which atom of the reactants becomes which atom of the product, guessed without map numbers.

Atoms are paired by how far their surroundings agree, the most alike first, and pairs spread along bonds. It serves to
align texts, where a wrong pair far from the reaction costs probability and no correctness.
"""

from __future__ import annotations

import heapq

from rdkit import Chem

_RADII = 5  # levels beyond the element itself


class Surroundings:
    """A molecule's atoms with codes for what is around them, at growing distance; `names` numbers the codes."""

    def __init__(self, mol: Chem.Mol, names: dict[object, int]) -> None:
        n = mol.GetNumAtoms()
        bonds: list[list[tuple[int, int]]] = [[] for _ in range(n)]
        for bond in mol.GetBonds():
            kind, i, j = int(bond.GetBondType()), bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            bonds[i].append((kind, j))
            bonds[j].append((kind, i))
        self.near = [[j for _, j in around] for around in bonds]
        below = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
        self.levels = [below]
        for level in range(_RADII):
            below = [
                names.setdefault((level, below[i], *sorted((k, below[j]) for k, j in bonds[i])), len(names))
                for i in range(n)
            ]
            self.levels.append(below)


class _Matching:
    def __init__(self, product: Surroundings, reactants: Surroundings) -> None:
        self._left, self._right = product, reactants
        self.partner = [-1] * len(product.near)
        self.owner = [-1] * len(reactants.near)

    def _unlikeness(self, i: int, j: int) -> tuple[int, int] | None:
        """Small for atoms that agree far around, then for as many neighbours; None for different elements."""
        level = 0
        for left, right in zip(self._left.levels, self._right.levels, strict=True):
            if left[i] != right[j]:
                break
            level += 1
        return (-level, abs(len(self._left.near[i]) - len(self._right.near[j]))) if level else None

    def _spread(self, i: int, j: int) -> None:
        """Pairs i with j, then their neighbours, always the most alike first."""
        heap = [((0, 0), i, j)]
        while heap:
            _, i, j = heapq.heappop(heap)
            if self.partner[i] >= 0 or self.owner[j] >= 0:
                continue
            self.partner[i], self.owner[j] = j, i
            for a in self._left.near[i]:
                if self.partner[a] >= 0:
                    continue
                for b in self._right.near[j]:
                    if self.owner[b] < 0 and (unlikeness := self._unlikeness(a, b)):
                        heapq.heappush(heap, (unlikeness, a, b))

    def run(self) -> None:
        for left, right in zip(reversed(self._left.levels), reversed(self._right.levels), strict=True):
            free: dict[int, list[int]] = {}
            for j, code in enumerate(right):
                if self.owner[j] < 0:
                    free.setdefault(code, []).append(j)
            for i, code in enumerate(left):
                if self.partner[i] < 0 and code in free:
                    open_ones = [j for j in free[code] if self.owner[j] < 0]
                    if open_ones:
                        self._spread(i, min(open_ones, key=lambda j: (self._unlikeness(i, j) or (0, 0), j)))


def partners(product: Surroundings, reactants: Surroundings) -> list[int]:
    """For each reactant atom the product atom that it becomes, or -1. Both with codes from the same `names`."""
    matching = _Matching(product, reactants)
    matching.run()
    return matching.owner
