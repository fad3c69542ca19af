"""The readers of reactions, targets and stock that the route benchmarks share."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks import stocks, targets
from benchmarks.reactions import BadFile, read, settled
from knowledge.records.molecule import Molecule
from knowledge.records.route import Leaf, Route, RouteStep, StockItem

ESTER = "CCOC(C)=O"
PARTS = ("CC(=O)O", "CCO")
MAPPED_PRODUCT = "[CH3:1][C:2](=[O:3])[O:4][CH2:5][CH3:6]"
MAPPED_PARTS = "[CH3:1][C:2](=[O:3])O.[OH:4][CH2:5][CH3:6]"


def _file(folder: Path, text: str, name: str = "reactions.txt") -> str:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return str(path)


@pytest.mark.parametrize(
    "text",
    [
        f"{ESTER}>>CCO.CC(O)=O\n",
        f"OCC.OC(C)=O>>{ESTER}\n",
        f"CCO.CC(O)=O>OS(=O)(=O)O>{ESTER}\n",
        f"{MAPPED_PARTS}>>{MAPPED_PRODUCT}\n",
        f"{MAPPED_PRODUCT}>>{MAPPED_PARTS}\n",
        f"{ESTER}>>CCO.CC(O)=O an ester\n",
        f"{ESTER}>>CCO.CC(O)=O |f:0.1,c:2|\n",
        f"id,class,reactants>reagents>production\n7,1,{MAPPED_PARTS}>>{MAPPED_PRODUCT}\n",
        f"7\t{ESTER}>>CCO.CC(O)=O\tUS1\n",
        f"name;rxn\nx;{ESTER}>>CCO.CC(O)=O\n",
    ],
)
def test_every_dialect_gives_the_same_reaction(tmp_path: Path, text: str) -> None:
    reading = read(_file(tmp_path, text))
    assert [(r.product, r.reactants) for r in reading.reactions] == [(ESTER, PARTS)]
    assert reading.bad == []


def test_a_gzipped_file_reads_the_same(tmp_path: Path) -> None:
    text = f"{ESTER}>>CCO.CC(O)=O\n"
    assert read(_file(tmp_path, text, "r.txt.gz")).reactions == read(_file(tmp_path, text)).reactions


def test_bad_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [f"{ESTER}>>CCO.CC(O)=O", "no reaction", "CC(C)(C)(C)C>>CC.CC", f"{ESTER}>>", f"{ESTER}>>{ESTER}"]
    reading = read(_file(tmp_path, "\n".join(lines) + "\n"), product="left")
    assert len(reading.reactions) == 1
    assert [number for number, _ in reading.bad] == [2, 3, 4, 5]
    assert "same" in reading.bad[-1][1]


def test_a_file_without_reactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no reaction"):
        read(_file(tmp_path, "hello\nworld\n"))


def test_a_column_is_taken_by_name_and_a_missing_one_is_told(tmp_path: Path) -> None:
    text = f"old,new\nCC>>C.C,{ESTER}>>CCO.CC(O)=O\n"
    assert read(_file(tmp_path, text), column="new").reactions[0].product == ESTER
    with pytest.raises(BadFile, match="no column 'best'"):
        read(_file(tmp_path, text), column="best")


def test_unmapped_single_molecules_follow_the_rest_of_the_file(tmp_path: Path) -> None:
    # The deprotection alone would have its heavier side, the protected amine, taken for the product.
    deprotection = "Nc1ccccc1>>CC(C)(C)OC(=O)Nc1ccccc1"
    alone = read(_file(tmp_path, deprotection + "\n"))
    assert alone.reactions[0].reactants == ("Nc1ccccc1",)
    assert "guessed" in alone.direction
    among = read(_file(tmp_path, f"{deprotection}\n{ESTER}>>CCO.CC(O)=O\n"))
    assert among.reactions[0].product == "Nc1ccccc1"
    told = read(_file(tmp_path, deprotection + "\n"), product="left")
    assert told.reactions[0].product == "Nc1ccccc1"


def test_stereo_is_kept_and_unmapped_agents_on_the_reactant_side_are_dropped(tmp_path: Path) -> None:
    text = "[CH3:1][C@H:2]([F:3])[OH:4].[Na]O>>[CH3:1][C@@H:2]([F:3])[Cl:5]\n"
    reading = read(_file(tmp_path, text))
    assert reading.agents_dropped == 1
    assert reading.reactions[0].reactants == (settled("C[C@H](F)O"),)
    assert reading.reactions[0].product == settled("C[C@@H](F)Cl")
    assert reading.reactions[0].product != settled("C[C@H](F)Cl")


def test_of_two_molecules_on_the_product_side_the_mapped_one_is_the_product(tmp_path: Path) -> None:
    reading = read(_file(tmp_path, f"{MAPPED_PARTS}>>{MAPPED_PRODUCT}.O\n"))
    assert reading.reactions[0].product == ESTER
    unmapped = read(_file(tmp_path, f"{ESTER}>>CCO.CC(O)=O\nCC.CC>>CCO.CC(O)=O\n"), product="left")
    assert unmapped.bad == [(2, "the product side 'CC.CC' is 2 molecules")]


def _tree() -> dict[str, object]:
    leaf = {"synthesis_step": None}
    alcohol = {"smiles": "OCc1ccccc1", "synthesis_step": {"reactants": [{"smiles": "O=Cc1ccccc1", **leaf}]}}
    return {
        "smiles": "CC(=O)OCc1ccccc1",
        "synthesis_step": {"reactants": [alcohol, {"smiles": "CC(O)=O", **leaf}]},
    }


def test_retrocast_targets_have_their_reference(tmp_path: Path) -> None:
    body = {
        "stock_name": "n5",
        "targets": {
            "a": {"smiles": "CC(=O)OCc1ccccc1", "ground_truth": {"target": _tree()}},
            "b": {"smiles": "not a molecule", "ground_truth": None},
        },
    }
    path = tmp_path / "targets.json.gz"
    path.write_bytes(gzip.compress(json.dumps(body).encode()))
    found = targets.read(path)
    assert [t.key for t in found.targets] == ["a"]
    assert [key for key, _ in found.bad] == ["b"]
    target = found.targets[0]
    assert target.leaves == ("CC(=O)O", "O=Cc1ccccc1")
    assert target.reference == {
        ("CC(=O)OCc1ccccc1", ("CC(=O)O", "OCc1ccccc1")),
        ("OCc1ccccc1", ("O=Cc1ccccc1",)),
    }


def _route(*steps: tuple[str, tuple[str, ...]], leaves: tuple[str, ...]) -> Route:
    item = StockItem(inchikey="x", source="test", tier=3, price_per_g=1.0)
    return Route(
        target=steps[-1][0],
        steps=tuple(RouteStep(product=p, reactants=r, reaction_class="", template="", score=1.0) for p, r in steps),
        leaves=tuple(Leaf(smiles=s, stock=item) for s in leaves),
        score=1.0,
    )


def test_the_reference_is_found_only_when_every_reaction_agrees(tmp_path: Path) -> None:
    body = {"targets": {"a": {"smiles": "CC(=O)OCc1ccccc1", "ground_truth": {"target": _tree()}}}}
    target = targets.read(_file(tmp_path, json.dumps(body), "t.json")).targets[0]
    last = ("CC(=O)OCc1ccccc1", ("OCc1ccccc1", "CC(=O)O"))  # the order of reactants does not matter
    short = _route(last, leaves=("OCc1ccccc1", "CC(=O)O"))
    same = _route(("OCc1ccccc1", ("O=Cc1ccccc1",)), last, leaves=("O=Cc1ccccc1", "CC(=O)O"))
    other = _route(("OCc1ccccc1", ("ClCc1ccccc1", "O")), last, leaves=("ClCc1ccccc1", "O", "CC(=O)O"))
    assert targets.reference_rank(target, [short, other, same]) == 3
    assert targets.reference_rank(target, [short, other]) is None


def test_plain_targets_have_no_reference(tmp_path: Path) -> None:
    found = targets.read(_file(tmp_path, "# mine\nOCC ethanol\n\nC1CC\n"))
    assert [(t.key, t.smiles, t.reference) for t in found.targets] == [("line 2", "CCO", None)]
    assert [key for key, _ in found.bad] == ["line 4"]
    assert targets.reference_rank(found.targets[0], []) is None
    with pytest.raises(BadFile):
        targets.read(_file(tmp_path, "C1CC\n"))


def test_stock_files_are_united(tmp_path: Path) -> None:
    ethanol, water = (Molecule.from_smiles(s).inchikey for s in ("CCO", "O"))
    first = _file(tmp_path, f"{ethanol}\n", "keys.txt.gz")
    second = _file(tmp_path, "smiles\nO\nCCO\nnonsense\n", "mine.csv")
    stock = stocks.open_stock([first, second], tmp_path)
    assert stock.keys is not None
    assert stock.keys.read_text().split() == sorted([ethanol, water])
    assert len(stock.stock) == 2
    assert stock.bad_lines == 1
    with pytest.raises(BadFile, match="not both"):
        stocks.open_stock(["builtin", first], tmp_path)
    with pytest.raises(BadFile, match="no stock"):
        stocks.open_stock([_file(tmp_path, "\n", "empty.txt")], tmp_path)
