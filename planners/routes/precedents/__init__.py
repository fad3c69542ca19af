"""What was done before: the change a reaction makes as a signature, and the published reactions nearest to a step.

    signature(product, reactants) -> Signature(radius0, radius1)     two signed 64-bit numbers, 1-2 ms

`reactants`: canonical SMILES in any order. Equal changes give equal numbers in every process. `mapping.assign` maps the
atoms (on validation 98 % of its radius-1 signatures equal those of the published maps); `mapped=(product, "a.b")` takes
map numbers instead: for both sides of a comparison, or for none.

`radius0` holds the reacting bonds and their elements (alkyl bromide + alcohol), `radius1` the neighbours too, with the
double bonds at them. Look first for radius1, then for radius0.

    index = PrecedentIndex.load()                                    read once; WeightsMissing without its weights
    index.nearest(product, signature, n) -> list[Precedent]          the same change, most similar products first
    index.count(signature, level) -> int                             level 1 or 0: the radius
"""

from planners.routes.precedents.changes import Signature, signature
from planners.routes.precedents.index import PrecedentIndex

__all__ = ["PrecedentIndex", "Signature", "signature"]
