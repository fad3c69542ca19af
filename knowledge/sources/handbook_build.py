"""Makes the handbook's cached file: structures, every source's value, one consensus per molecule and property."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from loguru import logger
from rdkit import Chem, rdBase

from knowledge.records.properties import Scale, get_property
from knowledge.sources import compilation, tables
from knowledge.sources.compilation import PROPERTIES, SOURCES, Source
from knowledge.sources.consensus import Reading, agree
from knowledge.sources.plausibility import implausible_boiling_points, implausible_flash_point, implausibly_thin

ELEMENTS = frozenset({"H", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I"})
_SOURCE_INDEX = {source: i for i, source in enumerate(SOURCES)}

# (property, InChIKey) -> readings as (index into SOURCES, value in the property's unit)
_Readings = dict[str, dict[str, list[tuple[int, float]]]]


# value and std in the property's unit, and the sources (indices into SOURCES) that carry them
_Consensus = tuple[float, float, tuple[int, ...]]


def organic_smiles(smiles: str) -> str | None:
    """Canonical SMILES of a single neutral organic molecule of natural isotopes without radicals; None for anything
    else.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if "." not in smiles and "C" in smiles.upper() else None
    if mol is None:
        return None
    carbon = False
    charge = 0
    for atom in mol.GetAtoms():
        if atom.GetSymbol() not in ELEMENTS or atom.GetIsotope() or atom.GetNumRadicalElectrons():
            return None
        charge += atom.GetFormalCharge()
        carbon = carbon or atom.GetAtomicNum() == 6
    return Chem.MolToSmiles(mol) if carbon and charge == 0 else None


def build(path: Path) -> None:
    """Write the cached file (npz, no pickle) to `path`. About ten seconds on one core."""
    logger.info("handbook: reading structures")
    key_of_cas, smiles_of = _structures()
    logger.info("handbook: {} organics; reading values", len(smiles_of))
    readings = _collect(key_of_cas)
    keys = sorted(smiles_of)
    position = {key: i for i, key in enumerate(keys)}
    raw: list[tuple[int, int, int, float, float]] = []
    best: list[tuple[int, int, float, float, tuple[int, ...]]] = []
    yaws = {
        key_of_cas[cas]: v for cas, v in tables.column("chemicals", compilation.YAWS_BOILING, "Tb") if cas in key_of_cas
    }
    boiling: dict[str, float] = {}
    for p, name in enumerate(PROPERTIES):
        chosen: dict[str, _Consensus] = {}
        for key, found in readings[name].items():
            merged = _merge(found)
            raw.extend((position[key], p, s, v, _noise(SOURCES[s], v)) for s, v in merged)
            chosen[key] = _consensus(name, merged)
        doubtful = _doubtful(name, chosen, smiles_of, yaws, boiling)
        if name == "boiling_point":
            boiling = {key: consensus[0] for key, consensus in chosen.items() if key not in doubtful}
        best.extend((position[key], p, *consensus) for key, consensus in chosen.items() if key not in doubtful)
        logger.info("handbook: {}: {} molecules, {} doubtful", name, len(chosen) - len(doubtful), len(doubtful))
    _write(path, keys, [smiles_of[key] for key in keys], sorted(raw), sorted(best))


def _structures() -> tuple[dict[int, str], dict[str, str]]:
    """CAS -> InChIKey and InChIKey -> canonical SMILES, organics only."""
    key_of_cas: dict[int, str] = {}
    smiles_of: dict[str, str] = {}
    for identity in tables.identities():
        if identity.inchikey not in smiles_of:
            canonical = organic_smiles(identity.smiles)
            if canonical is None:
                continue
            # Hypervalent halogens are the one group where the table's key is not that of RDKit's reading of the SMILES.
            if any(x in canonical for x in ("Cl(", "Br(", "I(", "[Cl", "[Br", "[I")):
                key = Chem.MolToInchiKey(Chem.MolFromSmiles(canonical))
                if key != identity.inchikey:
                    continue
            smiles_of[identity.inchikey] = canonical
        key_of_cas[identity.cas] = identity.inchikey
    return key_of_cas, smiles_of


def _collect(key_of_cas: Mapping[int, str]) -> _Readings:
    readings: _Readings = {name: defaultdict(list) for name in PROPERTIES}
    for scalar in compilation.SCALARS:
        for cas, value in compilation.scalar_readings(scalar):
            key = key_of_cas.get(cas)
            if key is not None:
                readings[scalar.source.property][key].append((_SOURCE_INDEX[scalar.source], value))
    melting = {key: _consensus("melting_point", found)[0] for key, found in readings["melting_point"].items()}
    for source, cas, value in compilation.viscosity_readings():
        key = key_of_cas.get(cas)
        # A correlation extrapolated below the freezing point describes nothing that a viscometer could see.
        if key is not None and melting.get(key, 0.0) <= compilation.AMBIENT and 0.05 < value < 1e5:
            readings["viscosity"][key].append((_SOURCE_INDEX[source], value))
    return readings


