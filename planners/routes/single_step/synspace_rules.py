"""The forward reactions that the package synspace ships, read at run time and turned round.

M. Hartenfeller et al., J. Chem. Inf. Model. 2011, 51, 3093 (the reactions behind synspace). They give no by-products,
so their balance is the weaker one: no heavy atom of the product may come from nowhere but the template's own atoms.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources

from rdkit import Chem

from planners.routes.formula import render
from planners.routes.single_step.reaction import Reaction
from planners.routes.single_step.rule import ACID, ELECTROPHILE, PROTIC

PRIOR = 0.55  # medicinal-chemistry templates with broad patterns: one figure for all, below the curated ones
# Its pattern joins any two carbons, but alkyl-alkyl couplings are research; our own rule asks for an aryl.
_LEFT_OUT = frozenset({"Negishi"})
_PRIORS = {"decarboxylative_coupling": 0.3, "Sonogashira": 0.65, "Suzuki": 0.75, "Wittig": 0.5}
# What the shipped patterns forget: organometallic reagents do not survive acidic hydrogens or second carbonyls.
_INTOLERANT = {
    "Grignard_carbonyl": (PROTIC, ACID, ELECTROPHILE),
    "Grignard_alcohol": (PROTIC, ACID, ELECTROPHILE),
    "Williamson ether": (ACID,),
    "Mitsunobu_phenole": (ACID,),
}
# Where the product side says as little as "two carbons", these say what the forward side implies about it. They
# only save work: the forward run would refuse the rest.
_PRODUCTS = {
    "Suzuki": "[#6;$([#6]=,:[#6]):2]-[#6;$([#6]=,:[#6]):1]",
    "Sonogashira": "[#6;$(C=C),$(c:c):1]-[C;$(C#C):2]",
    "Mitsunobu_imide": "[C:1]-[N;$(N(C=O)C=O):2]",
    "Mitsunobu_phenole": "[C:1]-[O;$(Oc):2]",
    "Mitsunobu_sulfonamide": "[C:1]-[N;$(NS(=O)=O):2]",
    "Schotten-Baumann_amide": "[C;$(C=O):1]-[N:2]",
    "reductive amination": "[#6:4]-[C:1]-[N;!$(N-[#6]=[*]):3]-[C:5]",
}
_HALOGENS = re.compile(r"\[(?:\*;#17,#35,#53|Cl,Br,I|\*;Br,I;[^\]]*\]|Br,I|\*;#17,#35,#53,OH1)\]")


def _class_of(name: str) -> str:
    return "synspace_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _gained(product: str) -> str:
    """Heavy atoms that the product template makes without a map number: they come from the reagent."""
    pattern = Chem.MolFromSmarts(product)
    counts: Counter[str] = Counter(
        a.GetSymbol() for a in pattern.GetAtoms() if not a.GetAtomMapNum() and a.GetAtomicNum() > 1
    )
    return render(counts)


def _concrete(precursors: str) -> str:
    # A leaving group written as a list of halogens must become one atom when it is put back: bromide, as bought.
    text = re.sub(r"\[\*;Br,I;\$\([^\]]*\)\]", "[Br]", precursors)
    return _HALOGENS.sub("[Br]", text)


def synspace_reactions() -> list[Reaction]:
    """Those of synspace's reactions that can be turned round, in the package's order."""
    data = resources.files("synspace").joinpath("rxn_data/rxns.json")
    table: dict[str, str] = json.loads(data.read_text(encoding="utf-8"))
    found = []
    for name, smarts in table.items():
        if name in _LEFT_OUT:
            continue
        precursors, _, product = smarts.partition(">>")
        found.append(
            Reaction(
                name=f"synspace:{name}",
                reaction_class=_class_of(name),
                retro_smarts=f"{_PRODUCTS.get(name, product)}>>{_concrete(precursors)}",
                forward_smarts=smarts,
                prior=_PRIORS.get(name, PRIOR),
                gain=_gained(product),
                balanced=False,
                intolerant=_INTOLERANT.get(name, ()),
            )
        )
    return found
