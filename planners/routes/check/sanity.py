"""Whether the reactants are molecules that can stand in a bottle at all."""

from __future__ import annotations

from functools import lru_cache

from rdkit import Chem

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.stability import unstable
from planners.routes.structure import canonical, parse

_NONMETALS = frozenset({1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53})
MOST_CHARGE = 2  # a salt drawn as one ion: phosphonium, azide, [Mg+]; more is a mistake
# Reagents that a catalogue sells although they hold such groups: N-halogen imides, peroxides.
_SOLD = tuple(
    Chem.MolFromSmarts(smarts)
    for smarts in (
        "O=C1[#6]~[#6]C(=O)N1[F,Cl,Br,I]",
        "O=C1NC(=O)C([#6])([#6])N1[Cl,Br,I]",
        "[OX2H][OX2H]",
        "[OX2H][OX2][C,S]=O",
        "[OX2H][OX2]C([CH3])([CH3])[#6]",
        "[N+]12CC[N+](F)(CC1)CC2",
        "O=C1[C,N]([Cl,Br])C(=O)[N,C]([Cl,Br])C(=O)N1",
    )
)
_CATION = Chem.MolFromSmarts("[C+;!$([C+]~[N,O,S,n,o,s])]")
_ANION = Chem.MolFromSmarts("[C-;!$([C-]#[N,O,C]);!$([C-]~[N+,S+,P+]);!$([C-][C,S]=[O,N]);!$([C-]C#N)]")
_CARBENE = Chem.MolFromSmarts("[#6;v2,v1,v0;!$([C-]);!$([C]#*)]")


@lru_cache(maxsize=65536)
def fault(reactant: str) -> str | None:
    """What is wrong with one reactant, as a sentence; None when nothing is."""
    try:
        mol = parse(reactant)
    except InvalidMolecule:
        return f"no molecule: '{reactant}' cannot be read"
    if "*" in reactant:
        return f"no molecule: {reactant} has an open end"
    if any(a.GetNumRadicalElectrons() and a.GetAtomicNum() in _NONMETALS for a in mol.GetAtoms()):
        return f"{reactant} is a radical"
    if mol.HasSubstructMatch(_CARBENE):
        return f"{reactant} is a carbene"
    metals = any(a.GetAtomicNum() not in _NONMETALS for a in mol.GetAtoms())
    if abs(sum(a.GetFormalCharge() for a in mol.GetAtoms())) > MOST_CHARGE:
        return f"{reactant} carries more charge than any ion a chemist draws"
    if not metals and (mol.HasSubstructMatch(_CATION) or mol.HasSubstructMatch(_ANION)):
        return f"{reactant} is an ion that no bottle holds"
    return None


@lru_cache(maxsize=65536)
def _fleeting(smiles: str) -> bool:
    mol = parse(smiles)
    return unstable(mol) and not any(mol.HasSubstructMatch(pattern) for pattern in _SOLD)


def faults(product: str, reactants: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences; () when product and reactants are sane. Never raises."""
    if not reactants:
        return ("the step has no reactants",)
    try:
        target = canonical(product)
    except InvalidMolecule:
        return (f"no molecule: '{product}' cannot be read",)
    found = [f for f in map(fault, reactants) if f is not None]
    if found:
        return tuple(dict.fromkeys(found))
    if target in {canonical(r) for r in reactants}:
        return ("the product is one of its own reactants",)
    if _fleeting(target):  # what survives in the product, a cyclic aminal say, is kept by its surroundings
        return ()
    kind = "a group that cannot be kept (such as a hydrate, hemiaminal, enol or N-halogen)"
    return tuple(dict.fromkeys(f"{r} holds {kind}" for r in reactants if _fleeting(r)))
