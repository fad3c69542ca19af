"""The programme against plain enumeration, its limits and locks, and what it says when nothing is possible."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
import pytest

from planners.design.camd.component import Vector, counts_of
from planners.design.camd.conflict import conflict, told
from planners.design.camd.contributions import vector
from planners.design.camd.decode import decode
from planners.design.camd.groups import GROUPS, NAMES, chosen
from planners.design.camd.model import Programme, Solution, Status
from planners.design.camd.properties import PROPERTIES, evaluated
from planners.design.camd.structure import structure
from planners.design.camd.wanted import Aim, Limit, Wanted
from planners.design.generator import CannotServe
from planners.design.space import DesignSpace

SPACE = DesignSpace(preset="any", elements=("C", "H", "N", "O"), min_heavy_atoms=2, max_heavy_atoms=12, max_rings=1)
SOME = ("ch3", "ch2", "ch", "alcohol", "ether", "ester", "ketone", "nitrile")
MOST = 5
NMP = (18.0, 12.3, 7.2)

WISHES = {
    "share and exponential": Wanted(
        (
            Aim("hansen_distance", "minimise", 15.0, 0.0, 2.0, "near", NMP),
            Aim("viscosity", "minimise", 6.0, 0.0, 1.0, "thin"),
        ),
        (Limit("boiling_point", 370.0, 470.0, 0.0, "Tb"), Limit("melting_point", -math.inf, 260.0, 20.0, "soft Tm")),
    ),
    "logarithm to a target": Wanted((Aim("boiling_point", "target", 340.0, 421.0, 1.0, "Tb"),), ()),
    "products": Wanted(
        (Aim("critical_temperature", "target", 400.0, 600.0, 1.0, "Tc"),),
        (Limit("enthalpy_of_vaporization", 40.0, 50.0, 0.0, "Hvap"),),
    ),
    "norm": Wanted(
        (Aim("solubility_parameter", "maximise", 15.0, 40.0, 1.0, "d"),), (Limit("logp", 0.0, 1.0, 0.0, "P"),)
    ),
}


def _all_vectors() -> list[Vector]:
    """Every vector of 2 to 5 of some groups that is at least one molecule, found by trying to build it."""
    numbers = [NAMES.index(name) for name in SOME]
    found = []
    for size in range(2, MOST + 1):
        for picked in combinations_with_replacement(numbers, size):
            made = tuple(picked.count(i) for i in range(len(GROUPS)))
            ports = sum(n * len(g.ports) for n, g in zip(made, GROUPS, strict=True))
            if ports == 2 * (size - 1) and decode(made).smiles:
                found.append(made)
    return found


@pytest.fixture(scope="module")
def everything() -> list[Vector]:
    return _all_vectors()


def _best_with_molecules(programme: Programme, n: int) -> list[Solution]:
    found: list[Solution] = []
    while len(found) < n:
        solution = programme.best()
        assert solution is not None
        assert solution.status is Status.OPTIMAL
        assert solution.gap < 1e-5
        programme.rule_out(solution.vector)
        if decode(solution.vector).smiles:
            found.append(solution)
    return found


@pytest.mark.parametrize("name", WISHES)
def test_the_best_are_those_of_enumeration(name: str, everything: list[Vector]) -> None:
    wanted = WISHES[name]
    scores = wanted.log_scores(np.array(everything, dtype=np.float64))
    heavy = np.array(everything) @ np.array([g.heavy_atoms for g in GROUPS])
    scores = np.sort(scores[(heavy >= 2) & (heavy <= 12)])[::-1]
    programme = Programme(structure(SPACE, groups=chosen(SOME), most_groups=MOST), wanted)
    found = _best_with_molecules(programme, 3)
    assert [s.score for s in found] == pytest.approx(scores[:3].tolist(), abs=1e-6)
    assert len({s.vector for s in found}) == 3


def test_nothing_is_left_after_everything_was_ruled_out() -> None:
    wanted = Wanted((Aim("boiling_point", "maximise", 100.0, 600.0, 1.0, "Tb"),), ())
    programme = Programme(structure(SPACE, groups=chosen(("ch3", "ch2")), most_groups=5), wanted)
    sizes = []
    while (solution := programme.best()) is not None:
        sizes.append(sum(solution.vector))
        programme.rule_out(solution.vector)
    assert sizes == [5, 4, 3, 2]


def test_a_locked_fragment_is_in_the_counts() -> None:
    space = SPACE.model_copy(update={"locked": ("c1ccccc1", "C#N")})
    wanted = Wanted((Aim("molar_mass", "minimise", 300.0, 0.0, 1.0, "M"),), ())
    solution = Programme(structure(space), wanted).best()
    assert solution is not None
    assert counts_of(solution.vector) == {"nitrile": 1, "aromatic_ch": 5, "aromatic_c": 1}
    assert decode(solution.vector).smiles == ("N#Cc1ccccc1",)


@pytest.mark.parametrize("lock", ["c1ccc2ccccc2c1", "C1CC1", "C[Si]C"])
def test_a_fragment_that_no_group_holds_is_refused(lock: str) -> None:
    space = SPACE.model_copy(update={"locked": (lock,), "elements": ("C", "H", "Si")})
    with pytest.raises(CannotServe, match="cannot be held"):
        structure(space)


def test_forbidden_groups_are_not_used() -> None:
    space = DesignSpace()
    used = {GROUPS[i].name for i in structure(space).numbers}
    assert not used & {"aldehyde", "acid"}
    assert {"ester", "nh2"} <= used  # an amine is forbidden on sp3 carbon only: anilines stay


def test_a_conflict_is_told_in_words() -> None:
    wanted = Wanted(
        (Aim("hansen_distance", "minimise", 12.0, 0.0, 1.0, "goal near NMP", NMP),),
        (
            Limit("boiling_point", 600.0, math.inf, 0.0, "requirement boiling_point at least 600 K"),
            Limit("molar_mass", -math.inf, 80.0, 0.0, "requirement molar_mass at most 80 g/mol"),
            Limit("melting_point", -math.inf, 500.0, 0.0, "requirement melting_point at most 500 K"),
        ),
    )
    words = conflict(SPACE, wanted)
    assert words == ("requirement boiling_point at least 600 K", "requirement molar_mass at most 80 g/mol")
    assert "any one less could be" in told(words)


def test_the_size_of_the_space_can_be_in_a_conflict() -> None:
    space = SPACE.model_copy(update={"max_heavy_atoms": 4})
    wanted = Wanted((), (Limit("boiling_point", 520.0, math.inf, 0.0, "requirement boiling_point at least 520 K"),))
    assert conflict(space, wanted) == ("space: at most 4 heavy atoms", "requirement boiling_point at least 520 K")


@pytest.mark.parametrize(
    "smiles_counts,expected",
    [
        ({"ch3": 2, "ketone": 1}, {"boiling_point": (329.0, 25.0), "molar_mass": (58.08, 0.01)}),
        (
            {"aromatic_ch": 5, "aromatic_c": 1, "ch3": 1},
            {"boiling_point": (383.8, 30.0), "molar_volume": (106.9, 12.0)},
        ),
        ({"ch3": 2, "ch2": 5}, {"critical_temperature": (540.0, 20.0), "enthalpy_of_vaporization": (36.6, 2.5)}),
        ({"ring_ether": 1, "ring_ch2": 4}, {"hansen_dispersion": (16.8, 1.5), "solubility_parameter": (19.4, 2.5)}),
        ({"ch3": 1, "ch2": 1, "alcohol": 1}, {"hansen_hydrogen": (19.4, 3.5), "logp": (0.0, 0.4)}),
    ],
)
def test_properties_are_near_what_is_measured(
    smiles_counts: dict[str, int], expected: dict[str, tuple[float, float]]
) -> None:
    # Acetone, toluene, heptane, tetrahydrofuran, ethanol; values of the CRC Handbook and of Hansen's book.
    for name, (value, within) in expected.items():
        assert evaluated(name, vector(smiles_counts)[None, :])[0] == pytest.approx(value, abs=within)


def test_every_property_can_be_an_aim() -> None:
    described = structure(SPACE, groups=chosen(SOME), most_groups=4)
    for name in PROPERTIES:
        reference = NMP if name == "hansen_distance" else None
        value = float(evaluated(name, vector({"ch3": 2, "ketone": 1})[None, :], reference)[0])
        aim = Aim(name, "target", value + abs(value) + 1.0, value, 1.0, name, reference)
        solution = Programme(described, Wanted((aim,), ())).best()
        assert solution is not None
        assert solution.score == pytest.approx(0.0, abs=1e-6)
        assert solution.gap < 1e-5
