"""The purchasable molecules that a search may use, and which of them fit which place in which reaction."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdSubstructLibrary
from rdkit.DataStructs import BulkTanimotoSimilarity

from knowledge.sources.purchasable import purchasable
from planners.design.generator import Dice
from planners.design.space import DesignSpace, compile_smarts
from planners.routes.single_step.reaction import Reaction

# Leaving groups do not reach the product, so that a block may be larger than what is designed.
LEAVING = 4
_COMPARED = 48
_AS_REACTIONS_MATCH = Chem.SubstructMatchParameters()


class Shelf:
    """Immutable; what fits where is found when it is first asked for, and kept in memory.

    Texts that are no molecule are left out.
    """

    def __init__(self, smiles: Iterable[str]) -> None:
        kept: dict[str, Chem.Mol] = {}
        with rdBase.BlockLogs():
            for text in smiles:
                mol = Chem.MolFromSmiles(text)
                if mol is not None and mol.GetNumAtoms():
                    kept.setdefault(str(Chem.MolToSmiles(mol)), mol)
        self.smiles: tuple[str, ...] = tuple(kept)
        self._mols = list(kept.values())
        self._place = {text: i for i, text in enumerate(self.smiles)}
        self._sizes = [mol.GetNumHeavyAtoms() for mol in self._mols]
        self._fits: dict[tuple[str, int], tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.smiles)

    def __contains__(self, smiles: str) -> bool:
        return smiles in self._place

    @cached_property
    def _library(self) -> rdSubstructLibrary.SubstructLibrary:
        """The same molecules behind fingerprints of patterns, which spare most of the matching."""
        molecules, patterns = rdSubstructLibrary.MolHolder(), rdSubstructLibrary.PatternHolder()
        for mol in self._mols:
            molecules.AddMol(mol)
            patterns.AddMol(mol)
        return rdSubstructLibrary.SubstructLibrary(molecules, patterns)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256("\n".join(self.smiles).encode()).hexdigest()

    def place(self, smiles: str) -> int:
        """Raises KeyError for what is not on the shelf."""
        return self._place[smiles]

    def fitting(self, reaction: Reaction, slot: int, *, most_atoms: int) -> tuple[int, ...]:
        """Places of the molecules that match a template and have no more heavy atoms, small ones first."""
        key = (reaction.name, slot)
        found = self._fits.get(key)
        if found is None:
            template = reaction.forward.GetReactantTemplate(slot)
            matching = self._library.GetMatches(template, _AS_REACTIONS_MATCH, numThreads=1, maxResults=len(self) or 1)
            found = self._fits[key] = tuple(sorted(matching, key=lambda i: (self._sizes[i], i)))
        return found[: bisect_right(found, most_atoms, key=lambda i: self._sizes[i])]

    def holding(self, patterns: Sequence[Chem.Mol]) -> frozenset[int]:
        """Places of the molecules that match all patterns."""
        return frozenset(i for i, mol in enumerate(self._mols) if all(mol.HasSubstructMatch(p) for p in patterns))

    def like(self, smiles: str, among: Sequence[int], dice: Dice) -> int:
        """One of `among` by lot, those more similar to a molecule more often (Tanimoto, ECFP4, squared)."""
        drawn = [among[dice.index(len(among))] for _ in range(min(_COMPARED, len(among)))]
        generator = _morgan()
        wanted = generator.GetFingerprint(Chem.MolFromSmiles(smiles))
        similarities = BulkTanimotoSimilarity(wanted, [generator.GetFingerprint(self._mols[i]) for i in drawn])
        return drawn[dice.weighted([0.02 + s * s for s in similarities])]


def _morgan() -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)


def stocked(space: DesignSpace, *, size: int = 4000) -> Shelf:
    """A shelf for a space: half of it what industry makes (tiers 1 to 3), half building blocks, each drawn by lot.

    The same space has the same shelf, whatever the seed of a search, so that a search can be restored. Blocks that hold
    a locked substructure are all kept.
    """
    fit = [item for item in purchasable() if item.heavy_atoms <= space.max_heavy_atoms + LEAVING]
    dice = Dice(0)
    common = _lot([item.smiles for item in fit if item.tier <= 3], size // 2, dice)
    rest = [item.smiles for item in fit if item.tier > 3]
    chosen = common + _lot(rest, size - len(common), dice)
    if space.locked:
        chosen += [text for text in rest if _holds(text, space.locked)]
    return Shelf(chosen)


def _lot(items: list[str], size: int, dice: Dice) -> list[str]:
    return [items[i] for i in sorted(dice.permutation(len(items))[:size])]


def _holds(smiles: str, locked: Sequence[str]) -> bool:
    # Canonical aromatic SMILES need no perception, only what patterns ask about: rings and hydrogens.
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    return all(mol.HasSubstructMatch(compile_smarts(smarts)) for smarts in locked)
