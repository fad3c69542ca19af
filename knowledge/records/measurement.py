"""Raw signals and what analyses make of them."""

from __future__ import annotations

from enum import StrEnum

from knowledge.records.base import Record


class Source(StrEnum):
    """Where the truth behind a signal came from."""

    INSTRUMENT = "instrument"  # a real device
    HANDBOOK = "simulated:handbook"  # virtual lab, answered with an experimental handbook value
    MODEL = "simulated:model"  # virtual lab, answered with a physical model
    REPLAY = "replay"  # a result that a user's table had recorded before: real, but not measured in this campaign

    @property
    def simulated(self) -> bool:
        """Whether a model of the world made the value up. A replayed one was measured once, so it was not."""
        return self in (Source.HANDBOOK, Source.MODEL)


class Artifact(Record):
    """What a device hands over for one command: bytes, stored whole, addressed by their SHA-256.

    `kind` names the reader in `instruments.analysis` ("chromatogram", "viscometry", ...); `media_type` says how bytes
    are coded.
    """

    kind: str
    media_type: str
    data: bytes
    source: Source


class Measurement(Record):
    """`value` and `std` in the unit of `knowledge.records.properties`. `signals` are SHA-256 addresses.

    `detail` says more where a number does not: the handbook source behind a simulated value, or why quality is flagged.
    """

    property: str
    value: float
    std: float
    analysis: str  # name and version, e.g. "gc_area/1"
    signals: tuple[str, ...]
    source: Source
    qc_flag: str | None = None
    detail: str = ""
