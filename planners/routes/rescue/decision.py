"""The decision after a failed synthesis: which step, what was wrong with it, what to try, or why to give up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from knowledge.records.procedure import Procedure
from knowledge.records.quantity import Quantity
from planners.routes.rescue.choice import Attempt, hopeless, next_setting
from planners.routes.rescue.diagnosis import Fault, Seen, diagnose
from planners.routes.rescue.space import rescue_space
from planners.routes.rescue.variation import in_words, setting_of, vary

WORTH = 0.25  # chance of helping below which an experiment is better spent on another molecule
# What is believed of a fault before the campaign has seen any rescue: (helped, tried), judged by us.
_BELIEF = {
    Fault.NO_CONVERSION: (1.0, 3.0),
    Fault.INCOMPLETE: (1.0, 2.0),
    Fault.OVERDONE: (1.0, 2.0),
    Fault.NOT_PARTED: (1.0, 2.0),
}
GLASSWARE = Quantity(value=2.0, unit="L")  # the first attempt's vessel may be larger; none is made larger than this


class Synthesis(NamedTuple):
    """One attempt at the whole route: its procedures and what was seen of each step, in the route's order."""

    procedures: tuple[Procedure, ...]
    seen: tuple[Seen, ...]


class Decision(NamedTuple):
    """`words`: what is varied; `why`: the fault, and in which step; `by`: "rule" or "model"."""

    procedures: tuple[Procedure, ...]
    step: int
    fault: Fault
    words: str
    why: str
    by: str


def decide(
    tried: Sequence[Synthesis],
    *,
    below: float,
    minimum_purity: float,
    hottest: Quantity,
    largest: Quantity,
    seed: int,
    record: Mapping[Fault, tuple[int, int]] | None = None,
) -> Decision | str:
    """`tried`: the first attempt and its rescues, the latest last. A text says why nothing more is tried.

    `record`: by fault, how many rescues of the same campaign (helped, ended): where they hardly help, none is made.

    The step that is varied is the first that shows a fault in the latest attempt; the others stay as they were done
    last. Only what weighing and the last step's chromatogram show is known of them. Pure and deterministic.
    """
    first, latest = tried[0], tried[-1]
    faults = [diagnose(s, below=below, minimum_purity=minimum_purity) for s in latest.seen]
    step = next((i for i, fault in enumerate(faults) if fault is not None), None)
    if step is None:
        return "nothing that was seen says which step failed"
    made = [p.product for p in first.procedures[:step]]
    space = rescue_space(first.procedures[step], made=made, hottest=hottest)
    attempts = []
    for one in tried:
        wrong = diagnose(one.seen[step], below=below, minimum_purity=minimum_purity)
        setting = setting_of(first.procedures[step], one.procedures[step], made=made)
        attempts.append(Attempt(setting=setting, seen=one.seen[step], fault=wrong))
    fault = faults[step]
    assert fault is not None
    reason = hopeless(attempts) or _not_worth(fault, (record or {}).get(fault, (0, 0)))
    if reason:
        return reason
    room = max(
        min(largest.magnitude("mL"), GLASSWARE.magnitude("mL")), first.procedures[step].vessel_volume.magnitude("mL")
    )
    chosen = next_setting(
        space,
        attempts,
        minimum_purity=minimum_purity,
        possible=lambda setting: _fits(first.procedures[step], setting, made, room),
        seed=seed,
    )
    if chosen is None:
        return "every other setting was tried or cannot be"
    varied = vary(first.procedures[step], chosen.setting, made=made)
    return Decision(
        procedures=(*latest.procedures[:step], varied, *latest.procedures[step + 1 :]),
        step=step,
        fault=fault,
        words=in_words(first.procedures[step], chosen.setting, made=made),
        why=_why(fault, step, len(latest.procedures)),
        by=chosen.by,
    )


def _fits(procedure: Procedure, setting: dict[str, str | float], made: Sequence[str], room: float) -> bool:
    try:
        return vary(procedure, setting, made=made).vessel_volume.magnitude("mL") <= room
    except ValueError:
        return False


def _not_worth(fault: Fault, seen: tuple[int, int]) -> str:
    helped, ended = seen
    before_helped, before = _BELIEF[fault]
    if (helped + before_helped) / (ended + before) >= WORTH:
        return ""
    return f"of {ended} earlier attempts after the same fault ({fault.value}) {helped or 'none'} helped"


def _why(fault: Fault, step: int, steps: int) -> str:
    return fault.value if steps == 1 else f"{fault.value} in step {step + 1} of {steps}"
