"""Predictions as text."""

from __future__ import annotations

from agent.predicting import Answer, Predicted
from agent.report import explained, words
from agent.show import Page
from knowledge.records.explanation import Explanation
from knowledge.records.properties import Property


def show_answer(answer: Answer) -> None:
    page = Page()
    prop = answer.property
    page.say(
        f"{words.heading(prop.name)} in {words.unit(prop.unit)}, {answer.level:.0%} intervals; "
        f"{answer.model} trained on {answer.molecules} molecules of the {answer.origin}",
        style="bold",
    )
    for one in answer.predictions:
        page.say(one.smiles)
        if one.problem:
            page.item("not predicted", one.problem, style="yellow")
            continue
        _show_one(page, one, prop)


def _show_one(page: Page, one: Predicted, prop: Property) -> None:
    unit = words.unit(prop.unit)
    page.item("predicted", f"{number(one.value)} {unit}, from {number(one.low)} to {number(one.high)}")
    if one.known is not None:
        page.item("known", f"{number(one.known.value)} {unit} ({one.known.source})")
    if one.in_domain is False:
        page.item("out of domain", one.reason, style="yellow")
    if one.explanation is not None:
        show_explanation(page, one.explanation, prop)
        return
    for near in one.neighbours:
        page.item("like", f"{near.smiles}, {number(near.value)} {unit}, similarity {near.similarity:.2f}")


def show_explanation(page: Page, why: Explanation, prop: Property) -> None:
    page.item("parts", explained.parts_line(why, prop))
    for near in why.precedents:
        value = explained.in_unit(near.value, prop)
        page.item("like", f"{explained.share(near.share)} {near.smiles}, {value}, similarity {near.similarity:.2f}")
    for prior in why.priors:
        page.item("prior", explained.prior_line(prior, prop))


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
