"""The command line. Thin: it reads arguments, calls a room, and says one clear line when something is wrong.

Exit codes: 0 done, 2 something must be changed (one line on stderr), 130 interrupted. Heavy imports are made inside
commands.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Athanor: an autonomous closed-loop chemist. Start with `run config/campaigns/green_solvent.yaml --dry-run`.",
)
review_app = typer.Typer(no_args_is_help=True, help="Look at proposed experiments and decide about them.")
tasks_app = typer.Typer(no_args_is_help=True, help="Questions that only a person can answer, and stop signs.")
db_app = typer.Typer(no_args_is_help=True, help="Care for the experiment store.")
app.add_typer(review_app, name="review")
app.add_typer(tasks_app, name="tasks")
app.add_typer(db_app, name="db")

DEFAULT_STORE = "runs/athanor.sqlite"

INTERRUPTED = 130
LARGEST = 2**31 - 1  # what every database keeps as an integer


def _checked_store(value: str) -> str:
    """Refuse what is neither a file nor a server that Athanor knows; what is in it is found out later."""
    from urllib.parse import urlsplit

    scheme, mark, rest = value.partition("://")
    scheme = scheme.partition("+")[0]
    if not value.strip() or (mark and (scheme not in ("sqlite", "postgresql", "postgres") or not rest.strip("/"))):
        raise typer.BadParameter("write the path of a SQLite file, or postgresql://USER@HOST/DATABASE")
    if mark and scheme != "sqlite":
        try:
            _ = urlsplit(value).port
        except ValueError:
            raise typer.BadParameter("the port is not a number; write postgresql://USER@HOST:PORT/DATABASE") from None
    return value


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        help="Path of a SQLite file, or a postgresql:// URL.",
        envvar="ATHANOR_STORE",
        callback=_checked_store,
    ),
]
WorkersOption = Annotated[int, typer.Option(help="Processes for computing; 0: in this one.", min=0, max=256)]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
AsOption = Annotated[str | None, typer.Option("--as", help="Your name in the record; your login name when left out.")]
CampaignOption = Annotated[str | None, typer.Option("--campaign", help="Campaign id; the newest when left out.")]


class Unusable(Exception):
    """One line for stderr, exit 2."""


def _name(by: str | None) -> str:
    if by is not None:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Unusable("this login has no name; say who you are with --as NAME") from None


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def main() -> None:
    """Entry point: turns every expected error into one line and exit code 2."""
    from agent.failures import report_failure

    try:
        code = app(standalone_mode=False)  # typer gives an Exit's code back
        sys.stdout.flush()
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the last line of defence: nobody is to see a traceback)
        sys.exit(report_failure(error))
    if code == INTERRUPTED:  # typer makes this code of Ctrl-C by itself
        sys.stderr.write("interrupted; `resume` goes on where it stopped\n")
    sys.exit(code if isinstance(code, int) else 0)


@app.command()
def run(
    campaigns: Annotated[list[Path], typer.Argument(metavar="CAMPAIGN...", help="Campaign files (YAML).")],
    store: StoreOption = DEFAULT_STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Insist on a simulated lab.")] = False,
    seed: Annotated[int | None, typer.Option(help="Replace the campaign's seed.", min=0, max=LARGEST)] = None,
    review: Annotated[str | None, typer.Option(help="auto or manual; replaces the campaign's review mode.")] = None,
    acquisition: Annotated[str | None, typer.Option(help="auto or random; replaces the campaign's rule.")] = None,
    workers: WorkersOption = 1,
    dask: Annotated[str | None, typer.Option(help="Compute on the Dask scheduler at this address.")] = None,
    html: Annotated[Path | None, typer.Option(help="Where to write the report.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start campaigns and carry them to their end."""
    from agent.session import read_with_overrides, start_and_run

    specs = [
        read_with_overrides(path, seed=seed, review=review, acquisition=acquisition, dry_run=dry_run)
        for path in campaigns
    ]
    result = start_and_run(store, specs, dry_run=dry_run, workers=workers, dask=dask, html=html, quiet=as_json)
    _finish(result, as_json)


