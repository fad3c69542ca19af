"""Routes for one molecule as one HTML file, without scripts or outside resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.report.page import templates
from agent.report.steps import StepView, steps_of
from agent.report.structures import Structures
from knowledge.records.route import Route

if TYPE_CHECKING:
    from agent.routing import Answer


@dataclass(frozen=True)
class RouteView:
    route: Route
    steps: tuple[StepView, ...]
    verdicts: str
    problem: str
    front: bool


def render_routes(answer: Answer) -> str:
    """HTML5 text; the same answer gives the same text."""
    structures = Structures()
    routes = [
        RouteView(p.route, steps_of(p.route, p.procedures, (), {}), p.verdicts, p.problem, p.front)
        for p in answer.routes
    ]
    environment = templates()
    body = environment.get_template("routes.html").render(
        a=answer, routes=routes, draw=structures.draw, name=lambda smiles: ""
    )
    title = f"Routes to {answer.target}"
    return environment.get_template("page.html").render(
        title=title, body=Markup(body), definitions=structures.definitions
    )
