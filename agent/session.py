"""A run from the user's side: read campaigns, open the store, let the engine work, write reports."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loguru import logger
from sqlmodel import col, select

from agent import desk, summary
from agent.campaign import CampaignError, CampaignSpec, Mode, Review
from agent.campaign_file import read_campaign
from agent.compute import Inline, executor
from agent.engine import Engine
from agent.lifecycle import Phase, Wants
from agent.prior import stock
from agent.progress import Progress
from agent.specs import AnySpec
from knowledge.sources.handbook import Handbook
from knowledge.store.database import Store, now_iso, plain_url
from knowledge.store.exclusive import EngineLock, engine_alive
from knowledge.store.tables import Campaign

TORCH_THREADS = 1
SIMULATED = ("virtual", "replay")
"""Kinds of lab in which nothing is carried out."""


class _IntoLog(logging.Handler):
    """What libraries log goes into the engine's log; on a terminal nobody could do anything about it."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).log(record.levelname, "{}: {}", record.name, record.getMessage())


def read_with_overrides(
    path: Path,
    *,
    seed: int | None,
    review: str | None,
    acquisition: str | None,
    dry_run: bool,
    table: Path | None = None,
) -> AnySpec:
    """A campaign as its file says, but for what the command line replaces. Raises CampaignError."""
    spec = read_campaign(path, table)
    if seed is not None:
        spec = spec.model_copy(update={"seed": seed})
    if review is not None:
        if review not in [m.value for m in Mode]:
            raise CampaignError(f"--review: '{review}' is not a review mode; choose auto or manual")
        changed: dict[str, Any] = {"mode": Mode(review)}
        if review == Mode.MANUAL:
            changed["outside"] = "ask"
        spec = spec.model_copy(update={"review": Review.model_validate({**spec.review.model_dump(), **changed})})
    if acquisition is not None:
        if acquisition not in ("auto", "random"):
            raise CampaignError(f"--acquisition: '{acquisition}' is not a rule; choose auto or random")
        spec = spec.with_acquisition(acquisition)
    if dry_run and spec.lab.kind not in SIMULATED:
        raise CampaignError(f"{path}: --dry-run needs a simulated lab, and 'lab' is {spec.lab.kind}")
    # Copies are not validated: look at the whole once more.
    return type(spec).model_validate({name: getattr(spec, name) for name in type(spec).model_fields})


