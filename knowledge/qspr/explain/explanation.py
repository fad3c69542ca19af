"""All explanations of one prediction together."""

from __future__ import annotations

from knowledge.qspr.contract import Samples
from knowledge.qspr.explain.atoms import LIMIT, contributions
from knowledge.qspr.explain.inside import Predicts
from knowledge.qspr.explain.precedents import COUNT, shares
from knowledge.qspr.explain.prior_terms import prior_shares
from knowledge.records.explanation import Explanation, PartShare, Precedent
from knowledge.records.properties import Property


def explain(
    fitted: Predicts,
    samples: Samples,
    prop: Property,
    smiles: str,
    *,
    model: str = "",
    limit: int = LIMIT,
    precedents: int = COUNT,
) -> Explanation:
    """Why `fitted` predicts what it does of one molecule. `samples`: what it was fitted on; `model`: what it is called;
    `limit`: see `atoms`; `precedents`: how many are named.

    Deterministic. Raises InvalidMolecule, and ValueError for several molecules in one SMILES or one that cannot be
    taken apart.
    """
    parts = contributions(fitted, smiles, limit=limit)
    found = shares(fitted, samples, smiles)
    named = found.strongest(precedents)
    return Explanation(
        smiles=smiles,
        model=model,
        scale=prop.scale.value,
        unit=prop.unit,
        prediction=parts.prediction,
        origin=parts.origin,
        parts=tuple(PartShare(name=p.name, atoms=p.atoms, value=p.value) for p in parts.parts),
        atoms=tuple(parts.atoms.tolist()),
        exact=parts.exact,
        evaluated=parts.evaluated,
        basis=found.basis,
        precedents=tuple(
            Precedent(
                smiles=samples.smiles[i],
                value=prop.from_model(float(samples.values[i])),
                similarity=float(found.similarity[i]),
                share=float(found.share[i]),
                pull=None if found.pull is None else float(found.pull[i]),
            )
            for i in named
        ),
        others=float(found.share.sum() - found.share[named].sum()),
        priors=prior_shares(fitted, prop, smiles),
    )
