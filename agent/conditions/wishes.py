"""What an operator's rejection of a setting teaches: where not to go, and what to go for rather."""

from __future__ import annotations

from agent.conditions.regions import read_region, stored, substances_of
from agent.conditions.trials import PREFERENCE, REGION, exactly, region_of
from knowledge.records.space import Forbidden, Setting, Space
from planners.optimize.choosing.goals import Preference

LIKED, DISLIKED = 2.0, 0.5
"""How many times an improvement counts where an operator would rather see it, and where one found it uninteresting."""


def taught(
    space: Space, setting: Setting, reason: str, *, forbid: str | None, prefer: str | None
) -> list[tuple[str, str]]:
    """(kind, value) of the restrictions.

    `forbid` names the region; else what is unsafe is these substances together, and otherwise this setting alone.
    Uninteresting: these substances together also count half. `prefer` names a region that counts twice. Raises
    ValueError for regions that cannot be read.
    """
    if forbid:
        found = [(REGION, stored(read_region(space, forbid)))]
    elif reason == "unsafe":
        found = [(REGION, stored(substances_of(space, setting)))]
    else:
        found = [(REGION, stored(exactly(space, setting)))]
    if reason == "uninteresting" and not forbid:
        dull = Preference(where=substances_of(space, setting), weight=DISLIKED, reason=reason)
        found.append((PREFERENCE, dull.canonical()))
    if prefer:
        liked = Preference(where=read_region(space, prefer), weight=LIKED, reason="preferred")
        found.append((PREFERENCE, liked.canonical()))
    return found


def words_of(kind: str, value: str) -> str:
    """A restriction for people, on one line."""
    if kind == REGION:
        return str(Forbidden(where=region_of(value)))
    if kind == PREFERENCE:
        return told(Preference.from_canonical(value))
    return f"{kind}: {value}"


def told(preference: Preference) -> str:
    where = " and ".join(str(w) for w in preference.where)
    return f"an improvement where {where} counts {preference.weight:g} times"
