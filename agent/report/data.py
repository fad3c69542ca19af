"""What a report is made of: plain records, filled from the store by whoever asks for a report.

Everything but the goal and the provenance may be missing or empty: a report can be made of a campaign just begun, and
of one that was aborted. Values are in the units of `knowledge.records.properties`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from knowledge.records.base import Record
from knowledge.records.candidate import Candidate
from knowledge.records.hazard import HazardReport
from knowledge.records.measurement import Measurement
from knowledge.records.objective import Constraint, Objective
from knowledge.records.procedure import Procedure
from knowledge.records.route import Route


class Reference(Record):
    """The compound to be replaced. `values` by property name, as far as they are known, with where they come from."""

    name: str
    smiles: str
    values: dict[str, float] = {}
    source: str = ""


class Goal(Record):
    """The campaign's goal. `rules` are whole sentences for what no number says: "At most 3 steps from stock."."""

    name: str
    title: str
    description: str = ""
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    rules: tuple[str, ...] = ()
    budget: int
    batch_size: int
    reference: Reference | None = None


class ReviewDecision(Record):
    """`automatic`: a policy decided, not a person. `covers` is the SHA-256 of what was decided upon."""

    verdict: Literal["approved", "rejected", "expired"]
    by: str
    at: AwareDatetime
    automatic: bool
    reason: str = ""
    covers: str = ""


class ExperimentReport(Record):
    """One experiment. `label` is short and unique in the report, such as "E07"; `state` is `agent.lifecycle`'s word.

    `procedures` and `isolated_yields` (fractions; None where unknown) follow `route.steps`. `measurements` are the
    current ones, without those that a later one superseded. `failure` says in words why it did not end as planned.
    `hazards` is None when nobody has screened it yet. `lab_hours` is time on the lab's clock. `parent`: label of the
    experiment that it repeats or varies; `varied`: what other conditions it tries, and after what.
    """

    label: str
    id: str
    iteration: int
    state: str
    candidate: Candidate
    route: Route | None = None
    procedures: tuple[Procedure, ...] = ()
    isolated_yields: tuple[float | None, ...] = ()
    protocol_sha256: str = ""
    hazards: HazardReport | None = None
    decision: ReviewDecision | None = None
    measurements: tuple[Measurement, ...] = ()
    failure: str = ""
    lab_hours: float | None = None
    parent: str = ""
    varied: str = ""


class ProspectiveError(Record):
    """Error of a model on measurements that it had not seen.

    `mae` is the mean absolute error in the property's unit, or of the natural logarithm where the property's scale is
    LOG (0.10 is then about 10 %). `inside_90` of `count` measurements lay inside the predicted 90 % interval.
    """

    property: str
    count: int = Field(ge=1)
    mae: float = Field(ge=0)
    inside_90: int | None = None


class IterationReport(Record):
    """`considered` molecules were looked at, `filtered` counts those dropped by reason, the rest was chosen from."""

    index: int
    considered: int | None = None
    filtered: dict[str, int] = {}
    chosen: int = 0
    errors: tuple[ProspectiveError, ...] = ()
    note: str = ""


class HypervolumePoint(Record):
    """After `experiments` finished experiments, at the end of `iteration`."""

    iteration: int
    experiments: int
    value: float


class BaselinePoint(Record):
    """The same for `ReportData.baseline_runs` random campaigns: mean, 10th and 90th percentile over the runs."""

    iteration: int
    experiments: int
    mean: float
    low: float
    high: float


class ModelVersion(Record):
    """A fitted set of models: what it was fitted on and how it can be fitted again."""

    version: str
    iteration: int
    kind: str
    properties: tuple[str, ...]
    rows: int
    data_sha256: str
    seed: int


class Provenance(Record):
    config_sha256: str
    seed: int
    versions: dict[str, str] = {}
    events: int = 0
    event_head: str = ""
    store: str = ""
    command: str = ""


class ReportData(Record):
    """All of one report. `names` gives a common name by canonical SMILES where one is known.

    `status` is what the campaign is doing ("running", "paused", "finished", "stopped", "aborted" ...).
    """

    goal: Goal
    status: str
    status_note: str = ""
    lab: str
    lab_simulated: bool
    experiments: tuple[ExperimentReport, ...] = ()
    iterations: tuple[IterationReport, ...] = ()
    hypervolume: tuple[HypervolumePoint, ...] = ()
    baseline: tuple[BaselinePoint, ...] = ()
    baseline_runs: int = 0
    baseline_note: str = ""
    models: tuple[ModelVersion, ...] = ()
    names: dict[str, str] = {}
    provenance: Provenance
    generated_at: AwareDatetime
