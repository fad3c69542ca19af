"""The models that compete for a property: the estimators, each also on what the property's prior leaves over.

`+prior` is a prior from structure alone, `+literature` one that starts from the handbook's values of another property;
the latter belongs where the whole handbook may be seen, not in a test that withholds part of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.qspr.contract import Model
from knowledge.qspr.models import MODELS
from knowledge.qspr.priors import LITERATURE_PRIORS, PRIORS
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.residual import WithPrior

_WITH_PRIOR, _WITH_LITERATURE = "+prior", "+literature"


class UnknownModel(ValueError):
    """No model has this name, or the property has no prior; the message lists the names there are."""


def names(prop: str) -> tuple[str, ...]:
    """All names that `candidates` understands for a property."""
    endings = [_WITH_PRIOR] * (prop in PRIORS) + [_WITH_LITERATURE] * (prop in LITERATURE_PRIORS)
    return (*MODELS, *(f"{name}{ending}" for ending in endings for name in MODELS))


def usual(prop: str) -> tuple[str, ...]:
    """What is tried when nobody chooses, the simplest first."""
    if prop in LITERATURE_PRIORS:
        return ("gp", f"gp{_WITH_LITERATURE}", "boosting")
    return ("gp", f"gp{_WITH_PRIOR}", "boosting") if prop in PRIORS else ("gp", "boosting")


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
    base, _, ending = name.partition("+")
    model = MODELS[base]()
    return WithPrior(model, _prior(prop, f"+{ending}")) if ending else model


def _prior(prop: str, ending: str) -> Prior:
    if ending == _WITH_PRIOR:
        return PRIORS[prop]()
    from knowledge.sources.handbook import Handbook

    return LITERATURE_PRIORS[prop](Handbook.full().facts)
