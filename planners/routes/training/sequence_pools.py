"""What the sequence model proposes for a whole split, and how often the truth is among it.

    python -m planners.routes.training.sequence_pools --pools valid [--first 500] [--roots 4] [--width 10]

Writes `training_dir()/pools/sequence-{split}.jsonl`, one line per reaction in the split's order:
{"product": ..., "truth": [...], "proposals": [[[reactants...], score, template], ...]}.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

import torch
from loguru import logger
from rdkit import Chem

from planners.routes.single_step.proposal import Proposal
from planners.routes.single_step.sequence.proposer import ROOTS, WIDTH, SequenceProposer
from planners.routes.structure import canonical
from planners.routes.training import uspto

KEPT = 20
_CHUNK = 128


def unmapped(smiles: str) -> str:
    """Canonical, without map numbers; reactants stay joined by dots."""
    mol = Chem.MolFromSmiles(smiles)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return canonical(Chem.MolToSmiles(mol))


def references(split: uspto.Split, first: int | None) -> list[tuple[str, tuple[str, ...]]]:
    """Pairs (product, sorted reactants), all canonical."""
    pairs = []
    for number, reaction in enumerate(uspto.reactions(split)):
        if first is not None and number >= first:
            break
        reactants = tuple(sorted(canonical(part) for part in unmapped(reaction.reactants).split(".")))
        pairs.append((unmapped(reaction.product), reactants))
    return pairs


def figures(truths: Sequence[tuple[str, ...]], answers: Sequence[Sequence[Proposal]]) -> dict[str, float]:
    """Per cent of the reactions whose reactants are among the first 1, 3, 5, 10, 20, stereo included."""
    ranks = [
        next((i for i, proposal in enumerate(answer) if proposal.reactants == truth), KEPT)
        for truth, answer in zip(truths, answers, strict=True)
    ]
    return {f"top{k}": round(100 * sum(rank < k for rank in ranks) / len(ranks), 2) for k in (1, 3, 5, 10, 20)}


def write(split: uspto.Split, first: int | None, proposer: SequenceProposer) -> dict[str, float]:
    """The pool, and its figures."""
    pairs = references(split, first)
    began, used = time.monotonic(), time.process_time()
    answers: list[list[Proposal]] = []
    for start in range(0, len(pairs), _CHUNK):
        answers += proposer.propose([product for product, _ in pairs[start : start + _CHUNK]], KEPT)
        logger.info("{} of {} in {:.0f} s", len(answers), len(pairs), time.monotonic() - began)
    seconds, used = time.monotonic() - began, time.process_time() - used
    if first is None:
        pools = uspto.training_dir() / "pools"
        pools.mkdir(exist_ok=True)
        part = pools / f"sequence-{split}.part"
        with part.open("w", encoding="utf-8") as lines:
            for (product, truth), answer in zip(pairs, answers, strict=True):
                proposals = [[p.reactants, p.score, p.template] for p in answer]
                lines.write(json.dumps({"product": product, "truth": truth, "proposals": proposals}) + "\n")
        part.replace(pools / f"sequence-{split}.jsonl")
    return figures([truth for _, truth in pairs], answers) | {
        "n": len(pairs),
        "valid_share": round(1 - proposer.invalid / max(proposer.made, 1), 4),
        "molecules_per_second": round(len(pairs) / seconds, 2),
        "molecules_per_processor_second": round(len(pairs) / used, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", "--split", dest="pools", choices=uspto.SPLITS, default="valid")
    parser.add_argument("--first", type=int, help="only so many reactions, and write nothing")
    parser.add_argument("--roots", type=int, default=ROOTS)
    parser.add_argument("--width", type=int, default=WIDTH)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    proposer = SequenceProposer(roots=arguments.roots, width=arguments.width)
    logger.info("{}", json.dumps(write(arguments.pools, arguments.first, proposer)))


if __name__ == "__main__":
    main()
