"""Which lab a campaign works in. Campaigns with the same lab configuration share one bench."""

from __future__ import annotations

from pathlib import Path

from agent.conditions.spec import ConditionsSpec
from agent.specs import AnySpec
from instruments.bench import Bench
from knowledge.records.base import sha256_text
from knowledge.store.artifacts import ArtifactFolder


class Labs:
    """Benches opened so far, by key; a virtual lab lives in a folder beside the store and outlives the engine."""

    def __init__(self, folder: Path) -> None:
        self._store = folder
        self._folder = folder / "labs"
        self._open: dict[str, Bench] = {}

    def key(self, spec: AnySpec) -> str:
        if isinstance(spec, ConditionsSpec):  # a table answers in the words of the space that asks it
            return f"{spec.lab.kind}-{sha256_text(spec.lab.canonical() + spec.searched.canonical())[:8]}"
        return f"{spec.lab.kind}-{spec.lab.sha256[:8]}"

    def folder(self, spec: AnySpec) -> Path:
        return self._folder / self.key(spec)

    def bench(self, spec: AnySpec) -> tuple[str, Bench]:
        """Raises BrokenLog when the table of a replay lab is no longer in the store's folder."""
        key = self.key(spec)
        if key not in self._open:
            if isinstance(spec, ConditionsSpec):
                from instruments.simulation.replay import open_replay_lab

                files = ArtifactFolder(self._store)
                files.get(spec.lab.content)
                table = files.path(spec.lab.content)
                self._open[key] = open_replay_lab(spec.lab, self.folder(spec), table, spec.searched)
            else:
                from instruments.simulation.lab import open_virtual_lab

                self._open[key] = open_virtual_lab(spec.lab, self.folder(spec))
        return key, self._open[key]

    def by_key(self, key: str) -> Bench | None:
        return self._open.get(key)
