"""Spaces of settings: counted, gone through, drawn from, and held to their rules."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.records.space import (
    Category,
    Forbidden,
    Linear,
    Listed,
    Number,
    NumberScale,
    OnlyWhen,
    Option,
    Parameter,
    Setting,
    Space,
    SpaceRule,
    Where,
)
from planners.optimize.space.encoding import Encoding
from planners.optimize.space.feasibility import EmptySpace
from planners.optimize.space.grid import Grid

SOLVENT = Category(
    name="solvent",
    options=(Option(name="DMF", smiles="CN(C)C=O"), Option(name="toluene", smiles="Cc1ccccc1"), Option(name="water")),
)
BASE = Category(name="base", options=tuple(Option(name=n) for n in ("none", "K2CO3", "Et3N", "KOtBu")))
TEMPERATURE = Number(name="temperature", unit="degC", levels=(25.0, 60.0, 80.0, 110.0, 140.0))
EQUIVALENTS = Number(name="equivalents", unit="dimensionless", levels=(0.0, 1.0, 1.5, 3.0))
LOADING = Number(name="loading", unit="dimensionless", low=0.001, high=0.1, scale=NumberScale.LOG)
RULES: tuple[SpaceRule, ...] = (
    Forbidden(
        where=(Where(parameter="solvent", options=("water",)), Where(parameter="temperature", minimum=100.0)),
        reason="it boils",
    ),
    Forbidden(where=(Where(parameter="solvent", options=("water",)), Where(parameter="base", options=("KOtBu",)))),
    OnlyWhen(
        parameter="equivalents", where=(Where(parameter="base", options=("K2CO3", "Et3N", "KOtBu")),), otherwise=0
    ),
    Linear(terms={"temperature": 1.0, "equivalents": 20.0}, maximum=150.0, reason="decomposition"),
)
SPACE = Space(parameters=(SOLVENT, BASE, TEMPERATURE, EQUIVALENTS), rules=RULES)


def grid(*parameters: Parameter, rules: tuple[SpaceRule, ...] = ()) -> Grid:
    return Grid(Encoding(Space(parameters=parameters, rules=rules)))


def by_hand(space: Space) -> Iterator[Setting]:
    """Every allowed setting, by the meaning of the rules alone."""
    values = [p.levels if isinstance(p, Number) else [o.name for o in p.options] for p in space.parameters]
    for combination in itertools.product(*values):
        setting: Setting = dict(zip(space.names, combination, strict=True))
        for rule in space.rules:
            if isinstance(rule, Forbidden):
                bad = all(where.holds(setting) for where in rule.where)
            elif isinstance(rule, OnlyWhen):
                bad = not all(w.holds(setting) for w in rule.where) and setting[rule.parameter] != rule.otherwise
            elif isinstance(rule, Listed):
                bad = tuple(setting[name] for name in rule.parameters) not in rule.rows
            else:
                total = sum(factor * float(setting[name]) for name, factor in rule.terms.items())
                low = -np.inf if rule.minimum is None else rule.minimum
                bad = not low - 1e-9 <= total <= (np.inf if rule.maximum is None else rule.maximum) + 1e-9
            if bad:
                break
        else:
            yield setting


def rows(settings: list[Setting]) -> set[tuple[object, ...]]:
    return {tuple(setting.values()) for setting in settings}


def test_the_space_is_what_its_rules_say() -> None:
    encoding = Encoding(SPACE)
    found = Grid(encoding)
    expected = list(by_hand(SPACE))
    everything = [s for chunk in found.chunks(7) for s in encoding.decode(chunk)]
    assert len(everything) == len(expected) == found.size
    assert rows(everything) == rows(expected)
    assert max(len(chunk) for chunk in found.chunks(7)) == 7
    drawn = encoding.decode(found.draw(1000, seed=1))
    assert len(drawn) == len(expected)  # there are no more
    assert rows(drawn) == rows(expected)


PARAMETERS = st.lists(st.integers(1, 4), min_size=2, max_size=4)


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Two to four parameters of up to four options or levels, and up to four rules."""
    parameters: list[Parameter] = []
    for k, count in enumerate(draw(PARAMETERS)):
        if draw(st.booleans()):
            parameters.append(Category(name=f"c{k}", options=tuple(Option(name=f"o{i}") for i in range(count))))
        else:
            parameters.append(Number(name=f"n{k}", unit="K", levels=tuple(float(i * i + 1) for i in range(count))))

    def where(parameter: Parameter) -> Where:
        if isinstance(parameter, Category):
            names = [o.name for o in parameter.options]
            return Where(parameter=parameter.name, options=tuple(draw(st.sets(st.sampled_from(names), min_size=1))))
        return Where(parameter=parameter.name, minimum=draw(st.sampled_from(parameter.levels)))

    rules: list[SpaceRule] = []
    some = st.lists(st.sampled_from(parameters), min_size=1, max_size=3, unique_by=lambda p: p.name)
    for kind in draw(st.lists(st.sampled_from(["forbidden", "linear", "only", "listed"]), max_size=4)):
        chosen = draw(some)
        if kind == "forbidden":
            rules.append(Forbidden(where=tuple(where(p) for p in chosen)))
        elif kind == "linear" and (numbers := [p for p in chosen if isinstance(p, Number)]):
            rules.append(Linear(terms={p.name: draw(st.sampled_from([1.0, -1.0, 2.0])) for p in numbers}, maximum=7.0))
        elif kind == "only" and (others := [p for p in parameters if p.name != chosen[0].name]):
            target = chosen[0]
            otherwise = target.options[-1].name if isinstance(target, Category) else target.levels[0]
            rules.append(OnlyWhen(parameter=target.name, where=(where(others[0]),), otherwise=otherwise))
        elif kind == "listed":
            values = [[o.name for o in p.options] if isinstance(p, Category) else list(p.levels) for p in chosen]
            listed = draw(st.lists(st.sampled_from(list(itertools.product(*values))), min_size=1, max_size=6))
            rules.append(Listed(parameters=tuple(p.name for p in chosen), rows=tuple(listed)))
    return Space(parameters=tuple(parameters), rules=tuple(rules))


