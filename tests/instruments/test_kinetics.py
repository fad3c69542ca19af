"""Invariants of the world's chemistry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.simulation import kinetics
from instruments.simulation.reaction_classes import family_of
from instruments.simulation.sample import Contents, Stage, molar_mass

ACID, ALCOHOL, ESTER = "CC(=O)O", "CCCCCCO", "CCCCCCOC(C)=O"


def vessel(acid: float, alcohol: float) -> Contents:
    return Contents().with_added(ACID, acid, molar_mass(ACID)).with_added(ALCOHOL, alcohol, molar_mass(ALCOHOL))


def reaction(name: str = "fischer_esterification") -> kinetics.Reaction:
    return kinetics.Reaction(product=ESTER, reaction_class=name, reactants={ACID: 1, ALCOHOL: 1})


def conditions(kelvin: float = 354.0, hours: float = 8.0, litres: float = 0.2) -> kinetics.Conditions:
    return kinetics.Conditions(temperature_k=kelvin, duration_s=hours * 3600.0, volume_l=litres)


@settings(max_examples=60, deadline=None)
@given(
    acid=st.floats(1e-3, 2.0),
    alcohol=st.floats(1e-3, 2.0),
    kelvin=st.floats(200.0, 560.0),
    hours=st.floats(0.05, 150.0),
    litres=st.floats(0.01, 2.0),
    name=st.sampled_from(["fischer_esterification", "williamson_ether", "grignard_addition", "something new"]),
    seed=st.integers(0, 40),
)
def test_mass_is_conserved_and_yield_stays_between_0_and_1(
    acid: float, alcohol: float, kelvin: float, hours: float, litres: float, name: str, seed: int
) -> None:
    before = vessel(acid, alcohol)
    after = kinetics.react(before, reaction(name), conditions(kelvin, hours, litres), [], seed, 0.12)
    assert after.grams == pytest.approx(before.grams, rel=1e-6)
    assert all(portion.mol >= 0.0 for portion in after.species.values())
    made = after.mol(ESTER) / min(acid, alcohol)
    assert 0.0 <= made <= 1.0 + 1e-9
    assert after.theoretical == pytest.approx(min(acid, alcohol))
    assert after.stage is Stage.REACTED


def test_longer_and_warmer_gives_more_until_side_reactions_win() -> None:
    def made(kelvin: float, hours: float) -> float:
        return kinetics.react(vessel(0.2, 0.3), reaction(), conditions(kelvin, hours), [], 3, 0.0).mol(ESTER)

    assert made(354.0, 0.2) < made(354.0, 1.0) < made(354.0, 6.0)
    assert made(300.0, 2.0) < made(354.0, 2.0)
    assert made(560.0, 150.0) < made(354.0, 8.0)


def test_excess_helps() -> None:
    plain = kinetics.react(vessel(0.2, 0.2), reaction(), conditions(hours=2.0), [], 3, 0.0).mol(ESTER)
    excess = kinetics.react(vessel(0.2, 0.4), reaction(), conditions(hours=2.0), [], 3, 0.0).mol(ESTER)
    assert excess > plain


def test_failures_are_as_frequent_as_asked_and_yield_little() -> None:
    failing = [seed for seed in range(400) if kinetics.fails(reaction(), seed, 0.12)]
    assert 0.07 * 400 < len(failing) < 0.17 * 400
    for seed in failing[:8]:
        assert kinetics.react(vessel(0.2, 0.26), reaction(), conditions(), [], seed, 0.12).mol(ESTER) < 0.15 * 0.2
    working = [seed for seed in range(40) if seed not in failing]
    yields = sorted(
        kinetics.react(vessel(0.2, 0.26), reaction(), conditions(), [], seed, 0.12).mol(ESTER) / 0.2 for seed in working
    )
    assert yields[len(yields) // 2] > 0.7


def test_the_same_reaction_in_the_same_world_gives_the_same(tmp_path: object) -> None:
    first, second = (kinetics.react(vessel(0.2, 0.26), reaction(), conditions(), [], 7, 0.12) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "product, reactants, reagents, expected",
    [
        (ESTER, [ACID, ALCOHOL], [], {ACID: 1, ALCOHOL: 1}),
        ("COC(=O)CCC(=O)OC", ["OC(=O)CCC(=O)O", "CO"], [], {"OC(=O)CCC(=O)O": 1, "CO": 2}),
        ("CCCCOCCCC", ["CCCCO"], [], {"CCCCO": 2}),
        ("CCC(C)O", ["CCC(C)=O"], ["[H][H]"], {"CCC(C)=O": 1}),
        ("OCC(O)CO", ["C=CCO"], ["OO"], {"C=CCO": 1}),
    ],
)
def test_stoichiometry_is_read_off_the_atoms(
    product: str, reactants: list[str], reagents: list[str], expected: dict[str, int]
) -> None:
    assert kinetics.stoichiometry(product, reactants, reagents) == expected


def test_unknown_class_gets_the_generic_family() -> None:
    assert family_of("no such thing").name == "generic"
    assert family_of("epoxide_opening_amine").name != family_of("alcohol_oxidation_ketone").name
