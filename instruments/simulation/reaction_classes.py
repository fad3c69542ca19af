"""How fast the world's reactions run, by family. A class is a free string; its name decides the family.

The figures are invented: orders of magnitude chosen by us so that the usual conditions of a reaction (Smith, March's
Advanced Organic Chemistry, 7th ed., 2013) give its usual yield. They are not independent of the planner. The
reference temperatures, `_OWN_REFERENCE_K` above all, were set after reading the temperatures of the route planner's
own conditions table. That a planned reaction works in this world therefore says that the two tables agree, because
one was set by the other; it validates neither the planner's conditions nor these kinetics, and no yield of this world
may be quoted as evidence for either. What is not foreseen by the table are the molecule's own factor, the scatter and
the failures, which `kinetics` puts on top.
"""

from __future__ import annotations

from knowledge.records.base import Record


class Family(Record):
    """One family's rates, at 1 mol/L; side reactions relative to the main one.

    `half_life_h` holds at `reference_k`; activation energies are in kJ/mol. `side`: a starting material goes astray
    (hydrolysis, elimination). `over`: the product reacts on with the other reactant. `decay`: the product falls apart.
    `equilibrium`: constant of a reversible reaction, by-product included; None when it is irreversible.
    """

    name: str
    reference_k: float
    half_life_h: float
    activation: float
    side: float = 0.03
    side_activation: float = 75.0
    over: float = 0.02
    over_activation: float = 66.0
    decay: float = 0.002
    decay_activation: float = 95.0
    equilibrium: float | None = None


_GENERIC = Family(name="generic", reference_k=335.0, half_life_h=1.0, activation=50.0)

# The first family one of whose keywords occurs in the class name.
_FAMILIES: tuple[tuple[tuple[str, ...], Family], ...] = (
    (
        ("fischer_ester", "transesterif", "exchange"),
        Family(name="esterification", reference_k=355.0, half_life_h=0.5, activation=58.0, side=0.008, over=0.005,
               equilibrium=6.0),
    ),
    (
        ("acetal", "imine", "enamine", "knoevenagel", "oximation", "schiff"),
        Family(name="condensation", reference_k=350.0, half_life_h=0.4, activation=55.0, side=0.02, over=0.01,
        equilibrium=12.0),
    ),
    (
        ("epoxide_", "mannich", "michael", "arbuzov", "vinyl_ether"),
        Family(name="addition", reference_k=330.0, half_life_h=0.5, activation=55.0, side=0.02, over=0.03),
    ),
    (
        ("acid_chloride", "acyl_chloride", "anhydride", "chloroformate", "carbamate", "isocyanate", "schotten",
        "sulfonyl",
         "sulfonamide", "sulfon_amide", "silyl", "phosph", "urea"),
        Family(name="acylation", reference_k=295.0, half_life_h=0.2, activation=45.0, side=0.02, over=0.01),
    ),
    (("grignard",), Family(name="grignard", reference_k=290.0, half_life_h=0.25, activation=40.0, side=0.05,
    over=0.03)),
    (
        ("hydroboration", "enolate", "aldol", "claisen", "wittig", "mitsunobu"),
        Family(name="carbanion", reference_k=293.0, half_life_h=0.4, activation=42.0, side=0.06, over=0.03),
    ),
    (
        ("hydrogenation", "reduction", "reductive"),
        Family(name="reduction", reference_k=303.0, half_life_h=0.4, activation=42.0, side=0.02, over=0.01),
    ),
    (
        ("oxidation", "epoxidation", "baeyer", "dihydroxyl", "sulfone"),
        Family(name="oxidation", reference_k=297.0, half_life_h=0.4, activation=48.0, side=0.04, over=0.03),
    ),
    (
        ("suzuki", "heck", "sonogashira", "negishi", "stille", "buchwald", "arylation", "coupling"),
        Family(name="cross_coupling", reference_k=358.0, half_life_h=0.8, activation=65.0, side=0.05, over=0.01),
    ),
    (
        ("alkylation", "williamson", "methyl", "thiol", "thia", "sulfide", "cyanide", "cyanation", "substitution",
        "nuc_sub",
         "nucl_sub", "opening", "bromination", "chlorination"),
        Family(name="substitution", reference_k=330.0, half_life_h=0.5, activation=58.0, side=0.035, over=0.03),
    ),
    (
        ("amid", "aminolysis", "ammonolysis", "lactam", "imide"),
        Family(name="amidation", reference_k=380.0, half_life_h=0.8, activation=58.0, side=0.02, over=0.005),
    ),
    (
        ("hydrolysis", "hydration", "lacton", "cyclodehydration", "dehydration", "decarbox", "carbonate", "co2",
         "diels", "beckmann", "friedel", "nitration", "alkene_ester", "alkene_ether"),
        Family(name="heated", reference_k=360.0, half_life_h=0.5, activation=55.0, side=0.03, over=0.005),
    ),
)  # fmt: skip

