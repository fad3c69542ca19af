"""A step run forward: what its reactants give by the reaction read off it, or by the rule that proposed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from planners.routes.check.stereo import carry_over, inverted
from planners.routes.check.templates import Template, forward_template
from planners.routes.precedents.mapping import Mapping
from planners.routes.structure import canonical, flat, parse, read_reaction

MAX_OUTCOMES = 64  # matches of one template; a peptide has many amides


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`exact`: the product comes out as drawn; `skeleton`: at least without its stereochemistry.

    `inverts`: only when a stereocentre that swaps a neighbour inverts. `others`: other products, flat, sorted.
    `sites`: for each reacting atom that has rivals, its and their (reactant index, atom index).
    """

    exact: bool
    skeleton: bool
    inverts: bool
    others: tuple[str, ...]
    sites: tuple[tuple[tuple[int, int], ...], ...] = ()


@lru_cache(maxsize=4096)
def _reaction(smarts: str) -> rdChemReactions.ChemicalReaction:
    return read_reaction(smarts)


def compare(product: str, made: Sequence[str]) -> Outcomes:
    """The products of somebody else's template against the one wanted; all canonical."""
    skeletons = sorted({flat(m) for m in made})
    wanted = flat(product)
    return Outcomes(
        exact=product in made,
        skeleton=wanted in skeletons,
        inverts=False,
        others=tuple(s for s in skeletons if s != wanted),
    )


def reapply(mapping: Mapping, product: str, reactants: Sequence[str]) -> Outcomes:
    """Read the reaction off the mapped step and run it on the reactants.

    Raises ValueError when no reaction can be made of the mapping, InvalidMolecule for an unreadable SMILES.
    """
    mols = [parse(r) for r in reactants]
    template = forward_template(mapping, [m.GetNumAtoms() for m in mols])
    wanted = flat(product)
    exact = skeleton = inverts = False
    others: set[str] = set()
    sites: dict[int, dict[tuple[int, int], None]] = {}
    for outcome, at in _run(template, mols):
        carry_over(outcome, mols, at, template)
        smiles = canonical(Chem.MolToSmiles(outcome))
        if smiles == product:
            exact = skeleton = True
        elif flat(smiles) != wanted:
            others.add(flat(smiles))
        else:
            skeleton = True
            inverts = inverts or canonical(Chem.MolToSmiles(inverted(outcome, template))) == product
        for number, place in at.items():
            sites.setdefault(number, {})[place] = None
    rivals = _rivals(mapping, mols, sites) if others else ()
    return Outcomes(exact or inverts, skeleton, inverts and not exact, tuple(sorted(others)), rivals)


def _run(template: Template, mols: Sequence[Chem.Mol]) -> Iterator[tuple[Chem.Mol, dict[int, tuple[int, int]]]]:
    """Each sanitised outcome with where its mapped atoms were: map number -> (reactant, atom)."""
    reaction = _reaction(template.smarts)
    seen = set()
    with rdBase.BlockLogs():
        for (outcome,) in reaction.RunReactants(tuple(mols[i] for i in template.order), maxProducts=MAX_OUTCOMES):
            at = {}
            for atom in outcome.GetAtoms():
                if atom.HasProp("old_mapno") and atom.HasProp("react_idx"):
                    place = (template.order[atom.GetIntProp("react_idx")], atom.GetIntProp("react_atom_idx"))
                    at[atom.GetIntProp("old_mapno")] = place
            site = tuple(at[number] for number in template.reacting)
            if site in seen:  # the same bonds, the atoms around them told off in another order
                continue
            if Chem.SanitizeMol(outcome, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                continue
            seen.add(site)
            Chem.AssignStereochemistry(outcome, cleanIt=True, force=True)
            yield outcome, at


def _rivals(
    mapping: Mapping, mols: Sequence[Chem.Mol], sites: dict[int, dict[tuple[int, int], None]]
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Reacting atoms with others like them, symmetric ones counted once."""
    ranks = [list(Chem.CanonicalRankAtoms(m, breakTies=False)) for m in mols]
    back = mapping.backwards()
    found = []
    for number in sorted(sites):
        p = back.get(number - 1, -1)
        gains = p >= 0 and any(
            mapping.partner[q] < 0 or mapping.partner[q] not in mapping.reactants.bonds[number - 1]
            for q in mapping.product.bonds[p]
        )
        loses = any(s not in back for s in mapping.reactants.bonds[number - 1])
        if not gains and not loses:
            continue
        distinct = {(i, ranks[i][a]): (i, a) for i, a in sites[number]}
        if len(distinct) > 1:
            found.append(tuple(sorted(distinct.values())))
    return tuple(found)
