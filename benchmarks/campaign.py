"""A campaign against blind choice from the same pool, seed by seed.

    python -m benchmarks.campaign --seeds 5 --json

Both runs of a seed are whole campaigns: the same generators breed, the same filters and route checks apply, the same
lab answers. The blind one draws its batches at random from the makeable molecules instead of choosing them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def run(campaign: Path, folder: Path, *, seed: int, acquisition: str) -> dict[str, Any]:
    """One campaign from the command line; its JSON summary."""
    done = subprocess.run(
        [
            sys.executable, "run_agent.py", "run", str(campaign), "--dry-run", "--json", "--seed", str(seed),
            "--acquisition", acquisition, "--store", str(folder / f"{acquisition}-{seed}.sqlite"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"seed {seed}, {acquisition}: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", type=Path, default=ROOT / "config" / "campaigns" / "green_solvent.yaml")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder to keep the stores and reports in")
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(arguments.seeds):
            pair = {
                rule: run(arguments.campaign.resolve(), folder, seed=seed, acquisition=rule)
                for rule in ("auto", "random")
            }
            ours, blind = (pair[rule]["hypervolume"] for rule in ("auto", "random"))
            rows.append(
                {
                    "seed": seed,
                    "hypervolume": ours[-1],
                    "random": blind[-1],
                    "by_iteration": ours,
                    "random_by_iteration": blind,
                    "best": pair["auto"]["best"]["smiles"] if pair["auto"]["best"] else None,
                    "wall_s": pair["auto"]["wall_s"],
                }
            )
            if not arguments.json:
                print(f"seed {seed}: {ours[-1]:.4f} against random {blind[-1]:.4f}", flush=True)
    result = {
        "seeds": len(rows),
        "higher_on": sum(r["hypervolume"] > r["random"] for r in rows),
        "mean": round(statistics.mean(r["hypervolume"] for r in rows), 4),
        "random_mean": round(statistics.mean(r["random"] for r in rows), 4),
        "rows": rows,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
