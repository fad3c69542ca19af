"""Why nothing meets a problem: a smallest set of demands that cannot hold together, in words.

Deletion filter (J. W. Chinneck, E. W. Dravnieks, ORSA J. Comput. 3 (1991) 157): demands are left out one after
another; one without which still nothing is possible stays out. What is left is irreducible: without any one of it
there are group vectors. Limits of the space are tried first, so that the words speak of requirements where they can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from planners.design.camd.model import Programme
from planners.design.camd.structure import MOST_GROUPS, structure
from planners.design.camd.wanted import Aim, Limit, Wanted
from planners.design.space import VALENCE, DesignSpace

_SECONDS = 60.0  # of one question; one that is not answered counts as possible
_HEAVY, _RINGS = 60, 4  # where no limit is set


@dataclass(frozen=True)
class _Demands:
    space: DesignSpace
    aims: tuple[Aim, ...]
    limits: tuple[Limit, ...]

    def possible(self, most_groups: int, seed: int) -> bool:
        described = structure(self.space, most_groups=most_groups)
        return Programme(described, Wanted(self.aims, self.limits), seed=seed, seconds=_SECONDS).possible()


def conflict(space: DesignSpace, wanted: Wanted, *, most_groups: int = MOST_GROUPS, seed: int = 0) -> tuple[str, ...]:
    """Demands in words of which every one is needed for the conflict. Empty where something is possible after all."""
    limits = tuple(limit for limit in wanted.limits if limit.softness <= 0.0)
    demands = _Demands(space, wanted.aims, limits)
    if demands.possible(most_groups, seed):
        return ()
    words = []
    for name, without in (*_of_space(space), *_of_wishes(wanted.aims, limits)):
        relaxed = without(demands)
        if relaxed.possible(most_groups, seed):
            words.append(name)
        else:
            demands = relaxed
    return (*words, *(() if words else (f"at most {most_groups} groups",)))


def told(words: tuple[str, ...]) -> str:
    """One sentence."""
    if len(words) == 1:
        return f"no group vector meets this alone: {words[0]}"
    return f"these cannot all be met, and any one less could be: {'; '.join(words)}"


_Named = tuple[str, Callable[[_Demands], _Demands]]


def _of_space(space: DesignSpace) -> list[_Named]:
    everything = tuple(VALENCE)
    found = [
        _space_without(f"space: elements {', '.join(space.elements)}", elements=everything),
        _space_without(f"space: at least {space.min_heavy_atoms} heavy atoms", min_heavy_atoms=1),
        _space_without(f"space: at most {space.max_heavy_atoms} heavy atoms", max_heavy_atoms=_HEAVY),
        _space_without(f"space: at most {space.max_rings} rings", max_rings=_RINGS),
        _space_without(f"space: rings of at most {space.max_ring_size} atoms", max_ring_size=100),
    ]
    found += [_without_pattern("forbidden", smarts) for smarts in space.forbidden]
    found += [_without_pattern("locked", smarts) for smarts in space.locked]
    return found


def _space_without(name: str, **fields: object) -> _Named:
    return name, lambda d: replace(d, space=d.space.model_copy(update=fields))


def _without_pattern(field: str, smarts: str) -> _Named:
    def without(demands: _Demands) -> _Demands:
        kept = tuple(other for other in getattr(demands.space, field) if other != smarts)
        return replace(demands, space=demands.space.model_copy(update={field: kept}))

    return f"space: {field} {smarts}", without


def _of_wishes(aims: tuple[Aim, ...], limits: tuple[Limit, ...]) -> list[_Named]:
    wishes: list[Aim | Limit] = [*aims, *limits]
    return [(one.words, _without_wish(one)) for one in wishes]


def _without_wish(one: Aim | Limit) -> Callable[[_Demands], _Demands]:
    def without(demands: _Demands) -> _Demands:
        return replace(
            demands,
            aims=tuple(other for other in demands.aims if other != one),
            limits=tuple(other for other in demands.limits if other != one),
        )

    return without
