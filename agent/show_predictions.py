"""Predictions and their reasons as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.predicting import Answer, Predicted
from agent.report import explained, words
from agent.show import Page
from knowledge.records.explanation import Forecast
from knowledge.records.properties import Property, get_property


def show_answer(answer: Answer) -> None:
    page = Page()
    prop = answer.property
    page.say(
        f"{words.heading(prop.name)} in {words.unit(prop.unit)}, {answer.level:.0%} intervals; " + learned(answer),
        style="bold",
    )
    for one in answer.predictions:
        page.say(one.smiles)
        if one.problem:
            page.item("not predicted", one.problem, style="yellow")
            continue
        _show_one(page, one, prop)


def learned(answer: Answer) -> str:
    """What answered, and what it has learned from."""
    if not answer.molecules:
        return answer.model
    return f"{answer.model} trained on {answer.molecules} molecules of the {answer.origin}"


def _show_one(page: Page, one: Predicted, prop: Property) -> None:
    unit = words.unit(prop.unit)
    page.item("predicted", f"{number(one.value)} {unit}, from {number(one.low)} to {number(one.high)}")
    if one.basis:
        page.item("from", one.basis)
    if one.moved:
        page.item("moved", one.moved)
    if one.known is not None:
        page.item("known", f"{number(one.known.value)} {unit} ({one.known.source})")
    if one.in_domain is False:
        page.item("out of domain", one.reason, style="yellow")
    if one.explanation is not None:
        for name, told in explained.lines(one.explanation, prop):
            page.item(name, told)
        return
    for near in one.neighbours:
        page.item("like", f"{near.smiles}, {number(near.value)} {unit}, similarity {near.similarity:.2f}")


def say_forecasts(page: Page, forecasts: Iterable[Mapping[str, Any]]) -> set[str]:
    """Predictions with their reasons, as they were when a molecule was proposed; the properties told."""
    told = set()
    for one in map(Forecast.model_validate, forecasts):
        told.add(one.property)
        page.item(
            "predicted", f"{one.property} {explained.forecast_line(one)}", style="" if one.in_domain else "yellow"
        )
        if one.explanation is not None:
            for name, why in explained.lines(one.explanation, get_property(one.property), precedents=3):
                page.item(f"  {name}", why, style="dim")
    return told


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