@app.command()
def resume(
    store: StoreOption = DEFAULT_STORE,
    workers: WorkersOption = 1,
    dask: Annotated[str | None, typer.Option(help="Compute on the Dask scheduler at this address.")] = None,
    by: AsOption = None,
    html: Annotated[Path | None, typer.Option(help="Where to write the report.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with every unfinished campaign of a store: after a crash, an interruption or a pause."""
    from agent.session import resume_and_run

    _finish(resume_and_run(store, by=_name(by), workers=workers, dask=dask, html=html, quiet=as_json), as_json)


def _finish(results: list[dict[str, Any]], as_json: bool) -> None:
    from agent.show import show_results

    if as_json:
        _print(results[0] if len(results) == 1 else results)
    else:
        show_results(results)
    unwritten = [r for r in results if r.get("report_error")]
    if unwritten:
        raise Unusable(
            f"{unwritten[0]['campaign']}: the report cannot be written: {unwritten[0]['report_error']} "
            "(the results are safe in the store: `report --html FILE` writes it elsewhere)"
        )
    stuck = [r for r in results if r["state"] == "active" and r["holds"]]
    if stuck:
        hold = stuck[0]["holds"][0]
        raise Unusable(
            f"{stuck[0]['campaign']} is on hold: {hold['reason']}; mend that, then `tasks release {hold['subject']}` "
            "and `resume`"
        )


@app.command()
def validate(
    campaign: Annotated[Path, typer.Argument(help="Campaign file (YAML).")], as_json: JsonOption = False
) -> None:
    """Read a campaign file and say whether it can run."""
    from agent.campaign_file import read_campaign

    spec = read_campaign(campaign)
    if as_json:
        _print({"campaign": str(campaign), "valid": True, "sha256": spec.sha256, "properties": spec.properties})
    else:
        typer.echo(
            f"{campaign}: valid. {spec.budget.experiments} experiments in batches of {spec.budget.batch}; {spec.title}"
        )


@app.command()
def status(store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False) -> None:
    """What each campaign is doing, and what it waits for."""
    from agent.show import show_status, status_of

    rows = status_of(store, campaign)
    if as_json:
        _print(rows)
    else:
        show_status(rows)


def _want(store: str, campaign: str | None, wants: str, by: str, as_json: bool) -> None:
    from agent.desk import want
    from agent.lifecycle import Wants
    from agent.show import engine_note
    from knowledge.store.database import Store

    with Store.open(store) as opened:
        campaign_id = want(opened, campaign, Wants(wants), by=by)
        note = engine_note(opened)
    if as_json:
        _print({"campaign": campaign_id, "wants": wants, "note": note})
    else:
        typer.echo(f"{campaign_id}: {wants} asked for by {by}; {note}")


@app.command()
def pause(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send no new command to any device; those under way finish. `resume` goes on."""
    _want(store, campaign, "pause", _name(by), as_json)


@app.command()
def stop(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start no new experiment; carry those in the lab to their end, then end the campaign."""
    _want(store, campaign, "stop", _name(by), as_json)


@app.command()
def abort(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the devices now and end the campaign."""
    _want(store, campaign, "abort", _name(by), as_json)


@app.command()
def experiments(
    store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False
) -> None:
    """Every experiment of a campaign with its state and values."""
    from agent.show import experiment_rows, show_experiments

    rows = experiment_rows(store, campaign)
    if as_json:
        _print(rows)
    else:
        show_experiments(rows)


@app.command()
def report(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    html: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a campaign's report: one HTML file that needs nothing else."""
    from agent.desk import find_campaign
    from agent.session import check_html, write_report
    from knowledge.store.database import Store

    check_html(html, 1)
    with Store.open(store) as opened:
        with opened.read() as session:
            campaign_id = find_campaign(session, campaign).id
        path = write_report(opened, campaign_id, html)
    if as_json:
        _print({"campaign": campaign_id, "report": str(path)})
    else:
        typer.echo(f"report: {path}")


@app.command()
def doctor(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Check this installation, the data it needs, and the store."""
    from agent.doctor import examine
    from agent.show import show_checks

    checks = examine(store)
    if as_json:
        _print([c._asdict() for c in checks])
    else:
        show_checks(checks)
    bad = [c for c in checks if c.result == "bad"]
    if bad:
        raise Unusable("to mend: " + "; ".join(f"{c.what}: {c.detail}" for c in bad))


@review_app.command("list")
def review_list(
    store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False
) -> None:
    """What waits for a decision."""
    from agent.show import review_rows, show_reviews

    rows = review_rows(store, campaign)
    if as_json:
        _print(rows)
    else:
        show_reviews(rows)


@review_app.command("show")
def review_show(experiment: str, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """The whole dossier: molecule, predictions, route, procedures, hazards, materials, instruments."""
    from agent.show import dossier_of, show_dossier

    dossier = dossier_of(store, experiment)
    if as_json:
        _print(dossier)
    else:
        show_dossier(dossier)


@review_app.command("approve")
def review_approve(
    experiment: str,
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    comment: str = "",
    dossier: Annotated[str | None, typer.Option(help="Approve only if the dossier's hash begins so.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly the dossier that stands there now."""
    _decide(store, experiment, True, _name(by), "", comment, None, dossier, as_json)


@review_app.command("reject")
def review_reject(
    experiment: str,
    reason: Annotated[str, typer.Option(help="unsafe, unavailable, uninteresting or other.")],
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    comment: str = "",
    forbid: Annotated[
        str | None, typer.Option(help="SMARTS that later proposals must not contain (reason unsafe).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Reject; `unsafe` becomes a constraint that later proposals obey."""
    _decide(store, experiment, False, _name(by), reason, comment, forbid, None, as_json)


def _decide(
    store: str,
    experiment: str,
    approve: bool,
    by: str,
    reason: str,
    comment: str,
    forbid: str | None,
    dossier: str | None,
    as_json: bool,
) -> None:
    from agent.desk import decide
    from agent.show import engine_note
    from knowledge.store.database import Store

    with Store.open(store) as opened:
        more = decide(
            opened, experiment, approve=approve, by=by, reason=reason, comment=comment, forbid=forbid, dossier=dossier
        )
        note = engine_note(opened)
    verdict = "approved" if approve else "rejected"
    if as_json:
        _print({"experiment": experiment, "verdict": verdict, "by": by, "approvals_missing": more, "note": note})
    else:
        missing = f"; {more} more approval{'s' if more > 1 else ''} needed, from other people" if more else ""
        typer.echo(f"{experiment}: {verdict} by {by}{missing}; {note}")


@review_app.command("edit")
def review_edit(
    experiment: str,
    protocol: Annotated[
        Path, typer.Option("--protocol", help="JSON file with the whole protocol (`review show --json` prints it).")
    ],
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the protocol: a child experiment takes over, and somebody else must approve it."""
    from agent.desk import edit
    from knowledge.store.database import Store

    try:
        text = protocol.read_text(encoding="utf-8")
    except OSError as error:
        raise Unusable(f"{protocol}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{protocol}: is not text in UTF-8; it should hold the protocol as JSON") from None
    with Store.open(store) as opened:
        child = edit(opened, experiment, text, by=_name(by))
    if as_json:
        _print({"experiment": experiment, "child": child})
    else:
        typer.echo(f"{experiment} will be superseded by {child}, which awaits review")


@tasks_app.command("list")
def tasks_list(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Open questions and stop signs."""
    from agent.show import show_tasks, task_rows

    rows = task_rows(store)
    if as_json:
        _print(rows)
    else:
        show_tasks(rows)


@tasks_app.command("answer")
def tasks_answer(
    task: Annotated[int, typer.Argument(min=1, max=LARGEST)],
    words: Annotated[str, typer.Argument(metavar="ANSWER")],
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a command of unknown outcome did: ran, did-not-run or partly."""
    from agent.desk import answer
    from knowledge.store.database import Store

    by = _name(by)
    with Store.open(store) as opened:
        answer(opened, task, words, by=by)
    _print({"task": task, "answer": words, "by": by}) if as_json else typer.echo(f"task {task}: {words}, says {by}")


@tasks_app.command("release")
def tasks_release(
    subject: str, store: StoreOption = DEFAULT_STORE, by: AsOption = None, as_json: JsonOption = False
) -> None:
    """Take the stop sign off a campaign, an instrument or an experiment."""
    from agent.desk import release
    from knowledge.store.database import Store

    by = _name(by)
    with Store.open(store) as opened:
        release(opened, subject, by=by)
    _print({"released": subject, "by": by}) if as_json else typer.echo(f"{subject}: released by {by}")


@db_app.command("upgrade")
def db_upgrade(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Bring a store's schema up to this version."""
    from agent.show import upgrade_store

    before, after = upgrade_store(store)
    _print({"before": before, "after": after}) if as_json else typer.echo(f"schema {before or 'none'} -> {after}")


@db_app.command("verify")
def db_verify(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Recompute the event log's hash chain and the hashes of documents and signals."""
    from agent.doctor import verify_store

    counts = verify_store(store)
    if as_json:
        _print(counts)
    else:
        events, documents, signals = counts["events"], counts["documents"], counts["signals"]
        typer.echo(f"{events} events, {documents} documents and {signals} signals: all as they were written")
