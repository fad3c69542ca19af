"""Why a setting of a reaction's conditions is proposed, as people read it on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from agent.conditions.words import in_words
from knowledge.records.trial import Choice, Neighbour

_RULES = {
    "start": "to begin with, spread over the space",
    "random": "drawn at random",
    "thompson": "the best of one draw from the model",
}
_CERTAIN = 0.995


class Says(Protocol):
    """A page with named lines."""

    def item(self, name: str, words: str, *, style: str = "") -> None: ...


def say_choice(page: Says, choice: Choice, units: Mapping[str, str]) -> None:
    """Its rule, what it promises, how sure that is, and the known trials behind it. `units` by outcome."""
    if choice.rule in _RULES:
        page.item("proposed", _RULES[choice.rule])
    for name, estimate in sorted(choice.predicted.items()):
        page.item("predicted", f"{name} {estimate.mean:.4g} ± {estimate.std:.2g} {estimate.unit} (of a measurement)")
    if choice.promise is not None and choice.uncertainty is not None:
        page.item(
            "improvement",
            f"{choice.promise + choice.uncertainty:.3g} expected: {choice.promise:.3g} promise (if the model's mean "
            f"were the truth), {choice.uncertainty:.3g} that only its doubt offers",
        )
    if choice.feasibility < _CERTAIN:
        page.item("feasible", f"{choice.feasibility:.0%} that it gives something within the limits")
    for i, one in enumerate(choice.nearest):
        page.item("known" if i == 0 else "", _near(choice, one, units))


def _near(choice: Choice, one: Neighbour, units: Mapping[str, str]) -> str:
    other = {name: value for name, value in one.setting.items() if value != choice.setting[name]}
    results = ", ".join(f"{name} {value:.4g} {units.get(name, '')}".rstrip() for name, value in one.values.items())
    where = f"with {in_words(other)}" if other else "the same setting"
    return f"{where}: {results} (likeness {one.likeness:.2f})"
