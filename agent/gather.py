"""Everything that a campaign's report shows, gathered from the store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from importlib import metadata
from typing import Any

from sqlmodel import Session, col, select

from agent import summary
from agent.campaign import CampaignSpec
from agent.lifecycle import TERMINAL, State
from agent.report.data import (
    BaselinePoint,
    ExperimentReport,
    Goal,
    HypervolumePoint,
    IterationReport,
    ModelVersion,
    ProspectiveError,
    Provenance,
    Reference,
    ReportData,
    ReviewDecision,
)
from agent.rescued import variations
from agent.stages.rescue import allowance
from agent.stages.review import POLICY
from knowledge.records.candidate import Candidate
from knowledge.records.dossier import Dossier
from knowledge.records.measurement import Measurement
from knowledge.records.molecule import Molecule
from knowledge.records.procedure import Procedure, Role
from knowledge.records.properties import Scale, get_property
from knowledge.records.route import Route
from knowledge.store import log
from knowledge.store import tables as t
from knowledge.store.database import Store, plain_url

PACKAGES = ("rdkit", "torch", "botorch", "chemicals", "thermo", "synspace", "scipy")
# Where `chemicals` keeps its names: the first that knows a compound names it, the small curated table before the large.
_REGISTERS = tuple(
    f"Identifiers/chemical identifiers {name}.tsv" for name in ("pubchem small", "pubchem large", "example user db")
)
_FLAT = "UHFFFAOYSA"
_TRIVIAL = 24  # a usual name without locants may be this long, "formaldehyde" rather than "methanal"
_READABLE = re.compile(r"(?=.*[a-z]{4})(?!.*\d{3})(?!.*[, ]{2})(?!.*, )(?!.*-$)[a-z0-9,'()\[\]\- ]+")
_STEREO = re.compile(r"\(\d*[rsez](?:,\d*[rsez])*\)|(?<![a-z])(?:cis|trans|meso|[dl]|dl)-|\([+-]\)")
_GREEK = {"alpha-": "α-", "beta-": "β-", "gamma-": "γ-", "delta-": "δ-", "epsilon-": "ε-"}


def gather(store: Store, campaign_id: str, *, generated_at: str) -> ReportData:
    """Raises StoreError."""
    with store.read() as session:
        campaign = session.exec(select(t.Campaign).where(t.Campaign.id == campaign_id)).one()
        spec = summary.spec_of(session, campaign)
        assert isinstance(spec, CampaignSpec)  # other kinds have reports of their own
        experiments = summary.experiments_of(session, campaign_id)
        measured = summary.measurements_of(session, campaign_id)
        batches = summary.observed_by_iteration(experiments, measured)
        iterations = _iterations(session, campaign_id)
        proposals = {i.number: log.load(session, i.proposal) if i.proposal else {} for i in iterations}
        versions = list(
            session.exec(
                select(t.ModelVersion)
                .where(t.ModelVersion.campaign_id == campaign_id)
                .order_by(col(t.ModelVersion.number))
            )
        )
        models = {v.number: log.load(session, v.sha256) for v in versions}
        events, head = log.head(session)
        labels = {experiment.id: f"E{i:02d}" for i, experiment in enumerate(experiments, start=1)}
        varied = variations(session, campaign_id)
        reports = [
            _experiment(session, experiment, labels[experiment.id], measured.get(experiment.id, {})).model_copy(
                update={
                    "parent": labels.get(experiment.parent_id or "", ""),
                    "varied": str(varied[experiment.id]) if experiment.id in varied else "",
                }
            )
            for experiment in experiments
        ]
    done = _cumulative(batches)
    goal = _goal(spec)
    names = _names(reports, goal.reference)
    if goal.reference is not None and goal.reference.smiles in names:
        named = goal.reference.model_copy(update={"name": names[goal.reference.smiles]})
        goal = goal.model_copy(update={"reference": named})
    return ReportData(
        goal=goal,
        status=campaign.state if campaign.wants == "run" else f"{campaign.state} (asked to {campaign.wants})",
        status_note=campaign.outcome,
        lab=f"{spec.lab.kind} lab, seed {spec.lab.seed}",
        lab_simulated=spec.lab.kind == "virtual",
        experiments=tuple(reports),
        iterations=tuple(iteration_report(i, proposals[i.number], models.get(i.number)) for i in iterations),
        hypervolume=tuple(
            HypervolumePoint(iteration=n, experiments=count, value=value)
            for (n, count), value in zip(done, summary.hypervolumes(spec, batches), strict=True)
        ),
        **_baseline(spec, proposals, batches, done),
        models=tuple(
            ModelVersion(
                version=f"{campaign_id}/{v.number}",
                iteration=v.number,
                kind="exact Gaussian process, Tanimoto + RBF kernels",
                properties=spec.properties,
                rows=sum(len(m.get("keys", ())) for m in models[v.number]["models"]["models"].values()),
                data_sha256=v.data_hash,
                seed=v.seed,
            )
            for v in versions
        ),
        names=names,
        provenance=provenance_of(store, campaign, PACKAGES, events, head),
        generated_at=datetime.fromisoformat(generated_at),
    )


def provenance_of(
    store: Store, campaign: t.Campaign, packages: Sequence[str], events: int, head: str, options: str = ""
) -> Provenance:
    """What a report was made from, and the command (with its further `options`) that makes it again."""
    url = plain_url(store.url)
    return Provenance(
        config_sha256=campaign.revision,
        seed=campaign.seed,
        versions={name: metadata.version(name) for name in packages},
        events=events,
        event_head=head,
        store=url,
        command=f"python run_agent.py report --store {url} --campaign {campaign.id}{options}",
    )


def _goal(spec: CampaignSpec) -> Goal:
    steps = spec.making.max_steps
    rules = [f"At most {steps} {'step' if steps == 1 else 'steps'} from stock."]
    if spec.no_hazard_alert:
        rules.append("No hazard alert on the molecule itself; what is not known reads “unknown”.")
    rules.append(_share_rule(int(spec.references.share * spec.budget.experiments), spec.budget.experiments))
    if allowance(spec) > 0:
        rules.append(
            f"At most {allowance(spec)} of {spec.budget.experiments} experiments may try other conditions for a "
            "synthesis that failed."
        )
    if spec.knowledge.withheld:
        rules.append(
            f"{spec.knowledge.withheld * 100:g} % of the handbook's compounds are hidden from the agent, "
            "but known to the virtual lab."
        )
    reference = next((o.reference for o in spec.objectives if o.reference is not None), None)
    compound = None
    if reference is not None:
        names = ("hansen_dispersion", "hansen_polar", "hansen_hydrogen")
        compound = _reference_compound(dict(zip(names, reference, strict=True)))
    return Goal(
        name=spec.name,
        title=spec.title,
        description=spec.background,
        objectives=spec.objectives,
        constraints=spec.constraints,
        rules=tuple(rules),
        budget=spec.budget.experiments,
        batch_size=spec.budget.batch,
        reference=compound,
    )


def _share_rule(limit: int, budget: int) -> str:
    """How many of the campaign's molecules may be bought, in words."""
    if limit == 0:
        return "Nothing may simply be bought."
    if limit >= budget:
        return "All molecules may simply be bought, as references."
    them = "as a reference" if limit == 1 else "as references"
    return f"At most {limit} of {budget} molecules may simply be bought, {them}; the rest must be made."


