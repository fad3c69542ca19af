"""The library: each fitting molecule once, in a seeded order that survives a restart."""

from __future__ import annotations

import json

import pytest

from knowledge.records.molecule import Molecule
from planners.design.generator import Evaluated, Generator, StateMismatch
from planners.design.library import LibraryGenerator
from planners.design.space import DesignSpace
from tests.design.molecules import SHELF

SPACE = DesignSpace()


def walk(generator: LibraryGenerator, step: int) -> list[str]:
    found: list[str] = []
    while batch := generator.ask(step):
        found += [c.molecule.smiles for c in batch]
    return found


def test_every_fitting_molecule_comes_once() -> None:
    shelf = [*SHELF, "OCC", "C[C@H](O)C(=O)OCC", "C[C@@H](O)C(=O)OCC", "not a molecule", "CCCCS"]
    generator = LibraryGenerator(SPACE, shelf, seed=1)
    assert isinstance(generator, Generator)
    found = walk(generator, 7)
    keys = [Molecule.from_smiles(s).connectivity for s in found]
    assert len(keys) == len(set(keys))
    assert "CCCCS" not in found
    assert "CCCCOC(C)=O" in found
    assert sum(s in {"CCOC(=O)C(C)O", "CCOC(=O)[C@H](C)O", "CCOC(=O)[C@@H](C)O"} for s in found) == 1
    assert generator.filter_report().dropped["syntax:unreadable"] == 1


def test_order_depends_on_the_seed_and_not_on_the_shelf() -> None:
    first, again, other = (
        walk(LibraryGenerator(SPACE, shelf, seed=seed), 5)
        for shelf, seed in ((SHELF, 1), (tuple(reversed(SHELF)), 1), (SHELF, 2))
    )
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other)


def test_excluded_and_told_molecules_are_passed_over() -> None:
    generator = LibraryGenerator(SPACE, SHELF, seed=1, exclude=["CCCCOC(C)=O"])
    generator.tell([Evaluated(smiles="CS(C)=O", score=0.0)])
    assert not {"CCCCOC(C)=O", "CS(C)=O"} & set(walk(generator, 10))


def test_a_restored_library_goes_on_where_it_was() -> None:
    generator = LibraryGenerator(SPACE, SHELF, seed=3)
    generator.ask(9)
    twin = LibraryGenerator(SPACE, SHELF, seed=8)
    twin.restore(json.loads(json.dumps(generator.state())))
    assert twin.ask(9) == generator.ask(9)
    with pytest.raises(StateMismatch, match="another library"):
        LibraryGenerator(SPACE, SHELF[1:], seed=3).restore(generator.state())
