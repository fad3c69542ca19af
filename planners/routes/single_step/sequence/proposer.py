"""The sequence model as a `Proposer`."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.sequence.alignment import Product
from planners.routes.single_step.sequence.beam import Said, search
from planners.routes.single_step.sequence.scoring import Pair, SequenceScorer
from planners.routes.single_step.sequence.script import text
from planners.routes.single_step.sequence.tokens import UnreadableText, split
from planners.routes.single_step.sequence.trained_model import TrainedSequence, shipped
from planners.routes.structure import canonical

ROOTS = 4
WIDTH = 10
_TOKENS_A_BATCH = 6000
_LEAST = 1e-5  # less probable scripts are not worth parsing


def rooted(smiles: str, roots: int) -> list[str]:
    """A canonical SMILES written from up to `roots` different atoms, evenly spread over it."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    product = Product(mol, list(range(1, mol.GetNumAtoms() + 1)))
    n = mol.GetNumAtoms()
    atoms = sorted({i * n // roots for i in range(roots)})
    return list(dict.fromkeys(product.written(atom).smiles for atom in atoms))


class SequenceProposer:
    """Beam search from several roots of each molecule; what several roots say adds up.

    A proposal's score is the mean over the roots of the probability of its scripts. `calls` counts the molecules asked
    for, `misses` those that the cache did not know, `made` the scripts written, `invalid` those that were no
    molecules. Weights are loaded with the first call; raises WeightsMissing then, InvalidMolecule for what is no
    SMILES. A molecule of more tokens than the network has places gets no proposals.
    """

    def __init__(
        self, model: TrainedSequence | None = None, *, roots: int = ROOTS, width: int = WIDTH, cache: int = 5000
    ) -> None:
        self._model = model
        self._roots = roots
        self._width = width
        self._cache: OrderedDict[tuple[str, int], list[Proposal]] = OrderedDict()
        self._cache_size = cache
        self.calls = self.misses = self.made = self.invalid = 0

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` each, best first. `molecules`: canonical SMILES."""
        self.calls += len(molecules)
        unknown = [m for m in dict.fromkeys(molecules) if (m, k) not in self._cache]
        self.misses += len(unknown)
        fresh = dict(zip(unknown, self._proposed(unknown, k), strict=True))
        answers = []
        for molecule in molecules:
            if molecule not in fresh:
                self._cache.move_to_end((molecule, k))
                fresh[molecule] = self._cache[molecule, k]
            answers.append(list(fresh[molecule]))
        for molecule in unknown:
            self._cache[molecule, k] = fresh[molecule]
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return answers

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """Log-probability of any reactants of any product: pairs (product, reactants); see `SequenceScorer.score`."""
        self._model = self._model or shipped()
        return SequenceScorer(self._model).score(pairs)

    def _proposed(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        if not molecules:
            return []
        model = self._model = self._model or shipped()
        jobs: list[tuple[int, list[str]]] = []
        roots = [0] * len(molecules)
        for i, molecule in enumerate(molecules):
            for smiles in rooted(molecule, self._roots):
                tokens = split(smiles)
                if model.fits(tokens):
                    jobs.append((i, tokens))
                    roots[i] += 1
        jobs.sort(key=lambda job: len(job[1]))
        found: list[dict[tuple[str, ...], float]] = [{} for _ in molecules]
        start = 0
        while start < len(jobs):
            end = start + 1
            while end < len(jobs) and (end + 1 - start) * len(jobs[end][1]) <= _TOKENS_A_BATCH:
                end += 1
            batch = jobs[start:end]
            for (i, tokens), said in zip(
                batch, search(model.network, model.read([tokens for _, tokens in batch]), self._width), strict=True
            ):
                self._add(molecules[i], tokens, said, model, found[i])
            start = end
        return [self._ranked(reactants, n)[:k] for reactants, n in zip(found, roots, strict=True)]

    def _add(
        self,
        molecule: str,
        tokens: Sequence[str],
        said: Sequence[Said],
        model: TrainedSequence,
        found: dict[tuple[str, ...], float],
    ) -> None:
        for one in said:
            p = math.exp(one.log_probability)
            if p < _LEAST:
                continue
            self.made += 1
            try:
                parts = text(tokens, model.items(one.numbers)).split(".")
                reactants = tuple(sorted(canonical(part) for part in parts))
            except (InvalidMolecule, UnreadableText):
                self.invalid += 1
                continue
            if molecule not in reactants:
                found[reactants] = found.get(reactants, 0.0) + p

    @staticmethod
    def _ranked(found: dict[tuple[str, ...], float], roots: int) -> list[Proposal]:
        order = sorted(found, key=lambda reactants: (-found[reactants], reactants))
        return [Proposal(r, "", "", min(found[r] / roots, 1.0), "sequence") for r in order]
