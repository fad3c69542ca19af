"""The live display of a run: on a terminal a panel that is redrawn, elsewhere a line whenever something changed."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlmodel import select

from agent import summary
from agent.conditions.words import in_words
from agent.lifecycle import TERMINAL, State
from knowledge.store.database import Store
from knowledge.store.errors import StoreError
from knowledge.store.tables import Campaign

REFRESH_S = 0.5


class Progress:
    """Reads the store from a thread of its own, so that drawing never delays the engine."""

    def __init__(self, store: Store, campaign_ids: list[str], *, quiet: bool) -> None:
        self._store, self._ids, self._quiet = store, campaign_ids, quiet
        self._console = Console(stderr=True)
        self._doing = ""
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._best: dict[str, tuple[int, str]] = {}

    def say(self, words: str) -> None:
        """What is being computed."""
        self._doing = words

    def __enter__(self) -> Progress:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        if self._console.is_terminal:
            with Live(self._draw(), console=self._console, refresh_per_second=4, transient=True) as live:
                while not self._stop.wait(REFRESH_S):
                    live.update(self._draw())
        else:
            self._lines()

    def _read(self) -> list[tuple[Campaign, int, dict[str, Any], str]]:
        rows = []
        try:
            with self._store.read() as session:
                for campaign in session.exec(select(Campaign)):
                    if campaign.id not in self._ids:
                        continue
                    spec = summary.spec_of(session, campaign)
                    now = summary.progress(session, campaign)
                    rows.append((campaign, spec.budget.experiments, now, self._best_so_far(session, campaign, now)))
        except StoreError:
            return []  # the engine reports what is wrong with the store
        return rows

    def _best_so_far(self, session: Any, campaign: Campaign, now: dict[str, Any]) -> str:
        closed = now["experiments"].get(State.CLOSED, 0)
        known = self._best.get(campaign.id)
        if known is None or known[0] != closed:
            found = summary.summarise(session, campaign)["best"] if closed else None
            words = ""
            if found:
                values = ", ".join(f"{name} {v:.3g}" for name, v in found["values"].items() if v is not None)
                words = f"{in_words(found['setting']) if 'setting' in found else found['smiles']}  ({values})"
            self._best[campaign.id] = (closed, words)
        return self._best[campaign.id][1]

    def _draw(self) -> Group:
        panels = []
        for campaign, budget, now, best in self._read():
            done = sum(n for state, n in now["experiments"].items() if state == State.CLOSED)
            grid = Table.grid(padding=(0, 2))
            grid.add_row(
                "experiments",
                Group(ProgressBar(total=budget, completed=done, width=48), Text(f"{done} of {budget} measured")),
            )
            grid.add_row("batch", f"{now['iteration']} ({str(now['batch'] or 'fitting models').lower()})")
            states = "  ".join(f"{state.lower()} {n}" for state, n in now["experiments"].items())
            grid.add_row("states", states or "-")
            grid.add_row("computing", self._doing or "-")
            for instrument, action, experiment in now["busy"][:8]:
                grid.add_row(instrument, f"{action} {experiment}")
            waiting = _waiting(now)
            if waiting:
                grid.add_row("waits for you", waiting)
            if best:
                grid.add_row("best so far", Text(best))
            minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
            panels.append(Panel(grid, title=f"{campaign.id} · {now['state']}", subtitle=f"{minutes}:{seconds:02d}"))
        return Group(*panels)

    def _lines(self) -> None:
        last = ""
        while True:
            for campaign, budget, now, best in self._read():
                ended = sum(n for state, n in now["experiments"].items() if State(state) in TERMINAL)
                closed = now["experiments"].get(State.CLOSED, 0)
                line = f"{campaign.id}: batch {now['iteration']}, {closed}/{budget} measured, {ended} ended"
                waiting = _waiting(now)
                line += f"; {waiting}" if waiting else ""
                line += f"; best {best}" if best else f"; {self._doing}" if self._doing and not waiting else ""
                if line != last:
                    last = line
                    sys.stderr.write(f"[{int(time.monotonic() - self._started):4d} s] {line}\n")
                    sys.stderr.flush()
            if self._stop.wait(REFRESH_S):
                return


def _waiting(now: dict[str, Any]) -> str:
    """What only a person can do."""
    reviews, unknown = (now["experiments"].get(s, 0) for s in (State.AWAITING_REVIEW, State.QUARANTINED))
    words = [f"{reviews} to review (`review list`)"] if reviews else []
    words += [f"{unknown} of unknown outcome (`tasks list`)"] if unknown else []
    return ", ".join(words)
