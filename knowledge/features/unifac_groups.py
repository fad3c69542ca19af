"""Molecules cut into the subgroups of original UNIFAC, with our own SMARTS.

The groups are those of H. K. Hansen et al., Ind. Eng. Chem. Res. 30 (1991) 2352, and R. Wittig et al., Ind. Eng. Chem.
Res. 42 (2003) 183; numbers and names are those of `thermo.unifac.UFSG`, so that `unifac_fragmentation(smiles).counts`
is what that package's UNIFAC takes. The two ionic-liquid groups (178, 179) are left out.

Cutting is not unique: of two ways to cover a molecule, the one with the earlier group of the table is taken; of two
places for one group, that which leaves benzylic carbons to their ring (ACCH2); then atoms in RDKit's canonical order,
so that it does not matter how the SMILES was written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from knowledge.features.featurizer import CACHED_ROWS, parse
from knowledge.features.joback_groups import MATCHES_PER_ATOM, Fragmentation, heavy_atoms

# Of the search for a cover: heavy atoms of a molecule for which it is made, and nodes. The hardest of 2,000 handbook
# molecules needed 19.
_LARGEST, _SEARCH_LIMIT = 300, 1_000


class Subgroup(NamedTuple):
    """Number, name and the SMARTS of which any may match. `needs`: see `joback_groups.Group`."""

    number: int
    name: str
    needs: str
    smarts: tuple[str, ...]


def _ring(hetero: str, size: int, substituents: int) -> tuple[str, ...]:
    """An aromatic ring of one hetero atom in which `substituents` of the carbons carry no hydrogen, in every place."""
    patterns = []
    for places in combinations(range(size - 1), substituents):
        carbons = [f"[cX3;H{0 if i in places else 1}]" for i in range(size - 1)]
        patterns.append(f"{hetero}1:{':'.join(carbons)}:1")
    return tuple(patterns)


_KETONE = "[CX3;H0;$(C([#6])[#6])]=[OX1]"
_AMIDE = "[CX3;H0;$(C[#6])](=[OX1])"
_ACYL_OXYGEN = "[CX3;H0;$(C[#6,#8])](=[OX1])[OX2;H0]"
_ETHER = "[OX2;H0;$(O([#6,Si])[#6,Si]);!$(OC=O)]"
_CHAIN_ETHER = _ETHER[:-1] + ";!R]"
_AMINE = "!$(N-[#6]=[O,S,N]);!$(N-[!#6])"
_NITRO = "[NX3+](=[OX1])[OX1-]"

# The order is the order of preference: molecules that are one group, then groups of several functions, then functions
# with the carbon they are named after, then the hydrocarbon rest.
SUBGROUPS: tuple[Subgroup, ...] = (
    Subgroup(15, "CH3OH", "C3", ("[CX4;H3][OX2;H1]",)),
    Subgroup(16, "H2O", "O2", ("[OX2;H2]",)),
    Subgroup(43, "HCOOH", "C1", ("[CX3;H1](=[OX1])[OX2;H1]",)),
    Subgroup(62, "DOH", "O1", ("[OX2;H1][CX4;H2][CX4;H2][OX2;H1]",)),
    Subgroup(58, "CS2", "C0", ("[CX2](=[SX1])=[SX1]",)),
    Subgroup(61, "FURFURAL", "O0", ("[OX1]=[CX3;H1]c1[cH][cH][cH]o1",)),
    Subgroup(67, "DMSO", "S0", ("[CX4;H3][SX3](=[OX1])[CX4;H3]",)),
    Subgroup(68, "ACRY", "N0", ("[CX3;H2]=[CX3;H1][CX2]#[NX1]",)),
    Subgroup(72, "DMF", "N0", ("[CX3;H1](=[OX1])[NX3]([CX4;H3])[CX4;H3]",)),
    Subgroup(73, "HCON(CH2)2", "N0", ("[CX3;H1](=[OX1])[NX3]([CX4;H2])[CX4;H2]",)),
    Subgroup(85, "NMP", "N0", ("[CX4;H3][NX3]1[CX4;H2][CX4;H2][CX4;H2][CX3]1=[OX1]",)),
    Subgroup(105, "MORPH", "N1", ("[OX2]1[CX4;H2][CX4;H2][NX3;H1][CX4;H2][CX4;H2]1",)),
    Subgroup(37, "C5H5N", "N0", _ring("[nX2]", 6, 0)),
    Subgroup(38, "C5H4N", "N0", _ring("[nX2]", 6, 1)),
    Subgroup(39, "C5H3N", "N0", _ring("[nX2]", 6, 2)),
    Subgroup(106, "C4H4S", "S0", _ring("[sX2]", 5, 0)),
    Subgroup(107, "C4H3S", "S0", _ring("[sX2]", 5, 1)),
    Subgroup(108, "C4H2S", "S0", _ring("[sX2]", 5, 2)),
    Subgroup(118, "(CH2)2SU", "S0", ("[CX4;H2][SX4](=[OX1])(=[OX1])[CX4;H2]",)),
    Subgroup(119, "CH2CHSU", "S0", ("[CX4;H2][SX4](=[OX1])(=[OX1])[CX4;H1]",)),
    Subgroup(97, "AM(CH3)2", "N0", (f"{_AMIDE}[NX3;H0]([CX4;H3])[CX4;H3]",)),
    Subgroup(98, "AMCH3CH2", "N0", (f"{_AMIDE}[NX3;H0]([CX4;H3])[CX4;H2]",)),
    Subgroup(99, "AM(CH2)2", "N0", (f"{_AMIDE}[NX3;H0]([CX4;H2])[CX4;H2]",)),
    Subgroup(95, "AMHCH3", "N1", (f"{_AMIDE}[NX3;H1][CX4;H3]",)),
    Subgroup(96, "AMHCH2", "N1", (f"{_AMIDE}[NX3;H1][CX4;H2]",)),
    Subgroup(94, "AMH2", "N2", (f"{_AMIDE}[NX3;H2]",)),
    Subgroup(109, "NCO", "N0", ("[NX2;H0]=[CX2;H0]=[OX1]",)),
    Subgroup(100, "C2H5O2", "O1", (f"[OX2;H1][CX4;H2][CX4;H2]{_CHAIN_ETHER}",)),
    Subgroup(
        101, "C2H4O2", "O1", (f"[OX2;H1][CX4;H1][CX4;H2]{_CHAIN_ETHER}", f"[OX2;H1][CX4;H2][CX4;H1]{_CHAIN_ETHER}")
    ),
    Subgroup(42, "COOH", "O1", ("[CX3;H0](=[OX1])[OX2;H1]",)),
    Subgroup(23, "HCOO", "C1", ("[CX3;H1](=[OX1])[OX2;H0]",)),
    Subgroup(21, "CH3COO", "C3", (f"[CX4;H3]{_ACYL_OXYGEN}",)),
    Subgroup(22, "CH2COO", "C2", (f"[CX4;H2]{_ACYL_OXYGEN}",)),
    Subgroup(77, "COO", "O0", ("[#6X3;H0](=[OX1])[#8X2;H0;+0]",)),
    Subgroup(18, "CH3CO", "C3", (f"[CX4;H3]{_KETONE}",)),
    Subgroup(19, "CH2CO", "C2", (f"[CX4;H2]{_KETONE}",)),
    Subgroup(20, "CHO", "C1", ("[CX3;H1;$(C[#6])]=[OX1]",)),
    Subgroup(40, "CH3CN", "N0", ("[CX4;H3][CX2]#[NX1]",)),
    Subgroup(41, "CH2CN", "N0", ("[CX4;H2][CX2]#[NX1]",)),
    Subgroup(57, "ACNO2", "N0", (f"[cX3]{_NITRO}",)),
    Subgroup(54, "CH3NO2", "N0", (f"[CX4;H3]{_NITRO}",)),
    Subgroup(55, "CH2NO2", "N0", (f"[CX4;H2]{_NITRO}",)),
    Subgroup(56, "CHNO2", "N0", (f"[CX4;H1]{_NITRO}",)),
    Subgroup(86, "CCL3F", "C0", ("[CX4](Cl)(Cl)(Cl)F",)),
    Subgroup(93, "CCL2F2", "C0", ("[CX4](Cl)(Cl)(F)F",)),
    Subgroup(92, "CCLF3", "C0", ("[CX4](Cl)(F)(F)F",)),
    Subgroup(88, "HCCL2F", "C1", ("[CX4;H1](Cl)(Cl)F",)),
    Subgroup(91, "HCCLF2", "C1", ("[CX4;H1](Cl)(F)F",)),
    Subgroup(87, "CCL2F", "C0", ("[CX4;H0;$(C[!F;!Cl])](Cl)(Cl)F",)),
    Subgroup(90, "CCLF2", "C0", ("[CX4;H0;$(C[!F;!Cl])](Cl)(F)F",)),
    Subgroup(89, "HCCLF", "C1", ("[CX4;H1;$(C[!F;!Cl])](Cl)F",)),
    Subgroup(52, "CCL4", "C0", ("[CX4](Cl)(Cl)(Cl)Cl",)),
    Subgroup(50, "CHCL3", "C1", ("[CX4;H1](Cl)(Cl)Cl",)),
    Subgroup(51, "CCL3", "C0", ("[CX4;H0](Cl)(Cl)Cl",)),
    Subgroup(47, "CH2CL2", "C2", ("[CX4;H2](Cl)Cl",)),
    Subgroup(48, "CHCL2", "C1", ("[CX4;H1](Cl)Cl",)),
    Subgroup(49, "CCL2", "C0", ("[CX4;H0](Cl)Cl",)),
    Subgroup(53, "ACCL", "Cl0", ("[cX3]Cl",)),
    Subgroup(44, "CH2CL", "C2", ("[CX4;H2]Cl",)),
    Subgroup(45, "CHCL", "C1", ("[CX4;H1]Cl",)),
    Subgroup(46, "CCL", "C0", ("[CX4;H0]Cl",)),
    Subgroup(69, "CL-(C=C)", "Cl0", ("[Cl;$(Cl[CX3]=[CX3])]",)),
    Subgroup(71, "ACF", "F0", ("[cX3]F",)),
    Subgroup(74, "CF3", "F0", ("[CX4;H0](F)(F)F",)),
    Subgroup(75, "CF2", "F0", ("[CX4;H0](F)F",)),
    Subgroup(76, "CF", "F0", ("[CX4;H0]F",)),
    Subgroup(63, "I", "I0", ("[I;$(I[#6])]",)),
    Subgroup(64, "BR", "Br0", ("[Br;$(Br[#6])]",)),
    Subgroup(59, "CH3SH", "S1", ("[CX4;H3][SX2;H1]",)),
    Subgroup(60, "CH2SH", "S1", ("[CX4;H2][SX2;H1]",)),
    Subgroup(102, "CH3S", "S0", ("[CX4;H3][SX2;H0]",)),
    Subgroup(103, "CH2S", "S0", ("[CX4;H2][SX2;H0]",)),
    Subgroup(104, "CHS", "S0", ("[CX4;H1][SX2;H0]",)),
    Subgroup(36, "ACNH2", "N2", ("[cX3][NX3;H2;+0]",)),
    Subgroup(28, "CH3NH2", "N2", ("[CX4;H3][NX3;H2]",)),
    Subgroup(29, "CH2NH2", "N2", ("[CX4;H2][NX3;H2]",)),
    Subgroup(30, "CHNH2", "N2", ("[CX4;H1][NX3;H2]",)),
    Subgroup(31, "CH3NH", "N1", (f"[CX4;H3][NX3;H1;{_AMINE}]",)),
    Subgroup(32, "CH2NH", "N1", (f"[CX4;H2][NX3;H1;{_AMINE}]",)),
    Subgroup(33, "CHNH", "N1", (f"[CX4;H1][NX3;H1;{_AMINE}]",)),
    Subgroup(34, "CH3N", "N0", (f"[CX4;H3][NX3;H0;+0;{_AMINE}]",)),
    Subgroup(35, "CH2N", "N0", (f"[CX4;H2][NX3;H0;+0;{_AMINE}]",)),
    # Any ring, as the Dortmund data bank assigns it.
    Subgroup(27, "THF", "O0", (f"[CX4;H2;R]{_ETHER[:-1]};R]",)),
    Subgroup(24, "CH3O", "O0", (f"[CX4;H3]{_ETHER}",)),
    Subgroup(25, "CH2O", "O0", (f"[CX4;H2]{_ETHER}",)),
    Subgroup(26, "CHO", "O0", (f"[CX4;H1]{_ETHER}",)),
    # An alkoxysilane is an ether and a silane; only what is left over, the oxygen of a siloxane, goes with the silicon.
    Subgroup(82, "SIH2O", "O0", ("[SiX4;H2][OX2;H0]",)),
    Subgroup(83, "SIHO", "O0", ("[SiX4;H1][OX2;H0]",)),
    Subgroup(84, "SIO", "O0", ("[SiX4;H0][OX2;H0]",)),
    Subgroup(78, "SIH3", "Si3", ("[SiX4;H3]",)),
    Subgroup(79, "SIH2", "Si2", ("[SiX4;H2]",)),
    Subgroup(80, "SIH", "Si1", ("[SiX4;H1]",)),
    Subgroup(81, "SI", "Si0", ("[SiX4;H0]",)),
    Subgroup(17, "ACOH", "O1", ("[cX3][OX2;H1]",)),
    Subgroup(14, "OH", "O1", ("[OX2;H1;$(O[C]);!$(OC=O)]",)),
    Subgroup(65, "CH=-C", "C1", ("[CX2;H1]#[CX2;H0]",)),
    Subgroup(66, "C=-C", "C0", ("[CX2;H0]#[CX2;H0]",)),
    Subgroup(5, "CH2=CH", "C2", ("[CX3;H2]=[CX3;H1]",)),
    Subgroup(6, "CH=CH", "C1", ("[CX3;H1]=[CX3;H1]",)),
    Subgroup(7, "CH2=C", "C2", ("[CX3;H2]=[CX3;H0]",)),
    Subgroup(8, "CH=C", "C1", ("[CX3;H1]=[CX3;H0]",)),
    Subgroup(70, "C=C", "C0", ("[CX3;H0]=[CX3;H0]",)),
    Subgroup(11, "ACCH3", "C3", ("[cX3;H0][CX4;H3]",)),
    Subgroup(12, "ACCH2", "C2", ("[cX3;H0][CX4;H2]",)),
    Subgroup(13, "ACCH", "C1", ("[cX3;H0][CX4;H1]",)),
    Subgroup(9, "ACH", "C1", ("[cX3;H1]",)),
    Subgroup(10, "AC", "C0", ("[cX3;H0]",)),
    Subgroup(1, "CH3", "C3", ("[CX4;H3]",)),
    Subgroup(2, "CH2", "C2", ("[CX4;H2]",)),
    Subgroup(3, "CH", "C1", ("[CX4;H1]",)),
    Subgroup(4, "C", "C0", ("[CX4;H0]",)),
)
NUMBERS: tuple[int, ...] = tuple(sorted(s.number for s in SUBGROUPS))
_NAME = {s.number: s.name for s in SUBGROUPS}
_COLUMN = {number: column for column, number in enumerate(NUMBERS)}
_Match = tuple[int, tuple[int, ...]]


@cache
def _patterns() -> tuple[tuple[Subgroup, tuple[Chem.Mol, ...]], ...]:
    return tuple((s, tuple(Chem.MolFromSmarts(text) for text in s.smarts)) for s in SUBGROUPS)


@cache
def _benzylic() -> Chem.Mol:
    return Chem.MolFromSmarts("[CX4;$(Cc)]")


@lru_cache(maxsize=CACHED_ROWS)
def unifac_fragmentation(smiles: str) -> Fragmentation:
    """Raises InvalidMolecule. The groups of a mixture are counted together."""
    mol = parse(smiles)
    heavy = heavy_atoms(mol)
    present = set(heavy.values())
    rank = tuple(Chem.CanonicalRankAtoms(mol))
    benzylic = {m[0] for m in mol.GetSubstructMatches(_benzylic())}

    def preference(atoms: tuple[int, ...]) -> tuple[int, list[int]]:
        return len(benzylic.intersection(atoms)), sorted(rank[i] for i in atoms)

    limit = MATCHES_PER_ATOM * len(heavy)
    matches: list[_Match] = []
    for group, patterns in _patterns():
        if group.needs in present:
            # A symmetric ring is found by several patterns, each time with other atoms first.
            found = {
                tuple(sorted(m)): None
                for pattern in patterns
                for m in mol.GetSubstructMatches(pattern, maxMatches=limit)
            }
            matches += [(group.number, atoms) for atoms in sorted(found, key=preference)]
    greedy = _greedy(matches)
    left_over = len(heavy) - sum(len(atoms) for _, atoms in greedy)
    # Only where the first choices leave an atom over is it worth looking for others that do not.
    cover = _cover(heavy, matches) if left_over and len(heavy) <= _LARGEST else None
    return Fragmentation.of(heavy, cover or greedy)


def _greedy(matches: Sequence[_Match]) -> list[_Match]:
    taken: set[int] = set()
    chosen = []
    for number, atoms in matches:
        if taken.isdisjoint(atoms):
            taken.update(atoms)
            chosen.append((number, atoms))
    return chosen


def _cover(heavy: Collection[int], matches: Sequence[_Match]) -> list[_Match] | None:
    """Matches that together hold every heavy atom once, or None (Knuth's exact cover, rarest atom first)."""
    steps = 0

    def search(left: frozenset[int], usable: Sequence[_Match]) -> list[_Match] | None:
        nonlocal steps
        steps += 1
        if not left:
            return []
        if steps > _SEARCH_LIMIT:
            return None
        choices: dict[int, list[_Match]] = {i: [] for i in sorted(left)}
        for match in usable:
            for i in match[1]:
                choices[i].append(match)
        rarest = min(choices, key=lambda i: (len(choices[i]), i))
        for match in choices[rarest]:
            atoms = set(match[1])
            rest = search(left - atoms, [m for m in usable if atoms.isdisjoint(m[1])])
            if rest is not None:
                return [match, *rest]
        return None

    return search(frozenset(heavy), matches)


class UnifacGroups:
    """Counts of UNIFAC's subgroups, in the order of their numbers; atoms outside every group count nowhere."""

    name = "unifac_groups"
    version = "1"
    columns = tuple(f"{number} {_NAME[number]}" for number in NUMBERS)

    def __call__(self, smiles: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (len(smiles), 111). Raises InvalidMolecule."""
        rows = np.zeros((len(smiles), len(NUMBERS)))
        for row, text in zip(rows, smiles, strict=True):
            for number, count in unifac_fragmentation(text).counts.items():
                row[_COLUMN[number]] = count
        return rows
