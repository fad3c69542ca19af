"""What a campaign had learned at a moment of its log: the same moment always gives the same data."""

from __future__ import annotations

from sqlmodel import Session, col, select

from agent.lifecycle import State
from knowledge.records.base import Record
from knowledge.records.fact import Fact, Kind
from knowledge.records.measurement import Measurement
from knowledge.records.molecule import Molecule
from knowledge.store.tables import Command, Event, Experiment, MeasurementRow, Restriction

MAKING = frozenset({"purity", "reaction_yield", "isolated_mass"})
"""Properties that say how the making went, not what was made."""
IMPURE = "impure sample"
_CHEMISTRY = "chemistry"


class Observed(Record):
    """One experiment's trusted values by property name, in the table's units."""

    experiment_id: str
    iteration: int
    smiles: str
    reference: bool
    values: dict[str, float]
    stds: dict[str, float]


class Rule(Record):
    """A restriction in force: `kind` is molecule, similar or substructure."""

    kind: str
    value: str


class Snapshot(Record):
    """`failed`: SMILES of what was to be made and gave nothing to measure, by its chemistry; never that of a robot."""

    observed: tuple[Observed, ...]
    failed: tuple[str, ...] = ()
    seen: tuple[str, ...]  # SMILES of earlier batches that must not be proposed again
    rules: tuple[Rule, ...]

    def facts(self) -> dict[str, list[Fact]]:
        """Measured values as facts by property."""
        facts: dict[str, list[Fact]] = {}
        for one in self.observed:
            molecule = Molecule.from_smiles(one.smiles)
            for name in sorted(one.values):
                facts.setdefault(name, []).append(
                    Fact(
                        smiles=molecule.smiles,
                        inchikey=molecule.inchikey,
                        property=name,
                        value=one.values[name],
                        std=one.stds[name],
                        source=one.experiment_id,
                        kind=Kind.MEASURED_HERE,
                    )
                )
        return facts


def take(session: Session, campaign_id: str, *, as_of: int, before_iteration: int) -> Snapshot:
    """Measurements up to event `as_of`; molecules and rules from batches before `before_iteration`."""
    experiments = {
        e.id: e
        for e in session.exec(
            select(Experiment)
            .where(Experiment.campaign_id == campaign_id, Experiment.iteration < before_iteration)
            .order_by(col(Experiment.iteration), col(Experiment.ordinal), col(Experiment.id))
        )
    }
    values: dict[str, dict[str, Measurement]] = {}
    rows = session.exec(
        select(MeasurementRow)
        .where(MeasurementRow.campaign_id == campaign_id, MeasurementRow.event_id <= as_of)
        .order_by(col(MeasurementRow.id))
    )
    for row in rows:  # in log order, so a later measurement supersedes
        if row.experiment_id in experiments:
            values.setdefault(row.experiment_id, {})[row.property] = Measurement.from_canonical(row.body)
    observed = []
    for experiment in experiments.values():
        trusted = {n: m for n, m in values.get(experiment.id, {}).items() if m.qc_flag is None}
        if trusted:
            observed.append(
                Observed(
                    experiment_id=experiment.id,
                    iteration=experiment.iteration,
                    smiles=experiment.smiles,
                    reference=experiment.reference,
                    values={n: m.value for n, m in trusted.items()},
                    stds={n: m.std for n, m in trusted.items()},
                )
            )
    failed = _failed(session, campaign_id, as_of, experiments, values)
    restrictions = list(
        session.exec(
            select(Restriction)
            .where(Restriction.campaign_id == campaign_id, Restriction.event_id <= as_of)
            .order_by(col(Restriction.id))
        )
    )
    # What was only unavailable, or never decided upon in time, may come again; a mask keeps it away while it lasts.
    again = {r.experiment_id for r in restrictions if r.until_iteration is not None}
    return Snapshot(
        observed=tuple(observed),
        failed=failed,
        seen=tuple(sorted({e.smiles for e in experiments.values() if e.id not in again and e.state != State.EXPIRED})),
        rules=tuple(
            Rule(kind=r.kind, value=r.value)
            for r in restrictions
            if r.until_iteration is None or r.until_iteration >= before_iteration
        ),
    )


def _failed(
    session: Session,
    campaign_id: str,
    as_of: int,
    experiments: dict[str, Experiment],
    values: dict[str, dict[str, Measurement]],
) -> tuple[str, ...]:
    """SMILES of those made in none of their experiments that were analysed by event `as_of`."""
    analysed = set(
        session.exec(
            select(Event.subject).where(
                Event.campaign_id == campaign_id, Event.kind == "experiment.analysed", Event.id <= as_of
            )
        )
    )
    faulty = set(
        session.exec(
            select(Command.experiment_id).where(Command.campaign_id == campaign_id, Command.fault == _CHEMISTRY)
        )
    )
    gave: dict[str, bool] = {}
    for experiment in experiments.values():
        if experiment.id not in analysed or experiment.reference:
            continue
        of_it = [m for n, m in values.get(experiment.id, {}).items() if n not in MAKING]
        good = any(m.qc_flag is None for m in of_it)
        if good or experiment.id in faulty or any(m.qc_flag == IMPURE for m in of_it):
            gave[experiment.smiles] = gave.get(experiment.smiles, False) or good
    return tuple(sorted(smiles for smiles, good in gave.items() if not good))
