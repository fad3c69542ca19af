"""Rules compiled to RDKit reactions, once: the way back, the way forward, and a cheap test before either."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from rdkit import Chem
from rdkit.Chem import rdChemReactions

from planners.routes import formula
from planners.routes.single_step.rule import Rule
from planners.routes.structure import read_reaction

_TWO_LETTER = ("Cl", "Br", "Si")


def _atoms(smarts: str) -> list[tuple[int, int]]:
    """Spans of the outermost bracket atoms."""
    spans, depth, start = [], 0, 0
    for i, char in enumerate(smarts):
        if char == "[":
            if depth == 0:
                start = i
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                spans.append((start, i + 1))
    return spans


def _plain_atom(text: str) -> str:
    body = text[1:-1]
    number = re.search(r":(\d+)$", body)
    tail = f":{number.group(1)}" if number else ""
    if body.startswith("#"):
        symbol = re.match(r"#\d+", body)
        head = symbol.group(0) if symbol else body
    elif body[:2] in _TWO_LETTER:
        head = body[:2]
    else:
        head = body[0]
    # Explicitly neutral nitrogen, or a nitro group would hand its charge on to the amine that is made of it.
    charge = "+" if body.startswith("N+") else "-" if body.startswith("O-") else "+0" if head == "N" else ""
    return f"[{head}{charge}{tail}]"


def _plain(smarts: str) -> str:
    """Element and map number only: as a product template, a query such as H0 would pin hydrogens on what it makes."""
    out, last = [], 0
    for start, end in _atoms(smarts):
        out.append(smarts[last:start])
        out.append(_plain_atom(smarts[start:end]))
        last = end
    out.append(smarts[last:])
    return "".join(out)


@dataclass(frozen=True)
class Reaction:
    """`forward_smarts` is run on the precursors to prove a proposal; `gain` and `loss` as in Rule.

    `balanced` False: the source gives no by-products (synspace), so only "no heavy atom from nowhere" can be asked.
    """

    name: str
    reaction_class: str
    retro_smarts: str
    forward_smarts: str
    prior: float
    gain: str = ""
    loss: str = ""
    balanced: bool = True
    repeat: int = 1
    same: tuple[int, int] | None = None
    intolerant: tuple[str, ...] = ()

    @staticmethod
    def from_rule(rule: Rule) -> Reaction:
        product, _, precursors = rule.retro.partition(">>")
        return Reaction(
            name=rule.name,
            reaction_class=rule.reaction_class,
            retro_smarts=rule.retro,
            forward_smarts=f"{precursors}>>{_plain(product)}",
            prior=rule.prior,
            gain=rule.gain,
            loss=rule.loss,
            repeat=rule.repeat,
            same=rule.same,
            intolerant=rule.intolerant,
        )

    @cached_property
    def retro(self) -> rdChemReactions.ChemicalReaction:
        return read_reaction(self.retro_smarts)

    @cached_property
    def forward(self) -> rdChemReactions.ChemicalReaction:
        return read_reaction(self.forward_smarts)

    @cached_property
    def pattern(self) -> Chem.Mol:
        return self.retro.GetReactantTemplate(0)

    @cached_property
    def intolerant_patterns(self) -> tuple[Chem.Mol, ...]:
        return tuple(Chem.MolFromSmarts(smarts) for smarts in self.intolerant)

    @cached_property
    def needs(self) -> Counter[int]:
        """Atomic numbers that the product pattern fixes: a count test that is cheaper than a substructure match."""
        return Counter(a.GetAtomicNum() for a in self.pattern.GetAtoms() if a.GetAtomicNum() > 0)

    def difference(self, times: int = 1) -> Counter[str]:
        """gain - loss for `times` sites, as signed element counts."""
        signed: Counter[str] = Counter()
        for element, n in formula.from_text(self.gain).items():
            signed[element] += n * times
        for element, n in formula.from_text(self.loss).items():
            signed[element] -= n * times
        return signed
