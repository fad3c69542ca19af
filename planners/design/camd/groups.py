"""The groups that molecules are put together from and cut into: one table, read by the model, the decoder and the gate.

Close to Joback's groups (K. G. Joback, R. C. Reid, Chem. Eng. Commun. 57 (1987) 233), with our own SMARTS. Where a
sum of Joback's groups describes a function badly (amides, lactams, carbonates), the function is a group of its own;
`joback` says which of Joback's groups it is made of, so that his contributions can be used.

Every group has ports, each for one bond to another group. A port's class says what may be bonded to it, and its bond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

from rdkit import Chem

from knowledge.features.featurizer import CACHED_ROWS, parse
from knowledge.features.joback_groups import MATCHES_PER_ATOM, Fragmentation, heavy_atoms
from planners.design.space import compile_smarts

# Classes of ports. Carbon: sp3, vinyl, aromatic; the end of a double bond; acyl carbon. The others are heteroatoms,
# or carbon (nitrile) that is not to be bonded to one.
CARBON = frozenset({"sp3", "vinyl", "aryl"})
HETERO = frozenset(
    {"alcohol", "phenol", "ether", "ester", "amine", "amide", "nitrile", "halogen", "sulfide", "nitrogen"}
)


def allowed(one: str, other: str) -> bool:
    """Whether two ports may be bonded: never two heteroatoms, nor a heteroatom to acyl (that makes another group)."""
    if "double" in (one, other):
        return one == other
    if one in HETERO:
        one, other = other, one
    if other not in HETERO:
        return True
    if other == "alcohol":
        return one == "sp3"
    if other == "phenol":
        return one == "aryl"
    return one in CARBON


@dataclass(frozen=True)
class Group:
    """One group.

    template: SMILES with a dummy atom for every port, numbered from 1 in the order of `ends` and then `ports`.
    ports: classes of the ports outside a ring.
    ends: classes of the two bonds within the ring, of a ring group (lactone: carbonyl end, then oxygen end).
    smarts: matches exactly the group's own atoms, in molecules.  needs: an element and a number of hydrogens of one of
        its atoms, so that most groups need not be looked for.
    joback: numbers of Joback's groups that it consists of, and how often each.
    ring: "chain", "ring" (of single bonds, not aromatic) or "aromatic" (six-membered).
    """

    name: str
    template: str
    ports: tuple[str, ...]
    smarts: str
    needs: str
    joback: Mapping[int, int]
    ring: str = "chain"
    ends: tuple[str, ...] = ()
    elements: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counts: dict[str, int] = {}
        for atom in self.molecule.GetAtoms():
            if atom.GetAtomicNum():
                counts[atom.GetSymbol()] = counts.get(atom.GetSymbol(), 0) + 1
        object.__setattr__(self, "elements", counts)

    @cached_property
    def molecule(self) -> Chem.Mol:
        """The template, dummy atoms and all, not sanitised: an aromatic atom alone is no molecule."""
        return Chem.MolFromSmiles(self.template, sanitize=False)

    @cached_property
    def anchors(self) -> tuple[int, ...]:
        """The template atom that each of `ends` and `ports` leaves from."""
        by_number = {
            atom.GetAtomMapNum(): atom.GetNeighbors()[0].GetIdx()
            for atom in self.molecule.GetAtoms()
            if atom.GetAtomMapNum()
        }
        return tuple(by_number[i + 1] for i in range(len(self.ends) + len(self.ports)))

    @property
    def heavy_atoms(self) -> int:
        return sum(self.elements.values())

    @cached_property
    def hydrogens(self) -> int:
        if self.ring == "aromatic":
            return int(self.needs == "C1")
        mol = Chem.MolFromSmiles(self.template)
        return sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())

    @cached_property
    def alike(self) -> tuple[int, ...]:
        """For each of `ports` a number, the same for ports that the group's symmetry exchanges."""
        mol = Chem.Mol(self.molecule)
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
        mol.UpdatePropertyCache(strict=False)
        ranks = Chem.CanonicalRankAtoms(mol, breakTies=False)
        return tuple(ranks[a] for a in self.anchors[len(self.ends) :])

    @property
    def ring_atoms(self) -> int:
        """How many atoms it adds to the path round its ring; 0 of a chain group."""
        return {"ring_ester": 2, "ring_amide": 2, "ring_amide_nh": 2, "ring_carbonate": 3}.get(
            self.name, 1 if self.ends else 0
        )


