"""What can be wrong with a molecule for quantum chemistry, told apart so that a caller may go on without it."""

from __future__ import annotations

ELEMENTS_MAX = 86  # radon: the last element with GFN2-xTB parameters


class QuantumUnavailable(RuntimeError):
    """tblite is not installed."""


class QuantumError(ValueError):
    """A readable molecule for which no quantum values can be given; the message names it and says why.

    Always the same for the same molecule and settings, so that it may be remembered like a value.
    """


class Unsupported(QuantumError):
    """Outside the method: several fragments, an element beyond radon, too many atoms, no electron or no empty orbital,
    an impossible multiplicity.
    """


class NoConformer(QuantumError):
    """No three-dimensional structure was found."""


class NotConverged(QuantumError):
    """The self-consistent field or the geometry did not converge."""


class StructureChanged(QuantumError):
    """Relaxation broke a bond of the molecule that was asked for (a zwitterion that cannot live in the gas phase)."""


KINDS: dict[str, type[QuantumError]] = {
    kind.__name__: kind for kind in (Unsupported, NoConformer, NotConverged, StructureChanged)
}
