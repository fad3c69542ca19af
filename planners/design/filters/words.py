"""Why a molecule was dropped, in words for people."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.hazard_rules import RULES
from planners.design.filters.stability import REASONS

_SPACE: Mapping[str, str] = {
    "heavy_atoms": "too few or too many heavy atoms",
    "elements": "holds an element that the space does not allow",
    "radical": "has an unpaired electron",
    "isotope": "names an isotope",
    "charge": "carries charge that the space does not allow",
    "rings": "has too many rings",
    "ring_size": "has too large a ring",
    "components": "is more than one molecule",
}
_PATTERNS: Mapping[str, str] = {
    "forbidden": "holds the forbidden substructure",
    "locked": "lacks the locked substructure",
    "required": "lacks the required substructure",
}
_WHOLE: Mapping[str, str] = {
    "syntax:unreadable": "is no molecule that can be read",
    "accessibility:score": "looks too hard to make",
    "domain:unknown": "is unlike anything that the models have learnt from",
    "route:none": "no route to it was found",
}
_HAZARDS: Mapping[str, str] = {rule.code: rule.text for rule in reversed(RULES)}
_LISTED: Mapping[str, str] = {
    "oxygen-balance": "explosive oxygen balance",
    "iarc": "listed as a carcinogen by IARC",
    "ntp": "listed as a carcinogen by the US NTP",
    "exposure-limit": "workplace limit below 1 ppm",
}


def words(reason: str) -> str:
    """Of a key of `FilterReport.dropped`: "stability:peroxide" is "unstable: weak O-O bond". Raises KeyError."""
    if reason in _WHOLE:
        return _WHOLE[reason]
    name, _, rule = reason.partition(":")
    if name == "stability":
        return f"unstable: {REASONS[rule]}"
    if name == "hazard":
        known = _HAZARDS.get(rule)
        return f"hazardous: {known if known is not None else _LISTED[rule.partition(':')[0]]}"
    if name == "space":
        kind, _, pattern = rule.partition(" ")
        return _SPACE[rule] if rule in _SPACE else f"{_PATTERNS[kind]} {pattern}"
    raise KeyError(reason)
