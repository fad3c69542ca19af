"""How long proofs take, whether they are right, and whether molecules come back as the groups they were made of.

    python -m benchmarks.design_camd                       # everything; about five minutes of one core
    python -m benchmarks.design_camd --groups 20 --best 50 --brute 0
    python -m benchmarks.design_camd --groups "" --brute 4

Three parts: seconds to the proven optimum and to the N best by the most groups a molecule may have (from 12 on also
by the groups that it must have), with every group of the table allowed; the five best of several problems of at most 6
groups against plain enumeration of all group vectors; and all molecules of the N best vectors cut into groups again.
Seconds are of the process's own CPU time, on one thread.
The last line on stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.design_camd_enumeration import vectors
from planners.design.camd.component import Vector
from planners.design.camd.decode import Decoded, decode
from planners.design.camd.groups import GROUPS, group_counts
from planners.design.camd.model import Programme, Status
from planners.design.camd.structure import Structure, structure
from planners.design.camd.wanted import Aim, Limit, Wanted
from planners.design.space import DesignSpace

_INF = math.inf
_COMPARED = 5
_CLOSE = 1e-6  # of the logarithm of the score: SCIP's own tolerance
_NMP = (18.0, 12.3, 7.2)
_ALL = DesignSpace(
    preset="any", elements=("C", "H", "N", "O", "S", "F", "Cl"), min_heavy_atoms=2, max_heavy_atoms=30, max_rings=2
)
_SMALL = DesignSpace(
    preset="any", elements=("C", "H", "N", "O"), min_heavy_atoms=2, max_heavy_atoms=14, max_rings=1, max_ring_size=7
)

SOLVENT = Wanted(
    (
        Aim("hansen_distance", "minimise", 12.0, 0.0, 1.0, "near NMP", _NMP),
        Aim("viscosity", "minimise", 5.0, 0.0, 1.0, "thin"),
    ),
    (
        Limit("boiling_point", 423.0, 503.0, 0.0, "boils high"),
        Limit("melting_point", -_INF, 298.15, 0.0, "liquid"),
        Limit("flash_point", 333.0, _INF, 0.0, "does not flash"),
    ),
)
# For molecules that have that many groups, not up to that many: nothing so large is a solvent.
LARGE = Wanted(
    (
        Aim("hansen_distance", "minimise", 12.0, 0.0, 1.0, "near NMP", _NMP),
        Aim("viscosity", "minimise", 50.0, 0.0, 1.0, "not thick"),
    ),
    (
        Limit("boiling_point", 500.0, 700.0, 0.0, "boils high"),
        Limit("melting_point", -_INF, 350.0, 0.0, "melts low"),
        Limit("flash_point", 373.0, _INF, 0.0, "does not flash"),
    ),
)
_LARGE_FROM = 12
# Each way in which the model states a property: sums, curves of sums, shares, products and powers.
SMALL: dict[str, Wanted] = {
    "solvent": SOLVENT,
    "boiling target": Wanted((Aim("boiling_point", "target", 350.0, 400.0, 1.0, "Tb"),), ()),
    "lightest liquid": Wanted(
        (Aim("molar_mass", "minimise", 200.0, 0.0, 1.0, "M"),), (Limit("boiling_point", 450.0, _INF, 0.0, "Tb"),)
    ),
    "polar": Wanted(
        (
            Aim("hansen_polar", "maximise", 0.0, 30.0, 2.0, "P"),
            Aim("hansen_hydrogen", "minimise", 25.0, 0.0, 1.0, "H"),
        ),
        (Limit("viscosity", -_INF, 1.5, 0.0, "thin"),),
    ),
    "soft": Wanted(
        (Aim("logp", "target", 4.0, 1.0, 1.0, "logP"), Aim("flash_point", "maximise", 250.0, 450.0, 1.0, "flash")),
        (Limit("melting_point", -_INF, 240.0, 15.0, "melts low"), Limit("molar_volume", 90.0, 120.0, 0.0, "volume")),
    ),
    "critical": Wanted(
        (Aim("critical_temperature", "target", 500.0, 620.0, 1.0, "Tc"),),
        (Limit("enthalpy_of_vaporization", 35.0, 45.0, 0.0, "Hvap"),),
    ),
    "Hildebrand": Wanted(
        (Aim("solubility_parameter", "target", 15.0, 22.0, 1.0, "delta"),), (Limit("logp", -1.0, 2.0, 0.0, "logP"),)
    ),
}


def proofs(most_groups: int, best: int, seed: int, *, exactly: bool = False) -> tuple[dict[str, Any], list[Vector]]:
    """CPU seconds to the optimum and to the `best` best vectors, all groups of the table allowed."""
    described = structure(_ALL, most_groups=most_groups, least_groups=most_groups if exactly else 2)
    programme = Programme(described, LARGE if exactly else SOLVENT, seed=seed)
    begun = time.process_time()
    seconds, found, proven, gap = [], [], True, 0.0
    for _ in range(best):
        solution = programme.best()
        if solution is None:
            break
        seconds.append(time.process_time() - begun)
        proven = proven and solution.status is Status.OPTIMAL
        gap = max(gap, solution.gap)
        found.append(solution.vector)
        programme.rule_out(solution.vector)
    report = {
        "most_groups": most_groups,
        "least_groups": most_groups if exactly else 2,
        "group_types": len(programme.structure.numbers),
        "cpu_seconds_optimum": round(seconds[0], 2) if seconds else None,
        "cpu_seconds_all": round(seconds[-1], 2) if seconds else None,
        "vectors": len(found),
        "proven": proven,
        "largest_gap": float(f"{gap:.2g}"),
    }
    return report, found


def against_enumeration(most_groups: int, seed: int) -> dict[str, Any]:
    """The best vectors of every small problem, by SCIP and by scoring every vector that there is."""
    everything = structure(_SMALL, most_groups=most_groups)
    candidates = vectors(everything.numbers, most_groups, _SMALL)
    counts = candidates.astype(np.float64)
    agreed, compared, problems = 0, 0, {}
    for name, wanted in SMALL.items():
        scores = wanted.log_scores(counts)
        order = np.argsort(-scores, kind="stable")[:_COMPARED]
        expected = scores[order][np.isfinite(scores[order])]
        found = _scores_by_scip(everything, wanted, len(expected) or 1, seed)
        same = len(found) == len(expected) and bool(np.all(np.abs(found - expected) <= _CLOSE))
        worst = float(np.abs(found - expected).max()) if len(found) == len(expected) and len(found) else None
        problems[name] = {"agreed": same, "vectors": len(expected), "largest_difference": worst}
        agreed += same
        compared += 1
    return {
        "most_groups": most_groups,
        "vectors_enumerated": len(candidates),
        "problems": problems,
        "agreed": agreed,
        "of": compared,
    }


def _scores_by_scip(everything: Structure, wanted: Wanted, n: int, seed: int) -> np.ndarray:
    programme = Programme(everything, wanted, seed=seed)
    scores = []
    for _ in range(n):
        solution = programme.best()
        if solution is None:
            break
        scores.append(solution.score)
        programme.rule_out(solution.vector)
    return np.array(scores)


def round_trip(found: list[Vector]) -> dict[str, Any]:
    """Every molecule of every vector, cut again: how many come back as their vector."""
    begun = time.process_time()
    decoded: list[tuple[Vector, Decoded]] = [(vector, decode(vector)) for vector in found]
    seconds = time.process_time() - begun
    molecules = [(vector, smiles) for vector, one in decoded for smiles in one.smiles]
    same = sum(group_counts(smiles) == _named(vector) for vector, smiles in molecules)
    return {
        "vectors": len(decoded),
        "vectors_with_molecules": sum(bool(one.smiles) for _, one in decoded),
        "vectors_decoded_completely": sum(one.complete for _, one in decoded),
        "molecules": len(molecules),
        "consistent": same,
        "consistent_share": round(same / len(molecules), 6) if molecules else None,
        "stopped_at_the_gate": sum(one.unfaithful for _, one in decoded),
        "cpu_seconds": round(seconds, 2),
    }


def _named(vector: Vector) -> dict[str, int]:
    return {GROUPS[i].name: n for i, n in enumerate(vector) if n}


def _tell(one: dict[str, Any]) -> None:
    print(
        f"{one['least_groups']} to {one['most_groups']} groups of {one['group_types']} types: optimum in "
        f"{one['cpu_seconds_optimum']} s, {one['vectors']} best in {one['cpu_seconds_all']} s, "
        f"all proven: {one['proven']}",
        file=sys.stderr,
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default="5,8,12,16,20", help="most groups of a molecule, several with commas")
    parser.add_argument("--best", type=int, default=50, help="vectors asked of each")
    parser.add_argument("--brute", type=int, default=6, help="compare with enumeration from 2 to this many; 0: do not")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    report: dict[str, Any] = {
        **machine.described(),
        "pyscipopt": version("pyscipopt"),
        "seed": given.seed,
        "proofs": [],
        "enumeration": [],
    }
    found: dict[Vector, None] = {}
    for most_groups in [int(text) for text in given.groups.split(",") if text]:
        for exactly in (False, True) if most_groups >= _LARGE_FROM else (False,):
            one, some = proofs(most_groups, given.best, given.seed, exactly=exactly)
            found.update(dict.fromkeys(some))
            report["proofs"].append(one)
            _tell(one)
    for most_groups in range(2, given.brute + 1):
        checked = against_enumeration(most_groups, given.seed)
        report["enumeration"].append(checked)
        print(
            f"enumeration up to {most_groups} groups ({checked['vectors_enumerated']} vectors): "
            f"{checked['agreed']} of {checked['of']} problems agree",
            file=sys.stderr,
        )
    if found:
        report["round_trip"] = round_trip(list(found))
        print(f"round trip: {report['round_trip']}", file=sys.stderr)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
