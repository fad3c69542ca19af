"""The objectives, as defined by GuacaMol and used by PMO.

GuacaMol: Brown et al., J. Chem. Inf. Model. 2019, 59, 1096, with its supplement.
PMO: Gao et al., NeurIPS 2022 (Datasets and Benchmarks), which took them from TDC (Huang et al., NeurIPS 2021).

Where the two differ, this is PMO's choice:
- Isomers, zaleplon and sitagliptin: hydrogens are counted, as GuacaMol does. Releases of TDC before August 2022 did not
  ("_prev" in later ones); published totals are of either kind.
- valsartan_smarts: the geometric mean of the pattern and closeness to sitagliptin's logP, TPSA and complexity.
- perindopril_mpo, amlodipine_mpo: the similarity is not clipped. median1: camphor and menthol by ECFP4; median2:
  tadalafil and sildenafil by ECFP6.
- qed: QED itself (Bickerton et al., Nat. Chem. 2012, 4, 90).
Left out are drd2, gsk3b and jnk3, which need trained classifiers.
"""

from __future__ import annotations

from rdkit.Chem import QED, rdMolDescriptors

from benchmarks.oracles.oracle import Oracle, Term, UnknownOracle
from benchmarks.oracles.shapes import at_least, at_most, clipped, gaussian
from benchmarks.oracles.terms import (
    atoms,
    bertz,
    described,
    formula,
    has,
    has_not,
    log_p,
    molecule,
    similarity,
    tpsa,
)

ALBUTEROL = "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1"
AMLODIPINE = "CCOC(=O)C1=C(COCCN)NC(C)=C(C(=O)OC)C1c1ccccc1Cl"
CAMPHOR = "CC1(C)C2CCC1(C)C(=O)C2"
CELECOXIB = "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F"
FEXOFENADINE = "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN1CCC(CC1)C(O)(c1ccccc1)c1ccccc1"
MENTHOL = "CC(C)C1CCC(C)CC1O"
MESTRANOL = "COc1ccc2C3CCC4(C)C(CCC4(O)C#C)C3CCc2c1"
OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc1nccc(n1)-c1cn(C)c2ccccc12"
PERINDOPRIL = "CCCC(NC(C)C(=O)N1C(CC2CCCCC12)C(=O)O)C(=O)OCC"
RANOLAZINE = "COc1ccccc1OCC(O)CN1CCN(CC(=O)Nc2c(C)cccc2C)CC1"
SILDENAFIL = "CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1"
SITAGLIPTIN = "NC(CC(=O)N1CCn2c(nnc2C(F)(F)F)C1)Cc1cc(F)c(F)cc1F"
TADALAFIL = "CN1CC(=O)N2C(Cc3c([nH]c4ccccc34)C2c2ccc3OCOc3c2)C1=O"
THIOTHIXENE = "CN1CCN(CCC=C2c3ccccc3Sc3ccc(cc23)S(=O)(=O)N(C)C)CC1"
TROGLITAZONE = "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O"
ZALEPLON = "CCN(C(C)=O)c1cccc(c1)-c1ccnc2c(cnn12)C#N"
# The kinase inhibitor whose scaffold or decoration is to be replaced, its parts, and the pattern that stands for
# valsartan's biphenyl.
HOPPED = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"
SCAFFOLD = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"
BENZOTHIAZOLE = "[#7]-c1ccc2ncsc2c1"
SULFONE = "CS([#6])(=O)=O"
DECORATION = "[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1"
BIPHENYL = "CN(C=O)Cc1ccc(c2ccccc2)cc1"


def _close_to_sitagliptin() -> tuple[Term, Term]:
    drug = molecule(SITAGLIPTIN)
    return described(tpsa, gaussian(tpsa(drug), 5.0)), described(log_p, gaussian(log_p(drug), 0.2))


