from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen
from scipy import linalg

from knowledge.qspr.contract import Belief, Fitted, Samples, Stored
from knowledge.qspr.explain import contributions, explain
from knowledge.qspr.explain.parts import Parts
from knowledge.qspr.explain.precedents import shares
from knowledge.qspr.explain.prior_terms import account, prior_shares
from knowledge.qspr.models.gp import FittedGaussianProcess, GaussianProcess
from knowledge.qspr.models.stack import FittedStack
from knowledge.qspr.priors import PRIORS
from knowledge.qspr.priors.joback import JobackBoilingPoint
from knowledge.qspr.priors.residual import WithPrior
from knowledge.records.explanation import Basis, Explanation
from knowledge.records.molecule import InvalidMolecule
from knowledge.records.properties import get_property
from knowledge.sources.handbook import Handbook

BOILING = get_property("boiling_point")


class Says:
    """A model that is a known function of the molecule, so that contributions can be told beforehand."""

    def __init__(self, function: Callable[[Chem.Mol], float]) -> None:
        self._function = function
        self.asked = 0

    def predict(self, smiles: Sequence[str]) -> Belief:
        self.asked += len(smiles)
        mean = np.array([float(self._function(Chem.MolFromSmiles(s))) for s in smiles])
        return Belief(mean, np.zeros(len(smiles)), np.zeros(len(smiles)))

    def stored(self) -> Stored:
        return Stored({}, {})


def count(element: str) -> Says:
    return Says(lambda mol: sum(a.GetSymbol() == element for a in mol.GetAtoms()))


