"""How far off the predictions were that a batch was chosen by, once it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from knowledge.qspr.estimates import Z90, from_estimate
from knowledge.records.base import Record
from knowledge.records.properties import Scale, get_property
from knowledge.records.quantity import Estimate


class ProspectiveError(Record):
    """`mae`, `rmse` in `unit`; `mae_ln`, `rmse_ln` are of the natural logarithm, for log-scale properties only.

    `coverage90`: share of measured values inside the predicted central 90 % interval.
    """

    property: str
    unit: str
    n: int
    mae: float
    rmse: float
    coverage90: float
    mae_ln: float | None = None
    rmse_ln: float | None = None


def prospective_errors(
    predicted: Sequence[Mapping[str, Estimate]],
    measured: Sequence[Mapping[str, float]],
    *,
    measured_std: Sequence[Mapping[str, float]] | None = None,
) -> dict[str, ProspectiveError]:
    """By property name, over the experiments that have both a prediction and a value; properties with none are left
    out.

    All three sequences run over the same experiments. `measured_std` (standard uncertainties, property's unit) widens
    the interval, as it should where an instrument is noisy. Raises ValueError for lengths that differ or a measured
    value <= 0 of a log-scale property.
    """
    spreads: Sequence[Mapping[str, float]] = measured_std if measured_std is not None else [{}] * len(measured)
    errors: dict[str, ProspectiveError] = {}
    for name in sorted({name for p in predicted for name in p}):
        prop = get_property(name)
        rows = []
        for guess, value, spread in zip(predicted, measured, spreads, strict=True):
            if name not in guess or name not in value:
                continue
            y, noise = value[name], spread.get(name, 0.0)
            if prop.scale is Scale.LOG and y <= 0.0:
                raise ValueError(f"measured {name} of {y:g} {prop.unit} must be positive")
            mean, std = from_estimate(guess[name], prop)
            noise = noise / y if prop.scale is Scale.LOG else noise
            error = prop.to_model(y) - mean
            rows.append((y - guess[name].mean, error, abs(error) <= Z90 * float(np.hypot(std, noise))))
        if not rows:
            continue
        linear, model = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        log = prop.scale is Scale.LOG
        errors[name] = ProspectiveError(
            property=name,
            unit=prop.unit,
            n=len(rows),
            mae=float(np.abs(linear).mean()),
            rmse=float(np.sqrt((linear**2).mean())),
            coverage90=float(np.mean([r[2] for r in rows])),
            mae_ln=float(np.abs(model).mean()) if log else None,
            rmse_ln=float(np.sqrt((model**2).mean())) if log else None,
        )
    return errors
