"""The models that compete for a property: the estimators, each also on what the property's prior leaves over."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.qspr.contract import Model
from knowledge.qspr.models import MODELS
from knowledge.qspr.priors import PRIORS
from knowledge.qspr.priors.residual import WithPrior

_WITH_PRIOR = "+prior"


class UnknownModel(ValueError):
    """No model has this name, or the property has no prior; the message lists the names there are."""


def names(prop: str) -> tuple[str, ...]:
    """All names that `candidates` understands for a property."""
    return (*MODELS, *(f"{name}{_WITH_PRIOR}" for name in MODELS if prop in PRIORS))


def usual(prop: str) -> tuple[str, ...]:
    """What is tried when nobody chooses, the simplest first."""
    return ("gp", "gp+prior", "boosting") if prop in PRIORS else ("gp", "boosting")


def candidates(prop: str, chosen: Sequence[str]) -> list[Model]:
    """New models in the order asked for. Raises UnknownModel."""
    known = names(prop)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise UnknownModel(f"there is no model '{unknown[0]}' of {prop}; there are: {', '.join(known)}")
    return [_made(prop, name) for name in chosen]


def restorable(prop: str, stored: str) -> list[Model]:
    """The models that may have stored something under the name `stored`; only these are imported."""
    base = stored.partition("+")[0]
    return candidates(prop, [name for name in names(prop) if name.partition("+")[0] == base])


def _made(prop: str, name: str) -> Model:
    base = name.removesuffix(_WITH_PRIOR)
    model = MODELS[base]()
    return model if base == name else WithPrior(model, PRIORS[prop]())
