"""From a hundred thousand molecules to the few hundred that the acquisition function is worth its while for.

Two sieves, each dearer and finer than the one before: a guess from a glance at every molecule (`coarse`), then the full
models of those that promise most. What passes goes to the joint posterior. Promise is expected improvement by
hypervolume scalarisation, min_k (u_k / w_k), whose average over directions w is the improvement of the hypervolume (R.
Zhang, D. Golovin, ICML 2020), times the probability that the constraints hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from knowledge.features.ahead import look_ahead
from knowledge.qspr.kernels import Array
from knowledge.records.molecule import InvalidMolecule, Molecule
from knowledge.records.objective import Constraint, Objective
from planners.optimize.coarse import guesses
from planners.optimize.glance import Glances, each_glance, reading
from planners.optimize.goals import Observation, needed_properties, scale
from planners.optimize.outlook import draws, feasibility
from planners.optimize.prescreen import OPTIMISM, directions, interleave, reached
from planners.optimize.surrogate import Surrogate
from planners.optimize.surrogates import Surrogates

LARGE = 3000  # molecules; up to here everybody is seen by the full models
KEPT = 1000  # by the first sieve
FINALISTS = 300  # by the second
_DIRECTIONS = 8


class Promise:
    """How much molecules may gain over what was observed."""

    def __init__(
        self,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
        observed: Sequence[Observation],
        seed: int,
    ) -> None:
        self._objectives, self._constraints = tuple(objectives), tuple(constraints)
        self._directions = directions(len(objectives), _DIRECTIONS, seed)
        known = reached(observed, objectives, constraints)
        self._best = [max(0.0, float((known / w).min(axis=1).max(initial=0.0))) for w in self._directions]

    def of(self, means: Mapping[str, Array], stds: Mapping[str, Array]) -> Array:
        """(n, d), a column for each direction: the expected gain, where there is any; otherwise how far off a molecule
        is that turns out well, and how likely it is to break a constraint, both below 0. Model scale by property.
        """
        n = len(next(iter(means.values())))
        chance = feasibility(means, stds, self._constraints, n)
        utility = [(draws(o, means, stds) - o.worst_in_property_unit) / scale(o) for o in self._objectives]
        hoped = [u.mean(axis=0) + OPTIMISM * u.std(axis=0) for u in utility]
        found = np.empty((n, len(self._directions)))
        for column, (w, best) in enumerate(zip(self._directions, self._best, strict=True)):
            gain = np.minimum.reduce([u / x for u, x in zip(utility, w, strict=True)]) - best
            expected = np.maximum(gain, 0.0).mean(axis=0) * chance
            short = np.minimum.reduce([h / x for h, x in zip(hoped, w, strict=True)]) - best
            found[:, column] = np.where(expected > 0.0, expected, np.minimum(short, 0.0) - (1.0 - chance))
        return found


def finalists(
    surrogates: Surrogates,
    pool: Sequence[str],
    *,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    observed: Sequence[Observation] = (),
    blocked: frozenset[str] = frozenset(),
    seed: int,
    kept: int | None = None,
    count: int | None = None,
    processes: int = 1,
    parts: Iterable[Glances] | None = None,
) -> dict[str, str]:
    """At most `count` molecules of `pool` by InChIKey, each as spelled there, the most promising first, out of `kept`
    that the full models saw (None: FINALISTS and KEPT).

    `blocked`: InChIKeys that are left out. `parts`: glances at the pool, in its order, where they are known from
    before. The number of `processes` does not change the result. Raises InvalidMolecule for what cannot be read, and
    MissingSurrogate.
    """
    kept, count = KEPT if kept is None else kept, FINALISTS if count is None else count
    promise = Promise(objectives, constraints, observed, seed)
    names = needed_properties(objectives, constraints)
    with reading(processes) as crew:
        stream = each_glance(pool, crew) if parts is None else parts
        scores = _guessed(promise, [surrogates[name] for name in names], names, pool, stream)
        passed: dict[str, str] = {}
        for i in _order(scores, pool, 2 * kept + len(blocked)):
            if len(passed) == kept:
                break
            key = Molecule.from_smiles(pool[i]).inchikey
            if key not in blocked:
                passed.setdefault(key, pool[i])
        if len(passed) <= count:
            return passed
        keys = sorted(passed)
        canonical = [Molecule.from_smiles(passed[key]).smiles for key in keys]
        if crew is not None:
            look_ahead(canonical, crew)
    told = surrogates.beliefs(names, canonical)
    means, stds = ({name: b[i] for name, b in told.items()} for i in (0, 1))
    best = _order(promise.of(means, stds), keys, count)[:count]
    return {keys[i]: passed[keys[i]] for i in best}


def _guessed(
    promise: Promise, models: Sequence[Surrogate], names: Sequence[str], pool: Sequence[str], stream: Iterable[Glances]
) -> Array:
    """Promise (n, d) of every molecule of the pool. Raises InvalidMolecule."""
    scores: list[Array] = []
    place = 0
    for beliefs, readable in guesses(models, stream):
        if not readable.all():
            unreadable = pool[place + int(np.argmin(readable))]
            raise InvalidMolecule(f"cannot read '{unreadable}' as a SMILES")
        place += len(readable)
        means, stds = ({name: b[i] for name, b in zip(names, beliefs, strict=True)} for i in (0, 1))
        scores.append(promise.of(means, stds).astype(np.float32))
    return np.concatenate(scores)


def _order(scores: Array, names: Sequence[str], most: int) -> list[int]:
    """Rows of `scores`, best first, at least `most` where there are as many: by the mean of all columns and by each
    column, in turn; equals by name.
    """
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__))
    columns = [scores.mean(axis=1), *scores.T]
    return interleave([by_name[np.argsort(-c[by_name], kind="stable")[:most]].tolist() for c in columns])
