"""Molecules cut into the 41 groups of Joback and Reid (Chem. Eng. Commun. 57 (1987) 233), with our own SMARTS.

Only the cutting is here; what a group contributes to a property is in `knowledge.qspr.priors.joback`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.featurizer import CACHED_ROWS, parse


@dataclass(frozen=True)
class Fragmentation:
    """`counts`: group number -> how often, ascending. `atoms`: (group number, its atoms) of every group found.

    `uncovered`: indices, in the order of the SMILES, of heavy atoms that are in no group. No atom is in two.
    """

    counts: dict[int, int]
    atoms: tuple[tuple[int, tuple[int, ...]], ...]
    uncovered: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Every heavy atom is in exactly one group, and there is at least one group."""
        return bool(self.counts) and not self.uncovered

    @staticmethod
    def of(heavy: Collection[int], atoms: Sequence[tuple[int, tuple[int, ...]]]) -> Fragmentation:
        """From the indices of the heavy atoms and groups that share no atom."""
        found = tuple(sorted(atoms))
        counts: dict[int, int] = {}
        for number, _ in found:
            counts[number] = counts.get(number, 0) + 1
        taken = {i for _, members in found for i in members}
        return Fragmentation(counts, found, tuple(i for i in sorted(heavy) if i not in taken))


class Group(NamedTuple):
    """One group of a table: its number there, its name and its SMARTS.

    `needs`: an element and a number of hydrogens that one of its atoms has, so that most groups need not be looked for.
    """

    number: int
    name: str
    needs: str
    smarts: str


# Groups of several atoms come first and take their atoms away from the simpler ones below: the oxygen of an anhydride
# belongs to one ester group, which leaves the second carbonyl a ">C=O", and a carbonate is an ester and an ether.
# All atoms are uncharged but the nitro group's: an ion or a radical is outside the method.
GROUPS: tuple[Group, ...] = (
    Group(38, "-NO2", "N0", "[$([NX3+]-[#6])](=[OX1;+0])-[OX1-]"),
    Group(27, "-COOH (acid)", "O1", "[CX3;!R](=[OX1])-[OX2;H1]"),
    Group(28, "-COO- (ester)", "C0", "[#6X3;H0](=[OX1])[#8X2;H0;+0]"),
    # On carbon, or on oxygen (formates boil within 11 K of the sum); formamides would be 76 K too low.
    Group(26, "O=CH- (aldehyde)", "C1", "[CX3;H1;$(C-[#6,#8])]=[OX1]"),
    Group(25, ">C=O (ring)", "C0", "[#6X3;H0;R]=[OX1]"),
    Group(24, ">C=O (nonring)", "C0", "[CX3;H0;!R]=[OX1]"),
    Group(37, "-CN", "C0", "[CX2;H0]#[NX1]"),
    Group(21, "-OH (phenol)", "O1", "[OX2;H1;$(O-c)]"),
    # Only on carbon: of oximes and hydroxylamines the method has not seen the hydroxyl.
    Group(20, "-OH (alcohol)", "O1", "[OX2;H1;$(O-[C])]"),
    Group(23, "-O- (ring)", "O0", "[#8X2;H0;R;+0;!$(O-O)]"),
    Group(22, "-O- (nonring)", "O0", "[OX2;H0;!R;!$(O-O)]"),
    Group(29, "=O (other than above)", "O0", "[OX1;+0;$(O=[CX2,NX2])]"),
    Group(1, "-CH3", "C3", "[CX4;H3]"),
    Group(11, "-CH2- (ring)", "C2", "[CX4;H2;R]"),
    Group(2, "-CH2-", "C2", "[CX4;H2;!R]"),
    Group(12, ">CH- (ring)", "C1", "[CX4;H1;R]"),
    Group(3, ">CH-", "C1", "[CX4;H1;!R]"),
    Group(13, ">C< (ring)", "C0", "[CX4;H0;R]"),
    Group(4, ">C<", "C0", "[CX4;H0;!R]"),
    Group(14, "=CH- (ring)", "C1", "[#6X3;H1;R;+0]"),
    Group(15, "=C< (ring)", "C0", "[#6X3;H0;R;+0]"),
    Group(5, "=CH2", "C2", "[CX3;H2;+0;$(C=[#6,#7])]"),
    Group(6, "=CH-", "C1", "[CX3;H1;!R;+0]"),
    Group(7, "=C<", "C0", "[CX3;H0;!R;+0]"),
    Group(8, "=C=", "C0", "[CX2;H0;!R;+0;$(C(=*)=*)]"),
    Group(9, "≡CH", "C1", "[CX2;H1;$(C#C)]"),
    Group(10, "≡C-", "C0", "[CX2;H0;!R;$(C#C)]"),
    Group(30, "-NH2", "N2", "[NX3;H2;+0]"),
    Group(32, ">NH (ring)", "N1", "[#7X3;H1;R;+0]"),
    Group(31, ">NH (nonring)", "N1", "[NX3;H1;!R;+0]"),
    # The table has no ring atom of this kind; the chain's value is used for it, as is customary.
    Group(33, ">N- (nonring)", "N0", "[#7X3;H0;+0]"),
    Group(36, "=NH", "N1", "[NX2;H1;+0]"),
    Group(35, "-N= (ring)", "N0", "[#7X2;H0;R;+0]"),
    Group(34, "-N= (nonring)", "N0", "[NX2;H0;!R;+0]"),
    Group(39, "-SH", "S1", "[SX2;H1]"),
    Group(41, "-S- (ring)", "S0", "[#16X2;H0;R;+0]"),
    Group(40, "-S- (nonring)", "S0", "[SX2;H0;!R]"),
    Group(16, "-F", "F0", "[FX1]"),
    Group(17, "-Cl", "Cl0", "[ClX1]"),
    Group(18, "-Br", "Br0", "[BrX1]"),
    Group(19, "-I", "I0", "[IX1]"),
)
MATCHES_PER_ATOM = 10  # of one pattern; RDKit stops at 1,000 otherwise, which a polymer exceeds
NAMES: dict[int, str] = {group.number: group.name for group in sorted(GROUPS)}
_COLUMN = {number: column for column, number in enumerate(NAMES)}


