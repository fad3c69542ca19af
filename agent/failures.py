"""From an exception to one line on stderr and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

LOG = Path("runs") / "athanor.log"


def report_failure(error: Exception) -> int:
    """2, after one line; what nobody expected is written whole to a log file that the line names."""
    import typer

    usage = typer.BadParameter.__mro__[1]  # typer keeps click inside; its base of all usage errors has no public name
    if isinstance(error, usage) and hasattr(error, "format_message"):
        return _say(f"{error.format_message() or 'name a command'} (see `--help`)")
    if _expected(error):
        return _say(str(error))
    if isinstance(error, OSError) and error.strerror:
        return _say(f"{error.filename or 'writing the output'}: {error.strerror}")
    if isinstance(error, UnicodeEncodeError):
        return _say("an argument holds bytes that are not text in UTF-8")
    from loguru import logger

    try:
        LOG.parent.mkdir(exist_ok=True)
        logger.remove()
        logger.add(LOG, diagnose=False)  # diagnose would write the values of variables, and with them secrets
        logger.opt(exception=error).error("unexpected failure")
        where = f"; the details are in {LOG}"
    except OSError:
        where = ""
    return _say(f"internal error: {type(error).__name__}: {error}{where}")


def _expected(error: Exception) -> bool:
    from agent.campaign import CampaignError
    from agent.commands.options import Unusable
    from agent.desk import DeskError
    from knowledge.store.errors import StoreError

    return isinstance(error, (CampaignError, DeskError, StoreError, Unusable))


def _say(words: str) -> int:
    sys.stderr.write(" ".join(words.split()) + "\n")
    return 2
