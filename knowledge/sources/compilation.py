"""Which tables answer for which property: name, trust, noise; and the readings they give at 298.15 K and normal
pressure.

Left out on purpose, because they hold estimates: Yaws' boiling points, every Joback, neural-network and
quantum-chemical table of the packages, and the estimating correlations of liquid viscosity (Letsou-Stiel,
Przedziecki-Sridhar, Lucas). The noise of a source is judged from its scatter against the others over the compounds
they share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from knowledge.records.fact import Kind
from knowledge.sources import tables

AMBIENT = 298.15  # K
PROPERTIES = (
    "boiling_point",
    "melting_point",
    "flash_point",
    "viscosity",
    "hansen_dispersion",
    "hansen_polar",
    "hansen_hydrogen",
)


class Source(NamedTuple):
    """One source of one property. `std` in the property's unit, or relative where `relative` is set (viscosity).

    `family` is shared by sources that are not independent of each other.
    """

    name: str
    property: str
    family: str
    kind: Kind
    std: float
    relative: bool = False


class Scalar(NamedTuple):
    """A source that is one column of one table, in SI units times `scale`."""

    source: Source
    table: str
    column: str
    scale: float = 1.0


_CRC_ORGANIC = "Misc/Physical Constants of Organic Compounds.csv"
_CRC_INORGANIC = "Misc/Physical Constants of Inorganic Compounds.csv"
_COMMON_CHEMISTRY = "Misc/common_chemistry_data.tsv"
_WEBBOOK = "Misc/webbook_constants.tsv"
_WIKIDATA = "Misc/wikidata_properties.tsv"
_HEOS = "Misc/heos_constants.tsv"
_OPEN_NOTEBOOK = "Phase Change/OpenNotebook Melting Points.tsv"
YAWS_BOILING = "Phase Change/Yaws Boiling Points.tsv"

_CRC = "CRC Handbook"
_NIST = "NIST WebBook"
_CAS = "CAS Common Chemistry"
_WIKI = "Wikidata"


def _hansen(name: str, table: str, std: tuple[float, float, float]) -> tuple[Scalar, ...]:
    # All of them go back to Hansen's own table: one family, so that three copies do not outvote a correction.
    properties = ("hansen_dispersion", "hansen_polar", "hansen_hydrogen")
    return tuple(
        Scalar(
            Source(name, p, "Hansen", Kind.CURATED, s),
            f"Misc/{table}_hansen_solubility_parameters.tsv",
            f"HANSEN_DELTA_{x}",
            1e-3,
        )
        for p, x, s in zip(properties, "DPH", std, strict=True)
    )


# Within a property in the order of trust.
SCALARS: tuple[Scalar, ...] = (
    Scalar(Source(_CRC, "boiling_point", "CRC", Kind.CURATED, 2.0), _CRC_ORGANIC, "Tb"),
    Scalar(Source(_NIST, "boiling_point", "NIST", Kind.EXPERIMENTAL, 2.5), _WEBBOOK, "Tb"),
    Scalar(Source("CoolProp", "boiling_point", "EOS", Kind.CURATED, 1.0), _HEOS, "Tb"),
    Scalar(Source(f"{_CRC}, inorganic", "boiling_point", "CRC", Kind.CURATED, 3.0), _CRC_INORGANIC, "Tb"),
    Scalar(Source(_CAS, "boiling_point", "CAS", Kind.CURATED, 5.0), _COMMON_CHEMISTRY, "Tb"),
    Scalar(Source(_WIKI, "boiling_point", "Wikidata", Kind.CURATED, 6.0), _WIKIDATA, "Tb"),
    Scalar(Source(_CRC, "melting_point", "CRC", Kind.CURATED, 2.0), _CRC_ORGANIC, "Tm"),
    Scalar(Source("Open Notebook Science", "melting_point", "ONS", Kind.EXPERIMENTAL, 3.0), _OPEN_NOTEBOOK, "Tm"),
    Scalar(Source(_NIST, "melting_point", "NIST", Kind.EXPERIMENTAL, 3.0), _WEBBOOK, "Tm"),
    Scalar(Source(f"{_CRC}, inorganic", "melting_point", "CRC", Kind.CURATED, 3.0), _CRC_INORGANIC, "Tm"),
    Scalar(Source(_CAS, "melting_point", "CAS", Kind.CURATED, 5.0), _COMMON_CHEMISTRY, "Tm"),
    # Three out of five of its melting points equal Open Notebook's: the same witness.
    Scalar(Source(_WIKI, "melting_point", "ONS", Kind.CURATED, 5.0), _WIKIDATA, "Tm"),
    Scalar(
        Source("IEC 60079-20-1", "flash_point", "IEC", Kind.CURATED, 4.0),
        "Safety/IS IEC 60079-20-1 2010.tsv",
        "T_flash",
    ),
    Scalar(
        Source("DIPPR (Serat 2017)", "flash_point", "DIPPR", Kind.CURATED, 5.0),
        "Safety/DIPPR T_flash Serat.csv",
        "T_flash",
    ),
    Scalar(Source("NFPA 497", "flash_point", "NFPA", Kind.CURATED, 6.0), "Safety/NFPA 497 2008.tsv", "T_flash"),
    Scalar(Source(_WIKI, "flash_point", "Wikidata", Kind.CURATED, 7.0), _WIKIDATA, "T_flash"),
    *_hansen("Hansen (Diaz de los Rios 2022)", "ruben_manuel", (0.3, 0.6, 0.6)),
    *_hansen("Hansen (Alshehri 2021)", "alshehri", (0.4, 0.8, 0.8)),
    *_hansen("Hansen (HSPiPy)", "hspipy", (0.4, 0.8, 0.8)),
    *_hansen("Hansen (Schrier)", "schrier", (0.4, 0.8, 0.8)),
)

_PERRY = Source("Perry's 8th ed. (DIPPR)", "viscosity", "DIPPR", Kind.CURATED, 0.05, relative=True)
_VDI = Source("VDI Heat Atlas", "viscosity", "VDI", Kind.CURATED, 0.06, relative=True)
_DUTT = Source("Dutt and Prasad", "viscosity", "Viswanath", Kind.CURATED, 0.06, relative=True)
_VN3 = Source("Viswanath and Natarajan, 3 terms", "viscosity", "Viswanath", Kind.CURATED, 0.12, relative=True)
_VN2 = Source("Viswanath and Natarajan, 2 terms", "viscosity", "Viswanath", Kind.CURATED, 0.12, relative=True)
VISCOSITY_SOURCES = (_PERRY, _VDI, _DUTT, _VN3, _VN2)

SOURCES: tuple[Source, ...] = (*(s.source for s in SCALARS), *VISCOSITY_SOURCES)


def scalar_readings(scalar: Scalar) -> Iterator[tuple[int, float]]:
    """(CAS, value in the property's unit), physically impossible cells skipped."""
    for cas, raw in tables.column("chemicals", scalar.table, scalar.column):
        value = raw * scalar.scale
        if value >= 0.0 if scalar.source.property.startswith("hansen") else 20.0 < value < 1500.0:
            yield cas, value


def viscosity_readings() -> Iterator[tuple[Source, int, float]]:
    """(source, CAS, mPa*s at 298.15 K) from correlations fitted to measurements, inside their stated range only.

    The VDI table states no range: the caller must see to it that the compound is liquid at 298.15 K. Forms and units:
    Perry's 8th ed. table 2-313 (DIPPR equation 101, Pa*s); VDI Heat Atlas 2nd ed. D3.1 (PPDS 9, Pa*s); Viswanath and
    Natarajan, Data Book on the Viscosity of Liquids, 1989 (log10 forms; mPa*s with three terms, Pa*s with two). Their
    14 power laws are not used: five of the twelve that can be compared are off by a factor of 1000 and more.
    """
    t = AMBIENT
    folder = "Viscosity/"
    for cas, c in _coefficients(
        folder + "Table 2-313 Viscosity of Inorganic and Organic Liquids.tsv", "C1 C2 C3 C4 C5"
    ):
        yield _PERRY, cas, 1e3 * math.exp(c[0] + c[1] / t + c[2] * math.log(t) + c[3] * t ** c[4])
    for cas, c in _coefficients(
        folder + "VDI PPDS Dynamic viscosity of saturated liquids polynomials.tsv", "A B C D E", ranged=False
    ):
        a, b, high, low, scale = c
        if low < t < high:
            x = (high - t) / (t - low)
            yield _VDI, cas, 1e3 * scale * math.exp(a * x ** (1.0 / 3.0) + b * x ** (4.0 / 3.0))
    for source, name in ((_DUTT, "Dutt Prasad 3 term"), (_VN3, "Viswanath Natarajan Dynamic 3 term")):
        for cas, c in _coefficients(f"{folder}{name}.tsv", "A B C"):
            yield source, cas, 10.0 ** (c[0] + c[1] / (c[2] - t))
    for cas, c in _coefficients(folder + "Viswanath Natarajan Dynamic 2 term.tsv", "A B"):
        yield _VN2, cas, 1e3 * 10.0 ** (c[0] + c[1] / t)


def _coefficients(table: str, names: str, ranged: bool = True) -> Iterator[tuple[int, tuple[float, ...]]]:
    for row in tables.rows("chemicals", table):
        cas = tables.cas_number(row["CAS"])
        if cas is None or (ranged and not float(row["Tmin"]) <= AMBIENT <= float(row["Tmax"])):
            continue
        yield cas, tuple(float(row[name]) for name in names.split())
