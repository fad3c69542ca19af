"""A simulated solvency panel: thirty probe solutes offered to the sample, and how much of each went into solution."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from instruments.simulation.chance import Generator, stream
from instruments.simulation.mixture import Mixture
from instruments.simulation.tester import Tester
from knowledge.records.measurement import Source
from knowledge.records.protocol import Operation

_PROBES = 30
_WIDTH = 0.12  # in RED: how gradually solubility fades at the sphere's surface
_FULL_ABSORBANCE = 1.2


def probes() -> npt.NDArray[np.float64]:
    """(30, 4): δD, δP, δH and radius in MPa^0.5 of the probes, spread over where organic solvents lie.

    They are calibration dyes of this lab, not substances of the literature: a jittered low-discrepancy set (Kronecker
    sequence on the plastic number's 3D analogue) in 14-21, 0-19, 0-24 with radii 4.5-9.
    """
    index = np.arange(1, _PROBES + 1)[:, None]
    root = 1.2207440846057596
    fractions = (0.5 + index * np.array([root**-1, root**-2, root**-3])[None, :]) % 1.0
    centres = np.array([14.0, 0.0, 0.0]) + fractions * np.array([7.0, 19.0, 24.0])
    radii = 4.5 + 4.5 * stream(0, "probe radii").random(_PROBES)
    return np.column_stack([centres, radii])


class SolvencyPanel(Tester):
    kind = "solvency_panel"
    model = "Athanor virtual solvency panel, 30 probes"
    actions = ("measure_solvency",)
    duration_s = 6.0 * 3600.0
    artifact_kind = "solvency"

    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        solvent, source, detail = mixture.hansen()
        panel = probes()
        difference = np.array(solvent) - panel[:, :3]
        red = np.sqrt((np.array([4.0, 1.0, 1.0]) * difference**2).sum(axis=1)) / panel[:, 3]
        dissolved = 1.0 / (1.0 + np.exp(np.clip((red - 1.0) / _WIDTH, -60.0, 60.0)))
        noise = self._world.config.noise.absorbance
        absorbance = _FULL_ABSORBANCE * dissolved * drift + noise * chance.standard_normal(_PROBES)
        metadata = {
            "full_absorbance": _FULL_ABSORBANCE,
            "width_red": _WIDTH,
            "absorbance_std": max(noise, 1e-4),
            "truth": detail,
        }
        arrays = {
            "absorbance": absorbance,
            "probe_d": panel[:, 0],
            "probe_p": panel[:, 1],
            "probe_h": panel[:, 2],
            "probe_radius": panel[:, 3],
        }
        return arrays, metadata, source
