"""Reasons of predictions in words and in the campaign's report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO

import numpy as np
import pytest
from rdkit import Chem

from agent.report import explained, render
from agent.report.structures import Structures
from knowledge.qspr.contract import Belief, Samples, Stored
from knowledge.qspr.explain import explain
from knowledge.records.explanation import Basis, Explanation, Forecast, PriorShare, Term
from knowledge.records.properties import get_property
from tests.report.campaign import campaign, experiments

BOILING, VISCOSITY = get_property("boiling_point"), get_property("viscosity")
ALKANOLS = ("CCO", "CCCO", "CCCCO", "CCCCCO", "CCOC", "CCCC", "CC(=O)OC", "CCCN")


class Toy:
    """200 K, 20 K for each carbon and 100 K for each oxygen."""

    def predict(self, smiles: Sequence[str]) -> Belief:
        mean = np.array([200.0 + 20.0 * s.upper().count("C") + 100.0 * s.count("O") for s in smiles])
        return Belief(mean, np.zeros(len(smiles)), np.zeros(len(smiles)))

    def stored(self) -> Stored:
        return Stored({}, {})


def why(smiles: str) -> Explanation:
    samples = Samples(ALKANOLS, Toy().predict(ALKANOLS).mean, np.zeros(len(ALKANOLS)))
    return explain(Toy(), samples, BOILING, smiles, model="toy", precedents=2)


def forecast(smiles: str, *, in_domain: bool = True) -> Forecast:
    found = why(smiles)
    return Forecast(
        property="boiling_point",
        value=found.prediction,
        low=found.prediction - 12.0,
        high=found.prediction + 12.0,
        level=0.9,
        calibrated=True,
        in_domain=in_domain,
        reason="" if in_domain else "no training molecule holds S",
        explanation=found,
    )


def test_parts_of_one_name_are_told_together_the_strongest_first() -> None:
    # Added to methane, 220 K: four more carbons at 20 K, and 100 K for the oxygen. Where the oxygen comes first, water
    # takes methane's place, and the next carbon makes up for it.
    rows = explained.part_rows(why("CCCCCO"), BOILING)
    assert [(r.name, r.count) for r in rows] == [("OH", 1), ("CH2", 4), ("CH3", 1)]
    assert sum(r.value for r in rows) == pytest.approx(180.0)
    assert rows[0].bar == 1.0
    line = explained.parts_line(why("CCCCCO"), BOILING)
    assert line.startswith("methane, where it begins, 220.0 K; OH +9")
    assert "4 CH2 +" in line


def test_amounts_are_signed_and_factors_on_a_logarithmic_scale() -> None:
    assert explained.amount(12.34, BOILING) == "+12.3 K"
    assert explained.amount(-7.0, BOILING) == "−7.00 K"
    assert explained.amount(1e-14, BOILING) == "+0 K"
    assert explained.amount(float(np.log(3.2)), VISCOSITY) == "×3.20"
    assert explained.absolute(float(np.log(1.5)), VISCOSITY) == "1.500 mPa·s"
    assert explained.share(-0.101) == "−10 %"
    assert explained.share(0.001) == "less than 1 %"


def test_a_prior_is_told_with_its_groups_line_and_residual() -> None:
    prior = PriorShare(
        name="joback_boiling_point",
        used_as="line",
        value=412.0,
        rule="sum",
        constant=198.2,
        terms=(Term(name="-CH3", count=2, each=23.58, value=47.16),),
        line=405.0,
        residual=-7.0,
    )
    line = explained.prior_line(prior, BOILING)
    assert line == (
        "Joback says 412.0 K; corrected by a line 405.0 K; learned from what it leaves over, −7.00 K "
        "(constant 198.2 K, 2 × -CH3 +47.2 K)"
    )
    silent = PriorShare(name="joback_boiling_point", used_as="nothing", weight=0.4)
    assert "in 40 % of the prediction) does not know this molecule" in explained.prior_line(silent, BOILING)


def test_a_forecast_says_how_far_it_may_be_believed() -> None:
    inside = explained.forecast_line(forecast("CCCCO"))
    assert inside == "380.0 K, 90% interval from 368.0 K to 392.0 K"
    outside = forecast("CCCCO", in_domain=False).model_copy(update={"calibrated": False})
    assert explained.forecast_line(outside).endswith("not calibrated; out of domain: no training molecule holds S")


def test_review_says_it_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.show import Page
    from agent.show_predictions import say_forecasts

    out = StringIO()
    monkeypatch.setattr("sys.stdout", out)
    told = say_forecasts(Page(), [forecast("CCCCO").model_dump(mode="json")])
    assert told == {"boiling_point"}
    assert "predicted     boiling_point 380.0 K, 90% interval" in out.getvalue()
    assert re.search(r"  parts +methane, where it begins, 220\.0 K; OH", out.getvalue())
    assert out.getvalue().count("  like") == 2


def test_discs_stand_where_atoms_are_drawn_and_only_there() -> None:
    structures = Structures()
    values = [-10.0, 0.0, 5.0]
    drawn = str(structures.coloured("CCO", values, 10.0))
    discs = re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)" r="9" fill-opacity="([\d.]+)"/>', drawn)
    assert [(kind, opacity) for kind, _, _, opacity in discs] == [("lowers", "0.80"), ("raises", "0.40")]
    width, height = map(float, re.findall(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', drawn)[0])
    assert all(0.0 <= float(x) <= width and 0.0 <= float(y) <= height for _, x, y, _ in discs)
    assert "circle" not in str(structures.coloured("CCO", values[:2], 10.0))  # numbers of another molecule


def test_the_report_draws_why_each_value_was_predicted() -> None:
    first, second = experiments()[:2]
    smiles = first.candidate.molecule.smiles
    candidate = first.candidate.model_copy(update={"forecasts": (forecast(smiles),)})
    page = render(campaign([first.model_copy(update={"candidate": candidate}), second]))
    assert page.count('<details class="more forecast">') == 1
    assert "90% interval from" in page
    assert page.count('<circle class="raises"') >= Chem.MolFromSmiles(smiles).GetNumAtoms() - 1
    assert "of the similarities of the nearest ten" in page


def test_an_explanation_that_says_nothing_is_no_error() -> None:
    class Flat(Toy):
        def predict(self, smiles: Sequence[str]) -> Belief:
            return Belief(np.full(len(smiles), 300.0), np.zeros(len(smiles)), np.zeros(len(smiles)))

    samples = Samples(ALKANOLS, np.full(len(ALKANOLS), 300.0), np.zeros(len(ALKANOLS)))
    found = explain(Flat(), samples, BOILING, "CCCO")
    assert found.basis is Basis.SIMILARITY
    assert all(row.bar == 0.0 for row in explained.part_rows(found, BOILING))
