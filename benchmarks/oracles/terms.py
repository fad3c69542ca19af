"""The terms that objectives are made of: similarity to a molecule, a descriptor, a formula, a pattern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from rdkit import Chem
from rdkit.Chem import GraphDescriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.DataStructs import TanimotoSimilarity

from benchmarks.oracles.oracle import Term
from benchmarks.oracles.pharmacophores import pharmacophores
from benchmarks.oracles.shapes import Shape, gaussian, geometric_mean

# Count fingerprints, not folded: ECFP4/6 and FCFP4 (Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742), atom pairs
# up to 10 bonds apart (Carhart et al., J. Chem. Inf. Comput. Sci. 1985, 25, 64), and the bits of pharmacophores of two
# and three points (Gobbi and Poppinger, Biotechnol. Bioeng. 1998, 61, 47).
Kind = Literal["ECFP4", "ECFP6", "FCFP4", "AP", "PHCO"]


@cache
def _fingerprint(kind: Kind) -> Callable[[Chem.Mol], Any]:
    if kind == "PHCO":
        return pharmacophores
    if kind == "AP":
        generator = rdFingerprintGenerator.GetAtomPairGenerator(minDistance=1, maxDistance=10)
    elif kind == "FCFP4":
        invariants = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
        generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, atomInvariantsGenerator=invariants)
    else:
        generator = rdFingerprintGenerator.GetMorganGenerator(radius=3 if kind == "ECFP6" else 2)
    fingerprint: Callable[[Chem.Mol], Any] = generator.GetSparseCountFingerprint
    return fingerprint


def molecule(smiles: str) -> Chem.Mol:
    """Raises ValueError when the text is no SMILES."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(f"'{smiles}' is no SMILES")
    return mol


def similarity(target: str, kind: Kind, shape: Shape | None = None) -> Term:
    """Tanimoto similarity to `target` (SMILES), 0..1, through `shape`."""
    fingerprint = _fingerprint(kind)
    wanted = fingerprint(molecule(target))

    def term(mol: Chem.Mol) -> float:
        value = float(TanimotoSimilarity(wanted, fingerprint(mol)))
        return value if shape is None else shape(value)

    return term


def described(descriptor: Callable[[Chem.Mol], float], shape: Shape) -> Term:
    return lambda mol: shape(float(descriptor(mol)))


def log_p(mol: Chem.Mol) -> float:
    """Crippen's estimate, J. Chem. Inf. Comput. Sci. 1999, 39, 868."""
    return float(rdMolDescriptors.CalcCrippenDescriptors(mol)[0])


def tpsa(mol: Chem.Mol) -> float:
    """Topological polar surface area in Å², nitrogen and oxygen only; Ertl et al., J. Med. Chem. 2000, 43, 3714."""
    return float(rdMolDescriptors.CalcTPSA(mol))


def bertz(mol: Chem.Mol) -> float:
    """Complexity; Bertz, J. Am. Chem. Soc. 1981, 103, 3599."""
    return float(GraphDescriptors.BertzCT(mol))


def atoms(element: str) -> Callable[[Chem.Mol], float]:
    return lambda mol: float(sum(atom.GetSymbol() == element for atom in mol.GetAtoms()))


def formula(**wanted: int) -> Term:
    """Geometric mean of how near the counts of each element are (sigma 1), and that of all atoms (sigma 2)."""
    near = {element: gaussian(count, 1.0) for element, count in wanted.items()}
    near_total = gaussian(sum(wanted.values()), 2.0)

    def term(mol: Chem.Mol) -> float:
        counts: Counter[str] = Counter()
        for atom in mol.GetAtoms():
            counts[atom.GetSymbol()] += 1
            counts["H"] += atom.GetTotalNumHs()
        return geometric_mean([shape(counts[e]) for e, shape in near.items()] + [near_total(counts.total())])

    return term


def has(smarts: str) -> Term:
    """1 when the pattern matches, else 0."""
    pattern = Chem.MolFromSmarts(smarts)
    return lambda mol: float(mol.HasSubstructMatch(pattern))


def has_not(smarts: str) -> Term:
    """0 when the pattern matches, else 1."""
    matches = has(smarts)
    return lambda mol: 1.0 - matches(mol)
