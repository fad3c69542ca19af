"""What may be designed at all: the hard limits of a chemical space, read from a campaign's `space:` section."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from knowledge.records.base import Record
from planners.design.presets import PRESETS

if TYPE_CHECKING:
    from rdkit import Chem

# Elements with one ordinary neutral valence, which is what graph edits can reason about. Hydrogen is always implicit.
VALENCE: dict[str, int] = {
    "B": 3,
    "C": 4,
    "N": 3,
    "O": 2,
    "F": 1,
    "Si": 4,
    "P": 3,
    "S": 2,
    "Cl": 1,
    "Br": 1,
    "I": 1,
}
ATOMIC_NUMBER: dict[str, int] = {
    "B": 5,
    "C": 6,
    "N": 7,
    "O": 8,
    "F": 9,
    "Si": 14,
    "P": 15,
    "S": 16,
    "Cl": 17,
    "Br": 35,
    "I": 53,
}

# Atoms of one usual valence, as SMARTS (v counts hydrogens); other elements are looked at one by one.
_USUAL: dict[int, str] = {
    6: "#6v4",
    7: "#7v3",
    8: "#8v2",
    9: "#9v1",
    16: "#16v2,#16v4,#16v6",
    17: "#17v1",
    35: "#35v1",
    53: "#53v1",
}


class BadPattern(ValueError):
    """A text that is not a SMARTS pattern."""


@lru_cache(maxsize=1024)
def compile_smarts(smarts: str) -> Chem.Mol:
    """The query molecule of a SMARTS, made once. Raises BadPattern naming the text."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts) if smarts else None
    if pattern is None or pattern.GetNumAtoms() == 0:
        raise BadPattern(f"'{smarts}' is not a SMARTS pattern")
    return pattern


class DesignSpace(Record):
    """Limits that every designed molecule obeys. Fields not given come from the preset.

    elements: allowed element symbols (hydrogen is implicit and always allowed).
    min_heavy_atoms, max_heavy_atoms: inclusive.
    max_rings, max_ring_size: rings of the smallest set of smallest rings, atoms in the largest of them.
    forbidden: SMARTS of which none may match.  locked: SMARTS that must all match, and that no operator edits.
    required: SMARTS that must all match, wherever and by whatever atoms.
    neutral: the net charge is zero.  max_charged_atoms: atoms with a formal charge (a nitro group has two).
    single_component: no salts and mixtures.
    max_synthetic_accessibility: SA score of Ertl and Schuffenhauer, J. Cheminform. 2009, 1:8 (1 easy .. 10 hard);
        None: any.

    Raises pydantic.ValidationError on unknown fields, unknown presets and elements, SMARTS that cannot be read, and
    limits that contradict each other.
    """

    preset: str = "solvent"
    elements: tuple[str, ...] = ()
    min_heavy_atoms: int = Field(default=1, ge=1)
    max_heavy_atoms: int = Field(default=100, ge=1, le=100)
    max_rings: int = Field(default=100, ge=0)
    max_ring_size: int = Field(default=100, ge=3)
    forbidden: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    neutral: bool = True
    max_charged_atoms: int = Field(default=0, ge=0)
    single_component: bool = True
    max_synthetic_accessibility: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        name = data.get("preset", "solvent")
        if not isinstance(name, str) or name not in PRESETS:
            raise ValueError(f"unknown preset '{name}'; known: {', '.join(sorted(PRESETS))}")
        return {**PRESETS[name], **data}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unknown = [e for e in self.elements if e != "H" and e not in VALENCE]
        if unknown:
            raise ValueError(f"element '{unknown[0]}' is not supported; known: H, {', '.join(VALENCE)}")
        if not any(e != "H" for e in self.elements):
            raise ValueError("'elements' must name at least one element besides hydrogen")
        if self.min_heavy_atoms > self.max_heavy_atoms:
            raise ValueError(
                f"contradictory size: min_heavy_atoms {self.min_heavy_atoms} > max_heavy_atoms {self.max_heavy_atoms}"
            )
        for field, patterns in (
            ("forbidden", self.forbidden),
            ("locked", self.locked),
            ("required", self.required),
        ):
            for smarts in patterns:
                try:
                    compile_smarts(smarts)
                except BadPattern as error:
                    raise ValueError(f"{field}: {error}") from None
        for smarts in self.required:
            if smarts in self.forbidden:
                raise ValueError(f"'{smarts}' is both required and forbidden")
            if compile_smarts(smarts).GetNumAtoms() > self.max_heavy_atoms:
                raise ValueError(
                    f"required '{smarts}' has {compile_smarts(smarts).GetNumAtoms()} atoms, more than "
                    f"max_heavy_atoms {self.max_heavy_atoms}"
                )
        for smarts in self.locked:
            self._check_lock(smarts)
        return self

    def _check_lock(self, smarts: str) -> None:
        pattern = compile_smarts(smarts)
        if pattern.GetNumAtoms() > self.max_heavy_atoms:
            raise ValueError(
                f"locked '{smarts}' has {pattern.GetNumAtoms()} atoms, more than max_heavy_atoms {self.max_heavy_atoms}"
            )
        if smarts in self.forbidden:
            raise ValueError(f"'{smarts}' is both locked and forbidden")
        fragment = lock_as_molecule(smarts)
        if fragment is None:
            return
        numbers = {a.GetAtomicNum() for a in fragment.GetAtoms()}
        foreign = sorted(s for s, z in ATOMIC_NUMBER.items() if z in numbers and s not in self.elements)
        if foreign:
            raise ValueError(f"locked '{smarts}' needs element '{foreign[0]}', which 'elements' does not allow")
        rings = fragment.GetRingInfo().NumRings()
        if rings > self.max_rings:
            raise ValueError(f"locked '{smarts}' has {rings} rings, more than max_rings {self.max_rings}")
        largest = max((len(ring) for ring in fragment.GetRingInfo().AtomRings()), default=0)
        if largest > self.max_ring_size:
            raise ValueError(f"locked '{smarts}' has a ring of {largest}, more than max_ring_size {self.max_ring_size}")
        charged = sum(a.GetFormalCharge() != 0 for a in fragment.GetAtoms())
        if charged > self.max_charged_atoms:
            raise ValueError(
                f"locked '{smarts}' has {charged} charged atoms, more than max_charged_atoms {self.max_charged_atoms}"
            )
        clash = next((other for other in self.forbidden if _always_matches(fragment, other)), None)
        if clash is not None:
            raise ValueError(f"locked '{smarts}' holds what is forbidden: '{clash}'")

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        """Allowed heavy elements, in the order given."""
        return _numbers(self.elements)

    def violation(self, mol: Chem.Mol) -> str | None:
        """The first limit that a sanitised molecule breaks, cheap ones first, or None.

        Synthetic accessibility is left to `filters`.
        """
        from rdkit import Chem

        size = mol.GetNumHeavyAtoms()
        if not self.min_heavy_atoms <= size <= self.max_heavy_atoms:
            return "heavy_atoms"
        if mol.HasSubstructMatch(_unusual_atom(_numbers(self.elements))):
            reason = self._atom_violation(mol)
            if reason is not None:
                return reason
        rings = mol.GetRingInfo()
        if rings.NumRings() > self.max_rings:
            return "rings"
        if any(len(ring) > self.max_ring_size for ring in rings.AtomRings()):
            return "ring_size"
        # One component has exactly one bond less than atoms, plus one bond per ring.
        if (
            self.single_component
            and mol.GetNumBonds() - rings.NumRings() != mol.GetNumAtoms() - 1
            and (len(Chem.GetMolFrags(mol)) != 1)
        ):
            return "components"
        for smarts in self.forbidden:
            if mol.HasSubstructMatch(compile_smarts(smarts)):
                return f"forbidden {smarts}"
        for smarts in self.locked:
            if not mol.HasSubstructMatch(compile_smarts(smarts)):
                return f"locked {smarts}"
        for smarts in self.required:
            if not mol.HasSubstructMatch(compile_smarts(smarts)):
                return f"required {smarts}"
        return None

    def _atom_violation(self, mol: Chem.Mol) -> str | None:
        allowed = _numbers(self.elements)
        charged = net = 0
        for atom in mol.GetAtoms():
            if atom.GetAtomicNum() not in allowed:
                return "elements"
            charge = atom.GetFormalCharge()
            if charge:
                net += charge
                charged += 1
            if atom.GetNumRadicalElectrons():
                return "radical"
            if atom.GetIsotope():
                return "isotope"
        return "charge" if charged > self.max_charged_atoms or (self.neutral and net) else None


