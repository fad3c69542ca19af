"""What is computed is kept, once, for every process; what is kept is told apart by structure and method."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from knowledge.quantum import (
    NotConverged,
    QuantumCache,
    QuantumCacheBroken,
    QuantumProperties,
    Settings,
    Unsupported,
    batch,
    outcomes,
)
from knowledge.records.molecule import Molecule

needs_tblite = pytest.mark.skipif(find_spec("tblite") is None, reason="needs the extra 'quantum' (tblite)")


def made_up(smiles: str, gap: float = 8.0) -> QuantumProperties:
    """A value to store; its numbers mean nothing."""
    molecule = Molecule.from_smiles(smiles)
    return QuantumProperties(
        smiles=molecule.smiles,
        inchikey=molecule.inchikey,
        method="m",
        relaxed=False,
        charge=0,
        multiplicity=1,
        energy_hartree=-5.0,
        homo_ev=-11.0,
        lumo_ev=gap - 11.0,
        gap_ev=gap,
        dipole_debye=1.0,
        solvation_water_kj_mol=-10.0,
        solvation_octanol_kj_mol=-12.0,
        solvation_hexane_kj_mol=-9.0,
        atomic_numbers=(8, 1, 1),
        charges_e=(-0.4, 0.2, 0.2),
        bond_orders=((0, 1, 0.9), (0, 2, 0.9)),
        positions_angstrom=((0.0, 0.0, 0.1), (0.8, 0.0, -0.5), (-0.8, 0.0, -0.5)),
    )


@pytest.fixture
def cache(tmp_path: Path) -> QuantumCache:
    return QuantumCache(tmp_path / "q.sqlite")


def test_values_and_failures_come_back_as_they_went_in(cache: QuantumCache) -> None:
    water, salt, hard = (Molecule.from_smiles(s) for s in ("O", "[Na+].[Cl-]", "CC"))
    cache.put(water, "m", made_up("O"))
    cache.put(salt, "m", Unsupported("'[Cl-].[Na+]' is a salt"))
    cache.put(hard, "m", NotConverged("no"))
    found = QuantumCache(cache.path).get([water, salt, hard, Molecule.from_smiles("N")], "m")
    assert found["O"] == made_up("O")
    assert type(found["[Cl-].[Na+]"]) is Unsupported
    assert str(found["[Cl-].[Na+]"]) == "'[Cl-].[Na+]' is a salt"
    assert type(found["CC"]) is NotConverged
    assert set(found) == {"O", "[Cl-].[Na+]", "CC"}
    assert cache.get([water], "another method") == {}


def test_tautomers_with_one_inchikey_are_kept_apart(cache: QuantumCache) -> None:
    lactam, lactim = Molecule.from_smiles("O=c1cccc[nH]1"), Molecule.from_smiles("Oc1ccccn1")
    assert lactam.inchikey == lactim.inchikey
    cache.put(lactam, "m", made_up(lactam.smiles, gap=6.0))
    assert cache.get([lactim], "m") == {}
    cache.put(lactim, "m", made_up(lactim.smiles, gap=7.0))
    found = cache.get([lactam, lactim], "m")
    assert [found[m.smiles] for m in (lactam, lactim)] == [
        made_up(lactam.smiles, gap=6.0),
        made_up(lactim.smiles, gap=7.0),
    ]


def test_many_writers_at_once_lose_nothing(cache: QuantumCache) -> None:
    molecules = [Molecule.from_smiles("C" * n) for n in range(1, 21)]

    def write(_: int) -> None:
        own = QuantumCache(cache.path)
        for molecule in molecules:
            own.put(molecule, "m", made_up(molecule.smiles))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert cache.count() == len(molecules)
    assert len(cache.get(molecules, "m")) == len(molecules)


def test_a_file_that_is_not_ours_is_named(tmp_path: Path) -> None:
    path = tmp_path / "q.sqlite"
    path.write_text("this is no database, and it is long enough to be read as one\n" * 40)
    with pytest.raises(QuantumCacheBroken, match=r"q\.sqlite.*may be deleted"):
        QuantumCache(path).get([Molecule.from_smiles("O")], "m")


def test_an_unreadable_row_is_told(cache: QuantumCache) -> None:
    water = Molecule.from_smiles("O")
    cache.put(water, "m", made_up("O"))
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE outcome SET content = '{}'")
    db.close()
    with pytest.raises(QuantumCacheBroken, match="unreadable row"):
        cache.get([water], "m")


def test_the_default_file_lies_with_other_built_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "built"))
    assert QuantumCache().path == tmp_path / "built" / "quantum_v1.sqlite"


@needs_tblite
def test_each_molecule_is_computed_once(cache: QuantumCache, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[int, int]] = []
    first = outcomes(
        ["O", "OC", "CO", "[Na+].[Cl-]"], cache=cache, progress=lambda done, whole: steps.append((done, whole))
    )
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert first[1] == first[2]
    assert isinstance(first[3], Unsupported)

    def computed_again(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(batch, "compute", computed_again)
    again = outcomes(["[Na+].[Cl-]", "CO"], cache=cache, progress=lambda done, whole: steps.append((done, whole)))
    assert steps[-1] == (2, 2)
    assert again[1] == first[1]
    assert str(again[0]) == str(first[3])
    with pytest.raises(AssertionError, match="computed again"):
        outcomes(["CO"], Settings(seed=1), cache=cache)


@needs_tblite
def test_processes_give_what_one_process_gives() -> None:
    smiles = ["O", "C", "[Na+].[Cl-]"]
    several, one = outcomes(smiles, processes=2), outcomes(smiles)
    assert several[:2] == one[:2]
    assert type(several[2]) is type(one[2])
    assert str(several[2]) == str(one[2])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        outcomes(smiles, processes=0)
