"""What people read on a terminal, and the same as data for `--json`."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text
from sqlmodel import col, select

from agent import desk, summary
from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import setting_of
from agent.conditions.words import in_words
from agent.doctor import Check
from knowledge.records.properties import components, get_property
from knowledge.store.database import Store, connect, plain_url, schema_of, store_url, translate
from knowledge.store.exclusive import engine_alive
from knowledge.store.tables import SCHEMA, Campaign, Hold, OperatorTask

SOURCES = {
    "instrument": "measured",
    "simulated:handbook": "simulated from a handbook value",
    "simulated:model": "simulated by a physical model",
    "replay": "replayed from a table of results",
}


class Page:
    """Lines and tables; on a terminal they are wrapped to its width, elsewhere a line stays a line.

    Nothing is read as markup: `[nH]` in a SMILES is not a colour.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)

    def say(self, words: str, *, indent: int = 0, style: str = "") -> None:
        if self._console.is_terminal:
            self._console.print(Padding(Text(words, style=style), (0, 0, 0, indent)))
        else:
            self._console.print(" " * indent + words, soft_wrap=True)

    def item(self, name: str, words: str, *, style: str = "") -> None:
        """A line with a name before it, in one column with those above and below."""
        if self._console.is_terminal:
            grid = Table.grid(Column(width=14), Column(overflow="fold"), padding=(0, 0, 0, 2))
            grid.add_row(Text(name, style="dim"), Text(words, style=style))
            self._console.print(grid)
        else:
            self._console.print(f"  {name:<14}{words}", soft_wrap=True)

    def table(self, columns: list[str], rows: list[list[str]], *, whole: int = 1) -> None:
        """The first `whole` columns are never broken."""
        heads = [
            Column(name, no_wrap=i < whole, overflow="fold", ratio=None if i < whole else 1)
            for i, name in enumerate(columns)
        ]
        table = Table(*heads, box=SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(table)


def engine_note(store: Store) -> str:
    """When the wish will be carried out."""
    return "the engine will act on it" if engine_alive(store) else "no engine runs: `resume` acts on it"


def status_of(url: str, campaign: str | None) -> list[dict[str, Any]]:
    with Store.open(url) as store, store.read() as session:
        if campaign is not None:
            found = [desk.find_campaign(session, campaign)]
        else:
            found = list(session.exec(select(Campaign).order_by(col(Campaign.created_at))))
        alive = engine_alive(store)
        rows = []
        for one in found:
            row = summary.summarise(session, one)
            row["budget"] = summary.spec_of(session, one).budget.experiments
            row["wants"] = desk.latest_wish(session, one.id).value
            row["engine_running"] = alive
            row["awaiting_review"] = [e.id for _, e in desk.open_reviews(session, one.id)]
            rows.append(row)
        return rows


def show_status(rows: list[dict[str, Any]]) -> None:
    page = Page()
    if not rows:
        page.say("no campaign yet: `run CAMPAIGN` starts one")
    for row in rows:
        running = "an engine runs" if row["engine_running"] else "no engine runs"
        if row["state"] != "active":
            running = row["outcome"]
        elif row["wants"] != "run":
            running = f"{row['wants']} asked for; {running}"
        elif not row["engine_running"]:
            running += ": `resume` goes on"
        page.say(f"{row['campaign']}: {row['state']}; {running}", style="bold")
        _say_progress(page, row)
        for hold in row["holds"]:
            page.item("on hold", f"{hold['scope']} {hold['subject']}: {hold['reason']}", style="red")
            page.item("", f"mend it, then `tasks release {hold['subject']}`")
        for task in row["tasks"]:
            answers = " or ".join(task["options"])
            page.item(
                "question", f"{task['question']}: `tasks answer {task['id']} ANSWER` with {answers}", style="yellow"
            )
        if row["awaiting_review"]:
            page.item("for review", f"{', '.join(row['awaiting_review'])}: `review show EXPERIMENT`", style="yellow")


def _say_progress(page: Page, row: dict[str, Any]) -> None:
    measured, batches = row["experiments"].get("CLOSED", 0), row["iterations"]
    page.item(
        "measured", f"{measured} of {row['budget']} experiments, in {batches} batch{'' if batches == 1 else 'es'}"
    )
    if row["experiments"]:
        page.item("states", ", ".join(f"{n} {state.lower()}" for state, n in row["experiments"].items()))
    _say_best(page, "best", row["best"])
    _say_best(page, "best bought", row.get("best_reference"))


def _say_best(page: Page, name: str, best: Any) -> None:
    if not best:
        return
    what = in_words(best["setting"]) if "setting" in best else best["smiles"]
    page.item(name, f"{what}  ({best['experiment']})", style="bold")
    for property_name, value in best["values"].items():
        if value is not None:
            page.item(
                "", f"{property_name} {_with_unit(property_name, value)}{_origin(best['simulated'], property_name)}"
            )


def _with_unit(name: str, value: float) -> str:
    unit = get_property(name).unit
    return f"{value:.4g}" + ("" if unit == "dimensionless" else f" {unit}")


def _origin(sources: dict[str, str], name: str) -> str:
    """Where a value came from; a derived one has the sources of those behind it."""
    words = sorted({SOURCES.get(sources[n], sources[n]) for n in components(name) if n in sources})
    return f", {' and '.join(words)}" if words else ""


def show_results(results: list[dict[str, Any]]) -> None:
    page = Page()
    for row in results:
        page.say(
            f"{row['campaign']}: {row['state']}; {row['outcome'] or 'waiting'} ({row['wall_s']:.0f} s)", style="bold"
        )
        _say_progress(page, row)
        page.item("models", f"{row['model_versions']} versions")
        if row["hypervolume"]:
            page.item("hypervolume", f"by batch: {'  '.join(f'{v:.3f}' for v in row['hypervolume'])}")
        if row["report"]:
            page.item("report", row["report"])


def experiment_rows(url: str, campaign: str | None) -> list[dict[str, Any]]:
    with Store.open(url) as store, store.read() as session:
        found = desk.find_campaign(session, campaign)
        searched = isinstance(summary.spec_of(session, found), ConditionsSpec)
        measured = summary.measurements_of(session, found.id)
        return [
            {
                "experiment": e.id,
                "iteration": e.iteration,
                "state": e.state,
                "smiles": e.smiles,
                **({"setting": setting_of(session, e)} if searched else {}),
                "reference": e.reference,
                "outcome": e.outcome,
                "values": {
                    n: {"value": m.value, "std": m.std, "source": m.source.value, "qc_flag": m.qc_flag}
                    for n, m in sorted(measured.get(e.id, {}).items())
                },
            }
            for e in summary.experiments_of(session, found.id)
        ]


def show_experiments(rows: list[dict[str, Any]]) -> None:
    page = Page()
    if not rows:
        page.say("no experiment yet")
        return
    table = []
    for row in rows:
        lines = [
            f"{name} {v['value']:.4g}{_spread(v['std'])}{_mark(v['source'])}"
            + (f" ({v['qc_flag']})" if v["qc_flag"] else "")
            for name, v in row["values"].items()
        ]
        if row["outcome"]:
            lines.append(row["outcome"])
        what = in_words(row["setting"]) if "setting" in row else row["smiles"]
        table.append(
            [
                row["experiment"],
                row["state"].lower(),
                what + (" (bought)" if row["reference"] else ""),
                "\n".join(lines),
            ]
        )
    head = "conditions" if "setting" in rows[0] else "molecule"
    page.table(["experiment", "state", head, "results"], table, whole=2)
    if any(v["source"].startswith("simulated") for row in rows for v in row["values"].values()):
        page.say("* simulated: the answer of a virtual lab, not of a sample")
    if any(v["source"] == "replay" for row in rows for v in row["values"].values()):
        page.say("† replayed: measured before, and answered from a table")
    units = {name: get_property(name).unit for row in rows for name in row["values"]}
    named = [f"{name} {unit}" for name, unit in sorted(units.items()) if unit != "dimensionless"]
    if named:
        page.say(f"units: {', '.join(named)}")


def _spread(std: float) -> str:
    """Nothing where nobody knows it: what a table had recorded may come without one."""
    return f" ± {std:.2g}" if std > 0.0 else ""


def _mark(source: str) -> str:
    return "*" if source.startswith("simulated") else "†" if source == "replay" else ""


def moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def task_rows(url: str) -> dict[str, Any]:
    with Store.open(url) as store, store.read() as session:
        tasks = session.exec(select(OperatorTask).where(OperatorTask.answer == None).order_by(col(OperatorTask.id)))  # noqa: E711
        holds = session.exec(select(Hold).where(Hold.released_at == None).order_by(col(Hold.id)))  # noqa: E711
        return {
            "tasks": [
                {"id": t.id, "experiment": t.experiment_id, "question": t.question, "options": t.options.split(",")}
                for t in tasks
            ],
            "holds": [{"scope": h.scope, "subject": h.subject, "reason": h.reason, "since": h.at} for h in holds],
        }


def show_tasks(rows: dict[str, Any]) -> None:
    page = Page()
    if not rows["tasks"] and not rows["holds"]:
        page.say("nothing waits for a person")
    for task in rows["tasks"]:
        answers = " or ".join(task["options"])
        page.say(f"{task['question']}: `tasks answer {task['id']} ANSWER` with {answers}")
    for hold in rows["holds"]:
        page.say(f"{hold['scope']} {hold['subject']} is on hold since {moment(hold['since'])}: {hold['reason']}")
        page.say(f"mend it, then `tasks release {hold['subject']}`", indent=2)


def upgrade_store(url: str) -> tuple[str | None, str]:
    """(schema before, schema now); a store that does not exist is made. Raises StoreError."""
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from knowledge.store.errors import SchemaMismatch
    from knowledge.store.migrate import upgrade

    full = store_url(url)
    try:
        engine = connect(full)
        try:
            before = schema_of(engine)
        finally:
            engine.dispose()
        upgrade(url)
    except SQLAlchemyError as error:
        raise translate(error, full) from None
    except CommandError:  # Alembic does not know the revision
        raise SchemaMismatch(
            f"the store {plain_url(full)} has schema {before}, which this version ({SCHEMA}) does not know: "
            "a newer Athanor wrote it; use that one, or name another --store"
        ) from None
    return before, SCHEMA


def show_checks(checks: list[Check]) -> None:
    page = Page()
    page.table(["check", "result", "detail"], [[c.what, c.result, c.detail] for c in checks], whole=2)
    if all(c.result != "bad" for c in checks):
        page.say("everything that a run needs is here")
