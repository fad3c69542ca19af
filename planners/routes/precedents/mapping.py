"""Which reactant atom becomes which product atom, for a reaction that nobody mapped.

A reaction leaves most of a molecule alone. So atoms whose surroundings are alike to the largest radius are paired
first, pairs grow along bonds that both sides share, and what is left around the reacting bonds is settled by the
principle of least chemical change: fewest bonds made, broken or altered (C. Jochum, J. Gasteiger, I. Ugi, Angew. Chem.
Int. Ed. 1980, 19, 495).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

from planners.routes.structure import parse

RADIUS = 7  # of the surroundings compared; beyond it growth along bonds decides
ROUNDS = 4  # of improvements around the reacting bonds
# What breaking a C-O single bond costs, other things equal: the acyl one goes (Fischer esterification) before the alkyl
# one (1), and that before the aryl one (Mitsunobu with a phenol). Multiple bonds cost more.
ACYL_BREAK, ARYL_BREAK = 0.9, 1.1
SPECTATOR = 0.4  # a reactant that gives no atom: another way at equal cost, where each gives one, is the likelier
NOWHERE = 10.0  # an atom that no reactant gives
MANY = 3.0  # cost above which other orders of growth are tried
SWAPS = 24  # atoms around the reacting bonds that may exchange partners; more is a reaction no swap explains


@dataclass(frozen=True, slots=True)
class Graph:
    """A molecule as plain lists. `bonds[i][j]`: bond order between atoms i and j (aromatic 1.5)."""

    mol: Chem.Mol
    numbers: tuple[int, ...]
    charges: tuple[int, ...]
    aromatic: tuple[bool, ...]
    bonds: tuple[dict[int, float], ...]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Mapping:
    """`partner[i]`: the reactants' atom that becomes product atom i, or -1 when a reagent must bring it.

    `reactants`: all of them as one graph, in the order given.
    """

    product: Graph
    reactants: Graph
    partner: tuple[int, ...]

    def backwards(self) -> dict[int, int]:
        return {r: p for p, r in enumerate(self.partner) if r >= 0}


@lru_cache(maxsize=16384)
def graph(smiles: str) -> Graph:
    """Of a SMILES, also one of several molecules joined by dots. Raises InvalidMolecule."""
    return _graph(parse(smiles))


def _graph(mol: Chem.Mol) -> Graph:
    bonds: list[dict[int, float]] = [{} for _ in range(mol.GetNumAtoms())]
    for bond in mol.GetBonds():
        i, j, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble()
        bonds[i][j] = order
        bonds[j][i] = order
    atoms = list(mol.GetAtoms())
    return Graph(
        mol,
        tuple(a.GetAtomicNum() for a in atoms),
        tuple(a.GetFormalCharge() for a in atoms),
        tuple(a.GetIsAromatic() for a in atoms),
        tuple(bonds),
    )


Levels = tuple[list[list[int]], list[list[int]]]


def _levels(product: Graph, reactants: Graph) -> Levels:
    """Labels of each atom's surroundings by radius, the same for both sides, until they have none in common."""
    seen: dict[tuple[object, ...], int] = {}

    def label(key: tuple[object, ...]) -> int:
        return seen.setdefault(key, len(seen))

    left = [[label((z,)) for z in product.numbers]]
    right = [[label((z,)) for z in reactants.numbers]]
    for _ in range(RADIUS):
        after = []
        for graph_, levels in ((product, left), (reactants, right)):
            last = levels[-1]
            after.append(
                [
                    label((last[i], *sorted((order, last[j]) for j, order in graph_.bonds[i].items())))
                    for i in range(len(graph_))
                ]
            )
        if set(after[0]).isdisjoint(after[1]):
            break
        left.append(after[0])
        right.append(after[1])
    return left, right


