"""What a handler may do: change state, ask for effects and emit events, all inside one store transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session, SQLModel, col, select

from agent.board import HOT, Board, Writes
from agent.lifecycle import TERMINAL, UNCHARGED, Phase, State, check
from agent.specs import AnySpec
from knowledge.records.base import Record, canonical_json
from knowledge.store import log
from knowledge.store.tables import (
    Campaign,
    Experiment,
    Hold,
    Iteration,
    ModelVersion,
    Notification,
    Work,
)

_INHERITED = ("campaign_id", "iteration", "ordinal", "smiles", "inchikey", "candidate", "proposer", "reference")
ENGINE = "athanor"  # the name under which the loop itself proposes, moves and writes


class Transaction:
    """One commit. Events emitted here are handled before it ends, so a cascade is never half done.

    Rows that are under way live on the board; what a handler changes is written in few statements by `flush`, which any
    query that must see it has to call first.
    """

    def __init__(
        self,
        session: Session,
        board: Board,
        head: tuple[int, str],
        at: str,
        spec_of: Callable[[Session, str], AnySpec],
    ) -> None:
        self.session = session
        self.board = board
        self.at = at
        self.queue: deque[log.Happened] = deque()
        self._chain = log.Chain(*head)
        self._spec_of = spec_of
        self._writes = Writes()
        self._others: dict[str, Experiment] = {}

    @property
    def connection(self) -> Connection:
        return self.session.connection()

    # -- reading ------------------------------------------------------------------------------------------------------

    def spec(self, campaign_id: str) -> AnySpec:
        return self._spec_of(self.session, campaign_id)

    def campaign(self, campaign_id: str) -> Campaign:
        """Active ones from the board, ended ones from the store."""
        if campaign_id in self.board.campaigns:
            return self.board.campaigns[campaign_id]
        return self.session.exec(select(Campaign).where(Campaign.id == campaign_id)).one()

    def experiment(self, experiment_id: str) -> Experiment:
        if experiment_id in self.board.experiments:
            return self.board.experiments[experiment_id]
        if experiment_id not in self._others:
            query = select(Experiment).where(Experiment.id == experiment_id)
            self._others[experiment_id] = self.session.exec(query).one()
        return self._others[experiment_id]

    def experiments_in(self, *states: State) -> list[Experiment]:
        """Experiments of every campaign in these states, in a fixed order: oldest batch first."""
        return self.board.in_states(states)

    def held(self, scope: str, subject: str) -> bool:
        return self.board.held(scope, subject)

    # -- writing ------------------------------------------------------------------------------------------------------

    def emit(self, campaign_id: str, kind: str, subject: str, by: str = ENGINE, **body: Any) -> log.Happened:
        happened, row = self._chain.link(campaign_id, kind, subject, body, by=by, at=self.at)
        self._writes.log(row)
        self.queue.append(happened)
        return happened

    def put(self, kind: str, record: Record | dict[str, Any] | list[Any]) -> str:
        return log.put(self.session, kind, record)

    def add(self, *rows: SQLModel) -> None:
        """New or changed rows."""
        for row in rows:
            if type(row) in HOT:
                self._writes.add(row, new=self.board.take(row))
            else:
                self.session.add(row)

    def free(self, resource: str) -> None:
        """End a lease."""
        if self.board.leases.pop(resource, None) is not None:
            self._writes.free(resource)

    def flush(self) -> None:
        """Send everything to the database, still inside the transaction."""
        self._writes.flush(self.connection)
        self.session.flush()

    def close(self, cursor: log.Cursor) -> None:
        """The last statements before the commit: what is unwritten, the head of the log, the cursor."""
        self.flush()
        self._chain.write_head(self.connection)
        cursor.move(self.session, self._chain.event_id)
        self.board.tidy()

    def move(self, experiment: Experiment, to: State, why: str = "") -> None:
        """Raises IllegalMove. The end of a batch's last experiment is an event of its own."""
        before = State(experiment.state)
        check(before, to)
        experiment.state = to
        experiment.updated_at = self.at
        if why:
            experiment.outcome = why
        self.add(experiment)
        self.emit(experiment.campaign_id, "experiment.moved", experiment.id, **{"from": before, "to": to, "why": why})
        if to in TERMINAL:
            if to in UNCHARGED:
                campaign = self.campaign(experiment.campaign_id)
                campaign.spent -= 1
                campaign.bought -= experiment.reference
                self.add(campaign)
            self._settle(experiment)

    def born_of(self, parent: Experiment, experiment_id: str, **other: Any) -> Experiment:
        """A child of `parent` in the same batch: the same proposal, but for what is said in `other`."""
        same = {name: getattr(parent, name) for name in _INHERITED}
        child = Experiment(
            id=experiment_id,
            parent_id=parent.id,
            state=State.PROPOSED,
            created_at=self.at,
            updated_at=self.at,
            **{**same, **other},
        )
        self.born(child)
        return child

    def born(self, experiment: Experiment) -> None:
        """A new experiment: charged to the budget and counted in its batch."""
        campaign = self.campaign(experiment.campaign_id)
        campaign.spent += 1
        campaign.bought += experiment.reference
        batch = self.iteration(experiment.campaign_id, experiment.iteration)
        batch.open_experiments += 1
        self.add(campaign, batch, experiment)
        self.emit(
            experiment.campaign_id,
            "experiment.proposed",
            experiment.id,
            smiles=experiment.smiles,
            by_whom=experiment.proposer,
        )

    def iteration(self, campaign_id: str, number: int) -> Iteration:
        """A batch that is not closed, from the board; a closed one from the store, to be read only."""
        if (campaign_id, number) in self.board.iterations:
            return self.board.iterations[campaign_id, number]
        query = select(Iteration).where(Iteration.campaign_id == campaign_id, Iteration.number == number)
        return self.session.exec(query).one()

    def latest_model(self, campaign_id: str) -> ModelVersion | None:
        query = (
            select(ModelVersion)
            .where(ModelVersion.campaign_id == campaign_id)
            .order_by(col(ModelVersion.number).desc())
        )
        return self.session.exec(query).first()

    def any_closed(self, campaign_id: str, iteration: int) -> bool:
        """Whether an experiment of that batch brought a result."""
        self.flush()
        query = select(Experiment.id).where(
            Experiment.campaign_id == campaign_id, Experiment.iteration == iteration, Experiment.state == State.CLOSED
        )
        return self.session.exec(query).first() is not None

    def proposal_of(self, campaign_id: str, number: int) -> str | None:
        query = select(Iteration.proposal).where(Iteration.campaign_id == campaign_id, Iteration.number == number)
        return self.session.exec(query).first()

    def finish_campaign(self, campaign_id: str, phase: Phase, why: str) -> None:
        campaign = self.campaign(campaign_id)
        if Phase(campaign.state).ended:
            return
        campaign.state, campaign.outcome, campaign.ended_at = phase, why, self.at
        self.add(campaign)
        self.emit(campaign_id, "campaign.ended", campaign_id, phase=phase, why=why)
        self.notify(campaign_id, f"campaign {campaign_id} {phase}: {why}")

    def _settle(self, experiment: Experiment) -> None:
        batch = self.iteration(experiment.campaign_id, experiment.iteration)
        batch.open_experiments -= 1
        if batch.open_experiments == 0:
            batch.state, batch.closed_at = "CLOSED", self.at
            subject = f"{experiment.campaign_id}/{batch.number}"
            self.emit(experiment.campaign_id, "batch.closed", subject, iteration=batch.number)
        self.add(batch)

    def request(self, name: str, campaign_id: str, subject: str, **body: Any) -> None:
        """Ask for a computation; it starts after this transaction has committed."""
        self.board.last_work += 1
        self.add(
            Work(
                id=self.board.last_work,
                campaign_id=campaign_id,
                name=name,
                subject=subject,
                body=canonical_json(body),
                state="PENDING",
                at=self.at,
            )
        )

    def hold(self, campaign_id: str | None, scope: str, subject: str, reason: str) -> None:
        """A stop sign, once per subject and reason, with word to the operators."""
        if any(h.scope == scope and h.subject == subject and h.reason == reason for h in self.board.holds.values()):
            return
        self.add(Hold(campaign_id=campaign_id, scope=scope, subject=subject, reason=reason, at=self.at))
        self.emit(campaign_id or "", "hold.raised", subject, scope=scope, reason=reason)
        self.notify(campaign_id or "", f"{scope} {subject} is on hold: {reason}")

    def notify(self, campaign_id: str, words: str) -> None:
        self.add(Notification(campaign_id=campaign_id, text=words, at=self.at))
