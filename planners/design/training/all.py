"""Every weight that designs, anew, one after the other: `python -m planners.design.training.all`.

Trainings keep checkpoints and go on from them; a script that ended well is not run again until `--anew`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

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
    done = training_dir("design") / "done.txt"
    if given.anew:
        done.unlink(missing_ok=True)
    finished = set(done.read_text().splitlines()) if done.is_file() else set()
    for script in SCRIPTS:
        words = " ".join(script)
        if words in finished:
            print(f"{words}: done before", flush=True)
            continue
        started = time.monotonic()
        print(f"{words} ...", flush=True)
        code = subprocess.run([sys.executable, "-m", f"{ROOM}.{script[0]}", *script[1:]], check=False).returncode
        if code:
            sys.exit(f"{words} ended with code {code}; run this command again to go on from its checkpoint")
        with done.open("a") as lines:
            lines.write(words + "\n")
        print(f"{words}: {(time.monotonic() - started) / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
