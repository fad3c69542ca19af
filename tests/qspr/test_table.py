"""A user's table: every kind of bad input is read, converted, refused or said, never dropped in silence."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from knowledge.sources.property_table import BadTable, read
from knowledge.sources.property_units import BadCell, header_unit, known, read_cell, spelled

# Normal boiling points in K.
BOILING = [
    ("CCO", 351.4),
    ("CCCO", 370.3),
    ("CCCCO", 390.9),
    ("c1ccccc1", 353.2),
    ("Cc1ccccc1", 383.8),
    ("CC(C)=O", 329.2),
]


def table(path: Path, rows: list[str], *, header: str = "smiles,Tb (K)") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def lines(*, skip: int = 0) -> list[str]:
    return [f"{smiles},{value}" for smiles, value in BOILING[skip:]]


def test_molecules_are_canonical_and_in_the_order_of_the_file(tmp_path: Path) -> None:
    got = read(table(tmp_path / "a.csv", ["OCC,351.4", *lines(skip=1)]), smiles="smiles", target="Tb (K)")
    assert got.samples.smiles[0] == "CCO"
    assert got.samples.values.tolist() == [value for _, value in BOILING]
    assert got.samples.variances.tolist() == [0.0] * 6
    assert (got.report.unit, got.report.rows, got.report.molecules, got.report.notes) == ("K", 6, 6, ())


def test_gzip_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = "\ufeffSMILES;Tb [°C]\n" + "\n".join(f"{s};{v - 273.15:.2f}" for s, v in BOILING) + "\n"
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    got = read(path, smiles="smiles", target="Tb [°C]", unit="K")
    assert got.samples.values == pytest.approx([v for _, v in BOILING])
    assert got.report.converted == {"degC": 6}


def test_unreadable_rows_are_kept_with_line_and_reason(tmp_path: Path) -> None:
    rows = [*lines(), "C1CC,300", ",300", "CCC,", "CCCC,<300", "CCCCC,300-310", "CC,abc", "", "C(C)(C)(C)(C)C,280"]
    report = read(table(tmp_path / "a.csv", rows), smiles="smiles", target="Tb (K)").report
    assert [row.line for row in report.bad_rows] == [8, 9, 10, 11, 12, 13, 15]
    reasons = [row.reason for row in report.bad_rows]
    for reason, part in zip(
        reasons, ["C1CC", "no SMILES", "no value", "limit", "range", "abc", "as a SMILES"], strict=True
    ):
        assert part in reason
    assert "7 rows of 13 left out, first line 8" in report.notes[-1]
    assert report.rows == report.molecules + len(report.bad_rows)


def test_conflicting_values_of_one_molecule_become_variance_and_are_said(tmp_path: Path) -> None:
    rows = [*lines(), "OCC,451.4", "OCCC,370.3"]  # ethanol 100 K too high; 1-propanol twice the same
    got = read(table(tmp_path / "a.csv", rows), smiles="smiles", target="Tb (K)")
    ethanol, propanol = got.report.merged
    assert (ethanol.lines, ethanol.value, ethanol.std, ethanol.conflict) == ((2, 8), pytest.approx(401.4), 50.0, True)
    assert (propanol.std, propanol.conflict) == (0.0, False)
    assert got.samples.variances[0] == pytest.approx(2500.0)
    assert "2 molecules had several values, which contradict each other for 1" in got.report.notes[-1]


def test_the_order_of_repeated_rows_does_not_matter(tmp_path: Path) -> None:
    first = read(table(tmp_path / "a.csv", [*lines(), "OCC,360"]), smiles="smiles", target="Tb (K)").samples
    other = read(table(tmp_path / "b.csv", ["OCC,360", *lines()]), smiles="smiles", target="Tb (K)").samples
    assert first.data_hash == other.data_hash


def test_stated_uncertainties_weigh_and_disagreement_widens_them(tmp_path: Path) -> None:
    rows = [f"{s},{v},1" for s, v in BOILING] + ["CCO,354.4,2", "CCCO,470.3,1"]
    path = table(tmp_path / "a.csv", rows, header="smiles,Tb (K),u")
    got = read(path, smiles="smiles", target="Tb (K)", uncertainty_column="u")
    # Weights 1 and 1/4; chi2 = 3**2 / (1 + 4) = 1.8 with one degree of freedom.
    assert got.samples.values[0] == pytest.approx(352.0)
    assert got.samples.variances[0] == pytest.approx(1.8 / 1.25)
    assert got.samples.variances[1] == pytest.approx(2500.0)
    assert got.samples.variances[2] == 1.0
    assert [m.conflict for m in got.report.merged] == [False, True]
    median = read(path, smiles="smiles", target="Tb (K)", uncertainty_column="u", merge="median")
    assert median.samples.values[0] == pytest.approx(352.9)


def test_mixed_units_are_converted_and_uncertainties_with_them(tmp_path: Path) -> None:
    rows = [f"{s},{v},K,1.8" for s, v in BOILING[:4]] + ["Cc1ccccc1,231.17,°F,1.8", "CC(C)=O,56.05,C,1.8"]
    path = table(tmp_path / "a.csv", rows, header="smiles,Tb,unit,u")
    got = read(path, smiles="smiles", target="Tb", unit_column="unit", uncertainty_column="u")
    assert got.samples.values == pytest.approx([v for _, v in BOILING], abs=0.06)
    assert got.samples.variances[3:] == pytest.approx([3.24, 1.0, 3.24])
    assert got.report.unit == "K"
    assert "converted to K: 1 row from degC, 1 row from degF" in got.report.notes


def test_units_behind_the_numbers_are_read(tmp_path: Path) -> None:
    rows = [*[f"{s},{v} K" for s, v in BOILING[:5]], "CC(C)=O,56.05 °C", "CCCC,273"]
    report = read(table(tmp_path / "a.csv", rows, header="smiles,Tb"), smiles="smiles", target="Tb").report
    assert report.converted == {"degC": 1}
    assert [(b.line, b.reason) for b in report.bad_rows] == [(8, "no unit, while other rows have one")]


def test_units_of_another_dimension_are_refused_in_one_line(tmp_path: Path) -> None:
    rows = [*[f"{s},{v},K" for s, v in BOILING], "CCCC,3,g"]
    with pytest.raises(BadTable, match=r"^line 8: unit 'g' does not fit.*mixes K \(6 rows\), g \(1 row\)$"):
        read(table(tmp_path / "a.csv", rows, header="smiles,Tb,unit"), smiles="smiles", target="Tb", unit_column="unit")
    rows[-1] = "CCCC,3,furlongs per hogwash"
    path = table(tmp_path / "a.csv", rows, header="smiles,Tb,unit")
    with pytest.raises(BadTable, match="'Tb' in 'furlongs per hogwash' cannot be converted to 'K'"):
        read(path, smiles="smiles", target="Tb", unit_column="unit")


def test_a_missing_unit_is_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", lines(), header="smiles,Tb")
    bare, assumed = (read(path, smiles="smiles", target="Tb", unit=unit) for unit in ("", "K"))
    assert (bare.report.unit, bare.report.notes) == (
        "",
        ("no unit is given for 'Tb': its values are taken as they are",),
    )
    assert (assumed.report.unit, assumed.report.notes[0][-10:]) == ("K", "taken as K")
    assert bare.samples.data_hash == assumed.samples.data_hash


def test_salts_stay_whole_unless_the_parent_is_asked_for(tmp_path: Path) -> None:
    rows = [*lines(), "C[NH2+]C.[Cl-],444", "CC(=O)[O-].[Na+],597"]
    path = table(tmp_path / "a.csv", rows)
    whole, parent = (read(path, smiles="smiles", target="Tb (K)", parent=p) for p in (False, True))
    assert whole.samples.smiles[-2:] == ("C[NH2+]C.[Cl-]", "CC(=O)[O-].[Na+]")
    assert parent.samples.smiles[-2:] == ("CNC", "CC(=O)O")
    assert whole.report.salts == parent.report.salts == (8, 9)
    assert "2 rows of several fragments" in whole.report.notes[0]
    assert "kept whole" in whole.report.notes[0]
    assert "was taken, neutral" in parent.report.notes[0]


def test_an_inorganic_salt_has_no_parent(tmp_path: Path) -> None:
    report = read(
        table(tmp_path / "a.csv", [*lines(), "[Na+].[Cl-],1738"]), smiles="smiles", target="Tb (K)", parent=True
    ).report
    assert "no organic fragment" in report.bad_rows[0].reason


def test_isotopes_are_molecules_of_their_own_and_said(tmp_path: Path) -> None:
    got = read(table(tmp_path / "a.csv", [*lines(), "[2H]OCC,351.6"]), smiles="smiles", target="Tb (K)")
    assert got.samples.smiles[-1] == "[2H]OCC"
    assert (got.report.isotopes, got.report.merged) == ((8,), ())
    assert "isotope labels" in got.report.notes[0]


def test_sources_are_counted_and_rows_keep_theirs(tmp_path: Path) -> None:
    rows = [f"{s},{v},CRC" for s, v in BOILING] + ["CCO,351.5,NIST"]
    path = table(tmp_path / "a.csv", rows, header="smiles,Tb (K),source")
    got = read(path, smiles="smiles", target="Tb (K)", source_column="source")
    assert got.report.sources == {"CRC": 6, "NIST": 1}
    assert [(r.line, r.source) for r in got.rows if r.molecule.smiles == "CCO"] == [(2, "CRC"), (8, "NIST")]


def test_what_cannot_be_learned_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="'Tb \\(K\\)' is 300 for every molecule"):
        read(table(tmp_path / "a.csv", [f"{s},300" for s, _ in BOILING]), smiles="smiles", target="Tb (K)")
    with pytest.raises(BadTable, match=r"4 molecules in 5 rows: too few, at least 5 are needed; 1 row cannot be read"):
        read(table(tmp_path / "a.csv", [*lines()[:4], "xx,1"]), smiles="smiles", target="Tb (K)")
    with pytest.raises(BadTable, match="column 'Tm' is not in it; its columns: smiles, Tb"):
        read(table(tmp_path / "a.csv", lines()), smiles="smiles", target="Tm")
    with pytest.raises(BadTable, match="0 molecules in 0 rows"):
        read(table(tmp_path / "a.csv", []), smiles="smiles", target="Tb (K)")
    (tmp_path / "a.csv.gz").write_bytes(b"smiles,Tb")
    with pytest.raises(BadTable, match="no whole gzip file"):
        read(tmp_path / "a.csv.gz", smiles="smiles", target="Tb")


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    contents = {
        "": "is empty",
        "\n \n": "is empty",
        "\x89PNG\r\n\x1a\n\x00\x00": "control characters",
        "PK\x03\x04xl/workbook.xml": "save a spreadsheet as CSV",
        "just words without a table": "'smiles' is not in it",
    }
    for text, part in contents.items():
        (tmp_path / "a.csv").write_text(text, encoding="latin-1")
        with pytest.raises(BadTable, match=part) as caught:
            read(tmp_path / "a.csv", smiles="smiles", target="Tb")
        assert "\n" not in str(caught.value)
    wide = "smiles\tTb (K)\n" + "\n".join(f"{s}\t{v}" for s, v in BOILING)
    (tmp_path / "a.csv").write_text(wide, encoding="utf-16")
    assert len(read(tmp_path / "a.csv", smiles="smiles", target="Tb (K)").samples) == 6


def test_another_column_of_estimates_is_read_in_its_own_unit(tmp_path: Path) -> None:
    rows = [f"{s},{v},{v - 273.15 + 5:.2f}" for s, v in BOILING] + [
        "OCC,351.4,79.25",
        "CCCC,272.6,",
        "CCC,231,?",
        "CCCCC,,40",
    ]
    got = read(
        table(tmp_path / "a.csv", rows, header="smiles,Tb (K),calc [°C]"),
        smiles="smiles",
        target="Tb (K)",
        prior_column="calc [°C]",
    )
    known = {s: v + (5.0 if s != "CCO" else 3.0) for s, v in canonical(BOILING)}
    assert got.prior == pytest.approx(known | {"CCCCC": 313.15})
    assert len(got.samples) == 8
    assert [(b.line, b.reason) for b in got.report.bad_rows] == [(11, "no value")]
    assert "'calc [°C]' estimates 6 of 8 molecules" in got.report.notes
    bare = read(
        table(tmp_path / "b.csv", [f"{s},{v},{v}" for s, v in BOILING], header="smiles,Tb (K),calc"),
        smiles="smiles",
        target="Tb (K)",
        unit="degC",
        prior_column="calc",
    )
    assert list(bare.prior.values()) == pytest.approx(bare.samples.values.tolist())


def canonical(rows: list[tuple[str, float]]) -> list[tuple[str, float]]:
    from knowledge.records.molecule import Molecule

    return [(Molecule.from_smiles(s).smiles, v) for s, v in rows]


def test_a_column_of_estimates_that_says_nothing_is_refused(tmp_path: Path) -> None:
    rows = [f"{s},{v},{w}" for (s, v), w in zip(BOILING, ["", "?", "nan", "n/a", "<5", ""], strict=True)]
    path = table(tmp_path / "a.csv", rows, header="smiles,Tb (K),calc")
    with pytest.raises(BadTable, match="'calc' holds no number"):
        read(path, smiles="smiles", target="Tb (K)", prior_column="calc")
    with pytest.raises(BadTable, match="cannot be the target and something else"):
        read(path, smiles="smiles", target="Tb (K)", prior_column="Tb (K)")
    path = table(tmp_path / "b.csv", [f"{s},{v},3" for s, v in BOILING], header="smiles,Tb (K),calc (g)")
    with pytest.raises(BadTable, match="line 2: the prior's unit 'g' does not fit"):
        read(path, smiles="smiles", target="Tb (K)", prior_column="calc (g)")


def test_five_rows_are_enough(tmp_path: Path) -> None:
    assert len(read(table(tmp_path / "a.csv", lines()[:5]), smiles="smiles", target="Tb (K)").samples) == 5


@pytest.mark.parametrize(
    "header, unit",
    [
        ("Tb (K)", "K"),
        ("Tb [°C]", "degC"),
        ("Tb / K", "K"),
        ("Tb_K", "K"),
        ("E isomer pi-pi* wavelength in nm", "nm"),
        ("rate of thermal isomerisation from Z-E in s-1", "s**-1"),
        ("dG (kcal/mol)", "kcal/mol"),
        ("extinction coefficient in M-1 cm-1", "M**-1 cm**-1"),
        ("measured log solubility in mols per litre", "log(mols per litre)"),
        ("S (log mol/L)", "log mol/L"),
        ("solubility in water", ""),
        ("viscosity (298 K)", ""),
        ("boiling point (normal)", ""),
        ("expt", ""),
    ],
)
def test_units_are_found_in_headers_and_not_invented(header: str, unit: str) -> None:
    assert header_unit(header) == unit


def test_cells() -> None:
    assert read_cell(" −4.87 ") == (-4.87, "")
    assert read_cell("1.5e-3 mol/L") == (0.0015, "mol/L")
    assert spelled("deg C") == "degC"
    assert not known("log mol/L")
    for text, part in [
        ("1e999", "too large"),
        ("3,54", "decimal comma"),
        ("12 foo", "number with a unit"),
        ("NaN", "no value"),
    ]:
        with pytest.raises(BadCell, match=part):
            read_cell(text)
