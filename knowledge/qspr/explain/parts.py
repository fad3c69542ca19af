"""A molecule cut into the parts that an explanation talks about, and the smaller molecules made of some of them.

Parts are what a chemist would exchange: a functional group, a single atom of a chain with its hydrogens, a ring system.
A ring is never opened. A heteroatom of a ring is a part of its own, and the ring without it has carbon in its place.
Whatever else is left out is replaced by hydrogen, so that every smaller molecule is a real one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rdkit import Chem, rdBase

from knowledge.features.featurizer import parse
from knowledge.qspr.explain.part_names import name_of

_HALOGENS = frozenset({9, 17, 35, 53})
_MOST_BONDS = 4  # of an atom that carbon can stand in for


@dataclass(frozen=True)
class Piece:
    """`atoms`: ascending indices in the order of the SMILES. `ring`: for a ring's heteroatom the place of its ring in
    the list of pieces; such a piece needs its ring and gives way to carbon. `kin`: equal for pieces that a symmetry of
    the molecule exchanges.
    """

    name: str
    atoms: tuple[int, ...]
    ring: int | None
    kin: tuple[int, ...]


class Parts:
    """Raises InvalidMolecule, and ValueError for several molecules in one SMILES."""

    def __init__(self, smiles: str) -> None:
        mol = parse(smiles)
        if len(Chem.GetMolFrags(mol)) > 1:
            raise ValueError(f"{smiles} is more than one molecule; only single ones are explained")
        self.smiles = smiles
        self._whole = Chem.RWMol(mol)
        Chem.RemoveStereochemistry(self._whole)
        Chem.Kekulize(self._whole, clearAromaticFlags=True)
        ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
        self.pieces = tuple(_pieces(mol, self._whole, ranks))
        self._home = {a: i for i, p in enumerate(self.pieces) for a in p.atoms}

    @cached_property
    def neighbours(self) -> tuple[int, ...]:
        """Of each piece, a mask of the pieces that it can be added to."""
        masks = [0] * len(self.pieces)
        for bond in self._whole.GetBonds():
            # To its surroundings a ring's heteroatom is its ring.
            a, b = (self._outside(index) for index in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            if a != b:
                masks[a] |= 1 << b
                masks[b] |= 1 << a
        for i, piece in enumerate(self.pieces):
            if piece.ring is not None:
                masks[i] = 1 << piece.ring
        return tuple(masks)

    def _outside(self, atom: int) -> int:
        home = self._home[atom]
        ring = self.pieces[home].ring
        return home if ring is None else ring

    def additions(self, chosen: int) -> list[int]:
        """Pieces that can be added to a connected set of them (a mask), ascending; to none, those that stand alone."""
        if not chosen:
            return [i for i, p in enumerate(self.pieces) if p.ring is None]
        return [i for i, mask in enumerate(self.neighbours) if not chosen >> i & 1 and mask & chosen]

    def molecule(self, chosen: int) -> str:
        """SMILES of the connected set `chosen` (a mask); all of them are the molecule itself, as it was given. Raises
        ValueError where that is no molecule.
        """
        if chosen == (1 << len(self.pieces)) - 1:
            return self.smiles
        built = Chem.RWMol(self._whole)
        gone: list[int] = []
        for i, piece in enumerate(self.pieces):
            if chosen >> i & 1:
                continue
            if piece.ring is not None and chosen >> piece.ring & 1:
                for index in piece.atoms:
                    _carbon(built.GetAtomWithIdx(index))
            else:
                gone += piece.atoms
        for index in gone:
            for bond in self._whole.GetAtomWithIdx(index).GetBonds():
                other = built.GetAtomWithIdx(bond.GetOtherAtomIdx(index))
                if other.GetNoImplicit():
                    other.SetNumExplicitHs(other.GetNumExplicitHs() + int(bond.GetBondTypeAsDouble()))
        for index in sorted(gone, reverse=True):
            built.RemoveAtom(index)
        with rdBase.BlockLogs():
            if Chem.SanitizeMol(built, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                raise ValueError(f"{self.smiles} cannot be taken apart: a part of it breaks the rules of valence")
            return str(Chem.MolToSmiles(built))


def _carbon(atom: Chem.Atom) -> None:
    atom.SetAtomicNum(6)
    atom.SetFormalCharge(0)
    atom.SetIsotope(0)
    atom.SetNoImplicit(False)
    atom.SetNumExplicitHs(0)
    atom.SetNumRadicalElectrons(0)


def _pieces(mol: Chem.Mol, kekule: Chem.Mol, ranks: list[int]) -> list[Piece]:
    rings = _ring_systems(mol)
    ring_of = {a: i for i, members in enumerate(rings) for a in members}
    replaceable = {a for a in ring_of if _replaceable(kekule.GetAtomWithIdx(a))}
    joined = _Joined(mol.GetNumAtoms())
    for members in rings:
        joined.join(members)
    for bond in kekule.GetBonds():
        a, b = bond.GetBeginAtom(), bond.GetEndAtom()
        ends = (a.GetIdx(), b.GetIdx())
        inside = [i in ring_of for i in ends]
        if not any(inside):
            if _one_group(bond):
                joined.join(ends)
        elif not all(inside):
            ring, chain = (a, b) if inside[0] else (b, a)
            # An oxide of a ring's nitrogen or sulfur goes with the ring.
            hetero = ring.GetAtomicNum() != 6 and ring.GetIdx() not in replaceable
            if hetero and (bond.GetBondTypeAsDouble() > 1.0 or chain.GetFormalCharge() < 0) and chain.GetDegree() == 1:
                joined.join(ends)
    pieces: list[tuple[tuple[int, ...], tuple[int, ...]]] = []  # atoms, and the ring's heteroatoms among them
    for members in joined.groups():
        swapped = tuple(a for a in members if a in replaceable)
        pieces.append((members, swapped))
    found: list[Piece] = []
    for members, swapped in pieces:
        own = tuple(a for a in members if a not in swapped)
        if not own:  # a ring of heteroatoms alone, such as S8
            own, swapped = members, ()
        place = len(found)
        found.append(Piece(name_of(mol, members, swapped), own, None, tuple(sorted(ranks[a] for a in own))))
        found += [Piece(f"{mol.GetAtomWithIdx(a).GetSymbol()} in ring", (a,), place, (ranks[a],)) for a in swapped]
    return found


def _ring_systems(mol: Chem.Mol) -> list[tuple[int, ...]]:
    joined = _Joined(mol.GetNumAtoms())
    for ring in mol.GetRingInfo().AtomRings():
        joined.join(ring)
    in_ring = {a for ring in mol.GetRingInfo().AtomRings() for a in ring}
    return [g for g in joined.groups() if g[0] in in_ring]


def _replaceable(atom: Chem.Atom) -> bool:
    """A heteroatom whose bonds carbon could have too, and that no oppositely charged neighbour holds in place."""
    if atom.GetAtomicNum() == 6:
        return False
    bonds = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
    balanced = any(n.GetFormalCharge() * atom.GetFormalCharge() < 0 for n in atom.GetNeighbors())
    # A sulfoxide is no ketone.
    oxide = atom.GetAtomicNum() > 8 and bonds > atom.GetDegree()
    return bonds <= _MOST_BONDS and not balanced and not oxide


def _one_group(bond: Chem.Bond) -> bool:
    """Whether two atoms of a chain belong together: a multiple bond, opposite charges, an acyl group with its
    heteroatom, a carbon with several halogens, an isotope of hydrogen with its atom.
    """
    a, b = bond.GetBeginAtom(), bond.GetEndAtom()
    if bond.GetBondTypeAsDouble() > 1.0 or a.GetFormalCharge() * b.GetFormalCharge() < 0:
        return True
    if a.GetAtomicNum() == 1 or b.GetAtomicNum() == 1:
        return True
    for first, second in ((a, b), (b, a)):
        if second.GetAtomicNum() in (1, 6):
            continue
        halogens = sum(n.GetAtomicNum() in _HALOGENS for n in first.GetNeighbors())
        if first.GetAtomicNum() == 6 and halogens > 1 and second.GetAtomicNum() in _HALOGENS:
            return True
        if any(
            other.GetBondTypeAsDouble() > 1.0 and other.GetOtherAtom(first).GetAtomicNum() not in (1, 6)
            for other in first.GetBonds()
        ):
            return True
    return False


class _Joined:
    """Disjoint sets of atoms."""

    def __init__(self, size: int) -> None:
        self._root = list(range(size))

    def _find(self, a: int) -> int:
        while self._root[a] != a:
            a = self._root[a]
        return a

    def join(self, atoms: Iterable[int]) -> None:
        first, *rest = (self._find(a) for a in atoms)
        for other in rest:
            low, high = sorted((self._find(first), self._find(other)))
            self._root[high] = low

    def groups(self) -> list[tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for a in range(len(self._root)):
            found.setdefault(self._find(a), []).append(a)
        return [tuple(g) for g in found.values()]
