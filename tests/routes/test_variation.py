"""What is varied after a failed synthesis: spaces, settings as procedures, diagnoses, and what is tried next."""

from __future__ import annotations

import itertools

import pytest

from knowledge.records.procedure import Basis, Procedure, Role
from knowledge.records.quantity import Quantity
from knowledge.records.route import Leaf, Route, RouteStep, StockItem
from knowledge.records.space import Category, Number
from planners.optimize.process.contract import Posterior
from planners.optimize.space.encoding import Encoding
from planners.routes.appraisal import check_procedure
from planners.routes.handbook import label
from planners.routes.procedure import write_procedures
from planners.routes.purification import method_of
from planners.routes.rescue import Decision, Fault, Seen, Synthesis, decide
from planners.routes.rescue.choice import Attempt, gain, hopeless, settings_of
from planners.routes.rescue.diagnosis import diagnose
from planners.routes.rescue.guided import Guided
from planners.routes.rescue.space import excess_of, own_setting, rescue_space, solvent_of
from planners.routes.rescue.variation import in_words, setting_of, vary

HOT, LARGE = Quantity(value=523.0, unit="K"), Quantity(value=5.0, unit="L")


def procedure(product: str, reactants: tuple[str, ...], reaction_class: str, template: str) -> Procedure:
    stock = StockItem(inchikey="", source="test", tier=2, price_per_g=0.1)
    step = RouteStep(product=product, reactants=reactants, reaction_class=reaction_class, template=template, score=1.0)
    leaves = tuple(Leaf(smiles=r, stock=stock) for r in reactants)
    return write_procedures(Route(target=product, steps=(step,), leaves=leaves, score=1.0))[0]


ETHER = procedure("CCCCOc1ccccc1", ("CCCCBr", "Oc1ccccc1"), "williamson_ether", "williamson")
NITRILE = procedure("CCC(=O)CC#N", ("CCC(=O)CBr",), "cyanide_substitution", "cyanation")
ESTER = procedure("CCCC(=O)OCCC", ("CCCC(=O)O", "CCCO"), "fischer_esterification", "fischer")
ENOLATE = procedure("CC(=O)CC(C)(C)O", ("CC(C)=O", "CC(C)=O"), "aldol_addition", "aldol_addition")
ALL = {"ether": ETHER, "nitrile": NITRILE, "ester": ESTER, "aldol": ENOLATE}


