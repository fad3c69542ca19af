"""The command that plans routes for one molecule."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import JsonOption, Unusable, print_json

if TYPE_CHECKING:
    from agent.routing import Answer
    from knowledge.records.quantity import Quantity

routes = typer.Typer()


class ModelChoice(StrEnum):
    ALL = "all"
    RULES = "rules"
    LEARNED = "learned"


class Algorithm(StrEnum):
    RETRO_STAR = "retro*"
    MCTS = "mcts"


@routes.command()
def route(
    smiles: Annotated[str, typer.Argument(metavar="SMILES", help="The molecule to make.")],
    seconds: Annotated[float, typer.Option(help="Time for the search.", min=0.1, max=86_400.0)] = 30.0,
    stock: Annotated[
        Path | None, typer.Option(help="What can be bought: a file of SMILES or InChIKeys. Left out: built in.")
    ] = None,
    number: Annotated[int, typer.Option("--routes", help="Routes to show.", min=1, max=100)] = 5,
    max_steps: Annotated[int, typer.Option(help="Reactions in a route at most.", min=1, max=20)] = 8,
    mass: Annotated[str, typer.Option(help="How much target the procedures make.")] = "10 g",
    models: Annotated[ModelChoice, typer.Option(help="Who proposes disconnections.")] = ModelChoice.ALL,
    algorithm: Annotated[Algorithm, typer.Option(help="How the search goes on.")] = Algorithm.RETRO_STAR,
    html: Annotated[Path | None, typer.Option(help="Write a page with drawings of each route.")] = None,
    xdl: Annotated[Path | None, typer.Option(help="Write the best route's procedures as XDL.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Plan how to make a molecule from what can be bought: routes, forward checks, procedures."""
    from agent.routing import Wish, plan_routes
    from agent.routing import as_json as document
    from agent.searching import searching
    from knowledge.records.molecule import InvalidMolecule

    for path in (html, xdl):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise Unusable(f"{path}: cannot be written: not a file in an existing folder")
    wish = Wish(
        smiles=smiles,
        seconds=seconds,
        routes=number,
        max_steps=max_steps,
        stock=stock,
        models=models.value,
        algorithm=algorithm.value,
        mass=_mass(mass),
    )
    try:
        with searching(seconds, quiet=as_json) as progress:
            answer = plan_routes(wish, progress)
    except (InvalidMolecule, ValueError, RuntimeError) as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"{error.filename or stock}: {error.strerror}") from None
    _write(answer, html, xdl)
    if as_json:
        print_json(document(answer))
    else:
        from agent.show_routes import show_routes

        show_routes(answer)
        for path in (html, xdl):
            if path is not None:
                typer.echo(f"written: {path}")


def _mass(text: str) -> Quantity:
    from pydantic import ValidationError

    from knowledge.records.quantity import Quantity, UnitMismatch

    try:
        mass = Quantity.model_validate(text)
        grams = mass.magnitude("g")
    except (ValidationError, UnitMismatch, ValueError):
        raise Unusable(f"--mass '{text}' is no mass; write a number and a unit, such as '5 g'") from None
    if not 0.0 < grams <= 10_000.0:
        raise Unusable(f"--mass {text}: between 0 and 10 kg, please")
    return mass


def _write(answer: Answer, html: Path | None, xdl: Path | None) -> None:
    if html is not None:
        from agent.report.routes_page import render_routes

        html.write_text(render_routes(answer), encoding="utf-8")
    if xdl is not None:
        from planners.routes.xdl import to_xdl

        written = next((p for p in answer.routes if p.procedures), None)
        if written is None:
            raise Unusable(f"{xdl}: not written: there is no route with procedures")
        xdl.write_text(to_xdl(written.procedures, written.route), encoding="utf-8")
