"""Structural hazard rules: our own SMARTS, each with its reason and where the reason comes from.

ALERT marks what nobody should meet as a solvent by the litre; NOTE what a chemist handles with known care. A rule is a
suspicion from structure, never a proof, and the absence of a rule says nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from knowledge.records.hazard import Severity

ALERT, NOTE = Severity.ALERT, Severity.NOTE

_BRETHERICK = "Bretherick's Handbook of Reactive Chemical Hazards, 8th ed. 2017"
_ASHBY = "Ashby and Tennant, Mutat. Res. 1988, 204, 17 (structural alerts for DNA reactivity)"
_BENIGNI = "Benigni and Bossa, Chem. Rev. 2011, 111, 2507 (structural alerts)"
_CLP = "Regulation (EC) 1272/2008, Annex VI"
_REACH = "REACH, Regulation (EC) 1907/2006"
_PRUDENT = "Prudent Practices in the Laboratory, National Research Council 2011"
_KELLY = "Kelly, Chem. Health Saf. 1996, 3 (5), 28 (peroxide formers)"


class Rule(NamedTuple):
    """`minimum` matches of `smarts` raise the alert."""

    code: str
    severity: Severity
    smarts: str
    text: str
    source: str
    minimum: int = 1


_ALKYL_1_2 = "$([CH3]),$([CH2][CH3])"

RULES: tuple[Rule, ...] = (
    # Energetic groups
    Rule(
        "energetic:azide",
        ALERT,
        "[$([NX2]=[NX2+]=[NX1-]),$([NX2-]-[NX2+]#[NX1]),$([NX1-]=[NX2+]=[NX1-])]",
        "azide: shock-sensitive, toxic",
        _BRETHERICK,
    ),
    Rule(
        "energetic:diazo",
        ALERT,
        "[$([#6]=[NX2+]=[NX1-]),$([#6-]-[NX2+]#[NX1]),$([#6]-[NX2+]#[NX1]),$(C1N=N1)]",
        "diazo, diazonium or diazirine: loses nitrogen violently",
        _BRETHERICK,
    ),
    Rule(
        "energetic:azo",
        ALERT,
        "[CX4][NX2]=[NX2][CX4]",
        "aliphatic azo compound: loses nitrogen when warmed",
        _BRETHERICK,
    ),
    Rule(
        "energetic:triazene", ALERT, "[NX2;!a]=[NX2;!a][NX3;!a]", "triazene or longer open nitrogen chain", _BRETHERICK
    ),
    Rule(
        "energetic:tetrazole",
        ALERT,
        "[#7;R]~1~[#7;R]~[#7;R]~[#7;R]~[#6]~1",
        "four ring nitrogens in a row",
        _BRETHERICK,
    ),
    Rule(
        "energetic:triazole",
        NOTE,
        "[#7;r5]~1~[#7;r5]~[#7;r5]~[#6]~[#6]~1",
        "1,2,3-triazole: decomposes with much heat when distilled",
        _BRETHERICK,
    ),
    Rule("energetic:peroxide", ALERT, "[OX2,OX1-][OX2,OX1-]", "peroxide, hydroperoxide or peracid", _BRETHERICK),
    Rule("energetic:nitrate-ester", ALERT, "[#6][OX2][NX3+](=O)[O-]", "nitrate ester", _BRETHERICK),
    Rule(
        "energetic:nitrite-ester",
        ALERT,
        "[#6][OX2][NX2]=O",
        "nitrite ester: heat-sensitive, strongly vasodilating",
        _BRETHERICK,
    ),
    Rule("energetic:nitramine", ALERT, "[#7][NX3+](=O)[O-]", "N-nitro group", _BRETHERICK),
    Rule("energetic:nitro", NOTE, "[#6][NX3+](=O)[O-]", "nitro group: check thermal stability", _BRETHERICK),
    Rule("energetic:polynitro", ALERT, "[#6][NX3+](=O)[O-]", "two or more nitro groups", _BRETHERICK, 2),
    Rule(
        "energetic:fulminate",
        ALERT,
        "[$([#6]#[NX2+][O-]),$([O][NX2+]#[#6-])]",
        "nitrile oxide or fulminate",
        _BRETHERICK,
    ),
    Rule(
        "energetic:halogen-oxide",
        ALERT,
        "[Cl,Br,I]([#8])([#8])[#8]",
        "chlorate, perchlorate, bromate or periodate",
        _BRETHERICK,
    ),
    Rule("energetic:hypohalite", ALERT, "[OX2][F,Cl,Br,I]", "hypohalite", _BRETHERICK),
    Rule("energetic:n-halogen", ALERT, "[NX3;!$(N-[#6]=O)][Cl,Br,I]", "nitrogen-halogen bond", _BRETHERICK),
    Rule(
        "energetic:haloalkyne",
        ALERT,
        "[$(C#C[Cl,Br,I]),$([CX2]#[CX2][CX2]#[CX2]),$(C#C[Ag,Cu,Hg])]",
        "haloalkyne, diyne or metal acetylide",
        _BRETHERICK,
    ),
    Rule("energetic:oxaziridine", ALERT, "C1ON1", "oxaziridine or dioxirane-like strained oxidant", _BRETHERICK),
    Rule("energetic:tetrazine", ALERT, "[#7]~1~[#7]~[#6]~[#7]~[#7]~[#6]~1", "tetrazine", _BRETHERICK),
    Rule(
        "pyrophoric:organometal",
        ALERT,
        "[#6;!$(C#N)][Li,Na,K,Rb,Cs,Mg,Zn,Al]",
        "carbon-metal bond: burns in air, violent with water",
        _BRETHERICK,
    ),
    Rule(
        "pyrophoric:hydride",
        ALERT,
        "[$([PX3;H1,H2,H3]),$([Al;H1,H2,H3]),$([BX3;H1,H2,H3]),$([SiX4;H2,H3,H4])]",
        "phosphine, borane, alane or silane with hydrogen",
        _BRETHERICK,
    ),
    Rule(
        "peroxide-former",
        NOTE,
        "[OX2;H0]([CX4;!H0;!$(C[OX2][CX3]=O)])[#6;!$([#6]=[O,S,N])]",
        "ether or acetal with α-hydrogen: test for peroxides before distilling",
        _KELLY,
    ),
    Rule(
        "peroxide-former",
        NOTE,
        "[CX4;!H0;H1,H2]([#6]=,:[#6])[#6]=,:[#6]",
        "doubly allylic or benzylic hydrogen: test for peroxides",
        _KELLY,
    ),
    Rule(
        "polymerises",
        NOTE,
        "[CH2]=[CX3;!$(C=[O,N])][$(C=[#6]),$(c),$(C=O),$(C#N),$([OX2]C=O)]",
        "vinyl monomer: may polymerise with heat unless inhibited",
        _BRETHERICK,
    ),
    # Reactive electrophiles
    Rule(
        "reactive:acyl-halide",
        ALERT,
        "[$([CX3](=[OX1])[F,Cl,Br,I]),$([SX3](=O)[Cl,Br,I]),$([SX4](=O)(=O)[F,Cl,Br,I]),$([PX4](=O)[F,Cl,Br,I]),$([PX3][Cl,Br,I])]",
        "acid halide: corrosive, acid gas with water",
        _PRUDENT,
    ),
    Rule("reactive:silyl-halide", ALERT, "[SiX4][Cl,Br,I]", "halosilane: corrosive, acid gas with water", _PRUDENT),
    Rule("reactive:isocyanate", ALERT, "[NX2]=C=[O,S]", "isocyanate or isothiocyanate: respiratory sensitiser", _CLP),
    Rule("reactive:ketene", ALERT, "[#6]=C=[OX1]", "ketene", _BRETHERICK),
    Rule("reactive:epoxide", ALERT, "C1OC1", "epoxide: alkylating", _ASHBY),
    Rule("reactive:aziridine", ALERT, "[$(C1[NX3]C1),$(C1SC1)]", "aziridine or thiirane: alkylating", _ASHBY),
    Rule("reactive:beta-lactone", ALERT, "O=C1[#6][#6]O1", "β-lactone: alkylating", _ASHBY),
    Rule("reactive:anhydride", ALERT, "[CX3](=O)[OX2][CX3]=O", "acid anhydride: corrosive, sensitising", _CLP),
    Rule(
        "reactive:michael",
        ALERT,
        "[CH2]=[CX3;!a][$([CX3]=O),$(C#N),$([SX4](=O)=O),$([SX3]=O),$([NX3+](=O)[O-]),$([CX3]=N)]",
        "terminal Michael acceptor: toxic, sensitising, polymerises",
        _BENIGNI,
    ),
    Rule(
        "reactive:michael",
        NOTE,
        "[CX3;!H2;!a]=[CX3;!a][$([CX3]=O),$(C#N),$([SX4](=O)=O),$([NX3+](=O)[O-])]",
        "conjugated acceptor: may sensitise",
        _BENIGNI,
    ),
    Rule(
        "reactive:michael",
        ALERT,
        "[$([CX3]=O),$(C#N),$([SX4](=O)=O),$([NX3+](=O)[O-])][CX3;!a]=[CX3;!a][$([CX3]=O),$(C#N),$([SX4](=O)=O),$([NX3+](=O)[O-])]",
        "doubly activated alkene (fumarate, maleate): sensitising",
        _BENIGNI,
    ),
    Rule("reactive:enal", ALERT, "[CX3;!a]=[CX3;!a][CX3;H1]=O", "α,β-unsaturated aldehyde", _BENIGNI),
    Rule("reactive:quinone", ALERT, "O=C1[#6]=,:[#6]C(=O)[#6]=,:[#6]1", "quinone", _BENIGNI),
    Rule("reactive:aldehyde", NOTE, "[CX3;H1;!$(C(=O)[O,N])]=O", "aldehyde: oxidises in air, may sensitise", _BENIGNI),
    # Alkylating agents and other DNA-reactive groups
    Rule("alkylator:halide", ALERT, "[CX4;!$(C(F)F);H1,H2,H3][Br,I]", "alkyl bromide or iodide: alkylating", _ASHBY),
    Rule("alkylator:chloride", NOTE, "[CX4;H1,H2,H3]Cl", "alkyl chloride: weak alkylator, persistent", _ASHBY),
    Rule(
        "alkylator:activated-halide",
        ALERT,
        "[CX4;!$(C(F)F)]([Cl,Br,I])[$([CX3]=[O,N,C]),$(c),$(C#N),$(C#C),$([NX3+](=O)[O-]),$([OX2]),$([SX2]),$([NX3])]",
        "activated halide (benzyl, allyl, α-carbonyl, α-hetero): alkylating, lachrymatory",
        _ASHBY,
    ),
    Rule(
        "alkylator:mustard",
        ALERT,
        "[NX3,SX2,OX2;!$(*C=O)][CX4][CX4][Cl,Br,I,$(OS(=O)=O)]",
        "mustard: β-halogen to nitrogen, sulfur or oxygen",
        _ASHBY,
    ),
    Rule("alkylator:sulfonate", ALERT, "[CX4][OX2]S(=O)=O", "alkyl sulfate, sulfonate or sultone: alkylating", _ASHBY),
    Rule(
        "alkylator:methyl-phosphate",
        ALERT,
        "[CH3][OX2][PX4](=O)",
        "methyl ester of a phosphorus acid: alkylating",
        _ASHBY,
    ),
    Rule(
        "alkylator:vinyl-halide",
        ALERT,
        "[CX3;!a]=[CX3;!a][Cl,Br,I]",
        "vinyl halide: forms a reactive epoxide in the body",
        _BENIGNI,
    ),
    Rule("alkylator:oxonium", ALERT, "[OX3+]([#6])([#6])[#6]", "trialkyloxonium salt", _PRUDENT),
    Rule("cmr:nitrosamine", ALERT, "[#7,#8;!$([#8-])][NX2]=O", "N-nitroso group", _BENIGNI),
    Rule("cmr:c-nitroso", ALERT, "[#6][NX2]=[OX1]", "nitroso group", _BENIGNI),
    Rule("cmr:hydrazine", ALERT, "[NX3;!$([NX3+]);!$(N=*)][NX3;!$([NX3+])]", "hydrazine or hydrazide", _BENIGNI),
    Rule(
        "cmr:hydroxylamine",
        ALERT,
        "[NX3;H1,H2][OX2]",
        "N-unsubstituted hydroxylamine: decomposes violently, mutagenic",
        _BRETHERICK,
    ),
    Rule(
        "cmr:aromatic-amine",
        ALERT,
        "[c;!$(c[#16](=O)=O)][NX3;H2,$([NX3;H1][CH3]),$([NX3]([CH3])[CH3])]",
        "aniline: blood toxic, many are carcinogenic",
        _BENIGNI,
    ),
    Rule("cmr:aromatic-nitro", ALERT, "c[NX3+](=O)[O-]", "nitroarene: blood toxic, many are carcinogenic", _BENIGNI),
    Rule("cmr:azo-dye", NOTE, "c[NX2]=[NX2]c", "azoarene: may be cleaved to an aromatic amine", _BENIGNI),
    Rule(
        "cmr:pah",
        ALERT,
        "[$(c1ccc2c(c1)ccc1ccccc12),$(c1ccc2cc3ccccc3cc2c1)]",
        "three or more fused aromatic rings",
        _BENIGNI,
    ),
    Rule(
        "cmr:carbamate",
        ALERT,
        "[$([CH3]),$([CH2][CH3])][OX2][CX3](=O)[NX3;H2]",
        "methyl or ethyl carbamate (urethane)",
        _ASHBY,
    ),
    # Toxic for reproduction: the classified solvents and what reads across from them
    Rule(
        "repro:n-alkyl-lactam",
        ALERT,
        f"[{_ALKYL_1_2}]-[NX3;R]-[CX3;r5,r6,r7](=O)[CX4;R]",
        "small N-methyl or N-ethyl lactam, like NMP and NEP (Repr. 1B)",
        f"{_CLP} and {_REACH}, Annex XVII entry 71; read-across",
    ),
    Rule(
        "repro:small-amide",
        ALERT,
        "[$([CX3;H1]),$([CX3][CH3])](=O)[$([NX3;H2]),$([NX3;H1][CH3]),$([NX3]([CH3])[CH3]),$([NX3;H1][CH2][CH3]),$([NX3]([CH2][CH3])[CH2][CH3])]",
        "formamide or acetamide with small N-alkyl groups, like DMF and DMAc (Repr. 1B)",
        f"{_CLP}; read-across",
    ),
    Rule(
        "repro:dimethylamide",
        NOTE,
        "[CX3;!R](=O)[NX3;!R]([CH3])[CH3]",
        "N,N-dimethyl amide, related to DMF and DMAc: ask for a reproductive toxicity study",
        f"{_CLP}; read-across",
    ),
    Rule(
        "repro:methyl-urea",
        ALERT,
        "[CH3][NX3][CX3](=O)[NX3][CH3]",
        "N,N'-dimethyl urea, like tetramethylurea, DMI and DMPU (suspected reprotoxic)",
        "REACH registration dossiers; read-across",
    ),
    Rule(
        "repro:hmpa",
        ALERT,
        "[CH3][NX3]([CH3])[PX4](=O)",
        "phosphoric dimethylamide, like HMPA (Carc. 1B, Muta. 1B)",
        _CLP,
    ),
    Rule(
        "repro:methyl-glycol-ether",
        ALERT,
        "[CH3][OX2][CH2][CH2][OX2]",
        "methyl glycol ether, like 2-methoxyethanol and the glymes (Repr. 1B): forms methoxyacetic acid",
        f"{_CLP}; read-across",
    ),
    Rule(
        "repro:ethyl-glycol-ether",
        ALERT,
        "[CH3][CH2][OX2][CH2][CH2][$([OX2;H1]),$([OX2][CX3]=O),$([OX2][CH2][CH3])]",
        "ethyl glycol ether or its ester, like 2-ethoxyethanol (Repr. 1B): forms ethoxyacetic acid",
        f"{_CLP}; read-across",
    ),
    Rule(
        "repro:2-methoxypropanol",
        ALERT,
        "[CH3][OX2][CH1]([CH3])[CH2][$([OX2;H1]),$([OX2][CX3]=O)]",
        "2-methoxypropanol or its ester (Repr. 1B)",
        _CLP,
    ),
    Rule(
        "repro:phthalate",
        ALERT,
        "[CX4][OX2][CX3](=O)c:c[CX3](=O)[OX2][CX4]",
        "ortho-phthalate diester, like DBP and DEHP (Repr. 1B)",
        f"{_CLP}; read-across",
    ),
    Rule(
        "neurotoxic:hexane",
        ALERT,
        "[$([CH3][CH2][CH2][CH2][CH2][CH3]),$([CH3][CX3](=O)[CH2][CH2][CH2][CH3]),$([CH3][CX3](=O)[CH2][CH2][CX3](=O)[CH3])]",
        "forms hexane-2,5-dione, which damages nerves",
        f"{_CLP} (STOT RE, n-hexane)",
    ),
    # Acute toxicity, corrosion, persistence
    Rule(
        "toxic:cyanohydrin",
        ALERT,
        "[$([OX2;H1][CX4]C#N),$([NX3;!$(NC=O)][CX4;!$(C(C)(C)C)]C#N),$([F,Cl,Br,I]C#N),$(N#C[CX4;H2]C#N)]",
        "releases cyanide easily",
        _PRUDENT,
    ),
    Rule(
        "toxic:cyanide", ALERT, "[$([CX1-]#N),$([CH1]#N),$([Si]C#N),$([CX3](=O)C#N),$([PX4]C#N)]", "cyanide", _PRUDENT
    ),
    Rule("toxic:nitrile", NOTE, "[CX4]C#N", "aliphatic nitrile: may be metabolised to cyanide", _PRUDENT),
    Rule(
        "toxic:phosphorofluoridate",
        ALERT,
        "[PX4](=[O,S])[F,$(C#N),$(SCC[NX3])]",
        "nerve-agent type phosphorus group",
        "Chemical Weapons Convention, Schedules 1 and 2",
    ),
    Rule(
        "toxic:thiophosphate",
        ALERT,
        "[PX4](=[O,S])([OX2,SX2])[OX2,SX2;$(*c),$(*C=C),$(*C=N)]",
        "organophosphate with a leaving group: cholinesterase inhibitor",
        _PRUDENT,
    ),
    Rule(
        "toxic:fluoroacetate",
        ALERT,
        "[FX1][CH2][$([CX3]=O),$([CH2][OX2;H1])]",
        "fluoroacetate or its precursor",
        _PRUDENT,
    ),
    Rule("toxic:element", ALERT, "[As,Se,Te,Hg,Pb,Cd,Tl,Be,Sn,Sb,Os,Cr,Ni,Co,U,Th]", "toxic element", _PRUDENT),
    Rule(
        "toxic:polyhalomethane",
        ALERT,
        "[CX4;H0,H1,H2;!$(C[#6])]([Cl,Br,I])[Cl,Br,I]",
        "polyhalomethane: liver toxic, ozone depleting or suspected carcinogen",
        _CLP,
    ),
    Rule("corrosive:acid", NOTE, "[CX3;!$(C[CX4](F)F)](=O)[OX2;H1]", "carboxylic acid: may be corrosive", _CLP),
    Rule(
        "corrosive:strong-acid",
        ALERT,
        "[$(S(=O)(=O)[OX2;H1]),$(OC(=O)[CX4]([F,Cl])[F,Cl]),$([PX4](=O)[OX2;H1])]",
        "strong acid: corrosive",
        _CLP,
    ),
    Rule(
        "corrosive:amine",
        NOTE,
        "[NX3;H1,H2;!$(N[#6]=[O,N,S]);!$(Nc);!$(N[!#6])][CX4]",
        "aliphatic amine: may be corrosive",
        _CLP,
    ),
    Rule(
        "corrosive:phenol",
        ALERT,
        "[OX2;H1]c1[cH,$(c[CH3])][cH,$(c[CH3])][cH,$(c[CH3])][cH,$(c[CH3])][cH,$(c[CH3])]1",
        "phenol or cresol: corrosive, absorbed through the skin",
        _CLP,
    ),
    Rule(
        "persistent:pfas",
        ALERT,
        "[$([CX4](F)(F)(F)[#6]),$([CX4](F)(F)([#6])[#6])]",
        "fully fluorinated methyl or methylene carbon (PFAS)",
        "OECD definition 2021; proposed restriction under REACH",
    ),
    Rule("stench:thiol", NOTE, "[SX2;H1][#6]", "thiol: stench", _PRUDENT),
)
