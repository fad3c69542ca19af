"""Running reactions forward, and whether a chemist would: one product, by our own rules also seen from behind."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache

from rdkit import Chem, rdBase

from knowledge.records.molecule import InvalidMolecule
from planners.design.space import compile_smarts
from planners.routes.single_step.curated import (
    COMPETING_SITE,
    INTOLERANT_GROUP,
    forward_products,
    reactions,
    spoilers,
)
from planners.routes.single_step.reaction import Reaction
from planners.routes.single_step.stability import unstable
from planners.routes.structure import canonical, flat, parse

# Worth of a step, as the retrosynthetic rules judge it, below which it is not taken.
LEAST_WORTH = 0.3
_KETONE = "[CX3;H1,H2,$([CX3]([#6])[#6])]=[OX1]"
_PLAIN_ALKENE = "[CX3;!$(*-[CX3]=[O,N]);!$(*=*-[CX3]=[O,N]);!$(*-C#N);!$(*=*-C#N)]=[CX3]"
# What the first reactant must hold, where a rule seen from behind does not tell: amides and esters are no ketones, and
# electron-poor alkenes add water and borane the other way round, if at all.
_FIRST: dict[str, str] = {
    "imine": _KETONE,
    "oximation": _KETONE,
    "knoevenagel": _KETONE,
    "enamine": _KETONE,
    "alkene_hydration": _PLAIN_ALKENE,
    "hydroboration": _PLAIN_ALKENE,
}
_CACHE = 50_000
_MOST_REACTANTS = 3


@cache
def usable() -> dict[str, Reaction]:
    """By name: curated rules and synspace's reactions, but for those of the latter whose spoilers cannot be seen."""
    return {
        name: reaction
        for name, reaction in reactions().items()
        if (reaction.balanced or not reaction.intolerant)
        and reaction.forward.GetNumReactantTemplates() <= _MOST_REACTANTS
    }


class Bench:
    """Products and places, kept in memory: the same steps are tried again and again."""

    def __init__(self) -> None:
        self._products: OrderedDict[tuple[str, tuple[str, ...]], str | None] = OrderedDict()
        self._entries: OrderedDict[str, tuple[tuple[str, int], ...]] = OrderedDict()

    def product(self, name: str, reactants: tuple[str, ...]) -> str | None:
        """What a reaction makes of its reactants (canonical SMILES, in the order of its templates).

        None when it makes nothing, or nothing that is worth trying.
        """
        key = (name, reactants)
        if key in self._products:
            self._products.move_to_end(key)
            return self._products[key]
        with rdBase.BlockLogs():
            try:
                made = _product(usable()[name], reactants)
            except InvalidMolecule:  # a template may leave an aromatic ring that nobody can read again
                made = None
        self._products[key] = made
        if len(self._products) > _CACHE:
            self._products.popitem(last=False)
        return made

    def entries(self, smiles: str) -> tuple[tuple[str, int], ...]:
        """The reactions that a molecule can enter, and as which reactant."""
        if smiles in self._entries:
            self._entries.move_to_end(smiles)
            return self._entries[smiles]
        mol = parse(smiles)
        found = self._entries[smiles] = tuple(
            (name, slot)
            for name, reaction in usable().items()
            for slot in range(reaction.forward.GetNumReactantTemplates())
            if mol.HasSubstructMatch(reaction.forward.GetReactantTemplate(slot))
        )
        if len(self._entries) > _CACHE:
            self._entries.popitem(last=False)
        return found


def _product(reaction: Reaction, reactants: tuple[str, ...]) -> str | None:
    first = _FIRST.get(reaction.name)
    if first is not None and not parse(reactants[0]).HasSubstructMatch(compile_smarts(first)):
        return None
    same = reaction.same
    if same is not None and reactants[same[0]] != reactants[same[1]]:
        return None
    outcomes = [made for made in forward_products(reaction, reactants) if made not in reactants]
    if not outcomes:
        return None
    worth = reaction.prior * COMPETING_SITE ** (len({flat(made) for made in outcomes}) - 1)
    if worth < LEAST_WORTH:
        return None
    for made in outcomes:
        spoiling = _spoiling(reaction, reactants, made) if reaction.balanced else 0
        if spoiling is not None and worth * INTOLERANT_GROUP**spoiling >= LEAST_WORTH and not unstable(parse(made)):
            return made
    return None


def _spoiling(reaction: Reaction, reactants: tuple[str, ...], product: str) -> int | None:
    """Groups of the reactants that the reaction does not tolerate; None when seen from behind it is not this reaction.

    A curated rule is strict about its product and says little of its precursors, so only the way back tells.
    """
    wanted = sorted(map(flat, reactants))
    for outcome in reaction.retro.RunReactants((parse(product),), maxProducts=64):
        parts = []
        for part in outcome:
            if Chem.SanitizeMol(part, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                break
            parts.append(flat(canonical(str(Chem.MolToSmiles(part)))))
        if sorted(parts) == wanted:
            return sum(spoilers(reaction, part) for part in outcome)
    return None
