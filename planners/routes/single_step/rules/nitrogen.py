"""Amides, lactams, amines, imines, nitriles."""

from __future__ import annotations

from planners.routes.single_step.rule import ACID, ALKENE, ELECTROPHILE, PROTIC, Rule

ACYL_N = "[CX3;R0;$([CH1](=O)N),$(C([#6])(=O)N):1](=[O:2])"
N_OF_AMIDE = "[NX3;+0;!$(N(C=[O,S,N])C=[O,S,N]);!$(N[!#6;!#1]):3]"
AMINE_N = "[NX3;+0;!$(N[C,S,P]=[O,S,N]);!$(N[!#6;!#1]):1]"

RULES: tuple[Rule, ...] = (
    Rule("amidation", "amidation", f"{ACYL_N}{N_OF_AMIDE}>>[C:1](=[O:2])[OH].[N:3]", 0.88, loss="H2O", repeat=2),
    Rule("acyl_chloride_amide", "acid_chloride_amidation", f"[CX3;R0;$(C([#6])(=O)N):1](=[O:2]){N_OF_AMIDE}>>[C:1](=[O:2])Cl.[N:3]", 0.90, loss="HCl", repeat=2),
    Rule("acetic_anhydride_amide", "anhydride_amidation", f"[CH3:5][CX3:1](=[O:2]){N_OF_AMIDE}>>[CH3]C(=O)O[C:1](=[O:2])[C:5].[N:3]", 0.92, loss="C2H4O2", repeat=2),
    Rule("ester_aminolysis", "ester_aminolysis", f"{ACYL_N}{N_OF_AMIDE}>>[C:1](=[O:2])O[CH3].[N:3]", 0.75, loss="CH4O", repeat=2),
    Rule("ethyl_ester_aminolysis", "ester_aminolysis", f"{ACYL_N}{N_OF_AMIDE}>>[C:1](=[O:2])O[CH2][CH3].[N:3]", 0.70, loss="C2H6O", repeat=2),
    Rule("lactam_from_lactone_5", "lactone_aminolysis", "[NX3:1]1[C:3](=[O:4])[CX4:5][CX4:6][CX4:7]1>>O1[C:3](=[O:4])[C:5][C:6][C:7]1.[N:1]", 0.88, loss="H2O"),
    Rule("lactam_from_lactone_6", "lactone_aminolysis", "[NX3:1]1[C:3](=[O:4])[CX4:5][CX4:8][CX4:6][CX4:7]1>>O1[C:3](=[O:4])[C:5][C:8][C:6][C:7]1.[N:1]", 0.75, loss="H2O"),
    Rule("lactone_ring_opening_amide", "lactone_ring_opening_amine", "[NX3;R0:1][C:3](=[O:4])[CX4:5][CX4:6][CX4:7][OH:8]>>[O:8]1[C:3](=[O:4])[C:5][C:6][C:7]1.[N:1]", 0.85),
    Rule("itaconic_pyrrolidone", "itaconate_lactamisation", "[NX3:1]1[CX4;H2:2][CX4:3]([C:4](=[O:5])[O:6])[CX4:7][C:8]1=[O:9]>>[C:2]=[C:3]([C:4](=[O:5])[O:6])[C:7][C:8](=[O:9])[OH].[N:1]", 0.85, loss="H2O"),
    Rule("imide", "imide_formation", "[NX3:1]1[C:2](=[O:3])[#6:4]~[#6:5][C:6]1=[O:7]>>O1[C:2](=[O:3])[#6:4]~[#6:5][C:6]1=[O:7].[N:1]", 0.88, loss="H2O"),
    Rule("lactamisation", "lactamisation", "[CX3;R;$(C([#6])(=O)N):1](=[O:2])[NX3;R;r5,r6,r7;!$(N(C=O)C=O):3]>>([C:1](=[O:2])[OH].[N:3])", 0.80, loss="H2O"),
    Rule("amide_alkylation", "amide_alkylation", "[CX3:2](=[O:3])[NX3;!$(N(C=O)C=O);!$(N[!#6;!#1]):1][CX4;H2,H3;R0;!$(C[O,N,S]):4]>>Br[C:4].[N:1][C:2]=[O:3]", 0.70, loss="HBr", intolerant=(ACID, PROTIC)),
    Rule("amide_methylation", "amide_methyl_iodide", "[CX3:2](=[O:3])[NX3;!$(N(C=O)C=O);!$(N[!#6;!#1]):1][CH3:4]>>I[C:4].[N:1][C:2]=[O:3]", 0.75, loss="HI", intolerant=(ACID, PROTIC)),
    Rule("amide_michael", "aza_michael", "[CX3:2](=[O:3])[NX3:1][CX4:4][CX4:5][C;$(C#N),$(C(=O)[O,#6,N]):6]>>[C:4]=[C:5][C:6].[N:1][C:2]=[O:3]", 0.70),
    Rule("aza_michael", "aza_michael", f"{AMINE_N}[CX4:4][CX4:5][C;$(C#N),$(C(=O)[O,#6,N]):6]>>[C:4]=[C:5][C:6].[N:1]", 0.88),
    Rule("n_alkylation", "n_alkylation", f"{AMINE_N}[CX4;H2;!$(C([O,N,S])[O,N,S]):2]>>Br[C:2].[N:1]", 0.65, loss="HBr", intolerant=(ACID,)),
    Rule("n_alkylation_chloride", "n_alkylation", f"{AMINE_N}[CX4;H2;!$(C([O,N,S])[O,N,S]):2]>>Cl[C:2].[N:1]", 0.55, loss="HCl", intolerant=(ACID,)),
    Rule("reductive_amination", "reductive_amination", f"{AMINE_N}[CX4;H1,H2;!$(C([O,N,S])[O,N,S]):2]>>[C:2]=O.[N:1]", 0.85, gain="H2", loss="H2O", intolerant=(ALKENE,)),
    Rule("eschweiler_clarke", "reductive_methylation", f"{AMINE_N}[CH3:2]>>[C:2]=O.[N:1]", 0.85, gain="H2", loss="H2O", repeat=2),
    Rule("cyclic_dialkylation", "cyclic_dialkylation", "[NX3;R;H0;!$(N[C,S]=[O,S]);!$(N[!#6]):1]([CX4;H2;R:2])[CX4;H2;R:3]>>([C:2]Br.[C:3]Br).[N:1]", 0.60, loss="H2Br2", intolerant=(ACID,)),
    Rule("imine", "imine_formation", "[CX3:1]=[NX2:2][#6:3]>>[C:1]=O.[N:2][#6:3]", 0.85, loss="H2O"),
    Rule("enamine", "enamine_formation", "[CX3:1]=[CX3:2][NX3;H0;$(N([CX4])[CX4]);!$(NC=O):3]>>[C:1][C:2]=O.[N:3]", 0.70, loss="H2O"),
    Rule("oximation", "oximation", "[CX3:1]=[NX2:2][OH:3]>>[C:1]=O", 0.92, gain="H3NO", loss="H2O"),
    Rule("beckmann", "beckmann", "[CX3;R:1](=[O:2])[NX3;H1;R:3][CX4;R:4]>>[O:2]=[C:1][C:4]", 0.70, gain="H3NO", loss="H2O"),
    Rule("mannich", "mannich", "[NX3;H0;!$(N[C,S]=[O,S]):1][CH2;R0:2][CX4:3][CX3:4]=[O:5]>>[N:1].[C:2]=O.[C:3][C:4]=[O:5]", 0.65, loss="H2O"),
    Rule("nitrile_reduction", "nitrile_reduction", "[#6:1][CH2:2][NH2:3]>>[#6:1][C:2]#[N:3]", 0.82, gain="H4", intolerant=(ALKENE,)),
    Rule("amide_reduction", "amide_reduction", "[#6:1][CX4;H2:2][NX3;!$(N[C,S]=[O,S]);!$(N[!#6;!#1]):3]>>[#6:1][C:2](=O)[N:3]", 0.75, gain="H4", loss="H2O", intolerant=(ELECTROPHILE,)),
    Rule("nitro_reduction", "nitro_reduction", "[c:1][NH2:2]>>[c:1][N+:2](=O)[O-]", 0.92, gain="H6", loss="H4O2"),
    Rule("nitrile_hydrolysis_acid", "nitrile_hydrolysis", "[#6:1][CX3:2](=O)[OX2H]>>[#6:1][C:2]#N", 0.80, gain="H4O2", loss="H3N"),
    Rule("nitrile_hydration", "nitrile_hydration", "[#6:1][CX3:2](=O)[NH2:3]>>[#6:1][C:2]#[N:3]", 0.80, gain="H2O"),
    Rule("amide_dehydration", "amide_dehydration", "[#6:1][CX2:2]#[NX1:3]>>[#6:1][C:2](=O)[NH2:3]", 0.80, loss="H2O", intolerant=(PROTIC,)),
    Rule("cyanation", "cyanide_substitution", "[CX4;H1,H2;!$(C[O,N]):1][CX2]#[NX1]>>[C:1]Br", 0.75, gain="CHN", loss="HBr", intolerant=(ACID,)),
    Rule("primary_amide", "ammonolysis", "[#6:1][CX3:2](=[O:3])[NH2]>>[#6:1][C:2](=[O:3])O[CH3]", 0.80, gain="H3N", loss="CH4O"),
    Rule("nitration", "aromatic_nitration", "[c:1][N+](=O)[O-]>>[c:1]", 0.60, gain="HNO3", loss="H2O", intolerant=(PROTIC,)),
)
