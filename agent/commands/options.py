"""What commands share: options, the one-line error, and how answers are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

DEFAULT_STORE = "runs/athanor.sqlite"

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
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table", help="Results that a replay lab answers from (CSV); else ATHANOR_TABLE, or the file's own."
    ),
]
CampaignOption = Annotated[str | None, typer.Option("--campaign", help="Campaign id; the newest when left out.")]


class Unusable(Exception):
    """One line for stderr, exit 2."""


def login_name(by: str | None) -> str:
    if by is not None:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise Unusable("this login has no name; say who you are with --as NAME") from None


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))
