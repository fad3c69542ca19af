"""Which molecules of a pool to make next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from knowledge.records.base import Record
from knowledge.records.molecule import Molecule
from knowledge.records.objective import Constraint, Objective
from knowledge.records.quantity import Estimate
from planners.optimize.funnel import LARGE, finalists
from planners.optimize.glance import Glances
from planners.optimize.goals import Observation, needed_properties, utilities
from planners.optimize.outlook import Outlook
from planners.optimize.surrogates import Surrogates
from planners.optimize.threads import blas_threads, torch_threads

Rule = Literal["auto", "random"]

MANY = 100  # molecules measured or pending; of more, only those on a possible front are improved upon
_LEAST_CHANCE = 1e-6


class Selection(Record):
    """One chosen molecule, as spelled in the pool.

    `acquisition`: natural logarithm of the expected (hypervolume) improvement at the moment of its choice, times its
    chance to be made, None under the random rule; `feasibility`: probability that it can be made and all constraints
    hold; `predicted`: by property name, derived objectives included.
    """

    smiles: str
    acquisition: float | None
    feasibility: float
    predicted: dict[str, Estimate]


def select(
    surrogates: Surrogates,
    pool: Sequence[str],
    *,
    observed: Sequence[Observation],
    pending: Sequence[str],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    q: int,
    seed: int,
    limited: frozenset[str] = frozenset(),
    limit: int | None = None,
    chances: Mapping[str, float] | None = None,
    rule: Rule = "auto",
    threads: int | None = None,
    processes: int = 1,
    glances: Sequence[Glances] | None = None,
) -> list[Selection]:
    """At most `q` different molecules of `pool`, best first; fewer when no more may be chosen.

    Auto: sequential greedy qLogNEHVI (one objective: qLogNEI) over the pool, conditioned on what was observed, is
    pending and was already chosen; constraints weigh by their probability, and `chances` (by SMILES as in the pool, 1
    where nothing is said) by that of the synthesis to succeed. Random: uniform. Both obey `limit`, the
    number of `limited` molecules (by SMILES) that this batch may hold (None: any number), and never choose an observed
    or pending molecule, however it is spelled.

    `surrogates` must have been fitted with the observations among their facts. An observation without all objective
    values (a failed synthesis) only blocks its molecule. The order of `pool` and repeated entries do not matter. The
    same arguments give the same batch. Of a pool of more than `LARGE` molecules only the finalists of `funnel` reach
    the acquisition function; `processes` read the pool, unless there are `glances` at it from an earlier batch: of each
    SMILES once, in their order. Raises InvalidMolecule, MissingSurrogate, ValueError for q < 0, limit < 0 or no
    objective.
    """
    if q < 0 or (limit is not None and limit < 0):
        raise ValueError(f"q and limit must not be negative, got q={q}, limit={limit}")
    if not objectives:
        raise ValueError("there is no objective to choose by")
    properties = needed_properties(objectives, constraints)
    for name in properties:
        surrogates[name]
    blocked = frozenset({_key(o.smiles) for o in observed} | {_key(s) for s in pending})
    scarce = frozenset(_key(s) for s in limited) if limit is not None else frozenset()
    spelled = sorted(set(pool))

    def sieved(out: frozenset[str]) -> dict[str, str]:
        with blas_threads(threads):
            return finalists(
                surrogates,
                spelled,
                objectives=objectives,
                constraints=constraints,
                observed=observed,
                blocked=out,
                seed=seed,
                processes=processes,
                parts=glances,
            )

    candidates: dict[str, str] = {}
    if len(spelled) <= LARGE or rule == "random":
        for smiles in spelled:
            key = _key(smiles)
            if key not in blocked:
                candidates.setdefault(key, smiles)
    else:
        # What is free to choose must not be crowded out by what is limited.
        candidates = sieved(blocked | scarce)
        if scarce and limit:
            candidates |= sieved(blocked)
    if not candidates or q == 0:
        return []
    keys = sorted(candidates)
    allowance = len(keys) if limit is None else limit
    if rule == "random":
        chosen = _random(keys, scarce, allowance, q, seed)
    else:
        with torch_threads(threads):
            done = [o.smiles for o in observed if utilities(o.values, objectives) is not None]
            chosen = _greedy(
                surrogates,
                keys,
                candidates,
                [*done, *pending],
                scarce,
                allowance,
                q,
                seed,
                properties,
                objectives,
                constraints,
                {k: chances[s] for k, s in candidates.items() if s in chances} if chances else {},
            )
    with blas_threads(threads):
        outlook = Outlook.of(surrogates, [_canonical(candidates[k]) for k, _ in chosen], objectives, constraints)
    return [
        Selection(
            smiles=candidates[key],
            acquisition=value,
            feasibility=float(outlook.feasibility[i]) * (chances or {}).get(candidates[key], 1.0),
            predicted=outlook.estimates(i),
        )
        for i, (key, value) in enumerate(chosen)
    ]


def _greedy(
    surrogates: Surrogates,
    keys: Sequence[str],
    candidates: dict[str, str],
    baseline_smiles: Sequence[str],
    scarce: frozenset[str],
    allowance: int,
    q: int,
    seed: int,
    properties: Sequence[str],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    chances: Mapping[str, float],
) -> list[tuple[str, float | None]]:
    import torch

    from planners.optimize.acquisition import Goals, build, evaluate, relevant
    from planners.optimize.pool_model import PoolModel

    # Sorted by key: neither the order of the pool nor that of the observations can change a base sample.
    before = {_key(s): _canonical(s) for s in baseline_smiles}
    order = [*sorted(before), *keys]
    smiles = [before[k] if k in before else _canonical(candidates[k]) for k in order]
    baseline = list(range(len(before)))
    open_ = list(range(len(before), len(order)))
    chosen: list[tuple[str, float | None]] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PoolModel(surrogates, smiles, properties)
        goals = Goals(model, properties, objectives, constraints)
        if len(baseline) > MANY:
            baseline = relevant(model, goals, baseline, seed=seed)
        while len(chosen) < q:
            allowed = [i for i in open_ if allowance > 0 or order[i] not in scarce]
            if not allowed:
                break
            function = build(model, goals, objectives=len(objectives), baseline=baseline, seed=seed)
            values = [
                value + math.log(max(chances.get(order[i], 1.0), _LEAST_CHANCE))
                for i, value in zip(allowed, evaluate(function, allowed), strict=True)
            ]
            best = allowed[int(np.argmax(values))]
            value = float(np.max(values))
            chosen.append((order[best], value if np.isfinite(value) else None))
            allowance -= order[best] in scarce
            baseline.append(best)
            open_.remove(best)
    return chosen


def _random(
    keys: Sequence[str], scarce: frozenset[str], allowance: int, q: int, seed: int
) -> list[tuple[str, float | None]]:
    chosen: list[tuple[str, float | None]] = []
    for i in np.random.default_rng(seed).permutation(len(keys)).tolist():
        if len(chosen) == q:
            break
        if keys[i] in scarce:
            if allowance == 0:
                continue
            allowance -= 1
        chosen.append((keys[i], None))
    return chosen


def _key(smiles: str) -> str:
    return Molecule.from_smiles(smiles).inchikey


def _canonical(smiles: str) -> str:
    return Molecule.from_smiles(smiles).smiles
