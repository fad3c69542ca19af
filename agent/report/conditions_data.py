"""What the report of a conditions campaign is made of: plain data, filled by whoever asks for it.

Values are in the campaign's units (`units` by outcome), measurements in their properties' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.report.data import Goal, ProspectiveError, Provenance, ReviewDecision
from knowledge.records.measurement import Measurement
from knowledge.records.reaction import Reaction
from knowledge.records.space import Setting, Space
from knowledge.records.trial import Choice
from planners.optimize.insight.influence import Influence
from planners.optimize.insight.slices import Surface
from planners.optimize.insight.stopping import Advice


@dataclass(frozen=True)
class ConditionsExperiment:
    """`setting`: as it was, or is to be, carried out; `choice` as it was proposed. `values` of the outcomes that can be
    trusted; `failed`: the chemistry gave nothing. `known_best`: the best value before its batch was proposed.
    """

    label: str
    id: str
    iteration: int
    state: str
    choice: Choice
    setting: Setting
    values: Mapping[str, float]
    measurements: Mapping[str, Measurement]
    failed: bool
    failure: str
    known_best: float | None
    decision: ReviewDecision | None


@dataclass(frozen=True)
class Batch:
    """`words`: by what it was chosen. `advice`: what the stopping rules said before it."""

    index: int
    words: str
    chosen: int
    advice: tuple[Advice, ...]
    errors: tuple[ProspectiveError, ...]


@dataclass(frozen=True)
class Lesson:
    """What an operator's rejection taught. `until`: the last batch that obeys it; None: all."""

    kind: str
    words: str
    reason: str
    experiment: str
    until: int | None


@dataclass(frozen=True)
class Insight:
    """One objective as the model sees it after the last result."""

    outcome: str
    unit: str
    influences: tuple[Influence, ...]
    surface: Surface | None


@dataclass(frozen=True)
class ConditionsData:
    """All of one report. `rules`: what the campaign's file forbids, in words. `note`: why a picture is missing."""

    goal: Goal
    status: str
    status_note: str
    lab: str
    reaction: Reaction
    space: Space
    settings: int | None
    rules: tuple[str, ...]
    units: Mapping[str, str]
    experiments: tuple[ConditionsExperiment, ...]
    batches: tuple[Batch, ...]
    lessons: tuple[Lesson, ...]
    insights: tuple[Insight, ...]
    note: str
    provenance: Provenance
    generated_at: datetime
