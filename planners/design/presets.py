"""Spaces of the usual kinds of products, as the values of `DesignSpace`'s fields, with the reasons for the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A process solvent must not stink, corrode, or add to what is dissolved in it.
_SOLVENT: dict[str, Any] = {
    "elements": ("C", "H", "N", "O", "S", "F"),
    "min_heavy_atoms": 4,
    "max_heavy_atoms": 14,
    "max_rings": 2,
    "max_ring_size": 8,
    "forbidden": (
        "[r3,r4]",  # small rings: costly to close, quick to open
        "[SX2H]",  # thiols
        "[CX3H1](=O)[#6]",  # aldehydes
        "[CX3](=O)[OX2H]",  # carboxylic acids
        "[NX3;H2,H1;!$(N-[C,S]=[O,S,N]);!$(N-C#N)]-[CX4]",  # nucleophilic amines
    ),
    "max_synthetic_accessibility": 4.0,  # dimethyl isosorbide has 3.95
}

# What is smelt must reach the nose: odorants weigh 30 to 300 g/mol (C. S. Sell, The Chemistry of Fragrances, 2nd ed.,
# 2006), musks being the heaviest. The rest is what perfumers avoid: stench, sourness, colour, and what IFRA restricts.
_FRAGRANCE: dict[str, Any] = {
    "elements": ("C", "H", "O", "N", "S"),
    "min_heavy_atoms": 7,  # hexanol; what is smaller is gone from the skin in minutes
    "max_heavy_atoms": 20,  # galaxolide and ethylene brassylate have 19
    "max_rings": 3,  # cedrenes and ambroxide are tricyclic
    "max_ring_size": 17,  # macrocyclic musks: civetone has 17, pentadecanolide 16
    "forbidden": (
        "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",  # nitro musks are phototoxic and stay in the environment
        "[SX2H]",  # thiols, pleasant at parts per billion only
        "[CX3](=O)[OX2H]",  # acids: sour to rancid, and no longer volatile in soap
        "[NX3;!$(N-[C,S]=[O,S,N]);!$(N-a);!$(N-C#N)]-[CX4]",  # aliphatic amines: fishy
        "[CX4]([#7,#8,#16;!R])([#7,#8,#16;!R])[#7,#8,#16;!R]",  # orthoesters, which hydrolyse in any product
        "[#7,#16].[#7,#16].[#7,#16]",  # nitrogen and sulfur are rare: two of them at most, as in a pyrazine
    ),
    "max_synthetic_accessibility": 4.5,  # ambroxide, made from a natural product, has 4.3
}
# Colour needs a long conjugated system: eight sp2 atoms in a row are where absorption begins to reach the visible with
# a donor and an acceptor. 30 heavy atoms are also the most that the guess of orbital energies has learned from.
_DYE: dict[str, Any] = {
    "elements": ("C", "H", "N", "O", "S", "F", "Cl"),
    "min_heavy_atoms": 14,
    "max_heavy_atoms": 30,
    "max_rings": 6,
    "max_ring_size": 7,
    "required": (
        "a",  # cyanines with open ends bleach in daylight; an arene holds a chromophore
        "[^2]~[^2]~[^2]~[^2]~[^2]~[^2]~[^2]~[^2]",
    ),
    "forbidden": (
        "[r3,r4]",
        "[SX2H]",
        "[CX3H1](=O)[#6]",  # aldehydes: intermediates of dyes, not dyes
        "[CX4][Cl]",  # alkylating agents
        "[NX3;H2]-c1ccc(-c2ccc([NX3;H2])cc2)cc1",  # benzidine, a carcinogen
    ),
    "max_synthetic_accessibility": 4.5,
}
# A tail that water does not want, and a head that it does. Heads are neutral or carry both charges (amine oxides,
# betaines): an ionic one comes with a counter-ion, and a salt is two components.
_SURFACTANT: dict[str, Any] = {
    "elements": ("C", "H", "N", "O", "S"),
    "min_heavy_atoms": 12,
    "max_heavy_atoms": 40,  # hexaethylene glycol monohexadecyl ether has 35
    "max_rings": 2,  # a sugar with an acetal
    "max_ring_size": 7,
    "max_charged_atoms": 2,
    "required": (
        "[CH3][CX4H2;!R][CX4H2;!R][CX4H2;!R][CX4H2;!R][CX4H2;!R][CX4H2;!R][CX4H2;!R]",  # octyl: the shortest useful
        "[$([OX2H]-[CX4]),$([OX2](-[CX4H2])-[CX4H2]-[CX4H2]-[OX2]),$([NX3]-[CX3]=[OX1]),$([NX4+]),$([SX3]=[OX1])]",
    ),
    "forbidden": (
        "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",
        "[SX2H]",
        "[CX3H1](=O)[#6]",
        "[CX3]=[CX3]",  # olefins turn rancid
        "C#C",
        "[r3,r4]",
    ),
    "max_synthetic_accessibility": 4.5,
}
# For benchmarks that ask for any molecule: the elements that SMILES writes without brackets, any size that is still
# one, charges as they come. Nothing is forbidden.
_ANY: dict[str, Any] = {
    "elements": ("C", "H", "B", "N", "O", "F", "P", "S", "Cl", "Br", "I"),
    "min_heavy_atoms": 1,
    "max_heavy_atoms": 100,
    "neutral": False,
    "max_charged_atoms": 100,
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "solvent": _SOLVENT,
    "fragrance": _FRAGRANCE,
    "dye": _DYE,
    "surfactant": _SURFACTANT,
    "any": _ANY,
}
