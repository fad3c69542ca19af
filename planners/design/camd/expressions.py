"""The formulas of `planners.design.camd.properties` as variables and constraints of a SCIP model.

Two devices keep the model nearly linear. A limit on a property that rises with its sum is a limit on the sum. And a
share S / h (h: heavy atoms, a whole number) is written out over the values of h (disaggregation: E. Balas, SIAM J. Alg.
Disc. Meth. 6 (1985) 466): that is linear, exact and as tight as can be, where the product x h = S needs branching.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from knowledge.records.properties import HANSEN
from planners.design.camd.contributions import Contributions, Form, joback, learned
from planners.design.camd.properties import (
    JOBACK_BOILING,
    JOBACK_HEAT,
    JOBACK_RATIO,
    LARGEST_CRITICAL_SUM,
    PROPERTIES,
    ROOM,
    WATSON,
    Reference,
)

Expression = Any  # pyscipopt's variables and expressions have no types
_SOLUBLE = (0.0, 60.0)  # MPa^0.5: water has 48


class Expressions:
    """Variables of one model. Each formula is written once, however many wishes need it."""

    def __init__(
        self,
        model: Any,
        counts: Mapping[int, Expression],
        rings: Expression,
        heavy: Expression,
        sizes: Mapping[int, Expression],
        bounds: Callable[[Contributions], tuple[float, float]],
    ) -> None:
        """`sizes`: heavy atoms -> the binary that says so. `bounds`: between which values a sum can lie."""
        self._model, self._counts, self._rings, self._heavy = model, counts, rings, heavy
        self._sizes, self._bounds = sizes, bounds
        self._known: dict[tuple[str, Reference | None], Expression] = {}

    def limit(self, name: str, low: float, high: float, reference: Reference | None = None) -> list[Any]:
        """Constraints of `low <= property <= high`, not yet added to the model."""
        simple = PROPERTIES[name].simple
        if simple is not None:
            used = simple()
            total = self.sum(used)
            if used.form is Form.SHARE:
                return _between(total, low, high, self._heavy)
            return _between(total, used.sum_at(low), used.sum_at(high))
        if name == "hansen_distance" and low <= 0.0 and reference is not None:
            return [self._squares(reference) <= (high * self._heavy) ** 2]
        return _between(self.value(name, reference), low, high)

    def value(self, name: str, reference: Reference | None = None, *, convex_below: bool = False) -> Expression:
        """A variable that equals the property.

        convex_below: whoever asks wants it small, so it need only be at least the property, which is convex.
        """
        key = (f"{name} from above" if convex_below else name, reference)
        if key not in self._known:
            self._known[key] = self._made(name, reference, convex_below)
        return self._known[key]

    def sum(self, used: Contributions) -> Expression:
        """The linear sum itself. Groups without a contribution are ruled out."""
        for i, n in self._counts.items():
            if math.isnan(used.each[i]):
                self._model.addCons(n == 0)
        terms = (c * n for i, n in self._counts.items() if not math.isnan(c := used.each[i]))
        return used.intercept + sum(terms) + used.per_ring * self._rings

    def _made(self, name: str, reference: Reference | None, convex_below: bool) -> Expression:
        simple = PROPERTIES[name].simple
        if simple is not None:
            return self._simple(simple(), convex_below)
        if name == "hansen_distance" and reference is not None:
            return self._norm(self._squares(reference), convex_below)
        if name == "solubility_parameter":
            return self._norm(self._squares((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), convex_below)
        if name == "critical_temperature":
            return self._critical()
        return self._vaporization()

    def _variable(self, low: float, high: float, name: str = "") -> Expression:
        finite = [None if math.isinf(b) else b for b in (low, high)]
        return self._model.addVar(name, vtype="C", lb=finite[0], ub=finite[1])

    def _of_sum(self, used: Contributions) -> Expression:
        low, high = self._bounds(used)
        total = self._variable(low, high)
        self._model.addCons(total == self.sum(used))
        return total

    def _simple(self, used: Contributions, convex_below: bool) -> Expression:
        from pyscipopt import exp, log

        if used.form is Form.SHARE:
            low, high = self._bounds(used)
            return self._share(self.sum(used), low, high)
        total = self._of_sum(used)
        low, high = self._bounds(used)
        if used.form is Form.LINEAR:
            return total
        if used.form is Form.LOGARITHM:
            self._model.chgVarLb(total, max(low, 1e-3))
            value = self._variable(used.scale * math.log(max(low, 1e-3)), used.scale * math.log(high))
            self._model.addCons(value == used.scale * log(total))
            return value
        value = self._variable(math.exp(max(low, -20.0)), math.exp(min(high, 20.0)))
        self._model.addCons(exp(total) <= value if convex_below else exp(total) == value)
        return value

    def _share(self, total: Expression, low: float, high: float) -> Expression:
        """x with x h = total, by one x for every h: x = sum x_h, total = sum h x_h, low y_h <= x_h <= high y_h."""
        model = self._model
        parts = {h: self._variable(min(low, 0.0), max(high, 0.0)) for h in self._sizes}
        for h, part in parts.items():
            model.addCons(part >= low * self._sizes[h])
            model.addCons(part <= high * self._sizes[h])
        model.addCons(sum(h * part for h, part in parts.items()) == total)
        value = self._variable(low, high)
        model.addCons(value == sum(parts.values()))
        return value

    def _squares(self, reference: Reference, weights: Reference = (4.0, 1.0, 1.0)) -> Expression:
        """The square of a distance times heavy atoms."""
        away = [self._away(part, r) for part, r in zip(HANSEN, reference, strict=True)]
        return sum(w * a * a for w, a in zip(weights, away, strict=True))

    def _away(self, part: str, reference: float) -> Expression:
        key = (f"{part} away", (reference, 0.0, 0.0))
        if key not in self._known:
            used = learned()[part]
            most = max(self._sizes) * 100.0
            variable = self._variable(-most, most)
            self._model.addCons(variable == self.sum(used) - reference * self._heavy)
            self._known[key] = variable
        return self._known[key]

    def _norm(self, squares: Expression, convex_below: bool) -> Expression:
        """x with (x h)² = squares, or at least them."""
        top = max(self._sizes) * _SOLUBLE[1]
        product = self._variable(0.0, top)
        self._model.addCons(squares <= product * product if convex_below else squares == product * product)
        return self._share(product, *_SOLUBLE)

    def _critical(self) -> Expression:
        boiling, s = self._joback("Tb"), self._joback("Tc")
        self._model.chgVarUb(s, min(s.getUbOriginal(), LARGEST_CRITICAL_SUM))
        low, high = s.getLbOriginal(), s.getUbOriginal()
        a, b, c = JOBACK_RATIO
        ratio = self._variable(a + b * low + c * low**2, a + b * high + c * high**2)
        self._model.addCons(ratio == a + b * s + c * s * s)
        value = self._variable(0.0, 5000.0)
        self._model.addCons(value * ratio == JOBACK_BOILING + boiling)
        return value

    def _vaporization(self) -> Expression:
        heat = self._joback("Hvap")
        critical = self.value("critical_temperature")
        # (Tc - T)/(Tc - Tb), both positive.
        share = self._variable(1e-3, 50.0)
        self._model.addCons(critical >= ROOM + 1.0)
        self._model.addCons(share * (critical - JOBACK_BOILING - self._joback("Tb")) == critical - ROOM)
        value = self._variable(0.0, 1000.0)
        self._model.addCons(value == (JOBACK_HEAT + heat) * share**WATSON)
        return value

    def _joback(self, quantity: str) -> Expression:
        key = (quantity, None)
        if key not in self._known:
            self._known[key] = self._of_sum(joback(quantity))
        return self._known[key]


def _between(expression: Expression, low: float, high: float, factor: Expression = 1.0) -> list[Any]:
    constraints = []
    if math.isfinite(low):
        constraints.append(expression >= low * factor)
    if math.isfinite(high):
        constraints.append(expression <= high * factor)
    return constraints
