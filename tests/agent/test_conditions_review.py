"""People before a conditions campaign: what they read, and what their rejections teach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from agent import desk
from agent.compute import Inline
from agent.conditions.regions import read_region
from agent.conditions.trials import setting_of, take
from agent.conditions.wishes import DISLIKED, LIKED
from agent.engine import Engine
from knowledge.records.space import Setting, Where
from knowledge.store import log
from knowledge.store.database import Store
from knowledge.store.tables import Iteration, Restriction
from tests.agent.command_line import CommandLine
from tests.agent.conditions import CAMPAIGN, read_conditions_campaign, write_conditions
from tests.instruments.replay_bench import SPACE

ID = "coupling-1"
SPEC = CAMPAIGN + "review: {mode: manual}\n"


def work(store: Store) -> None:
    Engine(store, compute=Inline(), devices=Inline(), wait_for_people=False).run()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Store]:
    """The first four settings await a decision."""
    with Store.open(tmp_path / "athanor.sqlite", create=True) as store:
        desk.enroll(store, read_conditions_campaign(tmp_path, SPEC), dry_run=True)
        work(store)
        yield store


def open_(store: Store) -> dict[str, Setting]:
    with store.read() as session:
        return {e.id: setting_of(session, e) for _, e in desk.open_reviews(session)}


def approve_all(store: Store) -> None:
    for experiment in open_(store):
        desk.decide(store, experiment, approve=True, by="ada")
    work(store)


def lessons(store: Store) -> list[tuple[str, str]]:
    with store.read() as session:
        return [(r.kind, r.value) for r in session.exec(select(Restriction).order_by(Restriction.id))]


@pytest.mark.parametrize(
    "words, region",
    [
        ("ligand=PPh3,temperature>=100", [("ligand", ("PPh3",), None, None), ("temperature", (), 100.0, None)]),
        ("temperature <= 80degC ; base = K2CO3 or K3PO4",
         [("temperature", (), None, 80.0), ("base", ("K2CO3", "K3PO4"), None, None)]),
        ("temperature=80", [("temperature", (), 80.0, 80.0)]),
    ],
)  # fmt: skip
def test_a_region_in_words(words: str, region: list[tuple[str, tuple[str, ...], float | None, float | None]]) -> None:
    expected = [Where(parameter=p, options=o, minimum=low, maximum=high) for p, o, low, high in region]
    assert list(read_region(SPACE, words)) == expected


@pytest.mark.parametrize(
    "words, complaint",
    [
        ("solvent=DMF", "there is no parameter 'solvent'"),
        ("ligand=dppf", "'ligand' has no option 'dppf'"),
        ("ligand>=PPh3", "'ligand' has options"),
        ("temperature>=hot", "'temperature' is a number in degC"),
        ("ligand", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_what_is_no_region_is_said_in_one_line(words: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        read_region(SPACE, words)
    assert "\n" not in str(raised.value)


def test_a_preference_counts_in_all_later_choices(waiting: Store) -> None:
    first, *_ = open_(waiting)
    desk.decide(
        waiting, first, approve=False, by="ada", reason="unavailable", forbid="ligand=PMePh2", prefer="base=Cs2CO3"
    )
    approve_all(waiting)
    (region, _), (kind, liked) = lessons(waiting)
    assert (region, kind) == ("region", "preference")
    assert f'"weight":{LIKED}' in liked
    spec = read_conditions_campaign(Path(waiting.folder).parent, SPEC)
    with waiting.read() as session:
        known = take(session, spec, ID, as_of=10**9, before_iteration=3)
        assert [p.weight for p in known.preferences] == [LIKED]
        proposal = log.load(session, session.exec(select(Iteration.proposal).where(Iteration.number == 2)).one() or "")
    assert "an improvement where base is Cs2CO3 counts 2 times" in proposal["words"]
    chosen = open_(waiting).values()
    assert all(s["ligand"] != "PMePh2" for s in chosen)
    assert any(s["base"] == "Cs2CO3" for s in chosen)


def test_what_is_uninteresting_counts_less_and_never_comes_again(waiting: Store) -> None:
    first, setting = next(iter(open_(waiting).items()))
    desk.decide(waiting, first, approve=False, by="ada", reason="uninteresting")
    approve_all(waiting)
    (region, exact), (kind, dull) = lessons(waiting)
    assert (region, kind) == ("region", "preference")
    assert f'"weight":{DISLIKED}' in dull
    assert str(setting["ligand"]) in dull
    assert "temperature" not in dull
    assert '"minimum":' in exact
    assert setting not in open_(waiting).values()


def test_the_later_word_on_a_region_counts(waiting: Store) -> None:
    """One person finds it uninteresting, another one prefers it."""
    first, second, *_ = open_(waiting).items()
    desk.decide(waiting, first[0], approve=False, by="ada", reason="uninteresting")
    ligand, base = first[1]["ligand"], first[1]["base"]
    desk.decide(waiting, second[0], approve=False, by="max", reason="other", prefer=f"ligand={ligand}; base={base}")
    work(waiting)
    spec = read_conditions_campaign(Path(waiting.folder).parent, SPEC)
    with waiting.read() as session:
        known = take(session, spec, ID, as_of=10**9, before_iteration=2)
    assert [p.weight for p in known.preferences] == [LIKED]


def test_an_option_that_is_out_of_stock_comes_back(waiting: Store) -> None:
    first, *_ = open_(waiting)
    desk.decide(waiting, first, approve=False, by="ada", reason="unavailable", forbid="ligand=PtBu3")
    work(waiting)
    spec = read_conditions_campaign(Path(waiting.folder).parent, SPEC)
    with waiting.read() as session:
        masked = take(session, spec, ID, as_of=10**9, before_iteration=4).rules
        later = take(session, spec, ID, as_of=10**9, before_iteration=5).rules
    assert [str(rule.where[0]) for rule in masked] == ["ligand is PtBu3"]
    assert later == ()


def test_the_commands_of_a_reviewer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = CommandLine(capsys, monkeypatch, tmp_path)
    write_conditions(tmp_path, SPEC)
    spec = read_conditions_campaign(tmp_path, SPEC)
    with Store.open(tmp_path / "s.sqlite", create=True) as store:
        desk.enroll(store, spec, dry_run=True)
        work(store)
        approve_all(store)
        experiment, setting = next(iter(open_(store).items()))
    on = ("--store", tmp_path / "s.sqlite")
    listed = command("review", "list", *on)
    assert str(setting["ligand"]) in listed.out
    assert command("review", "list", *on, "--json").document[0]["setting"] == setting
    shown = command("review", "show", experiment, *on).out
    for word in (
        "conditions",
        "degC",
        "improvement",
        "promise",
        "only its doubt offers",
        "likeness",
        "of a measurement",
    ):
        assert word in shown
    choice = command("review", "show", experiment, *on, "--json").document["candidate"]["choice"]
    assert choice["setting"] == setting
    assert choice["promise"] >= 0.0 < choice["uncertainty"]
    refused = command("review", "reject", experiment, *on, "--reason", "other", "--prefer", "base=NaH", "--as", "ada")
    assert "'base' has no option 'NaH'" in refused.complaint
    done = command(
        "review", "reject", experiment, *on, "--reason", "unsafe", "--forbid", "base=K3PO4,temperature>=120",
        "--prefer", "base=K2CO3", "--as", "ada", "--json",
    )  # fmt: skip
    assert done.document["verdict"] == "rejected"
    with Store.open(tmp_path / "s.sqlite") as store:
        work(store)
        other = next(iter(open_(store)))
    told = command("review", "show", other, *on).out
    assert "not where base is K3PO4 and 120 <= temperature (unsafe, since " in told
    assert "an improvement where base is K2CO3 counts 2 times" in told
