"""Carbonates, carbamates and ureas: the carbonyl between two hetero atoms."""

from __future__ import annotations

from planners.routes.single_step.rule import AMINE, PROTIC, Rule

AMINE_N = "NX3;+0;!$(N(C=[O,S,N])C=[O,S,N]);!$(N[!#6;!#1])"

RULES: tuple[Rule, ...] = (
    Rule("carbonate_exchange_dimethyl", "carbonate_transesterification", "[CX4;!H0;!$([CH3]);!$(C([O,N,S])[O,N,S]):4][OX2;R0:3][CX3:1](=[O:2])[OX2:5]>>[CH3]O[C:1](=[O:2])[O:5].[OH:3][C:4]", 0.85, loss="CH4O", repeat=2),
    Rule("carbonate_exchange_diethyl", "carbonate_transesterification", "[CX4;!H0;!$([CH3]);!$([CH2][CH3]);!$(C([O,N,S])[O,N,S]):4][OX2;R0:3][CX3:1](=[O:2])[OX2:5]>>[CH3][CH2]O[C:1](=[O:2])[O:5].[OH:3][C:4]", 0.80, loss="C2H6O", repeat=2),
    Rule("chloroformate_carbonate", "chloroformate_acylation", "[#6;!$(C=O);!$([CX4]([O,N,S])[O,N,S]):4][OX2;R0:3][CX3:1](=[O:2])[OX2:5][#6:6]>>Cl[C:1](=[O:2])[O:5][#6:6].[OH:3][#6:4]", 0.80, loss="HCl", intolerant=(AMINE,)),
    Rule("cyclic_carbonate_diol_5", "cyclic_carbonate_formation", "[OX2:3]1[CX4:4][CX4:5][OX2:6][CX3:1]1=[O:2]>>[OH:3][C:4][C:5][OH:6].[CH3]O[C:1](=[O:2])O[CH3]", 0.90, loss="C2H8O2"),
    Rule("cyclic_carbonate_diol_6", "cyclic_carbonate_formation", "[OX2:3]1[CX4:4][CX4:7][CX4:5][OX2:6][CX3:1]1=[O:2]>>[OH:3][C:4][C:7][C:5][OH:6].[CH3]O[C:1](=[O:2])O[CH3]", 0.70, loss="C2H8O2"),
    Rule("epoxide_carboxylation", "co2_cycloaddition", "[OX2:3]1[CX4:4][CX4:5][OX2:6][CX3:1]1=[O:2]>>[C:4]1[C:5][O:6]1", 0.88, gain="CO2"),
    Rule("chloroformate_carbamate", "carbamate_formation", f"[{AMINE_N}:3][CX3;R0:1](=[O:2])[OX2:5][#6:6]>>Cl[C:1](=[O:2])[O:5][#6:6].[N:3]", 0.88, loss="HCl"),
    Rule("carbonate_aminolysis_dimethyl", "carbonate_aminolysis", f"[{AMINE_N}:3][CX3;R0:1](=[O:2])[OX2:5][CH3:6]>>[CH3]O[C:1](=[O:2])[O:5][C:6].[N:3]", 0.75, loss="CH4O"),
    Rule("carbonate_aminolysis_diethyl", "carbonate_aminolysis", f"[{AMINE_N}:3][CX3;R0:1](=[O:2])[OX2:5][CH2:6][CH3:7]>>[CH3][CH2]O[C:1](=[O:2])[O:5][C:6][C:7].[N:3]", 0.70, loss="C2H6O"),
    Rule("isocyanate_alcohol", "isocyanate_addition", "[#6:4][NX3;H1;R0:3][CX3;R0:1](=[O:2])[OX2:5][#6:6]>>[#6:4][N:3]=[C:1]=[O:2].[OH:5][#6:6]", 0.88, intolerant=(AMINE,)),
    Rule("oxazolidinone", "cyclic_carbamate_formation", "[NX3:3]1[CX4:4][CX4:5][OX2:6][CX3:1]1=[O:2]>>[N:3][C:4][C:5][OH:6].[CH3]O[C:1](=[O:2])O[CH3]", 0.80, loss="C2H8O2"),
    Rule("cyclic_urea", "cyclic_urea_formation", "[NX3:3]1[CX4:4][CX4:5][NX3:6][CX3:1]1=[O:2]>>[N:3][C:4][C:5][N:6].[CH3]O[C:1](=[O:2])O[CH3]", 0.75, loss="C2H8O2"),
    Rule("cyclic_urea_6", "cyclic_urea_formation", "[NX3:3]1[CX4:4][CX4:7][CX4:5][NX3:6][CX3:1]1=[O:2]>>[N:3][C:4][C:7][C:5][N:6].[CH3]O[C:1](=[O:2])O[CH3]", 0.70, loss="C2H8O2"),
    Rule("carbamoyl_chloride_urea", "urea_formation", "[NX3;H0;+0:3][CX3;R0:1](=[O:2])[NX3;+0;!$(N(C=O)C=O):4]>>Cl[C:1](=[O:2])[N:3].[N:4]", 0.85, loss="HCl"),
    Rule("isocyanate_urea", "urea_formation_isocyanate", "[#6:5][NX3;H1:3][CX3;R0:1](=[O:2])[NX3;+0;!$(N(C=O)C=O):4]>>[#6:5][N:3]=[C:1]=[O:2].[N:4]", 0.92),
    Rule("symmetric_urea", "urea_formation_carbonate", "[NX3;H1:3]([#6:5])[CX3;R0:1](=[O:2])[NX3;H1:4][#6:6]>>[CH3]O[C:1](=[O:2])O[CH3].[N:3][#6:5].[N:4][#6:6]", 0.65, loss="C2H8O2", same=(1, 2), intolerant=(PROTIC,)),
)
