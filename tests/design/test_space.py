"""The design space: presets, limits, and errors that say what to change."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rdkit import Chem

from planners.design.space import DesignSpace


def test_the_solvent_preset_fills_what_is_not_given() -> None:
    space = DesignSpace.model_validate({"max_heavy_atoms": 10})
    assert (space.preset, space.min_heavy_atoms, space.max_heavy_atoms) == ("solvent", 4, 10)
    assert DesignSpace.from_canonical(space.canonical()) == space


@pytest.mark.parametrize(
    "given, told",
    [
        ({"max_heavy_atom": 10}, "max_heavy_atom"),
        ({"preset": "paint"}, "unknown preset 'paint'; known: any, dye, fragrance, solvent, surfactant"),
        ({"elements": ["C", "Xx"]}, "element 'Xx' is not supported"),
        ({"elements": ["H"]}, "at least one element"),
        ({"min_heavy_atoms": 12, "max_heavy_atoms": 8}, "min_heavy_atoms 12 > max_heavy_atoms 8"),
        ({"forbidden": ["[OX2H", "C"]}, "forbidden: '[OX2H' is not a SMARTS"),
        ({"locked": ["C(("]}, "locked: 'C((' is not a SMARTS"),
        ({"locked": ["CCl"]}, "needs element 'Cl'"),
        ({"locked": ["C1CC1"], "max_rings": 0}, "has 1 rings, more than max_rings 0"),
        ({"locked": ["CCCCCC"], "max_heavy_atoms": 5}, "has 6 atoms, more than max_heavy_atoms 5"),
        ({"locked": ["C#N"], "forbidden": ["C#N"]}, "both locked and forbidden"),
    ],
)
def test_errors_name_what_is_wrong(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as error:
        DesignSpace.model_validate(given)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "smiles, limit",
    [
        ("CCO", "heavy_atoms"),
        ("CCCCCl", "elements"),
        ("CC(=O)[O-].[Na+]", "elements"),
        ("CC[N+](=O)[O-]", "charge"),
        ("CC[CH]C", "radical"),
        ("[13CH3]C(C)CO", "isotope"),
        ("C1CC1C1CC1C1CC1", "rings"),
        ("C1CCCCCCCC1", "ring_size"),
        ("CCO.CCO", "components"),
        ("CC1CCO1", "forbidden [r3,r4]"),
        ("CCCCS", "forbidden [SX2H]"),
        ("CCCCO", "locked C=O"),
        ("CCCC=O", "forbidden [CX3H1](=O)[#6]"),
        ("CCC(C)=O", None),
    ],
)
def test_every_limit_is_named(smiles: str, limit: str | None) -> None:
    space = DesignSpace.model_validate({"locked": ["C=O"]})
    assert space.violation(Chem.MolFromSmiles(smiles)) == limit
