"""What several models propose for one molecule, merged by precursor set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planners.routes.single_step.proposal import Proposal

QUICK = ("template", "local")
SLOW = ("graph", "sequence")
MODELS = (*QUICK, *SLOW)


@dataclass(frozen=True, slots=True)
class Vote:
    """`rank` from 0; `score` the model's own probability."""

    rank: int
    score: float
    template: str


@dataclass(slots=True)
class Entry:
    reactants: tuple[str, ...]
    votes: dict[str, Vote] = field(default_factory=dict)

    @property
    def model(self) -> str:
        return "+".join(sorted(self.votes))

    @property
    def template(self) -> str:
        """The global template when there is one: it says most about the environment; else the local one."""
        for name in MODELS:
            vote = self.votes.get(name)
            if vote is not None and vote.template:
                return vote.template
        return ""

    def support(self) -> float:
        """A first order, before anything is learned: probabilities summed, ranks breaking the ties."""
        return sum(vote.score + 0.05 / (1 + vote.rank) for vote in self.votes.values())


def merge(answers: Mapping[str, Sequence[Proposal]]) -> list[Entry]:
    """One entry for each precursor set, most support first; `answers` by model name."""
    entries: dict[tuple[str, ...], Entry] = {}
    for model in sorted(answers):
        for rank, proposal in enumerate(answers[model]):
            key = tuple(sorted(proposal.reactants))
            entry = entries.setdefault(key, Entry(key))
            if model not in entry.votes:
                entry.votes[model] = Vote(rank, proposal.score, proposal.template)
    return sorted(entries.values(), key=lambda e: (-e.support(), e.reactants))


def without(entries: Sequence[Entry], models: Sequence[str]) -> list[Entry]:
    """The pool as it would be if `models` had not been asked."""
    left = [Entry(e.reactants, {m: v for m, v in e.votes.items() if m not in models}) for e in entries]
    return sorted((e for e in left if e.votes), key=lambda e: (-e.support(), e.reactants))
