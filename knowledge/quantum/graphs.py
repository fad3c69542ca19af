"""Molecules as arrays of small integers, made with few calls into RDKit a molecule: some 60 µs at 14 heavy atoms.

`knowledge.features.molgraph` asks each atom and bond a dozen questions and takes ten times as long, which is too slow
for a model that must answer a thousand molecules in the time of one quantum-chemical calculation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors, rdqueries

from knowledge.records.molecule import InvalidMolecule

# Raised whenever another graph is made of the same SMILES.
VERSION = "1"
ELEMENTS = (5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53)
SINGLE, AROMATIC, DOUBLE, TRIPLE, CIS, TRANS = range(6)  # the kinds of edges; the last two are across a double bond
KINDS = 6
_DEGREES, _HYDROGENS, _CHARGES = 7, 5, (-1, 0, 1)
ATOM_FEATURES = len(ELEMENTS) + _DEGREES + _HYDROGENS + len(_CHARGES) + 1
ATOM_CODES = len(ELEMENTS) * _DEGREES * _HYDROGENS * len(_CHARGES) * 2

_KIND_OF_TWICE_ORDER = np.array([SINGLE, SINGLE, SINGLE, AROMATIC, DOUBLE, DOUBLE, TRIPLE])
_HYDROGEN = re.compile(r"\[\d*H|\[\d")  # an atom of hydrogen, or any isotope
_DOT = "."
_FLAGS = Chem.SanitizeFlags
# Of RDKit's clean-up all that decides bond orders and aromaticity; stereochemistry only where the text has any.
_OPERATIONS = int(
    _FLAGS.SANITIZE_CLEANUP
    | _FLAGS.SANITIZE_PROPERTIES
    | _FLAGS.SANITIZE_SYMMRINGS
    | _FLAGS.SANITIZE_KEKULIZE
    | _FLAGS.SANITIZE_FINDRADICALS
    | _FLAGS.SANITIZE_SETAROMATICITY
)
_CROSSED = {
    Chem.BondStereo.STEREOZ: (CIS, TRANS),
    Chem.BondStereo.STEREOCIS: (CIS, TRANS),
    Chem.BondStereo.STEREOE: (TRANS, CIS),
    Chem.BondStereo.STEREOTRANS: (TRANS, CIS),
}

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def _rows() -> Floats:
    """(ATOM_CODES, ATOM_FEATURES): what the digits of each code say, as ones and zeros."""
    codes = np.arange(ATOM_CODES)
    rows = np.zeros((ATOM_CODES, ATOM_FEATURES), dtype=np.float32)
    rest, rows[:, -1] = np.divmod(codes, 2)
    first = ATOM_FEATURES - 1
    for width in (len(_CHARGES), _HYDROGENS, _DEGREES, len(ELEMENTS)):
        rest, digit = np.divmod(rest, width)
        first -= width
        rows[codes, first + digit] = 1.0
    return rows


def _radical() -> Chem.Mol:
    pattern = Chem.RWMol()
    pattern.AddAtom(rdqueries.NumRadicalElectronsGreaterQueryAtom(0))
    return pattern.GetMol()


_ROWS = _rows()
_RADICAL = _radical()


@dataclass(frozen=True)
class Graphs:
    """m molecules as one graph of n atoms and e directed edges, sorted by molecule and by `target`.

    `codes` (n,): atom types below ATOM_CODES; `atoms` (n, ATOM_FEATURES) the same as ones and zeros; `source`,
    `target`, `kind` (e,); `sizes` (m,): atoms of each molecule.
    """

    codes: Integers
    atoms: Floats
    source: Integers
    target: Integers
    kind: Integers
    sizes: Integers


class Refused(ValueError):
    """A molecule that can be read but of which no graph is made; the message says why."""


# From RDKit's hash of an atom's surroundings to our code. The hash is a number of this version of RDKit and is stored
# nowhere; there are some hundreds.
_code_of_hash: dict[int, int] = {}
_parameters: Any = Chem.SmilesParserParams()
_parameters.sanitize = False
_parameters.removeHs = False


def graphs(smiles: Sequence[str]) -> tuple[Graphs, dict[int, str]]:
    """The graph of all that can be represented, and {position: why not} of the others, whose size is 0.

    Refused are salts and mixtures, ions, radicals and elements other than ELEMENTS. Raises InvalidMolecule.
    """
    codes: list[list[int]] = []
    orders: list[npt.NDArray[np.float64]] = []
    crossed: list[tuple[int, int, int, int]] = []
    refused: dict[int, str] = {}
    sizes = np.zeros(len(smiles), dtype=np.int64)
    with rdBase.BlockLogs():
        for i, text in enumerate(smiles):
            mol = _parsed(text)
            try:
                if "[" in text or _DOT in text:
                    _check(mol, text)
                codes.append(_codes(mol))
            except Refused as error:
                refused[i] = str(error)
                continue
            sizes[i] = len(codes[-1])
            orders.append(Chem.GetAdjacencyMatrix(mol, useBO=True).ravel())
            if "/" in text or "\\" in text:
                crossed += [(i, *edge) for edge in _across(mol)]
    source, target, kind = _edges(orders, sizes, crossed)
    flat = np.fromiter(chain.from_iterable(codes), dtype=np.int64, count=int(sizes.sum()))
    return Graphs(flat, _ROWS[flat], source, target, kind, sizes), refused


def _parsed(smiles: str) -> Chem.Mol:
    """Raises InvalidMolecule."""
    mol = Chem.MolFromSmiles(smiles, _parameters) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    try:
        Chem.SanitizeMol(mol, _OPERATIONS)
    except ValueError:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES") from None
    if _HYDROGEN.search(smiles):
        for atom in mol.GetAtoms():
            atom.SetIsotope(0)
        mol = Chem.RemoveHs(mol)
    if "/" in smiles or "\\" in smiles:
        Chem.AssignStereochemistry(mol, cleanIt=True)
    return mol


def _check(mol: Chem.Mol, smiles: str) -> None:
    """What only a text with brackets or a dot can be. Raises Refused."""
    if _DOT in smiles and len(Chem.GetMolFrags(mol)) > 1:
        raise Refused("several fragments")
    if Chem.GetFormalCharge(mol) != 0:
        raise Refused("an ion")
    if mol.HasSubstructMatch(_RADICAL):
        raise Refused("a radical")


def _codes(mol: Chem.Mol) -> list[int]:
    """Raises Refused."""
    hashes = rdMolDescriptors.GetConnectivityInvariants(mol)
    try:
        return [_code_of_hash[h] for h in hashes]
    except KeyError:
        for h, atom in zip(hashes, mol.GetAtoms(), strict=True):
            if h not in _code_of_hash:
                _code_of_hash[h] = _code(atom)
        return [_code_of_hash[h] for h in hashes]


def _code(atom: Chem.Atom) -> int:
    """Raises Refused."""
    if atom.GetAtomicNum() not in ELEMENTS:
        raise Refused(f"the element {atom.GetSymbol()}")
    charge = min(max(atom.GetFormalCharge(), _CHARGES[0]), _CHARGES[-1])
    code = ELEMENTS.index(atom.GetAtomicNum())
    code = code * _DEGREES + min(atom.GetTotalDegree(), _DEGREES - 1)
    code = code * _HYDROGENS + min(atom.GetTotalNumHs(), _HYDROGENS - 1)
    code = code * len(_CHARGES) + charge - _CHARGES[0]
    return code * 2 + int(atom.IsInRing())


def _across(mol: Chem.Mol) -> list[tuple[int, int, int]]:
    """(atom, atom, kind) of the substituents across each double bond of known geometry."""
    found = []
    for bond in mol.GetBonds():
        kinds = _CROSSED.get(bond.GetStereo())
        if kinds is None:
            continue
        a, b = bond.GetBeginAtom(), bond.GetEndAtom()
        left, right = bond.GetStereoAtoms()
        for i in (n.GetIdx() for n in a.GetNeighbors() if n.GetIdx() != b.GetIdx()):
            for j in (n.GetIdx() for n in b.GetNeighbors() if n.GetIdx() != a.GetIdx()):
                kind = kinds[(i != left) ^ (j != right)]
                found += [(i, j, kind), (j, i, kind)]
    return found


def _edges(
    orders: Sequence[npt.NDArray[np.float64]], sizes: Integers, crossed: Sequence[tuple[int, int, int, int]]
) -> tuple[Integers, Integers, Integers]:
    """One search for the bonds of all molecules, in their adjacency matrices laid end to end."""
    first = np.cumsum(sizes) - sizes
    squares = sizes**2
    flat = np.concatenate(orders) if orders else np.zeros(0)
    places = np.flatnonzero(flat)
    kind = _KIND_OF_TWICE_ORDER[np.minimum((2.0 * flat[places]).astype(np.int64), 6)]
    ends = np.cumsum(squares)
    owner = np.searchsorted(ends, places, side="right")
    row, column = np.divmod(places - (ends - squares)[owner], sizes[owner])
    target, source = first[owner] + row, first[owner] + column
    if crossed:
        molecule, a, b, extra = np.array(crossed, dtype=np.int64).T
        source = np.concatenate([source, first[molecule] + a])
        target = np.concatenate([target, first[molecule] + b])
        kind = np.concatenate([kind, extra])
        order = np.argsort(target, kind="stable")
        source, target, kind = source[order], target[order], kind[order]
    return source, target, kind
