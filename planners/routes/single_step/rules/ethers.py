"""Ethers, acetals, epoxides and what is made by opening them."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, ALKENE, AMINE, PROTIC, Rule

PLAIN = "!$([CX4]([O,N,S])[O,N,S]);!$(C=[O,N,S])"  # neither acetal nor acyl

RULES: tuple[Rule, ...] = (
    Rule("williamson", "williamson_ether", f"[CX4;H2,H3;!$(C([O,N,S])[O,N,S]):1][OX2;R0:2][#6;{PLAIN}:3]>>Br[C:1].[OH:2][#6:3]", 0.80, loss="HBr", repeat=2, intolerant=(AMINE, ACID)),
    Rule("methylation_dmc", "carbonate_methylation", f"[CH3:1][OX2;R0:2][#6;{PLAIN};!$([CH3]):3]>>[CH3:1]OC(=O)O[CH3].[OH:2][#6:3]", 0.75, loss="C2H4O3", repeat=3, intolerant=(AMINE, ACID)),
    Rule("methyl_iodide_ether", "methyl_iodide_alkylation", f"[CH3:1][OX2;R0:2][#6;{PLAIN};!$([CH3]):3]>>I[C:1].[OH:2][#6:3]", 0.85, loss="HI", repeat=3, intolerant=(AMINE, ACID)),
    Rule("tert_alkyl_ether", "alkene_etherification", f"[#6;{PLAIN}:1][OX2;R0:2][CX4;H0:3][CX4;!H0:4]>>[C:3]=[C:4].[OH:2][#6:1]", 0.65),
    Rule("cyclic_ether_5", "cyclodehydration", "[OX2:1]1[CX4;!$(C(O)O):2][CX4:3][CX4:4][CX4;!$(C(O)O):5]1>>[OH:1][C:2][C:3][C:4][C:5][OH]", 0.80, loss="H2O"),
    Rule("cyclic_ether_6", "cyclodehydration", "[OX2:1]1[CX4;!$(C(O)O):2][*:3]~[*:6]~[*:4][CX4;!$(C(O)O):5]1>>[OH:1][C:2][*:3]~[*:6]~[*:4][C:5][OH]", 0.60, loss="H2O"),
    Rule("acetal_5", "acetalisation", "[CX4:1]1[OX2:2][CX4:3][CX4:4][OX2:5]1>>[C:1]=O.[OH:2][C:3][C:4][OH:5]", 0.90, loss="H2O"),
    Rule("acetal_6", "acetalisation", "[CX4:1]1[OX2:2][CX4:3][CX4:6][CX4:4][OX2:5]1>>[C:1]=O.[OH:2][C:3][C:6][C:4][OH:5]", 0.88, loss="H2O"),
    Rule("acetal_open", "acetalisation", "[CX4:1]([OX2;R0:2][CX4:3])[OX2;R0:4][CX4:5]>>[C:1]=O.[OH:2][C:3].[OH:4][C:5]", 0.75, loss="H2O", same=(1, 2)),
    Rule("epoxide_alcohol", "epoxide_opening_alcohol", "[OH:1][CX4:2][CX4;H2:3][OX2;H0;R0:4][#6;!$(C=O):5]>>[O:1]1[C:2][C:3]1.[OH:4][#6:5]", 0.75, intolerant=(AMINE,)),
    Rule("epoxide_acid", "epoxide_opening_acid", "[OH:1][CX4:2][CX4;H2:3][OX2;H0;R0:4][CX3:5]=[O:6]>>[O:1]1[C:2][C:3]1.[OH:4][C:5]=[O:6]", 0.65, intolerant=(AMINE,)),
    Rule("epoxide_amine", "epoxide_opening_amine", "[OH:1][CX4:2][CX4;H2:3][NX3;!$(N[C,S]=[O,S]);!$(N[!#6;!#1]):4]>>[O:1]1[C:2][C:3]1.[N:4]", 0.85),
    Rule("epoxide_thiol", "epoxide_opening_thiol", "[OH:1][CX4:2][CX4;H2:3][SX2;H0:4][#6:5]>>[O:1]1[C:2][C:3]1.[SH:4][#6:5]", 0.85),
    Rule("epoxide_hydrolysis", "epoxide_hydrolysis", "[OX2H][CX4:2][CX4:3][OX2H:1]>>[O:1]1[C:2][C:3]1", 0.85, gain="H2O"),
    Rule("epoxidation", "epoxidation", "[OX2:1]1[CX4:2][CX4:3]1>>[C:2]=[C:3]", 0.80, gain="O", intolerant=(AMINE,)),
    Rule("dihydroxylation", "dihydroxylation", "[OX2H][CX4:2][CX4:3][OX2H]>>[C:2]=[C:3]", 0.65, gain="H2O2", intolerant=(AMINE,)),
    Rule("oxa_michael", "oxa_michael", "[#6;!$(C=O):1][OX2;R0:2][CX4:3][CX4:4][C;$(C#N),$(C(=O)[O,#6,N]):5]>>[#6:1][OH:2].[C:3]=[C:4][C:5]", 0.75, intolerant=(AMINE,)),
    Rule("glycol_monoether_chlorohydrin", "williamson_ether", "[OX2H:1][CX4;H2:2][CX4;H2:3][OX2;R0:4][c:5]>>[OH:1][C:2][C:3]Cl.[OH:4][c:5]", 0.75, loss="HCl", intolerant=(AMINE,)),
    Rule("vinyl_ether_acetal", "vinyl_ether_addition", "[CH3:1][CX4;H1:2]([OX2;R0:3][CX4:4])[OX2:5][CX4:6]>>[C:1]=[C:2][O:5][C:6].[OH:3][C:4]", 0.70),
    Rule("alkene_hydration", "alkene_hydration", "[OX2H][CX4;H0,H1;$(C([#6])[#6]);!$(C([O])[O]):1][CX4;!H0:2]>>[C:1]=[C:2]", 0.65, gain="H2O"),
    Rule("hydroboration", "hydroboration", "[OX2H][CX4;H2:1][CX4;!H0:2]>>[C:1]=[C:2]", 0.70, gain="H2O", intolerant=(ACID,)),
    Rule("dehydration", "dehydration", "[CX3;!$(C=[O,N]):1]=[CX3:2]>>[C:1][C:2][OH]", 0.45, loss="H2O", intolerant=(PROTIC,)),
    Rule("alcohol_bromination", "alcohol_bromination", "[CX4;!$(C[O,N,S]):1][Br]>>[C:1][OH]", 0.80, gain="HBr", loss="H2O", intolerant=(ALKENE,)),
    Rule("alcohol_chlorination", "alcohol_chlorination", "[CX4;!$(C[O,N,S]):1][Cl]>>[C:1][OH]", 0.82, gain="HCl", loss="H2O", intolerant=(AMINE,)),
)