def _reference_compound(hansen: dict[str, float]) -> Reference | None:
    """The handbook compound at that point of Hansen space, if the campaign's reference point is one."""
    from knowledge.sources.handbook import Handbook

    book = Handbook.full()
    by_key: dict[str, dict[str, float]] = {}
    smiles: dict[str, str] = {}
    for name in hansen:
        for fact in book.facts(name):
            by_key.setdefault(fact.inchikey, {})[name] = fact.value
            smiles[fact.inchikey] = fact.smiles
    matches = [
        key for key, values in sorted(by_key.items())
        if len(values) == 3 and all(abs(values[n] - hansen[n]) < 0.051 for n in hansen)
    ]  # fmt: skip
    if len(matches) != 1:
        return None
    key = matches[0]
    values = {n: f.value for n in ("viscosity", "boiling_point", "flash_point") if (f := book.fact(key, n)) is not None}
    return Reference(name=smiles[key], smiles=smiles[key], values={**values, **hansen}, source="handbook")


def _iterations(session: Session, campaign_id: str) -> list[t.Iteration]:
    query = select(t.Iteration).where(t.Iteration.campaign_id == campaign_id).order_by(col(t.Iteration.number))
    return list(session.exec(query))


def iteration_report(row: t.Iteration, proposal: dict[str, Any], model: dict[str, Any] | None) -> IterationReport:
    errors = []
    for name, error in sorted((model or {}).get("prospective_error", {}).items()):
        if error["n"] == 0:
            continue
        log_scale = get_property(name).scale is Scale.LOG
        errors.append(
            ProspectiveError(
                property=name,
                count=error["n"],
                mae=error["mae_ln"] if log_scale and error["mae_ln"] is not None else error["mae"],
                inside_90=round(error["coverage90"] * error["n"]),
            )
        )
    notes = [] if row.state == "CLOSED" else [row.state.lower()]
    notes += [f"the generator {name} could not work: {why}" for name, why in proposal.get("left_out", {}).items()]
    return IterationReport(
        index=row.number,
        considered=proposal.get("bred"),
        filtered=proposal.get("filtered", {}),
        chosen=len(proposal.get("chosen", ())),
        errors=tuple(errors),
        note="; ".join(notes),
    )


