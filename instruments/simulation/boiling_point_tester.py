"""A simulated micro-ebulliometer: the vapour's temperature while a few drops are heated to reflux."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from instruments.driver import OperationEstimate, Rejected
from instruments.simulation.chance import Generator, normal
from instruments.simulation.mixture import Mixture
from instruments.simulation.tester import Tester, UnfitSample
from knowledge.records.measurement import Source
from knowledge.records.protocol import MeasureBoilingPoint, Operation

_POINTS = 600
_STEP_S = 4.0
_HOTTEST_K = 673.0
_ATMOSPHERE_KPA = 101.325
_GAS_CONSTANT = 8.314462618


def boiling_at(normal_k: float, pressure_kpa: float, factor: float = 1.0) -> float:
    """Boiling point in K at another pressure; entropy of vaporisation by Kistiakowsky (Z. Phys. Chem. 107 (1923) 65)
    x factor.
    """
    entropy = (36.6 + _GAS_CONSTANT * math.log(normal_k)) * factor
    return normal_k / (1.0 - _GAS_CONSTANT / entropy * math.log(pressure_kpa / _ATMOSPHERE_KPA))


class BoilingPointTester(Tester):
    kind = "boiling_point_tester"
    model = "Athanor virtual micro-ebulliometer"
    actions = ("measure_boiling_point",)
    duration_s = _POINTS * _STEP_S
    artifact_kind = "ebulliometry"
    needs_liquid = False

    def _estimate(self, operation: Operation) -> OperationEstimate:
        assert isinstance(operation, MeasureBoilingPoint)
        if not 1.0 <= operation.pressure.magnitude("kPa") <= 110.0:
            raise Rejected(f"{self.name} works from 1 to 110 kPa, not {operation.pressure}")
        return super()._estimate(operation)

    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        assert isinstance(operation, MeasureBoilingPoint)
        answer = mixture.boiling_point()
        noise = self._world.config.noise
        if answer.value < 298.15:
            raise UnfitSample("the sample is a gas at room temperature")
        pressure = operation.pressure.magnitude("kPa") * (1.0 + 0.008 * float(chance.standard_normal()))
        entropy = 1.0 + 0.04 * normal(self._world.config.seed, "vaporisation", mixture.main)
        boils_k = boiling_at(answer.value, pressure, entropy)
        seconds = np.arange(_POINTS) * _STEP_S
        # Heated towards a bath 25 K hotter than what boils, or as hot as the bath goes.
        bath = min(boils_k + 25.0, _HOTTEST_K)
        onset = 500.0
        rise = 298.15 + (bath - 298.15) * (1.0 - np.exp(-seconds / (onset / 2.5)))
        plateau = np.minimum(rise, boils_k)
        impurity = 1.0 - max(part.mass_fraction for part in mixture.components)
        creep = np.where(rise >= boils_k, 2.0 * impurity * np.clip((seconds - onset) / 1900.0, 0.0, 1.0), 0.0)
        bias = noise.thermometer_bias_k * float(chance.standard_normal())
        reading = (plateau + creep + bias + noise.thermometer_k * chance.standard_normal(_POINTS)) * drift
        barometer = pressure + 0.02 * chance.standard_normal(_POINTS)
        metadata = {"thermometer_std_k": max(noise.thermometer_bias_k, 0.05), "truth": answer.detail}
        return {"time_s": seconds, "vapour_k": reading, "pressure_kpa": barometer}, metadata, answer.source