class _Assignment:
    def __init__(self, product: Graph, reactants: Graph, levels: Levels, order: int = 1) -> None:
        """`order` -1 breaks ties the other way round: the last atom first."""
        self.product, self.reactants, self._order = product, reactants, order
        self.left, self.right = levels
        self._parts = Chem.GetMolFrags(reactants.mol)
        self.partner = [-1] * len(product)
        self.used = [-1] * len(reactants)
        self._heap: list[tuple[int, int, int, int]] = []

    def likeness(self, p: int, r: int) -> int:
        """The largest radius to which the surroundings are alike; -1 for different elements."""
        for radius in range(len(self.left) - 1, -1, -1):
            if self.left[radius][p] == self.right[radius][r]:
                return radius
        return -1

    def pair(self, p: int, r: int) -> None:
        self.partner[p] = r
        self.used[r] = p
        for q, order in self.product.bonds[p].items():
            if self.partner[q] >= 0:
                continue
            for s, before in self.reactants.bonds[r].items():
                if self.used[s] < 0 and self.product.numbers[q] == self.reactants.numbers[s]:
                    same = 0 if order == before else 1
                    heapq.heappush(self._heap, (-self.likeness(q, s) + 2 * same, same, self._order * q, s))

    def grow(self, least: int) -> None:
        """Pairs along bonds while the best of them is alike to radius `least`."""
        while self._heap and -self._heap[0][0] >= least:
            _, _, p, r = heapq.heappop(self._heap)
            p *= self._order
            if self.partner[p] < 0 and self.used[r] < 0:
                self.pair(p, r)

    def run(self) -> None:
        for radius in range(len(self.left) - 1, -1, -1):
            self.grow(radius)
            if radius == 0:
                self.grow(-3)
            homes = defaultdict(list)
            for r, label in enumerate(self.right[radius]):
                if self.used[r] < 0:
                    homes[label].append(r)
            for p in range(len(self.partner))[:: self._order]:
                label = self.left[radius][p]
                if self.partner[p] >= 0 or label not in homes:
                    continue
                free = [r for r in homes[label] if self.used[r] < 0]
                if free:
                    self.pair(p, free[0])
                    self.grow(radius if radius else -3)

    def cost(self) -> float:
        """Bonds made, broken or altered; an atom from nowhere costs more than any of them."""
        total = SPECTATOR * sum(all(self.used[r] < 0 for r in part) for part in self._parts)
        made, kept = self.product.bonds, self.reactants.bonds
        for p, r in enumerate(self.partner):
            if r < 0:
                total += NOWHERE
                continue
            before = kept[r]
            for q, order in made[p].items():
                s = self.partner[q]
                if s >= 0 and before.get(s) != order:
                    total += 0.35 if s in before else 0.5
            for s, order in before.items():
                q = self.used[s]
                if q < 0 or q not in made[p]:
                    total += self._breaking(r, s, order) * (0.5 if q >= 0 else 1.0)
        return total

    def _breaking(self, r: int, s: int, order: float) -> float:
        numbers = self.reactants.numbers
        if order != 1.0:
            return 1.0 + 0.25 * order
        carbon, other = (r, s) if numbers[r] == 6 else (s, r)
        if numbers[carbon] != 6 or numbers[other] != 8:
            return 1.0
        if self.reactants.aromatic[carbon]:
            return ARYL_BREAK
        acyl = any(o == 2.0 and numbers[t] in (8, 16) for t, o in self.reactants.bonds[carbon].items())
        return ACYL_BREAK if acyl else 1.0

    def _centre(self) -> list[int]:
        """Product atoms at bonds that change."""
        found = []
        for p, r in enumerate(self.partner):
            if r < 0:
                found.append(p)
                continue
            here = {self.partner[q]: order for q, order in self.product.bonds[p].items()}
            if here != self.reactants.bonds[r]:
                found.append(p)
        return found

    def _put(self, p: int, r: int) -> None:
        self.partner[p] = r
        if r >= 0:
            self.used[r] = p

    def improve(self) -> float:
        """The cost reached."""
        best = self.cost()
        for _ in range(ROUNDS):
            centre = self._centre()
            if len(centre) > SWAPS:
                break
            before = best
            for p in centre:
                best = self._move(p, centre, best)
            if best >= before:
                break
        return best

    def _move(self, p: int, centre: list[int], best: float) -> float:
        element = self.product.numbers[p]
        for r, q in enumerate(self.used):
            own = self.partner[p]
            if r == own or self.reactants.numbers[r] != element or (q >= 0 and q not in centre):
                continue
            if own >= 0:
                self.used[own] = -1
            self._put(p, r)
            if q >= 0:
                self._put(q, own)
            cost = self.cost()
            if cost < best - 1e-9:
                best = cost
                continue
            self.used[r] = -1
            if own >= 0:
                self.used[own] = -1
            self._put(p, own)
            if q >= 0:
                self._put(q, r)
        return best


def assign(product: str, reactants: str) -> Mapping:
    """Map a reaction given as SMILES (`reactants` joined by dots); stereochemistry is not looked at.

    Raises InvalidMolecule.
    """
    left, right = graph(product), graph(reactants)
    levels = _levels(left, right)
    short = (Counter(left.numbers) - Counter(right.numbers)).total()
    best: tuple[float, list[int]] | None = None
    # Where a molecule is nearly symmetric, growth may go round it the wrong way; another order seldom errs likewise.
    for depth, order in ((RADIUS, 1), (RADIUS, -1), (2, 1)):
        state = _Assignment(left, right, (levels[0][: depth + 1], levels[1][: depth + 1]), order)
        state.run()
        cost = state.improve()
        if best is None or cost < best[0] - 1e-9:
            best = (cost, state.partner)
        if best[0] <= MANY + NOWHERE * short:
            break
    return Mapping(left, right, tuple(best[1] if best else ()))


def given(product: str, reactants: str) -> Mapping:
    """The mapping that map numbers state. Raises InvalidMolecule."""
    left, right = _graph(parse(product)), _graph(parse(reactants))
    homes = {a.GetAtomMapNum(): a.GetIdx() for a in right.mol.GetAtoms() if a.GetAtomMapNum()}
    partner = tuple(homes.get(a.GetAtomMapNum(), -1) if a.GetAtomMapNum() else -1 for a in left.mol.GetAtoms())
    return Mapping(left, right, partner)
