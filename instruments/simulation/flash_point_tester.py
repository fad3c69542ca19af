"""A simulated small-scale closed cup (after ISO 3679): ignition tests at rising temperature.

A pressure sensor sees the flash.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from instruments.simulation.chance import Generator
from instruments.simulation.mixture import Mixture
from instruments.simulation.tester import Tester
from knowledge.records.measurement import Source
from knowledge.records.protocol import Operation

_COLDEST_K, _HOTTEST_K = 233.0, 573.0
_COARSE_K, _FINE_K = 8.0, 1.0
_FLASH_KPA, _NOISE_KPA, _THRESHOLD_KPA = 6.0, 0.25, 2.0


class FlashPointTester(Tester):
    kind = "flash_point_tester"
    model = "Athanor virtual small-scale closed cup"
    actions = ("measure_flash_point",)
    duration_s = 3000.0
    artifact_kind = "flash_point"
    needs_liquid = False

    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        answer = mixture.flash_point()
        boiling = mixture.boiling_point()
        spread = self._world.config.noise.flash_k
        pressure = 101.325 + 0.8 * float(chance.standard_normal())
        # Lower pressure, richer vapour: the flash comes earlier (ISO 3679 corrects by 0.25 K/kPa).
        flash_k = np.inf if answer is None else answer.value * drift - 0.25 * (101.325 - pressure)
        top = min(boiling.value - 2.0, _HOTTEST_K)
        temperatures: list[float] = []
        rises: list[float] = []

        def ignite(temperature: float) -> bool:
            limit = flash_k + spread * float(chance.standard_normal())
            strength = _FLASH_KPA if temperature >= limit else 0.0
            rise = abs(
                strength * (1.0 + 0.1 * float(chance.standard_normal())) + _NOISE_KPA * float(chance.standard_normal())
            )
            temperatures.append(temperature)
            rises.append(rise)
            return rise > _THRESHOLD_KPA

        # Upwards in coarse steps until it flashes, then fresh aliquots in fine steps around it.
        temperature = _COLDEST_K + 4.0 * float(chance.random())
        flashed = None
        while temperature <= top and flashed is None:
            if ignite(temperature):
                flashed = temperature
            temperature += _COARSE_K
        if flashed is not None:
            fine = flashed - _COARSE_K - 2.0
            while fine <= flashed + 2.0:
                ignite(fine)
                fine += _FINE_K
        metadata = {
            "pressure_kpa": pressure,
            "threshold_kpa": _THRESHOLD_KPA,
            "coldest_k": _COLDEST_K,
            "thermometer_std_k": 0.5,
            "truth": "does not burn" if answer is None else answer.detail,
        }
        source = boiling.source if answer is None else answer.source
        return {"temperature_k": temperatures or [_COLDEST_K], "rise_kpa": rises or [0.0]}, metadata, source
