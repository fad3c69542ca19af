"""Training results and the list of properties, as text."""

from __future__ import annotations

from typing import Any

from agent.report import words
from agent.show import Page
from agent.show_predictions import number
from agent.training import Trained
from knowledge.records.properties import Property, Scale


def show_overview(rows: list[dict[str, Any]]) -> None:
    page = Page()
    page.table(
        ["property", "unit", "molecules known", "model", "cross-validated error"],
        [
            [
                row["property"],
                words.unit(row["unit"]),
                "-" if row["molecules"] is None else str(row["molecules"]),
                *_trained(row["trained"], row["problem"]),
            ]
            for row in rows
        ],
    )
    if not any(row["trained"] for row in rows):
        page.say("No model is trained yet: `train PROPERTY` makes one.", style="dim")


def show_trained(done: Trained) -> None:
    page = Page()
    name, unit = words.title(done.property.name), _error_unit(done.property)
    of = "" if done.molecules == done.available else f" of {done.available}"
    page.say(f"{words.heading(done.property.name)}: {done.molecules} molecules{of} of the {done.origin}", style="bold")
    page.table(
        ["model", "folds", f"RMSE{unit}", f"MAE{unit}", "90 % interval holds, not calibrated", "seconds"],
        [line for row in done.table for line in _lines(row, done.model)],
        whole=2,
    )
    for row in done.table:
        if row["failure"]:
            page.item(row["model"], row["failure"], style="yellow")
    for note in done.notes:
        page.item("note", note)
    page.say(f"{name} will be predicted by {done.model}; kept in {done.path}")


def _error_unit(prop: Property) -> str:
    """To be put behind the name of a figure."""
    unit = "natural log" if prop.scale is Scale.LOG else words.unit(prop.unit)
    return f", {unit}" if unit else ""


def _lines(row: dict[str, Any], chosen: str) -> list[list[str]]:
    """One for each kind of folds, the first with the model's name."""
    name = f"{row['model']}{' *' if row['model'] == chosen else ''}"
    return [
        [
            "" if i else name,
            split,
            number(of_split["rmse"]),
            number(of_split["mae"]),
            "-" if of_split["raw_coverage"] is None else f"{of_split['raw_coverage']:.0%}",
            f"{of_split['seconds']:.0f}",
        ]
        for i, (split, of_split) in enumerate(row["splits"].items())
    ]


def _trained(about: dict[str, Any] | None, problem: str) -> list[str]:
    if about is None:
        return ["-", problem or "-"]
    own = next((row for row in about["table"] if row["model"] == about["model"]), None)
    molecules = f"{about['model']}, {about['molecules']} molecules"
    if own is None or own["mae"] is None:
        return [molecules, "-"]
    splits = own.get("splits") or {about["split"]: own}  # models of before had one split
    return [
        molecules,
        "MAE "
        + ", ".join(f"{number(of['mae'])} ({split} folds)" for split, of in sorted(splits.items(), reverse=True)),
    ]
