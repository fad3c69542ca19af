"""`predict` says why: parts, precedents and the prior, as text, JSON and a page; none when it is not asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from knowledge.records.explanation import Explanation
from tests.agent.command_line import CommandLine

BOILING = ["--property", "boiling_point"]
VISCOUS = ["--property", "viscosity"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Boiling points with Joback's as a prior, and viscosities, whose scale is logarithmic, without one."""
    from agent.training import Training, train
    from knowledge.qspr.shelf import Shelf

    folder = tmp_path_factory.mktemp("models")
    train(Training("boiling_point", rows=60, models=("gp+prior",), split="random"), Shelf(folder))
    train(Training("viscosity", rows=60, models=("gp",), split="random"), Shelf(folder))
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_the_document_holds_the_whole_explanation(call: CommandLine, folder: Path) -> None:
    done = call("predict", "CCCCCO", *BOILING, "--folder", folder, "--json")
    assert done.code == 0, done.err
    (one,) = done.document["predictions"]
    why = Explanation.model_validate(one["explanation"])
    assert (why.smiles, one["unexplained"]) == ("CCCCCO", "")
    assert why.origin + sum(p.value for p in why.parts) == pytest.approx(one["value"])
    assert why.origin + sum(why.atoms) == pytest.approx(one["value"])
    assert max(why.parts, key=lambda p: p.value).name == "OH"
    assert len(why.precedents) == 5
    (prior,) = why.priors
    assert prior.line is not None
    assert prior.residual is not None
    assert prior.line + prior.residual == pytest.approx(one["value"])


def test_text_names_parts_precedents_and_the_prior_s_groups(call: CommandLine, folder: Path) -> None:
    out = call("predict", "CCCCCO", *BOILING, "--folder", folder).out
    assert re.search(r"parts +methane, where it begins, \d+\.?\d* K; .*OH \+\d", out)
    assert re.search(r"like +\d+ % \S+, \d+\.\d K, similarity 0\.\d\d", out)
    assert re.search(r"prior +Joback says 406\.2 K; corrected by a line .*4 × -CH2- \+91\.5 K", out)


def test_on_a_logarithmic_scale_parts_are_factors(call: CommandLine, folder: Path) -> None:
    done = call("predict", "CCCCCO", *VISCOUS, "--folder", folder, "--json")
    (one,) = done.document["predictions"]
    why = Explanation.model_validate(one["explanation"])
    assert why.scale == "log"
    assert why.priors == ()
    assert max(why.parts, key=lambda p: p.value).name == "OH"
    out = call("predict", "CCCCCO", *VISCOUS, "--folder", folder).out
    assert re.search(r"OH ×[2-9]\.?\d*", out)  # viscosities of alcohols are several times those of alkanes
    assert "mPa·s" in out


def test_the_page_colours_the_molecule(call: CommandLine, folder: Path, tmp_path: Path) -> None:
    html = tmp_path / "why.html"
    done = call("predict", "CCCCCO", "C[Si](C)(C)C", *BOILING, "--folder", folder, "--html", html)
    assert done.code == 0, done.err
    page = html.read_text(encoding="utf-8")
    discs = re.findall(r'<circle class="(raises|lowers)" cx="[\d.]+" cy="[\d.]+" r="9" fill-opacity="([\d.]+)"/>', page)
    assert 4 <= len(discs) <= 11  # one an atom, none where the part adds next to nothing
    assert max(float(opacity) for _, opacity in discs) == 0.8
    assert "What each part adds" in page
    assert "Joback does not know this molecule" in page
    assert page.count('<div class="card explained">') == 2
    assert "<script" not in page
    assert "101.325 kPa" in page


def test_nobody_is_told_who_does_not_want_it(call: CommandLine, folder: Path, tmp_path: Path) -> None:
    html = tmp_path / "plain.html"
    done = call("predict", "CCCCCO", *BOILING, "--folder", folder, "--no-explain", "--json", "--html", html)
    (one,) = done.document["predictions"]
    assert (one["explanation"], one["unexplained"]) == (None, "not asked for")
    page = html.read_text(encoding="utf-8")
    assert "What each part adds" not in page
    assert "The nearest that it learned from" in page
    out = call("predict", "CCCCCO", *BOILING, "--folder", folder, "--no-explain").out
    assert "parts" not in out
    assert out.count("like") == 3


def test_many_molecules_are_explained_only_when_asked_for(call: CommandLine, folder: Path) -> None:
    many = ["C" * n for n in range(2, 23)]
    plain = call("predict", *many, *BOILING, "--folder", folder, "--json").document["predictions"]
    assert all(one["explanation"] is None and "asked for" in one["unexplained"] for one in plain)
    asked = call("predict", *many[:3], *BOILING, "--folder", folder, "--explain", "--json").document["predictions"]
    assert all(one["explanation"] is not None for one in asked)
