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
            [row["property"], words.unit(row["unit"]), str(row["molecules"]), *_trained(row["trained"], row["problem"])]
            for row in rows
        ],
    )
    if not any(row["trained"] for row in rows):
        page.say("No model is trained yet: `train PROPERTY` makes one.", style="dim")


def show_trained(done: Trained, split: str) -> None:
    page = Page()
    name, unit = words.title(done.property.name), _error_unit(done.property)
    of = "" if done.molecules == done.available else f" of {done.available}"
    page.say(f"{words.heading(done.property.name)}: {done.molecules} molecules{of}, {split} folds", style="bold")
    page.table(
        ["model", f"RMSE, {unit}", f"MAE, {unit}", "90 % interval holds, not calibrated", "seconds"],
        [_line(row, done.model) for row in done.table],
    )
    for row in done.table:
        if row["failure"]:
            page.item(row["model"], row["failure"], style="yellow")
    page.say(f"{name} will be predicted by {done.model}; kept in {done.path}")


def _error_unit(prop: Property) -> str:
    return "natural log" if prop.scale is Scale.LOG else words.unit(prop.unit)


def _line(row: dict[str, Any], chosen: str) -> list[str]:
    coverage = row["raw_coverage"]
    return [
        f"{row['model']}{' *' if row['model'] == chosen else ''}",
        number(row["rmse"]),
        number(row["mae"]),
        "-" if coverage is None else f"{coverage:.0%}",
        f"{row['seconds']:.0f}",
    ]


def _trained(about: dict[str, Any] | None, problem: str) -> list[str]:
    if about is None:
        return ["-", problem or "-"]
    own = next((row for row in about["table"] if row["model"] == about["model"]), None)
    error = "-" if own is None or own["mae"] is None else f"MAE {number(own['mae'])} ({about['split']} folds)"
    return [f"{about['model']}, {about['molecules']} molecules", error]
