"""A column of the user's table as a prior: known for its molecules, off for others, kept with the model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from knowledge.qspr.contract import Samples, Stored
from knowledge.qspr.models.gp import GaussianProcess
from knowledge.qspr.priors.column import ColumnPrior
from knowledge.qspr.priors.prior import CalibratedPrior
from knowledge.qspr.priors.residual import WithPrior
from knowledge.records.molecule import InvalidMolecule

# Experimental and simulated hydration free energies, kcal/mol: D. L. Mobley, J. P. Guthrie, J. Comput. Aided Mol. Des.
# 28 (2014) 711.
HYDRATION = {
    "CCO": (-5.0, -3.394),
    "CCCO": (-4.85, -3.33),
    "CCCCO": (-4.72, -3.232),
    "CC(C)O": (-4.74, -3.427),
    "CCCCCC": (2.48, 2.851),
    "CCCCC": (2.3, 2.673),
    "CC(C)=O": (-3.8, -3.506),
    "CCCC(C)=O": (-3.52, -3.166),
    "c1ccccc1": (-0.9, -0.806),
    "Cc1ccccc1": (-0.9, -0.79),
    "CC(=O)O": (-6.69, -7.281),
    "COC": (-1.91, -0.853),
}
CALC = ColumnPrior("hydration", "kcal/mol", {smiles: calc for smiles, (_, calc) in HYDRATION.items()})


def measured(leave: str = "") -> Samples:
    kept = [s for s in HYDRATION if s != leave]
    return Samples(tuple(kept), np.array([HYDRATION[s][0] for s in kept]), np.zeros(len(kept)))


def test_it_knows_its_molecules_however_they_are_written_and_no_other() -> None:
    assert isinstance(CALC, CalibratedPrior)
    values, known = CALC(["OCC", "CCO", "CCCCCCO"])
    assert known.tolist() == [True, True, False]
    assert values[:2].tolist() == [-3.394, -3.394]
    assert np.isnan(values[2])
    assert [part.shape for part in CALC([])] == [(0,), (0,)]
    with pytest.raises(InvalidMolecule):
        CALC(["C1CC"])
    with pytest.raises(ValueError, match=r"'CCO' is nan"):
        ColumnPrior("hydration", "kcal/mol", {"CCO": float("nan")})


def test_its_values_are_stored_with_the_model() -> None:
    fitted = WithPrior(GaussianProcess(), CALC).fit(measured("CCCCO"), seed=0)
    assert fitted.uses_prior
    stored = fitted.stored()
    again = Stored(json.loads(json.dumps(stored.settings)), stored.arrays)
    empty = ColumnPrior("hydration", "kcal/mol")
    asked = ["CCCCO", "CCCCCCO"]
    restored = WithPrior(GaussianProcess(), empty).restore(again).predict(asked)
    belief = fitted.predict(asked)
    assert restored.mean.tolist() == belief.mean.tolist()
    assert restored.epistemic.tolist() == belief.epistemic.tolist()


def test_a_molecule_without_a_value_is_answered_by_the_plain_model() -> None:
    fitted = WithPrior(GaussianProcess(), CALC).fit(measured(), seed=0)
    plain = GaussianProcess().fit(measured(), seed=0)
    assert fitted.predict(["CCCCCCO"]).mean.tolist() == plain.predict(["CCCCCCO"]).mean.tolist()
