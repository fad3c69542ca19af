"""`route`: from a SMILES to routes with procedures, as text, JSON, HTML and XDL; and every bad input in one line."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agent.routing import LARGEST
from tests.agent.command_line import CommandLine

BUTYL_BENZOATE = "CCCCOC(=O)c1ccccc1"
STOCK = "OC(=O)c1ccccc1\nCCCCO\n"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    return CommandLine(capsys, monkeypatch, tmp_path)


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    path = tmp_path / "shelf.smi"
    path.write_text(STOCK)
    return path


def _route(*words: str | Path) -> list[str]:
    return ["route", *map(str, words), "--models", "rules", "--seconds", "20"]


def test_an_ester_from_the_users_own_shelf(call: CommandLine, stock: Path) -> None:
    done = call(*_route(BUTYL_BENZOATE, "--stock", stock, "--json"))
    assert done.code == 0, done.err
    answer = done.document
    assert answer["solved"]
    best = answer["routes"][0]
    assert {leaf["smiles"] for leaf in best["route"]["leaves"]} == {"CCCCO", "O=C(O)c1ccccc1"}
    assert best["procedures"][0]["product_mass"] == {"value": 10.0, "unit": "g"}
    assert best["route"]["figures"]["mass_intensity"] > 1.0
    assert best["route"]["steps"][0]["check"]["verdict"] in ("supported", "plausible")


def test_text_page_and_xdl_say_the_same(call: CommandLine, stock: Path, tmp_path: Path) -> None:
    html, xdl = tmp_path / "routes.html", tmp_path / "route.xdl"
    words = _route(BUTYL_BENZOATE, "--stock", stock, "--mass", "2 g", "--html", html, "--xdl", xdl)
    done = call(*words)
    assert done.code == 0, done.err
    assert "benzoic acid + 1-butanol" in " ".join(done.out.split())
    page = html.read_text()
    assert "<script" not in page
    assert "benzoic acid" in page
    root = ElementTree.parse(xdl).getroot()
    assert root.get("target") == BUTYL_BENZOATE
    assert root.find("Synthesis/Metadata").get("product_mass") == "2 g"  # type: ignore[union-attr]


def test_what_cannot_be_made_says_what_is_missing(call: CommandLine, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf.smi"
    shelf.write_text("CCCCO\n")
    done = call(*_route(BUTYL_BENZOATE, "--stock", shelf, "--json"))
    assert done.code == 0, done.err
    answer = done.document
    assert not answer["solved"]
    assert answer["routes"] == []
    assert answer["partial"]["missing"]
    assert all(smiles != "CCCCO" for smiles in answer["partial"]["missing"])
    assert answer["partial"]["missing"][0] in answer["reason"]


def test_a_zipped_table_of_inchikeys_is_a_stock_too(call: CommandLine, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf.csv.gz"
    with gzip.open(shelf, "wt") as lines:
        lines.write("inchikey,price_per_g\nWPYMKLBDIGXBTP-UHFFFAOYSA-N,0.1\nLRHPLDYGYMQRHN-UHFFFAOYSA-N,0.1\n")
    done = call(*_route(BUTYL_BENZOATE, "--stock", shelf, "--json"))
    assert done.code == 0, done.err
    assert done.document["solved"]


@pytest.mark.parametrize(
    "smiles,words",
    [
        ("C1CC", "C1CC"),
        ("", "SMILES"),
        ("CC[Pd]CC", "Pd"),
        ("CCO.CC(=O)O", "2 molecules"),
        ("O", "no carbon"),
        ("C" * 200, f"up to {LARGEST}"),
    ],
)
def test_bad_targets_get_one_line(call: CommandLine, smiles: str, words: str) -> None:
    done = call(*_route(smiles))
    assert words in done.complaint


def test_an_empty_stock_is_named(call: CommandLine, tmp_path: Path) -> None:
    shelf = tmp_path / "empty.smi"
    shelf.write_text("\n")
    done = call(*_route(BUTYL_BENZOATE, "--stock", shelf))
    assert "empty.smi" in done.complaint


def test_a_stock_that_is_not_there_is_named(call: CommandLine, tmp_path: Path) -> None:
    done = call(*_route(BUTYL_BENZOATE, "--stock", tmp_path / "none.smi"))
    assert "none.smi" in done.complaint


def test_missing_weights_name_the_command(call: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_ROUTE_WEIGHTS", str(tmp_path))
    done = call("route", BUTYL_BENZOATE, "--models", "learned", "--seconds", "5")
    assert "make train-routes" in done.complaint


@pytest.mark.parametrize("mass", ["5", "5 mL", "-1 g", "much", "1e9 kg"])
def test_a_bad_mass_gets_one_line(call: CommandLine, mass: str) -> None:
    done = call(*_route(BUTYL_BENZOATE, "--mass", mass))
    assert "mass" in done.complaint
