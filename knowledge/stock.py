"""What can be bought: inventory substances with their tonnage, and building blocks made to order.

Keys are kept as the first 8 bytes of the SHA-256 of the InChIKey, sorted in one memory-mapped array, so that the whole
stock costs a process less than 3 MB and a question about a microsecond.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from knowledge.records.molecule import InvalidMolecule
from knowledge.records.route import StockItem
from knowledge.sources import tables
from knowledge.sources.cache import build_once

_LAYOUT = 2
_SYNSPACE = "synspace building blocks"
# Money per gram (arbitrary unit, about euro for small amounts) of a molecule of 150 g/mol: an order of magnitude per
# tier, as catalogues show between bulk chemicals and blocks synthesised to order. A proxy for ranking routes, not a
# quote.
_PRICE = {1: 0.05, 2: 0.2, 3: 1.0, 4: 5.0, 5: 50.0}
_REFERENCE_WEIGHT = 150.0
_OWN_TIER = 3
_FLAT = "UHFFFAOY"  # second block of an InChIKey without stereo and isotopes


class HashCollision(RuntimeError):
    """Two different InChIKeys with the same 64-bit hash; by chance it happens to one stock in three billion."""


class Entry(NamedTuple):
    """One substance. `weight` in g/mol, 0 where unknown."""

    inchikey: str
    tier: int
    source: str
    weight: float


def price_per_g(tier: int, weight: float) -> float:
    """The price proxy: by tier, and growing with molecular weight because heavier molecules have seen more steps."""
    return _PRICE[tier] * (max(weight, 1.0) / _REFERENCE_WEIGHT if weight else 1.0)


class Stock:
    """Purchasable molecules by InChIKey. Immutable; make one with `builtin` or `from_file`."""

    def __init__(
        self,
        table: npt.NDArray[np.uint64],
        sources: tuple[str, ...],
        *,
        prices: Mapping[int, float] | None = None,
        bad_lines: tuple[str, ...] = (),
    ) -> None:
        """`table`, shape (3, n), as `pack` makes it; `prices` per g by hash64 where they are known."""
        self.bad_lines = bad_lines
        self._prices = dict(prices or {})
        self._table = table
        # A memoryview answers in Python integers, several times faster than NumPy scalars.
        self._hashes = np.asarray(table[0]).data
        self._skeletons = np.asarray(table[2]).data
        self._sources = sources

    @classmethod
    def builtin(cls) -> Stock:
        """Inventory substances (tiers 1-4) and the blocks of synspace (tier 5); built at first use, in about half a
        minute.
        """
        path = build_once(f"stock-{_LAYOUT}-{tables.versions()}.npy", _build)
        return cls(np.load(path, mmap_mode="r", allow_pickle=False), _builtin_sources())

    @classmethod
    def from_file(cls, path: str | Path, *, strict: bool = True) -> Stock:
        """A user's own stock: one SMILES or InChIKey per line (the first word counts; blank lines and `#` comments do
        not), or a table with a header (comma, semicolon or tab) whose column `inchikey` or `smiles` says what it is
        and `price_per_g`, if there, what it costs. May be gzipped.

        All of it is tier 3. `strict` raises InvalidMolecule at the first line that cannot be read, naming it, and takes
        an empty file as an empty shelf; otherwise such lines are left out and named in `bad_lines`, and nothing to
        read at all is EmptyStock. Raises OSError.
        """
        from knowledge import stock_file

        source = Path(path).name
        read = stock_file.read(Path(path), strict=strict)
        entries = [Entry(key, _OWN_TIER, source, weight) for key, (weight, _) in read.found.items()]
        prices = {hash64(key): price for key, (_, price) in read.found.items() if price is not None}
        return cls(pack(entries, (source,)), (source,), prices=prices, bad_lines=read.bad_lines)

    def lookup(self, inchikey: str) -> StockItem | None:
        i = self._find(inchikey)
        if i is None:
            return None
        packed = int(self._table[1, i])
        tier = packed >> 8 & 0xFF
        price = self._prices.get(self._hashes[i]) if self._prices else None
        return StockItem(
            inchikey=inchikey,
            source=self._sources[packed & 0xFF],
            tier=tier,
            price_per_g=price if price is not None else price_per_g(tier, (packed >> 16) / 100.0),
        )

    def lookup_smiles(self, smiles: str) -> StockItem | None:
        """Raises InvalidMolecule."""
        return self.lookup(inchikey(smiles))

    def lookup_flat(self, inchikey: str) -> StockItem | None:
        """For a molecule without stereo or isotopes: any stereoisomer that is in stock, under the molecule's own key.

        A match of lower confidence: which isomer is sold is not known. So `source` says "connectivity only", and tier
        and price are those of a block to order. None for a molecule with stereo: its enantiomer is something else.
        """
        if inchikey[15:23] != _FLAT or not self.sells_skeleton(inchikey):
            return None
        source = f"connectivity only: {', '.join(self._sources)}"
        return StockItem(inchikey=inchikey, source=source, tier=5, price_per_g=price_per_g(5, 0.0))

    def sells_skeleton(self, inchikey: str) -> bool:
        """Whether anything of the same connectivity is in stock: itself, a stereoisomer or an isotopologue."""
        wanted = hash64(inchikey[:14])
        i = bisect_left(self._skeletons, wanted)
        return i < len(self._skeletons) and bool(self._skeletons[i] == wanted)

    def __contains__(self, inchikey: str) -> bool:
        return self._find(inchikey) is not None

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """`hash64` of every InChIKey in stock, (n,), ascending; read-only."""
        view: npt.NDArray[np.uint64] = self._table[0].view()
        view.setflags(write=False)
        return view

    def by_tier(self) -> dict[int, int]:
        """How many substances each tier holds."""
        tiers, counts = np.unique(self._table[1] >> np.uint64(8) & np.uint64(0xFF), return_counts=True)
        return dict(zip(tiers.tolist(), counts.tolist(), strict=True))

    def _find(self, inchikey: str) -> int | None:
        wanted = hash64(inchikey)
        i = bisect_left(self._hashes, wanted)
        return i if i < len(self._hashes) and self._hashes[i] == wanted else None


def inchikey(smiles: str) -> str:
    """The key alone: a search asks about molecules by the thousand, and a record of each would cost as much again.

    Raises InvalidMolecule.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
        if mol is None or mol.GetNumAtoms() == 0:
            raise InvalidMolecule(f"cannot read '{smiles}' as a SMILES")
        key = str(Chem.MolToInchiKey(mol))
    if not key:
        raise InvalidMolecule(f"no InChIKey can be made for '{smiles}'")
    return key


