"""Tables of results by conditions: what is read, what is joined, and what is refused with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.records.space import Category, Number, NumberScale, Space
from knowledge.sources.conditions_table import BadConditionsTable, Column, ConditionsTable, read_conditions

SUZUKI = """ligand,SMILES of ligand,base,temperature,yield,conversion
PPh3,c1ccccc1P(c1ccccc1)c1ccccc1,K2CO3,60,12.5,20
PPh3,c1ccc(P(c2ccccc2)c2ccccc2)cc1,Cs2CO3,80,31,55
PCy3,C1CCCCC1P(C1CCCCC1)C1CCCCC1,K2CO3,60,44,
PCy3,C1CCCCC1P(C1CCCCC1)C1CCCCC1,Cs2CO3,80 degC,71 %,93
"""
HOW: dict[str, Column | str] = {
    "ligand": Column(kind="smiles", column="SMILES of ligand", names="ligand"),
    "base": "category",
    "temperature": "number degC",
}


def read(tmp_path: Path, text: str, **others: object) -> ConditionsTable:
    path = tmp_path / "suzuki.csv"
    path.write_bytes(text.encode())
    return read_conditions(path, **({"parameters": HOW, "outcomes": ["yield", "conversion"]} | others))  # type: ignore[arg-type]


def test_a_table_becomes_a_space_and_its_trials(tmp_path: Path) -> None:
    table = read(tmp_path, SUZUKI)
    ligand, base, temperature = table.space.parameters
    assert isinstance(ligand, Category)
    assert isinstance(base, Category)
    assert isinstance(temperature, Number)
    assert [o.name for o in ligand.options] == ["PPh3", "PCy3"]
    assert ligand.options[0].smiles == "c1ccc(P(c2ccccc2)c2ccccc2)cc1"  # two spellings, one substance
    assert not base.described
    assert temperature.levels == (60.0, 80.0)
    assert temperature.unit == "degC"
    assert [t.values for t in table.trials] == [
        {"yield": 12.5, "conversion": 20.0},
        {"yield": 31.0, "conversion": 55.0},
        {"yield": 44.0},
        {"yield": 71.0, "conversion": 93.0},
    ]
    found = table.at({"temperature": 60.0, "ligand": "PCy3", "base": "K2CO3"})
    assert found is not None
    assert found.values == {"yield": 44.0}
    assert table.at({"temperature": 80.0, "ligand": "PCy3", "base": "K2CO3"}) is None
    assert table.notes == ()


def test_the_space_of_what_was_measured(tmp_path: Path) -> None:
    table = read(tmp_path, SUZUKI)
    assert not table.complete
    assert table.measured.rules[0].kind == "listed"
    assert Space.from_canonical(table.measured.canonical()) == table.measured
    whole = "base,yield\nA,1\nB,2\n"
    assert read(tmp_path, whole, parameters={"base": "category"}, outcomes=["yield"]).measured.rules == ()


def test_gzip_byte_order_mark_and_no_header(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv.gz"
    path.write_bytes(gzip.compress("\ufeff0.05;60;3.2\n0.1;60;4.1\n".encode()))
    table = read_conditions(
        path,
        parameters={"loading": Column(kind="number", scale=NumberScale.LOG), "temperature": "number degC"},
        outcomes=["yield"],
        columns=["loading", "temperature", "yield"],
    )
    assert table.trials[0].setting == {"loading": 0.05, "temperature": 60.0}
    assert len(table.trials) == 2
    assert table.space.parameters[1].name == "temperature"
    with pytest.raises(BadConditionsTable, match="has 3 columns, but 2 names"):
        read_conditions(path, parameters={"a": "number"}, outcomes=["b"], columns=["a", "b"])


def test_units_behind_numbers_are_converted(tmp_path: Path) -> None:
    text = "temperature,yield\n333.15 K,1\n60,2\n80 °C,4\n"
    table = read(tmp_path, text, parameters={"temperature": "number degC"}, outcomes=["yield"])
    assert [t.setting["temperature"] for t in table.trials] == [60.0, 80.0]
    assert table.trials[0].values == {"yield": 1.5}


def test_repeated_settings_are_averaged_and_said(tmp_path: Path) -> None:
    table = read(tmp_path, SUZUKI + "PCy3,C1CCCCC1P(C1CCCCC1)C1CCCCC1,K2CO3,60,50,70\n")
    trial = table.at({"ligand": "PCy3", "base": "K2CO3", "temperature": 60.0})
    assert trial is not None
    assert trial.values == {"yield": 47.0, "conversion": 70.0}
    assert table.repeated[0].lines == (4, 6)
    assert table.repeated[0].ranges["yield"] == (44.0, 50.0)
    assert "differ most in 'yield', by 6 (lines 4, 6)" in table.notes[0]


def test_rows_without_an_outcome_give_no_trial(tmp_path: Path) -> None:
    table = read(tmp_path, SUZUKI + "PCy3,C1CCCCC1P(C1CCCCC1)C1CCCCC1,NaOH,60,,nan\n")
    assert len(table.trials) == 4
    assert "1 row has no measured outcome" in table.notes
    base = table.space.parameter("base")
    assert isinstance(base, Category)
    assert len(base.options) == 3  # it can be chosen all the same


@pytest.mark.parametrize(
    "change, message",
    [
        (("SMILES of ligand", "structure"), "column 'SMILES of ligand' is not in it; its columns: ligand, structure"),
        (("base,temp", "yield,temp"), "column 'base' is not in it"),
        (("conversion", "yield"), "column 'yield' is in it more than once"),
        (("c1ccc(P(", "c1ccc(X("), "line 3, 'SMILES of ligand': cannot read"),
        (("60,12.5", "inf,12.5"), "line 2, 'temperature': 'inf' is not a number"),
        (("60,12.5", ",12.5"), "line 2, 'temperature': no value"),
        (("12.5", "-inf"), "line 2, 'yield': '-inf' is not a number"),
        (("12.5", "1e999"), "line 2, 'yield': '1e999' is too large"),
        (("12.5", "traces"), "line 2, 'yield': 'traces' is not a number"),
        (("12.5", "12.5 mg"), "line 2, 'yield': '12.5 mg' has a unit"),
        (("60,12.5", "60 mL,12.5"), "line 2, 'temperature': unit 'mL' does not fit"),
        (("K2CO3,60,12.5", ",60,12.5"), "line 2, 'base': no value"),
        (("PCy3,C1CCCCC1P(C1CCCCC1)C1CCCCC1,Cs", "PCy3,CCO,Cs"), "line 5, 'SMILES of ligand': 'PCy3' is CCO here"),
    ],
)
def test_one_line_says_what_is_wrong(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in SUZUKI
    with pytest.raises(BadConditionsTable) as caught:
        read(tmp_path, SUZUKI.replace(*change, 1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "suzuki.csv" in str(caught.value)


def test_more_that_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConditionsTable, match="'base' cannot be a parameter and an outcome"):
        read(tmp_path, SUZUKI, outcomes=["base"])
    with pytest.raises(BadConditionsTable, match="is empty"):
        read(tmp_path, "")
    with pytest.raises(BadConditionsTable, match="no row has a number for 'yield'"):
        read(tmp_path, "base,yield\nA,\n", parameters={"base": "category"}, outcomes=["yield"])
    how = {"c": Column(kind="number", unit="mol/L", scale=NumberScale.LOG)}
    with pytest.raises(BadConditionsTable, match="log scale, so it must be more than 0 mol/L"):
        read(tmp_path, "c,yield\n0,1\n1,2\n", parameters=how, outcomes=["yield"])
    for text in ("number furlongs of doom", "structure", "category K"):
        with pytest.raises(ValueError, match=r"no way to read|no unit"):
            Column.model_validate(text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C"]),
            st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.12g}")),
            st.floats(-1e6, 1e6),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_row_is_found_again(tmp_path: Path, rows: list[tuple[str, float, float]]) -> None:
    text = "base,x,yield\n" + "".join(f"{a},{x!r},{y!r}\n" for a, x, y in rows)
    table = read(tmp_path, text, parameters={"base": "category", "x": "number"}, outcomes=["yield"])
    assert len(table.trials) == len({(a, x) for a, x, _ in rows})
    for a, x, _ in rows:
        trial = table.at({"base": a, "x": x})
        assert trial is not None
        same = [y for b, z, y in rows if (b, z) == (a, x)]
        assert trial.values["yield"] == pytest.approx(sum(same) / len(same), rel=1e-9, abs=1e-9)
        for name, value in trial.setting.items():
            table.space.check_value(name, value)
