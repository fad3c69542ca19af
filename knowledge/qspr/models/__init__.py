"""The estimators behind `knowledge.qspr.contract`, by name.

Calling an entry imports what it needs: torch only for `graph`, `pretrained` and `pretrained_gp`, LightGBM only for
`boosting` and `stack`.
"""

from __future__ import annotations

from collections.abc import Callable

from knowledge.qspr.contract import Model


def _gp() -> Model:
    from knowledge.qspr.models.gp import GaussianProcess

    return GaussianProcess()


def _audited_gp() -> Model:
    from knowledge.qspr.audit import Audited

    return Audited(_gp())


def _embedding_gp() -> Model:
    from knowledge.features.embedding import Embedding
    from knowledge.qspr.models.gp import GaussianProcess

    return GaussianProcess(name="embedding_gp", extra=(Embedding(),))


def _boosting() -> Model:
    from knowledge.qspr.models.boosting import Boosting

    return Boosting()


def _graph() -> Model:
    from knowledge.qspr.models.graph import Graph

    return Graph()


def _stack() -> Model:
    """Of the two that are fitted in seconds; a stack with networks is built by hand."""
    from knowledge.qspr.models.stack import Stack

    return Stack((_gp(), _boosting()))


def _pretrained() -> Model:
    from knowledge.qspr.models.pretrained import FineTuned

    return FineTuned()


def _pretrained_gp() -> Model:
    from knowledge.features.pretrained import PretrainedEmbedding, PretrainedQuantum
    from knowledge.qspr.models.gp import GaussianProcess

    return GaussianProcess(name="pretrained_gp", extra=(PretrainedQuantum(), PretrainedEmbedding()))


MODELS: dict[str, Callable[[], Model]] = {
    "gp": _gp,
    "audited_gp": _audited_gp,
    "boosting": _boosting,
    "graph": _graph,
    "stack": _stack,
    "embedding_gp": _embedding_gp,
    "pretrained": _pretrained,
    "pretrained_gp": _pretrained_gp,
}
"""`embedding_gp` needs the extra `embedding`; without it `fit` raises `EmbeddingUnavailable`."""
