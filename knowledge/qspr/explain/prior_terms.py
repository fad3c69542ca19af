"""What a physics prior says of a molecule, taken apart: groups and their contributions, the fitted line, the residual.

Joback's boiling and melting points and heats are a constant and a sum over groups; his viscosity is that in its natural
logarithm. The critical temperature and the flash point are products. Of a prior without such a rule only the value is
told.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from rdkit.Chem import rdMolDescriptors

from knowledge.features.featurizer import parse
from knowledge.features.joback_groups import NAMES, joback_fragmentation
from knowledge.qspr.explain.inside import Predicts, members
from knowledge.qspr.priors.feature import FittedWithPriorFeature
from knowledge.qspr.priors.flash_point import ROOM, CatoireNaudetFlashPoint, vaporization_at
from knowledge.qspr.priors.joback import JobackBoilingPoint, contributions, critical_ratio
from knowledge.qspr.priors.prior import Prior
from knowledge.qspr.priors.residual import FittedWithPrior, on_model_scale
from knowledge.records.explanation import PriorShare, Term
from knowledge.records.properties import Property

_Account = tuple[str, float | None, tuple[Term, ...]]  # rule, constant, terms
_NOTHING: _Account = ("", None, ())


def prior_shares(fitted: Predicts, prop: Property, smiles: str) -> tuple[PriorShare, ...]:
    """One for each model with a prior, of a stack every member's; none for a model without. Raises InvalidMolecule."""
    found = []
    for weight, model in members(fitted):
        if isinstance(model, FittedWithPrior | FittedWithPriorFeature):
            found.append(_share(model, prop, smiles, weight))
    return tuple(found)


def _share(model: FittedWithPrior | FittedWithPriorFeature, prop: Property, smiles: str, weight: float) -> PriorShare:
    prior = model.prior
    values, known = prior([smiles])
    scaled, usable = on_model_scale(prior, [smiles])
    if not known[0]:
        return PriorShare(name=prior.name, used_as="nothing", weight=weight)
    rule, constant, terms = account(prior, smiles)
    share = PriorShare(
        name=prior.name,
        used_as="nothing",
        weight=weight,
        value=float(values[0]),
        rule=rule,
        constant=constant,
        terms=terms,
    )
    if not (model.uses_prior and usable[0]):
        return share
    if isinstance(model, FittedWithPriorFeature):
        return share.model_copy(update={"used_as": "feature"})
    assert model.line is not None  # it uses the prior
    line = float(model.line(scaled)[0])
    rest = float(model.predict([smiles]).mean[0]) - line
    return share.model_copy(update={"used_as": "line", "line": prop.from_model(line), "residual": rest})


def account(prior: Prior, smiles: str) -> _Account:
    """(rule, constant, terms) of a molecule that the prior knows; empty where it is no sum or product."""
    if isinstance(prior, CatoireNaudetFlashPoint):
        return _flash_point(prior, smiles)
    take_apart = _ACCOUNTS.get(prior.name)
    return _NOTHING if take_apart is None else take_apart(smiles)


def _sum(quantity: str, constant: float) -> Callable[[str], _Account]:
    return lambda smiles: ("sum", constant, _groups(smiles, contributions(quantity)))


def _groups(smiles: str, column: np.ndarray) -> tuple[Term, ...]:
    each = dict(zip(NAMES, column.tolist(), strict=True))
    counts = joback_fragmentation(smiles).counts
    return tuple(Term(name=NAMES[n], count=c, each=each[n], value=c * each[n]) for n, c in counts.items())


def _viscosity(smiles: str) -> _Account:
    """ln(viscosity / mPa s) at room temperature; Joback's law, see `priors.viscosity`."""
    mass = rdMolDescriptors.CalcExactMolWt(parse(smiles))
    column = contributions("mua") / ROOM + contributions("mub")
    return "sum of logarithms", math.log(1e3 * mass) - 597.82 / ROOM - 11.202, _groups(smiles, column)


def _critical(smiles: str) -> _Account:
    boiling, ratio = float(JobackBoilingPoint()([smiles])[0][0]), float(critical_ratio([smiles])[0][0])
    return (
        "product",
        None,
        (
            Term(name="boiling point by Joback, K", each=boiling, value=boiling),
            Term(name="Tc/Tb by Joback", each=ratio, value=ratio),
        ),
    )


def _flash_point(prior: CatoireNaudetFlashPoint, smiles: str) -> _Account:
    boiling = prior.boiling([smiles])[0]
    heat = float(vaporization_at(ROOM, [smiles], boiling)[0][0])
    carbons = float(sum(a.GetAtomicNum() == 6 for a in parse(smiles).GetAtoms()))
    inputs = (
        (f"boiling point ({prior.boiling.name.replace('_', ' ')}), K", float(boiling[0]), prior.boiling_exponent),
        ("enthalpy of vaporization at 298 K, kJ/mol", heat, prior.vaporization_exponent),
        ("carbon atoms", carbons, prior.carbon_exponent),
    )
    terms = tuple(Term(name=f"{name}, to the power {power:.3g}", each=x, value=x**power) for name, x, power in inputs)
    return "product", math.exp(prior.log_prefactor), terms


_ACCOUNTS: dict[str, Callable[[str], _Account]] = {
    "joback_boiling_point": _sum("Tb", 198.2),
    "joback_melting_point": _sum("Tm", 122.5),
    "joback_vaporization": _sum("Hvap", 15.30),
    "joback_viscosity": _viscosity,
    "joback_critical_temperature": _critical,
}
