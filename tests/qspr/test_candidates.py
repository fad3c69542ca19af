"""Names of models: with and without priors, how each prior is used, and what is made again from storage."""

from __future__ import annotations

import json

import numpy as np
import pytest

from knowledge.qspr.candidates import UnknownModel, candidates, names, restorable, usual
from knowledge.qspr.contract import Samples, Stored
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.feature import WithPriorFeature
from knowledge.qspr.priors.joback import JobackBoilingPoint
from knowledge.qspr.priors.viscosity import JobackViscosity
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook


def samples(prop: str, *, start: int = 0, every: int, count: int) -> Samples:
    facts = Handbook.full().facts(prop)[start::every][:count]
    to_model = get_property(prop).to_model
    return Samples(tuple(f.smiles for f in facts), np.array([to_model(f.value) for f in facts]), np.zeros(len(facts)))


def feature_of(prior: object) -> WithPriorFeature:
    return WithPriorFeature(lambda f: GaussianProcess(extra=(f,)), GaussianProcess(), prior)  # type: ignore[arg-type]


def test_the_usual_ones_start_plain_and_take_the_prior_that_knows_most() -> None:
    column = ColumnPrior("boiling_point", "K", {"CCO": 350.0})
    assert usual("smell") == ("gp", "audited_gp", "pretrained_gp", "boosting")
    assert usual("boiling_point") == ("gp", "audited_gp", "pretrained_gp", "gp+prior", "gp+prior-feature", "boosting")
    assert usual("flash_point") == (
        "gp",
        "audited_gp",
        "pretrained_gp",
        "gp+literature",
        "gp+literature-feature",
        "boosting",
    )
    assert usual("boiling_point", column)[-2:] == ("fusion+prior+column", "boosting")
    for prop, prior in (("smell", None), ("boiling_point", None), ("boiling_point", column)):
        assert set(usual(prop, prior)) <= set(names(prop, prior))
    with pytest.raises(UnknownModel, match=r"there is no model 'gp\+column' of boiling_point"):
        candidates("boiling_point", ["gp+column"])


@pytest.mark.parametrize("prop", ["boiling_point", "flash_point", "smell"])
def test_what_was_stored_is_found_again_by_its_name(prop: str) -> None:
    column = ColumnPrior(prop, "K", {"CCO": 350.0})
    for name in names(prop, column):
        if name.startswith("gp"):
            (made,) = candidates(prop, [name], column)
            assert [m.name for m in restorable(prop, made.name)].count(made.name) == 1


def test_a_feature_from_groups_helps_where_data_is_scarce() -> None:
    train = samples("boiling_point", every=97, count=40)
    known = set(train.smiles)
    test = samples("boiling_point", start=11, every=61, count=120)
    test = test.take([i for i, s in enumerate(test.smiles) if s not in known])
    plain = GaussianProcess().fit(train, seed=0)
    fitted = feature_of(JobackBoilingPoint()).fit(train, seed=0)
    assert fitted.uses_prior
    errors = [float(np.abs(f.predict(test.smiles).mean - test.values).mean()) for f in (plain, fitted)]
    assert errors[1] < 0.9 * errors[0]
    unknown = [s for s, sure in zip(test.smiles, JobackBoilingPoint()(test.smiles)[1], strict=True) if not sure]
    assert unknown
    assert fitted.predict(unknown).mean.tolist() == plain.predict(unknown).mean.tolist()


def test_a_feature_of_a_logarithmic_property_is_a_logarithm_and_comes_back_from_storage() -> None:
    train = samples("viscosity", every=7, count=40)
    fitted = feature_of(JobackViscosity()).fit(train, seed=0)
    assert fitted.middle is not None
    assert fitted.middle < 2.0  # ln(mPa s)
    stored = fitted.stored()
    again = feature_of(JobackViscosity()).restore(Stored(json.loads(json.dumps(stored.settings)), stored.arrays))
    asked = ["CCCCCCCO", "CCOC(=O)CC", "CS(C)=O"]
    assert again.predict(asked).mean.tolist() == fitted.predict(asked).mean.tolist()
    with pytest.raises(ValueError, match="fit again"):
        feature_of(JobackBoilingPoint()).restore(stored)


def test_an_idle_feature_leaves_the_plain_model() -> None:
    train = samples("boiling_point", every=97, count=12)
    few = ColumnPrior("boiling_point", "K", {s: 300.0 + i for i, s in enumerate(train.smiles[:4])})
    equal = ColumnPrior("boiling_point", "K", dict.fromkeys(train.smiles, 300.0))
    for prior in (few, equal):
        fitted = feature_of(prior).fit(train, seed=0)
        assert not fitted.uses_prior
        again = feature_of(prior).restore(fitted.stored())
        assert again.predict(["CCO"]).mean == fitted.predict(["CCO"]).mean
