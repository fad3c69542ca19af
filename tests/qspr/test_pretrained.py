"""The pretrained encoder, its embedding and the model that fine-tunes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from safetensors.numpy import load, save
from safetensors.torch import save_file

from knowledge.features import molgraph
from knowledge.features.pretrained import PretrainedEmbedding, PretrainedQuantum
from knowledge.qspr.contract import Belief, Model, Samples, Stored
from knowledge.qspr.models import MODELS, encoder
from knowledge.qspr.models.encoder import Encoder, GraphRows, Shape, WeightsMissing
from knowledge.qspr.models.finetune import Tuning
from knowledge.qspr.models.pretrained import FineTuned
from knowledge.qspr.pretraining import reading, targets
from knowledge.qspr.selection import select
from knowledge.records.molecule import InvalidMolecule

SMALL = Shape(hidden=16, rounds=2, width=24)
QUICK = Tuning(hidden=16, batch_size=16, head_steps=40, head_passes=1, steps=6, passes=1, looks=3)
MOLECULES = ["CCO", "c1ccccc1C(=O)O", "C", "FC(F)(F)c1ccncc1", "C[C@H](N)C(=O)O", "O=S(=O)(N)c1ccc(Cl)cc1"]

# Normal boiling points in degrees Celsius (CRC Handbook values, rounded).
BOILING = {
    "CCCCC": 36.1, "CCCCCC": 68.7, "CCCCCCC": 98.4, "CCCCCCCC": 125.7, "CCCCCCCCC": 150.8, "CCCCCCCCCC": 174.1,
    "CO": 64.7, "CCO": 78.3, "CCCO": 97.2, "CCCCO": 117.7, "CCCCCO": 138.0, "CCCCCCO": 157.5, "CC(C)O": 82.3,
    "CC(C)=O": 56.1, "CCC(C)=O": 79.6, "CCCC(C)=O": 102.3, "CCCCC(C)=O": 127.6, "COC(C)=O": 56.9,
    "CCOC(C)=O": 77.1, "CCCOC(C)=O": 101.5, "CCCCOC(C)=O": 126.1, "c1ccccc1": 80.1, "Cc1ccccc1": 110.6,
    "CCc1ccccc1": 136.2, "CCCc1ccccc1": 159.2, "CC(=O)O": 117.9, "CCC(=O)O": 141.1, "CCCC(=O)O": 163.5,
    "CCOCC": 34.5, "CCCOCCC": 90.0, "CCCCOCCCC": 140.9, "CC#N": 81.6, "CCC#N": 97.1, "C1CCCCC1": 80.7,
}  # fmt: skip
UNSEEN = {"CCCCCCCO": 176.4, "CCCCCC(C)=O": 151.0, "CCCCCOC(C)=O": 149.2, "CCCC#N": 117.6, "CCOC(=O)CC": 99.1}


def samples(count: int | None = None) -> Samples:
    smiles = tuple(BOILING)[:count]
    return Samples(smiles, np.array([BOILING[s] for s in smiles]), np.zeros(len(smiles)))


def quick(*, full: bool) -> FineTuned:
    return FineTuned(tuning=QUICK, members=2, full_from=0 if full else 10**6)


def same(a: Belief, b: Belief) -> bool:
    pairs = ((a.mean, b.mean), (a.epistemic, b.epistemic), (a.noise, b.noise))
    return all(np.array_equal(x, y) for x, y in pairs)


def through_files(stored: Stored) -> Stored:
    arrays = load(save({key: np.ascontiguousarray(value) for key, value in stored.arrays.items()}))
    return Stored(json.loads(json.dumps(dict(stored.settings))), arrays)


@pytest.fixture
def other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small encoder that has learned nothing, in place of the shipped one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        state = {f"encoder.{name}": value.half() for name, value in Encoder(SMALL).state_dict().items()}
    state |= {"centre": torch.zeros(24), "axes": torch.eye(24)[:4], "quantum": torch.zeros(0, 24)}
    notes = {"hidden": "16", "rounds": "2", "width": "24", "molgraph": molgraph.VERSION, "quantities": "[]"}
    save_file(state | {"offset": torch.zeros(0)}, tmp_path / encoder.NAME, metadata=notes)
    monkeypatch.setenv(encoder.VARIABLE, str(tmp_path))
    return tmp_path


def test_flat_graphs_are_the_graphs() -> None:
    rows = np.array([4, 0, 2])
    taken = GraphRows.of(MOLECULES).take(rows)
    expected = molgraph.batch([MOLECULES[i] for i in rows])
    assert taken.size == 3
    assert np.array_equal(taken.atoms.numpy(), expected.graph.atoms)
    assert np.array_equal(taken.owner.numpy(), expected.owner)
    ours = {(int(a), int(b)): tuple(f) for a, b, f in zip(taken.source, taken.sink, taken.bonds.tolist(), strict=True)}
    theirs = zip(*expected.graph.ends.tolist(), expected.graph.bonds.tolist(), strict=True)
    assert ours == {(a, b): tuple(f) for a, b, f in theirs}


def test_the_embedding_knows_no_order_of_atoms_and_no_neighbours_in_the_batch() -> None:
    mol = Chem.MolFromSmiles("O=S(=O)(N)c1ccc(Cl)cc1")
    turned = Chem.MolToSmiles(Chem.RenumberAtoms(mol, list(reversed(range(mol.GetNumAtoms())))), canonical=False)
    together = encoder.embed([*MOLECULES, turned])
    assert np.allclose(together[-1], together[MOLECULES.index("O=S(=O)(N)c1ccc(Cl)cc1")], atol=1e-4)
    assert np.allclose(together, np.concatenate([encoder.embed([s]) for s in [*MOLECULES, turned]]), atol=1e-4)


def test_the_embedding_tells_molecules_apart() -> None:
    rows = PretrainedEmbedding()(MOLECULES)
    assert rows.shape == (len(MOLECULES), len(PretrainedEmbedding().columns))
    assert np.isfinite(rows).all()
    for i in range(len(rows)):
        for j in range(i):
            assert np.abs(rows[i] - rows[j]).max() > 0.05
    with pytest.raises(InvalidMolecule):
        PretrainedEmbedding()(["CCO", "C1CC"])


def test_quantum_values_are_told_from_the_graph() -> None:
    """Against what GFN2-xTB itself gives (gap in eV, dipole in debye), rounded."""
    quantum = PretrainedQuantum()
    smiles = ["c1ccccc1", "CCCCCC", "O=[N+]([O-])c1ccc(N)cc1", "OCCO"]
    rows = dict(zip(smiles, quantum(smiles), strict=True))
    column = {name: i for i, name in enumerate(quantum.columns)}
    gap, dipole, water = (column[k] for k in ("gap_ev", "dipole_debye", "solvation_water_kj_mol"))
    assert rows["CCCCCC"][gap] > rows["c1ccccc1"][gap] + 3.0 > rows["O=[N+]([O-])c1ccc(N)cc1"][gap] + 3.5
    assert rows["O=[N+]([O-])c1ccc(N)cc1"][dipole] > 5.0 > rows["CCCCCC"][dipole] + 3.0
    assert rows["OCCO"][water] < rows["c1ccccc1"][water] - 15.0


@pytest.mark.parametrize("full", [False, True])
def test_boiling_points_of_known_families(full: bool) -> None:
    fitted = FineTuned(tuning=replace(QUICK, head_steps=120, steps=10), members=2, full_from=0 if full else 10**6).fit(
        samples(), seed=3
    )
    belief = fitted.predict(list(UNSEEN))
    truth = np.array(list(UNSEEN.values()))
    assert np.abs(belief.mean - truth).mean() < 0.5 * np.abs(truth - samples().values.mean()).mean()
    assert (belief.epistemic > 0.0).all()
    assert (belief.noise > 0.0).all()


@pytest.mark.parametrize("full", [False, True])
def test_what_is_stored_predicts_the_same_and_repeats(full: bool) -> None:
    model = quick(full=full)
    assert isinstance(model, Model)
    fitted = model.fit(samples(24), seed=5)
    stored = through_files(fitted.stored())
    assert any("/encoder/" in name for name in stored.arrays) == full
    asked = [*UNSEEN, "CCO"]
    assert same(model.restore(stored).predict(asked), fitted.predict(asked))
    assert same(model.fit(samples(24), seed=5).predict(asked), fitted.predict(asked))


def test_what_another_encoder_stored_is_refused(other_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = quick(full=False).fit(samples(12), seed=0).stored()
    monkeypatch.setenv(encoder.VARIABLE, str(encoder.FOLDER))
    with pytest.raises(ValueError, match="encoder"):
        quick(full=False).restore(stored)
    monkeypatch.setenv(encoder.VARIABLE, str(other_weights))
    with pytest.raises(ValueError, match="version"):
        quick(full=False).restore(replace(stored, settings={**stored.settings, "version": "0"}))


def test_fine_tuning_changes_the_encoder_and_not_the_shipped_one(other_weights: Path) -> None:
    before = {name: value.clone() for name, value in encoder.pretrained().weights.items()}
    member = quick(full=True).fit(samples(24), seed=0).members[0]
    assert any(np.abs(np.asarray(w) - before[name].numpy()).max() > 1e-4 for name, w in member.encoder.items())
    assert all(torch.equal(value, before[name]) for name, value in encoder.pretrained().weights.items())


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_handful_of_molecules_is_enough_and_one_is_not(count: int, other_weights: Path) -> None:
    belief = quick(full=False).fit(samples(count), seed=0).predict(["CCCCCCO", "C"])
    assert np.isfinite(belief.mean).all()
    assert np.isfinite(belief.total).all()
    assert len(quick(full=False).fit(samples(count), seed=0).predict([]).mean) == 0
    with pytest.raises(ValueError, match="at least 2"):
        quick(full=False).fit(samples(1), seed=0)
    with pytest.raises(InvalidMolecule):
        quick(full=False).fit(Samples(("CCO", "no molecule"), np.arange(2.0), np.zeros(2)), seed=0)


def test_the_process_sees_the_embedding() -> None:
    model = MODELS["pretrained_gp"]()
    fitted = model.fit(samples(24), seed=0)
    stored = through_files(fitted.stored())
    assert f"pretrained/{PretrainedEmbedding().version}" in stored.settings["views"]
    assert same(model.restore(stored).predict(list(UNSEEN)), fitted.predict(list(UNSEEN)))


def test_missing_weights_name_the_command_that_makes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(encoder.VARIABLE, str(tmp_path))
    with pytest.raises(WeightsMissing, match="make train-property"):
        PretrainedEmbedding()(["CCO"])
    # A selection goes on without them, and its table says why.
    selected = select([MODELS["gp"](), MODELS["pretrained_gp"]()], samples(24), seed=0, split="random")
    assert selected.model == "gp"
    assert "make train-property" in selected.table[1]["failure"]


def test_shipped_weights_are_finite_small_and_documented() -> None:
    path = encoder.FOLDER / encoder.NAME
    assert path.stat().st_size < 20e6
    given = encoder.pretrained()
    assert all(torch.isfinite(value).all() for value in given.weights.values())
    assert path.with_suffix(".md").is_file()


def test_targets_are_cut_and_unknown_ones_stay_unknown() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3.0, 2.0, (5000, 4)).astype(np.float32)
    values[7, 0] = 1e4
    values[:, 1] = 5.0
    values[:, 2] = 0.0
    values[:40, 2] = 1.0
    values[100:, 3] = np.nan
    scale = targets.Scale.of(values)
    assert scale.columns.tolist() == [0, 2, 3]
    standard = scale(values)
    assert np.nanmax(np.abs(standard)) <= 6.0
    assert abs(float(np.delete(standard[:, 0], 7).std()) - 1.0) < 0.05
    assert np.isnan(standard[100:, 2]).all()


def test_principal_axes_are_orthonormal_and_have_one_sign() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 40)) * np.linspace(3.0, 0.1, 40))
    centre, axes = reading.components(rows)
    assert torch.allclose(axes @ axes.T, torch.eye(reading.COMPONENTS, dtype=axes.dtype), atol=1e-10)
    widths = ((rows - centre) @ axes.T).std(dim=0)
    assert (widths[:-1] >= widths[1:] - 1e-12).all()
    assert torch.allclose(reading.components(rows.flip(0))[1], axes, atol=1e-8)


def test_the_quantum_layer_moves_to_values_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path))
    monkeypatch.setattr(reading, "_LEAST", 5)
    network = encoder.pretrained().encoder().eval()
    smiles = [*BOILING, *UNSEEN]
    keys = [f"ABCDEFGHIJKL{chr(65 + i % 26)}{chr(65 + i // 26)}-UHFFFAOYSA-N" for i in range(len(smiles))]
    labels = [
        {"smiles": s, "inchikey": key, "gap_ev": 40.0 + i % 2}
        for i, (s, key) in enumerate(zip(smiles, keys, strict=True))
    ]
    path = tmp_path / "training" / "xtb" / "labels.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(label) + "\n" for label in labels), encoding="utf-8")
    zero = torch.zeros(1, network.shape.width, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    moved = reading.refit(network, *zero, ["gap_ev"], tmp_path / "none.jsonl")
    rows = torch.from_numpy(encoder.embed(smiles)).double()
    assert moved.rows > 5
    assert ((rows @ moved.weight.T + moved.offset - 40.5).abs() < 1.0).all()
    assert reading.refit(network, *zero, ["gap_ev"], path).rows == 0
    capsys.readouterr()


def test_quantum_labels_keep_their_parts_apart() -> None:
    from knowledge.quantum.surrogate import QUANTITIES
    from knowledge.quantum.training.labels import part

    keys = {f"C{'C' * i}O": f"{'ABCDEFGHIJKLMN'[:13]}{chr(65 + i % 26)}-UHFFFAOYSA-N" for i in range(26)}
    known = {s: {"inchikey": key, **dict.fromkeys(QUANTITIES, 1.0)} for s, key in keys.items()}
    learned = np.isfinite(targets.quantum(list(keys), known, hidden=False)[:, 0])
    hidden = np.isfinite(targets.quantum(list(keys), known, hidden=True)[:, 0])
    parts = [part(key) for key in keys.values()]
    assert learned.tolist() == [p == "train" for p in parts]
    assert hidden.tolist() == [p == "validation" for p in parts]
    assert 0 < learned.sum() < 26
