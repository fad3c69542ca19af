"""A proposed step put to the tests that a sceptical chemist would, cheapest first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from knowledge.records.route import RouteStep, StepCheck, Verdict
from planners.routes.balance import Unbalanced, check_balance, sites
from planners.routes.check.elements import completed, from_reagents, missing, unnamed
from planners.routes.check.evidence import Findings, gather
from planners.routes.check.explanation import Outcomes, compare
from planners.routes.check.plausibility import Plausibility
from planners.routes.check.sanity import faults
from planners.routes.check.wording import competing_sites
from planners.routes.formula import render
from planners.routes.precedents.index import PrecedentIndex
from planners.routes.single_step.curated import forward_products, reactions
from planners.routes.single_step.templates.compiled import run_forward
from planners.routes.single_step.weights import WeightsMissing
from planners.routes.structure import canonical, flat, parse

# Chosen on USPTO-50k valid, see trained/precedents.md.
CLOSE = 0.2  # least similarity of the nearest precedent's product for "supported"
CREDIBLE = 0.25  # least learned plausibility for "supported"
INCREDIBLE = 0.05  # below it a step is unsupported
COMMON = 5  # published steps with the same change that outweigh a low plausibility
RIVAL = 1.0  # a competing product counts when it is at least this times as credible as the one wanted
SUPPLIED = 6  # heavy atoms that common reagents may bring; more is not worth mapping
BYSTANDER = 8  # heavy atoms of a reactant that is no small reagent or solvent written among the reactants
RIVALS = 3  # competing products that are weighed
LISTED = 5  # competing products that are handed on


@cache
def _index() -> PrecedentIndex | None:
    try:
        return PrecedentIndex.load()
    except WeightsMissing:
        return None


@cache
def _plausibility() -> Plausibility | None:
    try:
        return Plausibility.load()
    except WeightsMissing:
        return None


class ForwardCheck:
    """Judges steps; answers are cached. `calls` counts steps asked for, `misses` those judged anew.

    Without the weights of precedents it says so among the reasons, and calls no step supported.
    Not thread-safe; give each worker its own.
    """

    def __init__(
        self,
        *,
        index: PrecedentIndex | None = None,
        plausibility: Plausibility | None = None,
        cache_size: int = 20000,
    ) -> None:
        """`index`, `plausibility`: by default those that come with the package, where they are."""
        self._index = index if index is not None else _index()
        self._plausibility = plausibility if plausibility is not None else _plausibility()
        self._cache: OrderedDict[tuple[str, tuple[str, ...], str], StepCheck] = OrderedDict()
        self._cache_size = cache_size
        self.calls = 0
        self.misses = 0

    def judge(self, step: RouteStep) -> StepCheck:
        """The verdict with its reasons, the deciding one first; a step that cannot be read is unsupported."""
        self.calls += 1
        key = (step.product, tuple(sorted(step.reactants)), step.template)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        self.misses += 1
        check = self._judge(step)
        self._cache[key] = check
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return check

    def judge_many(self, steps: Sequence[RouteStep]) -> list[StepCheck]:
        return [self.judge(step) for step in steps]

    def _judge(self, step: RouteStep) -> StepCheck:
        wrong = faults(step.product, step.reactants)
        if wrong:
            return StepCheck(verdict=Verdict.UNSUPPORTED, reasons=wrong)
        product = canonical(step.product)
        written = tuple(canonical(r) for r in step.reactants)
        known = step.template in reactions()
        reactants = written if known else completed(product, written)
        lack = missing(product, reactants)
        if not known and lack.total() > SUPPLIED:
            return StepCheck(verdict=Verdict.UNSUPPORTED, reasons=(f"atoms from nowhere: {render(lack)}",))
        found = gather(product, reactants, self._index)
        fatal, doubts, supplied = _account(step, found, len(reactants) - len(written))
        outcomes = _outcomes(step, product, reactants, found.outcomes)
        if not outcomes.skeleton:
            fatal.append("no way forward: the reaction, run on the reactants, does not give the product")
        elif not known and self._index is not None and not found.evidence.alike and not supplied:
            fatal.append(f"no way forward: no published reaction makes this change ({_counts(found)})")
        if fatal:
            return self._result(Verdict.UNSUPPORTED, fatal + doubts, found, outcomes)
        if not outcomes.exact:
            doubts.append("stereochemistry not fixed by the step")
        credible = self._credible(product, reactants, found, outcomes)
        rivals = self._rivals(found, outcomes, reactants, credible)
        if rivals:
            doubts.append(rivals)
        rare = found.evidence.same < COMMON or found.evidence.similarity < CLOSE
        if credible is not None and credible < INCREDIBLE and rare and not known:
            return self._result(
                Verdict.UNSUPPORTED,
                [f"unlike published steps: learned plausibility {credible:.2f}", *doubts],
                found,
                outcomes,
            )
        if credible is not None and credible < CREDIBLE:
            doubts.append(f"learned plausibility only {credible:.2f}")
        precedent, close = self._precedent(found)
        if not close:
            doubts.append(precedent)
            return self._result(Verdict.PLAUSIBLE, doubts, found, outcomes)
        verdict = Verdict.PLAUSIBLE if doubts else Verdict.SUPPORTED
        good = [precedent]
        if outcomes.inverts:
            good.append("a stereocentre inverts, as drawn")
        return self._result(verdict, doubts + good, found, outcomes)

    def _credible(self, product: str, reactants: tuple[str, ...], found: Findings, outcomes: Outcomes) -> float | None:
        if self._plausibility is None:
            return None
        ran = replace(found.evidence, exact=outcomes.exact, skeleton=outcomes.skeleton, competing=len(outcomes.others))
        return self._plausibility.score(product, reactants, ran)

    def _rivals(self, found: Findings, outcomes: Outcomes, reactants: tuple[str, ...], credible: float | None) -> str:
        """A sentence on competing sites, or "" when there is none, or each is far less credible."""
        if not outcomes.others:
            return ""
        if self._plausibility is not None and credible is not None:
            serious = 0
            for other in outcomes.others[:RIVALS]:
                rival = self._plausibility.score(other, reactants, gather(other, reactants, self._index).evidence)
                serious += rival >= RIVAL * credible
            if not serious:
                return ""
        return competing_sites(reactants, outcomes.sites) or f"{len(outcomes.others)} other products can form"

    def _precedent(self, found: Findings) -> tuple[str, bool]:
        if self._index is None:
            return "no precedents available", False
        if not found.nearest:
            loose = f"; the bonds alone: {found.loose[0].id}" if found.loose else ""
            return f"no precedent with the same surroundings of the reacting bonds{loose}", False
        best = found.nearest[0]
        many = f"{found.evidence.same} published steps make this change" if found.evidence.same > 1 else "the only one"
        return f"precedent {best.id} at similarity {best.similarity:.2f}; {many}", best.similarity >= CLOSE

    def _result(self, verdict: Verdict, reasons: list[str], found: Findings, outcomes: Outcomes) -> StepCheck:
        nearest = (*found.nearest, *found.loose)
        return StepCheck(
            verdict=verdict,
            reasons=tuple(dict.fromkeys(reasons)),
            competing=outcomes.others[:LISTED],
            precedent=nearest[0] if nearest else None,
        )


def _counts(found: Findings) -> str:
    change = found.change
    return f"{change.made} bonds made, {change.broken} broken, {change.altered} altered"


def _account(step: RouteStep, found: Findings, extra: int) -> tuple[list[str], list[str], bool]:
    """Fatal findings and doubts about where atoms come from and go to, and whether a reagent brings some."""
    fatal: list[str] = []
    doubts: list[str] = []
    if step.template in reactions():
        try:
            check_balance(step)
        except Unbalanced as error:
            fatal.append(f"atoms do not balance: {error}")
        return fatal, doubts, False
    supplied, nowhere = from_reagents(found.mapping)
    if nowhere:
        fatal.append(f"atoms from nowhere: {', '.join(nowhere)}")
    doubts.extend(supplied)
    if extra and not nowhere:
        doubts.append("one reactant is needed more than once")
    for idle in found.spectators:
        large = parse(idle).GetNumHeavyAtoms() >= BYSTANDER
        (fatal if large else doubts).append(f"{idle} gives no atom to the product")
    if not found.evidence.same:
        doubts.extend(f"an unusual group is lost: {group}" for group in unnamed(found.mapping))
    return fatal, doubts, bool(supplied)


def _outcomes(step: RouteStep, product: str, reactants: tuple[str, ...], own: Outcomes) -> Outcomes:
    """By the rule that proposed the step where it is ours; else by the reaction read off it, then by its template."""
    rule = reactions().get(step.template)
    if rule is not None:
        try:
            return compare(product, forward_products(rule, reactants, sites(step)))
        except Unbalanced:
            return own
    if own.skeleton or ">>" not in step.template:
        return own
    try:
        made = run_forward(step.template, reactants)
    except ValueError:
        return own
    whole = [m for m in made if flat(m) == flat(product)] or made
    return replace(compare(product, whole), sites=own.sites)


@cache
def _shared() -> ForwardCheck:
    return ForwardCheck()


def judge(step: RouteStep) -> StepCheck:
    """`ForwardCheck.judge` of one check that the process shares."""
    return _shared().judge(step)


def judge_many(steps: Sequence[RouteStep]) -> list[StepCheck]:
    return _shared().judge_many(steps)
