"""Results of benchmarks.optimize side by side, as a Markdown table with ranks, wins and losses.

    python -m benchmarks.optimize_table direct_arylation.txt snar.txt hplc.txt

Each file is what a run of benchmarks.optimize wrote to stdout; the last result in it counts. Every figure is a mean
over the seeds of a problem; ranks are by mean regret, and wins and losses by seed. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.optimize_figures import ranks

WHEN = ("half", "full")


class BadResults(ValueError):
    """No results that can be put side by side; one line says why."""


def read(path: Path) -> dict[str, Any]:
    """The last result in a file. Raises BadResults and OSError."""
    for line in reversed(path.read_text().splitlines()):
        if line.startswith("{"):
            try:
                result: dict[str, Any] = json.loads(line)
            except ValueError:
                break
            if result.get("benchmark") == "optimize":
                return result
    raise BadResults(f"{path} holds no result of benchmarks.optimize")


def compare(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean regrets by problem and optimiser, mean ranks, and seeds that the first optimiser won and lost against each
    other one. Raises BadResults where the problems were not all run with the same optimisers.
    """
    names = list(results[0]["optimisers"])
    for result in results:
        if list(result["optimisers"]) != names:
            other = ", ".join(result["optimisers"])
            raise BadResults(f"'{result['problem']}' was run with {other}; the first one with {', '.join(names)}")
    regrets = {
        when: [[1.0 - float(np.mean(result["optimisers"][n][f"each_{when}"])) for n in names] for result in results]
        for when in WHEN
    }
    placed = {when: [ranks([-regret for regret in row]) for row in regrets[when]] for when in WHEN}
    against = {
        other: {
            when: {
                outcome: sum(result["athanor_against"][other][when][outcome] for result in results)
                for outcome in ("won", "even", "lost")
            }
            for when in WHEN
        }
        for other in results[0]["athanor_against"]
    }
    return {
        "problems": [result["problem"] for result in results],
        "budgets": [result["budget"] for result in results],
        "seeds": [len(result["seeds"]) for result in results],
        "optimisers": names,
        "regret": regrets,
        "mean_regret": {when: np.mean(regrets[when], axis=0).round(4).tolist() for when in WHEN},
        "mean_rank": {when: np.mean(placed[when], axis=0).round(3).tolist() for when in WHEN},
        "to_99": [[result["optimisers"][n]["to_99"]["median"] for n in names] for result in results],
        "athanor_against": against,
    }


def lines(found: dict[str, Any]) -> list[str]:
    names = found["optimisers"]
    head = ["problem", "seeds", *(f"{n}, {when}" for when in WHEN for n in names), *(f"{n}, to 99 %" for n in names)]
    text = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for i, problem in enumerate(found["problems"]):
        cells = [f"{found['regret'][when][i][j]:.3f}" for when in WHEN for j in range(len(names))]
        cells += [f"{value:g}" for value in found["to_99"][i]]
        text.append("| " + " | ".join([problem, str(found["seeds"][i]), *cells]) + " |")
    for title, figures in (("mean regret", found["mean_regret"]), ("mean rank", found["mean_rank"])):
        cells = [f"{value:.3f}" for when in WHEN for value in figures[when]]
        text.append("| " + " | ".join([title, "", *cells, *[""] * len(names)]) + " |")
    text += [
        f"athanor against {other}: "
        + "; ".join(f"{when} {w[when]['won']} won, {w[when]['even']} even, {w[when]['lost']} lost" for when in WHEN)
        for other, w in found["athanor_against"].items()
    ]
    return text


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, metavar="FILE", help="what benchmarks.optimize wrote")
    try:
        found = compare([read(path) for path in parser.parse_args(given).results])
    except (BadResults, OSError) as error:
        print(f"optimize_table: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print("\n".join(lines(found)))
    print(json.dumps({"benchmark": "optimize_table", **found}))


if __name__ == "__main__":
    main()
