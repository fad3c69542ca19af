"""A parent molecule as operators see it: a Kekulé graph that is read, never written, with what may be edited marked."""

from __future__ import annotations

from rdkit import Chem, rdBase

from planners.design.space import compile_smarts

_SINGLE = 1
_CARBON, _NITROGEN = 6, 7
_ACIDIC = (7, 8, 16)
_HETERO_PAIRS = ((7, 16), (7, 7), (7, 8), (8, 15), (7, 15), (9, 15), (15, 17), (8, 14), (9, 14), (5, 8), (5, 9))
_BONDED = frozenset((*_HETERO_PAIRS, *((b, a) for a, b in _HETERO_PAIRS)))
_NONE: frozenset[int] = frozenset()
_STEPS = (
    Chem.SanitizeFlags.SANITIZE_PROPERTIES
    | Chem.SanitizeFlags.SANITIZE_SYMMRINGS
    | Chem.SanitizeFlags.SANITIZE_SETAROMATICITY
    | Chem.SanitizeFlags.SANITIZE_SETCONJUGATION
    | Chem.SanitizeFlags.SANITIZE_SETHYBRIDIZATION
    | Chem.SanitizeFlags.SANITIZE_ADJUSTHS
)


class UnreadableParent(ValueError):
    """A SMILES that cannot be parsed or kekulised."""


class Graph:
    """One parent, all lists by atom index unless said otherwise.

    mol: Kekulé form without aromatic flags, stereo and isotopes; operators copy it (`draft`) and edit the copy.
    elements: atomic numbers.  free: hydrogens that can be replaced (0 on sealed atoms).  neighbours: atom indices.
    bonds: (begin, end, order, in_ring, aromatic) by bond index.  rings: atom indices, in order round each ring.
    sealed: atoms that keep their element and bonds: locked substructures and atoms next to a formal charge.
    used: sums of bond orders to heavy atoms.  aromatic: atoms of aromatic rings.
    """

    __slots__ = (
        "aromatic",
        "bonds",
        "elements",
        "free",
        "locked",
        "mol",
        "neighbours",
        "rings",
        "sealed",
        "smiles",
        "used",
    )

    def __init__(self, smiles: str, locked: tuple[str, ...] = ()) -> None:
        """Raises UnreadableParent."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
        if mol is None or mol.GetNumAtoms() == 0:
            raise UnreadableParent(f"cannot read '{smiles}' as a SMILES")
        if any(mark in smiles for mark in "@/\\"):
            Chem.RemoveStereochemistry(mol)
        self.smiles = smiles
        self.locked, hydrides = _locked_atoms(mol, locked) if locked else (_NONE, _NONE)
        aromatic_bonds = [bond.GetIsAromatic() for bond in mol.GetBonds()]
        self.rings = tuple(tuple(ring) for ring in mol.GetRingInfo().AtomRings())
        draft = Chem.RWMol(mol)
        Chem.Kekulize(draft, clearAromaticFlags=True)
        # Only atoms in brackets have a charge, an isotope, a radical, or hydrogens that do not follow from the valence.
        charged = _simplified(draft, self.locked) if "[" in smiles else _NONE
        self.mol = draft
        self.elements, self.free = [], []
        for atom in draft.GetAtoms():
            self.elements.append(atom.GetAtomicNum())
            self.free.append(atom.GetTotalNumHs())
        for i in charged | hydrides:
            self.free[i] = 0
        self.sealed = charged | self.locked
        around: list[list[int]] = [[] for _ in self.elements]
        used = [0] * len(around)
        aromatic: set[int] = set()
        cyclic = {pair for ring in self.rings for pair in zip(ring, (*ring[1:], ring[0]), strict=True)}
        self.bonds = []
        for bond, flag in zip(draft.GetBonds(), aromatic_bonds, strict=True):
            i, j, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), int(bond.GetBondTypeAsDouble())
            around[i].append(j)
            around[j].append(i)
            used[i] += order
            used[j] += order
            if flag:
                aromatic |= {i, j}
            self.bonds.append((i, j, order, (i, j) in cyclic or (j, i) in cyclic, flag))
        self.neighbours = [tuple(each) for each in around]
        self.used = used
        self.aromatic = frozenset(aromatic)

    @property
    def size(self) -> int:
        return len(self.elements)

    def draft(self) -> Chem.RWMol:
        """A copy to edit."""
        return Chem.RWMol(self.mol)

    def order(self, i: int, j: int) -> int:
        """Of the bond between two atoms that are bonded."""
        return next(order for a, b, order, _, _ in self.bonds if (a == i and b == j) or (a == j and b == i))

    def accepts(self, atom: int, number: int) -> bool:
        """Whether a single bond from `atom` to element `number` may last: few pairs of heteroatoms do.

        Which of those are stable where they stand, the stability filter decides.
        """
        own = self.elements[atom]
        return number == _CARBON or own == _CARBON or (own, number) in _BONDED

    def open_atoms(self) -> list[int]:
        """Atoms with a hydrogen to replace."""
        return [i for i, free in enumerate(self.free) if free > 0]

    def cuttable(self) -> list[tuple[int, int]]:
        """Acyclic single bonds outside of the sealed part's own bonds."""
        return [
            (i, j)
            for i, j, order, ring, _ in self.bonds
            if order == _SINGLE and not ring and not (i in self.sealed and j in self.sealed)
        ]

    def side(self, root: int, barrier: int) -> set[int]:
        """Atoms on `root`'s side of the acyclic bond root-barrier."""
        seen = {root, barrier}
        stack = [root]
        while stack:
            for n in self.neighbours[stack.pop()]:
                if n not in seen:
                    seen.add(n)
                    stack.append(n)
        seen.remove(barrier)
        return seen

    def distances_from(self, start: int) -> list[int]:
        """Bonds from one atom to each, -1 for an atom of another component."""
        found = [-1] * self.size
        found[start] = 0
        front = [start]
        while front:
            following = []
            for i in front:
                for n in self.neighbours[i]:
                    if found[n] < 0:
                        found[n] = found[i] + 1
                        following.append(n)
            front = following
        return found


