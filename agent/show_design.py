"""Designed molecules as text and as a table."""

from __future__ import annotations

import csv
import io

from agent.design_choice import Find
from agent.designing import Design
from agent.report import design_words, words
from agent.show import Page

_TOLD = 12  # reasons for dropping; the page has all


_SHORT = {
    "hansen_distance": "Hansen dist.",
    "hansen_dispersion": "Hansen δD",
    "hansen_polar": "Hansen δP",
    "hansen_hydrogen": "Hansen δH",
    "hydration_free_energy": "hydration",
    "enthalpy_of_vaporization": "evaporation",
    "critical_temperature": "critical T",
    "solubility_parameter": "solubility",
    "hydrophilic_lipophilic_balance": "HLB",
    "synthetic_accessibility": "SA score",
    "conjugated_atoms": "conjugated",
    "rotatable_bonds": "rotatable",
    "solvation_octanol": "in octanol",
    "solvation_hexane": "in hexane",
    "solvation_water": "in water",
    "dipole_moment": "dipole",
    "logp": "log P",
    "tpsa": "TPSA",
    "qed": "QED",
}


def show_design(found: Design) -> None:
    page = Page()
    page.say(found.problem.title or found.problem.name, style="bold")
    page.say(
        f"{found.generator}, seed {found.seed}: {words.count(found.calls, 'molecule')} judged, {found.feasible} "
        f"of them feasible; {found.ended}"
    )
    if len(found.shares) > 1:
        told = ", ".join(f"{s.generator} {s.judged} ({s.feasible} feasible)" for s in found.shares)
        page.item("proposed by", told)
    for name, why in found.left_out.items():
        page.item("left out", f"{name}: {why}")
    for rank, one in enumerate(found.best, start=1):
        page.say("")
        _show_one(page, rank, one)
    if found.front_size:
        page.say("")
        page.say(f"Pareto front: {words.count(found.front_size, 'molecule')}, the best by score first", style="bold")
        for one in found.front[: len(found.best)]:
            page.say(f"{one.judged.score:.3f}  {_goals(found, one)}  {one.candidate.molecule.smiles}", indent=2)
    page.say("")
    page.say("Why others were left out", style="bold")
    reasons = list(design_words.dropped(found.problem.space, found.dropped, found.refused))
    for reason in sorted(reasons, key=lambda r: -r.molecules)[:_TOLD]:
        page.item(f"{reason.molecules:,}", f"{reason.by}: {reason.why}")
    if len(reasons) > _TOLD:
        page.item("", f"and {words.count(len(reasons) - _TOLD, 'rarer reason')}")
    page.say("")
    for name, origin in found.origins.items():
        page.say(f"{design_words.title(name)}: {origin}", indent=2)


def _show_one(page: Page, rank: int, one: Find) -> None:
    mark = " on the front" if one.front else ""
    if not one.judged.feasible:
        mark = " not feasible"
    page.say(f"{rank}. {one.candidate.molecule.smiles}  score {one.judged.score:.3f}{mark}", style="bold")
    for value in one.judged.values:
        told = str(value).replace(f"{value.key} is ", "", 1)
        strange = "" if value.in_domain or not value.known else "; the model knows nothing like it"
        page.item(_short(value.key), f"{told}{strange}", style="yellow" if strange else "")
    known = design_words.known(one.listed, one.judged.values, one.measured)
    if known:
        page.item("known", known)
    if one.alike:
        page.item("stands for", f"{one.alike} less good ones much like it")
    for what, told in design_words.provenance(one.candidate.provenance):
        page.item(what, told, style="dim")
    for violation in one.judged.violations:
        page.item("but", violation.words, style="yellow")


def _short(key: str) -> str:
    """For a narrow column."""
    return _SHORT.get(key.partition(" ")[0], design_words.title(key).lower())


def _goals(found: Design, one: Find) -> str:
    keys = [goal.key for goal in found.problem.goals]
    values = [one.judged.value(key) for key in keys]
    return ", ".join(f"{_short(value.key)} {value.mean:.4g} {words.unit(value.unit)}".strip() for value in values)


def as_csv(found: Design) -> str:
    """One row for each of the best: the value, its 90 % interval and whether the model knows the like, by property."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    keys = list(found.problem.wanted)
    parts = ("", " low", " high", " in domain")
    head = ["rank", "smiles", "inchikey", "score", "feasible", "front", "known"]
    writer.writerow([*head, *(f"{key}{part}" for key in keys for part in parts), "generator", "operator", "parents"])
    for rank, one in enumerate(found.best, start=1):
        molecule, p = one.candidate.molecule, one.candidate.provenance
        row: list[object] = [rank, molecule.smiles, molecule.inchikey, f"{one.judged.score:.6g}"]
        row += [one.judged.feasible, one.front, one.listed]
        for key in keys:
            value = one.judged.value(key)
            row += [f"{number:.6g}" if value.known else "" for number in (value.mean, value.low, value.high)]
            row.append(value.in_domain)
        writer.writerow([*row, p.generator, p.operator, " ".join(p.parents)])
    return stream.getvalue()
