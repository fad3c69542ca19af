"""What can be bought, at which tier, and how fast one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import stock as module
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.sources import inventory
from knowledge.sources.handbook import Handbook
from knowledge.stock import Entry, HashCollision, Stock, hash64, pack, price_per_g


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock.builtin()


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)O", "CN1CCCC1=O", "O", "[Na+].[OH-]", "O=S(Cl)Cl", "O=C1CCCO1", "Cl"])
def test_bulk_chemicals_are_tier_one(stock: Stock, smiles: str) -> None:
    item = stock.lookup_smiles(smiles)
    assert item is not None
    assert item.tier == 1
    assert item.price_per_g < 0.1
    assert item.inchikey == Molecule.from_smiles(smiles).inchikey


@pytest.mark.parametrize("smiles", ["CC(C)CN1CCCC1=O", "CCCCC(CC)OC(=O)N1CCSC1", "FC1CC1OC(=O)C1CCCS1(=O)=O"])
def test_made_up_molecules_are_not_for_sale(stock: Stock, smiles: str) -> None:
    assert stock.lookup_smiles(smiles) is None
    assert Molecule.from_smiles(smiles).inchikey not in stock


def test_size_and_tiers(stock: Stock) -> None:
    tiers = stock.by_tier()
    assert set(tiers) == {1, 2, 3, 4, 5}
    assert sum(tiers.values()) == len(stock) > 110_000
    assert tiers[5] > 70_000
    organics = sum(m.inchikey in stock for m in Handbook.full().molecules())
    assert (
        organics > 29_000
    )  # 29,163 organics in an inventory were counted by hand, and some blocks are in the handbook too


def test_a_block_to_order_costs_more_than_bulk(stock: Stock) -> None:
    block = next(key for key in _blocks() if (item := stock.lookup(key)) is not None and item.tier == 5)
    item, ethanol = stock.lookup(block), stock.lookup_smiles("CCO")
    assert item is not None
    assert ethanol is not None
    assert item.source == "synspace building blocks"
    assert item.price_per_g > 100 * ethanol.price_per_g


def _blocks() -> list[str]:
    from rdkit import Chem

    from knowledge.sources.blocks import binary_molecules

    found = binary_molecules()
    return [Chem.MolToInchiKey(Chem.Mol(next(found))) for _ in range(50)]


def test_a_stereoisomer_for_sale_is_told_apart_from_the_molecule_itself(stock: Stock) -> None:
    drawn_flat = Molecule.from_smiles("CC(C)C1CCC(C)CC1O").inchikey
    menthol = Molecule.from_smiles("CC(C)[C@@H]1CC[C@@H](C)C[C@H]1O").inchikey
    labelled = Molecule.from_smiles("CC(C)[C@@H]1CC[C@H](C)C[C@H]1[18OH]").inchikey
    assert drawn_flat in stock
    assert menthol in stock
    assert labelled not in stock
    assert stock.sells_skeleton(labelled)
    assert not stock.sells_skeleton(Molecule.from_smiles("CC(C)CN1CCCC1=O").inchikey)


def test_hashes_are_sorted_and_unique(stock: Stock) -> None:
    hashes = stock.hashes
    assert len(hashes) == len(stock)
    assert bool((hashes[1:] > hashes[:-1]).all())


def test_own_file_of_smiles_and_keys(tmp_path: Path) -> None:
    path = tmp_path / "shelf.smi"
    path.write_text("# my shelf\nCCO ethanol\n\nLFQSCWFLJHTTHZ-UHFFFAOYSA-N\nOC1CCCCC1\nSECXISVLQFMRJM-UHFFFAOYSA-N\n")
    own = Stock.from_file(path)
    assert len(own) == 3
    item = own.lookup_smiles("C(O)C")
    assert item is not None
    assert (item.source, item.tier) == ("shelf.smi", 3)
    assert Molecule.from_smiles("CN1CCCC1=O").inchikey in own
    assert own.lookup_smiles("CCCO") is None


def test_own_file_with_a_mistake_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "shelf.smi"
    path.write_text("CCO\nC1CC\n")
    with pytest.raises(InvalidMolecule, match=r"line 2.*C1CC"):
        Stock.from_file(path)
    with pytest.raises(FileNotFoundError):
        Stock.from_file(tmp_path / "none.smi")


def test_an_empty_shelf(tmp_path: Path) -> None:
    path = tmp_path / "empty.smi"
    path.write_text("# nothing yet\n")
    own = Stock.from_file(path)
    assert len(own) == 0
    assert own.lookup_smiles("CCO") is None


def test_collisions_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [Entry("A", 1, "s", 10.0), Entry("B", 1, "s", 10.0)]
    monkeypatch.setattr(module, "hash64", lambda key: 7)
    with pytest.raises(HashCollision, match="'A' and 'B'"):
        pack(entries, ("s",))
    with pytest.raises(ValueError, match="twice"):
        pack([entries[0], entries[0]], ("s",))


@given(
    st.sets(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=14, max_size=14), max_size=20),
    st.integers(1, 5),
    st.floats(0, 2000),
)
def test_what_is_packed_can_be_read(keys: set[str], tier: int, weight: float) -> None:
    own = Stock(pack([Entry(key, tier, "b", weight) for key in sorted(keys)], ("a", "b")), ("a", "b"))
    assert len(own) == len(keys)
    for key in keys:
        item = own.lookup(key)
        assert item is not None
        assert (item.tier, item.source) == (tier, "b")
        assert item.price_per_g == pytest.approx(price_per_g(tier, round(weight, 2)), rel=1e-6)
    assert "absent" not in own


def test_hash_is_stable_across_processes() -> None:
    assert hash64("SECXISVLQFMRJM-UHFFFAOYSA-N") == 0xA3F3B01091D38960


def test_tonnage_tiers_follow_the_best_evidence() -> None:
    tiers = inventory.tiers()
    assert tiers[67641][0] == 1  # acetone
    assert tiers[64175][0] == 1  # ethanol
    assert inventory.LISTED in {source for _, source in tiers.values()}
    assert {tier for tier, _ in tiers.values()} == {1, 2, 3, 4}
