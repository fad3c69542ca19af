"""Beam search over edit sequences, all molecules of a batch in step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from planners.routes.single_step.graph.model import N_ORDERS, Answer, Drawn, EditModel, Prefix, Question, ask
from planners.routes.single_step.graph.molgraph import collate

LONGEST = 9  # edits; hardly a reaction in the training data has more
LEAST = -12.0  # log probability below which a sequence is not followed
_SAME = 0.05  # log probabilities of equivalent sites differ by no more than rounding


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Edits in order, with the log probability of all decisions so far."""

    prefix: Prefix
    score: float

    def order(self) -> tuple[float, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        return -self.score, self.prefix.bonds, self.prefix.atoms


@dataclass(frozen=True, slots=True)
class _Sites:
    """What may follow one prefix: log probabilities in numpy."""

    bonds: NDArray[np.float32]  # [bonds, N_ORDERS]
    atoms: NDArray[np.float32]
    stop: float


def search(
    model: EditModel, drawn: Sequence[Drawn], ranks: Sequence[NDArray[np.int64]], width: int
) -> list[list[Hypothesis]]:
    """For each product its finished sequences, best first, at most `2 * width`.

    `ranks`: symmetry classes of each product's atoms; of equivalent first edits one is followed, for all of them.
    """
    finished: list[list[Hypothesis]] = [[] for _ in drawn]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        batch = collate([d.graph for d in drawn])
        states = model.read(batch)
        beam = [Hypothesis(Prefix(i), 0.0) for i in range(len(drawn))]
        for _ in range(LONGEST + 1):
            if not beam:
                break
            beam = _step(model, states, drawn, ranks, batch.first_atom, beam, finished, width)
    return [sorted(found, key=Hypothesis.order)[: 2 * width] for found in finished]


def _step(
    model: EditModel,
    states: Tensor,
    drawn: Sequence[Drawn],
    ranks: Sequence[NDArray[np.int64]],
    first_row: Tensor,
    beam: list[Hypothesis],
    finished: list[list[Hypothesis]],
    width: int,
) -> list[Hypothesis]:
    """The next beam; what stops goes to `finished`."""
    question = ask(drawn, first_row, [h.prefix for h in beam])
    answer = model(states, question)
    longer: list[list[Hypothesis]] = [[] for _ in drawn]
    to_spell: list[tuple[int, int, float]] = []  # hypothesis, atom, log probability with the site
    for i, (h, sites) in enumerate(zip(beam, _split(question, answer), strict=True)):
        owner, empty = h.prefix.owner, not h.prefix.bonds and not h.prefix.atoms
        if not empty and h.score + sites.stop >= LEAST:
            finished[owner].append(Hypothesis(h.prefix, h.score + sites.stop))
        if empty:
            sites = _merged(sites, drawn[owner], ranks[owner])
        for bond, order in zip(*np.nonzero(sites.bonds >= LEAST - h.score), strict=True):
            prefix = Prefix(owner, (*h.prefix.bonds, (int(bond), int(order))))
            longer[owner].append(Hypothesis(prefix, h.score + float(sites.bonds[bond, order])))
        for place in np.nonzero(sites.atoms >= LEAST - h.score)[0]:
            to_spell.append((i, int(place), h.score + float(sites.atoms[place])))
    for i, atom, word, score in _spelled(model, question, answer, to_spell, width):
        old = beam[i].prefix
        longer[old.owner].append(Hypothesis(Prefix(old.owner, old.bonds, (*old.atoms, (atom, word))), score))
    following = []
    for owner, found in enumerate(longer):
        done = sorted((h.score for h in finished[owner]), reverse=True)
        bar = done[2 * width - 1] if len(done) >= 2 * width else LEAST
        following += sorted((h for h in found if h.score >= bar), key=Hypothesis.order)[:width]
    return following


def _split(question: Question, answer: Answer) -> Iterator[_Sites]:
    bonds, atoms, stop = answer.bonds.numpy(), answer.atoms.numpy(), answer.stop.numpy()
    first_bond, first_atom = question.batch.first_bond.numpy(), question.batch.first_atom.numpy()
    for i in range(question.batch.size):
        yield _Sites(bonds[first_bond[i] : first_bond[i + 1]], atoms[first_atom[i] : first_atom[i + 1]], float(stop[i]))


def _merged(sites: _Sites, drawn: Drawn, ranks: NDArray[np.int64]) -> _Sites:
    """One of the equivalent sites with the probability of all of them, the others closed."""
    bonds, atoms = sites.bonds.copy(), sites.atoms.copy()
    _merge(atoms, [(int(rank),) for rank in ranks])
    ends = np.sort(np.stack((ranks[drawn.graph.source[::2]], ranks[drawn.graph.target[::2]]), axis=1), axis=1)
    for order in range(N_ORDERS):
        _merge(bonds[:, order], [(int(a), int(b)) for a, b in ends])
    return _Sites(bonds, atoms, sites.stop)


def _merge(scores: NDArray[np.float32], keys: Sequence[tuple[int, ...]]) -> None:
    seen: dict[tuple[int, ...], tuple[int, float, int]] = {}
    for i, key in enumerate(keys):
        score = float(scores[i])
        if score == -math.inf:
            continue
        if key in seen and abs(seen[key][1] - score) <= _SAME:
            first, alike, n = seen[key]
            seen[key] = first, alike, n + 1
            scores[first] = alike + math.log(n + 1)
            scores[i] = -math.inf
        else:
            seen.setdefault(key, (i, score, 1))


def _spelled(
    model: EditModel, question: Question, answer: Answer, wanted: list[tuple[int, int, float]], width: int
) -> Iterator[tuple[int, int, int, float]]:
    """(hypothesis, atom, word, log probability) for the likeliest words at the wanted atoms."""
    if not wanted:
        return
    first = question.batch.first_atom.numpy()
    places = torch.tensor([int(first[i]) + atom for i, atom, _ in wanted])
    words = model.spell(answer, places, torch.tensor([i for i, _, _ in wanted]))
    scores, numbers = words.topk(min(width, words.shape[1]), dim=1)
    for (i, atom, before), row, which in zip(wanted, scores.tolist(), numbers.tolist(), strict=True):
        for score, word in zip(row, which, strict=True):
            if before + score < LEAST:
                break
            yield i, atom, word, before + score
