"""What the forward check says of published steps, of made-up ones, and of published ones with one atom changed.

    python -m planners.routes.training.check_figures [--count N] [--model MODULE:CLASS ...]

On USPTO-50k valid. Each model (such as curated:RuleProposer) adds the wrong proposals among its first ten; many of
those are good chemistry that nobody happened to publish for that product, so their share is no error rate.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import numpy as np
from rdkit import Chem, rdBase

from knowledge.records.route import RouteStep
from planners.routes.check import ForwardCheck
from planners.routes.precedents.mapping import assign
from planners.routes.single_step import Proposer
from planners.routes.structure import canonical, parse
from planners.routes.training import uspto
from planners.routes.training.plausibility import DRAWN, library_at, made_up
from planners.routes.training.precedents import Reaction, published

SEED = 7
OTHERS = {6: (7, 8), 7: (6, 8), 8: (7, 16), 16: (8,), 9: (17,), 17: (9, 35), 35: (17,)}


def _step(product: str, reactants: tuple[str, ...], template: str = "", kind: str = "") -> RouteStep:
    return RouteStep(product=product, reactants=reactants, reaction_class=kind, template=template, score=0.5)


def corrupted(product: str, reactants: tuple[str, ...], rng: np.random.Generator) -> RouteStep | None:
    """One reactant atom that ends in the product made another element; None when no atom takes it."""
    mapping = assign(product, ".".join(reactants))
    homes = [r for r in mapping.partner if r >= 0 and mapping.reactants.numbers[r] in OTHERS]
    for r in rng.permutation(np.array(homes, dtype=np.int64)):
        mol = Chem.RWMol(parse(".".join(reactants)))
        choices = OTHERS[mapping.reactants.numbers[int(r)]]
        atom = mol.GetAtomWithIdx(int(r))
        atom.SetAtomicNum(int(rng.choice(choices)))
        if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
            made = tuple(canonical(part) for part in Chem.MolToSmiles(mol).split("."))
            return _step(product, made)
    return None


def _drawn(reactions: list[Reaction], rng: np.random.Generator) -> Iterator[RouteStep]:
    templates, weight = library_at(uspto.training_dir() / "plausibility")
    odds = weight / weight.sum()
    for _, product, truth in reactions:
        picks = rng.choice(len(templates), size=DRAWN, replace=False, p=odds)
        for reactants in made_up(product, truth, templates, picks):
            yield _step(product, reactants)


def _wrong(reactions: list[Reaction], proposer: Proposer) -> Iterator[RouteStep]:
    for _, product, truth in reactions:
        for proposal in proposer.propose([product], 10)[0]:
            if tuple(sorted(proposal.reactants)) != tuple(sorted(truth)):
                yield _step(product, proposal.reactants, proposal.template, proposal.reaction_class)


def _proposer(name: str) -> Proposer:
    module, _, kind = name.partition(":")
    made: Proposer = getattr(import_module(f"planners.routes.single_step.{module}"), kind)()
    return made


def figures(steps: list[RouteStep], check: ForwardCheck) -> dict[str, float]:
    """Shares of the verdicts, how many, and CPU milliseconds per step."""
    start = time.process_time()
    found = Counter(c.verdict.value for c in check.judge_many(steps))
    spent = time.process_time() - start
    shares = {kind: round(n / len(steps), 4) for kind, n in sorted(found.items())}
    return {**shares, "n": len(steps), "ms": round(1000 * spent / len(steps), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--model", nargs="*", default=[])
    given = parser.parse_args()
    rng = np.random.default_rng(SEED)
    valid = [r for r in published("valid") if r[1] not in r[2]]
    chosen = [valid[i] for i in rng.permutation(len(valid))[: given.count]]
    check = ForwardCheck()
    out: dict[str, dict[str, float]] = {}
    with rdBase.BlockLogs():
        out["published"] = figures([_step(p, r) for _, p, r in chosen], check)
        changed = [corrupted(p, r, rng) for _, p, r in chosen]
        out["one atom changed"] = figures([s for s in changed if s is not None], check)
        out["templates at random"] = figures(list(_drawn(chosen[: given.count // 3], rng)), check)
        for name in given.model:
            out[f"wrong among the first ten of {name}"] = figures(
                list(_wrong(chosen[: given.count // 6], _proposer(name))), check
            )
    print(json.dumps(out))


if __name__ == "__main__":
    main()
