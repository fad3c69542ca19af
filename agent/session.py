"""A run from the user's side: read campaigns, open the store, let the engine work, write reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from loguru import logger
from sqlmodel import col, select

from agent import desk, summary
from agent.campaign import CampaignError, CampaignSpec, Mode, Review, Search, read_campaign
from agent.compute import Inline, executor
from agent.engine import Engine
from agent.lifecycle import Phase, Wants
from agent.progress import Progress
from knowledge.store.database import Store, now_iso, plain_url
from knowledge.store.exclusive import EngineLock
from knowledge.store.tables import Campaign

TORCH_THREADS = 2


def read_with_overrides(
    path: Path, *, seed: int | None, review: str | None, acquisition: str | None, dry_run: bool
) -> CampaignSpec:
    """A campaign as its file says, but for what the command line replaces. Raises CampaignError."""
    spec = read_campaign(path)
    if seed is not None:
        spec = spec.model_copy(update={"seed": seed, "knowledge": spec.knowledge})
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
        spec = spec.model_copy(
            update={"search": Search.model_validate({**spec.search.model_dump(), "acquisition": acquisition})}
        )
    if dry_run and spec.lab.kind != "virtual":
        raise CampaignError(f"{path}: --dry-run needs a virtual lab, and 'lab' is {spec.lab.kind}")
    return CampaignSpec.model_validate(spec.model_dump())


def start_and_run(
    store_url: str,
    specs: list[CampaignSpec],
    *,
    dry_run: bool,
    workers: int,
    dask: str | None,
    html: Path | None,
    quiet: bool,
) -> list[dict[str, Any]]:
    """Enroll and carry to the end; one summary per campaign."""
    with Store.open(store_url, create=True) as store:
        EngineLock(store).acquire().release()  # refuse before a campaign is enrolled that nobody would run
        ids = [desk.enroll(store, spec, dry_run=dry_run) for spec in specs]
        return _run(store, ids, workers=workers, dask=dask, html=html, quiet=quiet)


def resume_and_run(
    store_url: str, *, by: str, workers: int, dask: str | None, html: Path | None, quiet: bool
) -> list[dict[str, Any]]:
    """Go on with every unfinished campaign; paused ones are asked to run again."""
    with Store.open(store_url) as store:
        with store.read() as session:
            active = session.exec(
                select(Campaign).where(Campaign.state == Phase.ACTIVE).order_by(col(Campaign.id))
            ).all()
        if not active:
            raise desk.DeskError("no campaign of this store is unfinished; `run CAMPAIGN` starts one")
        for campaign in active:
            with store.read() as session:
                paused = desk.latest_wish(session, campaign.id) is Wants.PAUSE
            if paused:
                desk.want(store, campaign.id, Wants.RUN, by=by)
        return _run(store, [c.id for c in active], workers=workers, dask=dask, html=html, quiet=quiet)


def _run(
    store: Store, ids: list[str], *, workers: int, dask: str | None, html: Path | None, quiet: bool
) -> list[dict[str, Any]]:
    started = time.monotonic()
    logger.remove()
    store.folder.mkdir(parents=True, exist_ok=True)
    logger.add(store.folder / "engine.log", level="INFO", diagnose=False, rotation="10 MB", retention=3)
    with store.read() as session:
        people = any(
            summary.spec_of(session, c).review.mode is Mode.MANUAL
            or summary.spec_of(session, c).review.outside == "ask"
            for c in session.exec(select(Campaign).where(col(Campaign.id).in_(ids)))
        )
    with executor(workers, TORCH_THREADS, dask) as compute, Progress(store, ids, quiet=quiet) as shown:
        engine = Engine(store, compute=compute, devices=Inline(), wait_for_people=people, on_progress=shown.say)
        engine.run()
    results = []
    for campaign_id in ids:
        path = write_report(store, campaign_id, html if len(ids) == 1 else None)
        with store.read() as session:
            campaign = desk.find_campaign(session, campaign_id)
            found = summary.summarise(session, campaign)
        wall = round(time.monotonic() - started, 1)
        results.append({**found, "store": plain_url(store.url), "wall_s": wall, "report": str(path)})
    return results


def write_report(store: Store, campaign_id: str, html: Path | None) -> Path:
    """Write the campaign's report beside the store, or where `html` says; the path."""
    from agent.gather import gather
    from agent.report import render

    data = gather(store, campaign_id, generated_at=now_iso())
    path = html if html is not None else store.folder / f"{campaign_id}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(render(data), encoding="utf-8")
    part.replace(path)
    return path
