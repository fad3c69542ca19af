"""Commands for people who decide about experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import (
    DEFAULT_STORE,
    AsOption,
    CampaignOption,
    JsonOption,
    StoreOption,
    Unusable,
    login_name,
    print_json,
)

reviews = typer.Typer(no_args_is_help=True, help="Look at proposed experiments and decide about them.")


@reviews.command("list")
def review_list(
    store: StoreOption = DEFAULT_STORE, campaign: CampaignOption = None, as_json: JsonOption = False
) -> None:
    """What waits for a decision."""
    from agent.show_reviews import review_rows, show_reviews

    rows = review_rows(store, campaign)
    if as_json:
        print_json(rows)
    else:
        show_reviews(rows)


@reviews.command("show")
def review_show(experiment: str, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """The whole dossier: molecule, predictions, route, procedures, hazards, materials, instruments."""
    from agent.show_reviews import dossier_of, show_dossier

    dossier = dossier_of(store, experiment)
    if as_json:
        print_json(dossier)
    else:
        show_dossier(dossier)


@reviews.command("approve")
def review_approve(
    experiment: str,
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    comment: str = "",
    dossier: Annotated[str | None, typer.Option(help="Approve only if the dossier's hash begins so.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly the dossier that stands there now."""
    _decide(store, experiment, True, login_name(by), "", comment, None, dossier, as_json)


@reviews.command("reject")
def review_reject(
    experiment: str,
    reason: Annotated[str, typer.Option(help="unsafe, unavailable, uninteresting or other.")],
    store: StoreOption = DEFAULT_STORE,
    by: AsOption = None,
    comment: str = "",
    forbid: Annotated[
        str | None,
        typer.Option(
            help="What later proposals must not be: a SMARTS pattern of molecules (reason unsafe), or part of a "
            'reaction\'s conditions, such as "solvent=DMF; temperature>=120".'
        ),
    ] = None,
    prefer: Annotated[
        str | None, typer.Option(help='Conditions that count twice in later proposals, such as "base=K2CO3 or KOAc".')
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Reject; `unsafe` becomes a constraint that later proposals obey."""
    _decide(store, experiment, False, login_name(by), reason, comment, forbid, None, as_json, prefer)


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
    prefer: str | None = None,
) -> None:
    from agent.desk import decide
    from agent.show import engine_note
    from knowledge.store.database import Store

    with Store.open(store) as opened:
        more = decide(
            opened,
            experiment,
            approve=approve,
            by=by,
            reason=reason,
            comment=comment,
            forbid=forbid,
            prefer=prefer,
            dossier=dossier,
        )
        note = engine_note(opened)
    verdict = "approved" if approve else "rejected"
    if as_json:
        print_json({"experiment": experiment, "verdict": verdict, "by": by, "approvals_missing": more, "note": note})
    else:
        missing = f"; {more} more approval{'s' if more > 1 else ''} needed, from other people" if more else ""
        typer.echo(f"{experiment}: {verdict} by {by}{missing}; {note}")


@reviews.command("edit")
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
        child = edit(opened, experiment, text, by=login_name(by))
    if as_json:
        print_json({"experiment": experiment, "child": child})
    else:
        typer.echo(f"{experiment} will be superseded by {child}, which awaits review")
