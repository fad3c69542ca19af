"""Evolution on molecular graphs by direct edits; no reaction strings."""

from planners.design.genetic.evolution import GeneticGenerator, NoParents, Offspring

__all__ = ["GeneticGenerator", "NoParents", "Offspring"]
