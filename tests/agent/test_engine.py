"""The engine on real chemistry: the way of an experiment, holds, reviews, faults, aborts, two campaigns in a store."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from agent import desk, devices, summary
from agent.lifecycle import TERMINAL, Phase, State, Wants
from agent.stages.review import later
from instruments.simulation.config import LabConfig
from instruments.simulation.journal import executions
from instruments.simulation.lab import open_virtual_lab
from knowledge.records.protocol import Dispense, MeasureSolvency
from knowledge.records.quantity import Quantity
from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store, now_iso
from knowledge.store.tables import (
    Campaign,
    Command,
    Decision,
    Experiment,
    Hold,
    Lease,
    MeasurementRow,
    ModelVersion,
    Notification,
    OperatorTask,
    Reservation,
    Restriction,
    ReviewRequest,
    SignalFile,
)
from tests.agent.laboratory import engine, finished, small


def rows(session: Session, table: type) -> list:
    return list(session.exec(select(table)))


def lab_executions(store: Store) -> list:
    return [e for folder in sorted((store.folder / "labs").iterdir()) for e in executions(folder)]


def states(store: Store) -> Counter:
    with store.read() as session:
        return Counter(session.exec(select(Experiment.state)))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Store:
    with finished(tmp_path_factory.mktemp("done"), small()) as store:
        yield store


def test_a_campaign_runs_to_its_end(done: Store) -> None:
    with done.read() as session:
        campaign = session.exec(select(Campaign)).one()
        assert (campaign.state, campaign.outcome) == (Phase.FINISHED, "budget spent")
        assert campaign.spent == 4
        assert {State(e.state) for e in rows(session, Experiment)} <= TERMINAL
        assert len(rows(session, ModelVersion)) == campaign.iteration + 1
        assert log.verify(session) > 50
        assert [lease.resource for lease in rows(session, Lease)] == ["engine"]


def test_every_value_is_marked_with_where_it_came_from(done: Store) -> None:
    with done.read() as session:
        measured = rows(session, MeasurementRow)
    assert measured
    assert all(m.simulated for m in measured)
    assert {m.source for m in measured} <= {"simulated:handbook", "simulated:model"}


def test_every_physical_execution_is_a_command_and_none_ran_twice(done: Store) -> None:
    ran = Counter(e.command_id for e in lab_executions(done))
    with done.read() as session:
        known = {c.id: c for c in rows(session, Command)}
    assert set(ran) == set(known)
    assert set(ran.values()) == {1}


def test_signals_lie_whole_on_disk(done: Store) -> None:
    folder = ArtifactFolder(done.folder)
    with done.read() as session:
        files = rows(session, SignalFile)
    assert len(files) >= 4 * 3
    assert all(len(folder.get(f.sha256)) == f.size for f in files)


def test_nothing_reached_the_lab_without_a_route_and_an_approval(done: Store) -> None:
    with done.read() as session:
        ran = {c.experiment_id for c in rows(session, Command)}
        for experiment in rows(session, Experiment):
            if experiment.id in ran:
                plan = desk.plan_of(session, experiment)
                assert plan["route"]["target"] == experiment.smiles
                assert plan["route"]["steps"], "references were not allowed here"
                approvals = [d for d in rows(session, Decision) if d.experiment_id == experiment.id]
                assert [d.dossier for d in approvals] == [experiment.dossier]
        assert {r.experiment_id for r in rows(session, Reservation)} == ran


def test_the_same_seed_gives_the_same_campaign(done: Store, tmp_path: Path) -> None:
    def outcome(store: Store) -> list:
        with store.read() as session:
            values = summary.measurements_of(session, "small-1")
            return [
                (e.id, e.smiles, e.state, e.outcome, {n: m.value for n, m in values.get(e.id, {}).items()})
                for e in summary.experiments_of(session, "small-1")
            ]

    with finished(tmp_path, small()) as again:
        assert outcome(again) == outcome(done)


def test_two_campaigns_in_one_store_do_not_touch_each_other(done: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "two.sqlite", create=True) as store:
        desk.enroll(store, small(), dry_run=True)
        desk.enroll(store, small("other", seed=8, budget={"experiments": 2, "batch": 2}), dry_run=True)
        engine(store).run()
        with store.read() as session:
            assert {c.state for c in rows(session, Campaign)} == {Phase.FINISHED}
            for table in (Command, MeasurementRow, ReviewRequest):
                for row in rows(session, table):
                    assert row.experiment_id.startswith(row.campaign_id)
            alone = summary.experiments_of(session, "small-1")
        with done.read() as session:
            assert [e.smiles for e in summary.experiments_of(session, "small-1")] == [e.smiles for e in alone]


# -- review ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def manual(tmp_path: Path) -> Store:
    with finished(tmp_path, small(review={"mode": "manual"})) as store:
        yield store


def test_nothing_reaches_a_driver_before_a_person_approves(manual: Store) -> None:
    assert states(manual)[State.AWAITING_REVIEW] == 2
    assert lab_executions(manual) == []
    with manual.read() as session:
        first, second = summary.experiments_of(session, "small-1")
    desk.decide(manual, first.id, approve=True, by="ada")
    engine(manual).run()
    assert {e.command_id.split(":")[0] for e in lab_executions(manual)} == {first.id}
    assert states(manual)[State.AWAITING_REVIEW] == 1
    with pytest.raises(desk.DeskError, match="only AWAITING_REVIEW"):
        desk.decide(manual, first.id, approve=True, by="ada")
    desk.decide(manual, second.id, approve=True, by="ada")
    engine(manual).run()
    with manual.read() as session:
        assert len(desk.open_reviews(session)) == 2, "the next batch waits for a person as well"


def test_a_changed_protocol_voids_the_approval(manual: Store) -> None:
    with manual.read() as session:
        experiment = summary.experiments_of(session, "small-1")[0]
        plan = desk.plan_of(session, experiment)
    protocol = plan["protocol"]
    protocol["operations"][0]["temperature"]["value"] += 15.0
    child = desk.edit(manual, experiment.id, json.dumps(protocol), by="ada")
    desk.decide(manual, experiment.id, approve=True, by="ben")
    engine(manual).run()
    with manual.read() as session:
        assert desk.find_experiment(session, experiment.id).state == State.SUPERSEDED
        edited = desk.find_experiment(session, child)
        assert (edited.state, edited.parent_id, edited.proposer) == (State.AWAITING_REVIEW, experiment.id, "ada")
        assert edited.dossier != experiment.dossier
    assert lab_executions(manual) == [], "the approval of the parent does not cover the child"
    with pytest.raises(desk.DeskError, match="who proposes cannot decide"):
        desk.decide(manual, child, approve=True, by="ada")
    desk.decide(manual, child, approve=True, by="ben")
    engine(manual).run()
    assert {e.command_id.split(":")[0] for e in lab_executions(manual)} == {child}


def test_a_protocol_changed_behind_the_engine_is_not_carried_out(manual: Store) -> None:
    with manual.read() as session:
        experiment = summary.experiments_of(session, "small-1")[0]
        protocol = desk.plan_of(session, experiment)["dossier"]["protocol"]
    desk.decide(manual, experiment.id, approve=True, by="ada")
    with manual.write() as session:
        session.connection().execute(
            text("UPDATE document SET body = replace(body, 'distillation', 'chromatography') || ' ' WHERE sha256 = :s"),
            {"s": protocol},
        )
    with pytest.raises(log.BrokenLog, match="changed after it was written"):
        engine(manual).run()
    assert lab_executions(manual) == []


def test_an_unsafe_rejection_becomes_a_constraint_that_later_proposals_obey(manual: Store) -> None:
    with manual.read() as session:
        first, second = summary.experiments_of(session, "small-1")
    desk.decide(manual, first.id, approve=False, by="ada", reason="unsafe", forbid="[#8]")
    desk.decide(manual, second.id, approve=False, by="ada", reason="unsafe", comment="irritates")
    engine(manual).run()
    with manual.read() as session:
        assert {(r.kind, r.value) for r in rows(session, Restriction)} == {
            ("substructure", "[#8]"),
            ("similar", second.smiles),
        }
        later_ones = [e for e in summary.experiments_of(session, "small-1") if e.iteration > 1]
        batch = log.load(session, session.exec(text("SELECT proposal FROM iteration WHERE number = 2")).scalar_one())
    assert later_ones
    assert all("O" not in e.smiles.upper() for e in later_ones)
    assert any("forbidden by an operator" in reason for reason in batch["filtered"])


def test_approvals_and_requests_expire(manual: Store) -> None:
    with manual.read() as session:
        first, _ = summary.experiments_of(session, "small-1")
    desk.want(manual, "small-1", Wants.PAUSE, by="ada")
    desk.decide(manual, first.id, approve=True, by="ada")
    engine(manual).run()
    assert states(manual) == {State.SCHEDULED: 1, State.AWAITING_REVIEW: 1}
    desk.want(manual, "small-1", Wants.RUN, by="ada")
    in_a_week = engine(manual, clock=lambda: later(now_iso(), 7 * 86400.0))
    in_a_week.run()
    assert lab_executions(manual) == [], "an approval that ran out starts nothing"
    with manual.read() as session:
        assert desk.find_experiment(session, first.id).state == State.EXPIRED


def test_two_people_where_the_policy_says_so(tmp_path: Path) -> None:
    with finished(tmp_path, small(review={"mode": "manual", "approvals": 2})) as store:
        with store.read() as session:
            experiment = summary.experiments_of(session, "small-1")[0]
        desk.decide(store, experiment.id, approve=True, by="ada")
        engine(store).run()
        with pytest.raises(desk.DeskError, match="another person"):
            desk.decide(store, experiment.id, approve=True, by="ada")
        assert lab_executions(store) == []
        desk.decide(store, experiment.id, approve=True, by="ben")
        engine(store).run()
        assert lab_executions(store) != []


# -- operators -------------------------------------------------------------------------------------------------------


def test_pause_sends_no_new_command_and_resume_goes_on(manual: Store) -> None:
    with manual.read() as session:
        first = summary.experiments_of(session, "small-1")[0]
    desk.want(manual, "small-1", Wants.PAUSE, by="ada")
    desk.decide(manual, first.id, approve=True, by="ada")
    engine(manual).run()
    assert lab_executions(manual) == []
    desk.want(manual, "small-1", Wants.RUN, by="ada")
    engine(manual).run()
    assert states(manual)[State.CLOSED] == 1


def test_stop_ends_the_campaign_without_new_experiments(manual: Store) -> None:
    desk.want(manual, "small-1", Wants.STOP, by="ada")
    engine(manual).run()
    assert states(manual) == {State.CANCELLED: 2}
    with manual.read() as session:
        assert session.exec(select(Campaign.state)).one() == Phase.STOPPED


def hanging(tmp_path: Path, *kinds: dict) -> Store:
    return finished(
        tmp_path, small(budget={"experiments": 1, "batch": 1}, seed=5, lab={"failure_rate": 0.0, "faults": list(kinds)})
    )


def test_a_hanging_robot_is_stopped_at_its_deadline_and_the_work_tried_again(tmp_path: Path) -> None:
    with hanging(tmp_path, {"kind": "hang", "actions": ["react"], "at_most": 1}) as store, store.read() as session:
        found = {e.id: e.state for e in rows(session, Experiment)}
        assert found == {"small-1-01a": State.FAILED, "small-1-01a-retry1": State.CLOSED}
        aborted = [c for c in rows(session, Command) if c.state == "ABORTED"]
        assert [c.action for c in aborted] == ["react"]


def test_a_lost_answer_is_looked_up_and_not_sent_again(tmp_path: Path) -> None:
    with hanging(tmp_path, {"kind": "lost_ack", "actions": ["react", "purify"]}) as store:
        assert set(Counter(e.command_id for e in lab_executions(store)).values()) == {1}
        assert states(store) == {State.CLOSED: 1}


def test_a_command_adopted_after_a_crash_gets_its_whole_time(tmp_path: Path) -> None:
    """The robot has the command, the store only its intent: adopting it must not leave it with the intent's hour."""
    bench = open_virtual_lab(LabConfig(), tmp_path / "lab")
    dispense = Dispense(sample="s", smiles="CCCCO", mass=Quantity(value=20.0, unit="g"))
    folder = ArtifactFolder(tmp_path)
    assert isinstance(devices.submit(bench, "synthesiser-1", "a", dispense), devices.Running)
    bench.clock.elapse(1e6)
    panel = MeasureSolvency(sample="s")
    bench.driver("solvency-panel-1").submit("b", panel)
    answer = devices.adopt(bench, "solvency-panel-1", "b", panel, folder)
    assert isinstance(answer, devices.Running)
    assert answer.status.finishes_s is not None
    assert answer.deadline_s > answer.status.finishes_s > bench.clock.now() + 3600.0
    assert isinstance(devices.adopt(bench, "solvency-panel-1", "c", panel, folder), devices.NotThere)


