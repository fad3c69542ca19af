"""Adaptive operator choice: operators whose children do well are drawn more often."""

from __future__ import annotations

from collections.abc import Mapping

from planners.design.generator import Dice, State


class OperatorBandit:
    """Probability matching with a floor (D. Thierens, GECCO 2005, "An adaptive pursuit strategy", section 2).

    Once per batch and operator, quality <- quality + rate * (reward - quality); of K operators each is drawn with
    probability floor/K + (1 - floor) * prior * quality / sum(prior * quality).
    """

    def __init__(self, prior: Mapping[str, float], *, rate: float = 0.2, floor: float = 0.2) -> None:
        self.names = tuple(prior)
        self._prior = prior
        self._rate = rate
        self._floor = floor
        self._quality = dict.fromkeys(self.names, 0.5)
        self._weights = self._probabilities()

    @property
    def probabilities(self) -> dict[str, float]:
        return dict(zip(self.names, self._weights, strict=True))

    def choose(self, dice: Dice) -> str:
        return self.names[dice.weighted(self._weights)]

    def credit(self, rewards: Mapping[str, list[float]]) -> None:
        """Rewards in 0..1 of each operator's children in one batch; operators without children keep their quality."""
        for name in self.names:
            values = rewards.get(name)
            if values:
                # A batch of one moves the estimate less than a batch of fifty.
                rate = 1.0 - (1.0 - self._rate) ** min(len(values), 5)
                self._quality[name] += rate * (sum(values) / len(values) - self._quality[name])
        self._weights = self._probabilities()

    def _probabilities(self) -> list[float]:
        merit = [self._prior[name] * (0.05 + self._quality[name]) for name in self.names]
        total = sum(merit)
        return [self._floor / len(merit) + (1.0 - self._floor) * m / total for m in merit]

    def state(self) -> State:
        return {"quality": dict(self._quality)}

    def restore(self, state: State) -> None:
        self._quality = {name: float(state["quality"][name]) for name in self.names}
        self._weights = self._probabilities()
