"""Do the procedures of a campaign hold together: balance, masses, vessel volumes, boiling points?

    python -m benchmarks.procedures --store runs/athanor.sqlite

Reads the plans of every experiment that got one; the last line is one JSON object. Problems are listed on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from agent.desk import find_campaign
from agent.gather import gather
from knowledge.store.database import Store
from knowledge.store.errors import StoreError
from planners.routes.appraisal import check_procedure


def examine(url: str, campaign: str | None) -> dict[str, Any]:
    """Counts over all experiments with a route. Raises StoreError and DeskError."""
    with Store.open(url) as store:
        with store.read() as session:
            campaign_id = find_campaign(session, campaign).id
        data = gather(store, campaign_id, generated_at=datetime.now(UTC).isoformat())
    problems: list[str] = []
    verdicts: Counter[str] = Counter()
    bases: Counter[str] = Counter()
    made = [e for e in data.experiments if e.route is not None and e.route.steps]
    for e in made:
        for procedure in e.procedures:
            problems += [f"{e.label} {procedure.product}: {problem}" for problem in check_procedure(procedure)]
            bases.update(charge.basis.value for charge in procedure.charges)
        for step in e.route.steps if e.route is not None else ():
            verdicts[step.check.verdict.value if step.check is not None else "not checked"] += 1
    for problem in problems:
        print(problem, file=sys.stderr)
    return {
        "campaign": campaign_id,
        "experiments": len(data.experiments),
        "with_route": sum(e.route is not None for e in data.experiments),
        "made": len(made),
        "steps": sum(len(e.procedures) for e in made),
        "problems": len(problems),
        "verdicts": dict(sorted(verdicts.items())),
        "charges_by_basis": dict(sorted(bases.items())),
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="runs/athanor.sqlite", help="SQLite file or postgresql:// URL")
    parser.add_argument("--campaign", help="campaign id; the newest when left out")
    given = parser.parse_args()
    try:
        result = examine(given.store, given.campaign)
    except (StoreError, ValueError) as error:
        sys.exit(str(error))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
