"""The autoencoder's words, its shipped weights, Bayesian optimisation between points, and the generator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen

from knowledge.records.candidate import Candidate
from planners.design.generator import CannotServe, Evaluated, StateMismatch
from planners.design.latent.generator import LatentGenerator
from planners.design.latent.properties import PROPERTIES, properties
from planners.design.latent.sampling import WEIGHTS, LatentSpace, Unwritable, shipped
from planners.design.latent.search import FIRST_RADIUS, Process, Radius, chosen, scalarised
from planners.design.latent.tokens import END, PAD, Vocabulary, as_symbols, from_selfies
from planners.design.space import DesignSpace

NAMED = {
    "ethyl lactate": "CCOC(=O)C(C)O",
    "gamma-valerolactone": "CC1CCC(=O)O1",
    "vanillin": "COc1cc(C=O)ccc1O",
    "anisole": "COc1ccccc1",
    "cyclopentyl methyl ether": "COC1CCCC1",
    "limonene": "C=C(C)C1CC=C(C)CC1",
    "dimethyl carbonate": "COC(=O)OC",
    "2-methyltetrahydrofuran": "CC1CCCO1",
    "isoamyl acetate": "CC(=O)OCCC(C)C",
    "linalool": "C=CC(C)(O)CCC=C(C)C",
}


@pytest.fixture(scope="module")
def space() -> LatentSpace:
    return shipped()


def _score(candidates: Sequence[Candidate], target: float = 1.0) -> list[Evaluated]:
    """Near to an octanol-water logP (Crippen) of `target`, by RDKit."""
    return [
        Evaluated(smiles=c.molecule.smiles, score=-abs(Crippen.MolLogP(Chem.MolFromSmiles(c.molecule.smiles)) - target))
        for c in candidates
    ]


def _smiles(candidates: Sequence[Candidate]) -> list[str]:
    return [c.molecule.smiles for c in candidates]


class TestWords:
    words = Vocabulary(["[C]", "[O]", "[=O]", "[C][C]", "[C][C][O]", "[Branch1]"], longest=4)

    def test_the_longest_word_that_fits_is_taken(self) -> None:
        numbers = self.words.of_symbols(["[C]", "[C]", "[O]", "[C]", "[C]"])
        assert numbers is not None
        assert [self.words.words[n - 2] for n in numbers] == ["[C][C][O]", "[C][C]"]

    def test_unknown_symbols_and_too_many_words_have_no_numbers(self) -> None:
        assert self.words.of_symbols(["[N]"]) is None
        assert self.words.of_symbols(["[C]", "[=O]"] * 3) is None

    def test_what_follows_the_end_is_not_read(self) -> None:
        ether = self.words.numbers("CCOCC")
        assert ether is not None
        assert self.words.smiles([*ether, END, ether[0], PAD]) == "CCOCC"
        assert self.words.smiles([END, *ether]) is None

    def test_one_molecule_has_one_spelling(self) -> None:
        assert as_symbols("OCC") == as_symbols("C(O)C") == ["[C]", "[C]", "[O]"]
        assert as_symbols("C[C@H](O)C(=O)O") == as_symbols("CC(O)C(=O)O")
        assert as_symbols("no molecule") is None

    def test_free_valences_get_hydrogens(self) -> None:
        assert from_selfies("[C][C][NH1]") == "CCN"
        assert from_selfies("[C][Si][C]") == "C[SiH2]C"
        assert from_selfies("[Ring1]") is None


class TestWeights:
    def test_named_molecules_come_back(self, space: LatentSpace) -> None:
        points, spread = space.encode(list(NAMED.values()))
        assert points.shape == spread.shape == (len(NAMED), space.dimensions)
        assert (spread > 0).all()
        back = dict(zip(NAMED, space.decode(points), strict=True))
        lost = [name for name, smiles in NAMED.items() if back[name] != Chem.CanonSmiles(smiles)]
        assert len(lost) <= 1, lost

    def test_a_point_does_not_depend_on_company_or_spelling(self, space: LatentSpace) -> None:
        alone, _ = space.encode(["COc1cc(C=O)ccc1O"])
        among, _ = space.encode(["CCO", "O=Cc1ccc(O)c(OC)c1", "CC1CCC(=O)O1"])
        np.testing.assert_array_equal(alone[0], among[1])

    def test_samples_are_valid_and_differ(self, space: LatentSpace) -> None:
        drawn = space.sample(300, seed=11).smiles
        valid = [text for text in drawn if text is not None and Chem.MolFromSmiles(text) is not None]
        assert len(valid) >= 297
        assert len(set(valid)) >= 290
        assert space.sample(300, seed=11).smiles == drawn
        assert space.sample(300, seed=12).smiles != drawn

    def test_points_tell_properties(self, space: LatentSpace) -> None:
        assert space.property_names == tuple(PROPERTIES)
        points, _ = space.encode(list(NAMED.values()))
        known = np.array([properties(smiles) for smiles in NAMED.values()])
        column = space.property_names.index("logp")
        assert np.abs(space.foresee(points)[:, column] - known[:, column]).mean() < 0.4

    def test_neighbours_of_a_point_are_alike(self, space: LatentSpace) -> None:
        rng = np.random.default_rng(3)
        point = space.encode(["CCOC(=O)CCC"])[0][0]
        near = space.decode(point + 0.25 * space.spread * rng.standard_normal((20, space.dimensions)))
        far = space.decode(space.prior(20, rng))
        ester = Chem.MolFromSmarts("C(=O)O")
        hits = [
            sum(s is not None and Chem.MolFromSmiles(s).HasSubstructMatch(ester) for s in part) for part in (near, far)
        ]
        assert hits[0] > 10
        assert hits[0] > hits[1]

    def test_what_cannot_be_written_is_named(self, space: LatentSpace) -> None:
        assert not space.writable("C[Si](C)(C)[Se]C")
        with pytest.raises(Unwritable, match="Se"):
            space.encode(["CCO", "C[Se]C"])

    def test_missing_weights_say_what_makes_them(self, tmp_path: Path) -> None:
        with pytest.raises(CannotServe, match="make train-design"):
            LatentSpace(tmp_path / "autoencoder.safetensors")

    def test_weights_ship_small_with_a_card(self) -> None:
        assert WEIGHTS.stat().st_size < 12_000_000
        assert "chemicals" in (WEIGHTS.parent / "MODEL_CARD.md").read_text()


class TestSearch:
    def test_a_process_passes_through_what_it_was_told(self) -> None:
        rng = np.random.default_rng(0)
        points = rng.standard_normal((40, 3))
        values = np.sin(points[:, 0]) + 5.0
        drawn = Process(points, values).draws(points, 200, rng)
        assert drawn.shape == (200, 40)
        np.testing.assert_allclose(drawn.mean(0), values, atol=0.15)

    def test_the_better_half_is_chosen_and_the_infeasible_left(self) -> None:
        rng = np.random.default_rng(1)
        told = rng.standard_normal((80, 4))
        offered = rng.standard_normal((100, 4))
        rows = chosen(told, told[:, :1], told[:, 1] > 0, offered, 10, rng)
        assert len(set(rows)) == 10
        assert offered[rows, 0].mean() > 0.6
        assert (offered[rows, 1] > 0).mean() >= 0.7

    def test_two_goals_are_both_followed(self) -> None:
        rng = np.random.default_rng(2)
        told = rng.standard_normal((80, 2))
        offered = rng.standard_normal((200, 2))
        rows = chosen(told, told, np.ones(80, dtype=np.bool_), offered, 12, rng)
        assert offered[rows].min(1).mean() > offered.min(1).mean() + 0.5
        assert offered[rows].std(0).min() > 0.1

    def test_one_goal_is_its_own_scalar(self) -> None:
        values = np.array([[0.1], [0.9]])
        np.testing.assert_array_equal(scalarised(values, np.array([1.0])), values[:, 0])

    def test_the_radius_follows_success_and_begins_again(self) -> None:
        assert Radius().after(True).size > FIRST_RADIUS > Radius().after(False).size
        narrow = Radius(0.06)
        assert narrow.after(False).size == FIRST_RADIUS


class TestGenerator:
    solvents = DesignSpace(preset="solvent")
    start = tuple(NAMED.values())

    def _opened(self, seed: int = 4, **other: object) -> LatentGenerator:
        return LatentGenerator(shipped(), self.solvents, self.start, seed=seed, **other)  # type: ignore[arg-type]

    def test_it_proposes_new_molecules_of_the_space_with_their_points(self) -> None:
        asked = self._opened().ask(20)
        assert len({c.molecule.connectivity for c in asked}) == 20
        assert not set(_smiles(asked)) & {Chem.CanonSmiles(s) for s in self.start}
        for candidate in asked:
            assert self.solvents.violation(Chem.MolFromSmiles(candidate.molecule.smiles)) is None
            assert len(candidate.provenance.latent) == shipped().dimensions
        operators = {c.provenance.operator.split()[0] for c in asked}
        assert operators == {"prior", "near"}
        near = next(c for c in asked if c.provenance.operator.startswith("near"))
        assert near.provenance.parents[0] in self.start

    def test_the_point_of_the_provenance_decodes_to_the_molecule(self) -> None:
        asked = self._opened().ask(15)
        back = shipped().decode(np.array([c.provenance.latent for c in asked]))
        assert sum(a == b for a, b in zip(back, _smiles(asked), strict=True)) >= 14

    def test_it_climbs(self) -> None:
        generator = self._opened()
        medians = []
        for _ in range(4):
            asked = generator.ask(25)
            told = _score(asked, target=4.0)  # the named solvents lie near 1
            generator.tell(told)
            medians.append(float(np.median([item.score for item in told])))
        assert medians[-1] > medians[0] + 0.4
        assert any(c.provenance.operator == "latent step" for c in generator.ask(10))

    def test_the_same_seed_and_state_go_on_alike(self) -> None:
        first = self._opened()
        first.tell(_score(first.ask(20)))
        stored = json.loads(json.dumps(first.state()))
        second = self._opened(seed=99)
        second.restore(stored)
        asked = first.ask(10)
        assert second.ask(10) == asked
        first.tell(_score(asked))
        second.tell(_score(asked))
        assert json.dumps(first.state()) == json.dumps(second.state())

    def test_other_states_are_refused(self) -> None:
        generator = self._opened()
        state = generator.state()
        with pytest.raises(StateMismatch, match="latent"):
            generator.restore({**state, "generator": "genetic"})
        with pytest.raises(StateMismatch, match="space"):
            generator.restore({**state, "space": "another"})
        with pytest.raises(StateMismatch, match="weights"):
            generator.restore({**state, "weights": "others"})

    def test_excluded_and_told_molecules_are_not_proposed(self) -> None:
        first = self._opened().ask(10)
        again = self._opened(exclude=_smiles(first)).ask(10)
        assert not set(_smiles(first)) & set(_smiles(again))

    def test_a_lock_that_its_start_holds_is_kept(self) -> None:
        esters = self.solvents.model_copy(update={"locked": ("C(=O)OCC",)})
        asked = LatentGenerator(shipped(), esters, ["CCOC(=O)C(C)O", "CCOC(=O)CCC", "CCOC(=O)CC"], seed=0).ask(8)
        pattern = Chem.MolFromSmarts("C(=O)OCC")
        assert len(asked) == 8
        assert all(Chem.MolFromSmiles(s).HasSubstructMatch(pattern) for s in _smiles(asked))

    def test_a_lock_that_it_never_writes_is_told_in_words(self) -> None:
        sultam = "O=S1(=O)CCC(F)(F)CN1"
        locked = DesignSpace(preset="solvent", elements=("C", "N", "O", "F", "S"), locked=(sultam,))
        with pytest.raises(CannotServe, match=r"none is in the space with O=S1\(=O\)"):
            LatentGenerator(shipped(), locked, ["CCO"], seed=0)
