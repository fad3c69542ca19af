"""The models that compete for a property: the estimators, each also with a prior, which cross-validation may reject.

`+prior` is a prior from structure alone. `+literature` is one that starts from the handbook's values of another
property; it belongs where the whole handbook may be seen, not in a test that withholds part of it. `+column` is the
column of estimates of the user's table. By these names a model learns what the prior leaves over; with `-feature` at
the end, it has the prior's value as a feature instead. `fusion+...` takes one or several of these as sources, each with
a bias, a scale and a noise of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from knowledge.features.featurizer import Featurizer
from knowledge.qspr.contract import Model
from knowledge.qspr.models import MODELS
from knowledge.qspr.priors import LITERATURE_PRIORS, PRIORS
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.feature import WithPriorFeature
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.residual import WithPrior

_PRIOR, _LITERATURE, _COLUMN = "prior", "literature", "column"
_AS_FEATURE = "-feature"
_FUSION = "fusion"


class UnknownModel(ValueError):
    """No model has this name, or the property has no prior; the message lists the names there are."""


def names(prop: str, column: ColumnPrior | None = None) -> tuple[str, ...]:
    """All names that `candidates` understands for a property; `column`: the estimates of the user's table."""
    sources = _sources(prop, column)
    residual = tuple(f"{name}+{source}" for source in sources for name in MODELS)
    feature = tuple(f"{name}+{source}{_AS_FEATURE}" for source in sources for name in _FEATURED)
    return (*MODELS, *residual, *feature, *_fusions(sources))


def usual(prop: str, column: ColumnPrior | None = None) -> tuple[str, ...]:
    """What is tried when nobody chooses, the simplest first: with doubtful labels believed less; with what a network
    has learned of molecules; with the prior that knows most, in both ways; and where a table has estimates of its own,
    with all that there is, each as a source.
    """
    sources = _sources(prop, column)
    with_prior = (f"gp+{sources[-1]}", f"gp+{sources[-1]}{_AS_FEATURE}") if sources else ()
    fusion = () if column is None else _fusions(sources)[-1:]
    return ("gp", "audited_gp", "pretrained_gp", *with_prior, *fusion, "boosting")


def candidates(prop: str, chosen: Sequence[str], column: ColumnPrior | None = None) -> list[Model]:
    """New models in the order asked for. Raises UnknownModel."""
    known = names(prop, column)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise UnknownModel(f"there is no model '{unknown[0]}' of {prop}; there are: {', '.join(known)}")
    return [_made(prop, name, column) for name in chosen]


def restorable(prop: str, stored: str) -> list[Model]:
    """The model that stored something under the name `stored`, no other; the values of a `ColumnPrior` come back with
    what it stored. Raises UnknownModel.
    """
    sources = [source.removesuffix(_AS_FEATURE) for source in stored.split("+")[1:]]
    return candidates(prop, [stored], ColumnPrior(prop, "") if _COLUMN in sources else None)


def _sources(prop: str, column: ColumnPrior | None) -> list[str]:
    """Of priors, the one that knows least first."""
    there = {_PRIOR: prop in PRIORS, _LITERATURE: prop in LITERATURE_PRIORS, _COLUMN: column is not None}
    return [source for source, known in there.items() if known]


def _made(prop: str, name: str, column: ColumnPrior | None) -> Model:
    base, _, source = name.partition("+")
    if base == _FUSION:
        return _fused(prop, name, source.split("+"), column)
    model = MODELS[base]()
    if not source:
        return model
    prior = _prior(prop, source.removesuffix(_AS_FEATURE), column)
    if source.endswith(_AS_FEATURE):
        return WithPriorFeature(_FEATURED[base], model, prior, name=name)
    return WithPrior(model, prior, name=name)


def _prior(prop: str, source: str, column: ColumnPrior | None) -> Prior:
    if source == _COLUMN and column is not None:
        return column
    if source == _PRIOR:
        return PRIORS[prop]()
    from knowledge.sources.handbook import Handbook

    return LITERATURE_PRIORS[prop](Handbook.full().facts)


def _fusions(sources: Sequence[str]) -> tuple[str, ...]:
    """Each source alone, and all together."""
    each = tuple(f"{_FUSION}+{source}" for source in sources)
    return (*each, "+".join([_FUSION, *sources])) if len(sources) > 1 else each


def _fused(prop: str, name: str, sources: Sequence[str], column: ColumnPrior | None) -> Model:
    from knowledge.qspr.fusion import ComputedSource, Fusion

    return Fusion(*(ComputedSource(_prior(prop, source, column)) for source in sources), name=name)


def _gp(feature: Featurizer) -> Model:
    from knowledge.qspr.models.gp import GaussianProcess

    return GaussianProcess(extra=(feature,))


def _embedding_gp(feature: Featurizer) -> Model:
    from knowledge.features.embedding import Embedding
    from knowledge.qspr.models.gp import GaussianProcess

    return GaussianProcess(name="embedding_gp", extra=(Embedding(), feature))


_FEATURED: dict[str, Callable[[Featurizer], Model]] = {"gp": _gp, "embedding_gp": _embedding_gp}
"""Models that take another numeric feature."""
