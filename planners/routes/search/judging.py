"""Checks of steps by somebody outside, each asked once; what fails becomes dearer and the search looks elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from knowledge.records.route import RouteStep, StepCheck, Verdict
from planners.routes.search.graph import Graph, ReactionNode
from planners.routes.search.kbest import Derivation
from planners.routes.search.routes import step_of

Judge = Callable[[RouteStep], StepCheck]
UNSUPPORTED = 4.0  # nats on a step that failed: about what a proposal of 2 % costs more than a certain one


class Jury:
    """Without a judge every step passes unchecked. One jury serves one search."""

    def __init__(self, judge: Judge | None, graph: Graph) -> None:
        self._judge = judge
        self._graph = graph
        self._steps: dict[ReactionNode, RouteStep] = {}

    @property
    def sits(self) -> bool:
        return self._judge is not None

    def step(self, reaction: ReactionNode) -> RouteStep:
        """The step with its check; at first sight an unsupported reaction is charged in the graph."""
        step = self._steps.get(reaction)
        if step is None:
            step = step_of(reaction)
            if self._judge is not None:
                step = step.model_copy(update={"check": self._judge(step)})
            self._steps[reaction] = step
            if failed(step):
                self._graph.charge(reaction, UNSUPPORTED)
        return step

    def known(self, derivation: Derivation) -> bool:
        return all(r in self._steps for r in derivation.reactions)

    def steps(self, derivation: Derivation) -> tuple[RouteStep, ...]:
        return tuple(map(self.step, derivation.reactions))


def failed(step: RouteStep) -> bool:
    return step.check is not None and step.check.verdict == Verdict.UNSUPPORTED
