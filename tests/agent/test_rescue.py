"""Further attempts at a molecule whose synthesis failed: when, at what cost, as what, and through a crash.

Which molecules are made is given here; their routes, their making, what is seen of it and what is tried then are real.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlmodel import Session, select

from agent import desk, summary
from agent.campaign import CampaignSpec, Making
from agent.compute import Inline, run_stage
from agent.engine import Engine
from agent.lifecycle import State
from agent.lineage import attempt_of, is_edited, is_rescue, root_of
from agent.rescued import tally, variations
from agent.snapshot import take
from agent.stages import rescue
from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.measurement import Measurement, Source
from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Procedure
from knowledge.store import log
from knowledge.store.database import Store
from knowledge.store.tables import Campaign, Command, DeadLetter, Decision, Event, Experiment, Iteration
from tests.agent.laboratory import small

HARD = {"failure_rate": 1.0}  # reactions that hardly work
BUDGET = {"experiments": 4, "batch": 2}
FREE = {"rescue": {"share": 1.0}}  # of reactions that do not go, half as many are tried again at a time
FIRST, SECOND = "small-1-01a", "small-1-01b"


PARTED_BADLY = "CCCOCCC#N"  # made in dimethyl sulfoxide, which the still does not part from it
MADE = ("COCCCC(C)C", "Cc1cnoc1", "CCCN(C)C=O")


class Given(Inline):
    """The given molecules in turn instead of learned models and their proposals; everything else is computed."""

    def __init__(self, molecules: Sequence[str]) -> None:
        self.molecules = molecules

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if fn is not run_stage or args[0] not in ("learn", "propose"):
            return super().submit(fn, *args, **kwargs)
        result: dict[str, Any] = {"models": {"data_hash": "given"}, "prospective_error": {}}
        if args[0] == "propose":
            body = args[1].body
            start = 0 if body["iteration"] == 1 else 2
            chosen = [candidate(s).model_dump(mode="json") for s in self.molecules[start : start + body["size"]]]
            result = {"chosen": chosen, "pool": [], "sample": [], "filtered": {}, "bred": 0, "generators": {}}
        future: Future[Any] = Future()
        future.set_result(result)
        return future


def candidate(smiles: str) -> Candidate:
    given = Provenance(generator="given", operator="given")
    return Candidate(molecule=Molecule.from_smiles(smiles), provenance=given)


def engine(store: Store, molecules: Sequence[str] = MADE) -> Engine:
    return Engine(store, compute=Given(molecules), devices=Inline(), wait_for_people=False)


def finished(folder: Path, spec: CampaignSpec, molecules: Sequence[str] = MADE) -> Store:
    store = Store.open(folder / "athanor.sqlite", create=True)
    desk.enroll(store, spec, dry_run=True)
    engine(store, molecules).run()
    return store


def outcome(store: Store) -> list[tuple[object, ...]]:
    with store.read() as session:
        values = summary.measurements_of(session, "small-1")
        return [
            (e.id, e.parent_id, e.smiles, e.state, e.outcome, {n: m.value for n, m in values.get(e.id, {}).items()})
            for e in summary.experiments_of(session, "small-1")
        ]


def procedures(session: Session, experiment_id: str) -> list[Procedure]:
    experiment = session.exec(select(Experiment).where(Experiment.id == experiment_id)).one()
    dossier = log.load(session, experiment.dossier or "")
    return [Procedure.model_validate(p) for p in log.load(session, dossier["procedures"])]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Nothing can be made; what is left of the budget may be spent on trying again."""
    with finished(tmp_path_factory.mktemp("failing"), small(budget=BUDGET, making=FREE, lab=HARD)) as store:
        yield store


def test_names_of_attempts() -> None:
    for name, root, attempt in (
        ("try-1-01a", "try-1-01a", 1),
        ("small-1-01a-retry2", "small-1-01a", 1),
        ("small-1-01a-try2", "small-1-01a", 2),
        ("small-1-01a-try3-retry1", "small-1-01a", 3),
        ("x-try2-1-01a-edit1", "x-try2-1-01a", 1),
    ):
        assert (root_of(name), attempt_of(name), is_rescue(name)) == (root, attempt, attempt > 1)
        assert is_edited(name) == name.endswith("-edit1")


