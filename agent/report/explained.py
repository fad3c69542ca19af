"""An explanation in words and rows, for the terminal and for pages."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agent.report import words
from knowledge.records.explanation import Basis, Explanation, Forecast, PriorShare, Term
from knowledge.records.properties import Property, Scale, get_property

STRONGEST = 6  # kinds of parts that are named in one line
_LEAST = 0.005  # a share that prints as 0 %


@dataclass(frozen=True)
class PartRow:
    """All parts of one name: how many, and what they add together. `bar`: of the largest row, -1 to 1."""

    name: str
    count: int
    value: float
    text: str
    bar: float


@dataclass(frozen=True)
class PriorRow:
    name: str
    each: str
    value: str


def amount(value: float, prop: Property) -> str:
    """What a part adds: "+96.5 K"; of a property of logarithmic scale, by what it multiplies: "×3.2"."""
    if prop.scale is Scale.LOG:
        return f"×{words.number(math.exp(value), 3)}"
    unit = words.unit(prop.unit)
    return f"{'+' if value >= 0 else ''}{words.number(_settled(value), 3)} {unit}".strip()


def absolute(value: float, prop: Property) -> str:
    """A number on the model's scale as a value of the property."""
    return in_unit(prop.from_model(value), prop)


def in_unit(value: float, prop: Property) -> str:
    return f"{words.number(_settled(value), 4)} {words.unit(prop.unit)}".strip()


def _settled(value: float) -> float:
    """Rounding errors of a sum are nothing."""
    return 0.0 if abs(value) < 1e-9 else value


def part_rows(explanation: Explanation, prop: Property) -> list[PartRow]:
    """The strongest first; parts of one name together."""
    together: dict[str, list[float]] = {}
    for part in explanation.parts:
        together.setdefault(part.name, []).append(part.value)
    sums = [(name, len(values), sum(values)) for name, values in together.items()]
    sums.sort(key=lambda row: (-abs(row[2]), row[0]))
    largest = max((abs(total) for _, _, total in sums), default=0.0) or 1.0
    return [PartRow(name, count, total, amount(total, prop), total / largest) for name, count, total in sums]


def parts_line(explanation: Explanation, prop: Property) -> str:
    rows = part_rows(explanation, prop)
    told = [f"{_times(r.name, r.count)} {r.text}" for r in rows[:STRONGEST]]
    if rest := rows[STRONGEST:]:
        told.append(f"{words.count(len(rest), 'other kind')} {amount(sum(r.value for r in rest), prop)}")
    return f"{origin(explanation, prop)}; " + ", ".join(told)


def origin(explanation: Explanation, prop: Property) -> str:
    return f"methane, where it begins, {absolute(explanation.origin, prop)}"


def share(value: float) -> str:
    """A share in per cent, with a true minus sign."""
    return "less than 1 %" if abs(value) < _LEAST else f"{100.0 * value:.0f} %".replace("-", "−")


def share_means(basis: Basis) -> str:
    match basis:
        case Basis.WEIGHT:
            return "by how much the prediction follows a change of the value; some may count against it"
        case Basis.SIMILARITY:
            return "of the similarities of the nearest ten; this model cannot say what counted"
        case Basis.MIXED:
            return "of a stack: exact weights of some members, similarities for others"


def prior_heading(prior: PriorShare, prop: Property) -> str:
    name = words.prior(prior.name)
    if prior.weight < 1.0:
        name += f" (in {share(prior.weight)} of the prediction)"
    if prior.value is None:
        return f"{name} does not know this molecule"
    said = f"{name} says {in_unit(prior.value, prop)}"
    if prior.used_as == "nothing":
        return f"{said}; the model does without it here"
    if prior.used_as == "feature":
        return f"{said}, which the model has as one of its features"
    assert prior.line is not None  # a prior that is used as a line has both
    assert prior.residual is not None
    line, rest = in_unit(prior.line, prop), amount(prior.residual, prop)
    return f"{said}; corrected by a line {line}; learned from what it leaves over, {rest}"


def prior_rows(prior: PriorShare, prop: Property) -> list[PriorRow]:
    """The rule's constant and terms; none where the prior is no sum or product."""
    rows = []
    if prior.constant is not None and prior.rule != "product":
        value = amount(prior.constant, prop) if prior.rule == "sum of logarithms" else in_unit(prior.constant, prop)
        rows.append(PriorRow("constant", "", value))
    elif prior.constant is not None:
        rows.append(PriorRow("constant", "", words.number(prior.constant, 4)))
    return rows + [_prior_row(term, prior.rule, prop) for term in prior.terms]


def _prior_row(term: Term, rule: str, prop: Property) -> PriorRow:
    if rule == "product":
        return PriorRow(term.name, words.number(term.each, 4), f"×{words.number(term.value, 4)}")
    if rule == "sum of logarithms":
        return PriorRow(f"{term.count} × {term.name}", amount(term.each, prop), amount(term.value, prop))
    return PriorRow(f"{term.count} × {term.name}", words.number(term.each, 4), amount(term.value, prop))


def prior_line(prior: PriorShare, prop: Property) -> str:
    rows = prior_rows(prior, prop)
    if not rows:
        return prior_heading(prior, prop)
    return f"{prior_heading(prior, prop)} ({', '.join(f'{r.name} {r.value}' for r in rows)})"


def lines(why: Explanation, prop: Property, *, precedents: int | None = None) -> list[tuple[str, str]]:
    """(heading, words) of an explanation; the first `precedents` only."""
    told = [("parts", parts_line(why, prop))]
    for near in why.precedents[:precedents]:
        value = in_unit(near.value, prop)
        told.append(("like", f"{share(near.share)} {near.smiles}, {value}, similarity {near.similarity:.2f}"))
    return told + [("prior", prior_line(prior, prop)) for prior in why.priors]


def forecast_line(forecast: Forecast) -> str:
    """Value, interval, and whether the model may be believed."""
    prop = get_property(forecast.property)
    low, high = in_unit(forecast.low, prop), in_unit(forecast.high, prop)
    calibrated = "" if forecast.calibrated else ", not calibrated"
    domain = "" if forecast.in_domain else f"; out of domain: {forecast.reason}"
    value = in_unit(forecast.value, prop)
    return f"{value}, {forecast.level:.0%} interval from {low} to {high}{calibrated}{domain}"


def _times(name: str, count: int) -> str:
    return name if count == 1 else f"{count} {name}"
