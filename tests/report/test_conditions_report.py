"""The report of a conditions campaign, made from a store that the real engine wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from agent import desk
from agent.commands.options import Unusable
from agent.compute import Inline
from agent.conditions.gather import BadPicture, gather_conditions, pair_of
from agent.conditions.spec import ConditionsSpec
from agent.engine import Engine
from agent.report.conditions_data import ConditionsData, Lesson
from agent.report.conditions_page import render_conditions
from agent.session import write_report
from knowledge.records.objective import Direction, Objective
from knowledge.store.database import Store
from tests.agent.conditions import read_conditions_campaign
from tests.instruments.replay_bench import BASES, LIGANDS, simulated_yield

AT = "2026-11-23T06:00:00+00:00"
ID = "coupling-1"
MISSING = tuple((ligand, base, 120.0) for ligand in LIGANDS for base in BASES)
"""The hot experiments have no result: their chemistry fails."""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ConditionsSpec:
    return read_conditions_campaign(tmp_path_factory.mktemp("file"), without=MISSING)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, spec: ConditionsSpec) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store") / "a.sqlite", create=True) as opened:
        desk.enroll(opened, spec, dry_run=True)
        Engine(opened, compute=Inline(), devices=Inline(), wait_for_people=False).run()
        yield opened


@pytest.fixture(scope="module")
def data(store: Store) -> ConditionsData:
    return gather_conditions(store, ID, generated_at=AT)


@pytest.fixture(scope="module")
def page(data: ConditionsData) -> str:
    return render_conditions(data)


def text(page: str) -> str:
    body = page[page.index("<body>") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", body, flags=re.DOTALL)))


def test_every_experiment_stands_with_setting_and_value(data: ConditionsData, page: str) -> None:
    assert len(data.experiments) == 12
    told = text(page)
    for e in data.experiments:
        assert f'id="{e.label}"' in page
        ligand, base, celsius = (e.setting[n] for n in ("ligand", "base", "temperature"))
        if e.failed:
            assert (celsius, e.values) == (120.0, {})
            assert "no result for these conditions" in e.failure
        else:
            assert e.values["reaction_yield"] == pytest.approx(simulated_yield(str(ligand), str(base), float(celsius)))
    assert "What gave nothing" in told
    assert f"{sum(e.failed for e in data.experiments)} experiment" in told
    assert "12 of 12" in told


def test_choices_say_why(data: ConditionsData, page: str) -> None:
    told = text(page)
    assert "spread over the space, before any model could be asked" in told
    chosen = [e for e in data.experiments if e.choice.rule == "improvement"]
    assert chosen
    for e in chosen:
        assert e.choice.promise is not None
        assert e.choice.uncertainty is not None
        assert e.known_best is not None
        assert len(e.choice.nearest) > 0
    assert told.count("offered by its doubt") == len(chosen)
    assert page.count('class="split"') == len(chosen)
    assert "Known experiments most like it" in told


def test_the_model_is_drawn_over_the_two_that_matter_most(data: ConditionsData, page: str) -> None:
    (insight,) = data.insights
    order = sorted(insight.influences, key=lambda i: -i.total)
    assert insight.surface is not None
    assert {insight.surface.across.parameter, insight.surface.up.parameter} == {i.axis.parameter for i in order[:2]}
    assert np.isfinite(insight.surface.mean).all()
    assert len(insight.surface.points) == 12
    assert sum(p.failed for p in insight.surface.points) == sum(e.failed for e in data.experiments)
    assert insight.surface.feasibility.min() < 0.9
    assert "with interactions" in text(page)


def test_the_page_is_whole_and_needs_nothing_else(page: str, data: ConditionsData) -> None:
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert "<script" not in page
    for drawing in re.findall(r'<svg class="figure".*?</svg>', page, flags=re.DOTALL):
        ElementTree.fromstring(drawing.replace("xlink:", ""))
    assert page.count('<svg class="figure"') >= 6
    assert render_conditions(data) == page


def test_any_two_parameters_can_be_asked_for(store: Store, spec: ConditionsSpec, tmp_path: Path) -> None:
    assert pair_of(spec, "base, temperature") == ("base", "temperature")
    path = write_report(store, ID, tmp_path / "r.html", over="base,temperature")
    assert "over the two parameters base and temperature" in text(path.read_text(encoding="utf-8"))
    for wrong in ("base", "base,base", "base,solvent", "", "base,temperature,ligand"):
        with pytest.raises(BadPicture, match="base"):
            pair_of(spec, wrong)
        with pytest.raises((desk.DeskError, Unusable), match="--over"):
            write_report(store, ID, tmp_path / "r.html", over=wrong)


def test_what_operators_said_and_two_objectives(data: ConditionsData) -> None:
    said = Lesson("region", "not where base is K2CO3 and 100 <= temperature", "unsafe", "E03", None)
    both = (
        *data.goal.objectives,
        Objective(property="conversion", direction=Direction.MAXIMISE, unit="percent", worst=0.0),
    )
    goal = data.goal.model_copy(update={"objectives": both})
    told = text(render_conditions(replace(data, lessons=(said,), goal=goal)))
    assert "What operators said" in told
    assert "not where base is K2CO3 and 100 &lt;= temperature" in told


def test_a_campaign_just_begun_has_a_report(tmp_path: Path) -> None:
    own = read_conditions_campaign(tmp_path)
    with Store.open(tmp_path / "a.sqlite", create=True) as fresh:
        desk.enroll(fresh, own, dry_run=True)
        data = gather_conditions(fresh, ID, generated_at=AT)
        told = text(render_conditions(data))
    assert "Nothing has been measured yet" in told
    assert "No experiment has begun" in told
    assert "fewer than 3 different results" in told
