"""A parent molecule as operators see it: a Kekulé graph that is read, never written, with what may be edited marked."""

from __future__ import annotations

from rdkit import Chem, rdBase

from planners.design.space import compile_smarts

_SINGLE = 1
_CARBON = 6


class UnreadableParent(ValueError):
    """A SMILES that cannot be parsed or kekulised."""


class Graph:
    """One parent, all lists by atom index unless said otherwise.

    mol: Kekulé form without aromatic flags, stereo and isotopes; operators copy it (`draft`) and edit the copy.
    elements: atomic numbers.  free: hydrogens that can be replaced (0 on sealed atoms).  neighbours: atom indices.
    bonds: (begin, end, order, in_ring, aromatic) by bond index.  rings: atom indices, in order round each ring.
    sealed: atoms that keep their element and bonds: locked substructures and atoms next to a formal charge.
    aromatic: atoms of aromatic rings.
    """

    __slots__ = (
        "_distances",
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
    )

    def __init__(self, smiles: str, locked: tuple[str, ...] = ()) -> None:
        """Raises UnreadableParent."""
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(smiles)
        if mol is None or mol.GetNumAtoms() == 0:
            raise UnreadableParent(f"cannot read '{smiles}' as a SMILES")
        Chem.RemoveStereochemistry(mol)
        self.smiles = smiles
        self.locked = _locked_atoms(mol, locked)
        aromatic_bonds = [bond.GetIsAromatic() for bond in mol.GetBonds()]
        self.aromatic = frozenset(a.GetIdx() for a in mol.GetAtoms() if a.GetIsAromatic())
        draft = Chem.RWMol(mol)
        Chem.Kekulize(draft, clearAromaticFlags=True)
        charged: set[int] = set()
        for atom in draft.GetAtoms():
            atom.SetIsotope(0)
            if atom.GetFormalCharge() or atom.GetNumRadicalElectrons():
                charged.add(atom.GetIdx())
                charged.update(n.GetIdx() for n in atom.GetNeighbors())
            else:
                # A pyrrole's [nH] carries its hydrogen explicitly; edits need it to follow from the valence.
                atom.SetNumExplicitHs(0)
                atom.SetNoImplicit(False)
        draft.UpdatePropertyCache(False)
        self.mol = draft
        self.elements = [a.GetAtomicNum() for a in draft.GetAtoms()]
        self.neighbours = [tuple(n.GetIdx() for n in a.GetNeighbors()) for a in draft.GetAtoms()]
        self.sealed = frozenset(charged | self.locked)
        self.free = [0 if a.GetIdx() in charged else a.GetTotalNumHs() for a in draft.GetAtoms()]
        self.bonds = [
            (b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetBondTypeAsDouble()), b.IsInRing(), flag)
            for b, flag in zip(draft.GetBonds(), aromatic_bonds, strict=True)
        ]
        self.rings = tuple(tuple(ring) for ring in mol.GetRingInfo().AtomRings())
        self._distances: list[list[int]] | None = None

    @property
    def size(self) -> int:
        return len(self.elements)

    def draft(self) -> Chem.RWMol:
        """A copy to edit."""
        return Chem.RWMol(self.mol)

    def valence_used(self, atom: int) -> int:
        """Sum of bond orders to heavy atoms."""
        return sum(order for begin, end, order, _, _ in self.bonds if atom in (begin, end))

    def accepts(self, atom: int, number: int) -> bool:
        """Whether a new single bond from `atom` to element `number` is one that lasts: two heteroatoms rarely do.

        Sulfonamides, oximes and their like are still reached by changing elements; the stability filter decides.
        """
        return number == _CARBON or self.elements[atom] == _CARBON

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

    def distances(self) -> list[list[int]]:
        """Bonds between each two atoms, shape (size, size); made once."""
        if self._distances is None:
            self._distances = [self._from(i) for i in range(self.size)]
        return self._distances

    def _from(self, start: int) -> list[int]:
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


def _locked_atoms(mol: Chem.Mol, locked: tuple[str, ...]) -> frozenset[int]:
    atoms: set[int] = set()
    for smarts in locked:
        atoms.update(mol.GetSubstructMatch(compile_smarts(smarts)))
    return frozenset(atoms)


def finish(draft: Chem.RWMol) -> str | None:
    """Sanitise an edited draft in place; its canonical SMILES, or None when valences do not add up."""
    if Chem.SanitizeMol(draft, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    return str(Chem.MolToSmiles(draft))


def remove_atoms(draft: Chem.RWMol, atoms: list[int]) -> None:
    draft.BeginBatchEdit()
    for atom in atoms:
        draft.RemoveAtom(atom)
    draft.CommitBatchEdit()
