"""Ring groups closed to rings: all ways to share them out and to order them, those that symmetry exchanges once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from planners.design.camd.groups import GROUPS, allowed
from planners.design.camd.structure import AROMATIC_RING, SMALLEST_RING

Place = tuple[int, bool]
"""A group in a ring, and whether it is passed from its second end to its first."""
Counts = tuple[tuple[int, int], ...]
"""Group number and how often, ascending."""


@dataclass(frozen=True, order=True)
class Ring:
    """Groups in the order of going round."""

    places: tuple[Place, ...]

    @property
    def aromatic(self) -> bool:
        return GROUPS[self.places[0][0]].ring == "aromatic"

    @cached_property
    def ports(self) -> tuple[tuple[int, int], ...]:
        """(place, port of its group) of every port outside the ring."""
        return tuple((k, j) for k, (i, _) in enumerate(self.places) for j in range(len(GROUPS[i].ports)))

    @cached_property
    def entries(self) -> tuple[int, ...]:
        """Indices into `ports`, one of each that the ring's symmetry exchanges: a first neighbour goes there."""
        n = len(self.places)
        same = [order for order in _orders(n) if _seen(self.places, *order) == self.places]
        found: dict[frozenset[int], int] = {}
        for index, (place, _) in enumerate(self.ports):
            orbit = frozenset((start + step * place) % n for start, step in same)
            found.setdefault(orbit, index)
        return tuple(found.values())


def arrangements(counts: Counts, rings: int, largest: int) -> Iterator[tuple[Ring, ...]]:
    """Every way to make exactly `rings` rings out of the groups, all of one kind; each set of rings once."""
    if rings == 0:
        if not counts:
            yield ()
        return
    seen: set[tuple[Ring, ...]] = set()
    first = counts[0][0] if counts else None
    for part in _parts(counts, largest):
        # The first group belongs to the ring that is made first, so that shares are not met in every order.
        if first is None or part[0][0] != first:
            continue
        for ring in _cycles(part):
            for others in arrangements(_less(counts, part), rings - 1, largest):
                made = tuple(sorted((ring, *others)))
                if made not in seen:
                    seen.add(made)
                    yield made


def _parts(counts: Counts, largest: int) -> Iterator[Counts]:
    """Sub-multisets of the size of one ring."""
    aromatic = bool(counts) and GROUPS[counts[0][0]].ring == "aromatic"
    low, high = (AROMATIC_RING, AROMATIC_RING) if aromatic else (SMALLEST_RING, largest)

    def extended(at: int, size: int, taken: Counts) -> Iterator[Counts]:
        if at == len(counts):
            if low <= size <= high:
                yield taken
            return
        i, most = counts[at]
        for n in range(most, -1, -1):
            grown = size + n * GROUPS[i].ring_atoms
            if grown <= high:
                yield from extended(at + 1, grown, (*taken, (i, n)) if n else taken)

    return extended(0, 0, ())


def _less(counts: Counts, part: Counts) -> Counts:
    taken = dict(part)
    return tuple((i, n - taken.get(i, 0)) for i, n in counts if n > taken.get(i, 0))


def _cycles(part: Counts) -> Iterator[Ring]:
    """Distinct orders of the groups in a circle, with neighbours that may be bonded."""
    left = dict(part)
    seen: set[tuple[Place, ...]] = set()

    def grown(places: tuple[Place, ...]) -> Iterator[tuple[Place, ...]]:
        if not any(left.values()):
            if allowed(_end(places[-1], 1), _end(places[0], 0)):
                yield places
            return
        for i in [i for i, n in left.items() if n]:
            left[i] -= 1
            for flipped in (False, True) if _turns(i) else (False,):
                place = (i, flipped)
                if not places or allowed(_end(places[-1], 1), _end(place, 0)):
                    yield from grown((*places, place))
            left[i] += 1

    start = part[0][0]
    left[start] -= 1
    for places in grown(((start, False),)):
        lowest = min(_seen(places, *order) for order in _orders(len(places)))
        if lowest not in seen:
            seen.add(lowest)
            yield Ring(lowest)


def _turns(i: int) -> bool:
    return GROUPS[i].ends[0] != GROUPS[i].ends[1]


def _end(place: Place, side: int) -> str:
    i, flipped = place
    return GROUPS[i].ends[1 - side if flipped else side]


def _orders(n: int) -> list[tuple[int, int]]:
    """Where to begin and which way to go round."""
    return [(start, step) for start in range(n) for step in (1, -1)]


def _seen(places: Sequence[Place], start: int, step: int) -> tuple[Place, ...]:
    n = len(places)
    walked = [places[(start + step * k) % n] for k in range(n)]
    return tuple((i, flipped != (step < 0 and _turns(i))) for i, flipped in walked)
