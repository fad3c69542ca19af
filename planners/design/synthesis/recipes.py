"""A way of making a known molecule from the shelf in at most two steps, so that evolution can begin with it."""

from __future__ import annotations

from planners.design.synthesis.bench import Bench, usable
from planners.design.synthesis.shelf import Shelf
from planners.design.synthesis.tree import Leaf, Step, Tree
from planners.routes.single_step.curated import RuleProposer
from planners.routes.structure import canonical

_PROPOSALS = 12
_OPENED = 3  # of the best first steps, whose missing reactants are looked at once more


class Recipes:
    """Steps are proposed by rules from behind, and count only when the bench makes the molecule of them forward."""

    def __init__(self, shelf: Shelf, bench: Bench) -> None:
        self._shelf = shelf
        self._bench = bench
        self._rules = RuleProposer(cache_size=500)

    def tree(self, smiles: str) -> Step | None:
        """The best first step whose reactants are on the shelf, else one whose reactants can be made in one step.

        Raises InvalidMolecule.
        """
        steps = self._steps(canonical(smiles))
        for name, reactants in steps:
            if all(part in self._shelf for part in reactants):
                return Step(name, tuple(map(Leaf, reactants)), canonical(smiles))
        for name, reactants in steps[:_OPENED]:
            parts = [self._made(part) for part in reactants]
            whole = tuple(part for part in parts if part is not None)
            if len(whole) == len(parts):
                return Step(name, whole, canonical(smiles))
        return None

    def _made(self, smiles: str) -> Tree | None:
        if smiles in self._shelf:
            return Leaf(smiles)
        for name, reactants in self._steps(smiles):
            if all(part in self._shelf for part in reactants):
                return Step(name, tuple(map(Leaf, reactants)), smiles)
        return None

    def _steps(self, smiles: str) -> list[tuple[str, tuple[str, ...]]]:
        """Reactions and their reactants, best first, that make exactly this molecule when they are run."""
        found = []
        for proposal in self._rules.propose([smiles], _PROPOSALS)[0]:
            if proposal.template not in usable():
                continue
            count = usable()[proposal.template].forward.GetNumReactantTemplates()
            reactants = tuple(proposal.reactants)
            if len(reactants) == count and self._bench.product(proposal.template, reactants) == smiles:
                found.append((proposal.template, reactants))
        return found
