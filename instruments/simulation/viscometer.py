"""A simulated cone-plate viscometer: torque at rising shear rates with the sample's temperature beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from instruments.driver import OperationEstimate, Rejected
from instruments.simulation.chance import Generator
from instruments.simulation.mixture import Mixture
from instruments.simulation.tester import Tester
from knowledge.records.measurement import Source
from knowledge.records.protocol import MeasureViscosity, Operation

_STRESS_PER_TORQUE = 40.0  # Pa per mN*m, the cone's constant
_FULL_SCALE = 25.0  # mN*m
_REPEATS = 6


def at_temperature(viscosity: float, from_k: float, to_k: float) -> float:
    """mPa*s at another temperature (Lewis & Squires, Refiner Nat. Gas. Manuf. 13 (1934) 448)."""
    power = viscosity**-0.2661 + (to_k - from_k) / 233.0
    return float(max(power, 1e-2) ** (-1.0 / 0.2661))


class Viscometer(Tester):
    kind = "viscometer"
    model = "Athanor virtual cone-plate viscometer"
    actions = ("measure_viscosity",)
    duration_s = 900.0
    artifact_kind = "viscometry"

    def _estimate(self, operation: Operation) -> OperationEstimate:
        assert isinstance(operation, MeasureViscosity)
        if not 278.0 <= operation.temperature.magnitude("K") <= 353.0:
            raise Rejected(f"{self.name} holds 278 to 353 K, not {operation.temperature}")
        return super()._estimate(operation)

    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        assert isinstance(operation, MeasureViscosity)
        answer = mixture.viscosity()
        noise = self._world.config.noise.torque_relative
        wanted_k = operation.temperature.magnitude("K")
        real_k = wanted_k + 0.03 * float(chance.standard_normal())
        viscosity = at_temperature(answer.value, 298.15, real_k) * drift
        # The operator's software looks for shear rates that use the torque range.
        highest = min(4000.0, 0.8 * _FULL_SCALE * _STRESS_PER_TORQUE / (viscosity * 1e-3))
        rates = np.repeat(highest * np.array([0.15, 0.25, 0.4, 0.6, 0.8, 1.0]), _REPEATS)
        torque = viscosity * 1e-3 * rates / _STRESS_PER_TORQUE
        torque = torque * (1.0 + noise * chance.standard_normal(rates.size)) + 2e-4 * chance.standard_normal(rates.size)
        temperature = real_k + 0.01 * chance.standard_normal(rates.size)
        metadata = {
            "stress_pa_per_mnm": _STRESS_PER_TORQUE,
            "full_scale_mnm": _FULL_SCALE,
            "set_k": wanted_k,
            "calibration_relative": 0.005,
            "truth": answer.detail,
        }
        arrays = {
            "shear_rate_per_s": rates,
            "torque_mnm": np.minimum(torque, _FULL_SCALE),
            "temperature_k": temperature,
        }
        return arrays, metadata, answer.source
