"""What all measuring robots share: they take an aliquot, refuse what is too little, and hand over one signal."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy.typing as npt

from instruments.analysis.signal import MEDIA_TYPE, encode
from instruments.driver import OperationEstimate
from instruments.simulation.chance import Generator
from instruments.simulation.mixture import Mixture, main_component
from instruments.simulation.robot import Outcome, Robot, chemical_failure
from instruments.simulation.world import Vessel, World
from knowledge.records.measurement import Artifact, Source
from knowledge.records.protocol import Operation

_REFUSAL_S = 300.0


class UnfitSample(Exception):
    """The sample cannot be measured for what it is (solid, gas, nothing that burns)."""


class Tester(Robot[World]):
    """A robot that measures an aliquot. The aliquot is not given back."""

    duration_s: ClassVar[float]
    artifact_kind: ClassVar[str]
    needs_liquid: ClassVar[bool] = True

    @property
    def aliquot_g(self) -> float:
        return float(getattr(self._world.config.aliquots_g, self.kind))

    def _estimate(self, operation: Operation) -> OperationEstimate:
        return OperationEstimate(duration_s=self.duration_s, sample_ml=self.aliquot_g)

    @abstractmethod
    def _measure(
        self, operation: Operation, mixture: Mixture, chance: Generator, drift: float
    ) -> tuple[Mapping[str, npt.ArrayLike], dict[str, object], Source]:
        """Arrays, header and the origin of the truth. Raises UnfitSample."""

    def _perform(self, operation: Operation, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        contents = vessel.contents
        if main_component(contents) is None or contents.grams < self.aliquot_g:
            return chemical_failure(
                _REFUSAL_S, f"too little sample: {contents.grams:.3g} g of {self.aliquot_g:g} g needed"
            )
        draws = ((operation.sample, self.aliquot_g),)
        mixture = Mixture(vessel.stock, self._world.truth)
        if self.needs_liquid and not mixture.is_liquid():
            return chemical_failure(_REFUSAL_S, "the sample is not a liquid at 298 K")
        try:
            arrays, metadata, source = self._measure(operation, mixture, chance, drift)
        except UnfitSample as error:
            return chemical_failure(self.duration_s, str(error), draws=draws)
        artifact = Artifact(
            kind=self.artifact_kind, media_type=MEDIA_TYPE, data=encode(arrays, metadata), source=source
        )
        return Outcome(duration_s=self.duration_s, draws=draws, artifacts=(artifact,))
