"""The comparison of optimisers: figures, the same starts for all, tables, emulators, and arguments that cannot be."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import optimize, optimize_table
from benchmarks.optimize_emulator import emulate, inputs, olympus, train
from benchmarks.optimize_figures import hypervolume, ranks, reached, scores
from benchmarks.optimize_problem import BadProblem, Goal, Problem, Values, key, nearest, table_problem, uniform
from benchmarks.peers import Ax, Baybe, Chance, Optimiser
from knowledge.records.space import Category, Listed, Number, Option, Setting, Space

# Yields of a direct arylation with XPhos at 0.153 M (B. J. Shields et al., Nature 2021, 590, 89).
TABLE = """base,solvent,temperature,yield
O=C([O-])C.[K+],CC(N(C)C)=O,90,38.79
O=C([O-])C(C)(C)C.[K+],CC(N(C)C)=O,90,60.68
O=C([O-])C.[K+],CCCC#N,90,32.5
O=C([O-])C(C)(C)C.[K+],CCCC#N,90,33.95
O=C([O-])C.[K+],CC1=CC=C(C)C=C1,90,28.36
O=C([O-])C(C)(C)C.[K+],CC1=CC=C(C)C=C1,90,31.55
O=C([O-])C.[K+],CC(N(C)C)=O,105,48.86
O=C([O-])C(C)(C)C.[K+],CC(N(C)C)=O,105,82.28
O=C([O-])C.[K+],CCCC#N,105,75.39
O=C([O-])C(C)(C)C.[K+],CCCC#N,105,73.33
O=C([O-])C.[K+],CC1=CC=C(C)C=C1,105,39.32
O=C([O-])C(C)(C)C.[K+],CC1=CC=C(C)C=C1,105,34.45
O=C([O-])C.[K+],CC(N(C)C)=O,120,84.67
O=C([O-])C(C)(C)C.[K+],CC(N(C)C)=O,120,80.39
O=C([O-])C.[K+],CCCC#N,120,78.6
O=C([O-])C(C)(C)C.[K+],CCCC#N,120,71.43
"""
OLYMPUS = Path(__file__).parents[3] / "shared" / "data" / "olympus"  # beside the project


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "arylation.csv"
    path.write_text(TABLE)
    return path


def arylation(table: Path) -> Problem:
    return table_problem(table, parameters=["temperature"], smiles=["base", "solvent"], goals=[Goal("yield", True)])


class TestFigures:
    def test_hypervolume_of_a_staircase(self) -> None:
        points = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [1.5, 1.5], [-1.0, 9.0]])
        assert hypervolume(points) == pytest.approx(3.0 + 2.0 + 1.0)
        assert hypervolume(points[::-1]) == hypervolume(points)
        assert hypervolume(np.array([[0.3], [0.8], [-1.0]])) == 0.8
        with pytest.raises(ValueError, match="more than two"):
            hypervolume(np.ones((2, 3)))

    def test_scores_rise_from_worst_to_best_in_either_direction(self) -> None:
        assert scores(np.array([[20.0], [10.0], [90.0]]), [100.0], [0.0], 1.0).tolist() == [0.2, 0.2, 0.9]
        assert scores(np.array([[8.0], [2.0], [4.0]]), [0.0], [10.0], 1.0) == pytest.approx([0.2, 0.8, 0.8])
        both = scores(np.array([[10.0, 5.0], [5.0, 0.0]]), [10.0, 0.0], [0.0, 10.0], 0.75)
        assert both == pytest.approx([0.5 / 0.75, 1.0])

    def test_reached_counts_experiments_and_says_when_never(self) -> None:
        score = np.array([0.2, 0.95, 0.989, 0.99])
        assert [reached(score, share) for share in (0.1, 0.95, 0.99, 1.0)] == [1, 2, 4, 5]

    def test_equal_figures_share_their_ranks(self) -> None:
        assert ranks([0.5, 0.9, 0.5, 0.1]) == [2.5, 1.0, 2.5, 4.0]

    def test_a_duel_counts_its_losses(self) -> None:
        assert optimize.duel([0.9, 0.5, 0.7], [0.8, 0.6, 0.7]) == {"won": 1, "even": 1, "lost": 1}


class TestProblems:
    def test_the_starts_are_of_the_seed_and_different(self, table: Path) -> None:
        problem = arylation(table)
        starts = [key(s) for s in problem.starts(5, 3)]
        assert starts == [key(s) for s in arylation(table).starts(5, 3)]
        assert len(set(starts)) == 5
        assert starts != [key(s) for s in problem.starts(5, 4)]

    def test_all_optimisers_get_the_same_starts_and_what_was_measured(self, table: Path) -> None:
        problem = arylation(table)
        told: list[list[tuple[object, ...]]] = []

        class Listening(Chance):
            def tell(self, settings: Sequence[Setting], values: Values) -> None:
                told.append([(*key(s), float(v)) for s, v in zip(settings, values[:, 0], strict=True)])
                super().tell(settings, values)

        outcomes = [
            optimize.campaign(Listening(problem, seed), problem, 7, initial=4, batch=3, budget=9) for seed in (0, 1)
        ]
        assert told[0] == told[3]  # three batches each: 4, 3 and 2
        assert [len(batch) for batch in told] == [4, 3, 2] * 2
        assert outcomes[0]["settings"][:4] == outcomes[1]["settings"][:4]
        assert outcomes[0]["settings"] != outcomes[1]["settings"]
        assert {tuple(s) for s in outcomes[0]["settings"]} <= {tuple(r.values()) for r in problem.rows}
        assert len({tuple(s) for s in outcomes[0]["settings"]}) == 9

    def test_an_optimiser_that_repeats_itself_is_an_error(self, table: Path) -> None:
        problem = arylation(table)

        class Stubborn(Chance):
            def ask(self, count: int) -> list[Setting]:
                return [problem.rows[0]] * count

        with pytest.raises(BadProblem, match="new settings"):
            optimize.campaign(Stubborn(problem, 0), problem, 0, initial=2, batch=2, budget=6)

    def test_a_table_that_is_no_full_grid_offers_its_rows_alone(self, table: Path) -> None:
        problem = arylation(table)
        assert len(problem.rows) == 16  # of 2 x 3 x 3
        listed = next(rule for rule in problem.space.rules if isinstance(rule, Listed))
        assert len(listed.rows) == 16
        assert (problem.best, problem.worst) == ((84.67,), (28.36,))
        assert {p.name: isinstance(p, Category) for p in problem.space.parameters} == {
            "base": True,
            "solvent": True,
            "temperature": False,
        }

    def test_where_keeps_some_rows_and_what_occurs_in_them(self, table: Path) -> None:
        problem = table_problem(
            table, parameters=[], smiles=["base", "solvent"], goals=[Goal("yield", True)], where={"temperature": "105"}
        )
        assert len(problem.rows) == 6
        assert not problem.space.rules
        assert problem.best == (82.28,)
        with pytest.raises(BadProblem, match="0 measured rows"):
            table_problem(
                table, parameters=[], smiles=["base"], goals=[Goal("yield", True)], where={"temperature": "77"}
            )

    def test_rows_of_one_setting_are_averaged(self, table: Path) -> None:
        table.write_text(TABLE + "CC(=O)[O-].[K+],CCCC#N,120,70.6\n")
        problem = arylation(table)
        assert len(problem.rows) == 16
        row = {"base": "CC(=O)[O-].[K+]", "solvent": "CCCC#N", "temperature": 120.0}
        assert problem.measure([row])[0, 0] == pytest.approx(74.6)

    def test_the_nearest_row_differs_least(self, table: Path) -> None:
        problem = arylation(table)
        missing = {"base": "CC(=O)[O-].[K+]", "solvent": "Cc1ccc(C)cc1", "temperature": 120.0}
        first = nearest(problem, missing, ())
        assert first == {**missing, "temperature": 105.0}  # half of a range is less than another substance
        second = nearest(problem, missing, [first])  # a whole range is as far as another solvent; it comes first
        assert second == {**missing, "temperature": 90.0}
        third = nearest(problem, missing, [first, second])
        assert third == {**missing, "solvent": "CC(=O)N(C)C"}


SPACE = Space(
    parameters=(
        Category(name="ligand", options=(Option(name="PPh3"), Option(name="XPhos"))),
        Number(name="temperature", unit="degC", low=40.0, high=120.0),
    )
)


def kinetics() -> tuple[list[Setting], Values]:
    """Yields of a first-order reaction (Arrhenius) with decomposition above 100 degC, and the temperatures."""
    settings: list[Setting] = []
    values: list[list[float]] = []
    for ligand, energy in (("PPh3", 92e3), ("XPhos", 88e3)):
        for t in np.linspace(40.0, 120.0, 17).tolist():
            rate = 1e10 * math.exp(-energy / 8.314 / (t + 273.15))
            settings.append({"ligand": ligand, "temperature": t})
            values.append([100.0 * (1.0 - math.exp(-3600.0 * rate)) / (1.0 + math.exp((t - 105.0) / 4.0)), t])
    return settings, np.array(values)


@pytest.fixture(scope="module")
def emulated() -> Problem:
    settings, values = kinetics()
    return emulate("kinetics", SPACE, (Goal("yield", True), Goal("temperature", False)), settings, values, {})


class TestEmulator:
    def test_the_same_data_give_the_same_function(self) -> None:
        settings, values = kinetics()
        x, y = inputs(SPACE, settings), torch.from_numpy(values / 100.0)
        assert torch.equal(train(x, y, seed=0).mean(x), train(x, y, seed=0).mean(x))

    def test_it_follows_the_data_within_their_range_without_plateaus(self, emulated: Problem) -> None:
        _, values = kinetics()
        assert min(emulated.r2) > 0.9
        generator = np.random.default_rng(2)
        answers = emulated.measure([uniform(SPACE, generator) for _ in range(500)])
        assert (answers >= values.min(axis=0)).all()
        assert (answers <= values.max(axis=0)).all()
        assert len(np.unique(answers[:, 0])) == 500

    def test_its_best_values_and_volume_are_hardly_passed(self, emulated: Problem) -> None:
        generator = np.random.default_rng(3)
        answers = emulated.measure([uniform(SPACE, generator) for _ in range(1000)])
        assert answers[:, 0].max() <= emulated.best[0] + 1e-6
        assert answers[:, 1].min() >= emulated.best[1] - 1e-6
        found = scores(answers, emulated.best, emulated.worst, emulated.volume)
        assert 0.95 < found[-1] <= 1.01

    @pytest.mark.skipif(not OLYMPUS.is_dir(), reason="the Olympus problems are not here")
    @pytest.mark.slow
    def test_an_olympus_problem(self) -> None:
        problem = olympus(OLYMPUS, "suzuki_i")
        assert [(goal.outcome, goal.maximise) for goal in problem.goals] == [("yield", True), ("turnover", True)]
        assert sum(isinstance(p, Number) and p.continuous for p in problem.space.parameters) == 3
        assert min(problem.r2) > 0.8

    def test_an_unknown_problem_names_the_known_ones(self, tmp_path: Path) -> None:
        (tmp_path / "snar_config.json").write_text("{}")
        with pytest.raises(BadProblem, match=r"no problem 'snarl'.*there are: snar"):
            olympus(tmp_path, "snarl")


class TestCommand:
    def arguments(self, table: Path) -> list[str]:
        return [
            *("--csv", str(table), "--parameters", "temperature", "--smiles-parameters", "base,solvent"),
            *("--objective", "yield:max", "--initial", "3", "--batch", "2", "--budget", "8", "--seeds", "2"),
        ]

    def test_random_alone_kept_and_resumed(
        self, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = tmp_path / "kept.jsonl"
        results = []
        for _ in range(2):
            optimize.main([*self.arguments(table), "--only", "random", "--keep", str(kept), "--resume"])
            results.append(json.loads(capsys.readouterr().out.splitlines()[-1]))
            assert len(kept.read_text().splitlines()) == 3
        assert results[0]["optimisers"] == results[1]["optimisers"]
        figures = results[0]["optimisers"]["random"]
        assert list(figures["best"]) == ["3", "4", "5", "7", "8"]
        assert len(figures["to_99"]["each"]) == 2
        assert results[0]["csv_sha256"]

    def test_ours_from_the_same_starts_and_nothing_stale_is_reused(
        self, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = tmp_path / "kept.jsonl"
        given = [
            *self.arguments(table),
            "--seeds",
            "1",
            "--budget",
            "5",
            "--versus",
            "random",
            "--keep",
            str(kept),
            "--resume",
        ]
        optimize.main([*given, "--json"])
        result = json.loads(capsys.readouterr().out)
        assert set(result["optimisers"]) == {"athanor", "random"}
        records = [json.loads(line) for line in kept.read_text().splitlines()[1:]]
        ours, chance = (next(r for r in records if r["optimiser"] == name) for name in ("athanor", "random"))
        assert ours["settings"][:3] == chance["settings"][:3]
        assert set(result["athanor_against"]["random"]) == {"half", "full"}
        (tmp_path / "propose.py").write_text("# other sources")
        monkeypatch.setattr(optimize, "_SOURCES", tmp_path)
        optimize.main([*given, "--json"])
        again = [json.loads(line) for line in kept.read_text().splitlines()[1:]]
        assert [r["optimiser"] for r in again] == ["athanor", "random", "athanor"]
        assert again[0]["settings"] == again[2]["settings"]

    @pytest.mark.parametrize(
        "change, said",
        [
            (["--objective", "yield"], "'yield' is no objective"),
            (["--objective", "a:max,b:min,c:max"], "at most two objectives"),
            (["--objective", "purity:max"], "purity"),
            (["--parameters", "pressure"], "pressure"),
            (["--only", "gradient"], "no optimiser 'gradient'; there are: athanor, random, baybe, ax"),
            (["--budget", "3"], "--budget is more than --initial"),
            (["--budget", "17"], "more than the 16 rows"),
            (["--olympus", "snar"], "either --csv or --olympus"),
            (["--csv", "no_such_file.csv"], "no_such_file.csv"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self, table: Path, capsys: pytest.CaptureFixture[str], change: list[str], said: str
    ) -> None:
        with pytest.raises(SystemExit) as stopped:
            optimize.main([*self.arguments(table), "--versus", "random", *change])
        assert stopped.value.code == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.splitlines()) == 1
        assert said in told.err


class TestTable:
    def result(self, problem: str, ours: list[float], others: list[float]) -> dict[str, object]:
        names = {"athanor": ours, "baybe": others}
        duel = optimize.duel(ours, others)
        return {
            "benchmark": "optimize",
            **{"problem": problem, "budget": 30, "seeds": [0, 1]},
            "optimisers": {n: {"each_half": s, "each_full": s, "to_99": {"median": 31.0}} for n, s in names.items()},
            "athanor_against": {"baybe": {"half": duel, "full": duel}},
        }

    def test_ranks_and_losses_over_problems(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        first, second = tmp_path / "snar.txt", tmp_path / "hplc.txt"
        first.write_text("for people\n" + json.dumps(self.result("snar", [0.9, 0.7], [0.8, 0.6])))
        second.write_text(json.dumps(self.result("hplc", [0.5, 0.5], [0.9, 0.5])))
        optimize_table.main([str(first), str(second)])
        out = capsys.readouterr().out.splitlines()
        found = json.loads(out[-1])
        assert found["regret"]["full"] == [pytest.approx([0.2, 0.3]), pytest.approx([0.5, 0.3])]
        assert found["mean_rank"]["half"] == [1.5, 1.5]
        assert found["athanor_against"]["baybe"]["full"] == {"won": 2, "even": 1, "lost": 1}
        assert "| snar | 2 | 0.200 | 0.300 |" in out[2]

    def test_what_cannot_be_put_side_by_side_is_one_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        empty = tmp_path / "empty.txt"
        empty.write_text("")
        with pytest.raises(SystemExit):
            optimize_table.main([str(empty)])
        assert capsys.readouterr().err.splitlines() == [
            f"optimize_table: {empty} holds no result of benchmarks.optimize"
        ]


class TestPeers:
    """They warn of their own dependencies' future, which is no fault of ours."""

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("peer, package", [(Baybe, "baybe"), (Ax, "ax")])
    def test_rows_of_the_table_and_none_twice(self, table: Path, peer: type[Baybe] | type[Ax], package: str) -> None:
        pytest.importorskip(package, reason="the extra 'peers' is not installed", exc_type=ImportError)
        problem = arylation(table)
        optimiser: Optimiser = peer(problem, 0)
        outcome = optimize.campaign(optimiser, problem, 0, initial=4, batch=2, budget=8)
        assert len({tuple(s) for s in outcome["settings"]}) == 8
        assert {tuple(s) for s in outcome["settings"]} <= {tuple(row.values()) for row in problem.rows}
        assert outcome["notes"].get("not by the model", 0) == 0
