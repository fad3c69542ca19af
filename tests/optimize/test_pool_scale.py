"""Large pools: guessing from a glance loses nobody who matters, and blocks, processes and caches change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from scipy.stats import spearmanr

from knowledge.features import CountMorgan, descriptors, topological
from knowledge.features.ahead import look_ahead
from knowledge.qspr.kernels import coded, tanimoto
from knowledge.records.molecule import InvalidMolecule, Molecule
from planners.optimize import batch, funnel
from planners.optimize.batch import select
from planners.optimize.coarse import Coarse, Known, guesses
from planners.optimize.glance import BITS, LEVELS, NUMBERS, Glances, each_glance, glances, reading
from planners.optimize.surrogates import Surrogates, fit_surrogates
from tests.optimize.conftest import CONSTRAINTS, OBJECTIVES, World


def chosen(world: World, surrogates: Surrogates, **more: object) -> list[str]:
    measured = [world.observe(s) for s in world.pool[:3]]
    arguments: dict[str, object] = {
        "observed": measured,
        "pending": world.pool[3:5],
        "objectives": OBJECTIVES,
        "constraints": CONSTRAINTS,
        "q": 4,
        "seed": 1,
    }
    return [s.smiles for s in select(surrogates, world.pool, **(arguments | more))]  # type: ignore[arg-type]


def test_a_glance_sees_what_the_models_fingerprint_sees(world: World) -> None:
    seen = glances(world.pool)
    alike, square = Known.of(seen).compared(seen)
    fingerprint = CountMorgan(radius=2, bits=2048)
    counts = coded(fingerprint.occurrences(world.pool), fingerprint.bits, 16)
    assert alike == pytest.approx(tanimoto(counts, counts), abs=1e-6)
    assert np.diag(alike) == pytest.approx(1.0)
    assert np.diag(square) == pytest.approx(0.0, abs=1e-3)


def test_the_size_of_a_block_does_not_change_a_guess(world: World, surrogates: Surrogates) -> None:
    models = [surrogates["viscosity"], surrogates["boiling_point"], surrogates["hansen_polar"]]
    seen = [glances(world.pool)]
    (whole, readable), *rest = guesses(models, seen)
    assert readable.all()
    assert not rest
    for block in (1, 7, 64):
        ((parted, _),) = guesses(models, seen, block=block)
        for (mean, std), (mean_again, std_again) in zip(whole, parted, strict=True):
            assert (np.abs(mean_again - mean) < 1e-3 * std).all()
            np.testing.assert_allclose(std_again, std, rtol=1e-3)


def test_a_guess_is_close_to_the_full_model(world: World, surrogates: Surrogates) -> None:
    names = ["boiling_point", "viscosity"]
    ((found, _),) = guesses([surrogates[n] for n in names], [glances(world.pool)])
    for name, (mean, std) in zip(names, found, strict=True):
        full, _ = surrogates[name].predict(world.pool)
        assert spearmanr(mean, full).statistic > 0.85, name
        assert (std > 0.0).all()


def test_many_training_rows_keep_fewer_directions_and_never_more_certainty(
    world: World, surrogates: Surrogates, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = surrogates["boiling_point"]
    seen = glances(model.fitted.samples.smiles)
    known = Known.of(seen)
    compared = known.compared(glances(world.pool))
    mean, std = Coarse.of(model, seen, known).guess(*compared)
    monkeypatch.setattr("planners.optimize.coarse._RANK", 30)
    rough_mean, rough_std = Coarse.of(model, seen, known).guess(*compared)
    np.testing.assert_array_equal(rough_mean, mean)
    assert (rough_std >= std * 0.999).all()
    assert rough_std.mean() < 1.5 * std.mean()


def test_the_narrowed_choice_is_the_choice_among_all(
    world: World, surrogates: Surrogates, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = chosen(world, surrogates)
    monkeypatch.setattr(batch, "LARGE", 50)
    monkeypatch.setattr(
        funnel.finalists, "__kwdefaults__", {**funnel.finalists.__kwdefaults__, "kept": 40, "count": 25}
    )
    narrowed = chosen(world, surrogates)
    assert narrowed == whole
    known = [glances(sorted(world.pool))]
    assert chosen(world, surrogates, glances=known) == whole
    assert chosen(world, surrogates, glances=[known[0].part(0, 30), known[0].part(30, 500)]) == whole


def test_finalists_are_never_blocked_ones_and_the_order_of_the_pool_is_no_matter(
    world: World, surrogates: Surrogates
) -> None:
    blocked = frozenset(Molecule.from_smiles(s).inchikey for s in world.pool[::2])

    def found(pool: list[str]) -> dict[str, str]:
        return funnel.finalists(
            surrogates, pool, objectives=OBJECTIVES, constraints=CONSTRAINTS, blocked=blocked, seed=0, kept=30, count=10
        )

    one = found(world.pool)
    assert len(one) == 10
    assert not blocked & one.keys()
    assert one == found(world.pool[::-1])
    everybody = funnel.finalists(surrogates, world.pool[:5], objectives=OBJECTIVES, constraints=(), seed=0)
    assert sorted(everybody.values()) == world.pool[:5]


def test_what_is_limited_does_not_crowd_out_what_is_free(
    world: World, surrogates: Surrogates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LARGE", 50)
    whole = chosen(world, surrogates)
    limited = frozenset(whole)
    none_of_them = chosen(world, surrogates, limited=limited, limit=0)
    assert len(none_of_them) == 4
    assert not limited & set(none_of_them)
    assert len(limited & set(chosen(world, surrogates, limited=limited, limit=1))) == 1


def test_measured_molecules_that_cannot_matter_may_be_left_out(
    world: World, surrogates: Surrogates, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = [world.observe(s) for s in world.pool[:40]]

    def choice() -> list[batch.Selection]:
        return select(
            surrogates,
            world.pool,
            observed=measured,
            pending=(),
            objectives=OBJECTIVES,
            constraints=CONSTRAINTS,
            q=4,
            seed=1,
        )

    whole = choice()
    monkeypatch.setattr(batch, "MANY", 10)
    fewer = choice()
    # Other random numbers are drawn for fewer points, so near-equals may change places.
    assert len({s.smiles for s in whole} & {s.smiles for s in fewer}) >= 3
    assert [s.smiles for s in fewer[:2]] == [s.smiles for s in whole[:2]]
    for one, other in zip(whole[:2], fewer[:2], strict=True):
        assert one.acquisition is not None
        assert other.acquisition == pytest.approx(one.acquisition, abs=0.4)


def test_parts_join_to_the_whole() -> None:
    smiles = ["CCO", "", "c1ccccc1", "not a molecule", "CC(=O)OCC"]
    whole = glances(smiles)
    assert whole.readable.tolist() == [True, False, True, False, True]
    joined = Glances.joined([whole.part(0, 2), whole.part(2, 4), whole.part(4, 99)])
    for name in ("columns", "starts", "numbers", "readable"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert len(next(each_glance([]))) == 0


def test_reading_without_stereochemistry_reads_the_same() -> None:
    odd = [
        "[H][H]",
        "[2H]c1ccccc1",
        "[H]C([H])([H])O",
        "CCO ethanol",
        "c1cccc1",
        "C(C)(C)(C)(C)C",
        "F/C=C\\F",
        "N[C@@H](C)C(=O)O",
        "c1ccc2c(c1)[nH]c1ccccc12",
        "C1=CC=CC=C1",
        "C->[Pt]",
        "[Na+].[Cl-]",
        "*CC",
    ]
    seen = glances(odd)
    whole = [Chem.MolFromSmiles(s) for s in odd]
    assert seen.readable.tolist() == [mol is not None for mol in whole]
    for i, mol in enumerate(whole):
        if mol is not None:
            numbers = [getattr(rdMolDescriptors, name)(mol) for name in NUMBERS]
            np.testing.assert_array_equal(seen.numbers[i], np.array(numbers, dtype=np.float32))
            counts = GetMorganGenerator(radius=2, fpSize=BITS).GetCountFingerprint(mol).GetNonzeroElements()
            assert len(seen.part(i, i + 1).columns) == sum(min(n, LEVELS) for n in counts.values())


def test_a_molecule_that_cannot_be_read_is_named(world: World, surrogates: Surrogates) -> None:
    with pytest.raises(InvalidMolecule, match="C1CC"):
        funnel.finalists(
            surrogates, [*world.pool, "C1CC"], objectives=OBJECTIVES, constraints=CONSTRAINTS, seed=0, kept=9, count=5
        )


def test_several_processes_fit_the_same(world: World) -> None:
    facts = {name: known[:25] for name, known in world.known.items()}
    for memory in (topological.ROWS, descriptors.ROWS):
        memory._rows.clear()
    several = fit_surrogates(facts, seed=0, processes=2)
    assert several.state() == fit_surrogates(facts, seed=0).state()


def test_several_processes_read_and_describe_the_same() -> None:
    smiles = ["C" * (i % 30 + 1) + "O" * (i % 3) for i in range(4100)]
    odd = ["CCC(=O)c1ccc(CN)cc1", "O=S1(=O)CCCC1CC"]
    with reading(2) as crew:
        assert crew is not None
        one, two = glances(smiles), glances(smiles, crew)
        look_ahead(odd, crew)
    np.testing.assert_array_equal(one.columns, two.columns)
    np.testing.assert_array_equal(one.numbers, two.numbers)
    for memory in (topological.ROWS, descriptors.ROWS):
        for text in odd:
            assert text in memory
            np.testing.assert_array_equal(memory(text), memory.compute(text))
