"""Commands that care for the experiment store."""

from __future__ import annotations

import typer

from agent.commands.options import (
    DEFAULT_STORE,
    JsonOption,
    StoreOption,
    print_json,
)

stores = typer.Typer(no_args_is_help=True, help="Care for the experiment store.")


@stores.command("upgrade")
def db_upgrade(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Bring a store's schema up to this version."""
    from agent.show import upgrade_store

    before, after = upgrade_store(store)
    print_json({"before": before, "after": after}) if as_json else typer.echo(f"schema {before or 'none'} -> {after}")


@stores.command("verify")
def db_verify(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Recompute the event log's hash chain and the hashes of documents and signals."""
    from agent.doctor import verify_store

    counts = verify_store(store)
    if as_json:
        print_json(counts)
    else:
        events, documents, signals = counts["events"], counts["documents"], counts["signals"]
        typer.echo(f"{events} events, {documents} documents and {signals} signals: all as they were written")
