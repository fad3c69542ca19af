"""From a group vector to all its molecules, and back: what is not cut into the same groups again is not handed on.

Molecules are grown as trees whose nodes are groups and rings: always the first open port is filled, by each kind of
node that may be bonded there and is left. Ports that symmetry exchanges are filled in ascending order; what is still
met twice is recognised by its canonical SMILES.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from rdkit import Chem, rdBase

from planners.design.camd.component import Vector
from planners.design.camd.groups import CARBON, GROUPS, HETERO, allowed, fragment
from planners.design.camd.rings import Counts, Ring, arrangements
from planners.design.camd.structure import LARGEST_RING

MOST_MOLECULES = 300
MOST_STEPS = 20_000


@dataclass(frozen=True)
class Decoded:
    """smiles: canonical, sorted; every one is cut into the vector's groups.  complete: there are no others.

    unfaithful: molecules of these groups that are cut into different ones.
    """

    smiles: tuple[str, ...]
    complete: bool
    unfaithful: int


def decode(
    vector: Vector,
    *,
    largest_ring: int = LARGEST_RING,
    most_molecules: int = MOST_MOLECULES,
    most_steps: int = MOST_STEPS,
) -> Decoded:
    """All molecules of a group vector, or the first `most_molecules` found within `most_steps` attachments."""
    seen: set[str] = set()
    faithful: list[str] = []
    budget = _Budget(most_steps)
    for rings in _all_rings(vector, largest_ring):
        for tree in _Growth(vector, rings, budget).trees():
            mol = tree.molecule()
            if mol is None:
                continue
            smiles = Chem.MolToSmiles(mol)
            if smiles in seen:
                continue
            seen.add(smiles)
            if _vector_of(smiles) == vector:
                faithful.append(smiles)
            if len(seen) >= most_molecules:
                return Decoded(tuple(sorted(faithful)), False, len(seen) - len(faithful))
    return Decoded(tuple(sorted(faithful)), not budget.spent, len(seen) - len(faithful))


def _vector_of(smiles: str) -> Vector | None:
    found = fragment(Chem.MolFromSmiles(smiles))
    return tuple(found.counts.get(i, 0) for i in range(len(GROUPS))) if found.complete else None


def _all_rings(vector: Vector, largest: int) -> Iterator[tuple[Ring, ...]]:
    kinds: dict[str, Counts] = {
        kind: tuple((i, n) for i, n in enumerate(vector) if n and GROUPS[i].ring == kind)
        for kind in ("aromatic", "ring")
    }
    closed = round(sum(n * (len(g.ports) / 2.0 - (not g.ends)) for g, n in zip(GROUPS, vector, strict=True)) + 1.0)
    aromatic = sum(n for _, n in kinds["aromatic"]) // 6
    for some, others in product(
        arrangements(kinds["aromatic"], aromatic, largest),
        list(arrangements(kinds["ring"], closed - aromatic, largest)) if closed >= aromatic else [],
    ):
        yield (*some, *others)


class _Budget:
    def __init__(self, steps: int) -> None:
        self._left = steps

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def step(self) -> bool:
        self._left -= 1
        return self._left > 0


@dataclass(frozen=True)
class _Kind:
    """One kind of node: a chain group or a ring.  ports: their classes.  alike: the same number for exchangeable ones.

    entries: ports by which it may be attached, one of each exchangeable set.
    """

    group: int = -1
    ring: Ring | None = None

    @cached_property
    def ports(self) -> tuple[str, ...]:
        if self.ring is None:
            return GROUPS[self.group].ports
        return tuple(GROUPS[self.ring.places[k][0]].ports[j] for k, j in self.ring.ports)

    @cached_property
    def alike(self) -> tuple[int, ...]:
        if self.ring is None:
            return GROUPS[self.group].alike
        return tuple(range(len(self.ports)))

    @cached_property
    def entries(self) -> tuple[int, ...]:
        if self.ring is not None:
            return self.ring.entries
        keys = list(zip(self.ports, self.alike, strict=True))
        return tuple(j for j, key in enumerate(keys) if key not in keys[:j])

    @cached_property
    def balance(self) -> int:
        """Ports of carbon less ports of heteroatoms."""
        return sum((c in CARBON) - (c in HETERO) for c in self.ports)


@dataclass(frozen=True)
class _Tree:
    """nodes: kinds.  edges: (node, port, node, port)."""

    nodes: tuple[_Kind, ...]
    edges: tuple[tuple[int, int, int, int], ...]

    def molecule(self) -> Chem.Mol | None:
        """Sanitised; None for what RDKit refuses."""
        mol = Chem.RWMol()
        anchors = [_add_ring(mol, k.ring) if k.ring else _add_group(mol, k.group)[1] for k in self.nodes]
        for a, p, b, q in self.edges:
            double = self.nodes[a].ports[p] == "double"
            mol.AddBond(anchors[a][p], anchors[b][q], Chem.BondType.DOUBLE if double else Chem.BondType.SINGLE)
        with rdBase.BlockLogs():
            failed = Chem.SanitizeMol(mol, catchErrors=True)
        return None if failed != Chem.SanitizeFlags.SANITIZE_NONE else mol.GetMol()


class _Growth:
    """All trees of some nodes. A depth-first walk over (open ports, nodes left)."""

    def __init__(self, vector: Vector, rings: Sequence[Ring], budget: _Budget) -> None:
        self._left: dict[_Kind, int] = {}
        for ring in rings:
            kind = next((k for k in self._left if k.ring == ring), _Kind(ring=ring))
            self._left[kind] = self._left.get(kind, 0) + 1
        for i, n in enumerate(vector):
            if n and not GROUPS[i].ends:
                self._left[_Kind(group=i)] = n
        self._order = {kind: rank for rank, kind in enumerate(self._left)}
        self._budget = budget
        self._nodes: list[_Kind] = []
        self._edges: list[tuple[int, int, int, int]] = []

    def trees(self) -> Iterator[_Tree]:
        if not self._left:
            return
        # From the rarest kind: the fewer of it there are, the fewer trees are met from several of its places.
        root = min(self._left, key=lambda k: (self._left[k], -len(k.ports), self._order[k]))
        self._take(root)
        yield from self._grown([(0, p) for p in range(len(root.ports))], {})

    def _grown(self, open_ports: list[tuple[int, int]], last: dict[tuple[int, str, int], int]) -> Iterator[_Tree]:
        """`last`: rank of the kind that was bonded last to a set of exchangeable ports of a node."""
        if not self._budget.step():
            return
        remaining = sum(self._left.values())
        if not open_ports:
            if not remaining:
                yield _Tree(tuple(self._nodes), tuple(self._edges))
            return
        if len(open_ports) > remaining or self._short_of_carbon(open_ports):
            return
        node, port = open_ports[0]
        here = self._nodes[node]
        place = (node, here.ports[port], here.alike[port])
        for kind in [k for k, n in self._left.items() if n and self._order[k] >= last.get(place, 0)]:
            for entry in kind.entries:
                if not allowed(here.ports[port], kind.ports[entry]):
                    continue
                new = self._take(kind)
                self._edges.append((node, port, new, entry))
                more = [(new, p) for p in range(len(kind.ports)) if p != entry]
                yield from self._grown([*more, *open_ports[1:]], {**last, place: self._order[kind]})
                self._edges.pop()
                self._nodes.pop()
                self._left[kind] += 1

    def _take(self, kind: _Kind) -> int:
        self._left[kind] -= 1
        self._nodes.append(kind)
        return len(self._nodes) - 1

    def _short_of_carbon(self, open_ports: Sequence[tuple[int, int]]) -> bool:
        classes = [self._nodes[node].ports[port] for node, port in open_ports]
        balance = sum((c in CARBON) - (c in HETERO) for c in classes)
        return balance + sum(n * kind.balance for kind, n in self._left.items()) < 0


def _add_group(mol: Chem.RWMol, number: int) -> tuple[list[int], list[int]]:
    """Atoms of the ends' and of the ports' anchors in the growing molecule."""
    group = GROUPS[number]
    at: dict[int, int] = {}
    for atom in group.molecule.GetAtoms():
        if atom.GetAtomicNum():
            at[atom.GetIdx()] = mol.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    for bond in group.molecule.GetBonds():
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if a in at and b in at:
            mol.AddBond(at[a], at[b], bond.GetBondType())
    anchors = [at[a] for a in group.anchors]
    return anchors[: len(group.ends)], anchors[len(group.ends) :]


def _add_ring(mol: Chem.RWMol, ring: Ring) -> list[int]:
    """Atoms of the ring's ports."""
    ends, ports = [], []
    for number, flipped in ring.places:
        both, outside = _add_group(mol, number)
        ends.append(both[::-1] if flipped else both)
        ports.append(outside)
    kind = Chem.BondType.AROMATIC if ring.aromatic else Chem.BondType.SINGLE
    for k, (_, last) in enumerate(ends):
        mol.AddBond(last, ends[(k + 1) % len(ends)][0], kind)
    if ring.aromatic:
        for first, _ in ends:
            mol.GetAtomWithIdx(first).SetIsAromatic(True)
    return [ports[k][j] for k, j in ring.ports]
