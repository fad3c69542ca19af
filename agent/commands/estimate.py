"""The command that says what a campaign would take before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import JsonOption, TableOption, print_json

estimates = typer.Typer()


@estimates.command("estimate")
def estimate_campaign(
    campaign: Annotated[Path, typer.Argument(help="Campaign file (YAML).")],
    table: TableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Size of a campaign's space, seconds and memory of its computing, from a short calibration on this machine."""
    from agent.campaign_file import read_campaign
    from agent.estimating import estimate

    told = estimate(read_campaign(campaign, table))
    if as_json:
        print_json(told)
        return
    from agent.show import Page

    page = Page()
    page.say(f"{told['campaign']}: an estimate", style="bold")
    page.item("space", told["space"]["words"])
    page.item("experiments", f"{told['experiments']} in {told['batches']} batches")
    seconds = told["seconds"]
    page.item("first batch", f"{seconds['first']:.0f} s")
    page.item("last batch", f"{seconds['last']:.0f} s")
    page.item("in all", f"{seconds['total']:.0f} s")
    page.item("memory", f"{told['memory_mb']:,} MB")
    for one in told["parts"]:
        page.item(one["name"], f"{one['total']:.0f} s in all; {one['size']:,} {one['unit']} in the last batch")
    page.say(told["words"])
