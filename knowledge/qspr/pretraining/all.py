"""The encoder's weights anew: `python -m knowledge.qspr.pretraining.all`, the one entry of `make train-property`.

First GFN2-xTB values of some molecules, where there are none (they need the extra `quantum`; without it the encoder
learns from descriptors and groups alone), then the training, then the file that models read. Each goes on from where it
was interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time

from knowledge.qspr.pretraining.corpus import zinc
from knowledge.quantum.training.labels import folder

LABELS = "knowledge.quantum.training.labels"
ENCODER = "knowledge.qspr.pretraining.encoder"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=50.0, help="of training, by the clock")
    parser.add_argument("--labels-minutes", type=float, default=30.0, help="of GFN2-xTB, by the clock")
    parser.add_argument("--workers", type=int, default=2, help="processes that compute descriptors and groups")
    parser.add_argument("--anew", action="store_true", help="do not go on from the checkpoint of an earlier training")
    given = parser.parse_args()
    labels = folder() / "labels.jsonl"
    if labels.is_file():
        print(f"{LABELS}: {labels} is there", flush=True)
    elif importlib.util.find_spec("tblite") is None:
        print(f"{LABELS}: left out, the extra 'quantum' is not installed", flush=True)
    else:
        _run(LABELS, "--zinc", str(zinc()), "--seconds", str(60 * given.labels_minutes))
    anew = ("--anew",) if given.anew else ()
    _run(ENCODER, "--minutes", str(given.minutes), "--workers", str(given.workers), *anew)
    _run(ENCODER, "--export")


def _run(module: str, *words: str) -> None:
    started = time.monotonic()
    print(f"{module} {' '.join(words)} ...", flush=True)
    code = subprocess.run([sys.executable, "-m", module, *words], check=False).returncode
    if code:
        sys.exit(f"{module} ended with code {code}; run this command again to go on from its checkpoint")
    print(f"{module}: {(time.monotonic() - started) / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
