"""A file of a conditions campaign that cannot be used is answered with one line: file, line, key, what to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.campaign import CampaignError
from agent.campaign_file import read_campaign
from agent.conditions.table import coverage
from agent.specs import read_spec
from tests.agent.command_line import CAMPAIGN as MOLECULES
from tests.agent.command_line import CommandLine, write_campaign
from tests.agent.conditions import CAMPAIGN, read_conditions_campaign, write_conditions

TEMPERATURE = "{name: temperature, role: temperature, unit: degC, levels: [60, 80, 100, 120]}"
EQUIVALENTS = "    role: ligand\n    equivalents: 0.04\n"


def changed(*pairs: str) -> str:
    text = CAMPAIGN
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def with_rules(*rules: str) -> str:
    return CAMPAIGN + "rules:\n" + "".join(f"  - {rule}\n" for rule in rules)


CASES = {
    "kind": (changed("kind: conditions", "kind: magic"), ":1: kind: ", "choose from: molecules, conditions"),
    "unknown-key": (CAMPAIGN + "strat: 4\n", "strat: ", "did you mean 'start'?"),
    "unknown-deep": (changed("scale: 0.5 mmol", "sclae: 0.5 mmol"), ":13: reaction.sclae: ", "'scale'"),
    "key-twice": (CAMPAIGN + "start: 4\n", "'start' stands twice", "first in line"),
    "no-reaction": (changed("reaction:\n", "reaktion:\n"), "reaction: ", "is missing"),
    # the reaction
    "bad-smiles": (changed("Cc1ccc(Br)cc1", "Cc1ccc(Br)cc"), ":8: reaction.reactants[0]: ", "as a SMILES"),
    "bad-product": (changed("product: Cc", "product: C$c"), "reaction: cannot read", "as a SMILES"),
    "no-amount": (changed(", equivalents: 0.02", ""), ":11: reaction.agents[0]: ", "needs its 'equivalents'"),
    "solvent-amount": (
        changed("smiles: C1COCCO1", "smiles: C1COCCO1, equivalents: 3"),
        ":12: reaction.agents[1]: ",
        "the concentration says how much",
    ),
    "scale": (changed("0.5 mmol", "0.5 K"), "reaction: ", "unit 'K' does not fit: expected a unit like 'mol'"),
    "no-scale": (changed("0.5 mmol", "0 mmol"), "reaction: ", "'scale' should be more than 0 mol"),
    # the space
    "no-role": (changed("role: temperature", "role: heat"), "space[2].role: ", "'temperature'"),
    "levels-and-bounds": (changed(TEMPERATURE, TEMPERATURE[:-1] + ", low: 3}"), "space[2]: ", "either 'levels' or"),
    "descending": (changed("[60, 80, 100, 120]", "[80, 60]"), "space[2]: ", "different and ascending"),
    "no-temperature": (changed("unit: degC", "unit: mol"), "space[2].unit: ", "unit 'mol' does not fit"),
    "temperature-options": (
        changed("unit: degC, levels: [60, 80, 100, 120]", "options: [cold, hot]"),
        "space[2].role: ",
        "a temperature is a number",
    ),
    "ligand-number": (
        changed(TEMPERATURE, "{name: t, role: ligand, unit: degC, levels: [1, 2]}"),
        "space[2]: ",
        "give its 'options' by name, each with a SMILES",
    ),
    "option-smiles": (changed("PCy3: C1CCC(", "PCy3: C1CXC("), "space[0].options[1]", "as a SMILES"),
    "option-nothing": (
        changed("      PCy3: ", "      water:\n      PCy3: "),
        "space[0].options[1]: ",
        "'water' needs a SMILES: a ligand is weighed in (only 'none' leaves it out)",
    ),
    "no-equivalents": (changed("    equivalents: 0.04\n", ""), "space[0]: ", "'ligand' needs its 'equivalents'"),
    "two-temperatures": (
        changed(f"  - {TEMPERATURE}", f"  - {TEMPERATURE}\n  - {TEMPERATURE.replace('name: t', 'name: second t')}"),
        "space[3].role: ",
        "more than one temperature",
    ),
    "same-name": (changed("name: temperature", "name: base"), "space[2].name: ", "more than one parameter"),
    "loading-of-nothing": (
        changed(TEMPERATURE, "{name: load, role: loading, of: gold, unit: percent, low: 1, high: 5}"),
        "space[2].of: ",
        "there is no substance 'gold'; there are: ligand, base",
    ),
    "amount-twice": (
        changed(TEMPERATURE, "{name: load, role: loading, of: ligand, unit: percent, levels: [1, 5]}"),
        "space[0].equivalents: ",
        "a loading says how much 'ligand' there is",
    ),
    # rules
    "rule-option": (
        with_rules("{kind: forbidden, where: [{parameter: base, options: [NaH]}]}"),
        "rules[0]: ",
        "'base' has no option 'NaH'; it has K2CO3, Cs2CO3, K3PO4",
    ),
    "rule-parameter": (
        with_rules("{kind: linear, terms: {time: 1}, maximum: 3}"),
        "rules[0]: ",
        "there is no parameter 'time'",
    ),
    "rule-category": (with_rules("{kind: linear, terms: {base: 1}, maximum: 3}"), "rules[0]: ", "'base' is a category"),
    "rule-kind": (with_rules("{kind: never}"), "rules[0]: ", "'forbidden'"),
    "rules-contradict": (
        with_rules(
            "{kind: linear, terms: {temperature: 1}, minimum: 110}",
            "{kind: forbidden, where: [{parameter: temperature, minimum: 90}], reason: the vessel}",
        ),
        "rules: ",
        "the vessel",
    ),
    "rules-leave-one": (
        with_rules("{kind: listed, parameters: [ligand, base, temperature], rows: [[PCy3, K2CO3, 80]]}"),
        "space: ",
        "there is only one setting",
    ),
    # goals
    "goal": (changed("reaction_yield, direction", "boiling_point, direction", "unit: percent, worst", "unit: K, worst"),
             "objectives[0].property: ", "choose from: reaction_yield, conversion"),
    "not-in-table": (
        changed("property: reaction_yield", "property: conversion"),
        "objectives[0].property: ",
        "lab.outcomes has: reaction_yield",
    ),
    "goal-twice": (
        changed(
            "worst: 0}\n", "worst: 0}\n  - {property: reaction_yield, direction: minimise, unit: percent, worst: 9}\n"
        ),
        "objectives[1]: ",
        "stands in more than one objective",
    ),
    "worst-too-good": (changed("worst: 0}", "worst: 100}"), "objectives[0].worst: ", "nothing is better than 100"),
    "worst-impossible": (changed("worst: 0}", "worst: 140}"), "objectives[0].worst: ", "no reaction_yield is 140"),
    "too-many": (changed("experiments: 12", "experiments: 60"), "budget.experiments: ", "more than the 48 settings"),
    "start-beyond-budget": (changed("start: 4", "start: 13"), "start: ", "more than the budget of 12"),
    "nan": (changed("worst: 0}", "worst: .nan}"), "objectives[0].worst: ", "finite"),
    # the table
    "lab-parameter": (
        changed("parameters: {ligand: Ligand", "parameters: {legend: Ligand"),
        "lab.parameters.legend: ",
        "'space' has no parameter 'legend'",
    ),
    "lab-kind": (changed("kind: replay", "kind: virtual"), "lab.kind: ", "'replay'"),
    "no-column": (changed("{column: yield", "{column: Yeild"), "lab.table: ", "'Yeild' is not in it; its columns"),
    "no-parameter-column": (changed("base: Base", "base: Basen"), "lab.table: ", "column 'Basen' is not in it"),
    "own-name": (
        changed(", temperature: {column: T/K, unit: K}", ""),
        "lab.table: ",
        "column 'temperature' is not in it",
    ),
    "forgotten-unit": (
        changed("{column: yield, unit: percent}", "yield"),
        "lab.outcomes.reaction_yield: ",
        "column 'yield' has 98.49, which no reaction_yield is; write its unit",
    ),
    "wrong-unit": (changed("unit: percent}\n", "unit: K}\n"), "lab.outcomes.reaction_yield: ", "unit 'K' does not fit"),
    "continuous": (
        changed("levels: [60, 80, 100, 120]", "low: 60, high: 120"),
        "lab.parameters.temperature: ",
        "a table answers only what was measured: give 'temperature' its 'levels'",
    ),
    "no-table": (changed("table: table.csv", "table: other.csv"), "lab.table: ", "--table FILE or ATHANOR_TABLE"),
    "folder": (changed("table: table.csv", "table: ."), "lab.table: ", "cannot be read"),
    "nothing-in-common": (
        changed("unit: degC, levels: [60, 80, 100, 120]", "unit: degC, levels: [10, 20, 30, 40]"),
        "lab.parameters.temperature: ",
        "has no value of 'temperature'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("text, where, told", CASES.values(), ids=CASES)
def test_one_line_says_what_to_change(tmp_path: Path, text: str, where: str, told: str) -> None:
    path = write_conditions(tmp_path, text)
    with pytest.raises(CampaignError) as caught:
        read_campaign(path)
    words = str(caught.value)
    assert "\n" not in words
    assert words.startswith(f"{path}:")
    assert where in words
    assert told in words


@pytest.mark.parametrize(
    "cell, where, told",
    [
        ("130.5", "lab.outcomes.reaction_yield: ", "has 130.5, which no reaction_yield is"),
        ("-30", "lab.outcomes.reaction_yield: ", "has -30, which no reaction_yield is"),
        ("inf", "lab.table: ", "line 2, 'yield'"),
        ("plenty", "lab.table: ", "line 2, 'yield'"),
    ],
)
def test_a_result_that_nobody_can_believe_is_found_before_anything_runs(
    tmp_path: Path, cell: str, where: str, told: str
) -> None:
    path = write_conditions(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = ",".join([*lines[1].split(",")[:3], cell, "simulated"])
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_campaign(path)
    assert where in str(caught.value)
    assert told in str(caught.value)


def test_a_table_without_any_result_is_refused(tmp_path: Path) -> None:
    path = write_conditions(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    blank = [",".join([*line.split(",")[:3], "nan", "simulated"]) for line in lines[1:]]
    (tmp_path / "table.csv").write_text("\n".join([lines[0], *blank]), encoding="utf-8")
    with pytest.raises(CampaignError, match="no row has a number for 'yield'"):
        read_campaign(path)


def test_a_whole_file_is_the_same_campaign_however_its_table_is_found(tmp_path: Path) -> None:
    spec = read_conditions_campaign(tmp_path)
    assert spec.searched.names == ("ligand", "base", "temperature")
    assert spec.units == {"reaction_yield": "percent"}
    assert read_spec(spec.canonical()) == spec.model_copy(update={"lab": spec.lab.model_copy(update={"found": None})})
    assert read_spec(spec.canonical()).sha256 == spec.sha256
    (tmp_path / "elsewhere").mkdir()
    other = write_conditions(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "table.csv").unlink()
    assert read_campaign(other, tmp_path / "table.csv").sha256 == spec.sha256
    text = (tmp_path / "table.csv").read_text(encoding="utf-8")
    (tmp_path / "table.csv").write_text(text.replace("98.49", "98.5"), encoding="utf-8")
    assert read_conditions_campaign(tmp_path).sha256 != spec.sha256, "other results are another campaign"


def test_amounts_and_rules_may_be_searched_as_well(tmp_path: Path) -> None:
    """A loading in place of fixed equivalents, a substance left out, and one that counts beside another."""
    rules = (
        "{kind: only_when, parameter: loading, where: [{parameter: ligand, options: [PPh3, PCy3]}], otherwise: 0.01}",
        "{kind: linear, terms: {temperature: 1}, maximum: 110, reason: the vessel}",
    )
    text = with_rules(*rules).replace(EQUIVALENTS, "    role: ligand\n")
    text = text.replace(
        "objectives:", "  - {name: loading, role: loading, of: ligand, levels: [0.01, 0.04]}\nobjectives:"
    )
    text = text.replace("      PPh3:", "      none:\n      PPh3:")
    text = text.replace("parameters: {ligand", "parameters: {loading: Loading, ligand")
    write_conditions(tmp_path)
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    wide = [lines[0] + ",Loading", *(f"{line},{0.04 if 'PPh3' in line else 0.01}" for line in lines[1:])]
    (tmp_path / "table.csv").write_text("\n".join(wide), encoding="utf-8")
    spec = read_conditions_campaign(tmp_path, text)
    assert spec.space[0].options[0].name == "none"
    assert [str(rule) for rule in spec.searched.rules][1] == "temperature <= 110 (the vessel)"
    assert read_spec(spec.canonical()).sha256 == spec.sha256
    # Three temperatures and bases; with two of the five ligands also two loadings.
    assert coverage(spec).startswith("table.csv answers 36 of 63 settings (nothing of ligand none)")


def test_options_keep_their_order(tmp_path: Path) -> None:
    """What is stored sorts its keys; the codes of options must not move with them."""
    spec = read_conditions_campaign(tmp_path)
    stored = read_spec(spec.canonical())
    assert [o.name for o in spec.space[0].options] == ["PPh3", "PCy3", "PtBu3", "PMePh2"]
    assert stored.space == spec.space


def test_molecule_campaigns_are_what_they_were(tmp_path: Path) -> None:
    plain = read_campaign(write_campaign(tmp_path))
    named = read_campaign(write_campaign(tmp_path, "kind: molecules\n" + MOLECULES, "named.yaml"))
    assert plain == named
    assert "kind" not in plain.model_dump()
    with pytest.raises(CampaignError, match="a table belongs to a replay lab"):
        read_campaign(write_campaign(tmp_path), tmp_path / "table.csv")


def test_the_part_that_a_table_answers_is_told(tmp_path: Path) -> None:
    assert coverage(read_conditions_campaign(tmp_path)) == "table.csv answers 48 of 48 settings"
    (tmp_path / "part").mkdir()
    text = changed("[60, 80, 100, 120]", "[40, 60, 80, 100]")
    part = read_conditions_campaign(tmp_path / "part", text, without=(("PPh3", "K2CO3", 60.0),))
    assert coverage(part) == (
        "table.csv answers 35 of 48 settings (nothing of temperature 40.0); others end as chemistry that cannot be "
        "answered"
    )
    ruled = read_conditions_campaign(
        tmp_path / "part", text + "rules: [{kind: forbidden, where: [{parameter: temperature, maximum: 50}]}]\n"
    )
    assert coverage(ruled).startswith("table.csv answers 35 of 36 settings")


def test_repeated_rows_are_one_answer_and_told(tmp_path: Path) -> None:
    write_conditions(tmp_path)
    with (tmp_path / "table.csv").open("a", encoding="utf-8") as file:
        file.write("PPh3,K2CO3,333.15,9.34,simulated\n")
    assert coverage(read_conditions_campaign(tmp_path)) == (
        "table.csv answers 48 of 48 settings; 1 setting has several rows, which were averaged; they differ most in "
        "'yield', by 4 (lines 2, 50)"
    )


def test_validate_and_run_take_the_table_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = CommandLine(capsys, monkeypatch, tmp_path)
    monkeypatch.delenv("ATHANOR_TABLE", raising=False)
    path = write_conditions(tmp_path)
    assert "answers 48 of 48 settings" in call("validate", path).out
    (tmp_path / "table.csv").rename(tmp_path / "mine.csv")
    assert "there is no table" in call("validate", path).complaint
    assert "there is no table" in call("run", path, "--dry-run").complaint
    assert not (tmp_path / "runs" / "athanor.sqlite").exists(), "nothing was enrolled"
    assert call("validate", path, "--table", tmp_path / "mine.csv", "--json").document["coverage"].endswith("settings")
    monkeypatch.setenv("ATHANOR_TABLE", str(tmp_path / "mine.csv"))
    assert call("validate", path).code == 0
