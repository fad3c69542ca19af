"""Where a designed molecule came from, and why others were dropped, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agent.report import words
from knowledge.records.candidate import Provenance
from planners.design.evaluation.quantities import get_quantity
from planners.design.filters.words import words as filter_words
from planners.design.problem import plain
from planners.design.space import DesignSpace

if TYPE_CHECKING:
    from planners.design.evaluation.judge import Value


class Dropped(NamedTuple):
    """`by`: the filter; `why`: what it minds; `molecules`: how many."""

    by: str
    why: str
    molecules: int


_FILTERS = {
    "syntax": "structure",
    "space": "design space",
    "stability": "stability",
    "accessibility": "synthetic accessibility",
    "hazard": "hazard",
    "domain": "applicability domain",
    "requirement": "requirement",
    "unknown": "no value",
    "route": "route",
}


_ABBREVIATED = ("logp", "tpsa", "qed")  # nobody knows these by longer names


def title(key: str) -> str:
    """A value's name as the start of a line; what it is relative to is left out."""
    name = key.partition(" ")[0]
    return get_quantity(name).property.symbol if name in _ABBREVIATED else words.heading(name)


def known(listed: bool, values: Sequence[Value], measured: Mapping[str, float]) -> str:
    """That the handbook has the compound, with what was measured of it; "" where it has not."""
    if not listed:
        return ""
    told = [f"{title(v.key).lower()} {plain(measured[v.key], words.unit(v.unit))}" for v in values if v.key in measured]
    return "a compound of the handbook" + (f", measured: {', '.join(told)}" if told else "")


def provenance(p: Provenance) -> list[tuple[str, str]]:
    """(what, words) of everything that is known about a molecule's origin."""
    told = [("made by", f"{words.plain(p.generator)}: {words.plain(p.operator)}")]
    if p.parents:
        told.append(("from" if len(p.parents) == 1 else "parents", " and ".join(p.parents)))
    if p.groups:
        told.append(("groups", ", ".join(f"{count} {name}" for name, count in p.groups.items())))
    if p.route:
        told.append(("route", "; then ".join(p.route)))
    if p.latent:
        told.append(("latent", f"a point of {len(p.latent)} numbers, decoded"))
    if p.geometry:
        told.append(("geometry", "drawn atom by atom in space"))
    return told


def dropped(space: DesignSpace, by_filter: Mapping[str, int], refused: Mapping[str, int]) -> Iterator[Dropped]:
    """What the generator's filters dropped ("filter:rule"), then what the judge refused ("rule" or "rule: what")."""
    for key, count in by_filter.items():
        name = key.partition(":")[0]
        yield Dropped(_FILTERS.get(name, words.plain(name)), _rule(space, key), count)
    for key, count in refused.items():
        name, _, rule = key.partition(": ")
        yield Dropped(_FILTERS.get(name, words.plain(name)), _refusal(name, rule), count)


def _refusal(name: str, rule: str) -> str:
    if name == "requirement":
        return f"not {words.plain(rule)}"
    if name == "unknown":
        return f"{words.plain(rule)} cannot be told"
    if name == "domain":
        return "a model that judges it knows nothing like it"
    return rule


def _rule(space: DesignSpace, key: str) -> str:
    """What a filter minds, with the space's own numbers where it is about them."""
    told = {
        "space:heavy_atoms": f"not {space.min_heavy_atoms} to {space.max_heavy_atoms} heavy atoms",
        "space:elements": f"an element other than {', '.join(space.elements)}",
        "space:rings": f"more than {words.count(space.max_rings, 'ring')}",
        "space:ring_size": f"a ring of more than {space.max_ring_size} atoms",
    }.get(key)
    if key.startswith("accessibility:") and space.max_synthetic_accessibility is not None:
        told = f"looks hard to make: SA score above {space.max_synthetic_accessibility:g}"
    if told is not None:
        return told
    try:
        return filter_words(key)
    except KeyError:  # a generator's own filter
        return words.plain(key.partition(":")[2])
