"""Predictions of one property as one HTML file, without scripts or outside resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.report.page import templates
from agent.report.structures import Structures

if TYPE_CHECKING:
    from agent.predicting import Answer


def render_predictions(answer: Answer) -> str:
    """HTML5 text; the same answer gives the same text."""
    structures = Structures()
    environment = templates()
    why = [p.explanation for p in answer.predictions if p.explanation is not None]
    # One scale for all of them, so that colours can be compared.
    largest = max((abs(value) for one in why for value in one.atoms), default=0.0)
    body = environment.get_template("predictions.html").render(a=answer, structures=structures, largest=largest)
    title = f"Predictions of {answer.property.name.replace('_', ' ')}"
    return environment.get_template("page.html").render(
        title=title, body=Markup(body), definitions=structures.definitions
    )
