"""Hazard statements. What is not known reads "unknown", never "safe"."""

from __future__ import annotations

from enum import StrEnum

from knowledge.records.base import Record


class Severity(StrEnum):
    NOTE = "note"  # shown to people
    ALERT = "alert"  # excludes a candidate where the campaign asks for no hazard alert


class Alert(Record):
    code: str  # e.g. "energetic:azide", "oxygen-balance", "incompatible:oxidiser+organic", "iarc:1"
    severity: Severity
    text: str
    source: str  # the rule's or the data's origin


class HazardReport(Record):
    """Alerts found and the questions that no data answered."""

    alerts: tuple[Alert, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def blocking(self) -> tuple[Alert, ...]:
        return tuple(a for a in self.alerts if a.severity is Severity.ALERT)
