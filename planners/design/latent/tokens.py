"""SMILES to numbers and back through SELFIES, whose every string is a molecule (Krenn et al., Mach. Learn.: Sci.
Technol. 2020, 1, 045024).

Frequent runs of SELFIES symbols (a benzene ring, an ester) are words of their own, found as byte pairs are (Sennrich et
al., ACL 2016): sequences get two to three times shorter, and a run of valid symbols stays valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import selfies
from rdkit import Chem, rdBase

PAD, END = 0, 1  # END also stands before the first word
FIRST = 2  # the number of the first word


class Vocabulary:
    """words: each a run of SELFIES symbols as one text, such as "[C][=O]"; every single symbol is a word as well.

    longest: the most words that a molecule may have, END not counted.
    """

    def __init__(self, words: Sequence[str], longest: int) -> None:
        self.words, self.longest = tuple(words), longest
        self._runs = {tuple(selfies.split_selfies(word)): i for i, word in enumerate(self.words, start=FIRST)}
        self._reach = max(map(len, self._runs), default=0)

    def __len__(self) -> int:
        """Words, PAD and END."""
        return len(self.words) + FIRST

    def numbers(self, smiles: str) -> list[int] | None:
        """Of a molecule, without stereochemistry; None when it cannot be written in these words, or is too long."""
        symbols = as_symbols(smiles)
        return None if symbols is None else self.of_symbols(symbols)

    def of_symbols(self, symbols: Sequence[str]) -> list[int] | None:
        """Each time the longest word that fits, from the left."""
        numbers: list[int] = []
        at = 0
        while at < len(symbols):
            for size in range(min(self._reach, len(symbols) - at), 0, -1):
                number = self._runs.get(tuple(symbols[at : at + size]))
                if number is not None:
                    numbers.append(number)
                    at += size
                    break
            else:
                return None
            if len(numbers) > self.longest:
                return None
        return numbers

    def smiles(self, numbers: Iterable[int]) -> str | None:
        """The canonical SMILES of words up to END; None when they spell nothing that RDKit accepts."""
        words = []
        for number in numbers:
            if number == END:
                break
            if number >= FIRST:
                words.append(self.words[number - FIRST])
        return from_selfies("".join(words)) if words else None


def as_symbols(smiles: str) -> list[str] | None:
    """The SELFIES symbols of a molecule without stereochemistry and isotopes, None when it has none.

    They are taken from the canonical SMILES, so that one molecule has one spelling.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        return None
    Chem.RemoveStereochemistry(mol)
    for atom in mol.GetAtoms():
        atom.SetIsotope(0)
    try:
        return list(selfies.split_selfies(selfies.encoder(Chem.MolToSmiles(mol), strict=True)))
    except selfies.EncoderError:
        return None


def from_selfies(text: str) -> str | None:
    """The canonical SMILES of a SELFIES; None when it is empty or RDKit does not accept it.

    An atom that is left with a free valence gets hydrogens, also where its symbol counts hydrogens ([NH1] at the end of
    a chain) or names an element that SMILES writes in brackets.
    """
    try:
        smiles = selfies.decoder(text)
    except selfies.DecoderError:
        return None
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
        if mol is None or mol.GetNumAtoms() == 0:
            return None
        if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) and not _saturated(mol):
            return None
    return str(Chem.MolToSmiles(mol))


def _saturated(mol: Chem.Mol) -> bool:
    for atom in mol.GetAtoms():
        if atom.GetNumRadicalElectrons():
            atom.SetNumRadicalElectrons(0)
            atom.SetNoImplicit(False)
    return bool(Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE)
