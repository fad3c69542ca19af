"""Which lab a campaign works in. Campaigns with the same lab configuration share one bench."""

from __future__ import annotations

from pathlib import Path

from agent.campaign import CampaignSpec
from instruments.bench import Bench


class Labs:
    """Benches opened so far, by key; a virtual lab lives in a folder beside the store and outlives the engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "labs"
        self._open: dict[str, Bench] = {}

    def key(self, spec: CampaignSpec) -> str:
        return f"{spec.lab.kind}-{spec.lab.sha256[:8]}"

    def folder(self, spec: CampaignSpec) -> Path:
        return self._folder / self.key(spec)

    def bench(self, spec: CampaignSpec) -> tuple[str, Bench]:
        key = self.key(spec)
        if key not in self._open:
            from instruments.simulation.lab import open_virtual_lab

            self._open[key] = open_virtual_lab(spec.lab, self.folder(spec))
        return key, self._open[key]

    def by_key(self, key: str) -> Bench | None:
        return self._open.get(key)
