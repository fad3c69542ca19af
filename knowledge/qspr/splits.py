"""Which molecules a model learns from and which ones test it.

A random split asks how well a model interpolates among the molecules that it knows. A scaffold split asks how it does
on chemistry that it has not seen: molecules with one Bemis-Murcko scaffold (G. W. Bemis, M. A. Murcko, J. Med. Chem. 39
(1996) 2887) stay together. A similarity split does the same with groups of near neighbours.

Two decisions that published scaffold splits leave open:

- Molecules without a ring have no scaffold. One group of all of them would be half of a set of small molecules, and
  each alone would put hexanol beside heptanol. Here those with the same kinds of functional groups stay together, as a
  homologous series does.
- A group larger than half of a test set is dominant (benzene, often a quarter of the data). Holding it out would leave
  a test of one kind. It stays in the training part of a single split; over k folds, where every molecule is tested
  once, its members are dealt one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from knowledge.qspr.kernels import tanimoto
from knowledge.qspr.representation import Representation, default_representation
from knowledge.records.base import sha256_text

TEST_SHARE = 0.2
NEAR = 0.4  # count-Tanimoto similarity that puts molecules into one group of a similarity split
_SKELETON = frozenset({"methyl", "methylene_chain", "methylene_ring", "methine", "quaternary"})
_REMEMBERED = 50_000
_BLOCK = 512


class SplitKind(StrEnum):
    RANDOM = "random"
    SCAFFOLD = "scaffold"
    SIMILARITY = "similarity"


@dataclass(frozen=True)
class Fold:
    """Row numbers, ascending; `train` and `test` share none."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def hold_out(smiles: Sequence[str], kind: SplitKind | str, *, seed: int, share: float = TEST_SHARE) -> Fold:
    """One split with round(share * n) test molecules, or as many as whole groups of them allow.

    The order of `smiles` does not matter. Raises ValueError for repeated molecules, a share outside (0, 1), or when no
    group is small enough to be tested.
    """
    _distinct(smiles)
    if not 0.0 < share < 1.0:
        raise ValueError(f"the test share must be between 0 and 1, got {share:g}")
    size = max(1, round(share * len(smiles)))
    if size >= len(smiles):
        raise ValueError(f"{len(smiles)} molecules are too few for a test share of {share:g}")
    test: list[int] = []
    for members in _groups(smiles, SplitKind(kind), seed, largest=_dominant(len(smiles), share)):
        if len(test) + len(members) <= size:
            test += members
    if not test:
        raise ValueError(f"a {kind} split is impossible: nearly all {len(smiles)} molecules are of one kind")
    return _fold(len(smiles), test)


def k_fold(smiles: Sequence[str], kind: SplitKind | str, *, seed: int, count: int = 5) -> list[Fold]:
    """At most `count` folds of nearly equal size; every molecule is tested in exactly one.

    Dominant groups are dealt member by member. With fewer molecules than folds, each is a fold of its own. Raises
    ValueError for repeated molecules, fewer than 2 molecules or a count below 2.
    """
    _distinct(smiles)
    if len(smiles) < 2 or count < 2:
        raise ValueError(f"cross-validation needs 2 molecules and 2 folds, got {len(smiles)} and {count}")
    folds = min(count, len(smiles))
    largest = _dominant(len(smiles), 1.0 / folds)
    whole = _groups(smiles, SplitKind(kind), seed, largest=largest)
    kept = {i for members in whole for i in members}
    single = [[i] for i in _shuffled(smiles, seed) if i not in kept]
    parts: list[list[int]] = [[] for _ in range(folds)]
    # Large groups first: small ones then fill the gaps, and the folds come out even.
    for members in sorted([*whole, *single], key=lambda members: -len(members)):
        min(parts, key=len).extend(members)
    return [_fold(len(smiles), part) for part in parts]


def group_keys(smiles: Sequence[str], kind: SplitKind | str, *, seed: int = 0) -> list[str]:
    """A name for each molecule's group: molecules of one name are never parted by a split of this kind unless their
    group is dominant. `seed` matters for similarity groups only. Raises InvalidMolecule.
    """
    match SplitKind(kind):
        case SplitKind.RANDOM:
            return list(smiles)
        case SplitKind.SCAFFOLD:
            return [scaffold(s) for s in smiles]
        case SplitKind.SIMILARITY:
            return _leaders(smiles, seed, default_representation())


@lru_cache(maxsize=_REMEMBERED)
def scaffold(smiles: str) -> str:
    """The Bemis-Murcko scaffold without stereochemistry, as canonical SMILES; for a molecule without a ring
    "acyclic:" and the kinds of functional groups that it has. Raises InvalidMolecule.
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold

    from knowledge.features import Groups
    from knowledge.features.featurizer import parse

    mol = parse(smiles)
    if mol.GetRingInfo().NumRings():
        return str(MurckoScaffold.MurckoScaffoldSmiles(mol=mol, includeChirality=False))
    counts = Groups()([smiles])[0]
    present = (name for name, n in zip(Groups.columns, counts, strict=True) if n and name not in _SKELETON)
    return "acyclic:" + "+".join(present)


def _leaders(smiles: Sequence[str], seed: int, representation: Representation) -> list[str]:
    """Sphere exclusion: in a shuffled order, each molecule joins the most similar leader or becomes one."""
    order = _shuffled(smiles, seed)
    counts = representation.counts([smiles[i] for i in order])
    names = [""] * len(smiles)
    leaders: list[int] = []
    for start in range(0, len(order), _BLOCK):
        similarity = tanimoto(counts[start : start + _BLOCK], counts[: start + _BLOCK])
        for place, row in enumerate(similarity, start=start):
            near = row[leaders]
            if len(near) and near.max() >= NEAR:
                names[order[place]] = smiles[order[leaders[int(near.argmax())]]]
            else:
                leaders.append(place)
                names[order[place]] = smiles[order[place]]
    return names


def _groups(smiles: Sequence[str], kind: SplitKind, seed: int, *, largest: float) -> list[list[int]]:
    """Rows of every group of at most `largest` members, the groups in a shuffled order."""
    found: dict[str, list[int]] = {}
    for i, key in enumerate(group_keys(smiles, kind, seed=seed)):
        found.setdefault(key, []).append(i)
    keys = sorted((k for k, members in found.items() if len(members) <= largest), key=lambda k: _draw(seed, k))
    return [found[key] for key in keys]


def _dominant(n: int, share: float) -> float:
    return max(1.0, 0.5 * share * n)


def _shuffled(smiles: Sequence[str], seed: int) -> list[int]:
    return sorted(range(len(smiles)), key=lambda i: _draw(seed, smiles[i]))


def _draw(seed: int, key: str) -> str:
    return sha256_text(f"split:{seed}:{key}")


def _fold(n: int, test: Sequence[int]) -> Fold:
    tested = frozenset(test)
    return Fold(tuple(i for i in range(n) if i not in tested), tuple(sorted(tested)))


def _distinct(smiles: Sequence[str]) -> None:
    if len(set(smiles)) != len(smiles):
        raise ValueError("a molecule is repeated; merge its values first")
