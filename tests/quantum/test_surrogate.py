"""The shipped surrogate: known chemistry, honest doubt, refusals, and the way on to GFN2-xTB."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from knowledge.features.featurizer import Featurizer
from knowledge.features.quantum_surrogate import SurrogateDescriptors
from knowledge.quantum import QuantumCache, QuantumUnavailable, answers, compute
from knowledge.quantum.answers import TOLERANCES, ask
from knowledge.quantum.surrogate import QUANTITIES, WEIGHTS, Surrogate, WeightsUnusable
from knowledge.records.molecule import InvalidMolecule

needs_tblite = pytest.mark.skipif(find_spec("tblite") is None, reason="needs the extra 'quantum' (tblite)")
COMMON = ["CCCCCC", "CCO", "CC(C)=O", "c1ccccc1", "CCOC(C)=O", "Cc1ccccc1", "CCCCO", "CCN(CC)CC"]


def guess(quantity: str, *smiles: str) -> list[float]:
    mean = Surrogate.shipped().guess(smiles).mean
    return [float(v) for v in mean[:, QUANTITIES.index(quantity)]]


def test_known_chemistry() -> None:
    benzene, hexane = guess("gap_ev", "c1ccccc1", "CCCCCC")
    assert benzene < hexane - 2.0
    tetracene, naphthalene = guess("gap_ev", "c1ccc2cc3cc4ccccc4cc3cc2c1", "c1ccc2ccccc2c1")
    assert tetracene < naphthalene < benzene
    acetone, hexane = guess("dipole_debye", "CC(C)=O", "CCCCCC")
    assert acetone > hexane + 1.5
    methanol, butane = guess("solvation_water_kj_mol", "CO", "CCCC")
    assert methanol < butane - 10.0
    octane, butane = guess("solvation_hexane_kj_mol", "CCCCCCCC", "CCCC")
    assert octane < butane - 8.0


def test_the_gap_is_lumo_minus_homo_and_intervals_match_their_std() -> None:
    found = Surrogate.shipped().guess(COMMON)
    gap, homo, lumo = found.mean[:, :3].T
    assert gap == pytest.approx(lumo - homo, abs=1e-4)
    assert found.half == pytest.approx(1.6449 * found.std, rel=1e-3)
    assert (found.half > 0).all()
    assert np.isfinite(found.half).all()


def test_every_spelling_gives_the_same_guess() -> None:
    spellings = [["c1ccccc1O", "OC1=CC=CC=C1"], ["C[N+](=O)[O-]", "CN(=O)=O"], ["[CH3][OH]", "[2H]OC([H])([H])[H]"]]
    for pair in spellings:
        found = Surrogate.shipped().guess(pair)
        assert found.mean[0] == pytest.approx(found.mean[1], abs=1e-3)
        assert found.half[0] == pytest.approx(found.half[1], rel=1e-3)


def test_a_guess_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    many = COMMON * 20
    together = Surrogate.shipped().guess(many)
    alone = Surrogate.shipped().guess([many[77]])
    assert together.mean[77] == pytest.approx(alone.mean[0], abs=1e-3)


def test_what_is_strange_is_unsure() -> None:
    strange = [
        "CP(=O)(C)C#CP(C)(C)=O",
        "O=S1(=O)N=S(=O)(C)N1",
        "C1=CC=CC=CC=CC=CC=CC=CC=C1",
        "O=P(Cl)(Cl)Cl",
        "N#CC(C#N)=C(C#N)C#N",
        "BrC(Br)(Br)Br",
        "FS(F)(F)(F)(F)C#N",
    ]
    surrogate = Surrogate.shipped()
    usual, odd = surrogate.guess(COMMON), surrogate.guess(strange)
    wider = np.log(odd.half / np.median(usual.half, axis=0)).mean(axis=1)
    assert (np.exp(wider) > 1.3).all()
    assert odd.rarity.min() > np.median(usual.rarity)


def test_an_atom_of_a_type_it_hardly_met_is_promised_nothing() -> None:
    found = Surrogate.shipped().guess(["FS(F)(F)(F)(F)C#N", "CS(C)=O"])
    assert found.outside == ("an atom unlike those it learned from", None)
    assert np.isinf(found.half[0]).all()
    assert np.isfinite(found.mean).all()


@pytest.mark.parametrize(
    "smiles,why",
    [
        ("[Na+].[Cl-]", "several fragments"),
        ("CCO.O", "several fragments"),
        ("C[NH3+]", "an ion"),
        ("[CH3]", "a radical"),
        ("C[Se][Fe]", "the element Fe"),
        ("[He]", "the element He"),
    ],
)
def test_what_it_cannot_represent_is_refused(smiles: str, why: str) -> None:
    found = Surrogate.shipped().guess(["CCO", smiles])
    assert found.outside == (None, why)
    assert np.isnan(found.mean[1]).all()
    assert np.isinf(found.half[1]).all()
    assert np.isfinite(found.mean[0]).all()


def test_too_large_a_molecule_gets_a_mean_and_no_promise() -> None:
    found = Surrogate.shipped().guess(["C" * 60])
    assert found.outside[0] is not None
    assert "60 heavy atoms" in found.outside[0]
    assert np.isfinite(found.mean).all()
    assert np.isinf(found.half).all()


@pytest.mark.parametrize("smiles", ["C1CC", "", "CN(C)(C)(C)C", "c1cccc1"])
def test_no_molecule_is_an_error(smiles: str) -> None:
    with pytest.raises(InvalidMolecule):
        Surrogate.shipped().guess(["CCO", smiles])


def test_no_molecules_no_guesses() -> None:
    assert Surrogate.shipped().guess([]).mean.shape == (0, len(QUANTITIES))
    assert ask([]) == []


def test_its_test_part_is_shipped_with_it() -> None:
    tested = WEIGHTS.with_suffix(".test.smi").read_text(encoding="ascii").split()
    assert len(set(tested)) == len(tested) == Surrogate.shipped().about["molecules"]["test"]
    found = Surrogate.shipped().guess(tested)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.half).all(axis=1).mean() > 0.97


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_spoilt_weights_are_told_with_the_command(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "surrogate.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsUnusable, match="make train-quantum"):
        Surrogate(path)
    with pytest.raises(WeightsUnusable, match="absent"):
        Surrogate(tmp_path / "absent.safetensors")


def test_weights_of_another_version_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    about = Surrogate.shipped().about | {"graphs": "0"}
    path = tmp_path / "old.safetensors"
    save_file(load_file(WEIGHTS), path, metadata={"about": json.dumps(about)})
    with pytest.raises(WeightsUnusable, match="another version"):
        Surrogate(path)


def test_the_featurizer_is_finite_and_kept() -> None:
    featurizer = SurrogateDescriptors()
    assert isinstance(featurizer, Featurizer)
    rows = featurizer(["CCO", "[Na+].[Cl-]", "OCC"])
    assert rows.shape == (3, len(featurizer.columns))
    assert np.isfinite(rows).all()
    assert rows[0] == pytest.approx(rows[2], abs=1e-3)
    assert -13.0 < rows[1][QUANTITIES.index("homo_ev")] < -9.0
    kept = rows.copy()
    rows[:] = 0.0
    assert (featurizer(["CCO", "[Na+].[Cl-]", "OCC"]) == kept).all()
    assert featurizer([]).shape == (0, len(featurizer.columns))
    with pytest.raises(InvalidMolecule, match="C1CC"):
        featurizer(["C1CC"])


def test_ask_uses_the_surrogate_where_it_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("GFN2-xTB was asked")

    monkeypatch.setattr(answers, "outcomes", never)
    (answer,) = ask(["CCO"], wanted={"gap_ev": 5.0, "dipole_debye": 9.0})
    assert answer.origin == "surrogate"
    assert list(answer.values) == ["gap_ev", "dipole_debye"]
    gap = answer.values["gap_ev"]
    assert gap.low < gap.mean < gap.high
    assert gap.high - gap.mean == pytest.approx(1.6449 * gap.std, rel=1e-3)


def test_ask_without_tblite_says_what_is_missing_and_keeps_the_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise QuantumUnavailable("needs the extra")

    monkeypatch.setattr(answers, "outcomes", missing)
    sure, unsure, salt = ask(["CCO", "CCCCCC", "[Na+].[Cl-]"], wanted={"gap_ev": 1e-9})[:3]
    assert {sure.origin, unsure.origin, salt.origin} == {"failed"}
    assert "needs the extra" in sure.why
    assert sure.values["gap_ev"].std > 0
    assert salt.values == {}


@needs_tblite
def test_ask_goes_to_xtb_where_unsure_and_remembers(tmp_path: Path) -> None:
    cache = QuantumCache(tmp_path / "q.sqlite")
    sure, unsure, salt = ask(["CCO", "CO", "[Na+].[Cl-]"], wanted={"gap_ev": 4.0}, cache=cache)
    assert sure.origin == "surrogate"
    assert salt.origin == "failed"
    assert "several fragments" in salt.why
    (exact,) = ask(["CO"], wanted={"gap_ev": 1e-6}, cache=cache)
    assert exact.origin == "xtb"
    assert exact.values["gap_ev"].mean == compute("CO").gap_ev
    assert exact.values["gap_ev"].std == 0.0
    assert "gap_ev" in exact.why
    assert cache.count() == 2  # the salt's refusal is remembered as well
    assert unsure.origin == "surrogate"


@needs_tblite
def test_ask_computes_elements_that_the_surrogate_does_not_know() -> None:
    (answer,) = ask(["C[Ge](C)(C)C"])
    assert answer.origin == "xtb"
    assert "element Ge" in answer.why
    assert set(answer.values) == set(TOLERANCES)


@pytest.mark.parametrize("wanted", [{"colour": 1.0}, {"gap_ev": 0.0}, {"gap_ev": float("nan")}])
def test_ask_refuses_nonsense(wanted: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"colour|gap_ev"):
        ask(["CCO"], wanted=wanted)