@pytest.mark.parametrize("name", ALL)
def test_the_space_is_small_and_holds_what_was_done(name: str) -> None:
    first = ALL[name]
    space = rescue_space(first)
    settings = settings_of(space)
    assert own_setting(first) in settings
    assert 20 <= len(settings) <= 1500
    for name_, value in itertools.chain.from_iterable(s.items() for s in settings[:: max(1, len(settings) // 40)]):
        space.check_value(name_, value)


@pytest.mark.parametrize("name", ALL)
def test_every_setting_is_a_procedure_that_holds_together(name: str) -> None:
    first = ALL[name]
    settings = settings_of(rescue_space(first))
    for setting in settings[:: max(1, len(settings) // 60)]:
        varied = vary(first, setting)
        assert check_procedure(varied) == []
        assert setting_of(first, varied) == setting
        assert varied.reactants == first.reactants
        assert varied.product_mass == first.product_mass


def test_solvents_stay_below_their_boiling_points_unless_sealed() -> None:
    for first in ALL.values():
        assert first.vessel in ("open", "reflux")
        for setting in settings_of(rescue_space(first)):
            if "solvent" not in setting or setting == own_setting(first):
                continue
            charged = solvent_of(vary(first, setting))
            assert charged is not None
            boiling = label(charged.smiles).boiling_point
            assert boiling is not None
            margin = -5.0 if first.vessel == "open" else 1.0
            assert setting["temperature"] <= boiling + margin + 0.01


def test_what_may_go_off_is_not_heated_and_nothing_passes_the_limit_from_outside() -> None:
    assert any("pyrophoric" in w or "ignites" in w or "burns" in w for w in ENOLATE.hazards)
    hottest = rescue_space(ENOLATE).parameter("temperature")
    assert isinstance(hottest, Number)
    assert hottest.bounds[1] == ENOLATE.temperature.quantity.magnitude("K")
    own = ETHER.temperature.quantity.magnitude("K")
    limited = rescue_space(ETHER, hottest=Quantity(value=own + 25.0, unit="K")).parameter("temperature")
    assert isinstance(limited, Number)
    assert own < limited.bounds[1] <= own + 25.0


def test_a_varied_procedure_says_what_was_changed_and_weighs_it_anew() -> None:
    own = own_setting(NITRILE)
    assert own["solvent"] == "dimethyl sulfoxide"
    setting = own | {
        "temperature": 333.0,
        "duration": 12.0,
        "solvent": "acetonitrile",
        "purification": "chromatography",
    }
    varied = vary(NITRILE, setting)
    assert {varied.temperature.basis, varied.duration.basis, varied.purification.basis} == {Basis.VARIED}
    assert varied.workup.basis is not Basis.VARIED
    assert method_of(varied) == "chromatography"
    before, after = solvent_of(NITRILE), solvent_of(varied)
    assert before is not None
    assert after is not None
    assert (after.name, after.basis) == ("acetonitrile", Basis.VARIED)
    assert after.volume is not None
    assert before.volume is not None
    assert after.volume.value == pytest.approx(before.volume.value, rel=1e-4)
    assert after.mass.value < before.mass.value, "acetonitrile is the lighter one"
    words = in_words(NITRILE, setting)
    assert "60 °C instead of 80 °C" in words
    assert "12 h instead of 6 h" in words
    assert "acetonitrile instead of dimethyl sulfoxide" in words
    assert varied.notes[-1] == f"varied after a failure: {words}"
    assert vary(NITRILE, own) is NITRILE


def test_excess_is_taken_of_what_can_be_bought_and_is_not_limiting() -> None:
    more = excess_of(ESTER)
    assert more is not None
    assert more.role is Role.REACTANT
    assert more.smiles != ESTER.limiting
    varied = vary(ESTER, own_setting(ESTER) | {"excess": 2.0})
    now = next(c for c in varied.charges if c.smiles == more.smiles)
    assert now.mass.value == pytest.approx(2.0 * more.mass.value, rel=1e-4)
    assert now.equivalents == pytest.approx(2.0 * (more.equivalents or 0.0))
    assert now.basis is Basis.VARIED
    limiting = next(c for c in varied.charges if c.smiles == ESTER.limiting)
    assert limiting in ESTER.charges
    other = excess_of(ESTER, made=[more.smiles])
    assert other is None or other.smiles != more.smiles, "of an intermediate there is no more"


@pytest.mark.parametrize(
    "seen, fault",
    [
        (Seen(mass_yield=0.7, purity=0.97), None),
        (Seen(mass_yield=0.7), None),
        (Seen(mass_yield=0.02, no_product=True), Fault.NO_CONVERSION),
        (Seen(no_product=True), Fault.NO_CONVERSION),
        (Seen(mass_yield=3.1, no_product=True), Fault.NOT_PARTED),
        (Seen(mass_yield=1.8), Fault.NOT_PARTED),
        (Seen(mass_yield=0.04, purity=0.95), Fault.NO_CONVERSION),
        (Seen(mass_yield=0.7, purity=0.84, early=1.0), Fault.INCOMPLETE),
        (Seen(mass_yield=0.7, purity=0.84, early=0.1), Fault.OVERDONE),
        (Seen(mass_yield=0.7, purity=0.84), Fault.NOT_PARTED),
    ],
)
def test_diagnosis(seen: Seen, fault: Fault | None) -> None:
    assert diagnose(seen, below=0.1, minimum_purity=0.9) is fault


def first_retry(first: Procedure, seen: Seen) -> Decision:
    decided = decide([Synthesis((first,), (seen,))], below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=0)
    assert isinstance(decided, Decision)
    return decided


def test_the_first_retry_is_what_a_chemist_would_do() -> None:
    nothing = first_retry(ETHER, Seen(mass_yield=0.02, no_product=True))
    (hotter,) = nothing.procedures
    assert hotter.temperature.quantity.magnitude("K") >= ETHER.temperature.quantity.magnitude("K") + 10.0
    assert hotter.duration.quantity.magnitude("h") > ETHER.duration.quantity.magnitude("h")
    assert nothing.why == "no conversion"
    (milder,) = first_retry(ETHER, Seen(mass_yield=0.6, purity=0.8, early=0.1)).procedures
    assert milder.temperature.quantity.magnitude("K") < ETHER.temperature.quantity.magnitude("K")
    assert milder.duration.quantity.magnitude("h") < ETHER.duration.quantity.magnitude("h")
    (parted,) = first_retry(NITRILE, Seen(mass_yield=3.1, no_product=True)).procedures
    solvent = solvent_of(parted)
    assert solvent is not None
    assert (label(solvent.smiles).boiling_point or 999.0) < 390.0, "it is gone before the product is purified"
    assert method_of(parted) == "chromatography"


def test_only_the_step_that_failed_is_varied() -> None:
    two = (ETHER, ESTER)  # any two steps: only what was seen of them counts
    for step, seen in ((0, (Seen(no_product=True), Seen())), (1, (Seen(mass_yield=0.7), Seen(no_product=True)))):
        decided = decide([Synthesis(two, seen)], below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=0)
        assert isinstance(decided, Decision)
        assert decided.step == step
        assert decided.procedures[step] != two[step]
        assert decided.procedures[1 - step] is two[1 - step]
        assert decided.why == f"no conversion in step {step + 1} of 2"


def test_later_retries_are_new_learn_from_the_earlier_ones_and_do_not_depend_on_anything_else() -> None:
    first = Synthesis((ETHER,), (Seen(mass_yield=0.05, purity=0.95),))
    tried = [first]
    for yield_ in (0.02, 0.09, 0.08):
        again = decide(tried, below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=5)
        same = decide(tried, below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=5)
        if isinstance(again, str):
            assert again == same == "it did not convert under other conditions either"
            break
        assert again == same
        assert all(again.procedures != t.procedures for t in tried)
        tried.append(Synthesis(again.procedures, (Seen(mass_yield=yield_, purity=0.95),)))
    assert len(tried) == 2, "no conversion under two sets of conditions, the later worse: given up"
    better = [first, Synthesis(tried[1].procedures, (Seen(mass_yield=0.5, purity=0.84, early=0.9),))]
    third = decide(better, below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=5)
    assert isinstance(third, Decision)
    assert (third.by, third.why) == ("model", "starting material was left")
    assert all(third.procedures != t.procedures for t in better)


def test_giving_up() -> None:
    nothing = Attempt(setting=own_setting(ETHER), seen=Seen(no_product=True), fault=Fault.NO_CONVERSION)
    little = nothing.model_copy(update={"seen": Seen(mass_yield=0.05, purity=0.95)})
    impure = Attempt(setting=own_setting(ETHER), seen=Seen(mass_yield=0.5, purity=0.8), fault=Fault.INCOMPLETE)
    assert hopeless([nothing]) == ""
    assert hopeless([nothing, nothing])
    assert hopeless([nothing, little]) == "", "it begins to work"
    assert hopeless([impure, impure]) == ""
    mass = Attempt(setting=own_setting(ETHER), seen=Seen(mass_yield=4.0, no_product=True), fault=Fault.NOT_PARTED)
    assert hopeless([mass, mass]) == ""
    assert hopeless([mass, nothing]), "what had come along is gone, and no product is left"
    fine = decide([Synthesis((ETHER,), (Seen(mass_yield=0.8),))], below=0.1, minimum_purity=0.9, hottest=HOT,
                  largest=LARGE, seed=0)  # fmt: skip
    assert fine == "nothing that was seen says which step failed"


def test_what_never_helped_in_a_campaign_is_not_tried_any_more() -> None:
    def after(helped: int, ended: int) -> Decision | str:
        failed = Synthesis((ETHER,), (Seen(mass_yield=0.02, no_product=True),))
        record = {Fault.NO_CONVERSION: (helped, ended), Fault.NOT_PARTED: (0, 9)}
        return decide([failed], below=0.1, minimum_purity=0.9, hottest=HOT, largest=LARGE, seed=0, record=record)

    assert isinstance(after(0, 0), Decision)
    assert isinstance(after(1, 2), Decision)
    assert after(0, 2) == "of 2 earlier attempts after the same fault (no conversion) none helped"


def test_the_rule_is_the_mean_of_the_model_and_results_correct_it() -> None:
    space = rescue_space(ETHER)
    own, encoding = own_setting(ETHER), Encoding(space)
    settings = settings_of(space)
    codes = encoding.encode(settings)
    rule = [gain(space, own, s, Fault.NO_CONVERSION) for s in settings]
    at = settings.index(own)
    quiet = Guided(
        lambda some: [gain(space, own, s, Fault.NO_CONVERSION) for s in some],
        encoding,
        codes[[at]],
        encoding.encode([own])[:, 0] * 0.0,
    )
    assert isinstance(quiet, Posterior)
    mean, variance = quiet.marginal(codes)
    assert mean.shape == variance.shape == (1, len(settings))
    assert mean[0] == pytest.approx(rule)
    best = max(range(len(settings)), key=lambda i: rule[i])
    worse = quiet.extended(codes[[best]], mean[0, [best]] - 3.0)
    assert worse.marginal(codes[[best]])[0][0, 0] == pytest.approx(mean[0, best] - 3.0, abs=1e-3)
    assert worse.marginal(codes[[best]])[1][0, 0] < 1e-6
    far, near = worse.marginal(codes[[at]])[0][0, 0], mean[0, at]
    assert far < near, "a disappointment speaks against what is near it as well"
    joint_mean, joint = quiet.joint(codes[:5])
    assert joint_mean[0] == pytest.approx(mean[0, :5])
    assert joint[0].diagonal() == pytest.approx(variance[0, :5])


def test_solvents_are_of_the_same_nature_and_none_that_is_poisonous_is_brought_in() -> None:
    for first in ALL.values():
        for parameter in rescue_space(first).parameters:
            if isinstance(parameter, Category) and parameter.name == "solvent":
                names = [o.name for o in parameter.options]
                assert len(names) <= 4
                own = solvent_of(first)
                assert own is not None
                assert names[0] == own.name
                assert not {"benzene", "carbon tetrachloride", "chloroform", "N-methylpyrrolidone"} & set(names[1:])