def hash64(inchikey: str) -> int:
    return int.from_bytes(hashlib.sha256(inchikey.encode("ascii", "replace")).digest()[:8], "big")


def pack(entries: Iterable[Entry], sources: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """The table that `Stock` reads, shape (3, n), with the rows

    0. hashes of the InChIKeys, ascending;
    1. for each of them source (8 bits), tier (8 bits) and weight in 0.01 g/mol (32 bits);
    2. hashes of the connectivity blocks, ascending by themselves, repeated where substances share one.

    Raises HashCollision; an InChIKey given twice is a ValueError.
    """
    rows = sorted(
        (hash64(e.inchikey), e.inchikey, sources.index(e.source) | e.tier << 8 | round(e.weight * 100.0) << 16)
        for e in entries
    )
    for (hash_a, key_a, _), (hash_b, key_b, _) in pairwise(rows):
        if key_a == key_b:
            raise ValueError(f"'{key_a}' is in the stock twice")
        if hash_a == hash_b:
            raise HashCollision(f"'{key_a}' and '{key_b}' have the same 64-bit hash")
    skeletons = sorted(hash64(row[1][:14]) for row in rows)
    return np.array([[row[0] for row in rows], [row[2] for row in rows], skeletons], dtype=np.uint64).reshape(
        3, len(rows)
    )


def _builtin_sources() -> tuple[str, ...]:
    from knowledge.sources import inventory

    return (inventory.CDR, inventory.ECHA, inventory.HPV, inventory.LISTED, _SYNSPACE)


def _build(path: Path) -> None:
    from loguru import logger

    from knowledge.sources import blocks, inventory

    logger.info("stock: reading inventories")
    tiers = inventory.tiers()
    entries: dict[str, Entry] = {}
    for identity in tables.identities():
        listed = tiers.get(identity.cas)
        if listed is None:
            continue
        kept = entries.get(identity.inchikey)
        if kept is None or listed[0] < kept.tier:
            entries[identity.inchikey] = Entry(identity.inchikey, *listed, identity.weight)
    logger.info("stock: {} inventory substances; making the InChIKeys of the synspace blocks", len(entries))
    for key, weight in blocks.read():
        entries.setdefault(key, Entry(key, 5, _SYNSPACE, weight))
    logger.info("stock: {} substances", len(entries))
    with path.open("wb") as stream:
        np.save(stream, pack(entries.values(), _builtin_sources()), allow_pickle=False)
