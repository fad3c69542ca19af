"""What the route benchmarks make of answers: ranks, shares, intervals, and runs that go on where they stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import metrics, models, multi_step, single_step, versus_aizynthfinder
from benchmarks.journal import Journal, OtherRun
from benchmarks.reactions import Reaction
from benchmarks.targets import Target
from planners.routes.single_step.proposal import Proposal

ROOT = Path(__file__).resolve().parents[2]


def _proposal(*reactants: str) -> Proposal:
    return Proposal(reactants=reactants, reaction_class="", template="", score=0.5)


def test_the_rank_counts_stoichiometry_and_stereo() -> None:
    truth = ("C[C@H](O)F", "CC(=O)O")
    proposals = [
        _proposal("CC(=O)O"),
        _proposal("CC(=O)O", "CC(=O)O", "C[C@H](O)F"),
        _proposal("CC(=O)O", "C[C@@H](O)F"),
        _proposal("C1CC", "C[C@H](O)F"),
        _proposal("CC(=O)O", "C[C@H](O)F"),
    ]
    assert single_step.rank_of(tuple(sorted(truth)), proposals) == 5
    assert single_step.rank_of(("CCO",), proposals) is None
    assert [single_step.valid(p) for p in proposals] == [True, True, True, False, True]


def test_records_of_a_real_proposer() -> None:
    class Known:
        def propose(self, molecules: list[str], k: int) -> list[list[Proposal]]:
            return [[_proposal("C"), _proposal("CCO", "CC(=O)O")][:k] for _ in molecules]

    reaction = Reaction(7, "CCOC(C)=O", ("CC(=O)O", "CCO"))
    record = single_step.measure(Known(), [reaction, reaction], 50)[0]  # type: ignore[arg-type]
    assert (record["key"], record["rank"], record["proposals"], record["valid"]) == ("7", 2, 2, 2)
    assert single_step.measure(Known(), [reaction], 1)[0]["rank"] is None  # type: ignore[arg-type]


def test_shares_and_their_intervals() -> None:
    hits = metrics.top_k([1, 2, None, 5, 11], (1, 3, 5, 10, 50))
    figures = metrics.shares(hits, seed=0)
    assert [figures[f"top{k}"] for k in (1, 3, 5, 10, 50)] == [20.0, 40.0, 60.0, 60.0, 80.0]
    low, high = metrics.interval([1.0] * 300 + [0.0] * 700, seed=1)
    # Normal approximation: 0.3 +- 1.96 * sqrt(0.3 * 0.7 / 1000)
    assert low == pytest.approx(0.3 - 0.0284, abs=0.004)
    assert high == pytest.approx(0.3 + 0.0284, abs=0.004)
    assert metrics.interval([0.0, 1.0, 1.0], 3) == metrics.interval([0.0, 1.0, 1.0], 3)
    with pytest.raises(ValueError, match="no values"):
        metrics.interval([], 0)
    assert metrics.quantile([], 0.5) is None


def test_a_draw_is_seeded_and_keeps_the_order() -> None:
    reactions = [Reaction(i, "C", ("C",)) for i in range(100)]
    drawn = single_step.chosen(reactions, 10, 1)
    assert drawn == single_step.chosen(reactions, 10, 1) != single_step.chosen(reactions, 10, 2)
    assert [r.line for r in drawn] == sorted(r.line for r in drawn)
    assert single_step.chosen(reactions, None, 1) == single_step.chosen(reactions, 1000, 1) == reactions


def test_a_cut_run_goes_on_and_other_settings_do_not(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, {"seed": 1}) as journal:
        journal.add({"key": "a", "rank": 1})
        journal.add({"key": "b", "rank": None})
    with path.open("ab") as stream:
        stream.write(b'{"key": "c", "ra')  # the process died in the middle of a line
    with Journal(path, {"seed": 1}, resume=True) as journal:
        assert list(journal.records) == ["a", "b"]
        journal.add({"key": "c", "rank": 3})
    assert [json.loads(line).get("key") for line in path.read_text().splitlines()] == [None, "a", "b", "c"]
    with pytest.raises(OtherRun, match="seed"):
        Journal(path, {"seed": 2}, resume=True)
    with pytest.raises(FileExistsError, match="--resume"):
        Journal(path, {"seed": 1})


def test_missing_weights_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_ROUTE_WEIGHTS", str(tmp_path))
    with pytest.raises(models.ModelUnavailable, match="--model template"):
        models.load("template")
    assert models.fingerprints("template") == {}


def test_figures_of_a_multi_step_run() -> None:
    steps = frozenset({("CCO", ("C", "CO"))})
    asked = [Target("a", "CCO", steps), Target("b", "CCC", steps), Target("c", "CCN")]
    records: list[dict[str, Any]] = [
        {"key": "a", "solved": True, "validated": True, "reference_rank": 4, "first_route_s": 1.0, "seconds": 2.0,
         "expansions": 10},
        {"key": "b", "solved": True, "validated": False, "reference_rank": None, "first_route_s": 3.0, "seconds": 2.0,
         "expansions": 30},
        {"key": "c", "error": "ValueError: too odd"},
    ]  # fmt: skip
    figures = multi_step.figures(records, asked, seed=0)
    assert (figures["stock_solved"], figures["validated_solved"]) == (66.67, 33.33)
    assert (figures["with_reference"], figures["reference_top3"], figures["reference_top10"]) == (2, 0.0, 50.0)
    assert (figures["median_first_route_s"], figures["expansions_per_second"]) == (2.0, 10.0)
    assert figures["errors"] == [{"target": "c", "error": "ValueError: too odd"}]


def test_ours_is_compared_with_theirs_by_algorithm() -> None:
    def answer(solved: bool, expansions: int) -> dict[str, Any]:
        return {"solved": solved, "expansions": expansions, "distinct_molecules": expansions, "seconds": 2.0,
                "cpu_s": 1.0, "reactions": 2 * expansions}  # fmt: skip

    record = {
        "answers": {
            "athanor retro*": answer(True, 100),
            "aizynthfinder-plain retro*": answer(False, 10),
            "aizynthfinder-plain mcts": answer(False, 5),
        }
    }
    figures = versus_aizynthfinder.figures([record, record], seed=0)
    assert figures["contenders"]["athanor retro*"]["expansions_per_second"] == 50.0
    assert figures["contenders"]["athanor retro*"]["reactions_per_distinct_molecule"] == 2.0
    assert list(figures["athanor_over"]) == ["aizynthfinder-plain retro*"]
    assert figures["athanor_over"]["aizynthfinder-plain retro*"]["expansions_per_cpu_second"] == 10.0


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_single_step_from_the_command_line(tmp_path: Path) -> None:
    file, out = tmp_path / "mine.txt", tmp_path / "out.jsonl"
    file.write_text("CCOC(C)=O>>CCO.CC(O)=O\nCC(=O)NCc1ccccc1>>CC(=O)Cl.NCc1ccccc1\nrubbish\n", encoding="utf-8")
    command = ["benchmarks.single_step", "--reactions", str(file), "--model", "rules", "--out", str(out)]
    done = _run(*command)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["n"], result["bad_lines"], result["validity"], result["top50"]) == (2, 1, 1.0, 100.0)
    assert "line 3" in done.stderr
    refused = _run(*command)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 2  # the bad line, and why
    assert "--resume" in refused.stderr


def test_multi_step_from_the_command_line_and_resumed(tmp_path: Path) -> None:
    goals, shelf, out = tmp_path / "goals.smi", tmp_path / "shelf.txt", tmp_path / "out.jsonl"
    goals.write_text("CCCCOC(C)=O\nFC(F)(F)F\n", encoding="utf-8")
    shelf.write_text("CCCCO\nCC(=O)O\n", encoding="utf-8")
    command = ["benchmarks.multi_step", "--targets", str(goals), "--stock", str(shelf), "--seconds", "2", "--unjudged"]
    command += ["--proposer", "rules", "--enough", "1", "--out", str(out)]
    done = _run(*command)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["n"], result["stock_solved"], result["errors"], result["resumed"]) == (2, 50.0, [], 0)
    assert result["peak_memory_mb_per_process"] > 10.0
    lines = out.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[:-1]), encoding="utf-8")  # the last target's result is lost
    again = json.loads(_run(*command, "--resume").stdout.splitlines()[-1])
    assert (again["n"], again["stock_solved"], again["resumed"]) == (2, 50.0, 1)
