"""Candidates that come with a route: every step is a reaction of what is at hand, and it leads to the candidate."""

from __future__ import annotations

import json

import pytest
from rdkit import Chem

from knowledge.records.candidate import Candidate
from planners.design.generator import CannotServe, Dice, Evaluated, Generator, StateMismatch
from planners.design.space import DesignSpace
from planners.design.synthesis import Shelf, SynthesisGenerator
from planners.design.synthesis.bench import Bench, usable
from planners.design.synthesis.operators import Workshop, cross, exchange, fresh, grow, prune, swap
from planners.design.synthesis.recipes import Recipes
from planners.design.synthesis.tree import Leaf, Step, Tree, as_json, from_json, paths, route

_CATALOGUE = """
CC(=O)O CCC(=O)O CC(C)C(=O)O O=C(O)c1ccccc1 CO CCO CCCO CC(C)O OCCO OCC(O)CO CCCCO OC1CCCC1 OC1CCCCC1 CCN CNC C1CCNC1
C1COCCN1 CC(C)=O CCC(C)=O O=C1CCCC1 O=C1CCCCC1 CC=O CCC=O O=Cc1ccccc1 BrCC CCCBr CCCCBr CI ClCC1CO1 C1CO1 CC1CO1
C=CC(=O)OC COC(=O)OC CCOC(=O)OCC CC(=O)OC(C)=O O=C1CCCO1 CCS OCCS C=CC CC(C)=C c1ccoc1 OCc1ccco1 CC(=O)CCC(=O)O CCC#N
CNC=O CS(=O)(=O)Cl OB(O)c1ccccc1 Brc1ccccc1 Nc1ccccc1 Oc1ccccc1 CC(=O)Cl O=C(Cl)OCC CNCC
"""
SOLD = _CATALOGUE.split()
SPACE = DesignSpace()


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf(SOLD)


def opened(shelf: Shelf, space: DesignSpace = SPACE, seed: int = 1, **more: object) -> SynthesisGenerator:
    return SynthesisGenerator(space, shelf, seed=seed, **more)  # type: ignore[arg-type]


def flat(smiles: str) -> str:
    return Chem.MolToSmiles(Chem.MolFromSmiles(smiles), isomericSmiles=False)


def told(candidates: list[Candidate]) -> list[Evaluated]:
    """The more oxygen the better, a goal that a shelf of alcohols and acids can serve."""
    return [Evaluated(smiles=c.molecule.smiles, score=float(c.molecule.smiles.count("O"))) for c in candidates]


def check(tree: Tree, shelf: Shelf) -> None:
    """Leaves are sold; each step's product is among what RDKit makes by the stated reaction of its reactants."""
    for _, sub in paths(tree):
        if isinstance(sub, Leaf):
            assert sub.smiles in shelf
            continue
        reaction = usable()[sub.reaction].forward
        reactants = tuple(Chem.MolFromSmiles(part.smiles) for part in sub.parts)
        assert len(reactants) == reaction.GetNumReactantTemplates()
        made = set()
        for outcome in reaction.RunReactants(reactants):
            for mol in outcome:
                if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                    made.add(flat(Chem.MolToSmiles(mol)))
        assert flat(sub.smiles) in made, (sub.reaction, sub.smiles)


def test_every_candidate_has_a_route_of_reactions_from_what_is_sold(shelf: Shelf) -> None:
    generator = opened(shelf)
    assert isinstance(generator, Generator)
    seen: set[str] = set()
    for _ in range(3):
        candidates = generator.ask(25)
        assert len(candidates) == 25
        for candidate in candidates:
            smiles, provenance = candidate.molecule.smiles, candidate.provenance
            tree = generator.way(smiles)
            assert isinstance(tree, Step)
            check(tree, shelf)
            assert 1 <= tree.steps <= 3
            assert provenance.generator == "synthesis"
            assert provenance.route == route(tree)
            # The last reaction gives the candidate; what an earlier one gives is used by a later one.
            *earlier, last = [line.split(">>") for line in provenance.route]
            assert last[1] == tree.smiles
            used = [text for line in provenance.route for text in line.split(">>")[0].split(".")]
            assert all(product in used for _, product in earlier)
            assert SPACE.violation(Chem.MolFromSmiles(smiles)) is None
            assert candidate.molecule.connectivity not in seen
            seen.add(candidate.molecule.connectivity)
        generator.tell(told(candidates))
    assert generator.population[0].count("O") >= 3


@pytest.mark.parametrize(
    "reaction,reactants,product",
    [
        ("fischer", ("CCC(=O)O", "CCCO"), "CCCOC(=O)CC"),
        ("acetal_5", ("CCC(C)=O", "OCCO"), "CCC1(C)OCCO1"),
        ("epoxide_alcohol", ("CC1CO1", "CO"), "COCC(C)O"),
        ("synspace:Suzuki", ("OB(O)c1ccccc1", "Brc1ccccc1"), "c1ccc(-c2ccccc2)cc1"),
        ("amidation", ("CC(=O)O", "CNC"), "CC(=O)N(C)C"),
        # An amide is no ketone: no amidoxime, no amidine.
        ("oximation", ("CC(=O)N(C)C",), None),
        ("imine", ("CC(=O)OC", "CCN"), None),
        # Michael acceptors do not take water the Markovnikov way, nor borane.
        ("hydroboration", ("C=CC(=O)OC",), None),
        # Dry methanol is no acid.
        ("fischer", ("CO", "CCO"), None),
    ],
)
def test_the_bench_makes_what_a_chemist_would(reaction: str, reactants: tuple[str, ...], product: str | None) -> None:
    assert Bench().product(reaction, reactants) == product


