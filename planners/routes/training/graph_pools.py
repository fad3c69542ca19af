"""The graph model's answers for a whole split, for the reranker and for its figures."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence

from loguru import logger

from planners.routes.single_step.graph.proposer import GraphProposer
from planners.routes.training import graph_data
from planners.routes.training.uspto import Split, training_dir

K = 20
_CHUNK = 256  # molecules in one call


def write_pools(split: Split, limit: int | None) -> None:
    """training_dir()/pools/graph-{split}.jsonl, a line per reaction; logs top-k, validity and speed.

    With a limit only the first reactions are answered and nothing is written. Raises WeightsMissing.
    """
    reactions = graph_data.derived(split)[:limit]
    proposer = GraphProposer()
    lines, ranks, start = [], [], time.process_time()
    for at in range(0, len(reactions), _CHUNK):
        part = reactions[at : at + _CHUNK]
        for reaction, proposals in zip(part, proposer.propose([r.product for r in part], K), strict=True):
            sets = [list(p.reactants) for p in proposals]
            truth = list(reaction.reactants)
            ranks.append(sets.index(truth) if truth in sets else K)
            answer = [[list(p.reactants), p.score, ""] for p in proposals]
            lines.append(json.dumps({"product": reaction.product, "truth": truth, "proposals": answer}))
    spent = time.process_time() - start
    logger.info("{} {}: top {}", len(ranks), split, _tops(ranks))
    logger.info("{:.4f} of {} sequences invalid; {:.1f} molecules per cpu second",
                proposer.invalid / max(1, proposer.finished), proposer.finished, len(ranks) / spent)  # fmt: skip
    if limit is None:
        path = training_dir() / "pools" / f"graph-{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")
        scratch.replace(path)


def _tops(ranks: Sequence[int]) -> dict[int, float]:
    return {k: round(100 * sum(r < k for r in ranks) / max(1, len(ranks)), 2) for k in (1, 3, 5, 10, 20)}
