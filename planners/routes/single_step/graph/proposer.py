"""Retrosynthesis by graph edits, without templates: what the trained edit model proposes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import exp

import numpy as np
from rdkit import Chem

from planners.routes.single_step.graph.beam import Hypothesis, search
from planners.routes.single_step.graph.edits import Editor, Edits
from planners.routes.single_step.graph.model import Drawn, EditModel, load
from planners.routes.single_step.graph.molgraph import featurise
from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.weights import find
from planners.routes.structure import canonical

NAME = "graph.safetensors"
MODEL = "graph"
_BATCH = 32


class GraphProposer:
    """A proposal's score is the probability of its reactants, summed over the edit sequences that lead to them.

    Answers are cached by (molecule, k). `calls` counts molecules asked for, `misses` those computed, `invalid` edit
    sequences that led to no molecules, `finished` all that were tried. The matrix products are bf16, so a score may
    differ in the third digit with the other molecules of a call.
    """

    def __init__(self, *, width: int = 20, cache_size: int = 5000, model: EditModel | None = None) -> None:
        self._width = width
        self._model = model
        self._cache: OrderedDict[tuple[str, int], list[Proposal]] = OrderedDict()
        self._cache_size = cache_size
        self.calls = self.misses = self.invalid = self.finished = 0

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, best first. Raises InvalidMolecule, WeightsMissing."""
        names = [canonical(smiles) for smiles in molecules]
        self.calls += len(names)
        missing = [name for name in dict.fromkeys(names) if (name, k) not in self._cache]
        self.misses += len(missing)
        fresh: dict[str, list[Proposal]] = {}
        # Molecules of like size together: the attention pads to the largest one.
        missing.sort(key=len)
        for start in range(0, len(missing), _BATCH):
            fresh |= self._compute(missing[start : start + _BATCH], k)
        answers = []
        for name in names:
            found = fresh[name] if name in fresh else self._cache[name, k]
            self._cache[name, k] = found
            self._cache.move_to_end((name, k))
            answers.append(list(found))
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return answers

    def _compute(self, names: Sequence[str], k: int) -> dict[str, list[Proposal]]:
        if self._model is None:
            self._model = load(find(NAME))
        editors = [Editor(name) for name in names]
        drawn = [Drawn(featurise(e.mol), np.array(e.orders, dtype=np.int64)) for e in editors]
        ranks = [np.array(list(Chem.CanonicalRankAtoms(e.mol, breakTies=False)), dtype=np.int64) for e in editors]
        found = search(self._model, drawn, ranks, max(self._width, k))
        return {e.smiles: self._proposals(e, sequences, k) for e, sequences in zip(editors, found, strict=True)}

    def _proposals(self, editor: Editor, sequences: Sequence[Hypothesis], k: int) -> list[Proposal]:
        assert self._model is not None
        chances: dict[tuple[str, ...], float] = {}
        for sequence in sequences:
            if len(chances) == k:
                break  # the rest could only add a little to what is there
            words = tuple((atom, self._model.words[word]) for atom, word in sequence.prefix.atoms)
            self.finished += 1
            reactants = editor.apply(Edits(sequence.prefix.bonds, words))
            if reactants is None:
                self.invalid += 1
            elif editor.smiles not in reactants:
                chances[reactants] = chances.get(reactants, 0.0) + exp(sequence.score)
        best = sorted(chances.items(), key=lambda item: (-item[1], item[0]))[:k]
        return [Proposal(reactants, "", "", min(1.0, chance), MODEL) for reactants, chance in best]
