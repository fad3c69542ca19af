"""Functional groups as small graphs that operators attach, insert and bridge with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}

# (name, SMILES with the attachment point as *). Groups of solvents and of the stock that they are made from.
SUBSTITUENTS: tuple[tuple[str, str], ...] = (
    ("methyl_ester", "*C(=O)OC"),
    ("ethyl_ester", "*C(=O)OCC"),
    ("acetate", "*OC(C)=O"),
    ("formate", "*OC=O"),
    ("methoxy", "*OC"),
    ("ethoxy", "*OCC"),
    ("methoxyethoxy", "*OCCOC"),
    ("hydroxyl", "*O"),
    ("hydroxymethyl", "*CO"),
    ("methyl_carbonate", "*OC(=O)OC"),
    ("dimethyl_amide", "*C(=O)N(C)C"),
    ("methyl_acetamido", "*N(C)C(C)=O"),
    ("acetamido", "*NC(C)=O"),
    ("formamido", "*N(C)C=O"),
    ("dimethyl_urea", "*N(C)C(=O)N(C)C"),
    ("methyl_carbamate", "*N(C)C(=O)OC"),
    ("nitrile", "*C#N"),
    ("acetyl", "*C(C)=O"),
    ("methyl_sulfone", "*S(C)(=O)=O"),
    ("methyl_sulfoxide", "*S(C)=O"),
    ("methyl_sulfide", "*SC"),
    ("dimethylamino", "*N(C)C"),
    ("methyl", "*C"),
    ("ethyl", "*CC"),
    ("isopropyl", "*C(C)C"),
    ("tert_butyl", "*C(C)(C)C"),
    ("vinyl", "*C=C"),
    ("trifluoromethyl", "*C(F)(F)F"),
    ("fluoro", "*F"),
    ("phenyl", "*C1=CC=CC=C1"),
    ("cyclopentyl", "*C1CCCC1"),
    ("oxolanyl", "*C1CCCO1"),
    ("furyl", "*C1=CC=CO1"),
    ("dioxolanyl", "*C1OCCO1"),
    ("dioxolanone", "*C1COC(=O)O1"),
    ("butyrolactone", "*C1CCC(=O)O1"),
    ("butyrolactone_alpha", "*C1CCOC1=O"),
    ("pyrrolidone", "*N1CCCC1=O"),
    ("oxazolidinone", "*N1CCOC1=O"),
    ("imidazolidinone", "*N1CCN(C)C1=O"),
    ("morpholino", "*N1CCOCC1"),
    ("imidazolyl", "*N1C=CN=C1"),
    ("pyridyl", "*C1=CC=CN=C1"),
    ("chloro", "*Cl"),
    ("bromo", "*Br"),
)
# Two attachment points, in the order of the SMILES.
LINKERS: tuple[tuple[str, str], ...] = (
    ("ester", "*C(=O)O*"),
    ("ester_reversed", "*OC(=O)*"),
    ("carbonate", "*OC(=O)O*"),
    ("amide", "*C(=O)N(C)*"),
    ("amide_nh", "*C(=O)N*"),
    ("carbamate", "*OC(=O)N(C)*"),
    ("urea", "*N(C)C(=O)N(C)*"),
    ("ketone", "*C(=O)*"),
    ("sulfone", "*S(=O)(=O)*"),
    ("sulfoxide", "*S(=O)*"),
    ("ether", "*O*"),
    ("glycol", "*OCCO*"),
    ("acetal", "*OCO*"),
    ("amine", "*N(C)*"),
    ("ethylene", "*CC*"),
    ("ether_methylene", "*CO*"),
)


@dataclass(frozen=True)
class Fragment:
    """Atoms (atomic numbers), bonds (begin, end, order) and the atoms that carry an attachment point."""

    name: str
    atoms: tuple[int, ...]
    bonds: tuple[tuple[int, int, int], ...]
    joints: tuple[int, ...]

    @property
    def joint_elements(self) -> tuple[int, ...]:
        return tuple(self.atoms[joint] for joint in self.joints)

    def add_to(self, draft: Chem.RWMol) -> tuple[int, ...]:
        """Add the atoms and bonds; the draft's indices of the joints."""
        offset = draft.GetNumAtoms()
        for number in self.atoms:
            draft.AddAtom(Chem.Atom(number))
        for begin, end, order in self.bonds:
            draft.AddBond(offset + begin, offset + end, ORDERS[order])
        return tuple(offset + joint for joint in self.joints)


def _fragment(name: str, smiles: str) -> Fragment:
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    kept = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum()]
    place = {old: new for new, old in enumerate(kept)}
    return Fragment(
        name=name,
        atoms=tuple(mol.GetAtomWithIdx(i).GetAtomicNum() for i in kept),
        bonds=tuple(
            (place[b.GetBeginAtomIdx()], place[b.GetEndAtomIdx()], int(b.GetBondTypeAsDouble()))
            for b in mol.GetBonds()
            if b.GetBeginAtomIdx() in place and b.GetEndAtomIdx() in place
        ),
        joints=tuple(place[a.GetNeighbors()[0].GetIdx()] for a in mol.GetAtoms() if not a.GetAtomicNum()),
    )


@lru_cache(maxsize=64)
def substituents(elements: tuple[int, ...]) -> tuple[Fragment, ...]:
    """The substituents made of these elements only."""
    return _within(SUBSTITUENTS, elements)


@lru_cache(maxsize=64)
def linkers(elements: tuple[int, ...]) -> tuple[Fragment, ...]:
    """The linkers made of these elements only."""
    return _within(LINKERS, elements)


def _within(table: tuple[tuple[str, str], ...], elements: tuple[int, ...]) -> tuple[Fragment, ...]:
    fragments = (_fragment(name, smiles) for name, smiles in table)
    return tuple(f for f in fragments if all(number in elements for number in f.atoms))
