"""Commands for property models: which there are, training one, asking one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import JsonOption, Unusable, print_json

properties = typer.Typer(no_args_is_help=True)
FolderOption = Annotated[Path, typer.Option("--folder", help="Where trained property models are kept.")]
FOLDER = Path("runs/models")


@properties.command("properties")
def list_properties(folder: FolderOption = FOLDER, as_json: JsonOption = False) -> None:
    """What can be predicted: properties, units, how much is known, and which models are trained."""
    from agent.training import overview
    from knowledge.qspr.shelf import Shelf

    rows = overview(Shelf(folder))
    if as_json:
        print_json(rows)
    else:
        from agent.show_training import show_overview

        show_overview(rows)


@properties.command()
def train(
    name: Annotated[str, typer.Argument(metavar="PROPERTY", help="One of those that `properties` lists.")],
    rows: Annotated[int, typer.Option(help="Molecules to train on at most.", min=10, max=20_000)] = 2000,
    models: Annotated[
        str, typer.Option(help="Models to try, the simplest first, as in gp,gp+prior,boosting. Left out: the usual.")
    ] = "",
    split: Annotated[str, typer.Option(help="Folds of the cross-validation: scaffold or random.")] = "scaffold",
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.", min=0)] = 0,
    folder: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Train the models of a property on the handbook, publish how each did, and keep the best."""
    from agent.training import Training, TrainingError
    from agent.training import train as carry_out
    from knowledge.qspr.candidates import UnknownModel, usual
    from knowledge.qspr.selection import NoModel
    from knowledge.qspr.shelf import Shelf
    from knowledge.records.properties import UnknownProperty

    if split not in ("scaffold", "random"):
        raise Unusable(f"--split '{split}': write scaffold or random")
    chosen = tuple(word.strip() for word in models.split(",") if word.strip())
    if not as_json:
        tried = ", ".join(chosen or usual(name))
        typer.echo(f"{name}: cross-validating {tried}; this takes minutes", err=True)
    try:
        done = carry_out(Training(name, rows, chosen, split, seed), Shelf(folder))
    except (UnknownProperty, UnknownModel, TrainingError, NoModel) as error:
        raise Unusable(str(error)) from None
    if as_json:
        print_json(
            {
                "property": done.property.name,
                "unit": done.property.unit,
                "scale": done.property.scale.value,
                "model": done.model,
                "molecules": done.molecules,
                "available": done.available,
                "split": split,
                "seed": seed,
                "table": list(done.table),
                "file": str(done.path),
            }
        )
    else:
        from agent.show_training import show_trained

        show_trained(done, split)


@properties.command()
def predict(
    smiles: Annotated[list[str], typer.Argument(metavar="SMILES...", help="Molecules.")],
    name: Annotated[str, typer.Option("--property", help="One of those that `properties` lists.")],
    level: Annotated[float, typer.Option(help="How often the interval shall hold.", min=0.01, max=0.999)] = 0.9,
    folder: FolderOption = FOLDER,
    html: Annotated[Path | None, typer.Option(help="Write a page with drawings.")] = None,
    explain: Annotated[
        bool | None,
        typer.Option("--explain/--no-explain", help="Say why. Left out: for up to 20 molecules."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict a property of molecules: value, interval, whether the model may be believed, and what it goes by."""
    from agent.predicting import as_json as document
    from agent.predicting import predict as ask
    from knowledge.qspr.shelf import NoSuchModel, Shelf, Unreadable
    from knowledge.records.properties import UnknownProperty, get_property

    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise Unusable(f"{html}: cannot be written: not a file in an existing folder")
    try:
        get_property(name)
        answer = ask(name, smiles, Shelf(folder), level=level, explained=explain)
    except (UnknownProperty, NoSuchModel, Unreadable) as error:
        raise Unusable(str(error)) from None
    if html is not None:
        from agent.report.predictions_page import render_predictions

        html.write_text(render_predictions(answer), encoding="utf-8")
    if as_json:
        print_json(document(answer))
    else:
        from agent.show_predictions import show_answer

        show_answer(answer)
        if html is not None:
            typer.echo(f"written: {html}")
    problems = answer.problems()
    if problems:  # the others were answered; the exit code still tells a program
        raise Unusable("; ".join(p.problem for p in problems))
