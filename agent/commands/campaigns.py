"""Commands that start, steer and show campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from agent.commands.options import (
    DEFAULT_STORE,
    LARGEST,
    AsOption,
    CampaignOption,
    JsonOption,
    StoreOption,
    TableOption,
    Unusable,
    WorkersOption,
    login_name,
    print_json,
)

campaigns = typer.Typer()


@campaigns.command()
def run(
    campaigns: Annotated[list[Path], typer.Argument(metavar="CAMPAIGN...", help="Campaign files (YAML).")],
    store: StoreOption = DEFAULT_STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Insist on a simulated lab.")] = False,
    seed: Annotated[int | None, typer.Option(help="Replace the campaign's seed.", min=0, max=LARGEST)] = None,
    review: Annotated[str | None, typer.Option(help="auto or manual; replaces the campaign's review mode.")] = None,
    acquisition: Annotated[str | None, typer.Option(help="auto or random; replaces the campaign's rule.")] = None,
    table: TableOption = None,
    workers: WorkersOption = 1,
    dask: Annotated[str | None, typer.Option(help="Compute on the Dask scheduler at this address.")] = None,
    html: Annotated[Path | None, typer.Option(help="Where to write the report.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Start campaigns and carry them to their end."""
    from agent.session import read_with_overrides, start_and_run

    specs = [
        read_with_overrides(path, seed=seed, review=review, acquisition=acquisition, dry_run=dry_run, table=table)
        for path in campaigns
    ]
    result = start_and_run(store, specs, dry_run=dry_run, workers=workers, dask=dask, html=html, quiet=as_json)
    _finish(result, as_json)


@campaigns.command()
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

    _finish(resume_and_run(store, by=login_name(by), workers=workers, dask=dask, html=html, quiet=as_json), as_json)


def _finish(results: list[dict[str, Any]], as_json: bool) -> None:
    from agent.show import show_results

    if as_json:
        print_json(results[0] if len(results) == 1 else results)
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


@campaigns.command()
def validate(
    campaign: Annotated[Path, typer.Argument(help="Campaign file (YAML).")],
    table: TableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a campaign file and say whether it can run."""
    from agent.campaign_file import read_campaign
    from agent.conditions.spec import ConditionsSpec
    from agent.conditions.table import coverage

    spec = read_campaign(campaign, table)
    told = coverage(spec) if isinstance(spec, ConditionsSpec) else ""
    if as_json:
        found = {"campaign": str(campaign), "valid": True, "sha256": spec.sha256, "properties": spec.properties}
        print_json(found | ({"coverage": told} if told else {}))
    else:
        typer.echo(
            f"{campaign}: valid. {spec.budget.experiments} experiments in batches of {spec.budget.batch}; {spec.title}"
            + (f"\n{told}" if told else "")
        )


@campaigns.command()
def status(store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False) -> None:
    """What each campaign is doing, and what it waits for."""
    from agent.show import show_status, status_of

    rows = status_of(store, campaign)
    if as_json:
        print_json(rows)
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
        print_json({"campaign": campaign_id, "wants": wants, "note": note})
    else:
        typer.echo(f"{campaign_id}: {wants} asked for by {by}; {note}")


@campaigns.command()
def pause(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send no new command to any device; those under way finish. `resume` goes on."""
    _want(store, campaign, "pause", login_name(by), as_json)


@campaigns.command()
def stop(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start no new experiment; carry those in the lab to their end, then end the campaign."""
    _want(store, campaign, "stop", login_name(by), as_json)


@campaigns.command()
def abort(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    by: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the devices now and end the campaign."""
    _want(store, campaign, "abort", login_name(by), as_json)


@campaigns.command()
def experiments(
    store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False
) -> None:
    """Every experiment of a campaign with its state and values."""
    from agent.show import experiment_rows, show_experiments

    rows = experiment_rows(store, campaign)
    if as_json:
        print_json(rows)
    else:
        show_experiments(rows)


@campaigns.command()
def report(
    store: StoreOption = DEFAULT_STORE,
    campaign: CampaignOption = None,
    html: Annotated[Path | None, typer.Option(help="Where to write it.")] = None,
    over: Annotated[
        str | None,
        typer.Option(help='Draw the outcome over these parameters of a conditions campaign: "ligand,temperature".'),
    ] = None,
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
        path = write_report(opened, campaign_id, html, over=over)
    if as_json:
        print_json({"campaign": campaign_id, "report": str(path)})
    else:
        typer.echo(f"report: {path}")


@campaigns.command()
def doctor(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Check this installation, the data it needs, and the store."""
    from agent.doctor import examine
    from agent.show import show_checks

    checks = examine(store)
    if as_json:
        print_json([c._asdict() for c in checks])
    else:
        show_checks(checks)
    bad = [c for c in checks if c.result == "bad"]
    if bad:
        raise Unusable("to mend: " + "; ".join(f"{c.what}: {c.detail}" for c in bad))
