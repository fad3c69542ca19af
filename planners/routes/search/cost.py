"""The three costs of a route search, in nats. Rules of thumb of ours; only their order matters."""

from __future__ import annotations

import math

from rdkit.Chem import rdMolDescriptors

from knowledge.records.route import StockItem
from planners.routes.structure import parse

STEP = 0.25  # every further step costs labour, whatever its score


def step_cost(score: float) -> float:
    return STEP - math.log(max(score, 1e-6))


def leaf_cost(item: StockItem) -> float:
    """Cheap bulk chemicals first: 0.03 for tier 1 up to about 0.4 for a block made to order."""
    return 0.02 * item.tier + 0.06 * math.log1p(item.price_per_g)


def open_cost(smiles: str) -> float:
    """Value estimate of Retro* for a molecule not yet expanded: grows with size, rings and stereocentres."""
    mol = parse(smiles)
    rings = mol.GetRingInfo().NumRings()
    centres = rdMolDescriptors.CalcNumAtomStereoCenters(mol)
    return 0.5 + 0.06 * max(0, mol.GetNumHeavyAtoms() - 4) + 0.15 * rings + 0.1 * centres