@pytest.mark.parametrize(
    "limits, key",
    [({"share": 1.5}, "share"), ({"share": -0.1}, "share"), ({"attempts": 0}, "attempts"), ({"below": 1.0}, "below"),
     ({"tries": 3}, "tries")],
)  # fmt: skip
def test_limits_that_cannot_be(limits: dict[str, float], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Making.model_validate({"rescue": limits})
    (error,) = caught.value.errors()
    assert error["loc"] == ("rescue", key)


def test_a_failed_synthesis_is_tried_again_in_its_batch_under_other_conditions(failing: Store) -> None:
    with failing.read() as session:
        campaign = session.exec(select(Campaign)).one()
        assert (campaign.state, campaign.outcome, campaign.spent) == ("finished", "budget spent", 4)
        assert session.exec(select(DeadLetter)).all() == []
        experiments = {e.id: e for e in session.exec(select(Experiment))}
        closed = [e for e in experiments.values() if e.state == State.CLOSED]
        assert sorted(e.id for e in closed) == [FIRST, f"{FIRST}-try2", SECOND, f"{SECOND}-try2"]
        for first in (FIRST, SECOND):
            child = experiments[f"{first}-try2"]
            assert child.parent_id == first
            assert (child.smiles, child.iteration) == (experiments[first].smiles, 1)
            assert procedures(session, child.id) != procedures(session, first)
            assert any("varied after a failure" in n for p in procedures(session, child.id) for n in p.notes)
        said = variations(session, "small-1")
        assert all(v.attempt == 2 and v.why and "instead of" in v.words for v in said.values())
        assert set(said) == {f"{FIRST}-try2", f"{SECOND}-try2"}
        assert tally(closed, summary.measurements_of(session, "small-1"))["experiments"] == 2


def test_the_batch_closes_after_its_rescues_and_only_once(failing: Store) -> None:
    with failing.read() as session:
        events = session.exec(select(Event).order_by(Event.id)).all()
        closes = [e.id for e in events if e.kind == "batch.closed"]
        ends = [e.id for e in events if e.kind == "experiment.moved" and json.loads(e.body)["to"] == "CLOSED"]
        assert len(closes) == 1
        assert closes[0] > max(ends)
        assert session.exec(select(Iteration.open_experiments)).all() == [0]
        log.verify(session)


def test_every_attempt_has_a_dossier_and_an_approval_of_its_own(failing: Store) -> None:
    with failing.read() as session:
        ran = {c.experiment_id for c in session.exec(select(Command))}
        assert ran == {FIRST, f"{FIRST}-try2", SECOND, f"{SECOND}-try2"}
        dossiers = {e.id: e.dossier for e in session.exec(select(Experiment)) if e.id in ran}
        assert len(set(dossiers.values())) == 4
        approved = {d.experiment_id: d.dossier for d in session.exec(select(Decision))}
        assert approved == dossiers


def test_what_does_not_convert_at_all_is_given_up_and_costs_nothing_more(tmp_path: Path) -> None:
    spec = small(budget={"experiments": 3, "batch": 1}, making=FREE, lab=HARD)
    with finished(tmp_path, spec) as store, store.read() as session:
        third = session.exec(select(Experiment).where(Experiment.id == f"{FIRST}-try3")).one()
        why = "given up: it did not convert under other conditions either"
        assert (third.state, third.outcome) == (State.ABANDONED, why)
        assert session.exec(select(Campaign.spent)).one() == 3
        assert not session.exec(select(Command).where(Command.experiment_id == third.id)).all()


def test_a_molecule_whose_rescue_succeeds_is_measured(tmp_path: Path) -> None:
    spec = small(budget={"experiments": 2, "batch": 1}, making={"rescue": {"share": 0.5}}, lab={"failure_rate": 0.0})
    with finished(tmp_path, spec, [PARTED_BADLY]) as store, store.read() as session:
        first, second = summary.experiments_of(session, "small-1")
        assert "hardly any product" in first.outcome
        assert (second.id, second.state, second.outcome) == (f"{FIRST}-try2", State.CLOSED, "measured")
        assert "was not parted" in variations(session, "small-1")[second.id].why
        measured = summary.measurements_of(session, "small-1")
        assert {"viscosity", "boiling_point", "purity", "reaction_yield"} <= set(measured[second.id])
        assert tally([first, second], measured) == {"experiments": 1, "molecules": 1, "rescued": 1}
        campaign = session.exec(select(Campaign)).one()
        assert campaign.spent == 2
        seen = take(session, "small-1", as_of=10**9, before_iteration=2)
        assert [o.experiment_id for o in seen.observed if "viscosity" in o.values] == [second.id]
        assert seen.failed == ()
        assert json.loads(session.exec(select(Event.body).where(Event.kind == "rescue.ended")).one())["helped"]


def test_nothing_is_tried_again_where_the_share_is_zero(tmp_path: Path) -> None:
    spec = small(budget={"experiments": 1, "batch": 1}, making={"rescue": {"share": 0.0}}, lab=HARD)
    with finished(tmp_path, spec) as store, store.read() as session:
        assert [e.id for e in session.exec(select(Experiment))] == [FIRST]


class Killed(RuntimeError):
    """The process ends here."""


@pytest.mark.parametrize("at", [f"rescue {FIRST}-try2", f"screen {SECOND}-try2", f"analyse {FIRST}-try2"])
def test_a_campaign_killed_in_the_middle_of_a_rescue_ends_like_an_undisturbed_one(
    failing: Store, tmp_path: Path, at: str
) -> None:
    def die(words: str) -> None:
        if words == at:
            raise Killed

    with Store.open(tmp_path / "athanor.sqlite", create=True) as store:
        desk.enroll(store, small(budget=BUDGET, making=FREE, lab=HARD), dry_run=True)
        first = engine(store)
        first._progress = die
        with pytest.raises(Killed):
            first.run()
        engine(store).run()
        assert outcome(store) == outcome(failing)


def test_a_person_is_asked_about_the_attempt_itself(tmp_path: Path) -> None:
    spec = small(budget={"experiments": 2, "batch": 1}, making=FREE, lab=HARD, review={"mode": "manual"})
    with finished(tmp_path, spec) as store:
        desk.decide(store, FIRST, approve=True, by="ada")
        engine(store).run()
        with store.read() as session:
            states = Counter({e.id: e.state for e in session.exec(select(Experiment))}.values())
            assert states == {State.CLOSED: 1, State.AWAITING_REVIEW: 1}
            child = desk.find_experiment(session, f"{FIRST}-try2")
            assert child.dossier != desk.find_experiment(session, FIRST).dossier
            assert not session.exec(select(Command).where(Command.experiment_id == child.id)).all()
        desk.decide(store, f"{FIRST}-try2", approve=True, by="ada")
        engine(store).run()
        with store.read() as session:
            assert desk.find_experiment(session, f"{FIRST}-try2").state == State.CLOSED
            assert session.exec(select(Campaign.spent)).one() == 2


def test_a_robot_that_spoils_an_attempt_has_it_repeated_as_it_was(tmp_path: Path) -> None:
    fault = {"kind": "hardware_failure", "actions": ["react"], "command_ids": [f"{FIRST}-try2:00:1"]}
    spec = small(budget={"experiments": 2, "batch": 1}, making=FREE, lab={**HARD, "faults": [fault]})
    with finished(tmp_path, spec) as store, store.read() as session:
        states = {e.id: e.state for e in session.exec(select(Experiment))}
        assert states[f"{FIRST}-try2"] == State.FAILED
        assert states[f"{FIRST}-try2-retry1"] == State.CLOSED
        assert procedures(session, f"{FIRST}-try2-retry1") == procedures(session, f"{FIRST}-try2")
        campaign = session.exec(select(Campaign)).one()
        assert campaign.spent == 2
        said = [json.loads(e.body) for e in session.exec(select(Event).where(Event.kind == "rescue.ended"))]
        assert said == [{"helped": False}]


# -- the budget, whatever happens ------------------------------------------------------------------------------------

ON_THE_WAY = (
    State.SCREENED, State.AWAITING_REVIEW, State.APPROVED, State.SCHEDULED, State.RUNNING, State.AWAITING_DATA,
    State.ANALYSED,
)  # fmt: skip
FATES = ("measured", "impure", "no yield", "robot", "given up")


def weighed(name: str, value: float) -> Measurement:
    return Measurement(property=name, value=value, std=0.01, analysis="test/1", signals=(), source=Source.MODEL)


def live(running: Engine, experiment_id: str, fate: str) -> None:
    """Carry one experiment to its end, in one transaction as far as rescues are concerned."""
    with running.transaction() as tx:
        experiment = tx.experiment(experiment_id)
        if fate == "given up":
            tx.move(experiment, State.ABANDONED, "given up")
            return
        for state in ON_THE_WAY[:-2]:
            tx.move(experiment, state)
        if fate == "robot":
            from agent.stages.dispatch import retry_as_child

            retry_as_child(tx, experiment)
            tx.move(experiment, State.FAILED, "broke")
            return
        for state in ON_THE_WAY[-2:]:
            tx.move(experiment, state)
        measured = [
            weighed("reaction_yield", 0.01 if fate == "no yield" else 0.7),
            weighed("purity", 0.5 if fate == "impure" else 0.99),
        ]
        rescue.consider(tx, experiment, measured)
        tx.move(experiment, State.CLOSED, fate)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    share=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]),
    budget=st.integers(2, 10),
    attempts=st.integers(1, 4),
    fates=st.lists(st.sampled_from(FATES), min_size=4, max_size=16),
)
def test_rescues_never_cost_more_than_their_share_nor_the_campaign_more_than_its_budget(
    tmp_path_factory: pytest.TempPathFactory, share: float, budget: int, attempts: int, fates: list[str]
) -> None:
    spec = small(budget={"experiments": budget, "batch": 2}, making={"rescue": {"share": share, "attempts": attempts}})
    with Store.open(tmp_path_factory.mktemp("ledger") / "athanor.sqlite", create=True) as store:
        desk.enroll(store, spec, dry_run=True)
        running = engine(store)
        running._lock.acquire()
        try:
            propose(running, 2)
            for fate in fates:
                waiting = running.board.in_states({State.PROPOSED})
                if not waiting:
                    break
                live(running, waiting[0].id, fate)
                with store.read() as session:
                    experiments = session.exec(select(Experiment)).all()
                    campaign = session.exec(select(Campaign)).one()
                    batch = session.exec(select(Iteration)).one()
                charged = [e for e in experiments if e.state not in rescue.UNCHARGED]
                assert campaign.spent == len(charged) <= budget
                assert sum(is_rescue(e.id) for e in charged) <= rescue.allowance(spec) <= share * budget + 1e-9
                assert max(Counter(root_of(e.id) for e in charged if is_rescue(e.id)).values(), default=0) <= attempts
                alive = [e for e in experiments if e.state == State.PROPOSED]
                assert batch.open_experiments == len(alive)
                assert (batch.state == "CLOSED") == (not alive)
        finally:
            running._lock.release()


def propose(running: Engine, count: int) -> None:
    with running.transaction() as tx:
        campaign = tx.campaign("small-1")
        campaign.iteration = 1
        tx.add(campaign, Iteration(campaign_id="small-1", number=1, data_hash="x", state="OPEN", opened_at=tx.at))
        for i in range(count):
            one = candidate("C" * (i + 6))
            tx.born(
                Experiment(
                    id=f"small-1-01{chr(97 + i)}",
                    campaign_id="small-1",
                    iteration=1,
                    ordinal=i + 1,
                    state=State.PROPOSED,
                    smiles=one.molecule.smiles,
                    inchikey=one.molecule.inchikey,
                    candidate=tx.put("candidate", one),
                    proposer="athanor",
                    created_at=tx.at,
                    updated_at=tx.at,
                )
            )
