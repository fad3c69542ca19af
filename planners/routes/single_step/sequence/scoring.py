"""How probable the sequence model finds reactants that somebody else proposed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from rdkit import Chem, rdBase
from torch import Tensor

from planners.routes.single_step.sequence.alignment import AtomMapMissing, Product, align_to
from planners.routes.single_step.sequence.inputs import scripts
from planners.routes.single_step.sequence.mapping import Surroundings, partners
from planners.routes.single_step.sequence.network import NEVER
from planners.routes.single_step.sequence.script import encode
from planners.routes.single_step.sequence.tokens import UnreadableText
from planners.routes.single_step.sequence.trained_model import TrainedSequence, shipped

ROOTS = 1  # two cost twice the time
WORST = -40.0  # of what cannot be read or written: e to the power of this is nothing
_TOKENS_A_BATCH = 4_000
_SCRIPTS_A_BATCH = 128

Pair = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Job:
    pair: int
    source: tuple[str, ...]
    numbers: tuple[int, ...]


class SequenceScorer:
    """Log-likelihoods under the same network that proposes. Weights are loaded with the first call."""

    def __init__(self, model: TrainedSequence | None = None, *, roots: int = ROOTS) -> None:
        self._model = model
        self._roots = roots

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """The natural logarithm of the probability of each (product, reactants), averaged over `roots` roots.

        Both sides are SMILES without map numbers; a product that several pairs share is read once. `WORST` is the
        answer to reactants or products that cannot be parsed, aligned or said. Raises WeightsMissing.
        """
        model = self._model = self._model or shipped()
        groups: dict[str, list[int]] = {}
        for i, (product, _) in enumerate(pairs):
            groups.setdefault(product, []).append(i)
        jobs: list[_Job] = []
        for product, members in groups.items():
            jobs += self._jobs(product, [(i, pairs[i][1]) for i in members], model)
        gathered: list[list[float]] = [[] for _ in pairs]
        for job, log_p in zip(jobs, _told(model, jobs), strict=True):
            gathered[job.pair].append(log_p)
        return [max(_log_mean(found), WORST) if found else WORST for found in gathered]

    def _jobs(self, smiles: str, sets: Sequence[tuple[int, tuple[str, ...]]], model: TrainedSequence) -> list[_Job]:
        mol = _read(smiles)
        if mol is None:
            return []
        n = mol.GetNumAtoms()
        product = Product(mol, list(range(1, n + 1)))
        names: dict[object, int] = {}
        around = Surroundings(mol, names)
        jobs = []
        for i, reactants in sets:
            other = _read(".".join(reactants))
            if other is None:
                continue
            maps = [j + 1 for j in partners(around, Surroundings(other, names))]
            try:
                aligned = align_to(product, other, maps)
                for root in sorted({r * n // self._roots for r in range(self._roots)}):
                    source, script = encode(*aligned.written(root), model.vocabulary)
                    if model.fits(source) and len(script) < model.network.sizes.longest_script:
                        jobs.append(_Job(i, tuple(source), tuple(model.numbers(script))))
            except (AtomMapMissing, UnreadableText):
                continue
        return jobs


def _read(smiles: str) -> Chem.Mol | None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return mol if mol is not None and mol.GetNumAtoms() else None


def _slices(lengths: Sequence[int]) -> Iterator[slice]:
    """Of growing lengths, pieces that hold about `_TOKENS_A_BATCH` when padded."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] > _TOKENS_A_BATCH:
            yield slice(start, end)
            start = end


@torch.inference_mode()
def _told(model: TrainedSequence, jobs: Sequence[_Job]) -> list[float]:
    """The log-probability of each script, teacher-forced; every product text is encoded once."""
    sources = sorted({job.source for job in jobs}, key=lambda source: (len(source), source))
    encoded: dict[tuple[str, ...], Tensor] = {}
    for piece in _slices([len(source) for source in sources]):
        read = model.read(sources[piece])
        rows = model.network.encode(read.source, read.touch, read.mask)
        encoded |= {source: row[: len(source)] for source, row in zip(sources[piece], rows, strict=True)}
    # Scripts alike in length share a batch; what they cost is mostly the product's keys and values.
    order = sorted(range(len(jobs)), key=lambda i: (len(jobs[i].numbers) // 8, len(jobs[i].source)))
    told = [0.0] * len(jobs)
    for start in range(0, len(order), _SCRIPTS_A_BATCH):
        batch = order[start : start + _SCRIPTS_A_BATCH]
        lengths = torch.tensor([len(jobs[i].source) for i in batch])
        held = torch.nn.utils.rnn.pad_sequence([encoded[jobs[i].source] for i in batch], batch_first=True)
        hidden = torch.arange(held.shape[1]) >= lengths[:, None]
        mask = torch.where(hidden, NEVER, 0.0)[:, None, None].to(held.dtype)
        said = scripts([jobs[i].numbers for i in batch], len(model.vocabulary))
        logits = model.network.told(held, mask, said.said, said.last, said.first)
        log_p = torch.log_softmax(logits, dim=-1).gather(2, said.target.clamp_min(0)[..., None])[..., 0]
        total = torch.where(said.target >= 0, log_p, 0.0).sum(dim=1).tolist()
        for i, value in zip(batch, total, strict=True):
            told[i] = value
    return told


def _log_mean(values: Sequence[float]) -> float:
    top = max(values)
    if top <= WORST:
        return WORST
    return top + math.log(sum(math.exp(v - top) for v in values) / len(values))
