"""Flow matching and diffusion in space: what passes through the network, what is drawn, and the generators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

from knowledge.quantum.errors import QuantumUnavailable
from planners.design.diffusion import diffuse, flow, weights
from planners.design.diffusion.drawing import molecule, placed, smiles_of
from planners.design.diffusion.generator import DrawingGenerator
from planners.design.diffusion.geometry import Check, checked, superposed, with_hydrogens, xyz
from planners.design.diffusion.noise import aligned, corrupted, gaussian
from planners.design.diffusion.sampling import Samples, equivariance_error, sample
from planners.design.diffusion.walking import Settings, Walker, Wishes
from planners.design.diffusion.weights import WeightsUnusable, read, shipped
from planners.design.diffusion.wishes import PROPERTIES, aim, possessed
from planners.design.generator import CannotServe, Evaluated, Generator, StateMismatch
from planners.design.problem import Goal, Problem
from planners.design.space import DesignSpace

QUICK = Settings(steps=20, polish=2)
POLAR = Goal(property="logp", direction="minimise", unit="dimensionless", worst=1.0, best=-1.5)


def _problem(goal: Goal = POLAR, **space: object) -> Problem:
    return Problem(name="small", space=DesignSpace.model_validate({"preset": "any", **space}), goals=(goal,))


def _generator(problem: Problem, seed: int = 3, **more: object) -> DrawingGenerator:
    return DrawingGenerator(
        shipped(), "flow", problem, ("CCOC(C)=O", "CC(C)O"), seed=seed, settings=Settings(steps=12, polish=0), **more
    )


@pytest.fixture(scope="module")
def drawn() -> Samples:
    return sample(64, seed=11, road="flow", settings=QUICK)


class TestNetwork:
    @pytest.mark.parametrize("dtype,limit", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
    def test_motion_mirror_and_order_pass_through_the_shipped_weights(self, dtype: torch.dtype, limit: float) -> None:
        assert equivariance_error(seed=1, dtype=dtype) < limit

    def test_noise_is_turned_towards_the_molecule_and_keeps_its_lengths(self) -> None:
        dice = torch.Generator().manual_seed(0)
        x, noise = gaussian(8, 9, dice), gaussian(8, 9, dice)
        near = aligned(noise, x)
        assert torch.allclose(near.norm(dim=2).sort().values, noise.norm(dim=2).sort().values, atol=1e-5)
        assert ((near - x).square().sum((1, 2)) < (noise - x).square().sum((1, 2))).all()

    def test_time_one_is_the_molecule_and_time_zero_forgets_it(self) -> None:
        drawing = placed(Chem.MolFromSmiles("CC(=O)OCC"), seed=0)
        assert drawing is not None
        scales, dice = shipped().scales, torch.Generator().manual_seed(0)
        x = torch.from_numpy(drawing.x - drawing.x.mean(0)).float().expand(400, -1, -1) / scales.length
        atoms = torch.from_numpy(drawing.atoms).expand(400, -1)
        bonds = torch.from_numpy(drawing.bonds).expand(400, -1, -1)
        mode = torch.arange(400).remainder(2).float()
        kept = corrupted(x, atoms, bonds, torch.ones(400), mode, scales, dice)
        assert torch.allclose(kept[0], x, atol=1e-5)
        assert torch.equal(kept[1], atoms)
        assert torch.equal(kept[2], bonds)
        lost = corrupted(x, atoms, bonds, torch.zeros(400), mode, scales, dice)
        assert lost[0][mode.bool()].mean(0).abs().max() < 0.3
        shares = torch.bincount(lost[1].ravel(), minlength=4) / lost[1].numel()
        assert torch.allclose(shares, scales.atoms, atol=0.03)
        assert torch.equal(lost[2], lost[2].transpose(1, 2))


class TestDrawing:
    def test_a_known_molecule_survives_being_placed_and_read(self) -> None:
        for text in ("CCOC(C)=O", "Oc1ccccc1", "c1cc[nH]c1", "CC#N", "FC1CC1"):
            mol = Chem.MolFromSmiles(text)
            drawing = placed(mol, seed=0)
            assert drawing is not None
            back = molecule(drawing)
            assert back is not None
            assert smiles_of(back) == Chem.MolToSmiles(mol)

    def test_what_is_never_drawn_is_not_placed(self) -> None:
        assert placed(Chem.MolFromSmiles("CS(C)=O"), seed=0) is None
        assert placed(Chem.MolFromSmiles("C[N+](=O)[O-]"), seed=0) is None

    def test_too_many_bonds_are_no_molecule(self) -> None:
        drawing = placed(Chem.MolFromSmiles("CC"), seed=0)
        assert drawing is not None
        broken = type(drawing)(drawing.x, np.array([3, 3]), np.array([[0, 3], [3, 0]]))
        assert molecule(broken) is None

    def test_heavy_atoms_are_written_in_the_order_of_the_smiles(self) -> None:
        mol = Chem.MolFromSmiles("OCC(F)N")
        drawing = placed(mol, seed=0)
        assert drawing is not None
        back = molecule(drawing)
        assert back is not None
        lines = xyz(with_hydrogens(back), "x").splitlines()
        symbols = [line.split()[0] for line in lines[2:]]
        heavy = [atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles_of(back)).GetAtoms()]
        assert symbols[: len(heavy)] == heavy
        assert symbols.count("H") == 6
        assert int(lines[0]) == len(symbols)

    def test_superposition_forgets_turns_and_keeps_stretches(self) -> None:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(9, 3))
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        assert superposed(x, x @ turn + 3.0) < 1e-6
        assert superposed(x, 1.1 * x) == pytest.approx(0.1 * np.sqrt(((x - x.mean(0)) ** 2).sum() / 9))

    def test_a_good_geometry_stays_and_a_stretched_bond_comes_back(self) -> None:
        mol = Chem.MolFromSmiles("CO")
        drawing = placed(mol, seed=0)
        assert drawing is not None
        made = molecule(drawing)
        assert made is not None
        far = molecule(type(drawing)(drawing.x * 1.25, drawing.atoms, drawing.bonds))
        assert far is not None
        good, stretched = checked(with_hydrogens(made)), checked(with_hydrogens(far))
        if good.verdict == "unchecked":
            pytest.skip(good.why)
        assert good.verdict == stretched.verdict == "holds"
        assert (good.moved or 0.0) < 0.05
        assert (stretched.moved or 0.0) > 0.1
        assert (stretched.strain or 0.0) > 20.0

    def test_without_the_extra_it_says_that_nothing_was_checked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing() -> None:
            raise QuantumUnavailable("quantum chemistry needs the extra")

        monkeypatch.setattr("knowledge.quantum.xtb._tblite", missing)
        drawing = placed(Chem.MolFromSmiles("CO"), seed=0)
        assert drawing is not None
        mol = molecule(drawing)
        assert mol is not None
        check = checked(with_hydrogens(mol))
        assert check == Check("unchecked", why="quantum chemistry needs the extra")
        assert str(check).startswith("unchecked")


class TestSamples:
    def test_most_tries_of_flow_are_whole_molecules_and_differ(self, drawn: Samples) -> None:
        made = [text for text in drawn.smiles if text is not None]
        assert len(made) >= 0.8 * 64
        assert len(set(made)) >= 0.95 * len(made)
        assert all(
            bool(place) == (text is not None) for text, place in zip(drawn.smiles, drawn.geometries, strict=True)
        )

    def test_bonded_atoms_are_drawn_at_bonding_distance(self, drawn: Samples) -> None:
        lengths = []
        for text, place in zip(drawn.smiles, drawn.geometries, strict=True):
            if text is None:
                continue
            mol = Chem.MolFromSmiles(text)
            x = np.array([[float(v) for v in line.split()[1:]] for line in place.splitlines()[2:]])
            for bond in mol.GetBonds():
                lengths.append(float(np.linalg.norm(x[bond.GetBeginAtomIdx()] - x[bond.GetEndAtomIdx()])))
        assert 1.3 < float(np.median(lengths)) < 1.6
        assert np.mean([1.1 < length < 1.7 for length in lengths]) > 0.9

    def test_diffusion_draws_molecules_from_the_same_weights(self) -> None:
        made = sample(32, seed=4, road="diffusion", settings=QUICK)
        assert sum(text is not None for text in made.smiles) >= 0.6 * 32

    def test_the_same_seed_draws_the_same(self) -> None:
        quick = Settings(steps=6)
        assert sample(6, seed=2, settings=quick) == sample(6, seed=2, settings=quick)
        assert sample(6, seed=2, settings=quick) != sample(6, seed=3, settings=quick)

    def test_samples_move_towards_what_is_asked(self) -> None:
        k, half = PROPERTIES.index("logp"), 16
        values, given = torch.zeros(2 * half, len(PROPERTIES)), torch.zeros(2 * half, len(PROPERTIES))
        values[:half, k], values[half:, k], given[:, k] = 1.5, -1.5, 1.0
        made = sample(2 * half, seed=5, wishes=Wishes(values, given), settings=QUICK).smiles
        scales = shipped().scales
        had = [
            possessed([t for t in part if t is not None], scales.mean.numpy(), scales.std.numpy())[:, k]
            for part in (made[:half], made[half:])
        ]
        assert float(had[0].mean()) > 0.5
        assert float(had[1].mean()) < -0.5


class TestGenerators:
    @pytest.mark.parametrize("room", [flow, diffuse])
    def test_what_is_asked_is_new_in_the_space_and_carries_its_geometry(self, room: object) -> None:
        problem = _problem(max_heavy_atoms=7)
        made = room.opened(problem, start=("CCO",), seed=1, exclude=("CC(C)O",))  # type: ignore[attr-defined]
        assert isinstance(made, Generator)
        asked = made.ask(2)
        texts = [one.molecule.smiles for one in asked]
        assert len(set(texts)) == 2
        assert not {"CCO", "CC(C)O"} & set(texts)
        for one in asked:
            mol = Chem.MolFromSmiles(one.molecule.smiles)
            assert problem.space.violation(mol) is None
            lines = one.provenance.geometry.splitlines()
            assert int(lines[0]) == Chem.AddHs(mol).GetNumAtoms() == len(lines) - 2
            assert one.provenance.generator == made.name

    def test_a_restored_generator_goes_on_identically(self) -> None:
        problem = _problem()
        first = _generator(problem, relax=False)
        told = [Evaluated(smiles=c.molecule.smiles, score=float(i)) for i, c in enumerate(first.ask(4))]
        first.tell([*told, Evaluated(smiles="CC(O)CO", score=9.0), Evaluated(smiles="Cc1ccccc1CCCCCCBr", score=0.0)])
        state = json.loads(json.dumps(first.state()))
        second = _generator(problem, seed=99, relax=False)
        second.restore(state)
        assert first.ask(4) == second.ask(4)
        assert first.state() == second.state()
        with pytest.raises(StateMismatch):
            _generator(_problem(max_heavy_atoms=6)).restore(state)
        with pytest.raises(StateMismatch):
            second.restore({**state, "generator": "diffusion"})

    def test_relatives_name_their_parent(self) -> None:
        generator = _generator(_problem(), relax=False)
        generator.tell([Evaluated(smiles="CC(O)CO", score=1.0)])
        parents = {one.provenance.parents for one in generator.ask(6) if one.provenance.operator != "drawn"}
        assert parents == {("CC(O)CO",)}

    def test_goals_are_put_in_the_words_of_the_network(self) -> None:
        scales = shipped().scales
        mean, std = scales.mean.double().numpy(), scales.std.double().numpy()
        aimed = aim(_problem(), mean, std)
        k = PROPERTIES.index("logp")
        assert aimed.named.tolist() == [name == "logp" for name in PROPERTIES]
        assert aimed.values[k] == pytest.approx((-1.5 - mean[k]) / std[k])

    def test_scores_teach_what_to_ask_for(self) -> None:
        """What no goal names is learnt: here the score is the polar surface, which the problem does not know of."""
        goal = Goal(property="melting_point", direction="minimise", unit="K", worst=400.0, best=200.0)
        generator = _generator(_problem(goal), relax=False)
        texts = ["C" * n + "O" for n in range(2, 9)] + ["C" * n for n in range(3, 9)]
        texts += ["OCC" + "C" * n + "O" for n in range(6)] + ["NC(=O)" + "C" * n + "O" for n in range(1, 5)]
        texts += ["CC" + "C" * n + "=O" for n in range(5)]
        scales = shipped().scales
        k = PROPERTIES.index("polar_surface_a2")
        had = possessed(texts, scales.mean.double().numpy(), scales.std.double().numpy())[:, k]
        generator.tell([Evaluated(smiles=t, score=float(v)) for t, v in zip(texts, had, strict=True)])
        wishes = generator._wishes(64, np.random.default_rng(0))
        assert wishes is not None
        asked = wishes.values[:, k][wishes.given[:, k].bool()]
        assert float(asked.mean()) > float(np.mean(had)) + 0.5

    def test_a_locked_fragment_is_in_everything_that_is_drawn(self) -> None:
        problem = _problem(locked=("NC(C)=O",), max_heavy_atoms=8)
        lock = Chem.MolFromSmarts("NC(C)=O")
        asked = _generator(problem, relax=False).ask(4)
        assert len(asked) == 4
        assert all(Chem.MolFromSmiles(one.molecule.smiles).HasSubstructMatch(lock) for one in asked)

    def test_elements_that_the_space_forbids_are_not_drawn(self) -> None:
        generator = _generator(_problem(elements=("C", "H", "O")), relax=False)
        generator.ask(4)
        assert not any("elements" in reason for reason in generator.filter_report().dropped)

    @pytest.mark.parametrize(
        "space,words",
        [
            ({"min_heavy_atoms": 12}, "at most 9 heavy atoms"),
            ({"locked": ("[#6]~[#7,#8]",)}, "is a query"),
            ({"locked": ("c1ccc2ccccc2c1",)}, "has 10 atoms"),
            ({"locked": ("CS(C)=O",), "elements": ("C", "O", "S")}, "elements other than"),
            ({"locked": ("NC=O", "OCCCO"), "max_heavy_atoms": 8}, "none is left"),
            ({"required": ("[Cl]",), "elements": ("C", "Cl")}, "needs elements other"),
            ({"elements": ("N", "O")}, "no carbon"),
        ],
    )
    def test_what_cannot_be_drawn_is_told(self, space: dict[str, object], words: str) -> None:
        with pytest.raises(CannotServe, match=words):
            flow.opened(_problem(**space), start=(), seed=0, exclude=())


class TestWeights:
    def test_missing_weights_name_the_command(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(WeightsUnusable, match=r"planners\.design\.training\.diffusion"):
            read(tmp_path / "diffusion.safetensors")

        def nothing() -> weights.Trained:
            return read(tmp_path / "diffusion.safetensors")

        monkeypatch.setattr("planners.design.diffusion.flow.shipped", nothing)
        with pytest.raises(CannotServe, match=r"flow: cannot read the weights"):
            flow.opened(_problem(), start=(), seed=0, exclude=())

    def test_broken_weights_are_told(self, tmp_path: Path) -> None:
        path = tmp_path / "diffusion.safetensors"
        path.write_bytes(b"not weights at all")
        with pytest.raises(WeightsUnusable, match="cannot read"):
            read(path)

    def test_they_are_small_and_have_their_card(self) -> None:
        assert weights.PATH.stat().st_size < 6_000_000
        assert "QM9" in (weights.PATH.parent / "MODEL_CARD.md").read_text(encoding="utf-8")

    def test_held_atoms_come_first_on_every_road(self) -> None:
        generator = _generator(_problem(locked=("C#N",)), relax=False)
        walker = Walker(shipped(), "diffusion", Settings(steps=5), generator._terms)
        for drawing in walker.draw(torch.tensor([5, 6]), torch.Generator().manual_seed(0)):
            assert drawing.atoms[:2].tolist() == [0, 1]
            assert drawing.bonds[0, 1] == 3
            assert np.linalg.norm(drawing.x[0] - drawing.x[1]) == pytest.approx(1.16, abs=0.06)