LOGP = Says(Crippen.MolLogP)


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Boiling points in K of small alkanes, alcohols, esters, ethers, halides and aromatics from the handbook."""
    facts = [f for f in Handbook.full().facts("boiling_point") if Chem.MolFromSmiles(f.smiles).GetNumHeavyAtoms() < 10]
    facts = facts[:: len(facts) // 70]
    values = np.array([f.value for f in facts])
    return Samples(tuple(f.smiles for f in facts), values, np.zeros(len(facts)))


@pytest.fixture(scope="module")
def process(samples: Samples) -> FittedGaussianProcess:
    return GaussianProcess().fit(samples, seed=0)


@pytest.fixture(scope="module")
def with_prior(samples: Samples) -> Fitted:
    return WithPrior(GaussianProcess(), JobackBoilingPoint()).fit(samples, seed=0)


def of(fitted: Fitted, smiles: str) -> dict[str, float]:
    """Name of the part -> its mean value."""
    found: dict[str, list[float]] = {}
    for part in contributions(fitted, smiles).parts:
        found.setdefault(part.name, []).append(part.value)
    return {name: sum(values) / len(values) for name, values in found.items()}


@pytest.mark.parametrize(
    "smiles", ["CCCCCO", "CC(C)c1ccc(C)cc1O", "COCCOC(C)=O", "c1ccncc1", "FC(F)(F)CCl", "C", "C[C@H](N)C(=O)O"]
)
def test_methane_and_the_parts_make_the_prediction(process: Fitted, smiles: str) -> None:
    found = contributions(process, smiles)
    assert found.exact
    assert found.origin == pytest.approx(process.predict(["C"]).mean[0])
    assert found.prediction == pytest.approx(process.predict([smiles]).mean[0])
    assert found.origin + sum(p.value for p in found.parts) == pytest.approx(found.prediction)
    assert found.origin + found.atoms.sum() == pytest.approx(found.prediction)
    assert len(found.atoms) == Chem.MolFromSmiles(smiles).GetNumAtoms()


def test_a_hydroxyl_group_raises_the_boiling_point_most(process: Fitted, with_prior: Fitted) -> None:
    for fitted in (process, with_prior):
        parts = of(fitted, "CCCCCO")
        assert parts["OH"] == max(parts.values())
        assert parts["OH"] > 1.5 * parts["CH2"]
        assert 10.0 < parts["CH2"] < 60.0  # K; each CH2 of an alkane adds some 25


def test_a_hydroxyl_group_lowers_log_p_and_a_methylene_raises_it() -> None:
    parts = of(LOGP, "CCCCCO")
    assert parts["OH"] < -0.5
    # Crippen's methylene is worth 0.39; one growth in seven begins with it, at methane.
    assert of(LOGP, "CCCCCCC")["CH2"] == pytest.approx(0.3901 * 6 / 7, abs=1e-3)


@pytest.mark.parametrize(
    "model,smiles,expected",
    [
        (count("O"), "CCCO", {"OH": 1.0}),
        (count("O"), "CC(=O)OCC", {"CO2": 2.0}),
        (count("O"), "C[N+](=O)[O-]", {"NO2": 2.0}),
        (count("N"), "Cc1ccncc1", {"N in ring": 1.0}),
        (count("N"), "C[n+]1ccccc1", {"N in ring": 1.0}),
        (count("N"), "[O-][n+]1ccccc1", {"aromatic 6-membered ring": 1.0}),
        (count("S"), "O=S1(=O)CCCC1", {"5-membered ring": 1.0}),
        (count("F"), "FC(F)(F)CO", {"CF3": 3.0}),
        (count("Cl"), "ClCC(Br)C", {"Cl": 1.0}),
        (count("Si"), "C[Si](C)(C)O", {"Si": 1.0}),
    ],
)
def test_what_only_one_part_has_is_that_part_s(model: Says, smiles: str, expected: dict[str, float]) -> None:
    parts = of(model, smiles)
    assert {name: parts[name] for name in expected} == pytest.approx(expected)
    assert all(value == pytest.approx(0.0) for name, value in parts.items() if name not in expected)


@pytest.mark.parametrize(
    "smiles,alike",
    [
        ("CCCCCCC", [(0, 6), (1, 5), (2, 4)]),
        ("CC(C)(C)O", [(0, 2), (0, 3)]),
        ("OCC(O)CO", [(0, 5), (1, 4)]),
        ("Cc1ccc(C)cc1", [(0, 5), (1, 4), (2, 3)]),
        ("Cn1cnc2c1c(=O)n(C)c(=O)n2C", []),
        ("OC[C@H](O)[C@@H](O)[C@H](O)[C@H](O)CO", [(0, 11), (1, 10), (3, 9), (5, 7)]),
    ],
)
def test_atoms_that_a_symmetry_exchanges_share_alike(smiles: str, alike: list[tuple[int, int]]) -> None:
    found = contributions(LOGP, smiles)
    for a, b in alike:
        assert found.atoms[a] == pytest.approx(found.atoms[b])
    again = contributions(LOGP, smiles)
    assert found.parts == again.parts


def test_many_parts_are_sampled_within_the_limit_and_still_add_up() -> None:
    sucrose = "OC[C@H]1O[C@@](CO)(O[C@H]2O[C@H](CO)[C@@H](O)[C@H](O)[C@H]2O)[C@@H](O)[C@@H]1O"
    model = Says(Crippen.MolLogP)
    found = contributions(model, sucrose, limit=60)
    assert not found.exact
    assert model.asked == found.evaluated <= 62  # the limit, the molecule and methane
    assert found.origin + sum(p.value for p in found.parts) == pytest.approx(found.prediction)
    exact = contributions(LOGP, "CC(C)Cc1ccc(cc1)C(C)C(=O)O")
    sampled = contributions(LOGP, "CC(C)Cc1ccc(cc1)C(C)C(=O)O", limit=20)
    assert exact.exact
    assert not sampled.exact
    assert np.abs(exact.atoms - sampled.atoms).max() < 0.3


def test_the_smaller_molecules_are_the_real_ones_between_methane_and_the_molecule() -> None:
    parts = Parts("Cn1cccc1")
    reached, layer = set(), {0}
    while layer:
        layer = {chosen | 1 << i for chosen in layer for i in parts.additions(chosen)}
        reached |= layer
    assert {parts.molecule(chosen) for chosen in reached} == {
        "C",
        "C1=CCC=C1",  # the ring before its nitrogen
        "CC1C=CC=C1",
        "c1cc[nH]c1",
        "Cn1cccc1",
    }


def test_groups_stay_whole_and_are_called_by_their_formulas() -> None:
    named = Counter(p.name for p in Parts("NC(=O)CC(C(=O)O)C(Cl)c1ccccc1[N+](=O)[O-]").pieces)
    assert named == Counter(["CONH2", "CH2", "CH", "CO2H", "CH", "Cl", "benzene ring", "NO2"])


def test_what_is_no_single_molecule_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one molecule"):
        contributions(LOGP, "CCO.O")
    with pytest.raises(InvalidMolecule):
        contributions(LOGP, "C1CC")


def test_weights_of_the_precedents_make_the_prediction(process: Fitted, samples: Samples) -> None:
    asked = next(s for s in ("CCCCO", "CCCCCO", "CCCCCCO", "CCCO") if s not in samples.smiles)
    found = shares(process, samples, asked)
    assert found.basis is Basis.WEIGHT
    assert found.pull is not None
    assert samples.values.mean() + found.pull.sum() == pytest.approx(process.predict([asked]).mean[0])
    assert found.share.sum() == pytest.approx(1.0, abs=0.1)
    nearest = [samples.smiles[i] for i in found.strongest(5)]
    assert any("O" in s for s in nearest)


def test_a_known_molecule_is_its_own_first_precedent(process: Fitted, samples: Samples) -> None:
    asked = samples.smiles[10]
    found = shares(process, samples, asked)
    assert found.strongest(1) == [10]
    assert found.similarity[10] == 1.0
    assert found.share[10] > 0.5


def test_a_share_is_what_a_change_of_the_value_does(process: FittedGaussianProcess, samples: Samples) -> None:
    found = shares(process, samples, "CCCCCO")
    place = found.strongest(1)[0]
    # One value 1 standard deviation higher, the covariance and the scale of the targets as they are.
    higher = np.where(np.arange(len(samples)) == place, 1.0, 0.0)
    alpha = process.process.alpha + linalg.cho_solve((process.process.factor, True), higher)
    changed = replace(process, process=replace(process.process, alpha=alpha))
    step = changed.predict(["CCCCCO"]).mean[0] - process.predict(["CCCCCO"]).mean[0]
    assert found.share[place] == pytest.approx(step / process.target.spread)


def test_a_stack_s_members_are_weighed(process: Fitted, with_prior: Fitted, samples: Samples) -> None:
    other = count("O")  # stands for trees: a model that knows no weights
    stack = FittedStack("stack", ("gp", "other"), (process, other), np.array([0.75, 0.25]))
    mixed, alone = shares(stack, samples, "CCCCCO"), shares(other, samples, "CCCCCO")
    assert (mixed.basis, alone.basis) == (Basis.MIXED, Basis.SIMILARITY)
    assert mixed.pull is None
    assert alone.share.sum() == pytest.approx(1.0)
    assert (alone.share > 0.0).sum() == 10
    weights = shares(process, samples, "CCCCCO").share
    assert mixed.share == pytest.approx(0.75 * weights + 0.25 * alone.share)
    both = FittedStack("stack", ("a", "b"), (with_prior, other), np.array([0.6, 0.4]))
    (prior,) = prior_shares(both, BOILING, "CCCCCO")
    assert prior.weight == pytest.approx(0.6)


def test_the_line_and_the_residual_make_the_prediction(with_prior: Fitted) -> None:
    (share,) = prior_shares(with_prior, BOILING, "CCCCCO")
    assert share.used_as == "line"
    assert share.constant == 198.2
    assert {t.name: t.count for t in share.terms} == {"-CH3": 1, "-CH2-": 4, "-OH (alcohol)": 1}
    assert share.constant + sum(t.value for t in share.terms) == pytest.approx(share.value)
    assert share.line is not None
    assert share.residual is not None
    assert share.line + share.residual == pytest.approx(with_prior.predict(["CCCCCO"]).mean[0])


def test_outside_its_groups_a_prior_says_nothing(with_prior: Fitted) -> None:
    (share,) = prior_shares(with_prior, BOILING, "C[Si](C)(C)C")
    assert (share.used_as, share.value, share.terms) == ("nothing", None, ())


@pytest.mark.parametrize("prop", ["boiling_point", "melting_point", "critical_temperature", "flash_point", "viscosity"])
def test_the_terms_of_every_prior_make_its_value(prop: str) -> None:
    prior = PRIORS[prop]()
    value = float(prior(["CCCCCO"])[0][0])
    rule, constant, terms = account(prior, "CCCCCO")
    values = [t.value for t in terms]
    if rule == "product":
        assert (constant or 1.0) * np.prod(values) == pytest.approx(value)
    else:
        total = constant + sum(values)
        assert (np.exp(total) if rule == "sum of logarithms" else total) == pytest.approx(value)


def test_an_explanation_is_whole_the_same_again_and_survives_json(with_prior: Fitted, samples: Samples) -> None:
    found = explain(with_prior, samples, BOILING, "CCOC(C)=O", model="gp+prior", precedents=3)
    assert found == explain(with_prior, samples, BOILING, "CCOC(C)=O", model="gp+prior", precedents=3)
    assert Explanation.from_canonical(found.canonical()) == found
    assert (found.unit, found.scale, found.model) == ("K", "linear", "gp+prior")
    assert len(found.precedents) == 3
    listed = dict(zip(samples.smiles, samples.values, strict=True))
    assert all(p.value == pytest.approx(listed[p.smiles]) for p in found.precedents)
    assert sum(p.share for p in found.precedents) + found.others == pytest.approx(1.0, abs=0.15)
