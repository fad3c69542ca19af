"""Every route weight anew, in the order in which one needs another: `python -m planners.routes.training.all`.

Trainings keep checkpoints and go on from them; a script that ended well is not run again until `--anew`.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from knowledge.trainer.series import run_series
from planners.routes.training.uspto import folder, training_dir

ROOM = "planners.routes.training"
SCRIPTS: tuple[tuple[str, ...], ...] = (
    ("template",),
    ("local", "--resume"),
    ("graph", "--resume"),
    ("graph", "--export"),
    ("sequence", "--resume"),
    ("sequence_weights",),
    ("template", "--pools", "valid"),
    ("local", "--pools", "valid"),
    ("graph", "--pools", "valid"),
    ("sequence_pools", "--split", "valid"),
    ("ensemble",),
)


def with_routes(routes: Path | None, benchmarks: list[Path]) -> tuple[tuple[str, ...], ...]:
    """What else is learned: precedents from the reactions, with conditions where routes name their agents."""
    given = () if routes is None else ("--routes", str(routes))
    precedents = ("precedents", *given, *(("--exclude", *map(str, benchmarks)) if benchmarks else ()))
    plausibility = ("plausibility",)
    if routes is None:
        return (precedents, plausibility)
    return (
        precedents,
        plausibility,
        ("conditions", *given, *(("--without", *map(str, benchmarks)) if benchmarks else ())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--routes", type=Path, help="routes with mapped reactions and agents (RetroCast's JSON)")
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[], help="routes that must not be learned from")
    parser.add_argument("--anew", action="store_true", help="forget what earlier runs of this command finished")
    given = parser.parse_args()
    if given.routes is not None and not given.benchmarks:
        parser.error("--routes needs --benchmarks: what later measures the planner must not be learned from")
    folder()
    run_series(
        ROOM,
        (*SCRIPTS, *with_routes(given.routes, given.benchmarks)),
        training_dir() / "done.txt",
        anew=given.anew,
        tell=partial(print, flush=True),
    )


if __name__ == "__main__":
    main()
