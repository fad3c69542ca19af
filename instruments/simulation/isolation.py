"""What work-up and purification leave in the vessel. Everything else goes to waste."""

from __future__ import annotations

import math

from instruments.simulation.chance import Generator
from instruments.simulation.mixture import boiling_point, is_organic, log_p, nature
from instruments.simulation.sample import Contents, Stage
from instruments.simulation.truth import Truth

_HOLDUP_G = 0.03  # left in the still
_DECOMPOSES_K = 640.0  # beyond this normal boiling point a laboratory still destroys most of the charge


def _evaporation(boiling_k: float) -> float:
    """Share that a rotary evaporator leaves behind."""
    return 0.01 + 0.99 / (1.0 + math.exp(-(boiling_k - 410.0) / 9.0))


def _washing(smiles: str) -> float:
    """Share that stays in the organic layer; the aqueous layer is salted out where the compound likes water."""
    return 1.0 / (1.0 + 0.12 * math.pow(10.0, min(-log_p(smiles) - 0.3, 1.2)))


def work_up(contents: Contents, truth: Truth, chance: Generator) -> Contents:
    """Quench, wash, evaporate: salts and volatiles leave; a product that likes water loses more than a few per cent."""
    product = contents.product
    main = product if product is not None and product in contents.species else next(iter(contents.species))
    factors: dict[str, float] = {}
    for name in contents.species:
        like = nature(name, main)
        if not is_organic(like.parent):
            factors[name] = 0.01
            continue
        stays = _evaporation(boiling_point(name, main, truth))
        if name == product:
            # The chemist watches the product: a volatile one is distilled off gently instead of being stripped.
            factors[name] = max(stays, 0.7) * max(_washing(name), 0.8) * (0.93 + 0.05 * float(chance.random()))
        else:
            factors[name] = stays * _washing(like.parent)
    return contents.kept(factors).model_copy(update={"stage": Stage.WORKED_UP})


def purify(contents: Contents, product: str, method: str, truth: Truth, chance: Generator) -> Contents:
    """Distillation parts by boiling point, recrystallisation needs a solid, chromatography parts nearly everything."""
    own_k = truth.value(product, "boiling_point").value
    solid = truth.value(product, "melting_point").value > 303.0
    grams = contents.species[product].grams if product in contents.species else 0.0
    luck = float(chance.random())
    if method == "distillation":
        recovery = (0.82 + 0.10 * luck) * (0.3 if own_k > _DECOMPOSES_K else 1.0) * grams / (grams + _HOLDUP_G)
    elif method == "recrystallisation":
        recovery = 0.70 + 0.15 * luck if solid else 0.45 + 0.15 * luck
    else:
        recovery = 0.86 + 0.08 * luck
    factors = {product: recovery}
    for name in sorted(contents.species):
        if name == product:
            continue
        draw = float(chance.random())
        boiling_k = boiling_point(name, product, truth)
        if method == "distillation":
            carried = 0.002 + 0.8 * math.exp(-((abs(boiling_k - own_k) / 14.0) ** 1.3)) if boiling_k < 1400.0 else 0.0
        elif method == "recrystallisation":
            carried = (0.03 + 0.05 * draw) if solid else 0.5
        else:
            carried = 0.01 + 0.04 * draw
        # Drying in vacuum takes what boils low.
        factors[name] = carried * (0.03 if boiling_k < 400.0 and boiling_k < own_k - 30.0 else 1.0)
    return contents.kept(factors).model_copy(update={"stage": Stage.ISOLATED, "product": product})