def _locked_atoms(mol: Chem.Mol, locked: tuple[str, ...]) -> tuple[frozenset[int], frozenset[int]]:
    """(atoms of the first match of every lock, those of them that a lock wants with their hydrogens)."""
    atoms: set[int] = set()
    hydrides: set[int] = set()
    for smarts in locked:
        pattern = compile_smarts(smarts)
        match = mol.GetSubstructMatch(pattern)
        atoms.update(match)
        hydrides.update(
            place for place, asked in zip(match, pattern.GetAtoms(), strict=False) if "HCount" in asked.DescribeQuery()
        )
    return frozenset(atoms), frozenset(hydrides)


def _simplified(draft: Chem.RWMol, locked: frozenset[int]) -> frozenset[int]:
    """Isotopes gone, protons put back or taken off where that removes a charge; what stays charged, and its neighbours.

    An ammonium or carboxylate of a database is a salt at work; edits need the amine and the acid.
    """
    charged: set[int] = set()
    for atom in draft.GetAtoms():
        atom.SetIsotope(0)
        charge = atom.GetFormalCharge()
        if charge and atom.GetIdx() not in locked and _loses_charge(atom, charge):
            atom.SetFormalCharge(0)
            charge = 0
        if charge or atom.GetNumRadicalElectrons():
            charged.add(atom.GetIdx())
            charged.update(n.GetIdx() for n in atom.GetNeighbors())
        else:
            # A pyrrole's [nH] carries its hydrogen explicitly; edits need it to follow from the valence.
            atom.SetNumExplicitHs(0)
            atom.SetNoImplicit(False)
    draft.UpdatePropertyCache(False)
    return frozenset(charged)


def _loses_charge(atom: Chem.Atom, charge: int) -> bool:
    if charge == 1:
        return atom.GetAtomicNum() == _NITROGEN and atom.GetTotalNumHs() > 0
    return (
        charge == -1
        and atom.GetAtomicNum() in _ACIDIC
        and not any(n.GetFormalCharge() > 0 for n in atom.GetNeighbors())
    )


def finish(draft: Chem.RWMol) -> str | None:
    """Sanitise an edited draft in place; its canonical SMILES, or None when valences do not add up.

    Steps that change nothing in a Kekulé graph without stereo are left out.
    """
    if Chem.SanitizeMol(draft, _STEPS, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    return str(Chem.MolToSmiles(draft))


def remove_atoms(draft: Chem.RWMol, atoms: list[int]) -> None:
    draft.BeginBatchEdit()
    for atom in atoms:
        draft.RemoveAtom(atom)
    draft.CommitBatchEdit()
