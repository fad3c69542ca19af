"""Known values inside a prior: looked up where they are known, estimated elsewhere, and part of the version."""

import numpy as np
import pytest

from knowledge.qspr.candidates import candidates, names, usual
from knowledge.qspr.contract import Samples
from knowledge.qspr.priors import LITERATURE_PRIORS
from knowledge.qspr.priors.joback import JobackBoilingPoint
from knowledge.qspr.priors.literature import Literature
from knowledge.records.fact import Fact, Kind
from knowledge.records.molecule import InvalidMolecule, Molecule


def boiling(smiles: str, value: float, prop: str = "boiling_point") -> Fact:
    molecule = Molecule.from_smiles(smiles)
    return Fact(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        property=prop,
        value=value,
        std=1.0,
        source="CRC Handbook",
        kind=Kind.CURATED,
    )


def test_known_values_come_first_and_others_are_estimated() -> None:
    prior = Literature([boiling("CCO", 351.4), boiling("N#CN", 533.0)], JobackBoilingPoint())
    values, known = prior(["CCO", "CCCO", "N#CN", "[Na]C"])
    estimated, _ = JobackBoilingPoint()(["CCCO"])
    assert values[:3].tolist() == [351.4, estimated[0], 533.0]
    assert known.tolist() == [True, True, True, False]


def test_the_version_follows_the_values() -> None:
    one = Literature([boiling("CCO", 351.4)], JobackBoilingPoint())
    other = Literature([boiling("CCO", 351.5)], JobackBoilingPoint())
    assert one.version != other.version
    assert one.version == Literature([boiling("CCO", 351.4)], JobackBoilingPoint()).version


def test_what_does_not_belong_is_refused() -> None:
    with pytest.raises(ValueError, match="flash_point"):
        Literature([boiling("CCO", 286.0, "flash_point")], JobackBoilingPoint())
    with pytest.raises(ValueError, match="two values"):
        Literature([boiling("CCO", 351.4), boiling("CCO", 351.0)], JobackBoilingPoint())
    with pytest.raises(InvalidMolecule):
        Literature([], JobackBoilingPoint())(["no molecule"])


def test_a_measured_boiling_point_improves_the_flash_point() -> None:
    # Hydroxyacetone: Joback's boiling point is far off; 329 K is the flash point that the DIPPR table has.
    facts = {"boiling_point": [boiling("CC(=O)CO", 418.7)]}
    informed, _ = LITERATURE_PRIORS["flash_point"](lambda name: facts[name])(["CC(=O)CO"])
    plain, _ = LITERATURE_PRIORS["flash_point"](lambda name: [])(["CC(=O)CO"])
    assert informed[0] != plain[0]
    assert 310.0 < informed[0] < 345.0


def test_it_is_among_the_candidates_of_the_flash_point_only() -> None:
    assert "gp+literature" in names("flash_point")
    assert "gp+literature" not in names("boiling_point")
    assert "gp+literature" in usual("flash_point")
    (model,) = candidates("flash_point", ["gp+literature"])
    alcohols = ("CO", "CCO", "CCCO", "CCCCO", "CC(C)O", "CC(C)CO", "CCCCCO", "OCCO")
    flash = np.array([284.0, 286.0, 296.0, 308.0, 285.0, 301.0, 322.0, 384.0])
    fitted = model.fit(Samples(alcohols, flash, np.zeros(8)), seed=0)
    again = model.restore(fitted.stored())
    asked = ["CCCCCCO", "CC(C)CCO"]
    assert np.allclose(fitted.predict(asked).mean, again.predict(asked).mean)
    assert 315.0 < fitted.predict(asked).mean[0] < 350.0
