"""Selection: the best model wins, simpler ones where it makes no difference, losers are published, nothing leaks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge.qspr.contract import Belief, Fitted, Model, Samples, Stored
from knowledge.qspr.domain import Domain, leave_one_out, nearest
from knowledge.qspr.kernels import Array, tanimoto
from knowledge.qspr.representation import default_representation
from knowledge.qspr.selection import Selected, select
from knowledge.qspr.splits import k_fold
from knowledge.qspr.trials import (
    Familiarity,
    NoModel,
    Trial,
    Unseen,
    calibrate,
    choose,
    contenders,
    familiarity,
    validate,
)

# Normal boiling points in K: homologous series with and without rings.
SERIES = {
    "{}": (2, [184.6, 231.0, 272.7, 309.2, 341.9, 371.6, 398.8, 424.0]),
    "{}O": (1, [337.8, 351.4, 370.3, 390.9, 411.1, 430.2, 449.6, 468.3]),
    "{}N": (2, [289.7, 320.4, 350.6, 377.4, 404.7, 429.0]),
    "{}Cl": (1, [248.9, 285.4, 319.7, 351.6, 381.5, 408.2]),
    "{}C#N": (1, [354.8, 370.5, 390.8, 414.5]),
    "{}C(=O)O": (1, [391.1, 414.3, 436.9, 459.3, 478.4]),
    "{}c1ccccc1": (1, [383.8, 409.4, 432.4, 456.4]),
    "{}C1CCCCC1": (1, [374.1, 404.9, 429.9, 454.1]),
}
BOILING = {s.format("C" * (first + i)): v for s, (first, values) in SERIES.items() for i, v in enumerate(values)}


def boiling(*, leave: Sequence[str] = ()) -> Samples:
    kept = [s for s in BOILING if s not in leave]
    return Samples(tuple(kept), np.array([BOILING[s] for s in kept]), np.zeros(len(kept)))


@dataclass(frozen=True)
class FittedLine:
    name: str
    weights: Array
    spread: float

    def predict(self, smiles: Sequence[str]) -> Belief:
        n = len(smiles)
        return Belief(columns(self.name, smiles) @ self.weights, np.full(n, self.spread), np.zeros(n))

    def stored(self) -> Stored:
        return Stored({"spread": self.spread}, {"weights": self.weights})


@dataclass(frozen=True)
class Line:
    """Ridge regression: "mean" on nothing, "size" on the number of atoms, "groups" on functional groups too."""

    name: str
    version: str = "1"
    seen: list[frozenset[str]] = field(default_factory=list)

    def fit(self, samples: Samples, *, seed: int) -> Fitted:
        self.seen.append(frozenset(samples.smiles))
        x = columns(self.name, samples.smiles)
        weights = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ samples.values)
        return FittedLine(self.name, weights, float((samples.values - x @ weights).std()) + 0.1)

    def restore(self, stored: Stored) -> Fitted:
        return FittedLine(self.name, stored.arrays["weights"], stored.settings["spread"])


class Refusing(Line):
    def fit(self, samples: Samples, *, seed: int) -> Fitted:
        raise ValueError("needs boiling points of other planets")


def columns(name: str, smiles: Sequence[str]) -> Array:
    from knowledge.features import Groups

    one = np.ones((len(smiles), 1))
    if name == "mean":
        return one
    size = np.array([[np.sqrt(sum(c.isalpha() for c in s))] for s in smiles])
    return np.hstack([one, size, Groups()(list(smiles))]) if name == "groups" else np.hstack([one, size])


def test_the_best_model_wins_and_losers_are_published() -> None:
    models = [Line("mean"), Line("size"), Refusing("refusing"), Line("groups")]
    assert all(isinstance(model, Model) for model in models)
    selected = select(models, boiling(), seed=0, split="random")
    assert selected.model == "groups"
    mean, size, refusing, groups = selected.table
    assert mean["rmse"] > size["rmse"] > groups["rmse"]
    assert (refusing["rmse"], refusing["failure"]) == (None, "needs boiling points of other planets")
    json.dumps(selected.table, allow_nan=False)


def test_the_simpler_of_two_equals_is_taken() -> None:
    assert select([Line("size", "a"), Line("size", "b")], boiling(), seed=0).version == "a"
    assert select([Line("size", "b"), Line("size", "a")], boiling(), seed=0).version == "b"


def test_one_standard_error_decides() -> None:
    """Mean squares of 101 and 100 differ by less than the scatter of their differences; 100 and 81 by more."""
    samples = boiling()
    folds = k_fold(samples.smiles, "random", seed=0)
    trial = validate(Line("mean"), samples, folds, Familiarity(np.zeros(0), ()), seed=0)

    def with_errors(errors: Array) -> Trial:
        assert trial.unseen is not None
        return replace(trial, unseen=replace(trial.unseen, mean=samples.values + errors))

    even = np.full(len(samples), 10.0)
    wild = np.sqrt(np.where(np.arange(len(samples)) % 2, 25.0, 177.0))
    better = np.full(len(samples), 9.0)
    assert choose([with_errors(wild), with_errors(even)], samples, "random", seed=0) == 0
    assert choose([with_errors(even), with_errors(better)], samples, "random", seed=0) == 1


def test_scaffold_folds_decide_and_random_ones_where_they_do_not() -> None:
    """What is worst on scaffold folds is out, however good on random ones; between equals there, random ones decide."""
    samples = boiling()
    trial = validate(
        Line("mean"), samples, k_fold(samples.smiles, "random", seed=0), Familiarity(np.zeros(0), ()), seed=0
    )

    def erring(by: float) -> Trial:
        assert trial.unseen is not None
        return replace(trial, unseen=replace(trial.unseen, mean=samples.values + by))

    scaffold_trials = [erring(30.0), erring(10.0), erring(10.0)]
    random_trials = [erring(1.0), erring(9.0), erring(5.0)]
    assert contenders(scaffold_trials, samples, "scaffold", seed=0) == [1, 2]
    assert contenders(random_trials, samples, "random", seed=0, among=[1, 2]) == [2]


def test_both_splits_are_published_and_progress_is_told() -> None:
    told: list[tuple[int, int, str, str]] = []
    models = [Line("mean"), Refusing("refusing"), Line("groups")]
    selected = select(models, boiling(), seed=0, split="both", on_progress=lambda *step: told.append(step))
    assert selected.split == "both"
    assert selected.model == "groups"
    mean, refusing, groups = selected.table
    assert mean["rmse"] == mean["splits"]["scaffold"]["rmse"] != mean["splits"]["random"]["rmse"]
    assert refusing["failure"] == refusing["splits"]["random"]["failure"] != ""
    assert groups["splits"]["random"]["rmse"] < groups["splits"]["scaffold"]["rmse"] < mean["rmse"]
    json.dumps(selected.table, allow_nan=False)
    steps = [step[0] for step in told]
    assert steps == sorted(steps)
    assert {step[1] for step in told} == {31}
    assert told[0] == (0, 31, "mean", "scaffold folds")
    assert told[1] == (1, 31, "mean", "scaffold fold 1 of 5")
    assert told[-1] == (31, 31, "groups", "chosen")
    restored = Selected.restore(selected.stored(), models)
    assert restored.split == "both"
    assert restored.predict(["CCCCCCO"]) == selected.predict(["CCCCCCO"])
    with pytest.raises(ValueError, match="time"):
        select(models, boiling(), seed=0, split="time")


def test_known_and_new_scaffolds_are_calibrated_on_residuals_of_their_own_kind() -> None:
    """Errors of 1 on known scaffolds and of 5 on new ones give intervals of these sizes, not of a mixture."""
    n = 200
    samples = Samples(tuple("C" * i for i in range(1, n + 1)), np.zeros(n), np.zeros(n))

    def unseen(kinds: list[str], known: float, new: float) -> Unseen:
        error = np.array([new if kind else known for kind in kinds])
        return Unseen(error, np.ones(n), Familiarity(np.full(n, 0.5), tuple(kinds)))

    scaffold_folds = unseen([f"kind {i}" if i % 4 else "" for i in range(n)], 1.0, 5.0)
    random_folds = unseen(["kind" if i % 10 == 0 else "" for i in range(n)], 1.0, 3.0)
    both = calibrate(scaffold_folds, samples, interpolated=random_folds)
    place = np.full(2, 0.5), np.array([False, True])
    assert both.factors(*place, 0.9).tolist() == [1.0, 5.0]
    assert calibrate(scaffold_folds, samples).factors(*place, 0.9).tolist() == [5.0, 5.0]


def test_no_model_sees_the_molecules_that_it_is_tested_on() -> None:
    model = Line("size")
    samples = boiling()
    folds = k_fold(samples.smiles, "scaffold", seed=4)
    validate(model, samples, folds, familiarity(samples, folds), seed=4)
    for fold, seen in zip(folds, model.seen, strict=True):
        assert not seen & {samples.smiles[i] for i in fold.test}


def test_predictions_carry_intervals_domain_and_precedents() -> None:
    left = ["CCCCO", "CCCCCC", "CCc1ccccc1", "CCCC#N"]
    selected = select([Line("size"), Line("groups")], boiling(leave=left), seed=0, split="random")
    for p in selected.predict(left):
        assert p.low < BOILING[p.smiles] < p.high
        assert p.in_domain
        assert p.reason == ""
        assert len(p.neighbours) == 3
        assert p.neighbours[0].value == BOILING[p.neighbours[0].smiles]
        assert p.similarity == p.neighbours[0].similarity >= p.neighbours[1].similarity
    narrow, wide = (selected.predict(left, level=level)[0] for level in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.high < wide.high
    (far,) = selected.predict(["[Se]1C=CN=C1S(=O)(=O)N"])
    assert not far.in_domain
    assert "no training molecule holds S, Se" in far.reason
    assert "below" in far.reason


def test_five_molecules_get_wide_answers() -> None:
    few = boiling().take([3, 9, 15, 20, 30])
    selected = select([Line("mean"), Line("size")], few, seed=0)
    assert not selected.calibrator.exact(0.9)
    (p,) = selected.predict(["CCCCCO"])
    assert p.high - p.low > 50.0


def test_the_same_seed_gives_the_same_answers_and_storing_keeps_them() -> None:
    models = [Line("size"), Line("groups")]
    first, again = (select(models, boiling(), seed=3) for _ in range(2))
    query = ["CCCCCCO", "CC(C)O", "c1ccccc1"]
    assert first.predict(query) == again.predict(query)
    stored = first.stored()
    json.dumps(stored.settings, allow_nan=False)
    restored = Selected.restore(stored, models)
    assert restored.predict(query) == first.predict(query)
    assert restored.table == first.table
    with pytest.raises(ValueError, match="this program has 2"):
        Selected.restore(stored, [Line("size", "2"), Line("groups", "2")])
    with pytest.raises(ValueError, match="do not match their hash"):
        Selected.restore(Stored(stored.settings, {**stored.arrays, "values": stored.arrays["values"] + 1.0}), models)


def test_when_nothing_can_be_fitted_every_reason_is_told() -> None:
    with pytest.raises(NoModel, match="refusing: needs boiling points of other planets"):
        select([Refusing("refusing")], boiling(), seed=0)


def test_similarities_are_those_of_the_full_matrix() -> None:
    smiles = list(BOILING)
    counts = default_representation().counts(smiles)
    full = tanimoto(counts, counts)
    np.fill_diagonal(full, -1.0)
    np.testing.assert_array_equal(leave_one_out(smiles), full.max(axis=1))
    np.testing.assert_allclose(nearest(smiles[:5], smiles[5:]), full[:5, 5:].max(axis=1))
    domain = Domain.of(boiling())
    assert (full.max(axis=1) < domain.threshold).mean() == pytest.approx(0.1, abs=0.05)
    assert domain.place(["CCO"])[0].neighbours[0].smiles == "CCO"


def compete(monkeypatch: pytest.MonkeyPatch, benchmark: Any, models: dict[str, Callable[[], Model]]) -> None:
    """Only these take part in the benchmark."""
    monkeypatch.setattr(benchmark, "names", lambda prop, column: tuple(models))
    monkeypatch.setattr(benchmark, "candidates", lambda prop, chosen, column: [models[name]() for name in chosen])
    monkeypatch.setattr(benchmark, "usual", lambda prop, column: tuple(models))


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the benchmark in this process, with the models of this file."""
    benchmark = pytest.importorskip("benchmarks.property")
    path = tmp_path / "boiling.csv"
    path.write_text("smiles,Tb (K)\n" + "".join(f"{s},{v}\n" for s, v in BOILING.items()), encoding="utf-8")
    models = {"size": lambda: Line("size"), "groups": lambda: Line("groups"), "refusing": lambda: Refusing("refusing")}
    compete(monkeypatch, benchmark, models)

    def crew(
        work: Callable[..., object],
        items: list[object],
        *,
        jobs: int,
        start: Callable[..., None],
        arguments: tuple[object, ...],
    ) -> object:
        start(*arguments)
        return map(work, items)

    monkeypatch.setattr(benchmark.machine, "crew", crew)

    def run(*more: str) -> None:
        argv = ["property", "--csv", str(path), "--smiles", "smiles", "--target", "Tb (K)", "--seeds", "2", *more]
        monkeypatch.setattr(sys, "argv", argv)
        benchmark.main()

    return run


