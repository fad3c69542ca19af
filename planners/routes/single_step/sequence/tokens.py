"""SMILES as tokens: what one token is, which atoms the tokens bond, and the vocabulary.

Everything here is text work: no molecule is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|%\d{2}|[BCNOPSFIbcnops]|[().=#\-:/\\~]|\d")
_BONDS = frozenset("=#-:/\\~")

PAD, UNKNOWN, START, END = 0, 1, 2, 3
SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")


class UnreadableText(ValueError):
    """A text that is no SMILES by its letters alone."""


def split(smiles: str) -> list[str]:
    """The tokens of a SMILES: an atom with its brackets is one token. Raises UnreadableText."""
    tokens = _TOKEN.findall(smiles)
    if sum(map(len, tokens)) != len(smiles):
        raise UnreadableText(f"'{smiles}' has letters that no SMILES has")
    return tokens


def is_atom(token: str) -> bool:
    return token[0] == "[" or token[0].isalpha()


def is_ring_label(token: str) -> bool:
    return token[0] == "%" or token[0].isdigit()


@dataclass(frozen=True, slots=True)
class Layout:
    """What a token string says about bonds, by token position.

    `edges`: pairs (i, j) of tokens that touch: bonded atoms, and every bond symbol, bracket or ring label with its
    atom. `rings`: (opening label, closing label, opening atom, closing atom).
    """

    edges: tuple[tuple[int, int], ...]
    rings: tuple[tuple[int, int, int, int], ...]


def layout(tokens: Sequence[str]) -> Layout:
    """Raises UnreadableText when brackets or ring labels do not pair."""
    edges: list[tuple[int, int]] = []
    rings: list[tuple[int, int, int, int]] = []
    branches: list[int] = []
    opened: dict[str, tuple[int, int]] = {}
    last, symbol = -1, -1
    for i, token in enumerate(tokens):
        if is_atom(token):
            if last >= 0:
                edges.append((last, i))
            if symbol >= 0:
                edges.append((symbol, i))
            last, symbol = i, -1
        elif is_ring_label(token):
            if last < 0:
                raise UnreadableText("a ring label without an atom")
            edges.append((last, i))
            if token in opened:
                label, atom = opened.pop(token)
                edges += [(atom, last), (label, last), (atom, i)]
                rings.append((label, i, atom, last))
            else:
                opened[token] = (i, last)
            symbol = -1
        elif token in _BONDS:
            if last >= 0:
                edges.append((last, i))
            symbol = i
        elif token == "(":
            if last >= 0:
                edges.append((last, i))
            branches.append(last)
        elif token == ")":
            if not branches:
                raise UnreadableText("a bracket closes that was not opened")
            last = branches.pop()
            edges.append((last, i))
        else:
            last, symbol = -1, -1
    if opened or branches:
        raise UnreadableText("a ring or a branch stays open")
    return Layout(tuple(edges), tuple(rings))


class Vocabulary:
    """Tokens seen in training, numbered; 0 to 3 are padding, unknown, start and end."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = (*SPECIAL, *tokens)
        self._number = {token: i for i, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, strings: Iterable[Sequence[str]], least: int) -> Vocabulary:
        """Tokens that occur at least `least` times, in alphabetical order."""
        counts: dict[str, int] = {}
        for tokens in strings:
            for token in tokens:
                counts[token] = counts.get(token, 0) + 1
        return cls(sorted(token for token, n in counts.items() if n >= least))

    @property
    def learned(self) -> tuple[str, ...]:
        """Without the special ones: what `Vocabulary` is made from."""
        return self.tokens[len(SPECIAL) :]

    def __len__(self) -> int:
        return len(self.tokens)

    def numbers(self, tokens: Sequence[str]) -> list[int]:
        return [self._number.get(token, UNKNOWN) for token in tokens]
