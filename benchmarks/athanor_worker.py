"""Our search behind one line of JSON per target, as aizynthfinder_worker.py does it for the other program.

SETTINGS: keys (InChIKeys; null for the built-in stock), proposer, depth, cutoff, core. The steps are not judged, since
the other program does not judge them either.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import machine, models
from benchmarks.searches import Searcher
from knowledge.stock import Stock


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.sched_setaffinity(0, {settings["core"]})
    stock = Stock.builtin() if settings["keys"] is None else Stock.from_file(settings["keys"])
    searchers: dict[tuple[str, float], Searcher] = {}
    print(json.dumps({"ready": True, "stock": len(stock)}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        key = request["algorithm"], request["seconds"]
        if key not in searchers:
            searchers[key] = Searcher(
                stock, settings["proposer"], algorithm=key[0], seconds=key[1], max_steps=settings["depth"],
                routes=10, judged=False, width=settings["cutoff"],
            )  # fmt: skip
        print(json.dumps(_search(searchers[key], request["smiles"])), flush=True)


def _search(searcher: Searcher, smiles: str) -> dict[str, Any]:
    busy = time.process_time()
    before, reactions = models.counts(searcher.proposer).get("misses", 0), searcher.reactions
    try:
        result = searcher.search(smiles)
    except (ValueError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {
        "solved": result.solved,
        "first_route_s": result.first_solution_seconds,
        "seconds": result.seconds,
        "cpu_s": time.process_time() - busy,
        # What the model answered from its cache of earlier targets is no work done.
        "expansions": models.counts(searcher.proposer).get("misses", 0) - before,
        "distinct_molecules": result.expansions,
        "reactions": searcher.reactions - reactions,
        "molecules": result.molecules,
        "why_stopped": result.why_stopped,
        "peak_memory_mb": machine.peak_memory_mb(),
    }


if __name__ == "__main__":
    main()
