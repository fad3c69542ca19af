"""The properties that a drawn molecule can be asked to have, as the network was taught them."""

from __future__ import annotations

# By name; the unit is part of it. Frontier orbitals and their gap are B3LYP's (eV), the dipole is in debye, the
# polarizability in bohr³, logP is Crippen's, the polar surface in Å².
PROPERTIES: tuple[str, ...] = (
    "gap_ev",
    "homo_ev",
    "lumo_ev",
    "dipole_debye",
    "polarizability_bohr3",
    "logp",
    "polar_surface_a2",
)
