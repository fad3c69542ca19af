"""Proposals of the local-template model: rank (site, template) pairs, apply them in that order, sum the like ones.

What was applied to a molecule is kept, so to ask for ten proposals first and for fifty later costs no more than fifty.
"""

from __future__ import annotations

import gzip
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from safetensors import safe_open

from planners.routes.single_step.graph.molgraph import collate, featurise
from planners.routes.single_step.local.application import apply, matches
from planners.routes.single_step.local.network import LocalNetwork, log_partition
from planners.routes.single_step.local.template import LocalTemplate
from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.weights import find
from planners.routes.structure import canonical, parse

WEIGHTS = "local.safetensors"
TEMPLATES = "local.json.gz"
BATCH = 32
PAIRS = 200  # pairs ranked for a molecule: some cannot be applied, some give the same reactants
LEAST_PROBABILITY = 1e-7

Pair = tuple[float, LocalTemplate, tuple[int, ...]]  # probability, template, anchor


class _Ranking:
    """The pairs of one molecule by falling probability, and the outcomes of those applied so far."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs
        self.outcomes: list[list[tuple[str, ...]]] = []


class LocalProposer:
    """Weights are read at the first question. An answer depends on the molecule and `k` alone.

    `calls` counts molecules asked for, `misses` those that were new, `dropped` applications that gave no molecule or
    the product itself. Raises WeightsMissing when asked without weights.
    """

    def __init__(self, *, cache_size: int = 5000) -> None:
        self._cache: OrderedDict[str, _Ranking] = OrderedDict()
        self._cache_size = cache_size
        self.calls = 0
        self.misses = 0
        self.dropped = 0

    @cached_property
    def _vocabulary(self) -> tuple[list[LocalTemplate], list[LocalTemplate], dict[str, int]]:
        with gzip.open(find(TEMPLATES), "rt", encoding="utf-8") as lines:
            data = json.load(lines)
        kinds = [[LocalTemplate.load(row["template"]) for row in data[kind]] for kind in ("atom", "bond")]
        return kinds[0], kinds[1], {row["id"]: row["count"] for kind in data.values() for row in kind}

    @cached_property
    def _network(self) -> LocalNetwork:
        atom, bond, _ = self._vocabulary
        with safe_open(find(WEIGHTS), "pt") as file:
            shape = json.loads(file.metadata()["network"])
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        network = LocalNetwork(atom, bond, shape["width"], shape["depth"], tuple(shape["attention"]))
        network.load_state_dict(state)
        return network.eval()

    def frequency(self, template_id: str) -> int:
        """How many training reactions have the template; 0 for one that is not known."""
        return self._vocabulary[2].get(template_id, 0)

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, best first. Raises InvalidMolecule and WeightsMissing."""
        self.calls += len(molecules)
        wanted = [canonical(smiles) for smiles in molecules]
        missing = [smiles for smiles in dict.fromkeys(wanted) if smiles not in self._cache]
        self.misses += len(missing)
        by_size = sorted(missing, key=lambda s: (parse(s).GetNumAtoms(), s))
        for start in range(0, len(by_size), BATCH):
            chunk = by_size[start : start + BATCH]
            self._cache.update(zip(chunk, map(_Ranking, self._pairs(chunk)), strict=True))
        answers = {smiles: self._answer(smiles, k) for smiles in dict.fromkeys(wanted)}
        for smiles in answers:
            self._cache.move_to_end(smiles)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return [list(answers[smiles]) for smiles in wanted]

    @torch.inference_mode()
    def _pairs(self, chunk: list[str]) -> list[list[Pair]]:
        """Per molecule the most probable (probability, template, anchor), symmetric anchors summed."""
        atom_templates, bond_templates, _ = self._vocabulary
        batch = collate([featurise(parse(smiles)) for smiles in chunk])
        atoms, bonds = self._network(batch)
        total = log_partition(atoms, bonds, batch).numpy()
        first_atom, first_bond = batch.first_atom.tolist(), (2 * batch.first_bond).tolist()
        made = []
        for i, smiles in enumerate(chunk):
            mol = parse(smiles)
            ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
            best: dict[tuple[str, tuple[int, ...]], Pair] = {}
            for logits, templates, lone in (
                (atoms[first_atom[i] : first_atom[i + 1]], atom_templates, True),
                (bonds[first_bond[i] : first_bond[i + 1]], bond_templates, False),
            ):
                for row, column, value in _largest(logits.numpy(), 2 * PAIRS):
                    probability = float(np.exp(value - total[i]))
                    if probability < LEAST_PROBABILITY:
                        break
                    anchor = (row,) if lone else _ends(mol, row)
                    template = templates[column]
                    key = (template.id, tuple(ranks[a] for a in anchor))
                    already = best.get(key, (0.0, template, anchor))
                    best[key] = (already[0] + probability, already[1], already[2])
            made.append(sorted(best.values(), key=lambda p: (-p[0], p[1].id, p[2]))[:PAIRS])
        return made

    def _applied(self, smiles: str, ranking: _Ranking) -> Iterator[list[tuple[str, ...]]]:
        """Outcomes by pair, those known first."""
        yield from ranking.outcomes
        mol = parse(smiles)
        for _, template, anchor in ranking.pairs[len(ranking.outcomes) :]:
            outcomes: list[tuple[str, ...]] = []
            for site in matches(template, mol, anchor):
                reactants = apply(template, mol, site)
                if reactants is None or smiles in reactants:
                    self.dropped += 1
                elif reactants not in outcomes:
                    outcomes.append(reactants)
            ranking.outcomes.append(outcomes)
            yield outcomes

    def _answer(self, smiles: str, k: int) -> list[Proposal]:
        ranking = self._cache[smiles]
        found: dict[tuple[str, ...], tuple[float, str]] = {}
        for (probability, template, _), outcomes in zip(ranking.pairs, self._applied(smiles, ranking), strict=False):
            for reactants in outcomes:
                share = probability / len(outcomes)
                before, name = found.get(reactants, (0.0, template.id))
                found[reactants] = (before + share, name)
            if len(found) >= k:
                break
        best = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        return [Proposal(reactants, "", name, min(1.0, score), "local") for reactants, (score, name) in best]


def _largest(logits: NDArray[np.float32], count: int) -> list[tuple[int, int, float]]:
    """(row, column, value) of the largest entries of a matrix, falling."""
    flat = logits.ravel()
    if not flat.size:
        return []
    top = np.argpartition(-flat, min(count, flat.size) - 1)[:count]
    top = top[np.lexsort((top, -flat[top]))]
    rows, columns = np.unravel_index(top, logits.shape)
    return [(int(r), int(c), float(v)) for r, c, v in zip(rows, columns, flat[top], strict=True)]


def _ends(mol: Chem.Mol, row: int) -> tuple[int, int]:
    bond = mol.GetBondWithIdx(row // 2)
    ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    return ends if row % 2 == 0 else (ends[1], ends[0])