def test_the_benchmark_prints_one_object_and_resumes(
    measured: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    measured("--split", "random", "--out", str(out))
    first = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert first["unit"] == "K"
    assert first["n"] == len(BOILING)
    assert set(first["models"]) == {"size", "groups", "refusing", "selected"}
    assert first["models"]["refusing"]["failures"] == ["needs boiling points of other planets"]
    assert first["chosen"] == ["groups", "groups"]
    for name in ("mae", "rmse", "r2", "coverage", "width", "spearman"):
        assert first["models"]["selected"][name] == first["models"]["groups"][name]
    assert first["models"]["groups"]["rmse"]["mean"] < first["models"]["size"]["rmse"]["mean"]
    kept = out.read_text(encoding="utf-8").splitlines()
    out.write_text("\n".join(kept[:-2]) + "\n", encoding="utf-8")
    measured("--split", "random", "--out", str(out), "--resume")
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["resumed"] == 4
    assert again["models"]["size"]["rmse"] == first["models"]["size"]["rmse"]
    with pytest.raises(SystemExit):
        measured("--split", "scaffold", "--out", str(out), "--resume")
    assert "another inner, split" in capsys.readouterr().err


def test_the_benchmark_never_shows_test_molecules_to_what_chooses(
    measured: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks import property as benchmark

    model = Line("size")
    compete(monkeypatch, benchmark, {"size": lambda: model})
    measured("--split", "scaffold", "--train-size", "20", "--seeds", "1")
    assert max(len(seen) for seen in model.seen) == 20
    assert len(frozenset().union(*model.seen)) == 20