# Where a class of a family is run much hotter or colder than the family: its own reference temperature in K.
_OWN_REFERENCE_K = {
    "imine_formation": 375.0,
    "anhydride_esterification": 350.0, "alkene_esterification": 318.0, "lactonisation": 380.0,
    "reductive_lactonisation": 415.0,
    "acid_chloride_formation": 330.0, "ester_hydrolysis": 325.0, "isocyanate_addition": 335.0,
    "cyclic_carbamate_formation": 360.0, "cyclic_urea_formation": 385.0, "urea_formation": 325.0,
    "urea_formation_carbonate": 385.0, "carbonate_aminolysis": 355.0, "carbonate_methylation": 415.0,
    "methyl_iodide_alkylation": 303.0, "amide_methyl_iodide": 303.0, "alkene_etherification": 335.0,
    "cyclodehydration": 415.0, "epoxide_opening_acid": 358.0, "epoxide_opening_thiol": 313.0, "epoxide_hydrolysis":
    350.0,
    "oxa_michael": 315.0, "vinyl_ether_addition": 300.0, "dehydration": 425.0, "alcohol_bromination": 365.0,
    "anhydride_amidation": 318.0, "lactone_aminolysis": 505.0, "amide_alkylation": 325.0, "reductive_methylation":
    358.0,
    "nitrile_reduction": 348.0, "amide_reduction": 330.0, "nitrile_hydration": 318.0, "amide_dehydration": 410.0,
    "ammonolysis": 330.0, "aromatic_nitration": 297.0, "ketone_reduction": 285.0, "aldehyde_reduction": 272.0,
    "alcohol_oxidation_aldehyde": 274.0, "arene_hydrogenation": 373.0, "sulfide_to_sulfone": 338.0,
    "sulfoxide_to_sulfone": 338.0, "benzylic_oxidation": 345.0, "grignard_nitrile": 325.0, "grignard_carboxylation":
    275.0,
    "aldol_addition": 205.0, "enolate_alkylation": 210.0, "michael_addition": 303.0, "malonic_decarboxylation": 425.0,
    "friedel_crafts_acylation": 300.0, "aromatic_bromination": 278.0, "aromatic_substitution": 368.0, "thia_michael":
    305.0,
    "arbuzov": 413.0, "sonogashira": 325.0, "negishi": 325.0, "beckmann": 345.0, "tetrazole_formation": 378.0,
    "hydroboration": 277.0,
}  # fmt: skip


def family_of(reaction_class: str) -> Family:
    """The family of a reaction class, at the class's own reference temperature; the generic one for names that fit
    none.
    """
    name = reaction_class.lower()
    family = next((f for keywords, f in _FAMILIES if any(keyword in name for keyword in keywords)), _GENERIC)
    own = _OWN_REFERENCE_K.get(name)
    return family if own is None else family.model_copy(update={"reference_k": own})