def _chain(
    name: str, template: str, ports: Sequence[str], smarts: str, needs: str, joback: Mapping[int, int] | None = None
) -> Group:
    return Group(name, template, tuple(ports), smarts, needs, joback or {})


def _ring(
    name: str,
    template: str,
    ends: tuple[str, str],
    ports: Sequence[str],
    smarts: str,
    needs: str,
    joback: Mapping[int, int],
) -> Group:
    return Group(name, template, tuple(ports), smarts, needs, joback, "ring", ends)


_C = "#6;!$([#6]=[O,N,S]);!$([#6]#N)"  # a carbon that is neither acyl nor nitrile
_ACYL = "[CX3;H0;!R;$(C-[#6])](=[OX1])"

# In the order in which they are looked for: groups of several atoms take theirs away from simpler ones.
GROUPS: tuple[Group, ...] = (
    _chain("acid", "[*:1]C(=O)O", ["acyl"], "[CX3;H0;!R;$(C-[#6])](=[OX1])-[OX2;H1]", "O1", {27: 1}),
    _ring(
        "ring_carbonate",
        "[*:1]OC(=O)O[*:2]",
        ("ester", "ester"),
        [],
        "[OX2;H0;R;!a;$(O-[CX4])]-;@[CX3;R](=[OX1])-;@[OX2;H0;R;!a;$(O-[CX4])]",
        "O0",
        {23: 1, 28: 1},
    ),
    _chain(
        "carbonate",
        "[*:1]OC(=O)O[*:2]",
        ["ester", "ester"],
        f"[OX2;H0;!R;$(O(-C=O)-[{_C}])]-[CX3;!R](=[OX1])-[OX2;H0;!R;$(O(-C=O)-[{_C}])]",
        "O0",
        {22: 1, 28: 1},
    ),
    _ring(
        "ring_ester",
        "[*:1]C(=O)O[*:2]",
        ("acyl", "ester"),
        [],
        f"[CX3;H0;R;$(C(-;@[#6])-;@O)](=[OX1])-;@[OX2;H0;R;$(O(-C=O)-[{_C}])]",
        "O0",
        {28: 1},
    ),
    _chain(
        "ester",
        "[*:1]C(=O)O[*:2]",
        ["acyl", "ester"],
        f"{_ACYL}-[OX2;H0;!R;$(O(-C=O)-[{_C}])]",
        "O0",
        {28: 1},
    ),
    _ring(
        "ring_amide",
        "[*:1]C(=O)N([*:2])[*:3]",
        ("acyl", "amide"),
        ["amide"],
        f"[CX3;H0;R;$(C-;@[#6])](=[OX1])-;@[NX3;H0;+0;R;$(N(-C=O)(-;!@[{_C}])-;@[{_C}])]",
        "N0",
        {25: 1, 33: 1},
    ),
    _ring(
        "ring_amide_nh",
        "[*:1]C(=O)N[*:2]",
        ("acyl", "amide"),
        [],
        f"[CX3;H0;R;$(C-;@[#6])](=[OX1])-;@[NX3;H1;+0;R;$(N(-C=O)-;@[{_C}])]",
        "N1",
        {25: 1, 32: 1},
    ),
    _chain(
        "amide",
        "[*:1]C(=O)N([*:2])[*:3]",
        ["acyl", "amide", "amide"],
        f"{_ACYL}-[NX3;H0;+0;!R;$(N(-C=O)(-[{_C}])-[{_C}])]",
        "N0",
        {24: 1, 33: 1},
    ),
    _chain(
        "amide_nh",
        "[*:1]C(=O)N[*:2]",
        ["acyl", "amide"],
        f"{_ACYL}-[NX3;H1;+0;!R;$(N(-C=O)-[{_C}])]",
        "N1",
        {24: 1, 31: 1},
    ),
    _chain(
        "formamide",
        "O=CN([*:1])[*:2]",
        ["amide", "amide"],
        f"[OX1]=[CX3;H1]-[NX3;H0;+0;!R;$(N(-C=O)(-[{_C}])-[{_C}])]",
        "N0",
    ),
    _chain("sulfoxide", "[*:1]S(=O)[*:2]", ["sulfide", "sulfide"], f"[SX3;!R;$(S(-[{_C}])-[{_C}])]=[OX1]", "S0"),
    _ring(
        "ring_sulfone",
        "[*:1]S(=O)(=O)[*:2]",
        ("sulfide", "sulfide"),
        [],
        f"[SX4;R;$(S(-;@[{_C}])-;@[{_C}])](=[OX1])=[OX1]",
        "S0",
        {},
    ),
    _chain("aldehyde", "[*:1]C=O", ["acyl"], "[CX3;H1;$(C-[#6])]=[OX1]", "C1", {26: 1}),
    _ring("ring_ketone", "[*:1]C(=O)[*:2]", ("acyl", "acyl"), [], "[CX3;R;$(C([#6])[#6])]=[OX1]", "C0", {25: 1}),
    _chain("ketone", "[*:1]C(=O)[*:2]", ["acyl", "acyl"], "[CX3;!R;$(C([#6])[#6])]=[OX1]", "C0", {24: 1}),
    _chain("nitrile", "[*:1]C#N", ["nitrile"], f"[CX2;H0;$(C-[{_C}])]#[NX1]", "C0", {37: 1}),
    _chain("phenol", "[*:1]O", ["phenol"], "[OX2;H1;$(O-c)]", "O1", {21: 1}),
    _chain("alcohol", "[*:1]O", ["alcohol"], "[OX2;H1;$(O-[CX4])]", "O1", {20: 1}),
    _ring("ring_ether", "[*:1]O[*:2]", ("ether", "ether"), [], "[OX2;H0;R;!a;$(O([CX4])[CX4])]", "O0", {23: 1}),
    _chain("ether", "[*:1]O[*:2]", ["ether", "ether"], f"[OX2;H0;!R;$(O([{_C}])[{_C}])]", "O0", {22: 1}),
    _ring("ring_ch2", "[*:1]C[*:2]", ("sp3", "sp3"), [], "[CX4;H2;R]", "C2", {11: 1}),
    _ring("ring_ch", "[*:1]C([*:2])[*:3]", ("sp3", "sp3"), ["sp3"], "[CX4;H1;R;x2]", "C1", {12: 1}),
    _ring("ring_c", "[*:1]C([*:2])([*:3])[*:4]", ("sp3", "sp3"), ["sp3", "sp3"], "[CX4;H0;R;x2]", "C0", {13: 1}),
    _chain("ch3", "[*:1]C", ["sp3"], "[CX4;H3]", "C3", {1: 1}),
    _chain("ch2", "[*:1]C[*:2]", ["sp3"] * 2, "[CX4;H2;!R]", "C2", {2: 1}),
    _chain("ch", "[*:1]C([*:2])[*:3]", ["sp3"] * 3, "[CX4;H1;!R]", "C1", {3: 1}),
    _chain("c", "[*:1]C([*:2])([*:3])[*:4]", ["sp3"] * 4, "[CX4;H0;!R]", "C0", {4: 1}),
    _chain("=ch2", "[*:1]=C", ["double"], "[CX3;H2;$(C=[CX3])]", "C2", {5: 1}),
    _chain("=ch", "[*:1]=C[*:2]", ["double", "vinyl"], "[CX3;H1;!R;$(C=[CX3;!R])]", "C1", {6: 1}),
    _chain("=c", "[*:1]=C([*:2])[*:3]", ["double", "vinyl", "vinyl"], "[CX3;H0;!R;$(C=[CX3;!R])]", "C0", {7: 1}),
    Group("aromatic_ch", "[*:1]:c:[*:2]", (), "[cX3;H1;r6;x2]", "C1", {14: 1}, "aromatic", ("aryl", "aryl")),
    Group(
        "aromatic_c", "[*:1]:c(:[*:2])[*:3]", ("aryl",), "[cX3;H0;r6;x2]", "C0", {15: 1}, "aromatic", ("aryl", "aryl")
    ),
    Group("aromatic_n", "[*:1]:n:[*:2]", (), "[nX2;H0;r6;x2]", "N0", {35: 1}, "aromatic", ("nitrogen", "nitrogen")),
    _chain("nh2", "[*:1]N", ["amine"], f"[NX3;H2;+0;$(N-[{_C}])]", "N2", {30: 1}),
    _ring("ring_nh", "[*:1]N[*:2]", ("amine", "amine"), [], "[NX3;H1;+0;R;!a;$(N([CX4])[CX4])]", "N1", {32: 1}),
    _chain("nh", "[*:1]N[*:2]", ["amine"] * 2, f"[NX3;H1;+0;!R;$(N(-[{_C}])-[{_C}])]", "N1", {31: 1}),
    _ring(
        "ring_n",
        "[*:1]N([*:2])[*:3]",
        ("amine", "amine"),
        ["amine"],
        f"[NX3;H0;+0;R;x2;!a;$(N(-;@[CX4])(-;@[CX4])-;!@[{_C}])]",
        "N0",
        {33: 1},
    ),
    _chain("n", "[*:1]N([*:2])[*:3]", ["amine"] * 3, f"[NX3;H0;+0;!R;$(N(-[{_C}])(-[{_C}])-[{_C}])]", "N0", {33: 1}),
    _chain("sulfide", "[*:1]S[*:2]", ["sulfide"] * 2, f"[SX2;H0;!R;$(S(-[{_C}])-[{_C}])]", "S0", {40: 1}),
    _chain("fluorine", "[*:1]F", ["halogen"], f"[FX1;$(F-[{_C}])]", "F0", {16: 1}),
    _chain("chlorine", "[*:1]Cl", ["halogen"], f"[ClX1;$(Cl-[{_C}])]", "Cl0", {17: 1}),
)
NAMES: tuple[str, ...] = tuple(group.name for group in GROUPS)
BY_NAME: dict[str, Group] = {group.name: group for group in GROUPS}