@settings(max_examples=120, deadline=None)
@given(spaces(), st.integers(0, 2**31))
def test_any_space_is_counted_drawn_and_searched_as_its_rules_say(space: Space, seed: int) -> None:
    encoding = Encoding(space)
    expected = rows(list(by_hand(space)))
    if not expected:
        with pytest.raises(EmptySpace) as caught:
            Grid(encoding)
        # What it names conflicts, and would not if any of it were left out.
        named = caught.value.rules
        assert not list(by_hand(Space(parameters=space.parameters, rules=named)))
        for rule in named:
            rest = tuple(r for r in named if r is not rule)
            assert list(by_hand(Space(parameters=space.parameters, rules=rest)))
        assert "\n" not in str(caught.value)
        return
    found = Grid(encoding)
    assert found.size == len(expected)
    everything = np.concatenate(list(found.chunks(5)))
    assert rows(encoding.decode(everything)) == expected
    assert len(everything) == len(expected)
    product = np.array(list(itertools.product(*[sorted(set(column)) for column in everything.T])))
    assert int(found.allowed(product).sum()) == len(expected)
    for spread in (False, True):
        drawn = found.draw(4, seed, spread=spread)
        assert len(drawn) == len(np.unique(drawn, axis=0)) == min(4, len(expected))
        assert found.allowed(drawn).all()
    near = found.around(drawn[:2], 5, seed)
    assert found.allowed(near).all()
    assert not rows(encoding.decode(near)) & rows(encoding.decode(drawn[:2]))
    moved = found.normal(np.random.default_rng(seed).uniform(-1, 5, (20, len(space.parameters))))
    assert np.array_equal(found.normal(moved), moved)


def test_every_setting_is_as_likely_as_any_other() -> None:
    found = Grid(Encoding(SPACE))
    counts: dict[bytes, int] = {}
    for seed in range(600):
        for row in found.draw(5, seed):
            counts[row.tobytes()] = counts.get(row.tobytes(), 0) + 1
    assert len(counts) == found.size
    expected = 3000 / len(counts)
    chi = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi < len(counts) + 4.0 * np.sqrt(2.0 * len(counts))


