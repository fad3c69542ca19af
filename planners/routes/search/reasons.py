"""Why there is no route, for people."""

from __future__ import annotations

from planners.routes.search.graph import Graph, MoleculeNode
from planners.routes.search.result import PartialRoute


def unsolved(graph: Graph, partial: PartialRoute | None, limits: str, why_stopped: str) -> str:
    """Names what stopped the search and what the nearest route misses."""
    target = graph.root.smiles
    if graph.root.open:
        return f"No route to {target}: {why_stopped}."
    if not graph.root.reactions:
        return f"No route to {target}: no single-step model proposes a reaction that gives it."
    lines = [f"No route to {target} within {limits} ({why_stopped})."]
    if partial is not None:
        lines.append(f"The nearest has {len(partial.steps)} steps and misses:")
        lines.extend(f"- {_state(graph.nodes[smiles])}" for smiles in partial.missing)
    return "\n".join(lines)


def _state(node: MoleculeNode) -> str:
    if node.reactions is None:
        return f"{node.smiles} (not in stock, not searched further)"
    if not node.reactions:
        return f"{node.smiles} (not in stock, nothing proposed for it)"
    return f"{node.smiles} (not in stock, no route to it found)"
