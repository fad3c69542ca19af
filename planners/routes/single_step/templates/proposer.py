"""The template model as a proposer: match all templates, rank them by the policy, run only as many as are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
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


class TemplateProposer:
    """Proposals of the whole mined library; the score is the summed probability of the templates that give them.

    Probabilities are over the templates that match the molecule. Answers are cached by (molecule, k). `calls` counts
    molecules asked for, `misses` those computed, `runs` templates run, `dropped` outcomes that were no molecules.
    Weights are read at the first question; WeightsMissing names the command that makes them.
    """

    def __init__(self, *, cache_size: int = 20000) -> None:
        self._cache: OrderedDict[tuple[str, int], list[Proposal]] = OrderedDict()
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
        answers = {name: self._cache[name, k] for name in names if (name, k) in self._cache}
        fresh = [name for name in dict.fromkeys(names) if name not in answers]
        if fresh:
            self.misses += len(fresh)
            for name, row in zip(fresh, policy.logits(self._network, fresh), strict=True):
                answers[name] = self._cache[name, k] = self._propose(name, row, k)
        for name in dict.fromkeys(names):
            self._cache.move_to_end((name, k))
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return [list(answers[name]) for name in names]

    def _propose(self, smiles: str, logits: NDArray[np.float32], k: int) -> list[Proposal]:
        matching = self._library.matching(smiles)
        if not len(matching) or k < 1:
            return []
        chances = np.exp(logits[matching] - logits[matching].max())
        chances /= chances.sum()
        order = np.argsort(-chances, kind="stable")[:MAX_RUNS]
        target = substrate(smiles)
        best: dict[tuple[str, ...], tuple[float, int]] = {}
        for place in order.tolist():
            chance = float(chances[place])
            if len(best) >= k or (best and chance < TAIL):
                break
            index = int(matching[place])
            found, broken = run(compiled(self._library.templates[index]), target)
            self.runs += 1
            self.dropped += broken
            for reactants in found:
                if smiles not in reactants:
                    score, first = best.get(reactants, (0.0, index))
                    best[reactants] = (score + chance, first)
        ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        ids = self._library.ids
        return [Proposal(r, "", ids[first], min(score, 1.0), MODEL) for r, (score, first) in ranked]
