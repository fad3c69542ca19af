"""The one table of experiment states and legal moves.

    PROPOSED -> SCREENED -> AWAITING_REVIEW -> APPROVED -> SCHEDULED -> RUNNING -> AWAITING_DATA -> ANALYSED -> CLOSED

Beside that line: ABANDONED (never suggest again: no route), REJECTED (by screening, a policy or a person), SUPERSEDED
(edited: a child takes over), EXPIRED (an approval ran out), CANCELLED (an operator's stop), FAILED (a robot failed; a
child may try again), QUARANTINED (nobody knows what a command did) and FINISHING (between an abort and the proof that
the device is idle).
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    PROPOSED = "PROPOSED"
    SCREENED = "SCREENED"
    AWAITING_REVIEW = "AWAITING_REVIEW"
    APPROVED = "APPROVED"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    AWAITING_DATA = "AWAITING_DATA"
    ANALYSED = "ANALYSED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    SUPERSEDED = "SUPERSEDED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"
    QUARANTINED = "QUARANTINED"
    CANCELLED = "CANCELLED"
    FINISHING = "FINISHING"


S = State

MOVES: dict[State, frozenset[State]] = {
    S.PROPOSED: frozenset({S.SCREENED, S.REJECTED, S.ABANDONED, S.SUPERSEDED, S.CANCELLED}),
    S.SCREENED: frozenset({S.AWAITING_REVIEW, S.REJECTED, S.SUPERSEDED, S.CANCELLED}),
    S.AWAITING_REVIEW: frozenset({S.APPROVED, S.REJECTED, S.SUPERSEDED, S.EXPIRED, S.CANCELLED}),
    # Back to AWAITING_REVIEW when what was approved is no longer what would be done.
    S.APPROVED: frozenset({S.SCHEDULED, S.AWAITING_REVIEW, S.SUPERSEDED, S.EXPIRED, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.RUNNING, S.AWAITING_REVIEW, S.SUPERSEDED, S.EXPIRED, S.CANCELLED}),
    S.RUNNING: frozenset({S.AWAITING_DATA, S.FAILED, S.QUARANTINED, S.FINISHING}),
    S.AWAITING_DATA: frozenset({S.ANALYSED, S.FAILED, S.QUARANTINED, S.FINISHING}),
    S.ANALYSED: frozenset({S.CLOSED}),
    S.QUARANTINED: frozenset({S.RUNNING, S.FAILED, S.FINISHING}),
    S.FINISHING: frozenset({S.CANCELLED, S.FAILED}),
    S.CLOSED: frozenset(),
    S.REJECTED: frozenset(),
    S.SUPERSEDED: frozenset(),
    S.EXPIRED: frozenset(),
    S.FAILED: frozenset(),
    S.ABANDONED: frozenset(),
    S.CANCELLED: frozenset(),
}

TERMINAL = frozenset(state for state, onward in MOVES.items() if not onward)
PENDING = frozenset({S.APPROVED, S.SCHEDULED, S.RUNNING, S.AWAITING_DATA, S.ANALYSED, S.QUARANTINED, S.FINISHING})
"""Committed to the lab, result not yet known: the optimiser treats these molecules as pending."""
BEFORE_LAB = frozenset({S.PROPOSED, S.SCREENED, S.AWAITING_REVIEW, S.APPROVED, S.SCHEDULED})
"""No command was ever sent: such an experiment can simply be cancelled."""
UNCHARGED = frozenset({S.REJECTED, S.SUPERSEDED, S.EXPIRED, S.ABANDONED, S.CANCELLED, S.FAILED})
"""Ends that give the experiment's place in the budget back."""


class IllegalMove(RuntimeError):
    """A move that the table does not allow."""


def check(current: State, wanted: State) -> None:
    """Raises IllegalMove."""
    if wanted not in MOVES[current]:
        allowed = ", ".join(sorted(MOVES[current])) or "none: it is an end"
        raise IllegalMove(f"{current} -> {wanted} is not a legal move (allowed: {allowed})")


class Wants(StrEnum):
    """What the operator asked of a campaign; kept apart from what the loop is doing."""

    RUN = "run"
    PAUSE = "pause"  # start nothing new; finish the commands under way
    STOP = "stop"  # start no new experiment; carry those in the lab to their end
    ABORT = "abort"  # stop the devices


class Phase(StrEnum):
    """What the loop is doing with a campaign."""

    ACTIVE = "active"
    FINISHED = "finished"
    STOPPED = "stopped"
    ABORTED = "aborted"

    @property
    def ended(self) -> bool:
        return self is not Phase.ACTIVE
