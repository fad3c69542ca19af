"""What a part of a molecule is called: "OH", "CH2", "CO2", "benzene ring"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from rdkit import Chem

_RINGS = {
    "c1ccccc1": "benzene ring",
    "C1CCCCC1": "cyclohexane ring",
    "C1CCCC1": "cyclopentane ring",
    "C1CCC1": "cyclobutane ring",
    "C1CC1": "cyclopropane ring",
    "c1ccc2ccccc2c1": "naphthalene rings",
}
_ORDER = ("C", "H", "N", "P", "S", "O", "F", "Cl", "Br", "I")


def name_of(mol: Chem.Mol, atoms: Sequence[int], swapped: Collection[int]) -> str:
    """`swapped`: the ring's heteroatoms, which are named on their own. A ring goes by its atoms, a group by its formula
    with hydrogens, carbons first: "CONH2", "NO2".
    """
    rings = [r for r in mol.GetRingInfo().AtomRings() if set(r) <= set(atoms)]
    if rings:
        members = sorted({a for r in rings for a in r})
        text = Chem.MolFragmentToSmiles(mol, members)
        if text in _RINGS:
            return _RINGS[text]
        aromatic = all(mol.GetAtomWithIdx(a).GetIsAromatic() for a in members)
        sizes = "-".join(str(len(r)) for r in rings)
        kind = "aromatic " if aromatic else ""
        return f"{kind}{sizes}-membered ring" + ("s" if len(rings) > 1 else "")
    counts: Counter[str] = Counter()
    charge = 0
    for a in atoms:
        atom = mol.GetAtomWithIdx(a)
        counts[atom.GetSymbol()] += 1
        counts["H"] += atom.GetTotalNumHs()
        charge += atom.GetFormalCharge()
    return _formula(counts) + ("+" * charge if charge > 0 else "-" * -charge)


def _formula(counts: Counter[str]) -> str:
    if counts["C"] == 1 and counts["O"] and counts["H"]:
        # As they are written: CO2H, CHO, CONH2.
        order: tuple[str, ...] = ("C", "O", "N", "H") if counts["O"] == 2 or counts["N"] else ("C", "H", "O")
    elif not counts["C"] and counts["H"]:
        order = ("N", "O", "S", "H")
    else:
        order = _ORDER
    symbols = [*(s for s in order if counts[s]), *sorted(s for s in counts if counts[s] and s not in order)]
    return "".join(f"{s}{counts[s] if counts[s] > 1 else ''}" for s in symbols)
