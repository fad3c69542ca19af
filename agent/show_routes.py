"""Routes as text: a line each to compare them, then the best one's procedures."""

from __future__ import annotations

from agent.routing import Answer, Planned
from agent.show import Page
from planners.routes.handbook import label
from planners.routes.rendering import render


def show_routes(answer: Answer) -> None:
    page = Page()
    page.say(f"{answer.target}   {answer.inchikey}", style="bold")
    page.say(answer.reason)
    page.say(
        f"{answer.expansions} molecules taken apart in {answer.seconds:.1f} s ({answer.why_stopped}); "
        f"{answer.models}; {answer.stock}",
        style="dim",
    )
    if answer.bad_lines:
        page.say(
            f"{len(answer.bad_lines)} lines of the stock were not read, first {answer.bad_lines[0]}", style="yellow"
        )
    if not answer.routes:
        _show_partial(page, answer)
        return
    page.table(
        ["route", "steps", "probability", "yield", "price", "hazard", "PMI", "forward check"],
        [_row(number, planned) for number, planned in enumerate(answer.routes, start=1)],
        whole=7,
    )
    for number, planned in enumerate(answer.routes, start=1):
        page.item(f"route {number}", "from " + " + ".join(label(leaf.smiles).name for leaf in planned.route.leaves))
    for number, planned in enumerate(answer.routes, start=1):
        if planned.procedures or not planned.route.steps:
            page.say(f"Route {number}", style="bold")
            page.say(render(planned.procedures))
            _show_checks(page, planned)
            return
        page.say(f"Route {number} has no procedure: {planned.problem}")


def _row(number: int, planned: Planned) -> list[str]:
    route, figures = planned.route, planned.route.figures
    shown = ["-"] * 5
    if figures is not None:
        intensity = "-" if figures.mass_intensity is None else f"{figures.mass_intensity:.0f}"
        shown = [
            f"{figures.probability:.2g}",
            f"{figures.overall_yield:.0%}",
            f"{figures.price:.2g}",
            f"{figures.hazard:.2f}",
            intensity,
        ]
    return [f"{number}{' *' if planned.front else ''}", str(len(route.steps)), *shown, planned.verdicts]


def _show_checks(page: Page, planned: Planned) -> None:
    for number, step in enumerate(planned.route.steps, start=1):
        if step.check is not None:
            page.item(f"step {number}", f"{step.check.verdict.value}: {'; '.join(step.check.reasons)}")


def _show_partial(page: Page, answer: Answer) -> None:
    partial = answer.partial
    if partial is None:
        return
    page.say("The nearest thing to a route:")
    for number, step in enumerate(partial.steps, start=1):
        page.item(f"step {number}", step.reaction_smiles)
    for smiles in partial.missing:
        page.item("not in stock", smiles)
