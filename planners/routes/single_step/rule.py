"""A curated retrosynthetic rule as its author writes it."""

from __future__ import annotations

from dataclasses import dataclass

# Groups that a reaction does not tolerate elsewhere in its reactants, beyond the site that reacts.
PROTIC = "[$([OX2H]),$([NX3;!H0;!$(N[C,S]=[O,S])]),$([SX2H])]"
ELECTROPHILE = "[$([CX3](=O)[#6,#1,O,Cl]),$(C#N),$([NX3+](=O)[O-]),$(C1OC1)]"
ACID = "[CX3](=O)[OX2H]"
AMINE = "[NX3;!$(N[C,S,P]=[O,S,N]);!$(Nc);!$(N[!#6;!#1])]"
ALKENE = "[CX3]=[CX3]"
HALIDE = "[CX4][Cl,Br,I]"


@dataclass(frozen=True, slots=True)
class Rule:
    """`retro` is `product pattern >> precursor templates`; only the product pattern may carry queries.

    `gain` and `loss` close the balance with hydrogen counted: reactants + gain = product + loss. Gained atoms come from
    the reagents in the conditions table (H2, an oxidant's O, ...), lost ones leave as by-products.
    `prior`: how often such a step works as drawn on simple substrates, judged by us (0.9 textbook, 0.3 capricious).
    `repeat`: up to how many like groups react in one pot with the same partner (a diester from a diacid).
    `same`: indices of precursors that must be identical (both alcohols of an open-chain acetal).
    `intolerant`: SMARTS of groups that compete when the reactants hold more of them than the site itself uses.
    """

    name: str
    reaction_class: str
    retro: str
    prior: float
    gain: str = ""
    loss: str = ""
    repeat: int = 1
    same: tuple[int, int] | None = None
    intolerant: tuple[str, ...] = ()
