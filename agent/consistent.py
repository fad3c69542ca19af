"""Predictions of one property that agree with what is predicted of others: melting below boiling below critical point.

Models of the three are trained apart, and each may err by more than a narrow liquid range. Whichever is asked for, all
that are on the shelf are asked, and the least likely ones are moved. Intervals stay: they hold measured values as often
as before, and are only widened to hold the moved value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from knowledge.records.properties import Scale

if TYPE_CHECKING:
    from knowledge.qspr.contract import Belief
    from knowledge.qspr.selection import Prediction
    from knowledge.qspr.shelf import Shelf

_UNIT = "K"


@dataclass(frozen=True)
class Moved:
    """`prediction` after, and `by` how much its mean was moved, K; `reason` is "" where it was not."""

    prediction: Prediction
    by: float = 0.0
    reason: str = ""


def consistent(prop: str, found: Mapping[str, Prediction], shelf: Shelf) -> dict[str, Moved]:
    """Of each molecule, by SMILES. A model that cannot be read binds nobody. Raises OSError."""
    from knowledge.qspr.priors.consistency import TRANSITIONS, in_order

    others = [name for name in TRANSITIONS if name != prop] if prop in TRANSITIONS and found else []
    beliefs = {name: belief for name in others if (belief := _asked(name, list(found), shelf)) is not None}
    if not beliefs:
        return {smiles: Moved(one) for smiles, one in found.items()}
    means = in_order({prop: _belief(list(found.values())), **beliefs})
    return {
        smiles: _moved(one, float(means[prop][i]), {o: float(m[i]) for o, m in means.items() if o != prop})
        for i, (smiles, one) in enumerate(found.items())
    }


def _asked(prop: str, smiles: list[str], shelf: Shelf) -> Belief | None:
    from knowledge.qspr.shelf import NoSuchModel, Unreadable

    try:
        shelved = shelf.get(prop)
    except (NoSuchModel, Unreadable):
        return None
    if shelved.property.unit != _UNIT or shelved.property.scale is not Scale.LINEAR:
        return None  # a user's own property of this name, in another unit
    try:
        return shelved.selected.fitted.predict(smiles)
    except ImportError:  # an optional package of the other model only
        return None


def _belief(found: list[Prediction]) -> Belief:
    import numpy as np

    from knowledge.qspr.contract import Belief

    columns = ([p.mean for p in found], [p.epistemic for p in found], [p.noise for p in found])
    return Belief(*(np.array(column) for column in columns))


def _moved(one: Prediction, mean: float, others: Mapping[str, float]) -> Moved:
    by = mean - one.mean
    if by == 0.0:
        return Moved(one)
    told = " and ".join(f"a {name.replace('_', ' ')} of {value:.1f} {_UNIT}" for name, value in others.items())
    reason = f"by {by:+.1f} {_UNIT} from {one.mean:.1f} {_UNIT}, to agree with {told}"
    return Moved(replace(one, mean=mean, low=min(one.low, mean), high=max(one.high, mean)), by, reason)
