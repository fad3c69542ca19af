"""`design`: from a problem to molecules with values and reasons, as text, JSON, table and page; and bad input."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdDistGeom, rdFingerprintGenerator

from agent import designing
from agent.design_choice import ALIKE, Find
from agent.design_progress import Telling
from agent.designing import Design, Step, Wish, design
from agent.problem_file import read_problem
from agent.report.design_page import render_design
from agent.report.space_view import BadGeometry, space_view
from knowledge.records.candidate import Candidate, Provenance
from knowledge.records.molecule import Molecule
from knowledge.sources.handbook import Handbook
from planners.design.evaluation.judge import Judge
from planners.design.evaluation.opening import open_evaluator
from planners.design.families import FAMILIES
from tests.agent.command_line import CommandLine

PROBLEM = """\
name: dry
title: A polar liquid that water does not take
seed: 3
goals:
  - {property: dipole_moment, direction: maximise, unit: debye, worst: 1.0, best: 6.0}
  - {property: logp, direction: target, unit: dimensionless, target: 1.0, worst: 4.0}
requirements:
  - {property: molar_mass, minimum: 80 g/mol, maximum: 160 g/mol}
  - {property: synthetic_accessibility, maximum: 3.0, margin: 0.5}
space: {preset: solvent, max_heavy_atoms: 10, elements: [C, H, O]}
start: [CCCCC(=O)OC, CCC(=O)OCC, CC1CCC(=O)O1, CCOC(=O)OCC, COC(=O)CC(C)C]
"""

HEAVY = "molar_mass, direction: maximise, unit: g/mol, worst: 80, best: 160"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dry.yaml"
    path.write_text(PROBLEM, encoding="utf-8")
    return path


def _design(file: Path, *words: object) -> list[object]:
    return ["design", file, "--generator", "genetic", "--calls", 60, "--n", 4, *words]


def test_molecules_with_values_reasons_and_counts(call: CommandLine, file: Path) -> None:
    done = call(*_design(file, "--json"))
    assert done.code == 0, done.err
    answer = done.document
    assert (answer["problem"], answer["generator"], answer["seed"], answer["calls"]) == ("dry", "genetic", 3, 60)
    assert len(answer["best"]) == 4
    scores = [one["score"] for one in answer["best"]]
    assert scores == sorted(scores, reverse=True)
    assert all(one["feasible"] for one in answer["best"])
    assert len({one["inchikey"][:14] for one in answer["best"]}) == 4
    for one in answer["best"]:
        dipole, mass = one["values"]["dipole_moment"], one["values"]["molar_mass"]
        assert dipole["low"] < dipole["value"] < dipole["high"]
        assert mass["low"] == mass["value"] == mass["high"]
        assert 80.0 <= mass["value"] <= 160.0
        assert one["provenance"]["generator"] == "genetic"
        assert one["provenance"]["parents"]
        assert one["listed"] == (one["inchikey"] in Handbook.full())
        assert set(_elements(one["smiles"])) <= {"C", "O"}
    assert answer["history"][-1]["calls"] == 60
    assert answer["history"][-1]["feasible"] == answer["feasible"]
    assert answer["dropped"]
    assert all(count > 0 for count in answer["dropped"].values())
    assert answer["origins"]["dipole_moment"] == "a surrogate of GFN2-xTB"


@pytest.mark.parametrize("family", ["camd", "flow", "latent"])
def test_other_families_answer_too(call: CommandLine, file: Path, tmp_path: Path, family: str) -> None:
    text = PROBLEM.replace("dipole_moment, direction: maximise, unit: debye, worst: 1.0, best: 6.0", HEAVY)
    file.write_text(text if family == "camd" else PROBLEM, encoding="utf-8")  # groups tell nothing of a dipole
    page = tmp_path / "page.html"
    answer = call("design", file, "--generator", family, "--calls", 16, "--n", 2, "--html", page, "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["generator"] == family
    assert found["feasible"] > 0
    assert found["best"]
    assert all(one["provenance"]["generator"] == family for one in found["best"])
    assert "<svg" in page.read_text(encoding="utf-8")


def test_the_front_holds_whom_nobody_beats(file: Path) -> None:
    found = design(Wish(read_problem(file), "genetic", 4, 60))
    assert 1 <= len(found.front) == found.front_size
    feasible = [one.judged.worths for one in found.front]
    for mine in feasible:
        assert not any(all(a >= b for a, b in zip(other, mine, strict=True)) and other != mine for other in feasible)
    ahead = {one.judged.smiles for one in found.front}
    assert all(one.front == (one.judged.smiles in ahead) for one in found.best)


def test_the_same_seed_gives_the_same_molecules_and_another_gives_others(file: Path) -> None:
    problem = read_problem(file)
    one, same, other = (design(Wish(problem, "genetic", 4, 40, seed)) for seed in (5, 5, 6))
    assert one == same
    assert [f.candidate for f in one.best] != [f.candidate for f in other.best]


def test_text_table_and_page_say_the_same(call: CommandLine, file: Path, tmp_path: Path) -> None:
    html, table = tmp_path / "found.html", tmp_path / "found.csv"
    done = call(*_design(file, "--html", html, "--csv", table))
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    page = html.read_text(encoding="utf-8")
    for row in rows:
        assert row["smiles"] in done.out
        assert row["smiles"] in page
        assert float(row["dipole_moment low"]) < float(row["dipole_moment"]) < float(row["dipole_moment high"])
        assert row["molar_mass in domain"] == "True"
        assert all(parent in page for parent in row["parents"].split())
    for words in ("seed 3", "Why others were left out", "made by", "Pareto front"):
        assert words in done.out
    for words in ("seed 3", "Why others were left out", "How the search went", "Compromises"):
        assert words in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page)  # nothing from outside
    assert "<script" not in page  # nothing to turn
    assert page.count("<article") == 4
    assert f"written: {html}" in done.out


def test_known_molecules_do_not_pass_for_found_ones(file: Path) -> None:
    problem = read_problem(file)
    found = design(Wish(problem, "genetic", 60, 60))
    start = {Molecule.from_smiles(smiles).connectivity for smiles in problem.start}
    assert found.known == len(start)
    assert not start & {one.candidate.molecule.connectivity for one in found.best}


def test_the_best_are_not_variants_of_one_molecule(file: Path) -> None:
    morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    found = design(Wish(read_problem(file), "genetic", 8, 60))
    mols = [Chem.MolFromSmiles(one.candidate.molecule.smiles) for one in found.best]
    prints = [morgan.GetSparseCountFingerprint(mol) for mol in mols]
    assert len(prints) == 8
    for i, one in enumerate(prints):
        assert all(DataStructs.TanimotoSimilarity(one, other) < ALIKE for other in prints[:i])
    assert sum(one.alike + 1 for one in found.best) <= found.feasible


def test_a_portfolio_has_the_clock_it_is_given_and_repeats_itself_without(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in sorted({*FAMILIES} - {"portfolio", "genetic"}):
        monkeypatch.delitem(FAMILIES, name)  # two members are enough here: it and the handbook
    looked = itertools.count()
    timed = design(Wish(read_problem(file), "portfolio", 3, 40, clock=lambda: float(next(looked))))
    assert next(looked) >= 4
    assert {share.generator for share in timed.shares} == {"genetic", "library"}
    one, same = (design(Wish(read_problem(file), "portfolio", 3, 40)) for _ in range(2))
    assert one == same


def test_an_interrupt_keeps_what_was_found(file: Path) -> None:
    def enough(step: Step) -> None:
        if step.calls >= 14:
            raise KeyboardInterrupt

    found = design(Wish(read_problem(file), "genetic", 4, 60), on_step=enough)
    assert found.ended == "interrupted"
    assert 14 <= found.calls < 60
    assert len(found.best) == 4


def test_an_interrupt_before_anything_is_an_interrupt(file: Path) -> None:
    def at_once(words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        design(Wish(read_problem(file), "genetic", 4, 60), on_stage=at_once)


def test_sigterm_keeps_what_was_found_even_when_it_comes_twice(
    call: CommandLine, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_timeout_does(telling: Telling, step: Step) -> None:
        if step.calls >= 14:
            signal.raise_signal(signal.SIGTERM)

    def page(found: Design) -> str:
        signal.raise_signal(signal.SIGTERM)
        return render_design(found)

    monkeypatch.setattr(Telling, "step", as_timeout_does)
    monkeypatch.setattr("agent.report.design_page.render_design", page)
    before = signal.getsignal(signal.SIGTERM)
    html, table = tmp_path / "found.html", tmp_path / "found.csv"
    done = call(*_design(file, "--json", "--html", html, "--csv", table))
    assert done.code == 143
    answer = done.document
    assert answer["ended"] == "interrupted"
    assert 14 <= answer["calls"] < 60
    assert len(answer["best"]) == 4
    assert "interrupted" in html.read_text(encoding="utf-8")
    assert len(list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))) == 4
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_before_anything_says_so(
    call: CommandLine, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Telling, "stage", lambda telling, words: signal.raise_signal(signal.SIGTERM))
    html = tmp_path / "found.html"
    done = call(*_design(file, "--html", html))
    assert (done.code, done.out) == (143, "")
    assert done.err.strip() == "terminated before there was anything to show"
    assert not html.exists()


def test_where_nothing_is_feasible_the_nearest_misses_say_why(call: CommandLine, file: Path, tmp_path: Path) -> None:
    file.write_text(PROBLEM.replace("minimum: 80 g/mol, maximum: 160", "minimum: 166 g/mol, maximum: 167"))
    html = tmp_path / "found.html"
    done = call(*_design(file, "--html", html))
    assert done.code == 2
    assert done.err.strip().endswith("molecules)")
    assert "none of 60 molecules meets all requirements; broken most often: requirement: molar_mass from" in done.err
    assert "not feasible" in done.out
    assert "wanted is molar_mass from 166 g/mol to 167 g/mol" in done.out
    assert "the nearest misses" in html.read_text(encoding="utf-8")


BAD = {
    "contradiction": (
        PROBLEM.replace("requirements:", "requirements:\n  - {property: logp, minimum: 9}"),
        [],
        "dry.yaml:8: requirements[0]: contradicts goals[1] (logp near 1, worth nothing at 4): this wants logp at least",
    ),
    "property": (
        PROBLEM.replace("dipole_moment", "dipole"),
        [],
        "dry.yaml:5: goals[0]: unknown property 'dipole'; known:",
    ),
    "key": (PROBLEM + "colour: red\n", [], "dry.yaml:12: colour: unknown key 'colour'; known here: name, title"),
    "generator": (PROBLEM, ["--generator", "genetics"], "unknown generator 'genetics'; known: "),
    "lock": (
        PROBLEM.replace("elements: [C, H, O]", 'elements: [C, H, O, S], locked: ["CS(C)(=O)=O", "c1ccccc1"]'),
        [],
        "genetic: no start molecule holds the locked 'CS(C)(=O)=O', 'c1ccccc1'",
    ),
    "no data": (
        PROBLEM.replace(
            "molar_mass, minimum: 80 g/mol, maximum: 160 g/mol", "hydration_free_energy, maximum: 0 kJ/mol"
        ),
        [],
        "nothing measured is at hand about 'hydration_free_energy'",
    ),
    "page": (PROBLEM, ["--html", "nowhere/page.html"], "nowhere/page.html: cannot be written"),
    "number": (PROBLEM, ["--n", "0"], "Invalid value for '--n'"),
    "clock": (PROBLEM, ["--clock", "wall"], "Invalid value for '--clock'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(call: CommandLine, file: Path, case: str) -> None:
    text, options, words = BAD[case]
    file.write_text(text, encoding="utf-8")
    done = call(*_design(file, *options, "--json"))
    assert words in done.complaint


def test_no_file_is_one_line(call: CommandLine) -> None:
    assert call("design", "nowhere.yaml", "--json").complaint == "nowhere.yaml: no such file"


def test_the_preferred_generator_answers_when_nobody_chooses() -> None:
    assert designing.preferred() in ("portfolio", "genetic")


def test_what_was_drawn_in_space_turns_on_the_page(file: Path) -> None:
    found = _drawn_in_space(file)
    page = render_design(found)
    data = re.findall(r'<script type="application/json">(.*?)</script>', page)
    assert len(data) == 1
    model = json.loads(data[0])
    assert len(model["atoms"]) == 13  # C4H6O3
    assert len(model["bonds"]) == 13  # one ring
    assert page.count("<canvas") == 0  # a still drawing until a script replaces it
    assert page.count('class="still"') == 1
    assert "drawn atom by atom in space" in page


def _drawn_in_space(file: Path) -> Design:
    problem = read_problem(file)
    molecule = Molecule.from_smiles("CC1COC(=O)O1")
    mol = Chem.AddHs(Chem.MolFromSmiles(molecule.smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=7)
    provenance = Provenance(generator="flow", operator="flow_matching", geometry=Chem.MolToXYZBlock(mol))
    judged = Judge(problem, open_evaluator(problem)).judge([molecule.smiles])
    one = Find(Candidate(molecule=molecule, provenance=provenance), judged[0], front=True)
    return Design(
        problem=problem,
        generator="flow",
        seed=0,
        calls=1,
        feasible=1,
        known=0,
        best=(one,),
        front=(one,),
        front_size=1,
        history=(Step(1, 1, judged[0].score),),
        dropped={"stability:peroxide": 2},
        refused={},
        origins={},
        ended="all calls used",
    )


def test_bonds_are_found_from_distances() -> None:
    water = "3\nwater\nO 0 0 0.117\nH 0 0.757 -0.469\nH 0 -0.757 -0.469\n"
    view = space_view(water)
    assert view is not None
    assert sorted(map(sorted, json.loads(view.data)["bonds"])) == [[0, 1], [0, 2]]
    assert view.still.count("<circle") == 3
    assert space_view("") is None
    for bad in ("three\n\nO 0 0 0", "2\n\nO 0 0 0", "1\n\nO 0 zero 0"):
        with pytest.raises(BadGeometry):
            space_view(bad)


def _elements(smiles: str) -> list[str]:
    mol: Any = Chem.MolFromSmiles(smiles)
    return [atom.GetSymbol() for atom in mol.GetAtoms()]
