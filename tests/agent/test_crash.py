"""Kill -9, and a disk that fills up: nothing is lost, nothing irreversible happens twice."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from agent import desk
from agent.lifecycle import Phase, State
from benchmarks.crash import compare
from knowledge.store import log
from knowledge.store.database import Store
from knowledge.store.tables import Campaign, Command, Experiment, Hold, SignalFile
from tests.agent.laboratory import engine, small

CAMPAIGN = """
name: crash
title: Thin liquids, interrupted
seed: 3
objectives: [{property: viscosity, direction: minimise, unit: mPa*s, worst: 10.0}]
constraints: [{property: boiling_point, minimum: 380 K, maximum: 480 K}]
budget: {experiments: 4, batch: 2}
references: {share: 0.0}
space: {max_heavy_atoms: 8}
search: {generators: [genetic], generations: 1, population: 20, checked: 6}
"""


@pytest.mark.slow
def test_killed_campaigns_end_like_undisturbed_ones(tmp_path: Path) -> None:
    """The robots' journals are asked, not our own tables. `python -m benchmarks.crash` does the same with 25 kills."""
    campaign = tmp_path / "crash.yaml"
    campaign.write_text(CAMPAIGN, encoding="utf-8")
    found = compare(campaign, tmp_path, kills=4, seed=2)
    assert found["kills"] == 4
    assert found["equal_to_undisturbed"]
    for what in (
        "not_terminal",
        "irreversible_twice",
        "any_twice",
        "commands_without_execution",
        "executions_without_command",
        "uncollected",
        "measuring_commands_without_signal",
    ):
        assert found[what] == 0, what


@pytest.fixture
def tight_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for very few signals."""
    folder = tmp_path / "tight"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_holds_the_campaign_and_loses_nothing(tmp_path: Path, tight_disk: Path) -> None:
    spec = small(budget={"experiments": 1, "batch": 1}, seed=5, lab={"failure_rate": 0.0})
    with Store.open(tmp_path / "a.sqlite", create=True) as store:
        store.folder.mkdir()
        (store.folder / "artifacts").symlink_to(tight_disk)
        desk.enroll(store, spec, dry_run=True)
        engine(store).run()
        with store.read() as session:
            hold = session.exec(select(Hold)).one()
            assert (hold.scope, hold.released_at) == ("campaign", None)
            assert "no room left for a signal" in hold.reason
            assert session.exec(select(Experiment.state)).one() == State.RUNNING
            before = len(session.exec(select(SignalFile)).all())
        assert not list(tight_disk.rglob(".part-*")), "no half-written signal stays"
        subprocess.run(["mount", "-o", "remount,size=4m", str(tight_disk)], check=True)
        desk.release(store, hold.subject, by="ada")
        engine(store).run()
        with store.read() as session:
            assert session.exec(select(Campaign.state)).one() == Phase.FINISHED
            assert session.exec(select(Experiment.state)).one() == State.CLOSED
            assert len(session.exec(select(SignalFile)).all()) > before
            assert all(c.collected for c in session.exec(select(Command)))
            log.verify(session)