def test_a_million_settings_in_seconds_and_little_memory() -> None:
    def many(name: str, count: int) -> Category:
        return Category(name=name, options=tuple(Option(name=f"{name} {i}") for i in range(count)))

    space = Space(
        parameters=(many("ligand", 50), many("solvent", 40), many("base", 20), TEMPERATURE, EQUIVALENTS),
        rules=(
            Linear(terms={"temperature": 1.0, "equivalents": 20.0}, maximum=150.0),
            Forbidden(
                where=(
                    Where(parameter="ligand", options=("ligand 1",)),
                    Where(parameter="solvent", options=("solvent 3",)),
                )
            ),
            OnlyWhen(
                parameter="equivalents",
                where=(Where(parameter="base", options=tuple(f"base {i}" for i in range(19))),),
                otherwise=0.0,
            ),
        ),
    )
    began = time.process_time()
    found = Grid(Encoding(space))
    sizes = [len(chunk) for chunk in found.chunks(50_000)]
    # (2000 - 1 pairs) x (pairs of temperature and equivalents: 17 of 20 with a base, 5 at 0 without)
    numbers = [t + 20.0 * e <= 150.0 for t in TEMPERATURE.levels for e in EQUIVALENTS.levels]
    assert found.size == sum(sizes) == 1999 * (19 * sum(numbers) + 5)
    assert max(sizes) == 50_000
    assert time.process_time() - began < 10.0
    assert len(found.draw(100, 0, spread=True)) == 100


def test_a_space_too_large_to_hold_is_drawn_from_all_the_same() -> None:
    molecules = Category(name="molecule", options=tuple(Option(name=f"m{i}") for i in range(20_000)))
    parameters = [molecules, *(Number(name=f"x{k}", unit="K", levels=tuple(map(float, range(1000)))) for k in range(6))]
    found = grid(*parameters)
    assert found.size == 20_000 * 1000**6
    first = next(found.chunks(3))
    assert first[:, -1].tolist() == pytest.approx([0.0, 1 / 999, 2 / 999])
    drawn = found.draw(50, 3)
    assert len(np.unique(drawn, axis=0)) == 50
    tied = grid(*parameters, rules=(Linear(terms={f"x{k}": 1.0 for k in range(6)}, minimum=700.0, maximum=700.0),))
    assert tied.size is None
    drawn = tied.draw(20, 3)
    assert len(np.unique(drawn, axis=0)) == 20
    assert tied.allowed(drawn).all()


def test_a_spread_start_is_balanced() -> None:
    encoding = Encoding(Space(parameters=(SOLVENT, BASE, TEMPERATURE, LOADING)))
    drawn = Grid(encoding).draw(12, 5, spread=True)
    assert sorted(np.unique(drawn[:, 0], return_counts=True)[1].tolist()) == [4, 4, 4]
    assert sorted(np.unique(drawn[:, 1], return_counts=True)[1].tolist()) == [3, 3, 3, 3]
    assert sorted(np.unique(drawn[:, 2], return_counts=True)[1].tolist()) == [2, 2, 2, 3, 3]
    assert drawn[:, 3].min() < 0.2
    assert drawn[:, 3].max() > 0.8
    assert np.array_equal(drawn, Grid(encoding).draw(12, 5, spread=True))
    assert not np.array_equal(drawn, Grid(encoding).draw(12, 6, spread=True))


def mixture(*rules: SpaceRule) -> Grid:
    shares = [Number(name=name, unit="dimensionless", low=0.0, high=1.0) for name in "abcd"]
    return grid(SOLVENT, *shares, rules=(Linear(terms=dict.fromkeys("abcd", 1.0), minimum=1.0, maximum=1.0), *rules))


def test_an_exact_sum_of_continuous_numbers() -> None:
    found = mixture(Linear(terms={"a": 1.0, "b": -2.0}, maximum=-0.2))
    assert found.size is None
    with pytest.raises(ValueError, match="continuous"):
        next(found.chunks(10))
    for drawn in (found.draw(100, 1), found.draw(20, 1, spread=True), found.around(found.draw(5, 1), 50, 1)):
        assert len(drawn) in {100, 20, 50}
        assert drawn[:, 1:].sum(axis=1) == pytest.approx(1.0, abs=1e-5)
        assert (drawn[:, 1] - 2.0 * drawn[:, 2] <= -0.2 + 1e-5).all()
        assert found.allowed(drawn).all()


def test_a_needle_is_found_and_a_proof_is_given_where_there_is_none() -> None:
    needle = Linear(terms={"a": 1.0, "b": 1.0}, minimum=1.9999)
    numbers = [Number(name=name, unit="K", low=0.0, high=1.0) for name in "abc"]
    lone = Forbidden(where=(Where(parameter="c", minimum=0.001),))
    also = OnlyWhen(parameter="a", where=(Where(parameter="c", minimum=0.0005),), otherwise=1.0)
    drawn = grid(*numbers, rules=(needle, lone, also)).draw(3, 0)
    assert (drawn[:, 0] + drawn[:, 1] >= 1.9998).all()
    assert (drawn[:, 2] < 0.001).all()
    with pytest.raises(EmptySpace) as caught:
        mixture(
            Forbidden(where=(Where(parameter="solvent", options=("DMF",)),)),
            Linear(terms={"a": 1.0}, maximum=0.25, reason="solubility"),
            Linear(terms={"b": 1.0, "c": 1.0, "d": 1.0}, maximum=0.7),
        )
    assert str(caught.value) == (
        "no setting is allowed: these rules conflict: '1 <= a + b + c + d <= 1' and 'a <= 0.25 (solubility)' "
        "and 'b + c + d <= 0.7'"
    )


