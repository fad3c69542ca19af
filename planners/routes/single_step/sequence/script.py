"""The reactants' text as a short script over the product's text: copy a piece, say a token, copy a piece.

Text editing by spans, after F. Stahlberg and S. Kumar (Seq2Edits, EMNLP 2020) and the pointer of O. Vinyals (2015):
a script is a list of tokens to say and of positions in the product's text, these always in pairs (first, last) of a
piece to copy. As numbers, those below `len(vocabulary)` are tokens and position i is `len(vocabulary) + i`.
Scripts are about a quarter as long as what they write.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from planners.routes.single_step.sequence.alignment import Written
from planners.routes.single_step.sequence.tokens import (
    UNKNOWN,
    Layout,
    UnreadableText,
    Vocabulary,
    is_atom,
    layout,
    split,
)

SHORTEST_COPY = 3  # a piece costs two numbers; shorter ones are said token by token
_SPARE_LABELS = ("9", "8", "7", "6", "5", "%99", "%98")


def _atoms(tokens: Sequence[str], maps: Sequence[int]) -> list[int]:
    """The map number of each token: -1 where it is no atom."""
    numbers = iter(maps)
    return [next(numbers) if is_atom(token) else -1 for token in tokens]


@lru_cache(maxsize=512)
def _read(smiles: str) -> tuple[tuple[str, ...], Layout]:
    # One product is written over by many candidates.
    tokens = split(smiles)
    return tuple(tokens), layout(tokens)


def _relabelled(
    target: list[str], target_maps: list[int], source: Sequence[str], source_maps: list[int], source_layout: Layout
) -> list[str]:
    """The target with the ring labels that the source uses for the same rings, and spare ones for new rings."""
    label_of = {}
    for opening, _, a, b in source_layout.rings:
        label_of[frozenset((source_maps[a], source_maps[b]))] = source[opening]
    result = list(target)
    rings = sorted(layout(target).rings)
    busy: list[tuple[int, str]] = []  # (closes at, label)
    for opening, closing, a, b in rings:
        taken = {label for end, label in busy if end > opening}
        wish = label_of.get(frozenset((target_maps[a], target_maps[b])))
        if wish is None or wish in taken:
            wish = next((label for label in _SPARE_LABELS if label not in taken), None)
            if wish is None:
                raise UnreadableText("more open rings than spare labels")
        result[opening] = result[closing] = wish
        busy.append((closing, wish))
    return result


def _aligned(target: list[str], target_maps: list[int], source: Sequence[str], source_maps: list[int]) -> list[int]:
    """For each target token the source position that it repeats, or -1."""
    place = {m: i for i, m in enumerate(source_maps) if m > 0}
    found = [-1] * len(target)
    for t, m in enumerate(target_maps):
        i = place.get(m, -1) if m > 0 else -1
        if i >= 0 and source[i] == target[t]:
            found[t] = i
    for t in range(1, len(target)):
        i = found[t - 1] + 1
        if target_maps[t] < 0 and 0 < i < len(source) and source_maps[i] < 0 and source[i] == target[t]:
            found[t] = i
    for t in range(len(target) - 2, -1, -1):
        i = found[t + 1] - 1
        if target_maps[t] < 0 and found[t] < 0 <= i and source_maps[i] < 0 and source[i] == target[t]:
            found[t] = i
    return found


def encode(product: Written, reactants: Written, vocabulary: Vocabulary | None) -> tuple[list[str], list[str | int]]:
    """The product's tokens and the script, with tokens still as text and positions as plain numbers.

    Tokens that are not in the vocabulary can only be copied: raises UnreadableText when the script would say one.
    """
    (source, bonds), target = _read(product.smiles), split(reactants.smiles)
    source_maps, target_maps = _atoms(source, product.maps), _atoms(target, reactants.maps)
    target = _relabelled(target, target_maps, source, source_maps, bonds)
    found = _aligned(target, target_maps, source, source_maps)
    script: list[str | int] = []
    t = 0
    while t < len(target):
        end = t + 1
        while found[t] >= 0 and end < len(target) and found[end] == found[end - 1] + 1:
            end += 1
        if found[t] >= 0 and end - t >= SHORTEST_COPY:
            script += [found[t], found[end - 1]]
        else:
            script += target[t:end]
        t = end
    if vocabulary is not None:
        said = [item for item in script if isinstance(item, str)]
        if UNKNOWN in vocabulary.numbers(said):
            raise UnreadableText("the script says a token that the vocabulary lacks")
    return list(source), script


def text(source: Sequence[str], script: Sequence[str | int]) -> str:
    """What a script writes. Raises UnreadableText when a piece has no last position."""
    parts: list[str] = []
    items = iter(script)
    for item in items:
        if isinstance(item, str):
            parts.append(item)
            continue
        last = next(items, None)
        if not isinstance(last, int):
            raise UnreadableText("a piece without its last position")
        parts += source[item : last + 1]
    return "".join(parts)
