"""The list of what can be bought says the same as the stock that is asked about single molecules."""

from __future__ import annotations

import random

import pytest
from rdkit import Chem

from knowledge.sources.purchasable import Purchasable, purchasable
from knowledge.stock import Stock


@pytest.fixture(scope="module")
def items() -> tuple[Purchasable, ...]:
    return purchasable()


def test_common_chemicals_are_on_the_list(items: tuple[Purchasable, ...]) -> None:
    tiers = {item.smiles: item.tier for item in items}
    assert tiers["CCO"] == tiers["CC(=O)O"] == tiers["C=CC(=O)OC"] == 1
    assert len(tiers) == len(items) > 90_000
    assert list(items) == sorted(items, key=lambda item: (item.tier, item.smiles))


@pytest.mark.parametrize("tier", [1, 2, 3, 4, 5])
def test_the_stock_sells_what_is_listed_in_the_same_tier(items: tuple[Purchasable, ...], tier: int) -> None:
    stock = Stock.builtin()
    for item in random.Random(tier).sample([item for item in items if item.tier == tier], 40):
        sold = stock.lookup_smiles(item.smiles)
        assert sold is not None
        assert sold.tier == tier


def test_each_is_one_neutral_organic_molecule(items: tuple[Purchasable, ...]) -> None:
    for item in random.Random(0).sample(items, 300):
        mol = Chem.MolFromSmiles(item.smiles)
        assert Chem.MolToSmiles(mol) == item.smiles
        assert 2 <= mol.GetNumHeavyAtoms() == item.heavy_atoms <= 30
        assert "." not in item.smiles
        assert Chem.GetFormalCharge(mol) == 0
        assert mol.HasSubstructMatch(Chem.MolFromSmarts("[#6]"))
