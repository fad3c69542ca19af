"""GFN2-xTB against experiment and against itself: sensible numbers, one answer per molecule, errors that say why."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from knowledge.quantum import (
    NoConformer,
    QuantumCache,
    QuantumError,
    QuantumProperties,
    QuantumUnavailable,
    Settings,
    StructureChanged,
    Unsupported,
    compute,
    outcomes,
)
from knowledge.quantum.calculation import method
from knowledge.quantum.conformers import embed
from knowledge.records.molecule import InvalidMolecule

needs_tblite = pytest.mark.skipif(find_spec("tblite") is None, reason="needs the extra 'quantum' (tblite)")


@needs_tblite
def test_water_has_the_dipole_gap_and_hydration_of_water() -> None:
    water = compute("O", Settings(relax=True))
    assert water.relaxed
    assert (water.charge, water.multiplicity, water.atomic_numbers) == (0, 1, (8, 1, 1))
    assert water.dipole_debye == pytest.approx(1.85, abs=0.5)  # microwave spectroscopy: 1.855 D
    assert water.solvation_water_kj_mol == pytest.approx(-26.4, abs=13.0)  # experiment at 1 mol/l in both phases
    assert water.solvation_hexane_kj_mol > water.solvation_octanol_kj_mol > water.solvation_water_kj_mol
    assert water.gap_ev == pytest.approx(water.lumo_ev - water.homo_ev)
    assert water.gap_ev > 10.0
    assert water.charges_e[0] < 0.0 < water.charges_e[1]
    assert sum(water.charges_e) == pytest.approx(0.0, abs=1e-5)
    assert [(i, j) for i, j, _ in water.bond_orders] == [(0, 1), (0, 2)]
    lengths = [math.dist(water.positions_angstrom[0], water.positions_angstrom[i]) for i in (1, 2)]
    assert lengths == pytest.approx([0.957, 0.957], abs=0.02)  # experiment: 0.9572 Å


@needs_tblite
def test_solvents_rank_as_chemists_expect() -> None:
    alkane, alcohol, acid = (compute(s) for s in ("CCCCCC", "CCO", "CC(=O)O"))
    assert alkane.dipole_debye < 0.2 < alcohol.dipole_debye
    assert alcohol.solvation_water_kj_mol < alkane.solvation_water_kj_mol - 10.0
    assert alkane.log_p > 2.0 > 1.0 > acid.log_p  # measured: 4.0 and -0.2
    benzene, anthracene = compute("c1ccccc1"), compute("c1ccc2cc3ccccc3cc2c1")
    assert anthracene.gap_ev < benzene.gap_ev
    double = [order for i, j, order in compute("C=C").bond_orders if (i, j) == (0, 1)]
    assert double == pytest.approx([2.0], abs=0.15)


@needs_tblite
def test_every_spelling_is_one_molecule_and_runs_agree() -> None:
    first = compute("OCC")
    assert first == compute("C(C)O") == compute("CCO")
    assert first == QuantumProperties.from_canonical(first.canonical())
    assert first.method == method(Settings())
    assert "tblite" in first.method
    assert compute("OCC", Settings(seed=5)).method != first.method


@needs_tblite
def test_relaxation_goes_downhill_to_a_minimum() -> None:
    start, end = compute("OCC(=O)OC"), compute("OCC(=O)OC", Settings(relax=True))
    assert end.energy_hartree < start.energy_hartree
    assert end.smiles == start.smiles
    assert end.gap_ev == pytest.approx(start.gap_ev, abs=1.0)


@needs_tblite
@pytest.mark.parametrize(
    "smiles, multiplicity, expected",
    [("[CH3]", None, 2), ("[N]=O", None, 2), ("[O][O]", None, 3), ("O=O", None, 1), ("O=O", 3, 3)],
)
def test_open_shells(smiles: str, multiplicity: int | None, expected: int) -> None:
    found = compute(smiles, multiplicity=multiplicity)
    assert found.multiplicity == expected
    assert all(0.5 < order < 2.6 for _, _, order in found.bond_orders)


@needs_tblite
def test_triplet_oxygen_is_the_same_from_both_structures() -> None:
    assert compute("O=O", multiplicity=3).gap_ev > 1.0 > compute("O=O").gap_ev


@needs_tblite
def test_ions_are_computed_and_their_dipole_does_not_depend_on_where_they_are() -> None:
    ammonium, acetate = compute("[NH4+]"), compute("CC(=O)[O-]")
    assert (ammonium.charge, acetate.charge) == (1, -1)
    assert sum(ammonium.charges_e) == pytest.approx(1.0, abs=1e-5)
    assert ammonium.dipole_debye < 0.05
    assert ammonium.solvation_water_kj_mol < -250.0
    assert acetate.solvation_water_kj_mol < -250.0


@needs_tblite
def test_a_zwitterion_that_falls_apart_in_the_gas_phase_is_told() -> None:
    assert compute("[NH3+]CC(=O)[O-]").dipole_debye > 8.0
    with pytest.raises(StructureChanged, match=r"\[NH3\+\]CC\(=O\)\[O-\].*breaks on relaxation"):
        compute("[NH3+]CC(=O)[O-]", Settings(relax=True))


@needs_tblite
def test_atoms_without_neighbours() -> None:
    helium = compute("[He]")
    assert helium.bond_orders == ()
    assert helium.gap_ev > 15.0
    with pytest.raises(Unsupported, match="no orbital is empty"):
        compute("[H]")


@pytest.mark.parametrize(
    "smiles, multiplicity, message",
    [
        ("[Na+].[Cl-]", None, r"'\[Cl-\]\.\[Na\+\]' is a salt or mixture of 2 fragments"),
        ("[U]", None, "no parameters for U, only for H to Rn"),
        ("*C", None, r"no parameters for \*"),
        ("[H+]", None, "no electron"),
        ("O", 2, "10 electrons, so its multiplicity is odd, not 2"),
        ("O", 0, "multiplicity is odd, not 0"),
        ("C" * 200, None, "602 atoms with hydrogens; at most 400"),
    ],
)
def test_what_is_outside_the_method_is_named(smiles: str, multiplicity: int | None, message: str) -> None:
    from rdkit import Chem

    canonical = Chem.CanonSmiles(smiles)
    with pytest.raises(Unsupported, match=message):
        embed(canonical, conformers=None, seed=0, multiplicity=multiplicity)


def test_an_impossible_cage_has_no_conformer() -> None:
    # Both bridgeheads of a small cage pointing the wrong way: no geometry satisfies the stereocentres.
    with pytest.raises(NoConformer, match="no three-dimensional structure"):
        embed("C[C@@]12C[C@@](C)(C1)C2", conformers=1, seed=0, multiplicity=None)


def test_conformers_are_seeded_and_the_lowest_is_kept() -> None:
    one = embed("CCCCO", conformers=None, seed=3, multiplicity=None)
    again = embed("CCCCO", conformers=None, seed=3, multiplicity=None)
    assert (one.positions == again.positions).all()
    assert one.bonds[0] == (0, 1)
    assert one.bond_distances[0, 4] == 4
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Settings(conformers=0)
    with pytest.raises(ValueError, match="seed must lie from 0"):
        Settings(seed=-1)


def test_more_conformers_find_a_lower_one_from_seed_zero_on() -> None:
    # RDKit itself repeats one conformer for seed 0, and then the lowest of eight would be the first everywhere.
    moved = []
    for smiles in ("OCCCCO", "CCCCO", "COCCOC", "OCCO", "NCCCCO"):
        one, many = (embed(smiles, conformers=n, seed=0, multiplicity=None).positions for n in (1, 8))
        moved.append(abs(one - many).max() > 0.1)
    assert sum(moved) >= 2


@needs_tblite
def test_unreadable_smiles_raise_before_anything_is_computed(tmp_path: Path) -> None:
    cache = QuantumCache(tmp_path / "q.sqlite")
    with pytest.raises(InvalidMolecule, match="C1CC"):
        outcomes(["O", "C1CC"], cache=cache)
    assert cache.count() == 0


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sys.modules[compute.__module__], "version", nothing)
    with pytest.raises(QuantumUnavailable, match=r"athanor\[quantum\]"):
        compute("O")
    assert not issubclass(QuantumUnavailable, QuantumError)  # it says nothing of the molecule


@needs_tblite
def test_nothing_is_printed_and_one_thread_is_used() -> None:
    code = (
        "from knowledge.quantum import Settings, compute\n"
        "from knowledge.quantum.xtb import one_thread\n"
        "compute('CO', Settings(relax=True))\n"
        "from threadpoolctl import threadpool_info\n"
        "with one_thread():\n"
        "    assert {pool['num_threads'] for pool in threadpool_info()} == {1}, threadpool_info()\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
