"""The graph model's answers for a whole split, for the reranker and for its figures."""

from __future__ import annotations


def write_pools(split: str, limit: int | None) -> None:
    raise NotImplementedError
