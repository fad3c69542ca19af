"""A simulated gas chromatograph: flame ionisation detector, non-polar column, internal standard."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from scipy.special import erfcx

from instruments.driver import OperationEstimate, Rejected
from instruments.simulation.chance import Generator, normal
from instruments.simulation.mixture import Mixture, boiling_point, is_organic, nature
from instruments.simulation.sample import molar_mass
from instruments.simulation.tester import Tester
from knowledge.records.measurement import Source
from knowledge.records.molecule import Molecule
from knowledge.records.protocol import InjectGC, Operation

_POINTS = 4000
_RUN_S = 1800.0
_SOLVENT_FRONT_S = 62.0
_AREA_PER_UG = 60.0  # pA s per microgram of carbon-equivalent n-alkane
_DILUTION_ML = 1.0
_WINDOW_S = 9.0
#: n-Alkanes that can serve as internal standard: name, SMILES, normal boiling point in K.
_STANDARDS = (
    ("n-tetradecane", "CCCCCCCCCCCCCC", 526.7),
    ("n-dodecane", "CCCCCCCCCCCC", 489.5),
    ("n-hexadecane", "CCCCCCCCCCCCCCCC", 560.0),
)


def retention_s(boiling_k: float) -> float:
    """Linear temperature programme on a boiling-point column: n-alkanes elute evenly by boiling point."""
    return 80.0 + 4.4 * (boiling_k - 320.0)


@lru_cache(maxsize=4096)
def response(smiles: str) -> float:
    """Mass response relative to n-alkanes, by effective carbon numbers (Scanlon & Willis, J. Chromatogr. Sci. 23
    (1985) 333).
    """
    mol = Chem.MolFromSmiles(smiles)
    carbons = sum(1 for atom in mol.GetAtoms() if atom.GetSymbol() == "C")
    loss = {"[CX3]=O": 1.0, "C#N": 0.7, "[OX2;H1]": 0.5, "[OX2;H0]": 0.9, "[NX3]": 0.4, "C=C": 0.05, "[Cl,Br,I]": 0.05}
    effective = float(carbons)
    for smarts, share in loss.items():
        effective -= share * len(mol.GetSubstructMatches(Chem.MolFromSmarts(smarts)))
    return max(effective, 0.1) / molar_mass(smiles) * 14.027


class GasChromatograph(Tester):
    kind = "gas_chromatograph"
    model = "Athanor virtual GC-FID"
    actions = ("inject_gc",)
    duration_s = 1500.0
    artifact_kind = "chromatogram"
    needs_liquid = False

    def _estimate(self, operation: Operation) -> OperationEstimate:
        assert isinstance(operation, InjectGC)
        Molecule.from_smiles(operation.target)
        if not 0.1 <= operation.volume.magnitude("uL") <= 5.0:
            raise Rejected(f"{self.name} injects 0.1 to 5 uL, not {operation.volume}")
        return super()._estimate(operation)

    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        assert isinstance(operation, InjectGC)
        truth, noise, seed = self._world.truth, self._world.config.noise, self._world.config.seed
        target = Molecule.from_smiles(operation.target).smiles
        target_s = self._elution(target, boiling_point(target, target, truth))
        standard_name, standard, standard_k = next(
            (s for s in _STANDARDS if abs(retention_s(s[2]) - target_s) > 60.0), _STANDARDS[-1]
        )
        injected_ul = operation.volume.magnitude("uL")
        # Weighed into one millilitre of solvent: what the label says and what is really there differ a little.
        sample_ug, standard_ug = 5.0, 2.0  # per microlitre
        weighed = 1.0 + noise.weighing_relative * chance.standard_normal(2)
        areas: defaultdict[float, float] = defaultdict(float)
        for part in mixture.components:
            like = nature(part.name, mixture.main)
            if not is_organic(like.parent):
                continue
            # What nobody identified spreads over isomers; its centre lies off its parent's peak.
            offset = 0.0 if part.name == like.parent else 14.0 * (1.0 + abs(normal(seed, "isomer", part.name)))
            position = self._elution(like.parent, part.boiling_k) + offset
            micrograms = sample_ug * injected_ul * part.mass_fraction * float(weighed[0])
            areas[position] += _AREA_PER_UG * micrograms * response(like.parent)
        areas[retention_s(standard_k)] += (
            _AREA_PER_UG * standard_ug * injected_ul * float(weighed[1]) * response(standard)
        )
        time = np.linspace(0.0, _RUN_S, _POINTS)
        stretch = 1.0 + 4e-4 * float(chance.standard_normal())
        current = 30000.0 * np.exp(-0.5 * ((time - _SOLVENT_FRONT_S) / 1.8) ** 2)
        for position, area in sorted(areas.items()):
            if position < _RUN_S - 10.0:
                current += _peak(time, position * stretch, area * drift)
        bleed = 6.0 + 5.0 * chance.random() / (1.0 + np.exp(-(time - 1300.0) / 180.0))
        wander = 0.4 * chance.standard_normal() * np.sin(2.0 * math.pi * (time / _RUN_S + chance.random()))
        current += bleed + wander + noise.detector * chance.standard_normal(_POINTS)
        metadata = {
            "target": target,
            "target_window_s": [target_s - _WINDOW_S, target_s + _WINDOW_S],
            "target_response": response(target),
            "standard": standard_name,
            "standard_window_s": [retention_s(standard_k) - _WINDOW_S, retention_s(standard_k) + _WINDOW_S],
            "standard_response": response(standard),
            "standard_ug": standard_ug * injected_ul,
            "sample_ug": sample_ug * injected_ul,
            "weighing_relative": noise.weighing_relative,
            "solvent_front_s": _SOLVENT_FRONT_S,
            "truth": "composition from kinetics",
        }
        return {"time_s": time, "current_pa": np.minimum(current, 50000.0)}, metadata, Source.MODEL

    def _elution(self, smiles: str, boiling_k: float) -> float:
        """Polar compounds leave a non-polar column a little early; the rest is the compound's own."""
        polar = self._world.truth.value(smiles, "hansen_polar").value
        own = 6.0 * normal(self._world.config.seed, "retention", smiles)
        return max(retention_s(boiling_k) - 1.5 * polar + own, 75.0)


def _peak(time: npt.NDArray[np.float64], position: float, area: float) -> npt.NDArray[np.float64]:
    """Exponentially modified Gaussian of this area (Kalambet et al., J. Chemom. 25 (2011) 352), stable form."""
    sigma, tail = 1.6 + 0.0009 * position, 0.9
    centred = (time - position) / sigma
    argument = (sigma / tail - centred) / math.sqrt(2.0)
    near = (centred > -8.0) & (centred < 40.0)
    result = np.zeros_like(time)
    z = argument[near]
    # erfcx(z) exp(-c²/2) is accurate for z >= 0; for z < 0 the plain exponential form does not overflow.
    gauss = np.exp(-0.5 * centred[near] ** 2)
    safe = erfcx(np.maximum(z, -5.0)) * gauss
    far = 2.0 * np.exp(np.minimum(0.5 * (sigma / tail) ** 2 - (time[near] - position) / tail, 50.0))
    result[near] = area / (2.0 * tail) * np.where(z > -5.0, safe, far)
    return result