def test_a_refused_connection_is_tried_again_with_the_same_id(tmp_path: Path) -> None:
    with hanging(tmp_path, {"kind": "refuse", "actions": ["react"], "at_most": 1}) as store:
        assert set(Counter(e.command_id for e in lab_executions(store)).values()) == {1}
        assert states(store) == {State.CLOSED: 1}


def test_a_broken_robot_is_held_and_its_failure_is_not_learnt_from(tmp_path: Path) -> None:
    with (
        hanging(tmp_path, {"kind": "hardware_failure", "command_ids": ["small-1-01a:00:1"]}) as store,
        store.read() as session,
    ):
        held = [h for h in rows(session, Hold) if h.scope == "instrument"]
        assert len(held) == 1
        assert held[0].released_at is None
        assert states(store) == {State.FAILED: 1, State.CLOSED: 1}
        measured = {m.experiment_id for m in rows(session, MeasurementRow)}
        assert measured == {"small-1-01a-retry1"}


def test_a_transient_fault_of_a_harmless_operation_is_retried_under_a_new_id(tmp_path: Path) -> None:
    faults = {"kind": "transient", "actions": ["measure_viscosity"], "at_most": 1}
    with hanging(tmp_path, faults) as store, store.read() as session:
        tries = [(c.attempt, c.state) for c in rows(session, Command) if c.action == "measure_viscosity"]
        assert sorted(tries) == [(1, "FAILED"), (2, "SUCCEEDED")]


