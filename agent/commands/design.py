"""The command that designs molecules for a problem."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import LARGEST, JsonOption, Unusable, print_json

if TYPE_CHECKING:
    from agent.designing import Design

designs = typer.Typer()
MODELS = Path("runs/models")


class Clock(StrEnum):
    CPU = "cpu"
    NONE = "none"


@designs.command()
def design(
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM", help="Design problem (YAML), see config/problems.")],
    generator: Annotated[
        str, typer.Option(metavar="NAME", help="Who proposes molecules. Left out: portfolio, else genetic.")
    ] = "",
    number: Annotated[int, typer.Option("--n", help="Molecules to show.", min=1, max=1000)] = 10,
    calls: Annotated[int, typer.Option(help="Molecules to judge at most.", min=1, max=1_000_000)] = 400,
    seed: Annotated[
        int | None,
        typer.Option(
            help="The same seed gives the same molecules (portfolio: with --clock none). Left out: the problem's.",
            min=0,
        ),
    ] = None,
    clock: Annotated[
        Clock,
        typer.Option(
            help="cpu: generators of a portfolio get turns by what theirs brought per processor second; none: by what "
            "they brought, which takes longer and is the same every time."
        ),
    ] = Clock.CPU,
    html: Annotated[Path | None, typer.Option(help="Write a page with drawings.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write a table of the molecules.")] = None,
    folder: Annotated[
        Path, typer.Option("--models", help="Where trained property models are kept; they go before the handbook's.")
    ] = MODELS,
    as_json: JsonOption = False,
) -> None:
    """Design molecules for a problem: the best with predicted values, where each came from, and what was refused."""
    from agent.design_progress import designing
    from agent.designing import Wish
    from agent.designing import as_json as document
    from agent.designing import design as carry_out
    from agent.problem_file import read_problem
    from agent.termination import TERMINATED, as_interrupt
    from knowledge.quantum.surrogate import WeightsUnusable
    from planners.design.evaluation.evaluator import CannotEvaluate
    from planners.design.families import UnknownGenerator
    from planners.design.generator import CannotServe

    for path in (html, csv):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise Unusable(f"{path}: cannot be written: not a file in an existing folder")
    if seed is not None and seed > LARGEST:
        raise Unusable(f"--seed {seed}: {LARGEST} at most")
    timer = time.process_time if clock is Clock.CPU else None
    wish = Wish(read_problem(problem, folder), generator, number, calls, seed, folder, timer)
    with as_interrupt() as termination:
        try:
            with designing(calls, quiet=as_json) as progress:
                found = carry_out(wish, on_stage=progress.stage, on_step=progress.step)
        except (UnknownGenerator, CannotServe, CannotEvaluate, WeightsUnusable) as error:
            raise Unusable(str(error)) from None
        except KeyboardInterrupt:
            if not termination.asked:
                raise
            typer.echo("terminated before there was anything to show", err=True)
            raise typer.Exit(TERMINATED) from None
        _write(found, html, csv)
        if as_json:
            print_json(document(found))
        else:
            from agent.show_design import show_design

            show_design(found)
            for path in (html, csv):
                if path is not None:
                    typer.echo(f"written: {path}")
    if termination.asked:
        raise typer.Exit(TERMINATED)
    if not found.feasible:  # the nearest misses were shown; the exit code still tells a program
        raise Unusable(_nothing(found))


def _write(found: Design, html: Path | None, csv: Path | None) -> None:
    if html is not None:
        from agent.report.design_page import render_design

        html.write_text(render_design(found), encoding="utf-8")
    if csv is not None:
        from agent.show_design import as_csv

        csv.write_text(as_csv(found), encoding="utf-8")


def _nothing(found: Design) -> str:
    if not found.calls:
        return f"{found.generator} found no molecule of this space that it may propose"
    most = next(iter(found.refused), "")
    broken = f"; broken most often: {most} ({found.refused[most]} molecules)" if most else ""
    return f"none of {found.calls} molecules meets all requirements{broken}"
