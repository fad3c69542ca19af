"""Carbon-carbon bonds."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, AMINE, ELECTROPHILE, HALIDE, PROTIC, Rule

NUCLEOPHILE = "[#6;$([CX4;H3]),$([CX4;H2;!$(C[O,N,S,F,Cl,Br])]),$([CX4;H1;R;!$(C[O,N,S,F,Cl,Br])]),$(c):3]"  # carbon of RMgX
EWG2 = "$(C(C(=O))C(=O)),$(C(C#N)C(=O)),$(C(C#N)C#N)"

RULES: tuple[Rule, ...] = (
    Rule("grignard_ketone", "grignard_addition", f"[CX4;H0;$(C([#6])([#6])[#6]):1]([OX2H:2]){NUCLEOPHILE}>>[C:1]=[O:2].Br[#6:3]", 0.75, gain="H2", loss="HBr", intolerant=(ELECTROPHILE, PROTIC)),
    Rule("grignard_aldehyde", "grignard_addition", f"[CX4;H1;$(C([#6])[#6]):1]([OX2H:2]){NUCLEOPHILE}>>[C:1]=[O:2].Br[#6:3]", 0.78, gain="H2", loss="HBr", intolerant=(ELECTROPHILE, PROTIC)),
    Rule("grignard_ester_double", "grignard_ester", "[CX4;H0:1]([OX2H:2])([#6;$([CX4;H3,H2;!$(C[O,N,S])]),$(c):3])[#6;$([CX4;H3,H2;!$(C[O,N,S])]),$(c):4]>>[C:1](=[O:2])O[CH3].Br[#6:3].Br[#6:4]", 0.72, gain="H4", loss="CH6OBr2", same=(1, 2), intolerant=(ELECTROPHILE, PROTIC)),
    Rule("grignard_nitrile", "grignard_nitrile", f"[#6:4][CX3;R0:1](=[OX1]){NUCLEOPHILE}>>[#6:4][C:1]#N.Br[#6:3]", 0.65, gain="H4O", loss="NH4Br", intolerant=(ELECTROPHILE, PROTIC)),
    Rule("grignard_co2", "grignard_carboxylation", f"[CX3](=[OX1])([OX2H]){NUCLEOPHILE}>>Br[#6:3]", 0.70, gain="CO2H2", loss="HBr", intolerant=(ELECTROPHILE, PROTIC)),
    Rule("aldol_condensation", "aldol_condensation", "[CX3;$(C[#6]):1]=[CX3:2][CX3;!$(C[O,N]):3]=[OX1:4]>>[C:1]=O.[C:2][C:3]=[O:4]", 0.65, loss="H2O", intolerant=(ACID,)),
    Rule("aldol_addition", "aldol_addition", "[OX2H:1][CX4;$(C[#6]):2][CX4;!$(C[O,N]):3][CX3;!$(C[O,N]):4]=[OX1:5]>>[C:2]=[O:1].[C:3][C:4]=[O:5]", 0.60, intolerant=(ACID,)),
    Rule("knoevenagel", "knoevenagel", f"[CX3;$(C[#6]):1]=[CX3;{EWG2}:2]>>[C:1]=O.[C:2]", 0.82, loss="H2O"),
    Rule("malonate_alkylation", "malonate_alkylation", f"[CX4;{EWG2}:1][CX4;H2,H3:2]>>Br[C:2].[C:1]", 0.75, loss="HBr", repeat=2, intolerant=(ACID, PROTIC)),
    Rule("michael_addition", "michael_addition", f"[CX4;{EWG2}:1][CX4:2][CX4:3][C;$(C#N),$([CX3]=O):4]>>[C:2]=[C:3][C:4].[C:1]", 0.78, intolerant=(ACID,)),
    Rule("decarboxylation_malonic", "malonic_decarboxylation", "[CX4;H2:1]([CX4:2])[CX3:3](=[O:4])[OX2H:5]>>[C:1]([C:2])([C:3](=[O:4])[OH:5])C(=O)[OH]", 0.80, loss="CO2"),
    Rule("acetoacetic_ketone", "acetoacetic_decarboxylation", "[CH3:1][CX3:2](=[O:3])[CX4;H2,H1:4][CX4:5]>>[C:1][C:2](=[O:3])[C:4]([C:5])C(=O)O[CH2][CH3]", 0.70, gain="H2O", loss="C3H6O3", intolerant=(ACID,)),
    Rule("lactone_alkylation", "enolate_alkylation", "[CX3;R:1](=[O:2])([O,N:5])[CX4;H1;R:3][CX4;H2,H3;R0;!$(C[O,N,S]):4]>>Br[C:4].[C:3][C:1](=[O:2])[*:5]", 0.50, loss="HBr", intolerant=(ACID, PROTIC)),
    Rule("ester_alkylation", "enolate_alkylation", "[CX3;R0:1](=[O:2])([O;H0:5])[CX4;H1;!$(C[O,N,S]);!$(C(C=O)C=O):3][CX4;H2,H3;R0;!$(C[O,N,S]):4]>>Br[C:4].[C:3][C:1](=[O:2])[O:5]", 0.45, loss="HBr", intolerant=(ACID, PROTIC)),
    Rule("friedel_crafts", "friedel_crafts_acylation", "[c:1][CX3;R0:2](=[OX1:3])[#6:4]>>[#6:4][C:2](=[O:3])Cl.[c:1]", 0.75, loss="HCl", intolerant=(AMINE, ACID)),
    Rule("diels_alder", "diels_alder", "[CX4:1]1[CX3:2]=[CX3:3][CX4:4][CX4;$(C[CX3]=O),$(CC#N):5][CX4:6]1>>[C:1]=[C:2][C:3]=[C:4].[C:5]=[C:6]", 0.70),
    Rule("aromatic_bromination", "aromatic_bromination", "[c:1]Br>>[c:1]", 0.55, gain="Br2", loss="HBr", intolerant=(AMINE,)),
    Rule("allylation_ketone", "enolate_alkylation", "[CX3;$(C([#6])[#6]):1](=[O:2])[CX4;!H0:3][CX4;H2:4][CX3:5]=[CX3:6]>>Br[C:4][C:5]=[C:6].[C:3][C:1]=[O:2]", 0.45, loss="HBr", intolerant=(ACID, PROTIC, HALIDE)),
)