def test_known_molecules_are_taken_apart_into_what_is_sold(shelf: Shelf) -> None:
    recipes = Recipes(shelf, Bench())
    ester = recipes.tree("CCCOC(C)=O")
    assert ester is not None
    check(ester, shelf)
    # Two steps: 1-bromobutane is sold, valeric acid is not.
    amide = recipes.tree("CCCCC(=O)N(C)C")
    assert amide is not None
    assert amide.steps == 2
    check(amide, shelf)
    assert recipes.tree("CC(C)(C)c1cc(F)c(C#N)nc1") is None


def test_edits_leave_the_parents_as_they_are(shelf: Shelf) -> None:
    shop = Workshop(shelf, Bench(), 3)
    dice = Dice(5)
    parents = [tree for tree in (fresh(shop, dice) for _ in range(30)) if tree is not None]
    parents += [tree for tree in (grow(shop, tree, dice) for tree in parents) if tree is not None]
    before = [json.dumps(as_json(tree)) for tree in parents]
    made = {"swap": 0, "exchange": 0, "grow": 0, "prune": 0, "cross": 0}
    for _ in range(120):
        tree, other = dice.pick(parents), dice.pick(parents)
        children = {
            "swap": swap(shop, tree, dice),
            "exchange": exchange(shop, tree, dice),
            "grow": grow(shop, tree, dice),
            "prune": prune(shop, tree, dice),
            "cross": cross(shop, tree, other, dice),
        }
        for name, child in children.items():
            if child is not None:
                made[name] += 1
                if made[name] <= 5:
                    check(child, shelf)
    assert all(made.values()), made
    assert [json.dumps(as_json(tree)) for tree in parents] == before
    assert [from_json(json.loads(text)) for text in before] == parents


def test_the_same_seed_gives_the_same_and_a_restored_search_goes_on_alike(shelf: Shelf) -> None:
    first, second = opened(shelf), opened(shelf)
    asked = first.ask(15)
    assert asked == second.ask(15)
    first.tell(told(asked))
    state = json.loads(json.dumps(first.state()))
    third = opened(shelf, seed=99)
    third.restore(state)
    expected = first.ask(15)
    assert third.ask(15) == expected
    for generator in (first, third):
        generator.tell(told(expected))
    assert first.ask(10) == third.ask(10)
    assert first.state() == third.state()
    assert opened(shelf, seed=2).ask(15) != asked


def test_a_state_of_another_stock_is_refused(shelf: Shelf) -> None:
    state = opened(shelf).state()
    with pytest.raises(StateMismatch, match="stock"):
        opened(Shelf(SOLD[:-5])).restore(state)
    with pytest.raises(StateMismatch):
        opened(shelf).restore({"generator": "genetic"})


def test_what_is_known_or_excluded_is_never_proposed(shelf: Shelf) -> None:
    excluded = [c.molecule.smiles for c in opened(shelf).ask(20)]
    generator = opened(shelf, exclude=excluded, start=["CCCOC(C)=O"])
    assert "CCCOC(C)=O" in generator.population
    asked = {c.molecule.smiles for c in generator.ask(40)}
    assert not asked & {*excluded, "CCCOC(C)=O"}


def test_locked_parts_are_in_every_molecule(shelf: Shelf) -> None:
    furan = opened(shelf, DesignSpace(locked=("c1ccoc1",)))
    asked = furan.ask(10)
    assert len(asked) == 10
    pattern = Chem.MolFromSmarts("c1ccoc1")
    assert all(Chem.MolFromSmiles(c.molecule.smiles).HasSubstructMatch(pattern) for c in asked)
    # Nothing that is sold here holds an amide but formamide; reactions make it.
    amide = opened(shelf, DesignSpace(locked=("CC(=O)N(C)C",)))
    assert amide.ask(5)


def test_no_way_goes_in_circles() -> None:
    """An amide to the nitrile and back, which the rules know both ways of."""
    shop = Workshop(Shelf(["NC(=O)c1ccccc1"]), Bench(), 3)
    nitrile = shop.step("amide_dehydration", (Leaf("NC(=O)c1ccccc1"),))
    assert nitrile is not None
    assert nitrile.smiles == "N#Cc1ccccc1"
    assert shop.step("nitrile_hydration", (nitrile,)) is None


def test_the_shelf_knows_what_fits_where() -> None:
    shelf = Shelf(["CCO", "CC(=O)O", "CCCCCCCCO", "c1ccccc1", "no molecule"])
    fischer = usable()["fischer"]
    assert len(shelf) == 4
    acids = [shelf.smiles[i] for i in shelf.fitting(fischer, 0, most_atoms=20)]
    assert acids == ["CC(=O)O"]
    assert [shelf.smiles[i] for i in shelf.fitting(fischer, 1, most_atoms=20)] == ["CCO", "CC(=O)O", "CCCCCCCCO"]
    assert [shelf.smiles[i] for i in shelf.fitting(fischer, 1, most_atoms=4)] == ["CCO", "CC(=O)O"]


def test_a_lock_that_nothing_holds_is_told(shelf: Shelf) -> None:
    with pytest.raises(CannotServe, match="N=N"):
        opened(shelf, DesignSpace(locked=("c1ccccc1N=N",), max_heavy_atoms=14))


def test_molecules_of_others_become_parents_when_they_can_be_made(shelf: Shelf) -> None:
    generator = opened(shelf)
    generator.tell([Evaluated(smiles="CCOCCOC(C)=O", score=9.0), Evaluated(smiles="Fc1cnc(C#N)s1", score=10.0)])
    assert generator.population[0] == "CCOCCOC(C)=O"
    assert "Fc1cnc(C#N)s1" not in generator.population
    tree = generator.way("CCOCCOC(C)=O")
    assert tree is not None
    check(tree, shelf)
