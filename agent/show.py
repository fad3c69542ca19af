"""What people read on a terminal, and the same as data for `--json`."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from agent import desk, summary
from agent.doctor import Check
from knowledge.store.database import Store, connect, schema_of, store_url
from knowledge.store.exclusive import engine_alive
from knowledge.store.tables import SCHEMA, Campaign, Hold, OperatorTask


def _console() -> Console:
    return Console(highlight=False)


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
    console = _console()
    if not rows:
        console.print("no campaign yet: `run CAMPAIGN` starts one")
    for row in rows:
        measured = row["experiments"].get("CLOSED", 0)
        running = "engine running" if row["engine_running"] else "no engine running"
        console.print(
            f"[bold]{row['campaign']}[/]  {row['state']} (wanted: {row['wants']}; {running}) {row['outcome']}"
        )
        console.print(
            f"  {measured} of {row['budget']} measured in {row['iterations']} batches: {_states(row['experiments'])}"
        )
        _print_best(console, row["best"])
        for hold in row["holds"]:
            console.print(f"  [red]on hold[/] {hold['scope']} {hold['subject']}: {hold['reason']}")
        for task in row["tasks"]:
            console.print(f"  [yellow]task {task['id']}[/] {task['question']} ({', '.join(task['options'])})")
        if row["awaiting_review"]:
            console.print(f"  awaiting review: {', '.join(row['awaiting_review'])}")


def _states(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {state.lower()}" for state, n in counts.items()) or "nothing yet"


def _print_best(console: Console, best: Any) -> None:
    if best:
        values = ", ".join(f"{name} {value:.4g}" for name, value in best["values"].items() if value is not None)
        console.print(f"  best: {best['smiles']}  {values}  ({best['experiment']})")
        origins = sorted(set(best["simulated"].values()))
        console.print(f"        values from: {', '.join(origins)}")


def show_results(results: list[dict[str, Any]]) -> None:
    console = _console()
    for row in results:
        console.print(
            f"[bold]{row['campaign']}[/] {row['state']}: {row['outcome'] or 'waiting'} ({row['wall_s']:.0f} s)"
        )
        console.print(
            f"  experiments: {_states(row['experiments'])}; batches: {row['iterations']}; models: {row['model_versions']}"
        )
        _print_best(console, row["best"])
        if row["hypervolume"]:
            console.print(f"  hypervolume by batch: {'  '.join(f'{v:.3f}' for v in row['hypervolume'])}")
        console.print(f"  report: {row['report']}")


def experiment_rows(url: str, campaign: str | None) -> list[dict[str, Any]]:
    with Store.open(url) as store, store.read() as session:
        found = desk.find_campaign(session, campaign)
        measured = summary.measurements_of(session, found.id)
        return [
            {
                "experiment": e.id,
                "iteration": e.iteration,
                "state": e.state,
                "smiles": e.smiles,
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
    table = Table("experiment", "state", "molecule", "values (all simulated values are marked *)", "outcome")
    for row in rows:
        values = ", ".join(
            f"{name} {v['value']:.4g}±{v['std']:.2g}{'*' if v['source'].startswith('simulated') else ''}"
            for name, v in row["values"].items()
        )
        table.add_row(
            row["experiment"],
            row["state"],
            row["smiles"] + (" (bought)" if row["reference"] else ""),
            values,
            row["outcome"],
        )
    _console().print(table)


def review_rows(url: str, campaign: str | None) -> list[dict[str, Any]]:
    with Store.open(url) as store, store.read() as session:
        campaign_id = desk.find_campaign(session, campaign).id if campaign is not None else None
        return [
            {
                "experiment": e.id,
                "smiles": e.smiles,
                "dossier": r.dossier,
                "approvals_needed": r.approvals_needed,
                "asked_at": r.at,
                "expires_at": r.expires_at,
                "proposer": e.proposer,
            }
            for r, e in desk.open_reviews(session, campaign_id)
        ]


def show_reviews(rows: list[dict[str, Any]]) -> None:
    if not rows:
        _console().print("nothing waits for a decision")
        return
    table = Table("experiment", "molecule", "dossier", "approvals needed", "expires")
    for row in rows:
        table.add_row(
            row["experiment"], row["smiles"], row["dossier"][:12], str(row["approvals_needed"]), row["expires_at"]
        )
    _console().print(table)


def dossier_of(url: str, experiment_id: str) -> dict[str, Any]:
    with Store.open(url) as store, store.read() as session:
        experiment = desk.find_experiment(session, experiment_id)
        return {"experiment": experiment.id, "state": experiment.state, **desk.plan_of(session, experiment)}


def show_dossier(plan: dict[str, Any]) -> None:
    console = _console()
    console.print(f"[bold]{plan['experiment']}[/] {plan['state']}")
    if "dossier" not in plan:
        console.print("no plan yet")
        return
    from knowledge.records.procedure import Procedure
    from planners.routes.rendering import render

    candidate = plan["candidate"]
    made = "bought from stock" if not plan["route"]["steps"] else f"{len(plan['route']['steps'])} step(s) from stock"
    console.print(f"dossier {plan['sha256']}\nmolecule {candidate['molecule']['smiles']} ({made})")
    came = candidate["provenance"]
    console.print(f"proposed by {came['generator']}/{came['operator']} from {', '.join(came['parents']) or 'nothing'}")
    for name, estimate in sorted(candidate["predicted"].items()):
        console.print(f"  predicted {name}: {estimate['mean']:.4g} ± {estimate['std']:.2g} {estimate['unit']}")
    console.print(render([Procedure.model_validate(p) for p in plan["procedures"]]), markup=False)
    for material in plan["dossier"]["materials"]:
        console.print(
            f"  takes {material['grams']:.4g} g of {material['smiles']} ({material['supplier']})", markup=False
        )
    for alert in plan["dossier"]["hazards"]["alerts"]:
        console.print(f"  hazard {alert['severity']} {alert['code']}: {alert['text']}", markup=False)
    for question in plan["dossier"]["hazards"]["unknown"]:
        console.print(f"  unknown: {question}", markup=False)
    console.print(f"instruments: {', '.join(plan['dossier']['instruments'])}")


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
    console = _console()
    if not rows["tasks"] and not rows["holds"]:
        console.print("nothing waits for a person")
    for task in rows["tasks"]:
        console.print(f"task {task['id']}: {task['question']} Answers: {', '.join(task['options'])}", markup=False)
    for hold in rows["holds"]:
        console.print(
            f"on hold since {hold['since']}: {hold['scope']} {hold['subject']}: {hold['reason']}", markup=False
        )


def upgrade_store(url: str) -> tuple[str | None, str]:
    from knowledge.store.migrate import upgrade

    engine = connect(store_url(url))
    try:
        before = schema_of(engine)
    finally:
        engine.dispose()
    upgrade(url)
    return before, SCHEMA


def show_checks(checks: list[Check]) -> None:
    table = Table("check", "result", "detail")
    colours = {"good": "green", "note": "yellow", "bad": "red"}
    for check in checks:
        table.add_row(check.what, f"[{colours[check.result]}]{check.result}[/]", check.detail)
    _console().print(table)
