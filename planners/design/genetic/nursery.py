"""Which molecules may be parents."""

from __future__ import annotations

from collections.abc import Iterable

from rdkit import Chem

from planners.design.filters.pipeline import Filters
from planners.design.genetic.memory import flat_smiles
from planners.design.space import DesignSpace, lock_as_molecule


class NoParents(ValueError):
    """Not one seed molecule can start the search."""


class Nursery:
    """A parent may be smaller than the space wants, since it can grow, and look hard to make, since it exists."""

    def __init__(self, space: DesignSpace, *, stability: bool) -> None:
        self._space = space
        self._gate = Filters(space.model_copy(update={"min_heavy_atoms": 1}), stability=stability, accessibility=False)

    def breedable(self, smiles: Iterable[str]) -> list[str]:
        """Those that can be parents: canonical without stereo, each once, in the given order."""
        flat = dict.fromkeys(text for text in map(flat_smiles, smiles) if text is not None)
        return self._gate.keep(flat)

    def parents(self, seeds: Iterable[str]) -> list[str]:
        """The seeds that can be parents, or a locked substructure that is a molecule. Raises NoParents."""
        found = self.breedable(seeds)
        if not found and len(self._space.locked) == 1:
            fragment = lock_as_molecule(self._space.locked[0])
            if fragment is not None:
                found = [str(Chem.MolToSmiles(fragment, isomericSmiles=False))]
        if found:
            return found
        if self._space.locked:
            locks = ", ".join(f"'{smarts}'" for smarts in self._space.locked)
            raise NoParents(f"no start molecule holds the locked {locks}, and that is no molecule to start from itself")
        raise NoParents("no start molecule fits the design space")
