"""What a sample, with all its impurities, is really like: mixing rules over the truth of its components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors
from scipy.optimize import brentq

from instruments.simulation.sample import Contents, molar_mass
from instruments.simulation.truth import Truth
from knowledge.records.measurement import Source

# Trouton's constant over R: ln(p / 1 atm) = 10.6 (1 - Tb/T) (F. Trouton, Philos. Mag. 18 (1884) 54).
_TROUTON = 10.6


class Answer(NamedTuple):
    """A property of the sample; source and detail are those of its main component."""

    value: float
    source: Source
    detail: str


class Nature(NamedTuple):
    """One species: what is like it (`parent`), and by how much it differs: shift of the boiling point, factor on the
    viscosity.
    """

    parent: str
    boiling_shift: float
    thickness: float


_UNKNOWN = {
    "astray": (12.0, 1.2),
    "over": (70.0, 4.0),
    "decayed": (-48.0, 0.7),
    "supplier": (15.0, 1.1),
    "mixture": (40.0, 2.0),
    "byproduct": (-60.0, 0.8),
}


def nature(name: str, main: str) -> Nature:
    """`name` is a SMILES or '~kind:SMILES'; unidentified matter without a parent resembles `main`."""
    if not name.startswith("~"):
        return Nature(name, 0.0, 1.0)
    kind, _, parent = name[1:].partition(":")
    shift, thickness = _UNKNOWN[kind]
    return Nature(parent or main, shift, thickness)


def main_component(contents: Contents) -> str | None:
    """The identified species with the largest mass; None for an empty vessel."""
    named = [(portion.grams, name) for name, portion in contents.species.items() if not name.startswith("~")]
    return max(named)[1] if named else None


def boiling_point(name: str, main: str, truth: Truth) -> float:
    """Normal boiling point of one species in K; salts and elements that do not evaporate get 1500 K."""
    like = nature(name, main)
    if not is_organic(like.parent):
        return _INORGANIC_K.get(like.parent, 1500.0)
    return truth.value(like.parent, "boiling_point").value + like.boiling_shift


_INORGANIC_K = {
    "O": 373.15,
    "Cl": 188.0,
    "Br": 207.0,
    "I": 238.0,
    "N": 239.8,
    "O=C=O": 195.0,
    "S": 213.0,
    "[H][H]": 20.0,
}


@lru_cache(maxsize=4096)
def is_organic(smiles: str) -> bool:
    """A single neutral molecule of carbon with H, C, N, O, F, Si, P, S, Cl, Br, I, larger than carbon dioxide."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or "." in smiles or smiles in _INORGANIC_K:
        return False
    symbols = {atom.GetSymbol() for atom in mol.GetAtoms()}
    return "C" in symbols and symbols <= {"H", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I"}


@lru_cache(maxsize=4096)
def log_p(smiles: str) -> float:
    """Octanol-water partition, Wildman & Crippen, J. Chem. Inf. Comput. Sci. 39 (1999) 868."""
    return float(CalcCrippenDescriptors(Chem.MolFromSmiles(smiles))[0])


class Component(NamedTuple):
    name: str
    mole_fraction: float
    mass_fraction: float
    boiling_k: float
    flash_k: float | None
    viscosity: float
    hansen: tuple[float, float, float]


class Mixture:
    """A sample's organic and volatile components. `contents` must have a main component."""

    def __init__(self, contents: Contents, truth: Truth) -> None:
        main = main_component(contents)
        if main is None:
            raise ValueError("an empty vessel has no properties")
        self.main = main
        self._truth = truth
        self.components = self._resolve(contents)

    def _resolve(self, contents: Contents) -> Sequence[Component]:
        total_mol = sum(portion.mol for portion in contents.species.values())
        fractions = contents.mass_fractions()
        found = []
        for name, portion in sorted(contents.species.items()):
            if fractions[name] < 1e-5 and name != self.main:
                continue
            like = nature(name, self.main)
            organic = is_organic(like.parent)
            property_parent = like.parent if organic else self.main
            boiling = boiling_point(name, self.main, self._truth)
            flash = self._flash(like, boiling) if organic else None
            thickness = self._truth.value(property_parent, "viscosity").value * like.thickness
            hansen = self._truth.hansen(property_parent)[0]
            if not organic and like.parent == "O":
                thickness, hansen = 0.89, (15.5, 16.0, 42.3)
            mole = portion.mol / total_mol
            found.append(Component(name, mole, fractions[name], boiling, flash, thickness, hansen))
        return found

    def _flash(self, like: Nature, boiling_k: float) -> float | None:
        if not _burns(like.parent):
            return None
        return self._truth.value(like.parent, "flash_point").value + 0.75 * like.boiling_shift

    def is_liquid(self) -> bool:
        """The main component decides, at 298.15 K."""
        return self._truth.is_liquid(self.main)

    def boiling_point(self) -> Answer:
        """Bubble point at 101.325 kPa (Raoult's law, Trouton's rule), K."""
        base = self._truth.value(self.main, "boiling_point")
        volatile = [c for c in self.components if c.boiling_k < 1400.0]
        value = _crossing([(c.mole_fraction, c.boiling_k, c.boiling_k) for c in volatile], base.value)
        return Answer(value, base.source, base.detail)

    def flash_point(self) -> Answer | None:
        """K; None when it does not flash. Le Chatelier's rule over Raoult's law (H.-J. Liaw et al., J. Loss Prev. 15
        (2002) 429).
        """
        base = self._truth.value(self.main, "flash_point")
        burning = [(c.mole_fraction, c.boiling_k, c.flash_k) for c in self.components if c.flash_k is not None]
        if not burning or not _burns(self.main):
            return None
        return Answer(_crossing(burning, base.value), base.source, base.detail)

    def viscosity(self) -> Answer:
        """mPa*s at 298.15 K; logarithms add by mass (S. Arrhenius, 1887)."""
        base = self._truth.value(self.main, "viscosity")
        logarithm = sum(c.mass_fraction * math.log(c.viscosity) for c in self.components)
        weight = sum(c.mass_fraction for c in self.components)
        return Answer(math.exp(logarithm / weight), base.source, base.detail)

    def hansen(self) -> tuple[tuple[float, float, float], Source, str]:
        """Parameters in MPa^0.5 add by volume, taken as mass."""
        _, source, detail = self._truth.hansen(self.main)
        weight = sum(c.mass_fraction for c in self.components)
        d, p, h = (sum(c.mass_fraction * c.hansen[axis] for c in self.components) / weight for axis in range(3))
        return (d, p, h), source, detail

    def density(self) -> float:
        """g/mL of the main component."""
        from instruments.simulation.groups import molar_volume

        return molar_mass(self.main) / molar_volume(self.main)


def _crossing(components: Sequence[tuple[float, float, float]], near: float) -> float:
    """T at which Σ x p(T) / p(threshold) = 1, for (mole fraction, boiling point, threshold temperature) of each
    component.
    """

    def excess(temperature: float) -> float:
        total = sum(x * math.exp(_TROUTON * (tb / limit - tb / temperature)) for x, tb, limit in components)
        return math.log(max(total, 1e-30))

    return float(brentq(excess, 0.4 * near, 2.5 * near, xtol=1e-4))


@lru_cache(maxsize=4096)
def _burns(smiles: str) -> bool:
    """No flash point where halogens outnumber hydrogens."""
    mol = Chem.MolFromSmiles(smiles)
    halogens = sum(1 for atom in mol.GetAtoms() if atom.GetSymbol() in ("F", "Cl", "Br", "I"))
    hydrogens = sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    return hydrogens > halogens
