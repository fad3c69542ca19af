"""Labels of bought substances: name, density, boiling and melting point, read from `chemicals` when needed.

Only for stock, reagents and solvents, which come with a data sheet. Never asked about a product: what is known of a
candidate is the campaign's business.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rdkit import Chem, rdBase

ROOM = 298.15
WATER = "7732-18-5"


class Label(NamedTuple):
    """`density` in g/mL near 298 K and only for liquids; temperatures in K; None where the handbook is silent."""

    name: str
    density: float | None
    boiling_point: float | None
    melting_point: float | None


@lru_cache(maxsize=8192)
def label(smiles: str) -> Label:
    """The handbook's label; a substance it does not know is named by its SMILES."""
    import chemicals

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        key = Chem.MolToInchiKey(mol) if mol is not None else ""
    try:
        found = chemicals.search_chemical(f"InChIKey={key}")
    except ValueError:
        return Label(smiles, None, None, None)
    cas = found.CASs
    boiling, melting = chemicals.Tb(cas), chemicals.Tm(cas)
    liquid = (melting is None or melting < ROOM) and (boiling is None or boiling > ROOM)
    return Label(found.common_name or smiles, _density(cas, found.MW) if liquid else None, boiling, melting)


def _density(cas: str, molar_mass: float) -> float | None:
    from chemicals import iapws, miscdata, volume

    if cas == WATER:
        return float(iapws.iapws95_rho(T=ROOM, P=101325.0)) / 1000.0
    rho = miscdata.CRC_organic_data["rho"].get(cas)
    if rho is not None and rho == rho:
        return float(rho) / 1000.0
    constants = volume.rho_data_CRC_inorg_l_const
    return molar_mass / float(constants.at[cas, "Vm"]) / 1e6 if cas in constants.index else None
