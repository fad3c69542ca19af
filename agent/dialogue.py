"""The engine's dialogue with devices: what to ask each of them next, and what an answer changes.

Remembered here, and free to be lost: which intents this process wrote and certainly has not sent. Of any other intent
it is unknown whether it was sent, so the device is asked before it is sent (again).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from agent import devices, wishes
from agent.board import Board
from agent.lifecycle import State
from agent.stages import collect, dispatch
from agent.transaction import Transaction
from instruments.bench import Bench
from knowledge.records.protocol import Operation
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store
from knowledge.store.tables import Command

SILENCES = 5  # unanswered look-ups before a command's outcome counts as unknown


class Dialogue:
    """Calls run on `executor`; `on_answer` is told, from any thread, when one has ended."""

    def __init__(
        self,
        executor: Executor,
        files: ArtifactFolder,
        lab_of: Callable[[str], tuple[str, Bench]],
        on_answer: Callable[[], None],
    ) -> None:
        self.fresh: set[str] = set()  # intents written by this process and certainly not sent yet
        self.asking: dict[Future[devices.Answer], str] = {}
        self._executor, self._files, self._lab_of, self._on_answer = executor, files, lab_of, on_answer
        self._asked: set[str] = set()  # commands with a call under way
        self._aborting: set[str] = set()
        self._accepted: dict[str, devices.Running] = {}  # intents that a device took, not yet written down
        self._silences: dict[str, int] = {}
        self._finishes: dict[str, float] = {}

    def ask(self, board: Board, store: Store, *, polling: bool) -> None:
        """Send fresh intents, look after what may be on a device, and when polling fetch what was left there."""
        for command in board.open_commands():
            if command.id in self._asked or board.on_hold(command):
                continue
            _, bench = self._lab_of(command.campaign_id)
            finishing = board.experiments[command.experiment_id].state == State.FINISHING
            call = self._call_for(command, bench, board, store, finishing=finishing)
            if call is not None:
                self._submit(command, call)
        for command in board.uncollected() if polling else ():
            if command.id not in self._asked:
                _, bench = self._lab_of(command.campaign_id)
                self._submit(command, self._look(command, bench))

    def answers(self) -> list[tuple[str, devices.Answer]]:
        """(command id, answer) of the calls that have ended; each is given once."""
        done = [f for f in self.asking if f.done()]
        found = [(self.asking.pop(f), f.result()) for f in done]
        self._asked.difference_update(number for number, _ in found)
        return found

    def note(self, board: Board, answers: list[tuple[str, devices.Answer]]) -> list[tuple[str, devices.Answer]]:
        """Take in the answers that change nothing yet; those left over need a transaction.

        That a device accepted a command is written with the next transaction (`acceptances`), at the latest before the
        engine waits. Should it be lost, the command is an intent like any other, and the device is asked.
        """
        rest = []
        for number, answer in answers:
            command = board.commands[number]
            if isinstance(answer, devices.Running) and command.state in ("INTENT", "RUNNING"):
                self._silences.pop(number, None)
                self._finishes[number] = answer.status.finishes_s if answer.status.finishes_s is not None else 0.0
                if command.state == "INTENT":
                    self._accepted.setdefault(number, answer)
            else:
                rest.append((number, answer))
        return rest

    def acceptances(self) -> list[tuple[str, devices.Running]]:
        """What is still to be written down; `forget` it once it is committed."""
        return list(self._accepted.items())

    def forget(self, written: list[tuple[str, devices.Running]]) -> None:
        for number, _ in written:
            self._accepted.pop(number, None)

    def _submit(self, command: Command, call: tuple[Any, ...]) -> None:
        self._asked.add(command.id)
        future: Future[devices.Answer] = self._executor.submit(*call)
        self.asking[future] = command.id
        future.add_done_callback(lambda _: self._on_answer())

    def _look(self, command: Command, bench: Bench) -> tuple[Any, ...]:
        return devices.look, bench, command.instrument, command.id, self._files, command.deadline_s

    def _call_for(
        self, command: Command, bench: Bench, board: Board, store: Store, *, finishing: bool
    ) -> tuple[Any, ...] | None:
        """The next call to the device for an open command, or None while there is nothing to ask."""
        look = self._look(command, bench)
        if command.state == "INTENT" and command.id not in self._accepted:
            operation = _operation(command, board, store)
            if command.id in self.fresh and not finishing:
                self.fresh.discard(command.id)
                return devices.submit, bench, command.instrument, command.id, operation
            return devices.adopt, bench, command.instrument, command.id, operation, self._files
        now = bench.clock.now()
        accepted = self._accepted.get(command.id)
        deadline = command.deadline_s if accepted is None else accepted.deadline_s
        if (finishing or now > deadline) and command.id not in self._aborting:
            self._aborting.add(command.id)
            return devices.abort, bench, command.instrument, command.id, self._files, command.deadline_s
        finishes = self._finishes.get(command.id)
        if finishes is not None and now < finishes and command.id not in self._aborting:
            return None
        if command.id in self._silences or finishes is None or now >= finishes:
            return look
        return None

    def record(self, tx: Transaction, number: str, answer: devices.Answer) -> bool:
        """Record one answer; whether anything changed."""
        command = tx.board.commands[number]
        key, _ = self._lab_of(command.campaign_id)
        if not isinstance(answer, devices.Silent):
            self._silences.pop(command.id, None)
        if command.state in ("SUCCEEDED", "FAILED", "ABORTED"):
            if isinstance(answer, devices.Ended) and answer.files is not None and not command.collected:
                collect.collected(tx, command, answer.files)
                return True
            return False
        match answer:
            case devices.Running(status, deadline_s):
                if command.state == "INTENT":
                    dispatch.accepted(tx, command, status, deadline_s)
            case devices.Ended(status, files, idle):
                self._finishes.pop(command.id, None)
                dispatch.ended(tx, command, status, files, idle=idle, lab=key)
                wishes.end_if_done(tx, command.campaign_id)
            case devices.Refused(reason):
                dispatch.rejected(tx, command, reason)
                wishes.end_if_done(tx, command.campaign_id)
            case devices.Occupied():
                # Nothing happened, so it may be sent again as if for the first time.
                self.fresh.add(command.id)
                return False
            case devices.NotThere():
                if tx.experiment(command.experiment_id).state == State.FINISHING:
                    dispatch.never_sent(tx, command)
                    wishes.end_if_done(tx, command.campaign_id)
                elif command.state == "INTENT":
                    self.fresh.add(command.id)
                else:
                    dispatch.unknown(tx, command, key, "accepted earlier, and now the device does not know it")
            case devices.Silent(reason):
                self._silences[command.id] = self._silences.get(command.id, 0) + 1
                if self._silences[command.id] < SILENCES:
                    return False
                dispatch.unknown(tx, command, key, f"no answer: {reason}")
            case devices.Lost(reason):
                dispatch.unknown(tx, command, key, reason)
            case devices.Unwritable(error, status, idle):
                if tx.experiment(command.experiment_id).state == State.FINISHING:
                    # An abort does not wait for room on the disk; the device keeps the signal.
                    dispatch.ended(tx, command, status, None, idle=idle, lab=key)
                    wishes.end_if_done(tx, command.campaign_id)
                tx.hold(command.campaign_id, "campaign", command.campaign_id, str(error))
        return True


def _operation(command: Command, board: Board, store: Store) -> Operation:
    """What the approved protocol says at the command's position."""
    plan = board.plans.get(command.experiment_id)
    if plan is None:
        with store.read() as session:
            plan = dispatch.read_plan(session, board.experiments[command.experiment_id])
    return dispatch.as_operation(plan[command.position])
