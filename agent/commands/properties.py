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
    name: Annotated[
        str,
        typer.Argument(
            metavar="PROPERTY", help="One of those that `properties` lists; with --csv also a name of your own."
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="A table of your own instead of the handbook: CSV, .gz as well.")
    ] = None,
    smiles: Annotated[str, typer.Option(metavar="COL", help="Its column of SMILES.")] = "",
    target: Annotated[str, typer.Option(metavar="COL", help="Its column of values.")] = "",
    unit: Annotated[
        str, typer.Option(help="Unit of values that name none; those that name another are converted to it.")
    ] = "",
    unit_column: Annotated[str | None, typer.Option(metavar="COL", help="Its column of units.")] = None,
    uncertainty: Annotated[
        str | None, typer.Option(metavar="COL", help="Its column of standard uncertainties, in the unit of the value.")
    ] = None,
    prior_column: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Its column of other estimates, computed or looked up, to start from."),
    ] = None,
    parent: Annotated[
        bool, typer.Option("--parent", help="Of salts, take the largest organic fragment, neutral.")
    ] = False,
    scale: Annotated[
        str, typer.Option(help="linear, or log for values over decades; of a property of your own.")
    ] = "linear",
    called: Annotated[
        str, typer.Option("--name", help="What the model is called when it shall not replace that of PROPERTY.")
    ] = "",
    rows: Annotated[
        int | None,
        typer.Option(
            help="Molecules to train on at most. Left out: 2000 of the handbook, all of a table.", min=10, max=20_000
        ),
    ] = None,
    models: Annotated[
        str, typer.Option(help="Models to try, the simplest first, as in gp,gp+prior,boosting. Left out: the usual.")
    ] = "",
    split: Annotated[
        str,
        typer.Option(
            help="Folds of the cross-validation. scaffold: chemistry the models have not seen; random: more of what "
            "they have seen; both: the first decides, the second where the first does not."
        ),
    ] = "both",
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.", min=0)] = 0,
    folder: FolderOption = FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Train the models of a property, publish how each did, and keep the best.

    It learns from the handbook, or with --csv from a table: --csv FILE --smiles COL --target COL.
    """
    from agent.training import OwnTable, Training, TrainingError
    from agent.training import train as carry_out
    from agent.training_progress import TrainingProgress
    from knowledge.qspr.candidates import UnknownModel
    from knowledge.qspr.shelf import Shelf
    from knowledge.qspr.trials import NoModel
    from knowledge.records.properties import UnknownProperty

    if split not in ("scaffold", "random", "both"):
        raise Unusable(f"--split '{split}': write scaffold, random or both")
    if scale not in ("linear", "log"):
        raise Unusable(f"--scale '{scale}': write linear or log")
    of_table = {
        "--smiles": smiles,
        "--target": target,
        "--unit": unit,
        "--unit-column": unit_column,
        "--uncertainty": uncertainty,
        "--prior-column": prior_column,
        "--parent": parent,
    }
    if csv is None and (given := [option for option, value in of_table.items() if value]):
        raise Unusable(f"{given[0]} is about a table: say which with --csv")
    if csv is not None and not (smiles and target):
        raise Unusable("--csv needs --smiles and --target: the columns of structures and values")
    table = None
    if csv is not None:
        table = OwnTable(csv, smiles, target, unit, unit_column, uncertainty, prior_column, parent)
    chosen = tuple(word.strip() for word in models.split(",") if word.strip())
    wish = Training(name, called, table, rows, chosen, split, scale, seed)
    try:
        with TrainingProgress(called or name, quiet=as_json) as progress:
            done = carry_out(wish, Shelf(folder), on_progress=progress)
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
                "split": done.split,
                "seed": seed,
                "origin": done.origin,
                "notes": list(done.notes),
                "table": list(done.table),
                "file": str(done.path),
            }
        )
    else:
        from agent.show_training import show_trained

        show_trained(done)


@properties.command()
def predict(
    smiles: Annotated[list[str], typer.Argument(metavar="SMILES...", help="Molecules.")],
    name: Annotated[str, typer.Option("--property", help="One of those that `properties` lists.")],
    level: Annotated[float, typer.Option(help="How often the interval shall hold.", min=0.01, max=0.999)] = 0.9,
    folder: FolderOption = FOLDER,
    temperature: Annotated[
        float | None,
        typer.Option(help="K; with --property vapour_pressure, which follows from the boiling point.", min=1),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with drawings.")] = None,
    explain: Annotated[
        bool | None,
        typer.Option("--explain/--no-explain", help="Say why. Left out: for up to 20 molecules."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict a property of molecules: value, interval, whether the model may be believed, and what it goes by."""
    from agent import vapour
    from agent.predicting import as_json as document
    from agent.predicting import predict as ask
    from knowledge.qspr.shelf import NoSuchModel, Shelf, Unreadable
    from knowledge.records.properties import PROPERTIES, UnknownProperty, get_property

    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise Unusable(f"{html}: cannot be written: not a file in an existing folder")
    shelf = Shelf(folder)
    if (temperature is not None) != (name == vapour.NAME):
        raise Unusable(f"--temperature goes with --property {vapour.NAME}, which needs one, and with no other")
    try:
        own = [trained for trained in shelf.names() if trained not in PROPERTIES]
        if temperature is not None:
            answer = vapour.vapour_pressures(smiles, shelf, temperature=temperature, level=level)
        else:
            if name not in own:
                get_property(name)
            answer = ask(name, smiles, shelf, level=level, explained=explain)
    except UnknownProperty as error:
        raise Unusable(f"{error}" + (f"; and of your tables: {', '.join(own)}" if own else "")) from None
    except (NoSuchModel, Unreadable) as error:
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