def _cumulative(batches: dict[int, list[Any]]) -> list[tuple[int, int]]:
    """(iteration, experiments finished by its end)."""
    done, total = [], 0
    for number in sorted(batches):
        total += len(batches[number])
        done.append((number, total))
    return done


def _baseline(
    spec: CampaignSpec, proposals: dict[int, dict[str, Any]], batches: dict[int, list[Any]], done: list[tuple[int, int]]
) -> dict[str, Any]:
    """The blind campaigns, where the lab is virtual and pools were kept."""
    numbers = [n for n, _ in done if proposals.get(n, {}).get("sample")]
    if spec.lab.kind != "virtual" or not numbers or len(numbers) != len(done):
        return {}
    from agent import baseline

    curve = baseline.chance(
        spec,
        [proposals[n]["sample"] for n in numbers],
        [sum(not e.reference for e, _ in batches[n]) for n in numbers],
        summary.LAB_CANNOT_MEASURE,
    )
    return {
        "baseline": tuple(
            BaselinePoint(iteration=n, experiments=count, mean=mean, low=low, high=high)
            for (n, count), (mean, low, high) in zip(done, curve, strict=True)
        ),
        "baseline_runs": baseline.RUNS,
        "baseline_note": (
            "Random choice draws the same number of makeable molecules blindly from the same pools. It is given "
            "perfect syntheses and noiseless values, which the loop is not."
        ),
    }


def _experiment(
    session: Session, experiment: t.Experiment, label: str, measured: dict[str, Measurement]
) -> ExperimentReport:
    plan: dict[str, Any] = {}
    if experiment.dossier is not None:
        dossier = Dossier.from_canonical(log.body_of(session, experiment.dossier))
        route = Route.from_canonical(log.body_of(session, dossier.route))
        plan = {
            "route": route,
            "procedures": tuple(Procedure.model_validate(p) for p in log.load(session, dossier.procedures)),
            "protocol_sha256": dossier.protocol,
            "hazards": dossier.hazards,
            "isolated_yields": _yields(route, measured),
        }
    commands = list(session.exec(select(t.Command).where(t.Command.experiment_id == experiment.id)))
    starts = [c.started_s for c in commands if c.started_s is not None]
    ends = [c.finished_s for c in commands if c.finished_s is not None]
    failed = experiment.outcome if experiment.outcome not in ("", "measured") else ""
    return ExperimentReport(
        label=label,
        id=experiment.id,
        iteration=experiment.iteration,
        state=experiment.state,
        candidate=Candidate.model_validate(log.load(session, experiment.candidate)),
        decision=decision_of(session, experiment),
        measurements=tuple(m for _, m in sorted(measured.items())),
        failure=failed if State(experiment.state) in TERMINAL else "",
        lab_hours=(max(ends) - min(starts)) / 3600.0 if starts and ends else None,
        **plan,
    )


