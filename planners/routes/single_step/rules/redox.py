"""Oxidations, reductions, hydrogenations. Oxidants and hydrides live in the conditions table."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, ALKENE, AMINE, ELECTROPHILE, PROTIC, Rule

RULES: tuple[Rule, ...] = (
    Rule("ketone_reduction", "ketone_reduction", "[CX4;H1;$(C([#6])[#6]);!$(C(O)[O,N,S]):1][OX2H:2]>>[C:1]=[O:2]", 0.92, gain="H2"),
    Rule("aldehyde_reduction", "aldehyde_reduction", "[CX4;H2;$(C[#6]):1][OX2H:2]>>[C:1]=[O:2]", 0.92, gain="H2"),
    Rule("ester_reduction", "ester_reduction", "[#6:3][CX4;H2:1][OX2H:2]>>[#6:3][C:1](=[O:2])O[CH3]", 0.80, gain="H4", loss="CH4O", repeat=2, intolerant=(ELECTROPHILE,)),
    Rule("acid_reduction", "acid_reduction", "[#6:3][CX4;H2:1][OX2H:2]>>[#6:3][C:1](=[O:2])[OH]", 0.75, gain="H4", loss="H2O", intolerant=(ELECTROPHILE,)),
    Rule("oxidation_ketone", "alcohol_oxidation_ketone", "[CX3;$(C([#6])[#6]);!$(C=C):1]=[OX1:2]>>[C:1][OH:2]", 0.88, loss="H2", intolerant=(AMINE, PROTIC)),
    Rule("oxidation_aldehyde", "alcohol_oxidation_aldehyde", "[CX3;H1;$(C[#6]):1]=[OX1:2]>>[C:1][OH:2]", 0.78, loss="H2", intolerant=(AMINE, PROTIC)),
    Rule("oxidation_acid", "alcohol_oxidation_acid", "[#6:3][CX3:1](=[O:2])[OX2H]>>[#6:3][C:1][OH:2]", 0.75, gain="O", loss="H2", intolerant=(AMINE, PROTIC)),
    Rule("aldehyde_to_acid", "aldehyde_oxidation", "[#6:3][CX3:1](=[O:2])[OX2H]>>[#6:3][C:1]=[O:2]", 0.85, gain="O", intolerant=(AMINE,)),
    Rule("conjugate_hydrogenation", "alkene_hydrogenation", "[CX4;!H0;!$(C[O,N,S,F,Cl,Br]):1]([CX4;!H0:2])[C;$([CX3]=O),$(C#N):3]>>[C:2]=[C:1][C:3]", 0.85, gain="H2"),
    Rule("ring_hydrogenation", "alkene_hydrogenation", "[CX4;R;!H0:1][CX4;R;!H0;$(C@C[CX3;R0]=O),$(C@C@C@[CX3]=O):2]>>[C:1]=[C:2]", 0.60, gain="H2"),
    Rule("arene_hydrogenation", "arene_hydrogenation", "[CX4;R;!H0:1]1[CX4;!H0:2][CX4;!H0:3][CX4;!H0:4][CX4;!H0:5][CX4;!H0:6]1>>[c:1]1[c:2][c:3][c:4][c:5][c:6]1", 0.75, gain="H6", intolerant=(ALKENE,)),
    Rule("furan_hydrogenation", "arene_hydrogenation", "[CX4;!H0:1]1[CX4;!H0:2][CX4;!H0:3][CX4;!H0:4][OX2:5]1>>[c:1]1[c:2][c:3][c:4][o:5]1", 0.78, gain="H4", intolerant=(ALKENE,)),
    Rule("sulfoxidation", "sulfoxidation", "[#6:1][SX3:2](=[OX1])[#6:3]>>[#6:1][S:2][#6:3]", 0.85, gain="O", intolerant=(AMINE,)),
    Rule("sulfone_from_sulfide", "sulfide_to_sulfone", "[#6:1][SX4:2](=[OX1])(=[OX1])[#6:3]>>[#6:1][S:2][#6:3]", 0.90, gain="O2", intolerant=(AMINE,)),
    Rule("sulfone_from_sulfoxide", "sulfoxide_to_sulfone", "[#6:1][SX4:2](=[OX1])(=[OX1:4])[#6:3]>>[#6:1][S:2](=[O:4])[#6:3]", 0.90, gain="O", intolerant=(AMINE,)),
    Rule("benzylic_oxidation", "benzylic_oxidation", "[c:1][CX3:2](=[OX1])[CX4,c:3]>>[c:1][C:2][#6:3]", 0.55, gain="O2", loss="H2O", intolerant=(AMINE, PROTIC, ACID)),
)
