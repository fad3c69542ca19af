"""Every weight that designs, anew, one after the other: `python -m planners.design.training.all`.

Trainings keep checkpoints and go on from them; a script that ended well is not run again until `--anew`.
"""

from __future__ import annotations

import argparse
from functools import partial

from knowledge.trainer.series import run_series
from knowledge.trainer.wheels import training_dir

ROOM = "planners.design.training"
SCRIPTS: tuple[tuple[str, ...], ...] = (
    ("camd",),
    ("latent",),
    ("latent", "--export"),
    ("adversarial", "--resume"),
    ("adversarial", "--export"),
    ("diffusion",),
    ("diffusion", "--export"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anew", action="store_true", help="forget what earlier runs of this command finished")
    given = parser.parse_args()
    run_series(ROOM, SCRIPTS, training_dir("design") / "done.txt", anew=given.anew, tell=partial(print, flush=True))


if __name__ == "__main__":
    main()
