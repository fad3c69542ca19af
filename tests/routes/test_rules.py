"""Every rule of the library, on its own."""

from __future__ import annotations

import pytest
from rdkit import Chem

from knowledge.records.route import RouteStep
from planners.routes import formula
from planners.routes.balance import check_balance
from planners.routes.conditions import conditions_for
from planners.routes.single_step.curated import RuleProposer, reactions
from planners.routes.single_step.reaction import Reaction
from planners.routes.single_step.rule import Rule
from planners.routes.single_step.rules import RULES

PROPOSER = RuleProposer()


def test_names_are_unique_and_every_rule_compiles() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names) >= 130
    for reaction in reactions().values():
        assert reaction.retro.GetNumReactantTemplates() == 1, reaction.name
        assert reaction.forward.GetNumReactantTemplates() == reaction.retro.GetNumProductTemplates(), reaction.name
        assert all(p is not None for p in reaction.intolerant_patterns), reaction.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_gain_and_loss_are_formulas_and_the_class_brings_what_is_gained(rule: Rule) -> None:
    gained = formula.from_text(rule.gain)
    formula.from_text(rule.loss)
    conditions = conditions_for(rule.reaction_class)
    assert conditions.reaction_class == rule.reaction_class, "a curated class needs conditions of its own"
    brought = {"H", "O"}  # the water of every work-up
    for reagent in conditions.reagents:
        brought |= set(formula.of_smiles(reagent.smiles))
    assert set(gained) <= brought, f"{rule.name} gains {rule.gain} from nothing"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_forward_template_drops_every_query(rule: Rule) -> None:
    reaction = Reaction.from_rule(rule)
    product = reaction.forward_smarts.partition(">>")[2]
    assert not any(mark in product for mark in ("$", "!", ";", "H0"))
    assert Chem.MolFromSmarts(product) is not None


def test_a_rule_that_does_not_balance_is_never_proposed() -> None:
    honest = next(r for r in RULES if r.name == "fischer")
    step = RouteStep(
        product="CCOC(C)=O",
        reactants=("CC(=O)O", "CCO"),
        reaction_class=honest.reaction_class,
        template="fischer",
        score=0.9,
    )
    check_balance(step)
    with pytest.raises(ValueError, match="does not balance in C, H"):
        check_balance(step.model_copy(update={"reactants": ("CC(=O)O", "CO")}))


@pytest.mark.parametrize(
    "product, absent",
    [
        ("CC(=O)OC(C)(C)C", "fischer_esterification"),  # a tertiary alcohol eliminates
        ("COC(=O)OC", "fischer_esterification"),  # a carbonate is no ester of a carboxylic acid
        ("COC(C)OC", "williamson_ether"),  # an acetal is no ether
        ("CC(N)=O", "amidation"),  # ammonia has a class of its own
        ("CCCCCC", "negishi"),
        ("CCOC(C)=O", "williamson_ether"),
    ],
)
def test_what_a_chemist_would_not_propose(product: str, absent: str) -> None:
    assert absent not in {p.reaction_class for p in PROPOSER.propose([product], 50)[0]}


def test_like_sites_react_in_one_pot() -> None:
    best = PROPOSER.propose(["CCOC(=O)CCC(=O)OCC"], 50)[0]
    assert ("O=C(O)CCC(=O)O", "CCO", "CCO") in {p.reactants for p in best}


def test_intolerant_groups_lower_the_score() -> None:
    def grignard(smiles: str) -> float:
        found = [p for p in PROPOSER.propose([smiles], 50)[0] if p.reaction_class == "grignard_addition"]
        return max((p.score for p in found), default=0.0)

    assert grignard("CCCC(C)(O)CC#N") < 0.5 * grignard("CCCC(C)(O)CC")


def test_stereo_that_the_step_does_not_set_costs() -> None:
    def reduction(smiles: str) -> float:
        return next(p.score for p in PROPOSER.propose([smiles], 50)[0] if p.reaction_class == "ketone_reduction")

    assert reduction("CC[C@H](C)O") < reduction("CCC(C)O")


def test_answers_are_cached_and_counted() -> None:
    proposer = RuleProposer()
    first = proposer.propose(["CCOC(C)=O", "CCOC(C)=O"], 10)
    assert first[0] == first[1]
    assert (proposer.calls, proposer.misses) == (2, 1)
    assert all(a.score >= b.score for a, b in zip(first[0], first[0][1:], strict=False))
