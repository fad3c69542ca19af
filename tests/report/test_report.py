"""The report as a reader gets it: whole, escaped, self-contained, and honest about what was simulated."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from agent.report import render
from agent.report.causes import Causes, causes_of
from agent.report.data import ReportData
from tests.report.campaign import NAMES, campaign, experiments

_VOID = {"meta", "br", "use", "path", "circle", "link", "hr", "img", "input", "col"}


class _Balance(HTMLParser):
    """Notes tags that are opened and never closed, ids and what refers to something outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for key, value in attrs:
            if key == "id" and value:
                self.ids.append(value)
            if key in ("src", "href", "xlink:href", "data", "action") and not (value or "").startswith("#"):
                self.outside.append(f"{tag} {key}={value}")


def _parsed(html: str) -> _Balance:
    parser = _Balance()
    parser.feed(html)
    parser.close()
    return parser


def _text(html: str) -> str:
    body = re.sub(r"<(style|title)[^>]*>.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.fixture(scope="module")
def page() -> str:
    return render(campaign())


def test_it_is_one_well_formed_file_that_asks_for_nothing_outside(page: str) -> None:
    parsed = _parsed(page)
    assert parsed.open == []
    assert parsed.outside == []
    assert not parsed.tags & {"script", "iframe", "object", "embed", "img", "link"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_no_id_is_given_twice_and_every_drawing_refers_to_one_that_exists(page: str) -> None:
    ids = _parsed(page).ids
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert used <= set(ids)


def test_every_simulated_value_is_marked_with_its_origin(page: str) -> None:
    """In the experiments' tables each measured row carries a badge, and the box up front counts them."""
    counts = {"handbook": 0, "model": 0}
    for e in experiments():
        for m in e.measurements:
            counts[m.source.value.removeprefix("simulated:")] += 1
    text = _text(page)
    assert f"simulated: handbook {counts['handbook']} values" in text
    assert f"simulated: model {counts['model']} values" in text
    assert text.index("No flask was touched") < text.index("The goal")
    for e in experiments():
        section = page[page.index(f'id="{e.label}"') :].split("</details>")[0]
        assert section.count('<span class="badge') >= len(e.measurements)


def test_a_hansen_distance_with_one_modelled_part_is_not_shown_as_the_handbooks() -> None:
    first = experiments()[0]
    mixed = tuple(
        m.model_copy(update={"source": experiments()[3].measurements[0].source}) if m.property == "hansen_polar" else m
        for m in first.measurements
    )
    html = render(campaign([first.model_copy(update={"measurements": mixed})]))
    summary = html[html.index("<summary>") : html.index("</summary>")]
    assert summary.index("badge model") < summary.index("badge handbook")  # Ra stands first, viscosity after it


def test_the_front_and_the_limits_are_told(page: str) -> None:
    text = _text(page)
    assert "on the Pareto front" in text
    best = _section(page, "The best molecules")
    assert re.findall(r'href="#(E\d\d)"', best) == ["E05", "E03", "E04", "E08"]
    assert "423 to 503 K (150 °C to 230 °C)" in text


def _section(html: str, title: str) -> str:
    return html[html.index(f"<h2>{title}</h2>") :].split("</section>")[0]


def _with_a_better_reference() -> ReportData:
    """The bought molecule within all limits, and better than whatever was made."""
    rows = list(experiments())
    i = next(i for i, e in enumerate(rows) if e.candidate.purchasable)
    better = {
        "hansen_dispersion": 18.0, "hansen_polar": 12.2, "hansen_hydrogen": 7.1, "viscosity": 0.4,
        "boiling_point": 470.0, "flash_point": 360.0,
    }  # fmt: skip
    measurements = tuple(m.model_copy(update={"value": better[m.property]}) for m in rows[i].measurements)
    rows[i] = rows[i].model_copy(update={"measurements": measurements})
    return campaign(rows)


def test_what_was_bought_compares_and_does_not_count_as_found() -> None:
    html = render(_with_a_better_reference())
    assert re.findall(r'href="#(E\d\d)"', _section(html, "The best molecules")) == ["E05", "E03", "E04", "E08"]
    assert "E10" not in _text(_section(html, "In short"))
    assert "6 made and within all limits; 1 bought to compare with" in _text(_section(html, "In short"))
    bought = _section(html, "Bought references, to compare with")
    assert re.findall(r'href="#(E\d\d)"', bought) == ["E10"]
    assert "no made molecule is better in every objective: E10." in _text(bought)
    assert "bought reference" in _section(html, "All measured molecules against the objectives")


def test_without_anything_bought_there_is_no_section_for_it() -> None:
    html = render(campaign([e for e in experiments() if not e.candidate.purchasable]))
    assert "bought reference" not in html.lower()


@pytest.mark.parametrize(
    "unknown, shown",
    [
        ("", 'class="star"'),
        ("viscosity", "(viscosity not in the test data)"),
        ("hansen_polar", "not in the test data)"),
    ],
)
def test_the_compound_to_be_replaced_is_drawn_as_far_as_it_is_known(unknown: str, shown: str) -> None:
    data = campaign()
    assert data.goal.reference is not None
    values = {k: v for k, v in data.goal.reference.values.items() if k != unknown}
    goal = data.goal.model_copy(update={"reference": data.goal.reference.model_copy(update={"values": values})})
    plot = _section(render(data.model_copy(update={"goal": goal})), "All measured molecules against the objectives")
    assert shown in plot
    assert ('class="star"' in plot) is (not unknown)
    assert ('class="line target"' in plot) is bool(unknown)


def test_a_compound_of_which_nothing_is_known_has_no_place_in_the_legend() -> None:
    data = campaign()
    assert data.goal.reference is not None
    goal = data.goal.model_copy(update={"reference": data.goal.reference.model_copy(update={"values": {}})})
    plot = _section(render(data.model_copy(update={"goal": goal})), "All measured molecules against the objectives")
    assert "to be replaced" not in plot


def test_hazards_are_summed_up_and_the_most_frequent_reason_stands_first() -> None:
    data = campaign()
    counts = {"hazard: iarc:2B": 3, "hazard: cmr:hydrazine": 40, "proposed before": 2, "no route in 3 steps": 100}
    data = data.model_copy(
        update={"iterations": tuple(i.model_copy(update={"filtered": counts}) for i in data.iterations)}
    )
    section = _section(render(data), "What was left out, and why")
    text = _text(section)
    assert "hazard alert 43 43 43 129" in text
    order = (
        "no route in 3 steps",
        "hazard alert",
        "2 kinds of hazard alert",
        "cmr:hydrazine",
        "iarc:2B",
        "proposed before",
    )
    positions = [text.index(reason) for reason in order]
    assert positions == sorted(positions)
    folded = section[section.index("<details") : section.index("</details>")]
    assert "cmr:hydrazine" in folded
    assert "no route" not in folded


def test_the_first_cause_of_a_failure_is_told_and_the_rest_folded() -> None:
    outcome = (
        "purify: hardly any product (49.4 g of oils); isolated_mass: operation failed; reaction_yield: operation failed"
    )
    html = render(campaign([experiments()[0].model_copy(update={"failure": outcome})]))
    summary = html[html.index("<summary>") : html.index("</summary>")]
    assert "Purify: hardly any product (49.4 g of oils) (1 more)" in _text(summary)
    assert "operation failed" not in summary
    folded = html[html.index('<details class="more"><summary>1 more reason') :].split("</details>")[0]
    assert "Isolated mass and isolated yield: operation failed" in folded


def test_a_cause_that_many_measurements_share_is_told_once() -> None:
    found = causes_of("boiling_point: impure sample; flash_point: impure sample; viscosity: impure sample")
    assert found == Causes("Boiling point and 2 more: impure sample", ())
    assert causes_of("") is None
    assert causes_of("solid at 298 K: no liquid") == Causes("solid at 298 K: no liquid", ())


def test_routes_are_written_step_by_step(page: str) -> None:
    section = page[page.index('id="E07"') :].split("</details>")[0]
    text = _text(section)
    assert text.index("Step 1") < text.index("Step 2")
    assert "from step 1" in text
    assert "N-alkylation" in text
    assert "110 °C, 6 h" in text
    assert "isolated 74 %" in text
    assert "p-toluenesulfonic acid (2 mol %)" in text


def test_failures_are_told_with_their_reasons(page: str) -> None:
    text = _text(page)
    for e in experiments():
        if e.failure:
            assert e.failure in text
    assert "closed, no result" in text
    assert "rejected by a. chemist" in text


def test_what_is_unknown_about_hazards_is_never_called_safe(page: str) -> None:
    text = _text(page)
    assert "Unknown (not: safe): carcinogenicity; reproductive toxicity." in text
    assert "Not screened." in text


def test_a_campaign_that_has_just_begun_has_a_report() -> None:
    html = render(campaign([]))
    assert _parsed(html).open == []
    text = _text(html)
    assert "Nothing has been measured yet." in text
    assert "No experiment has begun." in text
    assert "0 of 24" in text


def test_an_aborted_campaign_without_measurements_has_a_report() -> None:
    rows = [e.model_copy(update={"measurements": (), "state": "CANCELLED"}) for e in experiments()]
    html = render(campaign(rows).model_copy(update={"status": "aborted", "status_note": "aborted by an operator"}))
    text = _text(html)
    assert "aborted by an operator" in text
    assert "No molecule has been made and measured within all limits." in text


def test_text_from_outside_is_text_and_not_markup() -> None:
    hostile = "<script>alert('x')</script>\"'&{{ 7*7 }}"
    first = experiments()[0]
    data = campaign([first.model_copy(update={"failure": hostile, "id": hostile})])
    goal = data.goal.model_copy(update={"title": hostile, "description": hostile, "rules": (hostile,)})
    html = render(
        data.model_copy(
            update={
                "goal": goal,
                "names": dict.fromkeys(NAMES, hostile),
                "status_note": hostile,
                "lab": hostile,
                "provenance": data.provenance.model_copy(update={"store": hostile, "versions": {hostile: hostile}}),
            }
        )
    )
    parsed = _parsed(html)
    assert "script" not in parsed.tags
    assert parsed.open == []
    assert "7*7" in html
    assert "&lt;script&gt;" in html


def test_a_hostile_name_does_not_leave_its_figure() -> None:
    """Names also stand in the figures, which are SVG and written by another library."""
    hostile = "</text></svg><script>1</script>"
    html = render(campaign().model_copy(update={"names": dict.fromkeys(NAMES, hostile)}))
    assert "script" not in _parsed(html).tags


def test_the_same_data_give_the_same_bytes(page: str) -> None:
    assert render(campaign()) == page


def test_it_survives_a_round_trip_through_json(page: str) -> None:
    data = campaign()
    assert ReportData.from_canonical(data.canonical()) == data


def test_twenty_four_experiments_fit_into_a_small_file() -> None:
    rows = [
        e.model_copy(update={"label": f"E{i:02d}", "id": f"c-{i}"})
        for i, e in enumerate((*experiments(), *experiments())[:24], 1)
    ]
    html = render(campaign(rows))
    assert len(html.encode()) < 4_000_000


def test_the_data_can_be_imported_without_anything_heavy() -> None:
    code = (
        "import sys, agent.report, agent.report.data;"
        "print(sorted({'matplotlib', 'rdkit', 'torch', 'jinja2', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
