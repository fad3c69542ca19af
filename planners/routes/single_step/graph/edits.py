"""Edits that turn a product into its reactants, and their application.

Two kinds. A bond edit deletes a bond of the product or gives it another order. An atom edit completes an atom with what
the product lost. Its word is a SMILES whose dummy is the atom: "*Cl" a chloride, "O=[*+][O-]" both oxygens of a nitro
group with the charge on nitrogen. The dummy's charge is added to the atom's, isotope 1 forgets the atom's stereo,
isotope 2 inverts it, "*" alone does nothing more. The idea of edits and leaving groups is GraphRetro's
(V. R. Somnath et al., NeurIPS 2021) and MEGAN's (M. Sacha et al., J. Chem. Inf. Model. 2021, 61, 3273).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.graph.stereo import (
    Memory,
    forget_double_bonds,
    remember,
    restore_centres,
    restore_double_bonds,
)
from planners.routes.structure import canonical

FORGET, INVERT = 1, 2
ORDERS = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)  # by number in a bond edit
_SANE = Chem.SanitizeFlags.SANITIZE_NONE


@dataclass(frozen=True, slots=True)
class Edits:
    """Bond edits as (bond index, new order; 0 deletes), atom edits as (atom index, word); both ascending."""

    bonds: tuple[tuple[int, int], ...] = ()
    atoms: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Word:
    mol: Chem.Mol
    dummy: int
    memory: Memory


@lru_cache(maxsize=4096)
def _word(word: str) -> _Word:
    mol = Chem.MolFromSmiles(word)
    if mol is None:
        raise ValueError(f"'{word}' is no SMILES")
    dummies = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 0]
    if len(dummies) != 1:
        raise ValueError(f"'{word}' does not have exactly one dummy atom")
    memory = remember(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    forget_double_bonds(mol)
    return _Word(mol, dummies[0], memory)


class Editor:
    """One product, ready to be edited many times. Raises InvalidMolecule."""

    def __init__(self, smiles: str) -> None:
        self.smiles = canonical(smiles)
        self.mol: Chem.Mol = Chem.MolFromSmiles(self.smiles)
        self._memory = remember(self.mol)
        kekulised = Chem.Mol(self.mol)
        Chem.Kekulize(kekulised, clearAromaticFlags=True)
        forget_double_bonds(kekulised)
        self._base = kekulised
        self.orders = tuple(int(b.GetBondTypeAsDouble()) for b in kekulised.GetBonds())

    def apply(self, edits: Edits) -> tuple[str, ...] | None:
        """The reactants, canonical and sorted, or None when the edits do not lead to molecules."""
        with rdBase.BlockLogs():
            mol = self.edited(edits)
            if mol is None:
                return None
            try:
                return tuple(sorted(canonical(part) for part in Chem.MolToSmiles(mol).split(".")))
            except InvalidMolecule:
                return None

    def edited(self, edits: Edits) -> Chem.Mol | None:
        """The same as one sanitised molecule whose first atoms are the product's; None as above."""
        mol, touched = Chem.RWMol(self._base), {atom for atom, _ in edits.atoms}
        for index, order in edits.bonds:
            bond = self._base.GetBondWithIdx(index)
            begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            touched.update((begin, end))
            kind = ORDERS[order]
            if kind is None:
                mol.RemoveBond(begin, end)
            else:
                mol.GetBondBetweenAtoms(begin, end).SetBondType(kind)
        memories = [self._memory]
        for index, text in edits.atoms:
            memories.append(_attach(mol, index, _word(text)))
        for index in touched:
            # A bracket atom pins its hydrogens; an edited one has to count them anew.
            atom = mol.GetAtomWithIdx(index)
            atom.SetNoImplicit(False)
            atom.SetNumExplicitHs(0)
        for memory in memories:
            restore_centres(mol, memory)
        for index, text in edits.atoms:
            _special(mol.GetAtomWithIdx(index), _word(text))
        if Chem.SanitizeMol(mol, catchErrors=True) != _SANE:
            return None
        if any(mol.GetAtomWithIdx(i).GetNumRadicalElectrons() for i in touched):
            return None
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        restore_double_bonds(mol, memories)
        return mol


def _attach(mol: Chem.RWMol, index: int, word: _Word) -> Memory:
    """Add a word's atoms to `mol` in place; what is known of their stereo, in `mol`'s numbers."""
    places = {word.dummy: index}
    for atom in word.mol.GetAtoms():
        if atom.GetIdx() != word.dummy:
            places[atom.GetIdx()] = mol.AddAtom(atom)
    for bond in word.mol.GetBonds():
        mol.AddBond(places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()], bond.GetBondType())
    return word.memory.moved(places)


def _special(atom: Chem.Atom, word: _Word) -> None:
    dummy = word.mol.GetAtomWithIdx(word.dummy)
    atom.SetFormalCharge(atom.GetFormalCharge() + dummy.GetFormalCharge())
    if dummy.GetIsotope() == FORGET:
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    elif dummy.GetIsotope() == INVERT:
        atom.InvertChirality()
