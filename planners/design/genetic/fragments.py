"""Functional groups as small graphs that operators attach, insert and bridge with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem

from planners.design.space import DesignSpace

ORDERS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}

# (name, SMILES with the attachment point as *). Groups of solvents, of drugs, and of the stock that they are made from.
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
    ("iodo", "*I"),
    ("amino", "*N"),
    ("methylamino", "*NC"),
    ("carboxyl", "*C(=O)O"),
    ("carbamoyl", "*C(N)=O"),
    ("sulfamoyl", "*S(N)(=O)=O"),
    ("methylsulfonylamino", "*NS(C)(=O)=O"),
    ("dimethylsulfamoyl", "*S(=O)(=O)N(C)C"),
    ("trifluoromethoxy", "*OC(F)(F)F"),
    ("difluoromethyl", "*C(F)F"),
    ("ethynyl", "*C#C"),
    ("cyclopropyl", "*C1CC1"),
    ("cyclohexyl", "*C1CCCCC1"),
    ("piperidinyl", "*N1CCCCC1"),
    ("pyrrolidinyl", "*N1CCCC1"),
    ("piperazinyl", "*N1CCNCC1"),
    ("methylpiperazinyl", "*N1CCN(C)CC1"),
    ("benzyl", "*CC1=CC=CC=C1"),
    ("tolyl", "*C1=CC=C(C)C=C1"),
    ("anisyl", "*C1=CC=C(OC)C=C1"),
    ("fluorophenyl", "*C1=CC=C(F)C=C1"),
    ("chlorophenyl", "*C1=CC=C(Cl)C=C1"),
    ("thienyl", "*C1=CC=CS1"),
    ("pyrazolyl", "*C1=CC=NN1"),
    ("methylpyrazolyl", "*C1=CN(C)N=C1"),
    ("thiazolyl", "*C1=NC=CS1"),
    ("oxazolyl", "*C1=NC=CO1"),
    ("triazolyl", "*N1C=NC=N1"),
    ("tetrazolyl", "*C1=NN=NN1"),
    ("pyrimidinyl", "*C1=NC=CC=N1"),
    ("pyridin_4_yl", "*C1=CC=NC=C1"),
    ("indolyl", "*C1=CNC2=CC=CC=C12"),
    ("naphthyl", "*C1=CC=CC2=CC=CC=C12"),
    ("benzodioxolyl", "*C1=CC=C2OCOC2=C1"),
    ("dimethoxyphosphoryl", "*P(=O)(OC)OC"),
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
    ("amine_nh", "*N*"),
    ("methylene", "*C*"),
    ("amide_nh_reversed", "*NC(=O)*"),
    ("urea_nh", "*NC(=O)N*"),
    ("sulfonamide", "*S(=O)(=O)N*"),
    ("sulfonamide_reversed", "*NS(=O)(=O)*"),
    ("sulfide", "*S*"),
    ("vinylene", "*C=C*"),
    ("ethynylene", "*C#C*"),
    ("para_phenylene", "*C1=CC=C(*)C=C1"),
    ("meta_phenylene", "*C1=CC(*)=CC=C1"),
    ("ortho_phenylene", "*C1=C(*)C=CC=C1"),
    ("pyridylene", "*C1=NC=C(*)C=C1"),
    ("pyrimidylene", "*C1=NC(*)=CC=N1"),
    ("thiazolylene", "*C1=NC(*)=CS1"),
    ("oxadiazolylene", "*C1=NN=C(*)O1"),
    ("pyrazolylene", "*N1C=C(*)C=N1"),
    ("piperazinylene", "*N1CCN(*)CC1"),
    ("piperidinylene", "*N1CCC(*)CC1"),
    ("pyrrolidinylene", "*N1CCC(*)C1"),
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
def substituents(space: DesignSpace) -> tuple[Fragment, ...]:
    """The substituents that this space may hold."""
    return tuple(_fragment(name, smiles) for name, smiles in SUBSTITUENTS if _fits(smiles, space))


@lru_cache(maxsize=64)
def linkers(space: DesignSpace) -> tuple[Fragment, ...]:
    """The linkers that this space may hold."""
    return tuple(_fragment(name, smiles) for name, smiles in LINKERS if _fits(smiles, space))


def _fits(smiles: str, space: DesignSpace) -> bool:
    """Whether the group, with methyl where it is tied to something, breaks no limit but those on size and locks."""
    loose = space.model_copy(update={"min_heavy_atoms": 1, "locked": (), "elements": (*space.elements, "C")})
    mol = Chem.MolFromSmiles(smiles.replace("*", "C"))
    return loose.violation(mol) is None and all(
        a.GetAtomicNum() in (0, *space.atomic_numbers) for a in Chem.MolFromSmiles(smiles).GetAtoms()
    )
