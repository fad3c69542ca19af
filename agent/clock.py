"""Ticks. APScheduler wakes the engine for polls, deadlines, reminders and backups; it holds no truth."""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

POLL_S = 1.0
DEADLINES_S = 30.0
REMINDERS_S = 6 * 3600.0
BACKUP_S = 24 * 3600.0


class Ticks:
    """Calls `wake(what)` from a timer thread; `what` is poll, deadlines, reminders or backup."""

    def __init__(self, wake: Callable[[str], None], poll_s: float = POLL_S) -> None:
        self._scheduler = BackgroundScheduler(timezone="UTC")
        for what, seconds in (
            ("poll", poll_s),
            ("deadlines", DEADLINES_S),
            ("reminders", REMINDERS_S),
            ("backup", BACKUP_S),
        ):
            self._scheduler.add_job(
                wake,
                "interval",
                args=(what,),
                seconds=seconds,
                id=what,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    def __enter__(self) -> Ticks:
        self._scheduler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._scheduler.shutdown(wait=False)
