"""Drugs and screening compounds that the genetic tests breed from: charges, fused and aromatic rings, macrocycles."""

from __future__ import annotations

DRUGS: tuple[str, ...] = (
    "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F",  # celecoxib
    "CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1",  # sildenafil
    "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc1nccc(n1)-c1cn(C)c2ccccc12",  # osimertinib
    "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F",  # sitagliptin
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",  # caffeine
    "CC(=O)Oc1ccccc1C(=O)O",  # aspirin
    "CN1CCC[C@H]1c1cccnc1",  # nicotine
    "O=[N+]([O-])c1ccc(cc1)C(O)C(CO)NC(=O)C(Cl)Cl",  # chloramphenicol
    "C[NH2+]CCC(Oc1ccccc1)c1cccs1",  # a salt of duloxetine's kind
    "CC(C)Cc1ccc(cc1)C(C)C(=O)[O-]",  # ibuprofen's anion
    "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12",  # diazepam
    "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",  # albuterol
    "O=C1CCC(N2C(=O)c3ccccc3C2=O)C(=O)N1",  # thalidomide
    "Clc1ccccc1C1=NCc2nnc(C)n2-c2sc3CCCc3c12",  # a thienotriazolodiazepine
    "CC(C)CC1NC(=O)C(CC(C)C)NC(=O)C(Cc2ccccc2)NC(=O)C2CCCN2C(=O)C(C(C)C)NC(=O)C(C(C)O)NC1=O",  # a cyclic peptide
    "c1ccc2c(c1)[nH]c1ccccc12",  # carbazole
    "FC(F)(F)c1ccc(cc1)-c1ncc[nH]1",
    "OB(O)c1ccc(CN2CCOCC2)cc1",
    "CCOP(=O)(OCC)Cc1ccc(Br)cc1",
    "Ic1ccc(cc1)C#CCN1CCSCC1",
)
