"""The command line: every group of commands under one app, and every expected error as one line.

Exit codes: 0 done, 2 something must be changed (one line on stderr), 130 interrupted, 143 terminated (`design`). Heavy
imports are made inside commands.
"""

from __future__ import annotations

import os
import sys

import typer

from agent.commands.campaigns import campaigns
from agent.commands.design import designs
from agent.commands.estimate import estimates
from agent.commands.properties import properties
from agent.commands.quantum import quantum
from agent.commands.review import reviews
from agent.commands.route import routes
from agent.commands.store import stores
from agent.commands.tasks import questions

INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Athanor: an autonomous closed-loop chemist. Start with `run config/campaigns/green_solvent.yaml --dry-run`.",
)
app.add_typer(campaigns)
app.add_typer(designs)
app.add_typer(estimates)
app.add_typer(routes)
app.add_typer(properties)
app.add_typer(quantum)
app.add_typer(reviews, name="review")
app.add_typer(questions, name="tasks")
app.add_typer(stores, name="db")


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
        sys.stderr.write("interrupted; `resume` goes on with unfinished campaigns\n")
    sys.exit(code if isinstance(code, int) else 0)
