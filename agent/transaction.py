"""What a handler may do: change state, ask for effects and emit events, all inside one store transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, text
from sqlmodel import Session, col, select

from agent.campaign import CampaignSpec
from agent.lifecycle import TERMINAL, UNCHARGED, Phase, State, check
from knowledge.records.base import Record, canonical_json
from knowledge.store import log
from knowledge.store.tables import Campaign, Experiment, Hold, Iteration, ModelVersion, Notification, Work

ENGINE = "athanor"  # the name under which the loop itself proposes, moves and writes


class Transaction:
    """One commit. Events emitted here are handled before it ends, so a cascade is never half done."""

    def __init__(self, session: Session, at: str, spec_of: Callable[[Session, str], CampaignSpec]) -> None:
        self.session = session
        self.at = at
        self.queue: deque[log.Happened] = deque()
        self._spec_of = spec_of
        self._experiments: dict[str, Experiment] = {}
        self._campaigns: dict[str, Campaign] = {}

    # -- reading ------------------------------------------------------------------------------------------------------

    def spec(self, campaign_id: str) -> CampaignSpec:
        return self._spec_of(self.session, campaign_id)

    def campaign(self, campaign_id: str) -> Campaign:
        if campaign_id not in self._campaigns:
            self._campaigns[campaign_id] = self.session.exec(select(Campaign).where(Campaign.id == campaign_id)).one()
        return self._campaigns[campaign_id]

    def experiment(self, experiment_id: str) -> Experiment:
        if experiment_id not in self._experiments:
            query = select(Experiment).where(Experiment.id == experiment_id)
            self._experiments[experiment_id] = self.session.exec(query).one()
        return self._experiments[experiment_id]

    def experiments_in(self, *states: State) -> list[Experiment]:
        """Experiments of every campaign in these states, in a fixed order: oldest batch first."""
        query = (
            select(Experiment)
            .where(col(Experiment.state).in_([s.value for s in states]))
            .order_by(
                col(Experiment.campaign_id), col(Experiment.iteration), col(Experiment.ordinal), col(Experiment.id)
            )
        )
        found = []
        for row in self.session.exec(query):
            found.append(self._experiments.setdefault(row.id, row))
        return found

    def held(self, scope: str, subject: str) -> bool:
        query = select(Hold.id).where(Hold.released_at == None, Hold.scope == scope, Hold.subject == subject)  # noqa: E711
        return self.session.exec(query).first() is not None

    # -- writing ------------------------------------------------------------------------------------------------------

    def emit(self, campaign_id: str, kind: str, subject: str, by: str = ENGINE, **body: Any) -> log.Happened:
        happened = log.append(self.session, campaign_id, kind, subject, body, by=by, at=self.at)
        self.queue.append(happened)
        return happened

    def put(self, kind: str, record: Record | dict[str, Any] | list[Any]) -> str:
        return log.put(self.session, kind, record)

    def add(self, *rows: Any) -> None:
        self.session.add_all(rows)
        for row in rows:
            if isinstance(row, Experiment):
                self._experiments[row.id] = row

    def move(self, experiment: Experiment, to: State, why: str = "") -> None:
        """Raises IllegalMove. The end of a batch's last experiment is an event of its own."""
        before = State(experiment.state)
        check(before, to)
        experiment.state = to
        experiment.updated_at = self.at
        if why:
            experiment.outcome = why
        self.session.add(experiment)
        self.session.flush()
        self.emit(experiment.campaign_id, "experiment.moved", experiment.id, **{"from": before, "to": to, "why": why})
        if to in TERMINAL:
            if to in UNCHARGED:
                campaign = self.campaign(experiment.campaign_id)
                campaign.spent -= 1
                self.session.add(campaign)
            self._settle(experiment)

    def born(self, experiment: Experiment) -> None:
        """A new experiment: charged to the budget and counted in its batch."""
        campaign = self.campaign(experiment.campaign_id)
        campaign.spent += 1
        batch = self.iteration(experiment.campaign_id, experiment.iteration)
        batch.open_experiments += 1
        self.session.add_all([campaign, batch])
        self.add(experiment)
        self.session.flush()
        self.emit(
            experiment.campaign_id,
            "experiment.proposed",
            experiment.id,
            smiles=experiment.smiles,
            by_whom=experiment.proposer,
        )

    def iteration(self, campaign_id: str, number: int) -> Iteration:
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
        query = select(Experiment.id).where(
            Experiment.campaign_id == campaign_id, Experiment.iteration == iteration, Experiment.state == State.CLOSED
        )
        return self.session.exec(query).first() is not None

    def proposal_of(self, campaign_id: str, number: int) -> str | None:
        query = select(Iteration.proposal).where(Iteration.campaign_id == campaign_id, Iteration.number == number)
        return self.session.exec(query).first()

    def references_used(self, campaign_id: str) -> int:
        """Experiments on bought molecules that were charged to the budget."""
        query = select(func.count(col(Experiment.id))).where(
            Experiment.campaign_id == campaign_id,
            col(Experiment.reference).is_(True),
            col(Experiment.state).not_in([s.value for s in UNCHARGED]),
        )
        return int(self.session.exec(query).one())

    def finish_campaign(self, campaign_id: str, phase: Phase, why: str) -> None:
        campaign = self.campaign(campaign_id)
        if Phase(campaign.state).ended:
            return
        campaign.state, campaign.outcome, campaign.ended_at = phase, why, self.at
        self.session.add(campaign)
        self.session.flush()
        self.emit(campaign_id, "campaign.ended", campaign_id, phase=phase, why=why)
        self.notify(campaign_id, f"campaign {campaign_id} {phase}: {why}")

    def _settle(self, experiment: Experiment) -> None:
        batch = self.iteration(experiment.campaign_id, experiment.iteration)
        batch.open_experiments -= 1
        if batch.open_experiments == 0:
            batch.state, batch.closed_at = "CLOSED", self.at
            self.emit(
                experiment.campaign_id,
                "batch.closed",
                f"{experiment.campaign_id}/{batch.number}",
                iteration=batch.number,
            )
        self.session.add(batch)
        self.session.flush()

    def request(self, name: str, campaign_id: str, subject: str, **body: Any) -> None:
        """Ask for a computation; it starts after this transaction has committed."""
        number = (
            int(self.session.connection().execute(text("SELECT coalesce(max(id), 0) FROM effect")).scalar_one()) + 1
        )
        self.add(
            Work(
                id=number,
                campaign_id=campaign_id,
                name=name,
                subject=subject,
                body=canonical_json(body),
                state="PENDING",
                at=self.at,
            )
        )
        self.session.flush()

    def hold(self, campaign_id: str | None, scope: str, subject: str, reason: str) -> None:
        """A stop sign, once per subject and reason, with word to the operators."""
        query = select(Hold).where(
            Hold.released_at == None,  # noqa: E711
            Hold.scope == scope,
            Hold.subject == subject,
            Hold.reason == reason,
        )
        if self.session.exec(query).first() is not None:
            return
        self.add(Hold(campaign_id=campaign_id, scope=scope, subject=subject, reason=reason, at=self.at))
        self.session.flush()
        self.emit(campaign_id or "", "hold.raised", subject, scope=scope, reason=reason)
        self.notify(campaign_id or "", f"{scope} {subject} is on hold: {reason}")

    def notify(self, campaign_id: str, words: str) -> None:
        self.add(Notification(campaign_id=campaign_id, text=words, at=self.at))