def test_a_rule_that_leaves_nothing_is_named_alone() -> None:
    everything = Forbidden(where=(Where(parameter="base", options=tuple(o.name for o in BASE.options)),))
    with pytest.raises(
        EmptySpace, match="the rule 'not where base is none or K2CO3 or Et3N or 1 others' leaves nothing"
    ):
        Grid(Encoding(SPACE.with_rules(everything)))


def test_one_point_is_a_space() -> None:
    encoding = Encoding(
        Space(
            parameters=(
                Category(name="base", options=(Option(name="K2CO3"),)),
                Number(name="T", unit="degC", low=80, high=80),
            )
        )
    )
    found = Grid(encoding)
    assert found.size == 1
    assert encoding.decode(found.draw(5, 0)) == [{"base": "K2CO3", "T": 80.0}]
    assert len(found.draw(5, 0, spread=True)) == 1
    assert len(found.around(found.draw(1, 0), 5, 0)) == 0
    assert [len(chunk) for chunk in found.chunks(10)] == [1]


def test_neighbours_differ_by_little() -> None:
    encoding = Encoding(Space(parameters=(SOLVENT, BASE, TEMPERATURE, LOADING)))
    found = Grid(encoding)
    one = found.draw(1, 0)
    near = found.around(one, 200, 0)
    changes = (near != one).sum(axis=1)
    assert set(changes.tolist()) == {1, 2}
    assert (changes == 1).mean() > 0.4
    assert len(np.unique(near, axis=0)) == 200


def test_wishes_enter_as_rules() -> None:
    wish = Forbidden(where=(Where(parameter="solvent", options=("DMF", "toluene")),), reason="no organic solvents")
    wished = SPACE.with_rules(wish)
    assert wished.rules == (*SPACE.rules, wish)
    assert Space.from_canonical(wished.canonical()) == wished
    assert {s["solvent"] for s in Encoding(wished).decode(Grid(Encoding(wished)).draw(500, 0))} == {"water"}
    with pytest.raises(ValueError, match="there is no parameter 'pressure'"):
        SPACE.with_rules(Linear(terms={"pressure": 1.0}, maximum=3.0))
    with pytest.raises(ValueError, match="'solvent' has no option 'ether'"):
        SPACE.with_rules(Listed(parameters=("solvent",), rows=(("ether",),)))


def test_what_is_no_setting_is_not_allowed() -> None:
    found = grid(SOLVENT, TEMPERATURE, LOADING)
    good = [1.0, 0.0, 0.5]
    for column, code in ((0, 1.5), (0, 3.0), (0, -1.0), (1, 0.1), (2, 1.1), (2, np.nan), (1, np.inf)):
        bad = list(good)
        bad[column] = code
        assert found.allowed(np.array([good, bad])).tolist() == [True, False]
    with pytest.raises(ValueError, match="needs levels of 'loading'"):
        Space(parameters=(LOADING,), rules=(Listed(parameters=("loading",), rows=((0.01,),)),))


def test_numbers_are_read_with_their_units() -> None:
    number = Number.model_validate({"name": "temperature", "low": "30 degC", "high": "373.15 K"})
    assert (number.unit, number.low, number.high) == ("degC", 30.0, 100.0)
    number = Number.model_validate({"name": "volume", "unit": "mL", "levels": ["50 uL", 0.1, "0.2 mL"]})
    assert number.levels == (0.05, 0.1, 0.2)
    for low, message in (("warm", "'warm' is not a quantity"), ("20 warmth", "unknown unit 'warmth'")):
        with pytest.raises(ValueError, match=message):
            Number.model_validate({"name": "temperature", "unit": "degC", "low": low, "high": 100.0})
    with pytest.raises(ValueError, match="does not fit"):
        Number.model_validate({"name": "volume", "unit": "mL", "low": "3 kg", "high": 4.0})
