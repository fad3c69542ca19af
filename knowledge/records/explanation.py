"""Why a model predicts what it does of one molecule: what each part adds, which precedents count, what the prior says.

Contributions, pulls and residuals are on the model's scale: in the property's unit, or differences of natural
logarithms where its scale is LOG (then `exp` of one is the factor by which it multiplies the value). Values of
molecules and of priors are in the property's unit.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from knowledge.records.base import Record


class Basis(StrEnum):
    """What a precedent's share is. WEIGHT: by how much the prediction changes per change of the precedent's value,
    exactly; all shares together are about 1 and some may be negative. SIMILARITY: for models that cannot say, its part
    of the fingerprint similarities of the nearest ten. MIXED: of a stack with members of both kinds.
    """

    WEIGHT = "weight"
    SIMILARITY = "similarity"
    MIXED = "mixed"


class PartShare(Record):
    """`atoms`: indices in the order of the SMILES. `value`: what the part adds to the prediction."""

    name: str
    atoms: tuple[int, ...]
    value: float


class Precedent(Record):
    """A molecule of the training set. `pull`: how far it alone moves the prediction from the training mean, None where
    the basis is not WEIGHT. `similarity`: count-Tanimoto of Morgan fingerprints.
    """

    smiles: str
    value: float
    similarity: float
    share: float
    pull: float | None = None


class Term(Record):
    """`count` groups of `each`, or an input (count None) with its size; `value` is the term or the factor itself."""

    name: str
    count: int | None = None
    each: float
    value: float


class PriorShare(Record):
    """What a physics prior says of the molecule. `rule` tells how `terms` and `constant` make `value`; both are empty
    for a prior that is no sum or product. `used_as`: "line" (the prediction is `line` + `residual`), "feature", or
    "nothing" where the model does without it for this molecule, and `value` is None where it does not know it. `weight`
    is the share of the prediction that has this prior, less than 1 in a stack.
    """

    name: str
    used_as: str
    weight: float = 1.0
    value: float | None = None
    rule: str = ""
    constant: float | None = None
    terms: tuple[Term, ...] = ()
    line: float | None = None
    residual: float | None = None


class Explanation(Record):
    """prediction = origin + sum of `parts`, on the model's scale; `origin` is the model's prediction of methane.

    `atoms` has one number per atom, each part's value spread over its atoms. `exact` is False where the contributions
    were estimated from a sample; `evaluated` is how many molecules were predicted for them. `others` is the share of
    all precedents that are not listed.
    """

    smiles: str
    model: str
    scale: str
    unit: str
    prediction: float
    origin: float
    parts: tuple[PartShare, ...]
    atoms: tuple[float, ...]
    exact: bool
    evaluated: int = Field(ge=1)
    basis: Basis
    precedents: tuple[Precedent, ...]
    others: float
    priors: tuple[PriorShare, ...] = ()


class Forecast(Record):
    """A prediction with its reasons, as it was when something was decided on it; values in the property's unit.

    `low` to `high` shall hold a measured value with probability `level`; `calibrated` is False where only the model's
    own deviation says so. `reason` tells why the molecule is out of the model's domain, `unexplained` why there is no
    explanation.
    """

    property: str
    value: float
    low: float
    high: float
    level: float = Field(gt=0, lt=1)
    calibrated: bool
    in_domain: bool
    reason: str = ""
    explanation: Explanation | None = None
    unexplained: str = ""
