"""What every graph edit promises: parents stay as they were, locks survive, valences add up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from planners.design.filters.pipeline import Filters
from planners.design.generator import Dice
from planners.design.genetic.breeding import Breeder
from planners.design.genetic.graph import Graph, UnreadableParent, finish
from planners.design.genetic.operators import CROSSOVERS, MUTATIONS, PRIOR
from planners.design.space import VALENCE, DesignSpace, compile_smarts
from tests.design.drugs import DRUGS
from tests.design.molecules import SHELF

SPACE = DesignSpace.model_validate({"max_heavy_atoms": 20, "max_rings": 4, "forbidden": []})
ANYTHING = DesignSpace(
    elements=("H", *VALENCE),
    min_heavy_atoms=1,
    max_heavy_atoms=60,
    max_rings=12,
    max_ring_size=30,
    forbidden=(),
    neutral=False,
    max_charged_atoms=10,
    max_synthetic_accessibility=None,
)
PARENTS = (*SHELF, *DRUGS)


def _fingerprint(graph: Graph) -> tuple[bytes, str, str]:
    """Everything an operator could have written to."""
    lists = (graph.elements, graph.free, graph.neighbours, graph.bonds, graph.rings, graph.used)
    sets = (sorted(graph.sealed), sorted(graph.locked), sorted(graph.aromatic))
    # On a copy: writing a SMILES leaves caches behind in the molecule.
    pickled = graph.mol.ToBinary(Chem.PropertyPickleOptions.NoProps)
    return pickled, Chem.MolToSmiles(Chem.Mol(graph.mol)), repr((lists, sets))


def _draft(name: str, first: Graph, second: Graph, dice: Dice, space: DesignSpace) -> Chem.RWMol | None:
    return MUTATIONS[name](first, dice, space) if name in MUTATIONS else CROSSOVERS[name](first, second, dice, space)


def _operate(rounds: int, seed: int) -> Counter[str]:
    """Every operator on parents drawn by lot, `rounds` times; how often each made a draft. Parents are compared."""
    dice = Dice(seed)
    graphs = [Graph(s) for s in PARENTS]
    before = [_fingerprint(g) for g in graphs]
    applied: Counter[str] = Counter()
    for _ in range(rounds):
        for name in PRIOR:
            draft = _draft(name, dice.pick(graphs), dice.pick(graphs), dice, ANYTHING)
            if draft is not None:
                applied[name] += 1
                finish(draft)
    assert [_fingerprint(g) for g in graphs] == before
    return applied


def test_the_tables_agree() -> None:
    assert set(PRIOR) == {*MUTATIONS, *CROSSOVERS}


def test_parents_never_change() -> None:
    applied = _operate(rounds=200, seed=11)
    assert min(applied[name] for name in PRIOR) >= 30, applied  # every operator was really tried


@pytest.mark.slow
def test_parents_never_change_in_a_hundred_thousand_operations() -> None:
    rounds = -(-100_000 // len(PRIOR))
    assert rounds * len(PRIOR) >= 100_000
    applied = _operate(rounds=rounds, seed=12)
    assert sum(applied.values()) >= 80_000


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(PARENTS), st.sampled_from(PARENTS), st.sampled_from(sorted(PRIOR)), st.integers(0, 2**31))
def test_children_are_readable_and_mean_what_they_say(first: str, second: str, name: str, seed: int) -> None:
    draft = _draft(name, Graph(first), Graph(second), Dice(seed), ANYTHING)
    if draft is None:
        return
    smiles = finish(draft)
    if smiles is None:
        return
    again = Chem.MolFromSmiles(smiles)
    assert again is not None
    assert Chem.MolToSmiles(again) == smiles
    assert not any(a.GetNumRadicalElectrons() for a in again.GetAtoms())
    # Salts are read as what they are salts of: only charges that balance each other are left.
    assert Chem.GetFormalCharge(again) == 0


LOCKS = [
    ("O=C1CCCN1", ["CN1CCCC1=O", "CCCCN1CCCC1=O", "CC(=O)CCN1CCCC1=O"]),
    ("[#6]S(=O)(=O)[#6]", ["CS(C)(=O)=O", "O=S1(=O)CCCC1", "CCS(=O)(=O)CCOC"]),
    ("COc1ccccc1", ["COc1ccccc1", "COc1ccccc1CC(C)=O"]),
    ("c1ccccc1", [s for s in DRUGS if Chem.MolFromSmiles(s).HasSubstructMatch(Chem.MolFromSmarts("c1ccccc1"))]),
    ("C(=O)N", [s for s in DRUGS if Chem.MolFromSmiles(s).HasSubstructMatch(Chem.MolFromSmarts("C(=O)N"))]),
    ("c1ncc[nH]1", ["FC(F)(F)c1ccc(cc1)-c1ncc[nH]1", "Cc1ncc[nH]1"]),
    ("[NX3+](=O)[O-]", ["O=[N+]([O-])c1ccc(cc1)C(O)C(CO)NC(=O)C(Cl)Cl", "CC[N+](=O)[O-]"]),
    ("S(=O)(=O)N", [DRUGS[0], DRUGS[1]]),
    ("c1ccc2c(c1)[nH]c1ccccc12", ["c1ccc2c(c1)[nH]c1ccccc12", "Cc1ccc2c(c1)[nH]c1ccccc12"]),
    ("c1cnn(c1)-c1ccccc1", [DRUGS[0]]),
]


@pytest.mark.parametrize("lock, parents", LOCKS, ids=[lock for lock, _ in LOCKS])
def test_locks_survive_every_operation(lock: str, parents: list[str]) -> None:
    """Operators leave locked atoms alone; the few children whose lock broke by what was done beside it are dropped."""
    space = ANYTHING.model_copy(update={"locked": (lock,)})
    pattern = compile_smarts(lock)
    assert any(len(Chem.MolFromSmiles(s).GetSubstructMatches(pattern)) > 1 for s in parents) or lock not in (
        "c1ccccc1",
        "C(=O)N",
    )
    graphs = [Graph(s, (lock,)) for s in parents]
    dice = Dice(5)
    edited = kept = 0
    for _ in range(25):
        for name in PRIOR:
            draft = _draft(name, dice.pick(graphs), dice.pick(graphs), dice, space)
            if draft is not None and finish(draft) is not None:
                edited += 1
                kept += draft.HasSubstructMatch(pattern)
    assert edited > 100
    assert kept >= 0.97 * edited
    breeder = Breeder(space, Filters(space, stability=False))
    born: Counter[str] = Counter()
    for _ in range(25):
        for name in PRIOR:
            child = breeder.child(name, lambda: dice.pick(parents), dice, lambda smiles: False)
            if child is not None:
                born[name] += 1
                assert Chem.MolFromSmiles(child.smiles).HasSubstructMatch(pattern), (name, child)
    assert sum(born.values()) > 100


def test_pyrrole_nitrogen_can_be_substituted() -> None:
    graph = Graph("c1cc[nH]c1")
    nitrogen = graph.elements.index(7)
    assert graph.free[nitrogen] == 1
    draft = graph.draft()
    draft.AddBond(nitrogen, draft.AddAtom(Chem.Atom(6)), Chem.BondType.SINGLE)
    assert finish(draft) == Chem.CanonSmiles("Cn1cccc1")


@pytest.mark.parametrize(
    "text, read_as",
    [
        ("Cc1ncc[nH]1", "Cc1ncc[nH]1"),
        ("O=c1[nH]c2ccccc2c(=O)n1C", "Cn1c(=O)[nH]c2ccccc2c1=O"),
        ("C[NH2+]CC([O-])=O", "CNCC(=O)O"),  # a zwitterion's protons go back
        ("CC(=O)[O-]", "CC(=O)O"),
        ("c1cc[nH+]cc1", "c1ccncc1"),
        ("[13CH3]O", "CO"),
        ("C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        ("C[N+](C)(C)C", "C[N+](C)(C)C"),  # no proton to lose
        ("CC[N+](=O)[O-]", "CC[N+](=O)[O-]"),
    ],
)
def test_parents_are_read_flat_and_without_needless_charges(text: str, read_as: str) -> None:
    assert finish(Graph(text).draft()) == Chem.CanonSmiles(read_as)


def test_charged_groups_are_sealed() -> None:
    graph = Graph("CCC[N+](=O)[O-]")
    assert [graph.elements[i] for i in sorted(graph.sealed)] == [6, 7, 8, 8]


def test_an_unreadable_parent_is_named() -> None:
    with pytest.raises(UnreadableParent, match="C1CC"):
        Graph("C1CC")
