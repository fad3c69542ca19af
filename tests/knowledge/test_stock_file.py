"""A user's own stock file: dialects, prices, mistakes, stereo, speed."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.stock import Stock
from knowledge.stock_file import EmptyStock

ETHANOL, PHENOL = "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "ISWSIDIOOBJBQZ-UHFFFAOYSA-N"
LACTIC = "C[C@H](O)C(=O)O"


@pytest.mark.parametrize(
    "text",
    [
        "CCO\nOc1ccccc1\n",
        f"{ETHANOL}\n{PHENOL}\n",
        "# shelf\n\nCCO ethanol\nOc1ccccc1\tphenol\n",
        "smiles\nCCO\nOc1ccccc1\n",
        "name,SMILES,price_per_g\nethanol,CCO,0.01\nphenol,Oc1ccccc1,\n",
        f"InChIKey\tname\n{ETHANOL}\tethanol\n{PHENOL}\tphenol\n",
        f'"name";"inchikey"\n"ethanol, pure";"{ETHANOL}"\n"phenol";"{PHENOL}"\n',
        f"smiles,inchikey\nnot read,{ETHANOL}\nnor this,{PHENOL}\n",
        "\ufeffCCO\r\nOc1ccccc1\r\n",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_dialects(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / ("shelf.csv.gz" if packed else "shelf.csv")
    content = text.encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    stock = Stock.from_file(path)
    assert len(stock) == 2
    assert stock.lookup_smiles("OCC") is not None
    assert PHENOL in stock
    assert stock.lookup_smiles("CCCO") is None
    assert stock.bad_lines == ()


def test_prices(tmp_path: Path) -> None:
    path = tmp_path / "shelf.csv"
    path.write_text("smiles,price_per_g\nCCO,0.25\nOc1ccccc1,\nCC(C)=O, 3e1\n")
    stock = Stock.from_file(path)
    price = {s: item.price_per_g for s in ("CCO", "Oc1ccccc1", "CC(C)=O") if (item := stock.lookup_smiles(s))}
    assert price["CCO"] == 0.25
    assert price["CC(C)=O"] == 30.0
    assert price["Oc1ccccc1"] == pytest.approx(94.1 / 150.0, rel=0.01)  # the proxy of tier 3


def test_bad_lines_are_named_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "shelf.csv"
    path.write_text("smiles,price_per_g\nCCO,0.1\nC1CC,0.2\nCCCO,cheap\nCCCCO,-1\n,5\nCCCCCO,1\n")
    stock = Stock.from_file(path, strict=False)
    assert len(stock) == 2
    assert [line.split(":")[0] for line in stock.bad_lines] == ["line 3", "line 4", "line 5", "line 6"]
    assert "C1CC" in stock.bad_lines[0]
    assert "cheap" in stock.bad_lines[1]
    with pytest.raises(InvalidMolecule, match=r"line 3.*C1CC"):
        Stock.from_file(path)


@pytest.mark.parametrize(
    "text,says", [("", "it is empty"), ("# nothing\n", "it is empty"), ("C1CC\nxyz\n", r"2 lines can be read \(line 1")]
)
def test_a_file_without_stock_says_so(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "shelf.smi"
    path.write_text(text)
    with pytest.raises(EmptyStock, match=says):
        Stock.from_file(path, strict=False)


def test_a_flat_drawing_matches_a_stereoisomer_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "shelf.smi"
    path.write_text(f"{LACTIC}\nCC(O)CC\n")
    stock = Stock.from_file(path)
    flat = Molecule.from_smiles("CC(O)C(=O)O").inchikey
    assert stock.lookup(flat) is None
    item = stock.lookup_flat(flat)
    assert item is not None
    assert item.inchikey == flat
    assert item.source.startswith("connectivity only")
    assert item.tier == 5
    assert stock.lookup_flat(Molecule.from_smiles("C[C@@H](O)C(=O)O").inchikey) is None, "the enantiomer is not it"
    assert stock.lookup_flat(Molecule.from_smiles("C[C@H](O)CC").inchikey) is None, "nor is a racemate an enantiomer"
    assert stock.lookup_flat(ETHANOL) is None


def test_a_hundred_thousand_keys(tmp_path: Path) -> None:
    rng = random.Random(7)
    keys = ["".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=14)) + "-UHFFFAOYSA-N" for _ in range(100_000)]
    path = tmp_path / "big.txt"
    path.write_text("\n".join(keys))
    stock = Stock.from_file(path)
    assert len(stock) == 100_000
    assert all(key in stock for key in keys[::1000])
