"""Sulfur, silicon, phosphorus."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, AMINE, PROTIC, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "thiol_alkylation",
        "thiol_alkylation",
        "[#6:1][SX2;H0:2][CX4;H2,H3:3]>>Br[C:3].[SH:2][#6:1]",
        0.90,
        loss="HBr",
        repeat=2,
        intolerant=(AMINE,),
    ),
    Rule(
        "thia_michael",
        "thia_michael",
        "[#6:1][SX2;H0:2][CX4:3][CX4:4][C;$(C#N),$(C(=O)[O,#6,N]):5]>>[C:3]=[C:4][C:5].[SH:2][#6:1]",
        0.90,
    ),
    Rule(
        "sulfide_from_sodium_sulfide",
        "sulfide_dialkylation",
        "[CX4;H2:1][SX2;H0][CX4;H2:2]>>Br[C:1].Br[C:2]",
        0.80,
        gain="H2S",
        loss="Br2H2",
        same=(0, 1),
        intolerant=(AMINE, ACID),
    ),
    Rule(
        "sulfonate_ester",
        "sulfonylation",
        "[#6:6][SX4:1](=[O:2])(=[O:3])[OX2:4][#6:5]>>[#6:6][S:1](=[O:2])(=[O:3])Cl.[OH:4][#6:5]",
        0.85,
        loss="HCl",
        intolerant=(AMINE,),
    ),
    Rule(
        "sulfonamide",
        "sulfonamide_formation",
        "[#6:6][SX4:1](=[O:2])(=[O:3])[NX3;!$(N[C]=O):4]>>[#6:6][S:1](=[O:2])(=[O:3])Cl.[N:4]",
        0.90,
        loss="HCl",
    ),
    Rule(
        "silyl_ether",
        "silylation",
        "[#6:1][OX2:2][SiX4:3]>>Cl[Si:3].[OH:2][#6:1]",
        0.88,
        loss="HCl",
        repeat=2,
        intolerant=(AMINE, ACID),
    ),
    Rule(
        "phosphate_ester",
        "phosphorylation",
        "[P:1](=[O:2])[OX2:3][#6;!$(C=O):4]>>Cl[P:1]=[O:2].[OH:3][#6:4]",
        0.80,
        loss="HCl",
        repeat=3,
        intolerant=(AMINE,),
    ),
    Rule(
        "arbuzov",
        "arbuzov",
        "[#6:1][OX2:2][PX4:3](=[OX1:4])([OX2:5])[CX4;H2,H3:6]>>Br[C:6].[P:3]([O:5])([O:2][#6:1])[O:4][CH2][CH3]",
        0.70,
        loss="C2H5Br",
    ),
    Rule("phosphoramide", "phosphoramidation", "[P:1](=[O:2])[NX3:3]>>Cl[P:1]=[O:2].[N:3]", 0.75, loss="HCl", repeat=3),
    Rule(
        "disulfide",
        "thiol_oxidation",
        "[#6:1][SX2:2]-[SX2:3][#6:4]>>[#6:1][SH:2].[SH:3][#6:4]",
        0.90,
        loss="H2",
        same=(0, 1),
    ),
    Rule(
        "thiol_from_bromide",
        "thiol_formation",
        "[CX4;H2:1][SX2H]>>[C:1]Br",
        0.70,
        gain="H2S",
        loss="HBr",
        intolerant=(PROTIC,),
    ),
)
