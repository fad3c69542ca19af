"""GFN2-xTB through tblite: one point on the energy surface, silent and on one thread. Atomic units inside this file.

tblite is an optional extra, imported when it is first needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.quantum.errors import NotConverged, QuantumUnavailable, Unsupported
from knowledge.quantum.properties import METHOD

# CODATA 2018, as everywhere outside xTB
HARTREE_EV = 27.211386245988
HARTREE_KJ_MOL = 2625.4996394799
BOHR_ANGSTROM = 0.529177210903
DEBYE_PER_AU = 2.541746473

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """`energy` in Hartree, `gradient` (n, 3) in Hartree/Bohr, `dipole` (3,) in e Bohr about the origin, `charges` (n,)
    in e, `bond_orders` (n, n) Wiberg, `orbitals` (m,) in Hartree with their `occupations` (m,).
    """

    energy: float
    gradient: Array
    dipole: Array
    charges: Array
    bond_orders: Array
    orbitals: Array
    occupations: Array


@cache
def _tblite() -> Any:
    try:
        return importlib.import_module("tblite.interface")
    except ImportError:
        raise QuantumUnavailable("quantum chemistry needs the extra: pip install 'athanor[quantum]'") from None


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP on one thread: small matrices gain nothing from more, and sums then never depend on cores."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    _tblite()  # its libraries must be loaded before they can be limited
    with threadpool_limits(limits=1):
        yield


class Surface:
    """The energy surface of one set of atoms, in the gas phase or in a solvent that ALPB knows by name.

    Each call starts from the electron density of the call before, as neighbouring geometries have similar ones; the
    first from that of `after`, where given: a solvent changes little (some 15 % fewer seconds). Use within
    `one_thread`. Raises QuantumUnavailable; `at` raises NotConverged and Unsupported.
    """

    def __init__(
        self,
        numbers: npt.NDArray[np.int64],
        *,
        charge: int,
        unpaired: int,
        solvent: str | None = None,
        after: Surface | None = None,
    ) -> None:
        self._interface = _tblite()
        self._numbers = numbers
        self._charge = charge
        self._unpaired = unpaired
        self._solvent = solvent
        self._calculator: Any = None
        self._result: Any = self._interface.Result(after._result if after is not None else None)

    def at(self, positions_bohr: Array) -> Point:
        count = len(self._numbers)
        try:
            if self._calculator is None:
                self._calculator = self._prepared(positions_bohr)
            else:
                self._calculator.update(positions=positions_bohr)
            result = self._calculator.singlepoint(self._result)
            point = Point(
                energy=float(result.get("energy")),
                gradient=np.array(result.get("gradient")),
                dipole=np.array(result.get("dipole")),
                charges=np.array(result.get("charges")),
                # With unpaired electrons a second block follows, that of the spin density.
                bond_orders=np.ravel(result.get("bond-orders"))[: count * count].reshape(count, count),
                orbitals=np.array(result.get("orbital-energies")),
                occupations=np.array(result.get("orbital-occupations")),
            )
        except RuntimeError as error:  # tblite has one class of errors, derived from this, and tells them by text
            kind = NotConverged if "converge" in str(error) else Unsupported
            raise kind(f"{METHOD}: {error}") from None
        if not (np.isfinite(point.energy) and np.isfinite(point.gradient).all()):
            raise NotConverged(f"{METHOD}: the energy is not a number")
        return point

    def _prepared(self, positions_bohr: Array) -> Any:
        calculator = self._interface.Calculator(
            METHOD,
            self._numbers,
            positions_bohr,
            charge=float(self._charge),
            uhf=self._unpaired,
            color=False,
            logger=_silent,
        )
        calculator.set("verbosity", 0)
        if self._solvent is not None:
            calculator.add("alpb-solvation", self._solvent)
        return calculator


def _silent(message: str) -> None:
    """tblite prints each SCF cycle unless it is given somewhere else to write to."""