class UnknownGroup(ValueError):
    """A name that is no group; the message lists those that are."""


def chosen(names: Sequence[str]) -> tuple[Group, ...]:
    """Groups by name, in the order of the table. Raises UnknownGroup."""
    for name in names:
        if name not in BY_NAME:
            raise UnknownGroup(f"unknown group '{name}'; known: {', '.join(sorted(BY_NAME))}")
    return tuple(group for group in GROUPS if group.name in names)


@cache
def _patterns() -> tuple[tuple[int, str, Chem.Mol], ...]:
    return tuple((i, group.needs, compile_smarts(group.smarts)) for i, group in enumerate(GROUPS))


@lru_cache(maxsize=CACHED_ROWS)
def fragmentation(smiles: str) -> Fragmentation:
    """A molecule cut into groups, numbered as in `GROUPS`. Raises InvalidMolecule."""
    return fragment(parse(smiles))


def fragment(mol: Chem.Mol) -> Fragmentation:
    """The same of a sanitised molecule."""
    heavy = heavy_atoms(mol)
    present = set(heavy.values())
    taken: set[int] = set()
    found: list[tuple[int, tuple[int, ...]]] = []
    for number, needs, pattern in _patterns():
        if needs not in present:
            continue
        for match in mol.GetSubstructMatches(pattern, maxMatches=MATCHES_PER_ATOM * len(heavy)):
            if taken.isdisjoint(match):
                taken.update(match)
                found.append((number, match))
        if len(taken) == len(heavy):
            break
    return Fragmentation.of(heavy, found)


def group_counts(smiles: str) -> dict[str, int] | None:
    """How often each group occurs, by name; None where an atom is in no group. Raises InvalidMolecule."""
    found = fragmentation(smiles)
    return {NAMES[i]: n for i, n in found.counts.items()} if found.complete else None