def _yields(route: Route, measured: dict[str, Measurement]) -> tuple[float | None, ...]:
    """Only the last step's yield is measured on its own."""
    if not route.steps:
        return ()
    last = measured.get("reaction_yield")
    return (*(None for _ in route.steps[1:]), None if last is None else last.value)


def decision_of(session: Session, experiment: t.Experiment) -> ReviewDecision | None:
    query = select(t.Decision).where(t.Decision.experiment_id == experiment.id).order_by(col(t.Decision.id).desc())
    row = session.exec(query).first()
    if row is None:
        return None
    expired = experiment.state == State.EXPIRED
    return ReviewDecision(
        verdict="expired" if expired else "approved" if row.verdict == "approve" else "rejected",
        by=row.person,
        at=datetime.fromisoformat(row.at),
        automatic=row.person == POLICY,
        reason=" ".join(w for w in (row.reason, row.comment) if w),
        covers=row.dossier,
    )


def _names(reports: list[ExperimentReport], reference: Reference | None) -> dict[str, str]:
    """Common names by SMILES: of the compound to be replaced, of what was measured and of what routes pass through.

    Reagents and solvents are called what the procedures call them.
    """
    charges = [c for r in reports for p in r.procedures for c in p.charges]
    shown = {r.candidate.molecule.smiles for r in reports} | {c.smiles for c in charges if c.role is Role.REACTANT}
    for route in (r.route for r in reports if r.route is not None):
        shown.update(leaf.smiles for leaf in route.leaves)
        shown.update(step.product for step in route.steps)
    if reference is not None:
        shown.add(reference.smiles)
    keys = {smiles: Molecule.from_smiles(smiles).inchikey for smiles in sorted(shown)}
    known = common_names(frozenset(keys.values()))
    charged = {c.smiles: c.name for c in charges if c.name and c.name != c.smiles}
    return charged | {smiles: known[key] for smiles, key in keys.items() if key in known}


@lru_cache(maxsize=4)
def common_names(inchikeys: frozenset[str]) -> dict[str, str]:
    """A short name by InChIKey, for those that `chemicals` lists under that very key; its tables are streamed."""
    from knowledge.sources import tables

    found: dict[str, str] = {}
    for register in _REGISTERS:
        for line in tables.lines("chemicals", register):
            fields = line.split("\t", 9)
            if len(fields) > 8 and fields[6] in inchikeys and fields[6] not in found:
                name = _short_name(fields[6], fields[2], fields[7].lower(), fields[8].strip().lower())
                if name is not None:
                    found[fields[6]] = name
    return found


def _short_name(inchikey: str, formula: str, systematic: str, usual: str) -> str | None:
    """The better of a register's two names, spelt as chemists do; None when neither is fit to be read."""
    options = []
    for name in (systematic, usual):
        nitrogen = re.search(r"N(?![a-z])", formula) is not None
        # Lower case does not tell a nitrogen's "N-" from the "n-" of a straight chain; two are nitrogens.
        unclear = name is usual and nitrogen and re.search(r"(?<![a-z,])n[-']", name)
        # The key of a compound without stereochemistry must not borrow the name of one of its isomers.
        isomer = inchikey[15:25] == _FLAT and _STEREO.search(name)
        if _READABLE.fullmatch(name) and not unclear and not isomer:
            elements = r"(?<![a-z])[nos](?=['\d]*[,-])" if name is systematic else r"(?<![a-z])n,n(?=-)"
            options.append(re.sub(elements, lambda m: m[0].upper(), name) if nitrogen or name is systematic else name)
    if not options:
        return None
    trivial = not re.search(r"\d", options[-1]) and len(options[-1]) <= _TRIVIAL
    name = options[-1] if trivial else min(options, key=len)  # the systematic one where both are as long
    name = re.sub(r"(?<=\d)h(?=[-,)])|\(\d*[rsez](?:,\d*[rsez])*\)|(?<![a-z])[dl](?=-)", lambda m: m[0].upper(), name)
    for word, letter in _GREEK.items():
        name = re.sub(rf"(?<![a-z]){word}", letter, name)
    return name
