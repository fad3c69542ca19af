"""A campaign file that cannot be used is answered with one line: file, line, key, and what to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.campaign import CampaignError, CampaignSpec
from agent.campaign_file import read_campaign
from tests.agent.command_line import CAMPAIGN, write_campaign

BASE = """\
name: tiny
title: Thin liquids
objectives:
  - {property: viscosity, direction: minimise, unit: mPa*s, worst: 20.0}
budget: {experiments: 2, batch: 2}
"""
GREEN = Path(__file__).parents[2] / "config" / "campaigns" / "green_solvent.yaml"


def complaint(folder: Path, text: str | bytes) -> str:
    """What follows the file's name in the one line."""
    path = folder / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CampaignError) as caught:
        read_campaign(path)
    words = str(caught.value)
    assert "\n" not in words
    assert len(words) < 700
    assert words.startswith(str(path))
    return words.removeprefix(str(path))


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


CASES = {
    # not YAML
    "unclosed": (BASE + "space: {preset: solvent\n", ":7: not valid YAML", "'}'"),
    "tab": (BASE.replace("  - {", "\t- {"), ":4: not valid YAML", "'\\t'"),
    "unknown-alias": (BASE + "space: *nope\n", ":6: not valid YAML", "nope"),
    "python-object": (BASE + "space: !!python/object/apply:os.system ['true']\n", ":6: not valid YAML", "tag"),
    "two-documents": (BASE + "---\n" + BASE, ":6: not valid YAML", "another document"),
    "key-twice": (BASE + "title: another\n", ":6: ", "'title' stands twice (first in line 2)"),
    "nested-key-twice": (changed("batch: 2", "batch: 2, batch: 1"), ":5: ", "'batch' stands twice"),
    "nul": (BASE + "\0\n", ":6: not valid YAML", "character"),
    "impossible-date": (changed("Thin liquids", "2026-02-31"), ": not valid YAML", "day"),
    "deep": ("name: " + "[" * 3000 + "]" * 3000, ": ", "nested too deeply"),
    "binary": (bytes(range(256)) * 4, ": ", "UTF-8"),
    "latin-1": (BASE.replace("Thin", "Dünn").encode("latin-1"), ": ", "UTF-8"),
    "huge": ("# " + "x" * 1_100_000, ": ", "more than 1000000 characters"),
    # not a campaign
    "empty": ("", ":1: the file is empty", "objectives"),
    "comment": ("# nothing\n", ":1: the file is empty", "budget"),
    "list": ("- a\n", ":1: this is no campaign", "objectives"),
    # keys
    "unknown-key": (BASE + "budgett: 3\n", ":6: budgett: ", "did you mean 'budget'?); known here: name, title"),
    "unknown-nested": (
        changed("batch: 2", "batch: 2, bacth: 3"),
        ":5: budget.bacth: ",
        "known here: experiments, batch",
    ),
    "unknown-in-list": (changed("worst: 20.0", "worst: 20.0, wurst: 1"), ":4: objectives[0].wurst: ", "'worst'"),
    "unknown-deep": (BASE + "lab:\n  noise:\n    balance: 2\n", ":8: lab.noise.balance: ", "balance_g"),
    "missing": (changed("name: tiny\n", ""), ":1: name: ", "is missing"),
    "number-key": (BASE + "7: 8\n", ":6: ", "Keys should be strings"),
    # numbers
    "negative-budget": (changed("experiments: 2", "experiments: -2"), ":5: budget.experiments: ", "(got -2)"),
    "huge-budget": (changed("experiments: 2", "experiments: 1" + "0" * 30), ":5: budget.experiments: ", "100000"),
    "text-budget": (changed("experiments: 2", "experiments: two"), ":5: budget.experiments: ", "(got 'two')"),
    "yes-budget": (changed("experiments: 2", "experiments: yes"), ":5: budget.experiments: ", "integer"),
    "batch-beyond-budget": (changed("batch: 2", "batch: 3"), ":5: budget.batch: ", "more than the budget of 2"),
    "huge-seed": (BASE + "seed: 99999999999999999999\n", ":6: seed: ", "2147483647"),
    "nan": (changed("worst: 20.0", "worst: .nan"), ":4: objectives[0].worst: ", "finite"),
    "infinite": (changed("worst: 20.0", "worst: .inf"), ":4: objectives[0].worst: ", "finite"),
    "overflow": (changed("worst: 20.0", "worst: 1e400"), ":4: objectives[0].worst: ", "finite"),
    "nan-quantity": (BASE + "making: {target_mass: nan g}\n", ":6: making.target_mass.value: ", "finite"),
    "negative-mass": (BASE + "making: {target_mass: -3 g}\n", ":6: making.target_mass: ", "more than 0 g"),
    "endless-approval": (BASE + "review: {expires_after: 1e30 hour}\n", ":6: review.expires_after: ", "at most"),
    "million-robots": (BASE + "lab: {synthesisers: 1000000}\n", ":6: lab.synthesisers: ", "at most 96"),
    # properties and units
    "unknown-property": (
        changed("viscosity", "viscositee"),
        ":4: objectives[0]: ",
        "known: boiling_point, flash_point",
    ),
    "unknown-constraint": (BASE + "constraints:\n  - property: density\n    minimum: 3 K\n", ":7: ", "'density'"),
    "wrong-dimension": (
        changed("mPa*s", "K"),
        ":4: objectives[0]: ",
        "unit 'K' does not fit: expected a unit like 'mPa*s'",
    ),
    "unknown-unit": (changed("mPa*s", "florp"), ":4: objectives[0]: ", "unknown unit 'florp'"),
    "unit-expression": (changed("mPa*s", "'1/0'"), ":4: objectives[0]: ", "unit"),
    "unit-bracket": (changed("mPa*s", "'('"), ":4: objectives[0]: ", "unit"),
    "unit-code": (changed("mPa*s", "'__import__(\"os\")'"), ":4: objectives[0]: ", "unit"),
    "constraint-dimension": (
        BASE + "constraints:\n  - property: flash_point\n    minimum: 333 kg\n",
        ":8: constraints[0]: ",
        "unit 'kg' does not fit",
    ),
    "no-unit": (
        BASE + "constraints:\n  - {property: flash_point, minimum: 333}\n",
        ":7: ",
        "a number, a blank and a unit",
    ),
    "time-in-kelvin": (BASE + "review: {expires_after: 3 K}\n", ":6: review.expires_after: ", "'hour'"),
    "not-measured": (changed("viscosity", "melting_point").replace("mPa*s", "K"), ":4: ", "no instrument measures"),
    "no-model": (changed("viscosity", "purity").replace("mPa*s", "dimensionless"), ":4: ", "choose from"),
    # contradictions
    "within": (
        BASE + "constraints:\n  - {property: flash_point, minimum: 400 K, maximum: 300 K}\n",
        ":7: constraints[0]: ",
        "minimum 400 K > maximum 300 K",
    ),
    "across": (
        BASE
        + "constraints:\n  - {property: boiling_point, maximum: 100 degC}\n"
        + "  - {property: flash_point, minimum: 410 K}\n",
        ":8: constraints[1].minimum: ",
        "flash_point >= 410 K cannot hold with boiling_point <= 373.15 K",
    ),
    "twice": (
        BASE
        + "constraints:\n  - {property: boiling_point, maximum: 400 K}\n"
        + "  - {property: boiling_point, minimum: 300 K}\n",
        ":8: constraints[1]: ",
        "more than one constraint",
    ),
    "against-objective": (
        BASE + "constraints:\n  - {property: viscosity, minimum: 0.03 Pa*s}\n",
        ":7: constraints[0].minimum: ",
        "nothing is better than its 'worst', 20 mPa*s",
    ),
    "below-zero": (BASE + "constraints:\n  - {property: boiling_point, maximum: -5 K}\n", ":7: ", "no molecule"),
    "worthless": (changed("worst: 20.0", "worst: 0"), ":4: objectives[0].worst: ", "more than 0 mPa*s"),
    "sizes": (BASE + "space: {min_heavy_atoms: 20, max_heavy_atoms: 10}\n", ":6: space: ", "contradictory size"),
    "locked-and-forbidden": (
        BASE + "space: {locked: [CO], forbidden: [CO]}\n",
        ":6: space: ",
        "both locked and forbidden",
    ),
    # chemistry
    "smarts": (
        BASE + "space:\n  forbidden:\n    - '[SX2H]'\n    - '[SX2H'\n",
        ":9: space: ",
        "'[SX2H' is not a SMARTS pattern",
    ),
    "element": (BASE + "space: {elements: [C, Xx]}\n", ":6: space: ", "'Xx' is not supported"),
    "hazard-name": (BASE + "review: {two_people_for: [energetc]}\n", ":6: review.two_people_for[0]: ", "energetic"),
    # choices
    "direction": (changed("minimise", "minimize"), ":4: objectives[0].direction: ", "'minimise' or 'maximise'"),
    "generator": (BASE + "search: {generators: [libary]}\n", ":6: search.generators[0]: ", "library"),
    "no-generator": (BASE + "search: {generators: []}\n", ":6: search.generators: ", "at least one"),
    "name": (changed("name: tiny", "name: My Campaign!"), ":1: name: ", "lower-case"),
    "not-a-list": (changed("  - {property", "  {property"), ":3: objectives: ", "a list"),
    "lab-nothing": (BASE + "lab:\n", ":6: lab: ", "expected the keys kind, seed"),
    "kind": (BASE + "lab: {kind: real}\n", ":6: lab.kind: ", "'virtual'"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_line_says_where_and_what(case: str, tmp_path: Path) -> None:
    text, where, what = CASES[case]
    words = complaint(tmp_path, text)
    assert words.startswith(where), words
    assert what in words, words
    assert "(and" not in words, f"one mistake is said once: {words}"


def test_all_mistakes_are_counted(tmp_path: Path) -> None:
    words = complaint(tmp_path, BASE + "seed: -1\nsearch: {generators: [x]}\n")
    assert words.startswith(":6: seed: ")
    assert words.endswith("(and 1 more)")


@pytest.mark.parametrize("key, text", [("lab", "noise:\n  detector: -1\n"), ("review", "envelope:\n  max_steps: -1\n")])
def test_a_mistake_in_a_named_file_names_that_file(key: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(text)
    path = write_campaign(tmp_path, BASE + f"{key}: other.yaml\n")
    with pytest.raises(CampaignError, match=r"other\.yaml:2: \w+\.\w+: .*\(got -1\)"):
        read_campaign(path)


@pytest.mark.parametrize("named", ["nowhere.yaml", "."])
def test_a_named_file_that_cannot_be_read_is_traced_to_its_key(named: str, tmp_path: Path) -> None:
    path = write_campaign(tmp_path, BASE + f"lab: {named}\n")
    with pytest.raises(CampaignError, match=r"\(named in .*tiny\.yaml:6: lab\)"):
        read_campaign(path)


@pytest.mark.parametrize("path", ["nowhere.yaml", ".", "/dev/null", "x" * 300])
def test_what_is_no_file(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignError) as caught:
        read_campaign(Path(path))
    assert "Errno" not in str(caught.value)


def test_files_that_stand_in_the_project_are_valid(tmp_path: Path) -> None:
    green = read_campaign(GREEN)
    assert green.budget.experiments == 24
    assert green.properties == (
        "boiling_point",
        "flash_point",
        "hansen_dispersion",
        "hansen_hydrogen",
        "hansen_polar",
        "melting_point",
        "viscosity",
    )
    assert read_campaign(write_campaign(tmp_path, CAMPAIGN)).budget.batch == 2


@pytest.mark.parametrize("layout", [BASE.replace("\n", "\r\n"), "\ufeff" + BASE, "# a remark\n" + BASE + "\n\n"])
def test_layout_does_not_change_the_revision(layout: str, tmp_path: Path) -> None:
    plain = read_campaign(write_campaign(tmp_path, BASE))
    path = tmp_path / "other.yaml"
    path.write_bytes(layout.encode())
    assert read_campaign(path).sha256 == plain.sha256


def test_a_spec_survives_the_store(tmp_path: Path) -> None:
    spec = read_campaign(GREEN)
    assert CampaignSpec.from_canonical(spec.canonical()) == spec


def test_celsius_is_understood(tmp_path: Path) -> None:
    text = BASE + "constraints:\n  - {property: flash_point, minimum: 60 degC}\n"
    assert read_campaign(write_campaign(tmp_path, text)).constraints[0].bounds[0] == pytest.approx(333.15)


@given(
    text=st.text(max_size=60)
    | st.lists(
        st.sampled_from([*BASE.splitlines(), "- x", "  y: [", "budget: {}", "? :", "&a *a", "seed: 1e9"]), max_size=8
    ).map("\n".join)
)
def test_whatever_stands_in_a_file_the_answer_is_one_line(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    assert "\n" not in what_is_said(path)


def what_is_said(path: Path) -> str:
    try:
        read_campaign(path)
    except CampaignError as error:
        return str(error)
    return ""