def _merge(found: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """One value per source (several CAS numbers can name one structure: their median), in the order of trust."""
    by_source: dict[int, list[float]] = defaultdict(list)
    for source, value in found:
        by_source[source].append(value)
    return [(source, float(np.median(by_source[source]))) for source in sorted(by_source)]


def _noise(source: Source, value: float) -> float:
    return source.std * value if source.relative else source.std


def _consensus(name: str, found: Sequence[tuple[int, float]]) -> _Consensus:
    log = get_property(name).scale is Scale.LOG
    readings = [
        Reading(math.log(v) if log else v, SOURCES[s].std, SOURCES[s].name, SOURCES[s].family) for s, v in found
    ]
    result = agree(readings)
    members = tuple(found[i][0] for i in result.members)
    if log:
        value = math.exp(result.value)
        return value, value * result.std, members
    return result.value, result.std, members


def _doubtful(
    name: str,
    chosen: Mapping[str, _Consensus],
    smiles_of: Mapping[str, str],
    yaws: Mapping[str, float],
    boiling: Mapping[str, float],
) -> frozenset[str]:
    """InChIKeys whose value contradicts what else is known and has too few witnesses to be believed all the same.

    `boiling`: believed boiling points, empty while those are being judged themselves.
    """
    alone = {key for key, consensus in chosen.items() if len({SOURCES[s].family for s in consensus[2]}) == 1}
    if name == "boiling_point":
        return _doubtful_boiling_points(chosen, smiles_of, yaws)
    if name == "melting_point":
        return frozenset(key for key in alone if chosen[key][0] > boiling.get(key, chosen[key][0]))
    if name == "flash_point":
        return frozenset(key for key in alone if implausible_flash_point(chosen[key][0], boiling.get(key)))
    if name == "viscosity":
        keys = sorted(chosen)
        thin = implausibly_thin([smiles_of[key] for key in keys], np.array([chosen[key][0] for key in keys]))
        return frozenset(key for key, bad in zip(keys, thin.tolist(), strict=True) if bad and key in alone)
    return frozenset()


def _doubtful_boiling_points(
    chosen: Mapping[str, _Consensus], smiles_of: Mapping[str, str], yaws: Mapping[str, float]
) -> frozenset[str]:
    """InChIKeys whose value may well be a boiling point at reduced pressure, or a misprint.

    Either the structure makes it implausible, or it has one witness only and Yaws' compilation contradicts it by more
    than 30 K. Yaws holds estimates and is no source here, but one cannot tell which of the two is wrong.
    """
    keys = sorted(chosen)
    families = [{SOURCES[s].family for s in chosen[key][2]} for key in keys]
    # CAS Common Chemistry and the CRC Handbook share their vacuum distillations, so only NIST or an equation of state
    # confirms.
    attested = [
        "several" if len(f) > 1 and f & {"NIST", "EOS"} else "handbook" if f & {"CRC", "NIST", "EOS"} else "one"
        for f in families
    ]
    values = np.array([chosen[key][0] for key in keys])
    implausible = implausible_boiling_points([smiles_of[key] for key in keys], values, attested)
    return frozenset(
        key
        for key, value, bad, family in zip(keys, values.tolist(), implausible.tolist(), families, strict=True)
        if bad or (len(family) == 1 and abs(value - yaws.get(key, value)) > 30.0)
    )


def _write(
    path: Path,
    keys: Sequence[str],
    smiles: Sequence[str],
    raw: Sequence[tuple[int, int, int, float, float]],
    best: Sequence[tuple[int, int, float, float, tuple[int, ...]]],
) -> None:
    # A consensus names its sources as a bit mask: there are fewer than 64 of them.
    masks = [sum(1 << s for s in row[4]) for row in best]
    with path.open("wb") as stream:
        np.savez(
            stream,
            keys=_text(keys),
            smiles=_text(smiles),
            sources=_text([s.name for s in SOURCES]),
            raw_index=np.array([row[:3] for row in raw], dtype=np.int32),
            raw_value=np.array([row[3:] for row in raw], dtype=np.float64),
            best_index=np.array([row[:2] for row in best], dtype=np.int32),
            best_value=np.array([row[2:4] for row in best], dtype=np.float64),
            best_sources=np.array(masks, dtype=np.uint64),
        )


def _text(items: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer("\n".join(items).encode("ascii"), dtype=np.uint8)