def test_an_unknown_outcome_waits_for_a_person(tmp_path: Path) -> None:
    with hanging(tmp_path, {"kind": "disconnect", "actions": ["react"], "lookups": 8, "at_most": 1}) as store:
        with store.read() as session:
            task = session.exec(select(OperatorTask)).one()
            assert states(store) == {State.QUARANTINED: 1}
            assert [h.scope for h in rows(session, Hold)] == ["instrument"]
            held = rows(session, Hold)[0].subject
        desk.answer(store, task.id, "ran", by="ada")
        desk.release(store, held, by="ada")
        engine(store).run()
        engine(store).run()
        assert states(store) == {State.CLOSED: 1}
        assert set(Counter(e.command_id for e in lab_executions(store)).values()) == {1}


def test_a_corrupt_signal_costs_its_value_only(tmp_path: Path) -> None:
    faults = {"kind": "corrupt_file", "actions": ["measure_boiling_point"]}
    with hanging(tmp_path, faults) as store, store.read() as session:
        experiment = session.exec(select(Experiment).where(col(Experiment.state) == State.CLOSED)).one()
        assert "unreadable signal" in experiment.outcome
        measured = {m.property for m in rows(session, MeasurementRow)}
        assert "viscosity" in measured
        assert "boiling_point" not in measured


