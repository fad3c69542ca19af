"""What is dangerous about a molecule, and about molecules together; and what nobody knows.

Structural rules (`knowledge.hazard_rules`), oxygen balance, and what authorities list. A question that no data answers
is named in `HazardReport.unknown`: an empty list of alerts is not a statement of safety.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import combinations
from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem.rdMolDescriptors import CalcExactMolWt

from knowledge.hazard_rules import RULES, Rule
from knowledge.records.hazard import Alert, HazardReport, Severity
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.sources import exposure
from knowledge.sources.handbook import Handbook

# Groups whose oxygen, or nitrogen, is ready to react inside the molecule. Without one of them an oxygen balance says
# nothing: acetic acid's is better than trinitrotoluene's neighbours', and it does not explode (Shanley and Melhem,
# Process Saf. Prog. 1995, 14, 29).
_EXPLOSOPHORE = "[$([NX3+](=O)[O-]),$([OX2][OX2]),$([NX2]=[NX2]),$([NX2]=[NX2+]=[NX1-]),$([#7][#8]),$([#8][Cl,Br,I])]"
# ICH and Bretherick call -200..-100 % a medium and above -100 % a high hazard; TNT has -74 %, nitromethane -39 %.
OXYGEN_BALANCE_LIMIT = -100.0
_HIGHLY_FLAMMABLE, _FLAMMABLE = 296.15, 333.15  # K: CLP categories 2 and 3
_LOW_LIMIT = 1.0  # ppm

_NO_DATA = ("acute toxicity", "reproductive toxicity", "aquatic toxicity and biodegradation")


def assess(smiles: str, handbook: Handbook | None = None) -> HazardReport:
    """Alerts of one substance. About 0.5 ms the first time, microseconds after that. Raises InvalidMolecule.

    The flash point is a measured property that a campaign may be out to predict, so it is read only from the
    `handbook` given: an agent passes its own view, and without one the report says "flash point" under `unknown`.
    """
    report = _assess(smiles)
    if handbook is None:
        return report
    fact = handbook.fact(Molecule.from_smiles(smiles).inchikey, "flash_point")
    if fact is None:
        return report
    alerts = report.alerts
    if fact.value < _FLAMMABLE:
        code = "flammable:2" if fact.value < _HIGHLY_FLAMMABLE else "flammable:3"
        text = f"flash point {fact.value - 273.15:.0f} °C"
        alerts = (*alerts, Alert(code=code, severity=Severity.NOTE, text=text, source=fact.source))
    return HazardReport(alerts=alerts, unknown=tuple(u for u in report.unknown if u != "flash point"))


def oxygen_balance(smiles: str) -> float:
    """Percent by mass of the oxygen left over (missing: negative) when the molecule burns to CO2, H2O, N2, HX and SO2.

    OB = -1600 (2 C + 2 S + (H - X)/2 - O) / M (Lothrop and Handrick, Chem. Rev. 1949, 44, 419, with halogens leaving
    as HX). Raises InvalidMolecule.
    """
    return _oxygen_balance(_parse(smiles))


def incompatible(smiles: Sequence[str]) -> tuple[Alert, ...]:
    """Alerts of bringing these substances together, sorted by code; each pair rule at most once. Raises
    InvalidMolecule.

    The reactive groups follow the idea of NOAA's CAMEO Chemicals; rules and words are our own.
    """
    present = [(text, _classes(text)) for text in dict.fromkeys(smiles)]
    found: dict[str, Alert] = {}
    for (text_a, a), (text_b, b) in combinations(present, 2):
        for pair in _PAIRS:
            for first, second, name_first, name_second in ((a, b, text_a, text_b), (b, a, text_b, text_a)):
                if pair.first in first and pair.second in second and pair.code not in found:
                    text = f"{pair.text} ({name_first} with {name_second})"
                    found[pair.code] = Alert(code=pair.code, severity=pair.severity, text=text, source=pair.source)
    return tuple(found[code] for code in sorted(found))


@lru_cache(maxsize=65536)
def _assess(smiles: str) -> HazardReport:
    mol = _parse(smiles)
    alerts: dict[tuple[str, Severity], Alert] = {}
    for rule, pattern in _patterns():
        hit = mol.HasSubstructMatch(pattern) if rule.minimum == 1 else _count(mol, pattern) >= rule.minimum
        if hit:
            alert = Alert(code=rule.code, severity=rule.severity, text=rule.text, source=rule.source)
            alerts.setdefault((rule.code, rule.severity), alert)
    balance = _oxygen_balance(mol)
    if balance > OXYGEN_BALANCE_LIMIT and mol.HasSubstructMatch(_compiled(_EXPLOSOPHORE)):
        alerts["oxygen-balance", Severity.ALERT] = Alert(
            code="oxygen-balance",
            severity=Severity.ALERT,
            text=f"oxygen balance {balance:.0f} % with an explosophoric group",
            source="Lothrop and Handrick, Chem. Rev. 1949, 44, 419",
        )
    listed, unknown = _listed(Molecule.from_smiles(smiles).inchikey)
    return HazardReport(alerts=(*alerts.values(), *listed), unknown=unknown)


def _listed(inchikey: str) -> tuple[tuple[Alert, ...], tuple[str, ...]]:
    """What authorities list, and the questions they leave open."""
    entry = exposure.lookup(inchikey)
    alerts: list[Alert] = []
    unknown: list[str] = []
    iarc, ntp, twa = entry if entry is not None else (None, None, None)
    if iarc == "beverage":
        text = "carcinogenic to humans as an alcoholic beverage"
        alerts.append(Alert(code="iarc:beverage", severity=Severity.NOTE, text=text, source="IARC Monographs"))
    elif iarc in ("1", "2A", "2B"):
        words = {"1": "carcinogenic", "2A": "probably carcinogenic", "2B": "possibly carcinogenic"}[iarc]
        alerts.append(
            Alert(code=f"iarc:{iarc}", severity=Severity.ALERT, text=f"{words} to humans", source="IARC Monographs")
        )
    if ntp is not None:
        alerts.append(
            Alert(code="ntp", severity=Severity.ALERT, text=f"{ntp} to be a human carcinogen", source="US NTP")
        )
    if iarc in (None, "3") and ntp is None:
        unknown.append("carcinogenicity")
    if twa is None:
        unknown.append("exposure limit")
    else:
        severity = Severity.ALERT if twa < _LOW_LIMIT else Severity.NOTE
        text = f"workplace limit {twa:g} ppm (8 h average)"
        alerts.append(Alert(code="exposure-limit", severity=severity, text=text, source="Ontario exposure limits"))
    return tuple(alerts), ("flash point", *unknown, *_NO_DATA)


def _parse(smiles: str) -> Chem.Mol:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
    return mol


@cache
def _compiled(smarts: str) -> Chem.Mol:
    return Chem.MolFromSmarts(smarts)


@cache
def _patterns() -> tuple[tuple[Rule, Chem.Mol], ...]:
    return tuple((rule, _compiled(rule.smarts)) for rule in RULES)


def _count(mol: Chem.Mol, pattern: Chem.Mol) -> int:
    return len(mol.GetSubstructMatches(pattern))


def _oxygen_balance(mol: Chem.Mol) -> float:
    carbon = sulfur = oxygen = hydrogen = halogen = 0
    for atom in mol.GetAtoms():
        number = atom.GetAtomicNum()
        hydrogen += atom.GetTotalNumHs() + (number == 1)
        carbon += number == 6
        oxygen += number == 8
        sulfur += number == 16
        halogen += number in (9, 17, 35, 53)
    missing = 2 * carbon + 2 * sulfur + max(hydrogen - halogen, 0) / 2 - oxygen
    return -1600.0 * missing / float(CalcExactMolWt(mol))


class _Pair(NamedTuple):
    first: str
    second: str
    severity: Severity
    text: str
    source: str

    @property
    def code(self) -> str:
        return f"incompatible:{self.first}+{self.second}"


# Reactive classes. A substance may belong to several; "organic" is whatever has a C-H bond and is no oxidiser itself.
_CLASSES: dict[str, tuple[str, ...]] = {
    "strong-oxidiser": (
        "[Cl,Br,I]([#8])([#8])[#8]",
        "[Mn](=O)(=O)=O",
        "[Cr](=O)=O",
        "[OX2;H1][NX3+](=O)[O-]",
        "[Os](=O)=O",
        "[#8;X1][O-0X2][O;X1]",
        "[O-][O+]=O",
        "[FX1][FX1]",
    ),
    "oxidiser": (
        "[OX2,OX1-][OX2,OX1-]",
        "[OX2,OX1-;!$(O[#6,#15,#16])][Cl,Br,I]",
        "[NX3][Cl,Br,I]",
        "[Cl,Br,I;X1][Cl,Br,I;X1]",
        "[I]([#8])[#8]",
        "[IX3](=O)",
        "[NX3+](=O)([O-])[O-]",
    ),
    "hydrogen-peroxide": ("[OX2;H1][OX2;H1]",),
    "ketone": ("[CX3](=O)([CX4])[CX4]",),
    "strong-acid": (
        "[Cl,Br,I;H1;D0]",
        "[F;H1;D0]",
        "[SX4](=O)(=O)[OX2;H1]",
        "[OX2;H1][NX3+](=O)[O-]",
        "[OX2;H1][Cl](=O)(=O)=O",
        "[OX2;H1]C(=O)[CX4]([F,Cl])[F,Cl]",
    ),
    "acid": (
        "[Cl,Br,I,F;H1;D0]",
        "[OX2;H1][CX3]=O",
        "[OX2;H1][SX4]=O",
        "[OX2;H1][PX4]=O",
        "[OX2;H1][NX3+](=O)[O-]",
        "[OX2;H1][Cl](=O)=O",
    ),
    "strong-base": (
        "[OH1-]",
        "[OX1-][CX4]",
        "[NX2-;!$(N*=[O,N,S])]",
        "[NH2-]",
        "[#1-]",
        "[#6-;!$([#6-]#N);!$([#6-][N+])]",
        "[#6;!$(C#N)][Li,Na,K,Mg]",
    ),
    "hydride": (
        "[#1-]",
        "[B-;H1,H2,H3,H4]",
        "[Al-;H1,H2,H3,H4]",
        "[AlX3;H1,H2,H3]",
        "[BX3;H1,H2,H3]",
        "[Na,K,Li,Ca][#1]",
    ),
    "strong-hydride": (
        "[#1-]",
        "[Al-;H1,H2,H3,H4]",
        "[Al;H1,H2,H3]",
        "[Na,K,Li,Ca][#1]",
    ),
    "organometal": ("[#6;!$(C#N)][Li,Na,K,Mg,Zn,Al]",),
    "alkali-metal": ("[Li,Na,K,Rb,Cs;D0;+0;H0]",),
    "protic": (
        "[OX2;H1,H2]",
        "[NX3;H1,H2,H3]",
        "[SX2;H1,H2]",
        "[F,Cl,Br,I;H1;D0]",
    ),
    "water": ("[OX2;H2]",),
    "halocarbon": ("[CX4]([Cl,Br,I])[Cl,Br,I]",),
    "trihalomethane": ("[CX4;H1]([Cl,Br])([Cl,Br])[Cl,Br]",),
    "azide": (
        "[NX1-]=[NX2+]=[NX1-]",
        "[NX2]=[NX2+]=[NX1-]",
        "[NX2-][NX2+]#[NX1]",
    ),
    "cyanide": (
        "[CX1-]#N",
        "[Si]C#N",
    ),
    "sulfide": (
        "[S-2]",
        "[SH1-]",
    ),
    "hypochlorite": ("[OX1-,OX2][Cl;X1]",),
    "amine": ("[NX3;!$(N[#6]=[O,N,S]);!$(N[!#6]);!$([N+])]",),
    "secondary-amine": ("[NX3;H1;!$(N[#6]=[O,N,S])]([#6])[#6]",),
    "nitrite": (
        "[O-][NX2]=O",
        "[#6][OX2][NX2]=O",
    ),
    "violent-with-water": (
        "[CX3](=O)[Cl,Br]",
        "[SX3](=O)[Cl,Br]",
        "[SX4](=O)(=O)[Cl,Br]",
        "[P][Cl,Br]",
        "[Al][Cl,Br]",
        "[Ti][Cl,Br]",
        "[SiX4][Cl,Br]",
        "[BX3][F,Cl,Br]",
    ),
    "dipolar-aprotic": (
        "[SX3](=O)([CH3])[CH3]",
        "[CX3;H1](=O)[NX3]([CH3])[CH3]",
        "[CX3](=O)([CH3])[NX3]([CH3])[CH3]",
    ),
    "dmso": ("[SX3](=O)([CH3])[CH3]",),
    "acid-chloride": (
        "[CX3](=O)[Cl,Br]",
        "[SX3](=O)[Cl,Br]",
        "[SX4](=O)(=O)[Cl,Br]",
        "[P](=O)[Cl,Br]",
        "n:c(Cl):n",
    ),
    "terminal-alkyne": ("[CX2;H1]#C",),
    "acetylide-metal": ("[Cu,Ag,Hg]",),
    "organic": ("[#6;!H0]",),
}

_ALERT, _NOTE = Severity.ALERT, Severity.NOTE
_BRETHERICK = "Bretherick's Handbook of Reactive Chemical Hazards, 8th ed. 2017"
_PRUDENT = "Prudent Practices in the Laboratory, National Research Council 2011"
_NAH = "Yang et al., Org. Process Res. Dev. 2019, 23, 2210"

_PAIRS: tuple[_Pair, ...] = (
    _Pair("strong-oxidiser", "organic", _ALERT, "strong oxidiser with an organic: fire or explosion", _BRETHERICK),
    _Pair("strong-oxidiser", "hydride", _ALERT, "oxidiser with a reductant: violent", _BRETHERICK),
    _Pair("oxidiser", "hydride", _ALERT, "oxidiser with a reductant: violent", _BRETHERICK),
    _Pair("oxidiser", "organic", _NOTE, "oxidiser with an organic: control heat and accumulation", _BRETHERICK),
    _Pair("oxidiser", "organometal", _ALERT, "oxidiser with an organometal: violent", _BRETHERICK),
    _Pair("hydrogen-peroxide", "ketone", _ALERT, "forms explosive ketone peroxides, faster with acid", _BRETHERICK),
    _Pair("strong-acid", "strong-base", _ALERT, "strong acid with strong base: violent heat", _PRUDENT),
    _Pair("hydride", "protic", _NOTE, "hydride with a proton source: hydrogen gas", _BRETHERICK),
    _Pair("strong-hydride", "protic", _ALERT, "metal hydride with a proton source: hydrogen, ignites", _BRETHERICK),
    _Pair("strong-hydride", "dipolar-aprotic", _ALERT, "hydride in DMSO, DMF or DMAc: runaway decomposition", _NAH),
    _Pair("organometal", "protic", _ALERT, "organometal with a proton source: violent", _BRETHERICK),
    _Pair("organometal", "halocarbon", _ALERT, "organometal with a polyhalogenated solvent: explosive", _BRETHERICK),
    _Pair("alkali-metal", "protic", _ALERT, "alkali metal with a proton source: hydrogen, ignites", _BRETHERICK),
    _Pair("alkali-metal", "halocarbon", _ALERT, "alkali metal with a polyhalogenated solvent: explosive", _BRETHERICK),
    _Pair(
        "strong-base", "trihalomethane", _ALERT, "strong base with chloroform: dichlorocarbene, violent", _BRETHERICK
    ),
    _Pair("azide", "halocarbon", _ALERT, "azide in a polyhalogenated solvent: explosive diazidomethane", _BRETHERICK),
    _Pair("azide", "acid", _ALERT, "azide with acid: explosive, toxic hydrazoic acid", _BRETHERICK),
    _Pair("azide", "acetylide-metal", _ALERT, "azide with a heavy metal: explosive metal azide", _BRETHERICK),
    _Pair("cyanide", "acid", _ALERT, "cyanide with acid: hydrogen cyanide", _PRUDENT),
    _Pair("sulfide", "acid", _ALERT, "sulfide with acid: hydrogen sulfide", _PRUDENT),
    _Pair("hypochlorite", "acid", _ALERT, "hypochlorite with acid: chlorine", _PRUDENT),
    _Pair("hypochlorite", "amine", _ALERT, "hypochlorite with an amine: explosive chloramines", _BRETHERICK),
    _Pair("nitrite", "secondary-amine", _ALERT, "nitrite with a secondary amine: carcinogenic nitrosamine", _PRUDENT),
    _Pair(
        "violent-with-water", "water", _ALERT, "acid or Lewis-acid halide with water: violent, acid gas", _BRETHERICK
    ),
    _Pair("acid-chloride", "dmso", _ALERT, "acid chloride in DMSO: violent above -60 °C", _BRETHERICK),
    _Pair(
        "terminal-alkyne",
        "acetylide-metal",
        _NOTE,
        "terminal alkyne with copper, silver or mercury: keep wet",
        _BRETHERICK,
    ),
)


@lru_cache(maxsize=16384)
def _classes(smiles: str) -> frozenset[str]:
    mol = _parse(smiles)
    found = {name for name, any_of in _CLASSES.items() if any(mol.HasSubstructMatch(_compiled(s)) for s in any_of)}
    if found & {"oxidiser", "strong-oxidiser"}:
        found.discard("organic")
    return frozenset(found)
