"""The fused proposer: quick models always, slow ones where the quick ones are unsure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from planners.routes.single_step.ensemble import features
from planners.routes.single_step.ensemble.pool import MODELS, QUICK, SLOW, Entry, merge
from planners.routes.single_step.ensemble.ranker import Ranker
from planners.routes.single_step.proposal import Proposal, Proposer
from planners.routes.structure import canonical

WIDTH = {"template": 50, "local": 50, "graph": 20, "sequence": 20}
SCORED = 40  # candidates that the sequence model reads; those below have little support


class _Reader(Protocol):
    def score(self, pairs: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]: ...


def _models() -> dict[str, Proposer]:
    from planners.routes.single_step.graph.proposer import GraphProposer
    from planners.routes.single_step.local.proposer import LocalProposer
    from planners.routes.single_step.sequence.proposer import SequenceProposer
    from planners.routes.single_step.templates.proposer import TemplateProposer

    return {
        "template": TemplateProposer(),
        "local": LocalProposer(),
        "graph": GraphProposer(),
        "sequence": SequenceProposer(),
    }


class EnsembleProposer:
    """Scores are calibrated probabilities that a proposal is the reaction a chemist recorded.

    `gate` None asks every model. Otherwise the slow ones (graph, sequence) are asked only for molecules whose best
    proposal by the quick ones is less probable than `gate`: opening all models at every node made a search a hundred
    times slower without a gain. `asked` counts molecules by model. Raises WeightsMissing when it is first used.
    """

    def __init__(
        self,
        *,
        gate: float | None = None,
        models: Mapping[str, Proposer] | None = None,
        ranker: Ranker | None = None,
        cache_size: int = 5000,
    ) -> None:
        if gate is not None and not 0.0 <= gate <= 1.0:
            raise ValueError(f"the gate must lie between 0 and 1, not {gate}")
        self._gate = gate
        self._models = dict(models) if models is not None else _models()
        unknown = sorted(set(self._models) - set(MODELS))
        if unknown:
            raise ValueError(f"unknown model {unknown[0]}; an ensemble knows {', '.join(MODELS)}")
        self._ranker = ranker
        self._cache: OrderedDict[str, list[Proposal]] = OrderedDict()
        self._cache_size = cache_size
        self.calls = 0
        self.misses = 0
        self.asked = dict.fromkeys(self._models, 0)

    @property
    def ranker(self) -> Ranker:
        if self._ranker is None:
            self._ranker = Ranker.load()
        return self._ranker

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, most probable first. Raises InvalidMolecule, WeightsMissing."""
        asked = [canonical(smiles) for smiles in molecules]
        self.calls += len(asked)
        fresh = [smiles for smiles in dict.fromkeys(asked) if smiles not in self._cache]
        self.misses += len(fresh)
        made = self._fuse(fresh) if fresh else {}
        answers = []
        for smiles in asked:
            found = made.get(smiles)
            if found is None:
                self._cache.move_to_end(smiles)
                found = self._cache[smiles]
            answers.append(found[:k])
        self._cache.update(made)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return answers

    def pools(self, molecules: Sequence[str]) -> list[list[Entry]]:
        """The merged, unranked pools of all models, for training the ranker."""
        return [merge(answers) for answers in self._ask(molecules, MODELS)]

    def _ask(self, molecules: Sequence[str], names: Sequence[str]) -> list[dict[str, list[Proposal]]]:
        answers: list[dict[str, list[Proposal]]] = [{} for _ in molecules]
        for name in names:
            if name not in self._models or not molecules:
                continue
            self.asked[name] += len(molecules)
            for answer, found in zip(answers, self._models[name].propose(molecules, WIDTH[name]), strict=True):
                answer[name] = found
        return answers

    def _fuse(self, molecules: Sequence[str]) -> dict[str, list[Proposal]]:
        quick = self._ask(molecules, QUICK if self._gate is not None else MODELS)
        ranked = {
            smiles: self._rank(smiles, merge(answers), read=self._gate is None)
            for smiles, answers in zip(molecules, quick, strict=True)
        }
        if self._gate is None:
            return ranked
        unsure = [s for s in molecules if not ranked[s] or ranked[s][0].score < self._gate]
        early = dict(zip(molecules, quick, strict=True))
        for smiles, late in zip(unsure, self._ask(unsure, SLOW), strict=True):
            ranked[smiles] = self._rank(smiles, merge({**early[smiles], **late}), read=True)
        return ranked

    def _rank(self, product: str, entries: list[Entry], *, read: bool) -> list[Proposal]:
        if not entries:
            return []
        rows = features.matrix(product, entries, self._background, self.likelihoods(product, entries, read=read))
        probabilities = self.ranker.probabilities(rows)
        order = np.lexsort((np.arange(len(entries)), -probabilities))
        return [
            Proposal(
                reactants=entries[i].reactants,
                reaction_class="",
                template=entries[i].template,
                score=float(probabilities[i]),
                model=entries[i].model,
            )
            for i in order
        ]

    def likelihoods(self, product: str, entries: Sequence[Entry], *, read: bool) -> list[float | None]:
        """The sequence model's log-probability of the first candidates; None beyond, or when it is not asked."""
        reader: _Reader | None = self._models.get("sequence")  # type: ignore[assignment]
        if not read or reader is None:
            return [None] * len(entries)
        read_ones = entries[:SCORED]
        scores = reader.score([(product, entry.reactants) for entry in read_ones])
        return [*scores, *[None] * (len(entries) - len(read_ones))]

    @property
    def _background(self) -> features.Background:
        return features.Background(self.ranker.popularity, self._frequency("template"), self._frequency("local"))

    def _frequency(self, name: str) -> Callable[[str], int]:
        frequency: Callable[[str], int] | None = getattr(self._models.get(name), "frequency", None)
        return frequency if frequency is not None else lambda _: 0
