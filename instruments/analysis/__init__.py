"""Raw signal -> value with uncertainty. `analyse` is the way in; it knows nothing of any simulation."""

from instruments.analysis.registry import CorruptSignal, analyse, analyse_one

__all__ = ["CorruptSignal", "analyse", "analyse_one"]