def _oracles() -> dict[str, Oracle]:
    polar, greasy = _close_to_sitagliptin()
    complexity = described(bertz, gaussian(bertz(molecule(SITAGLIPTIN)), 30.0))
    made = [
        Oracle("albuterol_similarity", (similarity(ALBUTEROL, "FCFP4", clipped(0.75)),)),
        Oracle(
            "amlodipine_mpo",
            (described(rdMolDescriptors.CalcNumRings, gaussian(3, 0.5)), similarity(AMLODIPINE, "ECFP4")),
        ),
        Oracle("celecoxib_rediscovery", (similarity(CELECOXIB, "ECFP4"),)),
        Oracle(
            "deco_hop",
            (has_not(SULFONE), has_not(BENZOTHIAZOLE), has(SCAFFOLD), similarity(HOPPED, "PHCO", clipped(0.85))),
            "arithmetic",
        ),
        Oracle(
            "fexofenadine_mpo",
            (
                described(tpsa, at_least(90, 10)),
                described(log_p, at_most(4, 1)),
                similarity(FEXOFENADINE, "AP", clipped(0.8)),
            ),
        ),
        Oracle("isomers_c7h8n2o2", (formula(C=7, H=8, N=2, O=2),)),
        Oracle("isomers_c9h10n2o2pf2cl", (formula(C=9, H=10, N=2, O=2, P=1, F=2, Cl=1),)),
        Oracle("median1", (similarity(CAMPHOR, "ECFP4"), similarity(MENTHOL, "ECFP4"))),
        Oracle("median2", (similarity(TADALAFIL, "ECFP6"), similarity(SILDENAFIL, "ECFP6"))),
        Oracle("mestranol_similarity", (similarity(MESTRANOL, "AP", clipped(0.75)),)),
        Oracle(
            "osimertinib_mpo",
            (
                described(tpsa, at_least(100, 10)),
                described(log_p, at_most(1, 1)),
                similarity(OSIMERTINIB, "FCFP4", clipped(0.8)),
                similarity(OSIMERTINIB, "ECFP6", at_most(0.85, 0.1)),
            ),
        ),
        Oracle(
            "perindopril_mpo",
            (described(rdMolDescriptors.CalcNumAromaticRings, gaussian(2, 0.5)), similarity(PERINDOPRIL, "ECFP4")),
        ),
        Oracle("qed", (lambda mol: float(QED.qed(mol)),)),
        Oracle(
            "ranolazine_mpo",
            (
                described(atoms("F"), gaussian(1, 1)),
                described(tpsa, at_least(95, 20)),
                described(log_p, at_least(7, 1)),
                similarity(RANOLAZINE, "AP", clipped(0.7)),
            ),
        ),
        Oracle(
            "scaffold_hop",
            (has(DECORATION), has_not(SCAFFOLD), similarity(HOPPED, "PHCO", clipped(0.75))),
            "arithmetic",
        ),
        Oracle(
            "sitagliptin_mpo",
            (
                polar,
                greasy,
                formula(C=16, H=15, F=6, N=5, O=1),
                similarity(SITAGLIPTIN, "ECFP4", gaussian(0.0, 0.1)),
            ),
        ),
        Oracle("thiothixene_rediscovery", (similarity(THIOTHIXENE, "ECFP4"),)),
        Oracle("troglitazone_rediscovery", (similarity(TROGLITAZONE, "ECFP4"),)),
        Oracle("valsartan_smarts", (has(BIPHENYL), polar, greasy, complexity)),
        Oracle("zaleplon_mpo", (formula(C=19, H=17, N=3, O=2), similarity(ZALEPLON, "ECFP4"))),
    ]
    return {each.name: each for each in made}


ORACLES: dict[str, Oracle] = _oracles()


def oracle(name: str) -> Oracle:
    """Raises UnknownOracle."""
    if name not in ORACLES:
        raise UnknownOracle(f"unknown oracle '{name}'; known: {', '.join(ORACLES)}")
    return ORACLES[name]
