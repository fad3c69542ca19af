"""Esters, lactones, and the activated acids they are made from."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, AMINE, PROTIC, Rule

ACYL = "[CX3;$([CH1](=O)O),$(C([#6])(=O)O):1](=[O:2])"  # of an ester or an acid, not of a carbonate or a carbamate
ALKYL = "[CX4;!H0;!$(C([O,N,S,F,Cl,Br])[O,N,S]):4]"  # the carbinol carbon of a primary or secondary alcohol

RULES: tuple[Rule, ...] = (
    Rule("fischer", "fischer_esterification", f"{ACYL}[OX2;R0:3]{ALKYL}>>[C:1](=[O:2])[OH].[OH:3][C:4]", 0.92, loss="H2O", repeat=3, intolerant=(AMINE,)),
    Rule("transesterification_methyl", "transesterification", "[CX3;$([CH1](=O)O),$(C([#6])(=O)O):1](=[O:2])[OX2;R0:3][CX4;!H0;!$([CH3]);!$(C([O,N,S])[O,N,S]):4]>>[C:1](=[O:2])O[CH3].[OH:3][C:4]", 0.85, loss="CH4O", repeat=3),
    Rule("transesterification_ethyl", "transesterification", "[CX3;$([CH1](=O)O),$(C([#6])(=O)O):1](=[O:2])[OX2;R0:3][CX4;!H0;!$([CH3]);!$([CH2][CH3]);!$(C([O,N,S])[O,N,S]):4]>>[C:1](=[O:2])O[CH2][CH3].[OH:3][C:4]", 0.80, loss="C2H6O", repeat=3),
    Rule("acyl_chloride_ester", "acid_chloride_esterification", "[CX3;$(C([#6])(=O)O):1](=[O:2])[OX2;R0:3][#6;!$(C=[O,N,S]);!$([CX4]([O,N,S])[O,N,S]):4]>>[C:1](=[O:2])Cl.[OH:3][#6:4]", 0.85, loss="HCl", repeat=3, intolerant=(PROTIC,)),
    Rule("acetic_anhydride_ester", "anhydride_esterification", "[CH3:1][CX3:2](=[O:3])[OX2;R0:4][#6;!$(C=[O,N,S]);!$([CX4]([O,N,S])[O,N,S]):5]>>[CH3][C](=O)O[C:2](=[O:3])[C:1].[OH:4][#6:5]", 0.90, loss="C2H4O2", repeat=4, intolerant=(AMINE,)),
    Rule("propionic_anhydride_ester", "anhydride_esterification", "[CH3:1][CH2:6][CX3:2](=[O:3])[OX2;R0:4][#6;!$(C=[O,N,S]);!$([CX4]([O,N,S])[O,N,S]):5]>>[CH3][CH2][C](=O)O[C:2](=[O:3])[C:6][C:1].[OH:4][#6:5]", 0.85, loss="C3H6O2", repeat=3, intolerant=(AMINE,)),
    Rule("succinic_half_ester", "anhydride_esterification", "[OH:1][C:2](=[O:3])[CX4:4][CX4:5][C:6](=[O:7])[OX2;R0:8][CX4;!$(C([O,N,S])[O,N,S]):9]>>[O:1]1[C:2](=[O:3])[C:4][C:5][C:6]1=[O:7].[OH:8][C:9]", 0.85),
    Rule("carboxylate_alkylation", "carboxylate_alkylation", f"{ACYL}[OX2;R0:3][CX4;H2,H3;!$(C([O,N,S])[O,N,S]):4]>>[C:1](=[O:2])[OH:3].Br[C:4]", 0.75, loss="HBr", repeat=2, intolerant=(AMINE,)),
    Rule("tert_alkyl_ester", "alkene_esterification", f"{ACYL}[OX2;R0:3][CX4;H0:4][CX4;!H0:5]>>[C:1](=[O:2])[OH:3].[C:4]=[C:5]", 0.60),
    Rule("lactonisation", "lactonisation", "[CX3;R;$(C([#6])(=O)O):1](=[O:2])[OX2;R;r5,r6,r7:3][CX4;R:4]>>([C:1](=[O:2])[OH].[OH:3][C:4])", 0.85, loss="H2O"),
    Rule("baeyer_villiger_lactone", "baeyer_villiger", "[CX4;R:6][CX3;R:1](=[O:2])[OX2;R;r5,r6,r7:3][CX4;R;!$(C([O,N,S])[O,N,S]):4]>>[C:6][C:1](=[O:2])[C:4]", 0.60, gain="O", intolerant=(AMINE,)),
    Rule("levulinic_reduction", "reductive_lactonisation", "[CX4:7][CX4;H1:4]1[CX4:5][CX4:6][C:1](=[O:2])[OX2:3]1>>[C:7][C:4](=[O:3])[C:5][C:6][C:1](=[O:2])[OH]", 0.85, gain="H2", loss="H2O"),
    Rule("keto_ester_lactone", "reductive_lactonisation", "[CX4:7][CX4;H1:4]1[CX4:5][CX4:6][C:1](=[O:2])[OX2:3]1>>[C:7][C:4](=[O:3])[C:5][C:6][C:1](=[O:2])O[CH2][CH3]", 0.80, gain="H2", loss="C2H6O"),
    Rule("acid_chloride", "acid_chloride_formation", "[C;$(C[#6]):1](=[O:2])[Cl]>>[C:1](=[O:2])[OH]", 0.92, gain="HCl", loss="H2O", intolerant=(PROTIC,)),
    Rule("ester_hydrolysis", "ester_hydrolysis", "[C;$(C[#6]):1](=[O:2])[OX2H:3]>>[C:1](=[O:2])[O:3][CH3]", 0.92, gain="H2O", loss="CH4O", repeat=2),
    Rule("ethyl_ester_hydrolysis", "ester_hydrolysis", "[C;$(C[#6]):1](=[O:2])[OX2H:3]>>[C:1](=[O:2])[O:3][CH2][CH3]", 0.90, gain="H2O", loss="C2H6O", repeat=2),
    Rule("claisen", "claisen_condensation", "[#6;!$([CX4][CX3](=O)O):7][CX3:1](=[O:2])[CX4;!H0:3][CX3:4](=[O:5])[OX2:6]>>[#6:7][C:1](=[O:2])O[CH3].[C:3][C:4](=[O:5])[O:6]", 0.50, loss="CH4O", intolerant=(ACID, PROTIC)),
    Rule("acid_anhydride_amic", "anhydride_aminolysis", "[OH:1][C:2](=[O:3])[CX4:4][CX4:5][C:6](=[O:7])[NX3;R0:8]>>[O:1]1[C:2](=[O:3])[C:4][C:5][C:6]1=[O:7].[N:8]", 0.85),
)