@pytest.mark.parametrize("held", [False, True])
def test_abort_stops_devices_and_ends_with_proof(tmp_path: Path, held: bool) -> None:
    """The robot hangs, so only the abort can end it, and a stop sign on the campaign must not be in its way."""
    spec = small(budget={"experiments": 1, "batch": 1}, lab={"faults": [{"kind": "hang", "actions": ["react"]}]})
    with Store.open(tmp_path / "a.sqlite", create=True) as store:
        desk.enroll(store, spec, dry_run=True)
        running = engine(store)
        asked = []

        def ask_once(words: str) -> None:
            if words.startswith("plan") and not asked:
                asked.append(words)

        running._progress = ask_once
        original = running._take_answers

        def then_abort() -> bool:
            moved = original()
            if asked == ["aborted"] or not lab_executions_exist(store):
                return moved
            asked[:] = ["aborted"]
            if held:
                with running.transaction() as tx:
                    tx.hold("small-1", "campaign", "small-1", "no room left")
            desk.want(store, "small-1", Wants.ABORT, by="ada")
            return True

        running._take_answers = then_abort
        running.run()
        with store.read() as session:
            assert session.exec(select(Campaign.state)).one() == Phase.ABORTED
            assert states(store) == {State.CANCELLED: 1}
            assert [c.state for c in rows(session, Command)] == ["ABORTED"]
            assert [lease.resource for lease in rows(session, Lease)] == ["engine"]


def test_a_signal_left_on_a_device_by_an_ended_campaign_is_fetched_by_a_later_engine(tmp_path: Path) -> None:
    with finished(tmp_path, small(budget={"experiments": 1, "batch": 1}, seed=5, lab={"failure_rate": 0.0})) as store:
        with store.write() as session:
            session.connection().execute(
                text("UPDATE command SET collected = false WHERE action = 'measure_viscosity'")
            )
            number = session.exec(select(Command.id).where(Command.action == "measure_viscosity")).one()
            session.connection().execute(text("DELETE FROM artifact WHERE command_id = :c"), {"c": number})
        desk.enroll(store, small("other", seed=8, budget={"experiments": 2, "batch": 2}), dry_run=True)
        engine(store).run()
        with store.read() as session:
            assert session.exec(select(Command.collected).where(Command.id == number)).one() is True
            assert session.exec(select(SignalFile).where(SignalFile.command_id == number)).all()
            assert session.exec(select(Campaign.state).where(Campaign.id == "other-1")).one() == Phase.FINISHED
            told = session.exec(select(Notification.sent_at)).all()
            assert told
            assert all(told), "notices are delivered before the engine ends"


def lab_executions_exist(store: Store) -> bool:
    return (store.folder / "labs").exists() and bool(lab_executions(store))
