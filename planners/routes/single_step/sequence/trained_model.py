"""The trained network with its vocabulary: from SMILES to scripts and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open

from planners.routes.single_step import weights
from planners.routes.single_step.sequence.inputs import Texts, texts
from planners.routes.single_step.sequence.network import SequenceNetwork, Sizes
from planners.routes.single_step.sequence.tokens import Vocabulary, layout

FILE = "sequence.safetensors"


@dataclass(frozen=True, slots=True)
class TrainedSequence:
    network: SequenceNetwork
    vocabulary: Vocabulary

    def fits(self, tokens: Sequence[str]) -> bool:
        return len(tokens) <= self.network.sizes.longest_source

    def read(self, strings: Sequence[Sequence[str]]) -> Texts:
        """Product texts, as tokens, for the network. Raises UnreadableText."""
        return texts([self.vocabulary.numbers(tokens) for tokens in strings], [layout(s).edges for s in strings])

    def items(self, numbers: Sequence[int]) -> list[str | int]:
        """A script's numbers as tokens to say and positions to copy."""
        words = len(self.vocabulary)
        return [self.vocabulary.tokens[n] if n < words else n - words for n in numbers]

    def numbers(self, script: Sequence[str | int]) -> list[int]:
        """The reverse of `items`; a token that the vocabulary lacks becomes the unknown one."""
        words = len(self.vocabulary)
        return [words + item if isinstance(item, int) else self.vocabulary.numbers([item])[0] for item in script]


def load(path: Path) -> TrainedSequence:
    """fp16 on disk, bf16 in memory: the processor multiplies bf16 nine times as fast as fp32."""
    with safe_open(path, "pt") as held:
        metadata = held.metadata()
        state = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118  a handle, not a dict
    network = SequenceNetwork(Sizes(**json.loads(metadata["sizes"])))
    network.load_state_dict(state)
    return TrainedSequence(network.to(torch.bfloat16).eval(), Vocabulary(json.loads(metadata["vocabulary"])))


@lru_cache(maxsize=1)
def _shipped(path: Path) -> TrainedSequence:
    return load(path)


def shipped() -> TrainedSequence:
    """The weights in `trained/`, loaded on first use. Raises WeightsMissing."""
    return _shipped(weights.find(FILE))
