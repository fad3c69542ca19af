"""Many steps back: from a target to purchasable stock."""

from planners.routes.search.planner import RoutePlanner

__all__ = ["RoutePlanner"]
