"""Would a chemist expect this molecule to sit in a bottle? Structural rules, the first broken one is named."""

from __future__ import annotations

from rdkit import Chem

from planners.design.filters.requirement import required_elements, requires_ring
from planners.design.filters.stability_rules import GATES, PAIRS, RULES
from planners.design.space import compile_smarts

_GATES = tuple(compile_smarts(gate) for gate, _ in GATES)
_GATE_OF = {name: number for number, (_, names) in enumerate(GATES) for name in names}
_OPEN = len(GATES)  # the gate of the rules that have none
_RULES = tuple(
    (name, pattern, required_elements(pattern), requires_ring(pattern), _GATE_OF.get(name, _OPEN))
    for name, pattern in ((name, compile_smarts(smarts)) for name, smarts, _ in RULES)
)
_PROBES = tuple(
    (z, compile_smarts(f"[#{z}]")) for z in sorted(frozenset[int]().union(*(n for _, _, n, _, _ in _RULES)))
)
_PAIRS = tuple((name, compile_smarts(first), compile_smarts(second)) for name, first, second, _ in PAIRS)
_NITROGEN, _OXYGEN = 7, 8

REASONS: dict[str, str] = {
    **{name: why for name, _, why in RULES},
    **{name: why for name, _, _, why in PAIRS},
    "bridgehead": "double bond or flat amide at a bridgehead (Bredt's rule)",
    "strained_bridge": "bridge over a ring of three or four atoms",
}


def instability(mol: Chem.Mol) -> str | None:
    """The name of the first stability rule that a sanitised molecule breaks (a key of `REASONS`), or None."""
    elements = {number for number, probe in _PROBES if mol.HasSubstructMatch(probe)}
    cyclic = mol.GetRingInfo().NumRings() > 0
    gates = [*(mol.HasSubstructMatch(gate) for gate in _GATES), True]
    for name, pattern, needed, ring, gate in _RULES:
        if gates[gate] and (cyclic or not ring) and needed <= elements and mol.HasSubstructMatch(pattern):
            return name
    for name, first, second in _PAIRS:
        if mol.HasSubstructMatch(first) and mol.HasSubstructMatch(second):
            return name
    return _bridge_fault(mol)


def _bridge_fault(mol: Chem.Mol) -> str | None:
    rings = mol.GetRingInfo()
    if rings.NumRings() < 2:
        return None
    atom_rings = [frozenset(ring) for ring in rings.AtomRings()]
    for i, first in enumerate(atom_rings):
        for second in atom_rings[i + 1 :]:
            shared = first & second
            if len(shared) < 3:
                continue
            if min(len(first), len(second)) <= 4:
                return "strained_bridge"
            # The bridgeheads are the ends of the shared path: one neighbour in it, two outside of it.
            for index in sorted(shared):
                atom = mol.GetAtomWithIdx(index)
                if sum(n.GetIdx() in shared for n in atom.GetNeighbors()) == 1 and _flat(atom):
                    return "bridgehead"
    return None


def _flat(atom: Chem.Atom) -> bool:
    """Whether the atom has a double bond, or is a nitrogen next to a carbonyl group."""
    if any(bond.GetBondTypeAsDouble() > 1.0 for bond in atom.GetBonds()):
        return True
    if atom.GetAtomicNum() != _NITROGEN:
        return False
    return any(
        bond.GetBondTypeAsDouble() == 2.0 and bond.GetOtherAtom(neighbour).GetAtomicNum() == _OXYGEN
        for neighbour in atom.GetNeighbors()
        for bond in neighbour.GetBonds()
    )
