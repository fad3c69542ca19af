"""Curated rules and learned models side by side: rules know the conditions, models know what chemists publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planners.routes.single_step.proposal import Proposal, Proposer

# A rule's score says how well its step works; a model's, how probably a chemist chose it, among all choices there are.
# This share brings the first to the scale of the second: of the curated proposals on 2,717 validation reactions about
# so many would be the recorded reaction if nothing else were known.
RULE_SHARE = 0.3


class CombinedProposer:
    """Every proposal of both; where they agree the rule's class and template stay, and the scores add up.

    The score is 1 - (1 - p)(1 - RULE_SHARE * s) with p the models' probability and s the rule's score.
    """

    def __init__(self, rules: Proposer, learned: Proposer) -> None:
        self._rules = rules
        self._learned = learned

    def propose(self, molecules: Sequence[str], k: int) -> list[list[Proposal]]:
        """At most `k` proposals for each molecule, best first. Raises InvalidMolecule, WeightsMissing."""
        answers = zip(self._rules.propose(molecules, k), self._learned.propose(molecules, k), strict=True)
        return [_joined(rules, learned)[:k] for rules, learned in answers]


def _joined(rules: Sequence[Proposal], learned: Sequence[Proposal]) -> list[Proposal]:
    found = {_key(p): replace(p, score=RULE_SHARE * p.score) for p in reversed(rules)}
    for proposal in learned:
        key = _key(proposal)
        rule = found.get(key)
        if rule is None:
            found[key] = proposal
        else:
            score = 1.0 - (1.0 - proposal.score) * (1.0 - rule.score)
            model = "+".join(sorted({*proposal.model.split("+"), *rule.model.split("+")}))
            found[key] = replace(rule, score=score, model=model)
    return sorted(found.values(), key=lambda p: (-p.score, p.reactants, p.template))


def _key(proposal: Proposal) -> tuple[str, ...]:
    """Rules repeat a reactant by stoichiometry, models name it once."""
    return tuple(sorted(set(proposal.reactants)))
