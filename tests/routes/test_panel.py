"""Who a route search asks, and that it says so when the learned models are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from planners.routes.single_step import weights
from planners.routes.single_step.curated import RuleProposer
from planners.routes.single_step.ensemble import EnsembleProposer
from planners.routes.single_step.panel import learned, panel
from planners.routes.single_step.weights import WeightsMissing

PHENACETIN = "CCOc1ccc(NC(C)=O)cc1"


def test_rules_alone_need_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    asked = panel("rules")
    assert isinstance(asked.first, RuleProposer)
    assert asked.second is None
    assert asked.first.propose([PHENACETIN], 5)[0]
    assert not learned()
    with pytest.raises(WeightsMissing, match="make train-routes"):
        panel("all").first.propose([PHENACETIN], 5)


@pytest.mark.skipif(not learned(), reason="the weights are not there")
def test_rules_and_models_are_asked_first_and_the_ensemble_second() -> None:
    asked = panel("all")
    models = {part for p in asked.first.propose([PHENACETIN], 10)[0] for part in p.model.split("+")}
    assert models == {"local", "rules"}
    assert isinstance(asked.second, EnsembleProposer)
    assert {p.model for p in panel("learned").first.propose([PHENACETIN], 10)[0]} == {"local"}
