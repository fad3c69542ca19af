"""Root-aligned SMILES: reactants written in the order in which the product's string visits the same atoms.

The idea is R-SMILES (Z. Zhong et al., Chem. Sci. 2022, 13, 9023): root the product at any atom, root each reactant at
the atom that the product names first. Here the reactants follow the product at every branch as well, and atoms
that the product lacks stand where it names the neighbour that they replace, so that almost all of the
reactants' text is the product's text in large pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rdkit import Chem


@dataclass(frozen=True, slots=True)
class Written:
    """A SMILES and, for each atom in the order of the text, the atom's map number (0: not in the product)."""

    smiles: str
    maps: tuple[int, ...]


class AtomMapMissing(ValueError):
    """A reaction whose product and reactants share no mapped atom."""


def _order(mol: Chem.Mol) -> list[int]:
    return [int(i) for i in mol.GetProp("_smilesAtomOutputOrder")[1:-1].split(",") if i]


class Product:
    """A molecule that can be written from any of its atoms. `maps[i]` is the map number of atom i."""

    def __init__(self, mol: Chem.Mol, maps: list[int]) -> None:
        self.mol = mol
        self.maps = maps
        self.neighbours = {
            maps[atom.GetIdx()]: {maps[n.GetIdx()] for n in atom.GetNeighbors()} for atom in mol.GetAtoms()
        }

        self._written: dict[int, Written] = {}

    def written(self, root: int) -> Written:
        if root not in self._written:
            smiles = Chem.MolToSmiles(self.mol, rootedAtAtom=root)
            self._written[root] = Written(smiles, tuple(self.maps[i] for i in _order(self.mol)))
        return self._written[root]


class Reactant:
    """One reactant; `maps[i]` is 0 for atoms that the product lacks."""

    def __init__(self, mol: Chem.Mol, maps: list[int], product: Product) -> None:
        self.mol = mol
        self.maps = maps
        self._ranks = list(Chem.CanonicalRankAtoms(mol)) if not all(maps) else [0] * len(maps)
        self._leaving = self._leaving_groups()
        self._lost: dict[int, list[int]] = {}
        for group in self._leaving:
            for atom, _ in group[1]:
                near = {maps[n.GetIdx()] for n in mol.GetAtomWithIdx(atom).GetNeighbors()}
                self._lost[atom] = sorted(product.neighbours[maps[atom]] - near)

    def _leaving_groups(self) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Connected atoms that the product lacks, and where they hang: pairs (kept atom, its leaving neighbour)."""
        groups = []
        seen: set[int] = set()
        for start, number in enumerate(self.maps):
            if number or start in seen:
                continue
            seen.add(start)
            members, bonds = [start], []
            for i in members:
                for n in self.mol.GetAtomWithIdx(i).GetNeighbors():
                    j = n.GetIdx()
                    if self.maps[j]:
                        bonds.append((j, i))
                    elif j not in seen:
                        seen.add(j)
                        members.append(j)
            groups.append((members, bonds))
        return groups

    def place(self, position: Mapping[int, int]) -> int:
        """Where the product first names an atom of this reactant; beyond its end when it names none."""
        return min((position[m] for m in self.maps if m), default=len(position))

    def written(self, position: Mapping[int, int]) -> Written:
        """`position`: map number -> index in the order of the product's text."""
        if not any(self.maps):
            smiles = Chem.MolToSmiles(self.mol)
            return Written(smiles, (0,) * len(self.maps))
        keys: list[tuple[float, int]] = [(float(position[m]) if m else 0.0, 0) for m in self.maps]
        first = min((i for i, m in enumerate(self.maps) if m), key=lambda i: keys[i])
        root = first
        lost = {atom: sorted(position[m] for m in gone) for atom, gone in self._lost.items()}
        for members, bonds in self._leaving:
            atom, leaving = min(bonds, key=lambda bond: keys[bond[0]][0])
            here = keys[atom][0]
            base = here + 0.25
            if lost[atom]:
                there = lost[atom].pop(0)
                if there > here:
                    base = there - 0.5
                elif atom == first and root == first:
                    base, root = here - 0.5, leaving
            for i in members:
                keys[i] = (base, self._ranks[i])
        order = sorted(range(len(keys)), key=lambda i: keys[i])
        mol = Chem.RenumberAtoms(self.mol, order)
        smiles = Chem.MolToSmiles(mol, rootedAtAtom=order.index(root), canonical=False)
        return Written(smiles, tuple(self.maps[order[i]] for i in _order(mol)))


@dataclass(frozen=True, slots=True)
class AlignedReaction:
    product: Product
    reactants: tuple[Reactant, ...]

    def written(self, root: int) -> tuple[Written, Written]:
        """The product from atom `root`, and the reactants aligned to it, joined by dots."""
        product = self.product.written(root)
        position = {m: i for i, m in enumerate(product.maps)}
        parts = [r.written(position) for r in sorted(self.reactants, key=lambda r: r.place(position))]
        maps = tuple(m for part in parts for m in part.maps)
        return product, Written(".".join(part.smiles for part in parts), maps)


def _unmapped(mol: Chem.Mol) -> list[int]:
    maps = [atom.GetAtomMapNum() for atom in mol.GetAtoms()]
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return maps


def align(product: Chem.Mol, reactants: Chem.Mol) -> AlignedReaction:
    """From mapped molecules, which lose their map numbers. Raises AtomMapMissing."""
    product_maps = _unmapped(product)
    # Product atoms from nowhere still need a name of their own to be written; none of the reactants knows it.
    spare = max(product_maps, default=0) + 1000
    product_maps = [m or spare + i for i, m in enumerate(product_maps)]
    return align_to(Product(product, product_maps), reactants, _unmapped(reactants))


def align_to(product: Product, reactants: Chem.Mol, maps: list[int]) -> AlignedReaction:
    """`maps`: for each reactant atom its number in the product, 0 or an unknown one for none. Raises AtomMapMissing."""
    maps = [m if m in product.neighbours else 0 for m in maps]
    if not any(maps):
        raise AtomMapMissing("no atom of the product is mapped to a reactant")
    atoms: list[tuple[int, ...]] = []
    parts = Chem.GetMolFrags(reactants, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=atoms)
    return AlignedReaction(
        product,
        tuple(Reactant(part, [maps[i] for i in index], product) for part, index in zip(parts, atoms, strict=True)),
    )
