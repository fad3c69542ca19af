"""One campaign as one HTML file: `render(data)`, from plain data (`agent.report.data`) taken from the store."""

from __future__ import annotations

from agent.report.data import ReportData


def render(data: ReportData) -> str:
    """The whole report as HTML5 text, without scripts or outside resources. The same data give the same text."""
    # Imported late: drawing needs matplotlib and RDKit, and the command line imports this package.
    from agent.report.page import render_page

    return render_page(data)


__all__ = ["ReportData", "render"]
