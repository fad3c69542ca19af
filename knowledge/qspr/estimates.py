"""Between a model's scale and the property's own unit."""

from __future__ import annotations

import numpy as np

from knowledge.records.properties import Property, Scale
from knowledge.records.quantity import Estimate

Z90 = 1.6448536269514722
"""Half width of the central 90 % of a standard normal distribution."""


def to_estimate(mean: float, std: float, prop: Property) -> Estimate:
    """Model scale to the property's unit. On a log scale: the median exp(mean), and the half width of the central 68
    % interval, exp(mean) * sinh(std), which for small std is the usual relative uncertainty times the value.
    """
    if prop.scale is Scale.LOG:
        return Estimate(mean=float(np.exp(mean)), std=float(np.exp(mean) * np.sinh(std)), unit=prop.unit)
    return Estimate(mean=mean, std=std, unit=prop.unit)


def from_estimate(estimate: Estimate, prop: Property) -> tuple[float, float]:
    """The inverse of `to_estimate`: mean and std on the model scale."""
    if prop.scale is Scale.LOG:
        return float(np.log(estimate.mean)), float(np.arcsinh(estimate.std / estimate.mean))
    return estimate.mean, estimate.std