def start_and_run(
    store_url: str,
    specs: list[AnySpec],
    *,
    dry_run: bool,
    workers: int,
    dask: str | None,
    html: Path | None,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Enroll and carry to the end; one summary per campaign.

    Whatever can be wrong beside the campaign is found before one is enrolled that nobody would run.
    Raises DeskError or StoreError.
    """
    check_html(html, len(specs))
    with Store.open(store_url, create=True) as store, _computing(workers, dask) as compute:
        EngineLock(store).acquire().release()
        ids = [desk.enroll(store, spec, dry_run=dry_run) for spec in specs]
        return _run(store, ids, compute=compute, html=html, quiet=quiet)


def resume_and_run(
    store_url: str, *, by: str, workers: int, dask: str | None, html: Path | None, quiet: bool
) -> list[dict[str, Any]]:
    """Go on with every unfinished campaign; paused ones are asked to run again.

    Where an engine runs already, it goes on with the paused ones, and this returns at once.
    Raises DeskError or StoreError.
    """
    with Store.open(store_url) as store:
        with store.read() as session:
            active = session.exec(
                select(Campaign).where(Campaign.state == Phase.ACTIVE).order_by(col(Campaign.id))
            ).all()
        if not active:
            raise desk.DeskError("no campaign of this store is unfinished; `run CAMPAIGN` starts one")
        check_html(html, len(active))
        with store.read() as session:
            paused = [c.id for c in active if desk.latest_wish(session, c.id) is Wants.PAUSE]
        if not paused or not engine_alive(store):
            EngineLock(store).acquire().release()  # refuse before anything is asked for
        for campaign_id in paused:
            desk.want(store, campaign_id, Wants.RUN, by=by)
        if paused and engine_alive(store):
            return [_result(store, campaign_id, time.monotonic(), None) for campaign_id in paused]
        with _computing(workers, dask) as compute:
            return _run(store, [c.id for c in active], compute=compute, html=html, quiet=quiet)


def check_html(html: Path | None, campaigns: int) -> None:
    """Find out that a report cannot be written before hours of work, not after. Raises DeskError."""
    if html is None:
        return
    if campaigns > 1:
        raise desk.DeskError(f"--html names one file, and there are {campaigns} campaigns: leave it out")
    if html.is_dir():
        raise desk.DeskError(f"--html: {html} is a folder; name a file in it")
    part = _part(html)
    try:
        html.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        part.unlink()
    except OSError as error:
        raise desk.DeskError(f"--html: {html} cannot be written: {error.strerror}") from None


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


@contextmanager
def _computing(workers: int, dask: str | None) -> Iterator[Executor]:
    """Where work is computed. Raises DeskError when the Dask scheduler cannot be reached."""
    try:
        made = executor(workers, TORCH_THREADS, dask)
    except (RuntimeError, OSError, ValueError) as error:
        if dask is None:
            raise
        raise desk.DeskError(f"--dask {dask}: {error}") from None
    with made as compute:
        yield compute


def _run(store: Store, ids: list[str], *, compute: Executor, html: Path | None, quiet: bool) -> list[dict[str, Any]]:
    started = time.monotonic()
    logger.remove()
    store.folder.mkdir(parents=True, exist_ok=True)
    logger.add(store.folder / "engine.log", level="INFO", diagnose=False, rotation="10 MB", retention=3)
    scheduler = logging.getLogger("apscheduler")
    scheduler.handlers, scheduler.propagate = [_IntoLog(logging.WARNING)], False
    with store.read() as session:
        campaigns = session.exec(select(Campaign).where(col(Campaign.id).in_(ids)))
        specs = [summary.spec_of(session, c) for c in campaigns]
    people = any(s.review.mode is Mode.MANUAL or s.review.outside == "ask" for s in specs)
    with Progress(store, ids, quiet=quiet) as shown:
        if any(isinstance(s, CampaignSpec) for s in specs):
            shown.say("reading handbook and stock (built at the first run, in about a minute)")
            Handbook.full()
            stock()
        engine = Engine(store, compute=compute, devices=Inline(), wait_for_people=people, on_progress=shown.say)
        engine.run()
    results = []
    for campaign_id in ids:
        path, problem = None, None
        try:
            path = write_report(store, campaign_id, html)
        except OSError as error:  # a full disk, say: what the campaign found is in the store all the same
            problem = f"{error.filename or html or store.folder}: {error.strerror or error}"
        results.append(_result(store, campaign_id, started, path))
        if problem is not None:
            results[-1]["report_error"] = problem
    return results


def _result(store: Store, campaign_id: str, started: float, report: Path | None) -> dict[str, Any]:
    """What `run --json` prints."""
    with store.read() as session:
        campaign = desk.find_campaign(session, campaign_id)
        found = {
            **summary.summarise(session, campaign),
            "budget": summary.spec_of(session, campaign).budget.experiments,
        }
    wall = round(time.monotonic() - started, 1)
    shown = None if report is None else str(report)
    return {**found, "store": plain_url(store.url), "wall_s": wall, "report": shown}


def write_report(store: Store, campaign_id: str, html: Path | None, *, over: str | None = None) -> Path:
    """Write the campaign's report beside the store, or where `html` says; the path. `over`: the two parameters, with a
    comma, of a conditions campaign's picture. Raises OSError, DeskError or StoreError.
    """
    text = _report(store, campaign_id, over)
    path = html if html is not None else store.folder / f"{campaign_id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _part(path)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path


def _report(store: Store, campaign_id: str, over: str | None) -> str:
    with store.read() as session:
        spec = summary.spec_of(session, desk.find_campaign(session, campaign_id))
    if isinstance(spec, CampaignSpec):
        from agent.gather import gather
        from agent.report import render

        if over is not None:
            raise desk.DeskError("--over belongs to campaigns of conditions; this one looks for molecules")
        return render(gather(store, campaign_id, generated_at=now_iso()))
    from agent.conditions.gather import BadPicture, gather_conditions, pair_of
    from agent.report.conditions_page import render_conditions

    try:
        pair = None if over is None else pair_of(spec, over)
    except BadPicture as error:
        raise desk.DeskError(str(error)) from None
    return render_conditions(gather_conditions(store, campaign_id, generated_at=now_iso(), over=pair))