@cache
def _patterns() -> tuple[tuple[Group, Chem.Mol], ...]:
    return tuple((group, Chem.MolFromSmarts(group.smarts)) for group in GROUPS)


def heavy_atoms(mol: Chem.Mol) -> dict[int, str]:
    """Index -> element and number of hydrogens, such as "C3" for a methyl, of every atom that is not hydrogen."""
    # By index: RDKit's iterator over atoms costs more than what is asked of them.
    atoms = [mol.GetAtomWithIdx(i) for i in range(mol.GetNumAtoms())]
    return {i: f"{a.GetSymbol()}{a.GetTotalNumHs(True)}" for i, a in enumerate(atoms) if a.GetAtomicNum() > 1}


@lru_cache(maxsize=CACHED_ROWS)
def joback_fragmentation(smiles: str) -> Fragmentation:
    """Raises InvalidMolecule. The groups of a mixture are counted together."""
    mol = parse(smiles)
    heavy = heavy_atoms(mol)
    present = set(heavy.values())
    taken: set[int] = set()
    found: list[tuple[int, tuple[int, ...]]] = []
    for group, pattern in _patterns():
        if group.needs not in present:
            continue
        for match in mol.GetSubstructMatches(pattern, maxMatches=MATCHES_PER_ATOM * len(heavy)):
            if taken.isdisjoint(match):
                taken.update(match)
                found.append((group.number, match))
        if len(taken) == len(heavy):
            break
    return Fragmentation.of(heavy, found)


class JobackGroups:
    """Counts of Joback's groups, in the order of his numbers; atoms outside every group count nowhere."""

    name = "joback_groups"
    version = "1"
    columns = tuple(NAMES.values())

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), 41). Raises InvalidMolecule."""
        rows = np.zeros((len(smiles), len(NAMES)))
        for row, text in zip(rows, smiles, strict=True):
            for number, count in joback_fragmentation(text).counts.items():
                row[_COLUMN[number]] = count
        return rows
