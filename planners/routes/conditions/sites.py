"""What else the same reaction can make of the same reactants, at its other sites."""

from __future__ import annotations

from knowledge.records.route import RouteStep
from planners.routes.conditions.classify import outcomes_of_class
from planners.routes.single_step.curated import forward_products, reactions
from planners.routes.structure import flat

MOST = 5


def other_products(step: RouteStep) -> tuple[str, ...]:
    """Flat SMILES of at most five side products, sorted; those that a check has found come first.

    Curated rules and our forward patterns are run on the reactants; without one there are none. Raises InvalidMolecule.
    """
    wanted = flat(step.product)
    found = dict.fromkeys(step.check.competing if step.check else ())
    reaction = reactions().get(step.template)
    if reaction is not None and reaction.forward.GetNumReactantTemplates() == len(step.reactants):
        made = {flat(m) for m in forward_products(reaction, step.reactants)}
    elif reaction is None:
        made = outcomes_of_class(step.product, step.reactants)
    else:
        made = set()
    found.update(dict.fromkeys(sorted(made - {wanted} - {flat(r) for r in step.reactants})))
    return tuple(found)[:MOST]
