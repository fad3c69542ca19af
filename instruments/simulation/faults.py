"""Which commands are struck by which fault: decided from the lab's seed and the command's id alone."""

from __future__ import annotations

from collections.abc import Sequence

from instruments.simulation.chance import uniform
from instruments.simulation.config import FaultKind, FaultRule
from instruments.simulation.journal import Journal
from knowledge.records.measurement import Artifact

SECONDS_PER_DAY = 86400.0


def rule_name(position: int, rule: FaultRule) -> str:
    """How a journal calls the rule."""
    return f"{position}:{rule.kind.value}"


def aims_at(position: int, rule: FaultRule, seed: int, command_id: str, action: str) -> bool:
    """Whether the rule is meant for this command, however often it has struck before."""
    if rule.command_ids and command_id not in rule.command_ids:
        return False
    if rule.actions and action not in rule.actions:
        return False
    return uniform(seed, "fault", position, rule.kind.value, command_id) < rule.probability


def due(
    rules: Sequence[FaultRule], seed: int, journal: Journal, command_id: str, action: str
) -> tuple[str, FaultRule] | None:
    """The first rule, drift and disconnection aside, that strikes this command now, with its name."""
    for position, rule in enumerate(rules):
        if rule.kind in (FaultKind.DRIFT, FaultKind.DISCONNECT):
            continue
        if aims_at(position, rule, seed, command_id, action):
            name = rule_name(position, rule)
            if rule.at_most is None or journal.strikes(name) < rule.at_most:
                return name, rule
    return None


def drift_factor(rules: Sequence[FaultRule], seed: int, action: str, now_s: float) -> float:
    """What a reading is multiplied by."""
    factor = 1.0
    for position, rule in enumerate(rules):
        if rule.kind is FaultKind.DRIFT and aims_at(position, rule, seed, "", action):
            factor *= 1.0 + rule.rate_per_day * now_s / SECONDS_PER_DAY
    return factor


def damaged(artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
    """The same artifacts, cut off in the middle and overwritten at the head, as a failing disk leaves them."""
    return tuple(
        artifact.model_copy(update={"data": b"\x00" * 16 + artifact.data[16 : len(artifact.data) // 2]})
        for artifact in artifacts
    )
