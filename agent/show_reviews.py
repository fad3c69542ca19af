"""What waits for a decision, and one experiment's dossier, as people read them and as data for `--json`."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from agent import desk, summary
from agent.conditions.spec import ConditionsSpec
from agent.conditions.trials import setting_of
from agent.conditions.words import in_words
from agent.show import Page, moment
from knowledge.store.database import Store
from knowledge.store.tables import Experiment


def review_rows(url: str, campaign: str | None) -> list[dict[str, Any]]:
    with Store.open(url) as store, store.read() as session:
        campaign_id = desk.find_campaign(session, campaign).id if campaign is not None else None
        return [
            {
                "experiment": e.id,
                "smiles": e.smiles,
                "dossier": r.dossier,
                "approvals_needed": r.approvals_needed,
                "approvals": len(desk.approvers(session, e)),
                "asked_at": r.at,
                "expires_at": r.expires_at,
                "proposer": e.proposer,
                **_setting_of(session, e),
            }
            for r, e in desk.open_reviews(session, campaign_id)
        ]


def show_reviews(rows: list[dict[str, Any]]) -> None:
    page = Page()
    if not rows:
        page.say("nothing waits for a decision")
        return
    table = [
        [
            row["experiment"],
            row.get("conditions", row["smiles"]),
            f"{row['approvals']} of {row['approvals_needed']} approvals, until {moment(row['expires_at'])}",
            row["dossier"][:12],
        ]
        for row in rows
    ]
    page.table(["experiment", "conditions" if "conditions" in rows[0] else "molecule", "waits for", "dossier"], table)
    page.say("read one with `review show EXPERIMENT`, then `review approve` or `review reject --reason REASON`")


def _setting_of(session: Session, experiment: Experiment) -> dict[str, Any]:
    spec = summary.spec_of(session, desk.find_campaign(session, experiment.campaign_id))
    if not isinstance(spec, ConditionsSpec):
        return {}
    setting = setting_of(session, experiment)
    return {"setting": setting, "conditions": in_words(setting, spec.searched)}


def dossier_of(url: str, experiment_id: str) -> dict[str, Any]:
    with Store.open(url) as store, store.read() as session:
        experiment = desk.find_experiment(session, experiment_id)
        found = {"experiment": experiment.id, "state": experiment.state, **desk.plan_of(session, experiment)}
        spec = summary.spec_of(session, desk.find_campaign(session, experiment.campaign_id))
        if isinstance(spec, ConditionsSpec):
            found |= {
                "conditions": in_words(setting_of(session, experiment), spec.searched),
                "units": spec.units,
                "restrictions": desk.restrictions_of(session, experiment.campaign_id),
            }
        return found


def show_dossier(plan: dict[str, Any]) -> None:
    page = Page()
    page.say(f"{plan['experiment']}: {plan['state'].lower()}", style="bold")
    if "dossier" not in plan:
        page.say("no plan yet: there is nothing to decide", indent=2)
        return
    from agent.show_conditions import say_choice
    from agent.show_predictions import say_forecasts
    from knowledge.records.procedure import Procedure
    from knowledge.records.trial import Choice
    from planners.routes.rendering import render

    candidate, dossier, steps = plan["candidate"], plan["dossier"], len(plan["route"]["steps"])
    page.item("molecule", candidate["molecule"]["smiles"], style="bold")
    if "conditions" in plan:
        page.item("conditions", plan["conditions"], style="bold")
        say_choice(page, Choice.model_validate(candidate["choice"]), plan["units"])
        for words in plan["restrictions"]:
            page.item("operators", words)
    else:
        page.item("made", "bought" if not steps else f"in {steps} step{'s' if steps > 1 else ''} from stock")
        came = candidate["provenance"]
        parents = f" from {', '.join(came['parents'])}" if came["parents"] else ""
        page.item("proposed by", f"{came['generator']}, {came['operator']}{parents}")
        told = say_forecasts(page, candidate.get("forecasts", ()))
        for name, estimate in sorted(candidate["predicted"].items()):
            if name not in told:
                page.item("predicted", f"{name} {estimate['mean']:.4g} ± {estimate['std']:.2g} {estimate['unit']}")
    hazards = dossier["hazards"]
    for alert in hazards["alerts"]:
        style = "" if alert["severity"] == "note" else "red"
        page.item("hazard", f"{alert['severity']}: {alert['text']} [{alert['code']}, {alert['source']}]", style=style)
    if not hazards["alerts"]:
        page.item("hazard", "no rule knows one, which does not say that there is none")
    if hazards["unknown"]:
        page.item("not known", ", ".join(hazards["unknown"]))
    page.say("")
    page.say(render([Procedure.model_validate(p) for p in plan["procedures"]]))
    for number, step in enumerate(plan["route"]["steps"], start=1):
        if step.get("check"):
            page.item(f"step {number}", f"{step['check']['verdict']}: {'; '.join(step['check']['reasons'])}")
    page.say("")
    for material in dossier["materials"]:
        page.item("takes", f"{material['grams']:.4g} g {material['smiles']} ({material['supplier']})")
    page.item("instruments", ", ".join(dossier["instruments"]))
    page.item("dossier", plan["sha256"])
    if plan["state"] == "AWAITING_REVIEW":
        page.say(f"decide: `review approve {plan['experiment']} --dossier {plan['sha256'][:12]}`")
