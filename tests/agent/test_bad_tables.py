"""`train --csv` with tables as they come: what can be learned is learned and said, the rest is one line and exit 2."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from knowledge.sources.handbook import Handbook
from tests.agent.command_line import Answer, CommandLine

# Normal boiling points in K.
BOILING = {
    "CCO": 351.4,
    "CCCO": 370.3,
    "CCCCO": 390.9,
    "CCCCCO": 411.1,
    "CCCCCCO": 430.2,
    "CC(C)O": 355.4,
    "CCCCC": 309.2,
    "CCCCCC": 341.9,
    "CCCCCCC": 371.6,
    "CCCCCCCC": 398.8,
    "CCCCCCCCC": 424.0,
    "CC(C)CC": 301.0,
}


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


def rows(values: dict[str, float] = BOILING) -> list[str]:
    return [f"{smiles},{value}" for smiles, value in values.items()]


def write(folder: Path, lines: list[str], header: str = "smiles,Tb (K)") -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def train(call: CommandLine, path: Path, *words: str, name: str = "boils", target: str = "Tb (K)") -> Answer:
    columns = ["--smiles", "smiles", "--target", target, "--models", "gp", "--folder", path.parent / "models"]
    return call("train", name, "--csv", path, *columns, "--split", "random", "--json", *words)


def notes(done: Answer) -> str:
    assert done.code == 0, done.err
    return "\n".join(done.document["notes"])


def test_a_clean_table_gives_a_model_that_predict_and_properties_know(call: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    done = train(call, path)
    assert done.err == ""
    assert (done.document["unit"], done.document["molecules"]) == ("K", 12)
    assert "12 molecules are few" in notes(done)
    assert hashlib.sha256(path.read_bytes()).hexdigest() in done.document["origin"]
    assert "own.csv" in done.document["origin"]
    near, far = call(
        "predict", "CCCCCCCO", "FC(F)(F)C(F)(F)C(F)(F)F", "--property", "boils", "--folder", "models", "--json"
    ).document["predictions"]
    assert near["low"] < 449.6 < near["high"]
    assert near["in_domain"]
    assert not far["in_domain"]
    assert "no training molecule holds F" in far["reason"]
    assert far["high"] - far["low"] > near["high"] - near["low"]
    listed = {row["property"]: row for row in call("properties", "--folder", "models", "--json").document}
    assert (listed["boils"]["unit"], listed["boils"]["molecules"]) == ("K", None)
    assert listed["boils"]["trained"]["molecules"] == 12
    assert "of your tables: boils" in call("predict", "C", "--property", "smell", "--folder", "models").complaint


def test_silicon_is_unlike_alkanes_and_alcohols(call: CommandLine, tmp_path: Path) -> None:
    train(call, write(tmp_path, rows()))
    (far,) = call("predict", "C[Si](C)(C)O[Si](C)(C)C", "--property", "boils", "--folder", "models", "--json").document[
        "predictions"
    ]
    assert "no training molecule holds Si" in far["reason"]
    assert far["high"] - far["low"] > 50.0


def test_a_property_of_ours_is_converted_to_its_unit(call: CommandLine, tmp_path: Path) -> None:
    lines = [f"{s},{v - 273.15:.2f}" for s, v in BOILING.items()]
    path = write(tmp_path, lines, "smiles,Tb")
    done = train(call, path, "--unit", "degC", "--name", "boils", name="boiling_point", target="Tb")
    assert done.document["unit"] == "K"
    asked = call("predict", "CCCCO", "--property", "boils", "--folder", "models", "--json").document
    assert asked["predictions"][0]["value"] == pytest.approx(390.9, abs=8.0)
    again = train(call, path, "--unit", "K", name="boils", target="Tb")
    assert again.code == 0
    done = train(call, write(tmp_path, rows()), name="boils")
    assert "was replaced" in notes(done)


def test_a_missing_unit_is_asked_for_where_one_is_needed(call: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path, rows(), "smiles,Tb")
    said = train(call, path, name="boiling_point", target="Tb").complaint
    assert "no unit is given for 'Tb'" in said
    assert "--unit K" in said
    done = train(call, path, target="Tb")
    assert "no unit is given for 'Tb': its values are taken as they are" in notes(done)
    assert done.document["unit"] == ""


def test_mixed_units_are_converted_or_refused(call: CommandLine, tmp_path: Path) -> None:
    lines = [f"{line},K" for line in rows()]
    lines[3] = "CCCCCO,137.95,°C"
    path = write(tmp_path, lines, "smiles,Tb,unit")
    done = train(call, path, "--unit-column", "unit", target="Tb")
    assert "converted to K: 1 row from degC" in notes(done)
    lines[4] = "CCCCCCO,430.2,g"
    path = write(tmp_path, lines, "smiles,Tb,unit")
    said = train(call, path, "--unit-column", "unit", target="Tb").complaint
    assert said.startswith("line 6: unit 'g' does not fit")
    assert "mixes K (10 rows), degC (1 row), g (1 row)" in said
    path = write(tmp_path, rows(), "smiles,Tb (kJ/mol)")
    said = train(call, path, name="boiling_point", target="Tb (kJ/mol)").complaint
    assert "in 'kJ/mol' cannot be converted to K, the unit of boiling_point" in said


def test_a_constant_column_teaches_nothing(call: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path, rows(dict.fromkeys(BOILING, 300.0)))
    assert "is 300 for every molecule: there is nothing to learn" in train(call, path).complaint


def test_five_rows_give_a_model_and_four_do_not(call: CommandLine, tmp_path: Path) -> None:
    done = train(call, write(tmp_path, rows()[:5]))
    assert "5 molecules are few" in notes(done)
    (one,) = call("predict", "CCCCCCCCO", "--property", "boils", "--folder", "models", "--json").document["predictions"]
    assert one["high"] - one["low"] > 50.0
    assert "4 molecules in 4 rows: too few" in train(call, write(tmp_path, rows()[:4])).complaint


def test_conflicting_duplicates_salts_isotopes_and_rare_elements_are_said(call: CommandLine, tmp_path: Path) -> None:
    lines = [*rows(), "OCC,451.4", "C[NH2+]C.[Cl-],444", "[2H]OCC,351.6", "C[Hg]C,365.7"]
    said = notes(train(call, write(tmp_path, lines)))
    assert "1 molecule had several values, which contradict each other for 1" in said
    assert "1 row of several fragments (salt, hydrate, mixture): they are kept whole" in said
    assert "1 row with isotope labels" in said
    assert "fewer than 3 molecules hold Cl, Hg, N" in said
    parent = notes(train(call, write(tmp_path, lines), "--parent"))
    assert "the largest organic fragment was taken, neutral" in parent


def test_what_cannot_be_read_is_told_and_counted(call: CommandLine, tmp_path: Path) -> None:
    lines = [*rows(), "C1CC,300", "CCCl,inf", "CCBr,NaN", "CCI,1e999", "CS,", "nothing,300"]
    done = train(call, write(tmp_path, lines))
    assert "6 rows of 18 left out, first line 14: cannot read 'C1CC' as a SMILES" in notes(done)
    assert done.document["molecules"] == 12
    said = train(call, write(tmp_path, [f"{smiles}),300" for smiles in list(BOILING)[:9]])).complaint
    assert "0 molecules in 9 rows: too few" in said
    assert "first line 2: cannot read 'CCO)'" in said


@pytest.mark.parametrize(
    "content, part",
    [
        (b"", "own.csv is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "own.csv is no text"),
        (b"PK\x03\x04\x14\x00", "save a spreadsheet as CSV"),
        (b"words and words\n", "column 'smiles' is not in it"),
        (b"smiles,Tb\n", "column 'Tb (K)' is not in it; its columns: smiles, Tb"),
        (b"smiles,Tb (K)\n", "0 molecules in 0 rows"),
    ],
)
def test_a_file_that_is_no_table_is_said(call: CommandLine, tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    assert part in train(call, path).complaint


def test_options_that_do_not_fit_are_said(call: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    assert "cannot be read: No such file" in train(call, tmp_path / "absent.csv").complaint
    assert "cannot be read: Is a directory" in train(call, tmp_path).complaint
    assert "no name for a property" in train(call, path, name="../boils").complaint
    assert "--csv needs --smiles" in call("train", "boils", "--csv", path).complaint
    assert "--unit is about a table" in call("train", "boiling_point", "--unit", "K").complaint
    assert "'calc' is not in it" in train(call, path, "--prior-column", "calc").complaint
    assert "write linear or log" in train(call, path, "--scale", "cubic").complaint


def test_logarithms_are_taken_of_what_has_one(call: CommandLine, tmp_path: Path) -> None:
    lines = [f"{s},{10.0 ** (v / 50.0 - 5.0):.3g}" for s, v in BOILING.items()] + ["CCS,0", "CCN,-1"]
    path = write(tmp_path, lines, "smiles,rate (1/s)")
    done = train(call, path, "--scale", "log", name="rate", target="rate (1/s)")
    assert "2 values are not above 0 and have no logarithm" in notes(done)
    (one,) = call("predict", "CCCCO", "--property", "rate", "--folder", "models", "--json").document["predictions"]
    assert 0.0 < one["low"] < one["value"] < one["high"]


def test_a_column_of_estimates_is_used_and_its_limits_are_said(call: CommandLine, tmp_path: Path) -> None:
    lines = [f"{s},{v},{v + (i % 3)}" for i, (s, v) in enumerate(BOILING.items())] + ["CCCCCCCO,,450"]
    path = write(tmp_path, lines, "smiles,Tb (K),calc")
    done = train(call, path, "--prior-column", "calc", "--models", "gp,gp+column")
    said = notes(done)
    assert done.document["model"] == "gp+column"
    assert "'calc' estimates 12 of 12 molecules" in said
    assert "a molecule without a value in 'calc' is predicted without it" in said
    asked = call("predict", "CCCCCCCO", "--property", "boils", "--folder", "models", "--json").document
    assert asked["predictions"][0]["value"] == pytest.approx(449.0, abs=4.0)


def test_progress_is_told_on_stderr_and_both_splits_on_stdout(call: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    columns = ["--smiles", "smiles", "--target", "Tb (K)", "--models", "gp"]
    done = call("train", "boils", "--csv", path, *columns, "--folder", "models")
    assert done.code == 0, done.err
    assert "boils: 0 of 11, gp, scaffold folds" in done.err
    assert "11 of 11, gp, chosen" in done.err
    assert "scaffold" in done.out
    assert "random" in done.out


def test_a_label_that_the_others_speak_against_is_believed_less_and_named(call: CommandLine, tmp_path: Path) -> None:
    known = {f.smiles: f.value for f in Handbook.full().facts("boiling_point")[::60][:90]}
    wrong = "CCCCCCCO"
    known[wrong] = 300.0  # 1-heptanol boils at 449 K; so low only in a vacuum
    done = train(call, write(tmp_path, rows(known)), "--models", "audited_gp")
    assert done.document["model"] == "audited_gp"
    assert "believed less" in notes(done)
    assert f"{wrong}: 300 K, but " in notes(done)
