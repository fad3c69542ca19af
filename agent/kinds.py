"""What differs between kinds of campaign, behind one set of functions; the loop itself asks no further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from agent.conditions.spec import ConditionsSpec
from agent.specs import AnySpec
from agent.transaction import Transaction
from knowledge.store.tables import Campaign, Experiment

if TYPE_CHECKING:
    from agent.stages.contract import Inputs


class Kind(Protocol):
    """`learn`, `propose` and `plan` are the pure computations of the stages of these names (`agent.stages`)."""

    def learn(self, inputs: Inputs) -> dict[str, Any]:
        """{"models": {"data_hash", ...}, "prospective_error": {property: error}, "observed": n}."""
        ...

    def propose(self, inputs: Inputs) -> dict[str, Any]:
        """{"chosen": candidates, "filtered": {reason: n}, ...}; "why" says why nothing was chosen."""
        ...

    def plan(self, inputs: Inputs) -> dict[str, Any]:
        """{"route", "procedures", "protocol", "reason"}; without a route only the reason says more."""
        ...

    def size(self, spec: AnySpec, campaign: Campaign) -> int:
        """How many experiments the next batch has, budget permitting."""
        ...

    def question(self, tx: Transaction, spec: AnySpec, campaign: Campaign) -> dict[str, Any]:
        """What a proposal depends on beside the log: what is under way in the lab, and what is left."""
        ...

    def lessons(self, tx: Transaction, experiment: Experiment, said: Mapping[str, Any]) -> list[tuple[str, str]]:
        """(kind, value) of each restriction that a rejection leaves behind; `said`: the decision's `reason`, `forbid`
        and `prefer`.
        """
        ...

    def check_forbidden(self, spec: AnySpec, reason: str, forbid: str) -> None:
        """Raises ValueError for what `forbid` cannot say about such a campaign."""
        ...

    def check_preferred(self, spec: AnySpec, prefer: str) -> None:
        """Raises ValueError for what `prefer` cannot say about such a campaign."""
        ...


def by_kind(spec: AnySpec) -> Kind:
    """Imported when asked for: either brings libraries that the other does without."""
    if isinstance(spec, ConditionsSpec):
        from agent.conditions import kind as conditions

        return conditions
    from agent import molecules

    return molecules
