"""`design` for a property of the user's own, which `train` made a model of; and what is wrong with such a problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from agent.problem_file import read_problem
from agent.training import OwnTable, Training, train
from knowledge.qspr.shelf import Shelf
from knowledge.records.properties import Scale
from planners.design.evaluation.evaluator import CannotEvaluate
from planners.design.evaluation.models import OfShelf
from planners.design.evaluation.opening import models_for, needed_models, open_evaluator
from planners.design.evaluation.quantities import Kind
from planners.design.problem import Problem
from tests.agent.command_line import CommandLine

PROBLEM = """\
name: bright
seed: 3
goals:
  - {property: refraction, direction: target, unit: ml/mol, target: 40.0, worst: 20.0}
  - {property: logp, direction: target, unit: dimensionless, target: 1.0, worst: 4.0}
requirements:
  - {property: refraction, minimum: 0.03 l/mol, margin: 5 cm**3/mol}
  - {property: index, maximum: 2.0}
space: {preset: solvent, max_heavy_atoms: 10, elements: [C, H, O]}
start: [CCCCC(=O)OC, CCC(=O)OCC, CC1CCC(=O)O1, CCOC(=O)OCC, COC(=O)CC(C)C]
"""
CHAINS = ["CCC", "CCCC", "CCCCC", "CC(C)C", "CC(C)CC", "CCCCCC"]
ENDS = ["C(=O)OC", "C(=O)OCC", "O", "OC", "C(=O)C", "OC(=O)C", "C(C)O"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of Crippen's molar refractivity, and of a hundredth of it without a unit."""
    folder = tmp_path_factory.mktemp("own")
    table = folder / "mine.csv"
    lines = ["molecule,MR,index"]
    for smiles in (chain + end for chain in CHAINS for end in ENDS):
        value = rdMolDescriptors.CalcCrippenDescriptors(Chem.MolFromSmiles(smiles))[1]
        lines.append(f"{smiles},{value:.3f},{value / 100:.5f}")
    table.write_text("\n".join(lines), encoding="utf-8")
    models = Shelf(folder / "models")
    given = OwnTable(table, "molecule", "MR", "cm**3/mol")
    train(Training("refraction", table=given, models=("gp",), split="random", scale="log"), models)
    train(Training("index", table=OwnTable(table, "molecule", "index"), models=("gp",), split="random"), models)
    return models.folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bright.yaml"
    path.write_text(PROBLEM, encoding="utf-8")
    return path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def test_a_model_of_ones_own_is_designed_for(call: CommandLine, file: Path, shelf: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("design", file, "--generator", "genetic", "--calls", 60, "--n", 4, "--models", shelf, "--html", page)
    answer = call(*words, "--json").document
    assert answer["origins"]["refraction"].startswith("gp trained on 42 molecules of the table mine.csv")
    best = answer["best"][0]
    told = best["values"]["refraction"]
    assert told["unit"] == "cm**3/mol"
    assert 0.0 < told["low"] < told["value"] < told["high"]
    truth = rdMolDescriptors.CalcCrippenDescriptors(Chem.MolFromSmiles(best["smiles"]))[1]
    assert told["value"] == pytest.approx(truth, rel=0.15)
    assert told["value"] == pytest.approx(40.0, abs=5.0)
    assert best["values"]["index"]["unit"] == "dimensionless"
    text = page.read_text(encoding="utf-8")
    assert "Refraction" in text
    assert "near 40" in text


def test_the_problem_keeps_what_its_models_predict(file: Path, shelf: Path) -> None:
    problem = read_problem(file, shelf)
    first, index = problem.goals[0], problem.requirements[1]
    assert first.quantity.kind is Kind.OWN
    assert (first.own_unit, first.quantity.property.scale, first.quantity.low) == ("cm**3/mol", Scale.LOG, 0.0)
    assert (first.best_value, first.worst_value) == pytest.approx((40.0, 20.0))
    assert problem.requirements[0].bounds[0] == pytest.approx(30.0)
    assert index.bounds[1] == 2.0  # a bare number: the table named no unit
    assert needed_models(problem) == ("index", "refraction")
    assert Problem.from_canonical(problem.canonical()) == problem


def test_without_a_model_it_is_no_property(call: CommandLine, file: Path, shelf: Path, tmp_path: Path) -> None:
    words = ("design", file, "--generator", "genetic", "--json", "--models")
    complaint = call(*words, tmp_path / "nothing").complaint
    assert "bright.yaml:4: goals[0]: unknown property 'refraction'; known: " in complaint
    assert complaint.endswith("`train PROPERTY --csv FILE ...` makes a model of one of your own (and 2 more)")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "refraction.safetensors").write_bytes((shelf / "refraction.safetensors").read_bytes()[:100])
    assert "refraction.safetensors is no safetensors file" in call(*words, broken).complaint


def test_other_models_than_the_problem_was_written_for_are_refused(file: Path, shelf: Path) -> None:
    problem = read_problem(file, shelf)
    with pytest.raises(CannotEvaluate, match=r"no model of 'index'; `train index --csv FILE \.\.\.` makes one"):
        models_for(problem, given={"refraction": OfShelf(Shelf(shelf).get("refraction"))})
    data = problem.model_dump(mode="json")
    for one in (data["goals"][0], data["requirements"][0]):
        one["defined"]["unit"] = "l/mol"
    other = Problem.model_validate(data)
    models = models_for(other, given={name: OfShelf(Shelf(shelf).get(name)) for name in ("refraction", "index")})
    with pytest.raises(CannotEvaluate, match=r"in cm.{2}3/mol on a log scale, the problem is about l/mol on a log"):
        open_evaluator(other, models)
    with pytest.raises(ValueError, match="'refraction' was defined otherwise before"):
        Problem.model_validate({**data, "requirements": problem.model_dump(mode="json")["requirements"]})
    logp = {**data["goals"][1], "defined": {**data["goals"][0]["defined"], "name": "logp"}}
    with pytest.raises(ValueError, match="'logp' is in the table of quantities"):
        Problem.model_validate({**data, "goals": [logp]})
