"""A lab that carries nothing out: its stations answer a reaction's conditions with what a user's table had recorded.

The robots are simulated, the results are not: each was measured once, and is marked as replayed. Conditions that the
table does not have end as chemistry that cannot be answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instruments.analysis.signal import MEDIA_TYPE, encode
from instruments.bench import Bench
from instruments.driver import OperationEstimate, Rejected
from instruments.simulation.chance import Generator
from instruments.simulation.clock import VirtualClock
from instruments.simulation.config import FaultRule, LabConfigError, ReplayConfig
from instruments.simulation.journal import Journal
from instruments.simulation.lab import furnished
from instruments.simulation.robot import Outcome, Robot, chemical_failure
from instruments.simulation.world import Room, Vessel
from knowledge.records.measurement import Artifact, Source
from knowledge.records.properties import get_property
from knowledge.records.protocol import Operation, RunReaction
from knowledge.records.space import Space
from knowledge.sources.conditions_table import BadConditionsTable
from knowledge.sources.recorded_results import NoSuchValues, Recorded, read_recorded

ASSAY_S = 1800.0
_REFUSAL_S = 60.0


class Archive(Room):
    """A room whose chemistry is a table."""

    def __init__(
        self, config: ReplayConfig, results: Recorded, faults: Sequence[FaultRule], clock: VirtualClock
    ) -> None:
        super().__init__(config.seed, faults, clock)
        self.config = config
        self.results = results


class ReactionStation(Robot[Archive]):
    """Charges, holds and assays one reaction at a time."""

    kind = "reaction_station"
    model = "Athanor replay station"
    actions = ("run_reaction",)

    def _estimate(self, operation: Operation) -> OperationEstimate:
        assert isinstance(operation, RunReaction)
        missing = [name for name in self._world.results.space.names if name not in operation.setting]
        if missing:
            raise Rejected(f"{self.name}: the setting does not say '{missing[0]}'")
        for name in operation.outcomes:
            if name not in self._world.config.outcomes:
                told = ", ".join(self._world.config.outcomes)
                raise Rejected(f"{self.name} has no results for '{name}'; it has: {told}")
        return OperationEstimate(duration_s=operation.duration.magnitude("second") + ASSAY_S)

    def _perform(self, operation: Operation, vessel: Vessel, chance: Generator, drift: float) -> Outcome:
        assert isinstance(operation, RunReaction)
        config, table = self._world.config, self._world.results.table
        trial = self._world.results.at(operation.setting)
        told = {} if trial is None else {n: c for n, c in config.outcomes.items() if c.column in trial.values}
        if trial is None or not any(name in told for name in operation.outcomes):
            return chemical_failure(_REFUSAL_S, f"{config.table} has no result for these conditions")
        metadata = {
            "units": {name: how.unit or get_property(name).unit for name, how in told.items()},
            "stds": {name: how.std for name, how in told.items() if how.std is not None},
            "truth": f"{config.table} (SHA-256 {config.content[:12]})",
            "settings": len(table.trials),
        }
        arrays = {name: [trial.values[how.column] * drift] for name, how in told.items()}
        artifact = Artifact(
            kind="reaction_assay", media_type=MEDIA_TYPE, data=encode(arrays, metadata), source=Source.REPLAY
        )
        return Outcome(duration_s=self._estimate(operation).duration_s, artifacts=(artifact,))


def station_names(config: ReplayConfig) -> tuple[str, ...]:
    return tuple(f"reaction-station-{n}" for n in range(1, config.stations + 1))


def open_replay_lab(config: ReplayConfig, folder: Path, table: Path, space: Space) -> Bench:
    """The lab of this folder, as it was left, or a new one. `table`: the file; `space`: the words of the settings.

    Raises LabConfigError when the table cannot answer in them, or when the folder belongs to another seed or cannot be
    written.
    """
    try:
        results = read_recorded(
            table,
            space,
            columns={name: how.column for name, how in config.parameters.items()},
            units={name: how.unit for name, how in config.parameters.items() if how.unit is not None},
            outcomes={name: how.column for name, how in config.outcomes.items()},
        )
    except (BadConditionsTable, NoSuchValues) as error:
        raise LabConfigError(f"{config.table}: {error}") from None
    except OSError as error:
        raise LabConfigError(f"{config.table}: cannot be read: {error.strerror}") from None
    clock, journals = furnished(folder, config.seed, station_names(config))
    room = Archive(config, results, config.faults, clock)
    return Bench([_station(name, room, journal) for name, journal in journals.items()], clock, simulated=True)


def _station(name: str, room: Archive, journal: Journal) -> ReactionStation:
    room.journals.append(journal)
    return ReactionStation(name, room, journal)
