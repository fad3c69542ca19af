"""Commands for what only a person can answer."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.commands.options import (
    DEFAULT_STORE,
    LARGEST,
    AsOption,
    JsonOption,
    StoreOption,
    login_name,
    print_json,
)

questions = typer.Typer(no_args_is_help=True, help="Questions that only a person can answer, and stop signs.")


@questions.command("list")
def tasks_list(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Open questions and stop signs."""
    from agent.show import show_tasks, task_rows

    rows = task_rows(store)
    if as_json:
        print_json(rows)
    else:
        show_tasks(rows)


@questions.command("answer")
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

    by = login_name(by)
    with Store.open(store) as opened:
        answer(opened, task, words, by=by)
    print_json({"task": task, "answer": words, "by": by}) if as_json else typer.echo(f"task {task}: {words}, says {by}")


@questions.command("release")
def tasks_release(
    subject: str, store: StoreOption = DEFAULT_STORE, by: AsOption = None, as_json: JsonOption = False
) -> None:
    """Take the stop sign off a campaign, an instrument or an experiment."""
    from agent.desk import release
    from knowledge.store.database import Store

    by = login_name(by)
    with Store.open(store) as opened:
        release(opened, subject, by=by)
    print_json({"released": subject, "by": by}) if as_json else typer.echo(f"{subject}: released by {by}")
