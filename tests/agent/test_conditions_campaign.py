"""A conditions campaign through the real engine, from the first settings to the report's records."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from agent import desk, summary
from agent.campaign import CampaignError
from agent.compute import Inline
from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import setting_of, take
from agent.conditions.words import in_words
from agent.engine import Engine
from agent.lifecycle import Phase, State
from benchmarks.crash import compare
from instruments.simulation.journal import executions
from knowledge.records.candidate import ConditionsCandidate, read_candidate
from knowledge.records.procedure import Role
from knowledge.records.space import Setting
from knowledge.store import log
from knowledge.store.database import Store
from knowledge.store.tables import Campaign, Command, Experiment, Iteration, MeasurementRow, ModelVersion, Restriction
from planners.routes.setting import write_setting
from tests.agent.command_line import CommandLine
from tests.agent.conditions import CAMPAIGN, read_conditions_campaign, write_conditions
from tests.instruments.replay_bench import BASES, LIGANDS, TEMPERATURES, simulated_yield

BLIND = CAMPAIGN + "acquisition: random\n"
"""Where it does not matter how settings are chosen, no model need be fitted."""
BEST = max(simulated_yield(ligand, base, t) for ligand in LIGANDS for base in BASES for t in TEMPERATURES)


def engine(store: Store) -> Engine:
    return Engine(store, compute=Inline(), devices=Inline(), wait_for_people=False)


def finished(folder: Path, spec: ConditionsSpec) -> Store:
    store = Store.open(folder / "athanor.sqlite", create=True)
    desk.enroll(store, spec, dry_run=True)
    engine(store).run()
    return store


def rows(session: Session, table: type) -> list:
    return list(session.exec(select(table)))


def settings(store: Store) -> dict[str, Setting]:
    with store.read() as session:
        return {e.id: setting_of(session, e) for e in summary.experiments_of(session, "coupling-1")}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ConditionsSpec:
    return read_conditions_campaign(tmp_path_factory.mktemp("file"))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, spec: ConditionsSpec) -> Store:
    with finished(tmp_path_factory.mktemp("done"), spec) as store:
        yield store


def test_it_runs_to_its_end_and_finds_good_conditions(done: Store) -> None:
    with done.read() as session:
        campaign = session.exec(select(Campaign)).one()
        assert (campaign.state, campaign.outcome, campaign.spent) == (Phase.FINISHED, "budget spent", 12)
        sizes = Counter(e.iteration for e in rows(session, Experiment))
        assert dict(sizes) == {1: 4, 2: 3, 3: 3, 4: 2}
        found = summary.summarise(session, campaign)["best"]
        assert found["values"]["reaction_yield"] * 100.0 > BEST - 3.0
        assert set(found["setting"]) == {"ligand", "base", "temperature"}
        assert log.verify(session) > 50


def test_no_setting_is_tried_twice(done: Store) -> None:
    tried = [tuple(sorted(s.items())) for s in settings(done).values()]
    assert len(set(tried)) == len(tried) == 12


def test_every_value_is_the_tables_and_says_so(done: Store) -> None:
    told = settings(done)
    with done.read() as session:
        measured = rows(session, MeasurementRow)
        assert len(measured) == 12
        for one in measured:
            s = told[one.experiment_id]
            expected = simulated_yield(str(s["ligand"]), str(s["base"]), float(s["temperature"])) / 100.0
            assert one.value == pytest.approx(expected)
            assert (one.source, one.simulated) == ("replay", False)


def test_choices_keep_their_reasons(done: Store) -> None:
    with done.read() as session:
        experiments = summary.experiments_of(session, "coupling-1")
        candidates = [read_candidate(log.load(session, e.candidate)) for e in experiments]
        proposals = [log.load(session, i.proposal or "") for i in rows(session, Iteration)]
    assert all(isinstance(c, ConditionsCandidate) for c in candidates)
    choices = [c.choice for c in candidates if isinstance(c, ConditionsCandidate)]
    assert {c.rule for c in choices[:4]} == {"start"}
    for choice in choices[4:]:
        estimate = choice.predicted["reaction_yield"]
        assert estimate.unit == "percent"
        assert estimate.std > 0.0
        assert choice.nearest
    assert all("reaction_yield" in p["models"] for p in proposals[1:])
    assert [p["settings"] for p in proposals] == [48] * 4


def test_predictions_are_held_against_results(done: Store) -> None:
    with done.read() as session:
        versions = rows(session, ModelVersion)
        states = [log.load(session, v.sha256) for v in versions]
    assert [s["observed"] for s in states] == [0, 4, 7, 10, 12]
    assert states[1]["prospective_error"] == {}, "the first settings are chosen without a model"
    errors = [s["prospective_error"]["reaction_yield"] for s in states[2:]]
    assert [e["n"] for e in errors] == [3, 3, 2]
    assert all(0.0 <= e["mae"] < 1.0 for e in errors)
    assert len({v.data_hash for v in versions}) == 5


def test_the_plan_is_the_setting_in_grams(done: Store, spec: ConditionsSpec) -> None:
    with done.read() as session:
        experiment = summary.experiments_of(session, "coupling-1")[0]
        plan = desk.plan_of(session, experiment)
        setting = setting_of(session, experiment)
    (procedure,) = plan["procedures"]
    (operation,) = plan["protocol"]["operations"]
    assert operation["setting"] == setting
    assert operation["action"] == "run_reaction"
    charges = {c["name"]: c for c in procedure["charges"]}
    assert charges["4-bromotoluene"]["mass"]["value"] == pytest.approx(0.5e-3 * 171.04, rel=1e-3)
    assert charges["phenylboronic acid"]["amount"]["value"] == pytest.approx(0.65e-3)
    assert charges["palladium acetate"]["amount"]["value"] == pytest.approx(0.01e-3)
    assert charges[str(setting["ligand"])]["amount"]["value"] == pytest.approx(0.02e-3)
    assert charges[str(setting["base"])]["amount"]["value"] == pytest.approx(1e-3)
    assert charges["dioxane"]["volume"] == {"value": pytest.approx(2.0), "unit": "mL"}
    assert procedure["temperature"]["quantity"]["value"] == pytest.approx(float(setting["temperature"]) + 273.15)
    assert procedure["vessel_volume"]["value"] == 10.0
    assert plan["route"]["target"] == experiment.smiles == "Cc1ccc(-c2ccccc2)cc1"
    materials = {m["smiles"] for m in plan["dossier"]["materials"]}
    assert "C1COCCO1" in materials
    assert any(a["code"].startswith("material:") for a in plan["dossier"]["hazards"]["alerts"]), "dioxane is listed"


def test_a_closed_vessel_above_the_solvents_boiling_point(spec: ConditionsSpec) -> None:
    hot, mild = (
        write_setting(
            spec.reaction.build(), spec.searched, spec.meanings, {"ligand": "PPh3", "base": "K2CO3", "temperature": t}
        )
        for t in (120.0, 60.0)
    )
    assert (hot.vessel, mild.vessel) == ("sealed", "reflux")
    assert any("boils at 374 K" in note for note in hot.notes)
    assert [c.role for c in mild.charges] == [
        Role.REACTANT, Role.REACTANT, Role.CATALYST, Role.CATALYST, Role.REAGENT, Role.SOLVENT
    ]  # fmt: skip


def test_the_table_lies_in_the_store_once_the_campaign_is_enrolled(tmp_path: Path) -> None:
    own = read_conditions_campaign(tmp_path, BLIND)
    with Store.open(tmp_path / "a.sqlite", create=True) as store:
        desk.enroll(store, own, dry_run=True)
        (tmp_path / "table.csv").unlink()
        engine(store).run()
        with store.read() as session:
            assert session.exec(select(Campaign.state)).one() == Phase.FINISHED
        with pytest.raises(FileNotFoundError):
            desk.enroll(store, own, dry_run=True)


def test_what_the_table_does_not_have_is_a_failed_reaction_and_never_tried_again(tmp_path: Path) -> None:
    hot = tuple((ligand, base, 120.0) for ligand in LIGANDS for base in BASES)
    own = read_conditions_campaign(tmp_path, BLIND, without=hot)
    with finished(tmp_path, own) as store, store.read() as session:
        known = take(session, own, "coupling-1", as_of=10**9, before_iteration=99)
        failed = [t for t in known.trials if t.failed]
        assert {t.setting["temperature"] for t in failed} == {120.0}
        assert all("no result for these conditions" in e.outcome for e in rows(session, Experiment)
                   if setting_of(session, e)["temperature"] == 120.0)  # fmt: skip
        assert {State(e.state) for e in rows(session, Experiment)} == {State.CLOSED}
        assert len({str(t.setting) for t in known.trials}) == len(known.trials) == 12


def test_a_robots_failure_is_no_trial(tmp_path: Path) -> None:
    broken = "kind: replay\n  faults: [{kind: hardware_failure, command_ids: ['coupling-1-01b:00:1']}]"
    own = read_conditions_campaign(tmp_path, BLIND.replace("kind: replay", broken))
    with finished(tmp_path, own) as store, store.read() as session:
        ends = {e.id: State(e.state) for e in rows(session, Experiment)}
        assert ends["coupling-1-01b"] is State.FAILED
        assert ends["coupling-1-01b-retry1"] is State.CLOSED
        known = take(session, own, "coupling-1", as_of=10**9, before_iteration=99)
        tried = [t.experiment_id for t in known.tried]
        assert "coupling-1-01b" not in tried
        assert "coupling-1-01b-retry1" in tried


def test_a_damaged_signal_is_no_trial_either(tmp_path: Path) -> None:
    torn = "kind: replay\n  faults: [{kind: corrupt_file, command_ids: ['coupling-1-01b:00:1']}]"
    own = read_conditions_campaign(tmp_path, BLIND.replace("kind: replay", torn))
    with finished(tmp_path, own) as store, store.read() as session:
        known = take(session, own, "coupling-1", as_of=10**9, before_iteration=99)
        assert "coupling-1-01b" not in [t.experiment_id for t in known.tried]
        assert not any(t.failed for t in known.trials)


def test_equal_results_end_in_a_campaign_all_the_same(tmp_path: Path) -> None:
    own = read_conditions_campaign(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    flat = [",".join([*line.split(",")[:3], "50", "simulated"]) for line in lines[1:]]
    (tmp_path / "table.csv").write_text("\n".join([lines[0], *flat]), encoding="utf-8")
    own = read_conditions_campaign(tmp_path)
    with finished(tmp_path, own) as store, store.read() as session:
        assert session.exec(select(Campaign.spent)).one() == 12
        assert len(set(map(str, settings(store).values()))) == 12


def test_an_objective_that_was_never_measured_does_not_stop_the_loop(tmp_path: Path) -> None:
    """The table has a column for the conversion, and one single value in it."""
    write_conditions(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    wide = [lines[0] + ",X", lines[1] + ",0.4", *(line + "," for line in lines[2:])]
    (tmp_path / "table.csv").write_text("\n".join(wide), encoding="utf-8")
    text = CAMPAIGN.replace(
        "worst: 0}\n", "worst: 0}\n  - {property: conversion, direction: maximise, unit: percent, worst: 0}\n"
    )
    own = read_conditions_campaign(tmp_path, text + "    conversion: X\n")
    with finished(tmp_path, own) as store, store.read() as session:
        assert session.exec(select(Campaign.spent)).one() == 12


def test_a_limit_on_an_outcome_is_kept_to(tmp_path: Path) -> None:
    """A purer product is wanted above all: 5 percent of impurity at most, which the hot experiments do not meet."""
    write_conditions(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    dirty = [f"{line},{8.0 if '353' in line or '373' in line or '393' in line else 2.0}" for line in lines[1:]]
    (tmp_path / "table.csv").write_text("\n".join([lines[0] + ",w", *dirty]), encoding="utf-8")
    text = CAMPAIGN + "    impurity: {column: w, unit: percent}\n"
    own = read_conditions_campaign(tmp_path, text + "constraints: [{property: impurity, maximum: 5 percent}]\n")
    with finished(tmp_path, own) as store, store.read() as session:
        found = summary.summarise(session, session.exec(select(Campaign)).one())["best"]
        assert found["setting"]["temperature"] == 60.0
        assert found["setting"]["ligand"] == "PtBu3"
        assert found["values"]["impurity"] <= 0.05


def test_a_stopping_rule_ends_it_and_says_why(tmp_path: Path) -> None:
    text = CAMPAIGN.replace("experiments: 12", "experiments: 40") + "stop: {stagnation: 3}\n"
    own = read_conditions_campaign(tmp_path, text)
    with finished(tmp_path, own) as store, store.read() as session:
        campaign = session.exec(select(Campaign)).one()
        assert campaign.state == Phase.FINISHED
        assert campaign.outcome.startswith("stagnation: the best value moved by")
        assert campaign.spent < 40
        last = log.load(session, rows(session, Iteration)[-1].proposal or "")
        assert last["advice"][0]["stop"] is True


def test_an_earlier_campaign_of_the_store_is_learned_from(tmp_path: Path) -> None:
    own = read_conditions_campaign(tmp_path)
    text = CAMPAIGN.replace("seed: 4", "seed: 9") + "earlier: [coupling-1]\n"
    later = read_conditions_campaign(tmp_path, text)
    with Store.open(tmp_path / "a.sqlite", create=True) as store:
        with pytest.raises(CampaignError, match="there is no campaign 'coupling-1' in the store"):
            desk.enroll(store, later, dry_run=True)
        desk.enroll(store, own, dry_run=True)
        engine(store).run()
        desk.enroll(store, later, dry_run=True)
        engine(store).run()
        with store.read() as session:
            second = [e for e in rows(session, Experiment) if e.campaign_id == "coupling-2" and e.iteration == 2]
            choices = [read_candidate(log.load(session, e.candidate)).predicted["reaction_yield"] for e in second]
            assert max(c.mean for c in choices) > 60.0, "it knows where yields are high"


# -- people ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def manual(tmp_path: Path) -> Store:
    with finished(tmp_path, read_conditions_campaign(tmp_path, BLIND + "review: {mode: manual}\n")) as store:
        yield store


def decide_all(store: Store, **verdict: Any) -> None:
    with store.read() as session:
        waiting = [e.id for _, e in desk.open_reviews(session)]
    for experiment in waiting:
        desk.decide(store, experiment, by="ada", **verdict)


def test_nothing_runs_before_a_person_approves(manual: Store) -> None:
    folder = next((manual.folder / "labs").iterdir())
    assert executions(folder) == []
    decide_all(manual, approve=True)
    engine(manual).run()
    assert len(executions(folder)) == 4


def test_a_forbidden_region_is_never_entered_again(manual: Store) -> None:
    with manual.read() as session:
        first = summary.experiments_of(session, "coupling-1")[0].id
    with pytest.raises(desk.DeskError, match="no option 'NaH'"):
        desk.decide(manual, first, approve=False, by="ada", reason="unsafe", forbid="base=NaH")
    with pytest.raises(desk.DeskError, match="cannot be read"):
        desk.decide(manual, first, approve=False, by="ada", reason="unsafe", forbid="[#8]")
    region = "temperature>=100; ligand=PPh3 or PCy3"
    desk.decide(manual, first, approve=False, by="ada", reason="unsafe", forbid=region)
    decide_all(manual, approve=True)
    engine(manual).run()
    while True:
        with manual.read() as session:
            if not desk.open_reviews(session):
                break
        decide_all(manual, approve=True)
        engine(manual).run()
    with manual.read() as session:
        (lesson,) = rows(session, Restriction)
        assert lesson.kind == "region"
        assert [w["parameter"] for w in json.loads(lesson.value)] == ["temperature", "ligand"]
        later = [e for e in summary.experiments_of(session, "coupling-1") if e.iteration > 1]
        assert len(later) >= 8
        for experiment in later:
            setting = setting_of(session, experiment)
            assert not (float(setting["temperature"]) >= 100.0 and setting["ligand"] in ("PPh3", "PCy3"))


def test_a_rejected_setting_is_not_proposed_again(manual: Store) -> None:
    with manual.read() as session:
        first = summary.experiments_of(session, "coupling-1")[0]
        setting = setting_of(session, first)
    desk.decide(manual, first.id, approve=False, by="ada", reason="uninteresting")
    decide_all(manual, approve=True)
    for _ in range(6):
        engine(manual).run()
        decide_all(manual, approve=True)
    assert list(settings(manual).values()).count(setting) == 1


def test_what_a_person_changed_is_what_is_learned(manual: Store) -> None:
    with manual.read() as session:
        first = summary.experiments_of(session, "coupling-1")[0]
        protocol = desk.plan_of(session, first)["protocol"]
    protocol["operations"][0]["setting"] = {"ligand": "PtBu3", "base": "K3PO4", "temperature": 80.0}
    child = desk.edit(manual, first.id, json.dumps(protocol), by="ada")
    engine(manual).run()
    with manual.read() as session:
        waiting = [e.id for _, e in desk.open_reviews(session)]
    assert child in waiting
    for experiment in waiting:
        desk.decide(manual, experiment, approve=True, by="ben")
    engine(manual).run()
    with manual.read() as session:
        own = summary.spec_of(session, session.exec(select(Campaign)).one())
        assert isinstance(own, ConditionsSpec)
        known = take(session, own, "coupling-1", as_of=10**9, before_iteration=2)
    (trial,) = [t.trial for t in known.tried if t.experiment_id == child]
    assert trial.setting["ligand"] == "PtBu3"
    assert trial.values["reaction_yield"] == pytest.approx(simulated_yield("PtBu3", "K3PO4", 80.0))
    assert first.id not in [t.experiment_id for t in known.tried]


# -- the command line, and kill -9 -----------------------------------------------------------------------------------


def test_run_status_and_experiments_speak_of_conditions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = CommandLine(capsys, monkeypatch, tmp_path)
    path = write_conditions(tmp_path, CAMPAIGN.replace("experiments: 12", "experiments: 7"))
    ran = call("run", path, "--dry-run", "--workers", 0, "--json")
    assert ran.code == 0, ran.err
    best = ran.document["best"]
    assert best["values"]["reaction_yield"] > 0.5
    shown = call("status").out
    assert in_words(best["setting"]) in shown
    assert "replayed from a table of results" in shown
    listed = call("experiments").out
    assert "† replayed: measured before, and answered from a table" in listed
    assert call("experiments", "--json").document[0]["setting"].keys() == {"ligand", "base", "temperature"}
    assert call("run", path, "--dry-run", "--workers", 0, "--acquisition", "random", "--json").code == 0


@pytest.mark.slow
def test_a_killed_campaign_proposes_the_same_batches(tmp_path: Path) -> None:
    path = write_conditions(tmp_path, CAMPAIGN.replace("experiments: 12", "experiments: 7"))
    found = compare(path.resolve(), tmp_path, kills=3, seed=5)
    assert found["kills"] == 3
    assert found["equal_to_undisturbed"]
    assert found["any_twice"] == found["not_terminal"] == found["uncollected"] == 0
    proposed = []
    for name in ("undisturbed", "killed"):
        with Store.open(tmp_path / f"{name}.sqlite") as store, store.read() as session:
            assert not [c for c in rows(session, Command) if c.state == "UNKNOWN"]
            experiments = summary.experiments_of(session, "coupling-1")
            proposed.append([(e.id, log.load(session, e.candidate)["choice"]) for e in experiments])
    assert proposed[0] == proposed[1], "the same settings, for the same reasons, to the last digit"