@lru_cache(maxsize=256)
def _numbers(elements: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(ATOMIC_NUMBER[e] for e in elements if e != "H")


@lru_cache(maxsize=256)
def _unusual_atom(numbers: tuple[int, ...]) -> Chem.Mol:
    """Matches each atom that is foreign, charged, an isotope, or of a valence that may come from a radical.

    One query instead of a walk over all atoms in Python: nearly every molecule has none.
    """
    usual = ",".join(_USUAL[z] for z in numbers if z in _USUAL)
    return compile_smarts(f"[!$([{usual}]),!+0,!$([0*])]" if usual else "*")


@lru_cache(maxsize=256)
def lock_as_molecule(smarts: str) -> Chem.Mol | None:
    """A locked pattern that is also a SMILES, as a molecule; None when it is a true query (atom lists, `$()`, ...)."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smarts)
    if mol is None or any(a.GetAtomicNum() == 0 for a in mol.GetAtoms()):
        return None
    return mol if mol.HasSubstructMatch(compile_smarts(smarts)) else None


def _always_matches(fragment: Chem.Mol, smarts: str) -> bool:
    """Whether a pattern is in a locked fragment however the fragment is substituted.

    Asked of its two extremes, with hydrogen and with carbon at every open valence: an acid as a fragment may become an
    ester, and an aldehyde a ketone, so that forbidding acids and aldehydes leaves both fragments a way out.
    """
    from rdkit import Chem, rdBase

    pattern = compile_smarts(smarts)
    if not fragment.HasSubstructMatch(pattern):
        return False
    full = Chem.RWMol(Chem.AddHs(fragment))
    for atom in full.GetAtoms():
        if atom.GetAtomicNum() == 1:
            atom.SetAtomicNum(6)
            atom.SetNoImplicit(False)
    with rdBase.BlockLogs():
        Chem.SanitizeMol(full)
    return bool(full.HasSubstructMatch(pattern))
