"""The template model as a proposer: match all templates, rank them by the policy, run only as many as are asked for.

What was run for a molecule is kept, so to ask for ten proposals first and for fifty later costs no more than fifty.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.templates import library, policy
from planners.routes.single_step.templates.compiled import compiled, run, substrate
from planners.routes.single_step.templates.library import TemplateLibrary
from planners.routes.structure import canonical

MODEL = "template"
TAIL = 1e-5  # templates less probable than this are not run
MAX_RUNS = 400  # templates run for one molecule at most


class _Ranking:
    """The matching templates of one molecule by falling probability, and the outcomes of those run so far."""

    def __init__(self, templates: list[int], chances: list[float]) -> None:
        self.templates = templates
        self.chances = chances
        self.outcomes: list[list[tuple[str, ...]]] = []


class TemplateProposer:
    """Proposals of the whole mined library; the score is the summed probability of the templates that give them.

    Probabilities are over the templates that match the molecule. An answer depends on the molecule and `k` alone.
    `calls` counts molecules asked for, `misses` those that were new, `runs` templates run, `dropped` outcomes that
    were no molecules.
    Weights are read at the first question; WeightsMissing names the command that makes them.
    """

    def __init__(self, *, cache_size: int = 5000) -> None:
        self._cache: OrderedDict[str, _Ranking] = OrderedDict()
        self._cache_size = cache_size
        self.calls = 0
        self.misses = 0
        self.runs = 0
        self.dropped = 0

    @cached_property
    def _library(self) -> TemplateLibrary:
        return library.load()

    @cached_property
    def _network(self) -> policy.PolicyNetwork:
        return policy.load()

    def frequency(self, template: str) -> int:
        """How many train reactions a template id stands for; 0 for an unknown id."""
        index = self._library.index.get(template)
        return 0 if index is None else self._library.counts[index]

    def smarts(self, template: str) -> str:
        """The retro SMARTS of a template id. Raises KeyError."""
        return self._library.templates[self._library.index[template]]

    def examples(self, template: str) -> tuple[str, ...]:
        """Up to three patents in which the template was seen. Raises KeyError."""
        return self._library.examples[self._library.index[template]]

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, best first. Raises InvalidMolecule, WeightsMissing."""
        names = [canonical(smiles) for smiles in molecules]
        self.calls += len(names)
        fresh = [name for name in dict.fromkeys(names) if name not in self._cache]
        if fresh:
            self.misses += len(fresh)
            for name, row in zip(fresh, policy.logits(self._network, fresh), strict=True):
                self._cache[name] = self._rank(name, row)
        answers = {name: self._answer(name, k) for name in dict.fromkeys(names)}
        for name in answers:
            self._cache.move_to_end(name)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return [list(answers[name]) for name in names]

    def _rank(self, smiles: str, logits: NDArray[np.float32]) -> _Ranking:
        matching = self._library.matching(smiles)
        if not len(matching):
            return _Ranking([], [])
        chances = np.exp(logits[matching] - logits[matching].max())
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")[:MAX_RUNS]
        order = order[: max(1, int((chances[order] >= TAIL).sum()))]
        return _Ranking(matching[order].tolist(), chances[order].tolist())

    def _runs(self, smiles: str, ranking: _Ranking) -> Iterator[list[tuple[str, ...]]]:
        """Outcomes by template, those known first."""
        yield from ranking.outcomes
        target = substrate(smiles)
        for index in ranking.templates[len(ranking.outcomes) :]:
            found, broken = run(compiled(self._library.templates[index]), target)
            self.runs += 1
            self.dropped += broken
            ranking.outcomes.append([reactants for reactants in found if smiles not in reactants])
            yield ranking.outcomes[-1]

    def _answer(self, smiles: str, k: int) -> list[Proposal]:
        ranking = self._cache[smiles]
        best: dict[tuple[str, ...], tuple[float, int]] = {}
        scored = zip(ranking.templates, ranking.chances, strict=True)
        for (index, chance), outcomes in zip(scored, self._runs(smiles, ranking), strict=False):
            for reactants in outcomes:
                score, first = best.get(reactants, (0.0, index))
                best[reactants] = (score + chance, first)
            if len(best) >= k:
                break
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        ids = self._library.ids
        return [Proposal(r, "", ids[first], min(score, 1.0), MODEL) for r, (score, first) in ranked]
