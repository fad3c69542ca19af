"""A search asks for a few proposals first and for the others later: both goes together must be what one would be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from planners.routes.single_step.local.proposer import LocalProposer
from planners.routes.single_step.proposal import Proposer
from planners.routes.single_step.templates.proposer import TemplateProposer

PARACETAMOL, IBUPROFEN = "CC(=O)Nc1ccc(O)cc1", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"


@pytest.mark.parametrize("make", [TemplateProposer, LocalProposer], ids=["template", "local"])
def test_ten_and_then_fifty_is_fifty(make: Callable[[], Proposer]) -> None:
    whole = make().propose([PARACETAMOL, IBUPROFEN], 50)
    stepwise = make()
    first = stepwise.propose([PARACETAMOL, IBUPROFEN], 10)
    assert [len(answer) for answer in first] == [10, 10]
    assert stepwise.propose([PARACETAMOL, IBUPROFEN], 50) == whole
    # and what was learned for fifty does not change what ten are
    assert stepwise.propose([PARACETAMOL, IBUPROFEN], 10) == first


def test_a_template_is_run_once() -> None:
    stepwise, whole = TemplateProposer(), TemplateProposer()
    stepwise.propose([IBUPROFEN], 10)
    few = stepwise.runs
    stepwise.propose([IBUPROFEN], 50)
    whole.propose([IBUPROFEN], 50)
    assert 0 < few < stepwise.runs == whole.runs
    assert stepwise.misses == whole.misses == 1
