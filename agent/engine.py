"""The engine: event -> handler -> state change and effects in one transaction; effects run outside, end as events.

Everything it must remember is in the store. What it keeps in memory (which futures run, which commands this process has
sent) may be lost at any line: a restart asks the devices and repeats pure work.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from loguru import logger
from sqlalchemy import text, update
from sqlmodel import Session, col, select

from agent import wishes
from agent.board import OPEN, Board
from agent.clock import POLL_S, Ticks
from agent.compute import run_stage
from agent.devices import Answer, is_idle
from agent.dialogue import Dialogue
from agent.labs import Labs
from agent.lifecycle import State, Wants
from agent.specs import AnySpec, read_spec
from agent.stages import STAGES, dispatch, review
from agent.stages.contract import Inputs, seed_of
from agent.transaction import Transaction
from instruments.bench import Bench
from knowledge.store import log
from knowledge.store.artifacts import ArtifactFolder
from knowledge.store.database import Store, now_iso
from knowledge.store.errors import StoreError
from knowledge.store.exclusive import EngineLock
from knowledge.store.tables import Campaign, DeadLetter, Instrument, Lease, Notification

CONSUMER = "engine"
WORK_ATTEMPTS = 3
_STANDING = text(
    "SELECT (SELECT epoch FROM lease WHERE resource = 'engine'), h.event_id, h.hash, "
    "(SELECT event_id FROM cursor WHERE consumer = :c) FROM log_head h"
)

Handler = Callable[[Transaction, log.Happened], None]


def _handlers() -> dict[str, list[Handler]]:
    table: dict[str, list[Handler]] = {}
    for module in (*STAGES.values(), review, dispatch, wishes):
        for kind, handler in module.HANDLERS.items():
            table.setdefault(kind, []).append(handler)
    return table


class Engine:
    """Runs every active campaign of one store. One per store at a time (StoreInUse)."""

    def __init__(
        self,
        store: Store,
        *,
        compute: Executor,
        devices: Executor,
        wait_for_people: bool,
        on_progress: Callable[[str], None] = lambda _words: None,
        clock: Callable[[], str] = now_iso,
    ) -> None:
        self.store = store
        self.labs = Labs(store.folder)
        self._compute = compute
        self._wait_for_people = wait_for_people
        self._progress, self._clock = on_progress, clock
        self._lock = EngineLock(store)
        self._handlers = _handlers()
        self._board: Board | None = None
        self._specs: dict[str, AnySpec] = {}
        self._bodies: dict[str, str] = {}  # the same as canonical JSON
        self._working: dict[Future[Any], tuple[int, Inputs]] = {}
        self._wakeup = threading.Event()
        self._dialogue = Dialogue(devices, ArtifactFolder(store.folder), self._lab_of, self._wakeup.set)
        self._due: set[str] = set()
        self._polling = False  # whether this round looks after signals that a device still holds

    # -- transactions --------------------------------------------------------------------------------------------

    def _spec_of(self, session: Session, campaign_id: str) -> AnySpec:
        board = self._board
        known = board.campaigns.get(campaign_id) if board is not None else None
        if known is not None:
            revision = known.revision
        else:
            revision = session.exec(select(Campaign.revision).where(Campaign.id == campaign_id)).one()
        if revision not in self._specs:
            self._bodies[revision] = log.body_of(session, revision)
            self._specs[revision] = read_spec(self._bodies[revision])
        return self._specs[revision]

    def spec(self, campaign_id: str) -> AnySpec:
        """Of an ended campaign as well: a device may still hold a signal of it."""
        campaign = self.board.campaigns.get(campaign_id)
        if campaign is None or campaign.revision not in self._specs:
            with self.store.read() as session:
                return self._spec_of(session, campaign_id)
        return self._specs[campaign.revision]

    @property
    def board(self) -> Board:
        """What is under way; read from the store when there is none yet, or when a transaction failed."""
        if self._board is None:
            with self.store.read() as session:
                self._board = Board(session)
        return self._board

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A write that sees every earlier event handled; cascades and the next intents are part of the same commit."""
        while True:
            with self._write() as (session, head, position):
                behind = head[0] != position
                if not behind:
                    tx = Transaction(session, self.board, head, self._clock(), self._spec_of)
                    yield tx
                    new = self._complete(tx)
            if not behind:
                self._dialogue.fresh.update(new)
                return
            self._catch_up()

    @contextmanager
    def _write(self) -> Iterator[tuple[Session, tuple[int, str], int]]:
        """(session, head of the log, how far it was handled). Raises FencedOff. A failure makes the board invalid."""
        board = self.board  # read outside the write lock
        try:
            with self.store.write() as session:
                epoch, newest, digest, position = session.connection().execute(_STANDING, {"c": CONSUMER}).one()
                if epoch != self._lock.epoch:
                    self._lock.check(session)
                yield session, (int(newest), str(digest)), int(position or 0)
        except BaseException:
            if self._board is board:
                self._board = None
            raise

    def _complete(self, tx: Transaction) -> list[str]:
        """Handle what was emitted, write the intents that became possible, move the cursor."""
        new: list[str] = []
        while True:
            while tx.queue:
                event = tx.queue.popleft()
                for handler in self._handlers.get(event.kind, ()):
                    handler(tx, event)
            intents = dispatch.intend(tx, dispatch.Desk(self._lab_of, self._lock.epoch))
            new += intents
            if not intents and not tx.queue:
                break
        tx.close(log.Cursor(CONSUMER))
        return new

    def _lab_of(self, campaign_id: str) -> tuple[str, Bench]:
        return self.labs.bench(self.spec(campaign_id))

    def _catch_up(self) -> None:
        """Handle what other processes wrote, each event in its own commit; one that cannot be handled is set aside."""
        while True:
            with self.store.read() as session:
                backlog = log.after(session, log.Cursor(CONSUMER).position(session), limit=1)
            if not backlog:
                return
            event = backlog[0]
            try:
                self._handle(event)
            except (ValueError, KeyError, RuntimeError) as error:
                if isinstance(error, StoreError):
                    raise
                logger.warning("event {} ({}) cannot be handled: {}", event.id, event.kind, error)
                letter = DeadLetter(
                    campaign_id=event.campaign_id, work_id=event.id, error=f"{event.kind}: {error}", at=self._clock()
                )
                with self._write() as (session, _, _position):
                    session.add(letter)
                    session.flush()
                    log.Cursor(CONSUMER).move(session, event.id)

    def _handle(self, event: log.Happened) -> None:
        """One event of another process. What it leads to is handled at once, unless events of others stand between."""
        with self._write() as (session, head, _):
            tx = Transaction(session, self.board, head, self._clock(), self._spec_of)
            for handler in self._handlers.get(event.kind, ()):
                handler(tx, event)
            if event.id == head[0]:
                new = self._complete(tx)
            else:
                new = []
                tx.close(log.Cursor(CONSUMER))
                log.Cursor(CONSUMER).move(session, event.id)
        self._dialogue.fresh.update(new)

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until no campaign is active, or, unless it waits for people, until only people could go on.

        Raises StoreInUse, StoreFull, StoreReadOnly, StoreBusy, FencedOff or BrokenLog; the store is then as it was
        after the last commit.
        """
        self._lock.acquire()
        try:
            with Ticks(self._tick):
                self._register_instruments()
                self._catch_up()
                with self.transaction():
                    pass  # writes the intents that became possible while no engine ran
                while True:
                    worked = self._step()
                    if not self.board.campaigns:
                        break
                    if not worked and not self._wait():
                        break
                self._deliver()
        finally:
            for future in (*self._working, *self._dialogue.asking):
                future.cancel()
            self._lock.release()

    def _tick(self, what: str) -> None:
        self._due.add(what)
        self._wakeup.set()

    def _step(self) -> bool:
        """One round; whether anything moved."""
        moved = self._look_at_the_log()
        moved |= self._start_work()
        moved |= self._take_results()
        self._dialogue.ask(self.board, self.store, polling=self._polling)  # asking alone moves nothing
        self._polling = False
        moved |= self._take_answers()
        return moved

    def _look_at_the_log(self) -> bool:
        due, self._due = self._due, set()
        self._polling |= "poll" in due
        behind = False
        if due:  # every transaction looks as well, so nothing is handled out of turn
            with self.store.read() as session:
                _, newest, _, position = session.connection().execute(_STANDING, {"c": CONSUMER}).one()
            behind = int(newest) != int(position or 0)
        if behind:
            self._catch_up()
            with self.transaction():
                pass
        if "poll" in due:
            self._deliver()
        if "deadlines" in due:
            self.expire()
        if "reminders" in due:
            self._remind()
        if "backup" in due:
            from knowledge.store.backup import backup

            backup(self.store)
        return behind

    def _deliver(self) -> None:
        """Tell operators, through the engine's log, what was noted for them; each note once."""
        with self.store.read() as session:
            query = select(Notification).where(col(Notification.sent_at).is_(None)).order_by(col(Notification.id))
            notes = [(n.id, n.text) for n in session.exec(query)]
        if not notes:
            return
        for _, words in notes:
            logger.info("{}", words)
        with self._write() as (session, _, _position):
            sent = (
                update(Notification)
                .where(col(Notification.id).in_([n for n, _ in notes]))
                .values(sent_at=self._clock())
            )
            session.connection().execute(sent)

    def expire(self) -> None:
        """End reviews and approvals that ran out."""
        with self.transaction() as tx:
            review.expire(tx)

    def _remind(self) -> None:
        with self.transaction() as tx:
            for experiment in tx.experiments_in(State.AWAITING_REVIEW, State.QUARANTINED):
                tx.notify(experiment.campaign_id, f"{experiment.id} still waits for a person ({experiment.state})")

    # -- compute -------------------------------------------------------------------------------------------------

    def _start_work(self) -> bool:
        running = {number for number, _ in self._working.values()}
        board = self.board
        todo = []
        for work in sorted(board.work.values(), key=lambda w: w.id):
            campaign = board.campaigns.get(work.campaign_id)
            if campaign is None or work.id in running or campaign.wants not in (Wants.RUN, Wants.STOP):
                continue
            if not board.held("campaign", campaign.id):
                self.spec(campaign.id)
                todo.append((work, campaign, self._bodies[campaign.revision]))
        for work, campaign, spec in todo:
            inputs = Inputs(
                campaign_id=campaign.id,
                subject=work.subject,
                spec=spec,
                seed=seed_of(campaign.seed, work.name, work.subject.removeprefix(campaign.id)),
                body=json.loads(work.body),
                store_url=self.store.url,
                folder=str(self.store.folder),
            )
            self._progress(f"{work.name} {work.subject}")
            future = self._compute.submit(run_stage, work.name, inputs)
            self._working[future] = (work.id, inputs)
            future.add_done_callback(lambda _f: self._wakeup.set())
        return bool(todo)

    def _take_results(self) -> bool:
        done = [f for f in self._working if f.done()]
        for future in done:
            number, inputs = self._working.pop(future)
            error = future.exception()
            if error is not None:
                self._work_failed(number, error)
                continue
            with self.transaction() as tx:
                work = tx.board.work.get(number)
                if work is None:
                    continue
                work.state = "DONE"
                tx.add(work)
                STAGES[work.name].finish(tx, work, future.result(), inputs)
                wishes.end_if_done(tx, work.campaign_id)
        return bool(done)

    def _work_failed(self, number: int, error: BaseException) -> None:
        """Try again a few times, then set aside and hold the campaign: a person must look."""
        logger.opt(exception=error).debug("work {} failed", number)
        with self.transaction() as tx:
            work = tx.board.work[number]
            work.attempts += 1
            words = f"{type(error).__name__}: {error}".splitlines()[0]
            if work.attempts >= WORK_ATTEMPTS:
                tx.add(DeadLetter(campaign_id=work.campaign_id, work_id=work.id, error=words, at=tx.at))
                tx.hold(
                    work.campaign_id, "campaign", work.campaign_id, f"{work.name} of {work.subject} failed: {words}"
                )
            tx.add(work)

    # -- devices -------------------------------------------------------------------------------------------------

    def _register_instruments(self) -> None:
        opened = dict(self._lab_of(campaign) for campaign in self.board.campaigns)
        with self.store.write() as session:
            for key, bench in opened.items():
                for name in bench.names():
                    about = bench.driver(name).describe()
                    session.merge(
                        Instrument(
                            name=dispatch.lease_name(key, name),
                            lab=key,
                            kind=about.kind,
                            body=about.canonical(),
                            seen_at=self._clock(),
                        )
                    )

    def _take_answers(self) -> bool:
        answers = self._dialogue.answers()
        if not answers:
            return False
        rest = self._dialogue.note(self.board, answers)
        return self._record(rest) if rest else False

    def _record(self, answers: list[tuple[str, Answer]]) -> bool:
        """Write down acceptances and answers; whether anything changed."""
        accepted = self._dialogue.acceptances()
        if not accepted and not answers:
            return False
        moved = False
        with self.transaction() as tx:
            for number, answer in (*accepted, *answers):
                moved |= self._dialogue.record(tx, number, answer)
        self._dialogue.forget(accepted)
        return moved

    # -- waiting -------------------------------------------------------------------------------------------------

    def _wait(self) -> bool:
        """Let time pass for whoever is busy; False when only a person could go on and nobody is waited for."""
        if self._working or self._dialogue.asking:
            return self._sleep()
        board = self.board
        busy = sorted({c.campaign_id for c in board.open_commands() if not board.on_hold(c)})
        benches = dict(self._lab_of(campaign) for campaign in busy)
        holders = {c.id for c in board.commands.values() if c.state in OPEN}
        leases = [lease for lease in board.leases.values() if lease.holder not in holders]
        if benches:
            if not all(bench.simulated for bench in benches.values()):
                self._record([])
            for _, bench in sorted(benches.items()):
                bench.clock.elapse(3600.0 if bench.simulated else POLL_S)
            self._polling = True
            return True
        if board.uncollected() or leases:
            self._polling = True
            self._release_idle(leases)
            return self._sleep()
        if self._wait_for_people:
            return self._sleep()
        self._due.add("poll")  # before giving up: somebody may have asked for something since the last look
        return self._look_at_the_log()

    def _sleep(self) -> bool:
        """Wait in real time for a result, an answer or a tick; what devices accepted is written down before."""
        self._record([])
        self._wakeup.wait(POLL_S)
        self._wakeup.clear()
        return True

    def _release_idle(self, leases: list[Lease]) -> None:
        """Instruments that were not idle when their command ended."""
        for lease in leases:
            key, _, name = lease.resource.partition("/")
            bench = self.labs.by_key(key)
            if bench is not None and is_idle(bench, name):
                with self.transaction() as tx:
                    dispatch.release_idle(tx, lease.holder)
