"""The common base of everything that rooms hand to each other: frozen, strict, content-addressed."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no blanks and no NaN: equal values give equal text (RFC 8785 in spirit)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Record(BaseModel):
    """A frozen value. Unknown fields are errors; its canonical JSON is its identity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> str:
        return canonical_json(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        """Content address: SHA-256 of the canonical JSON, 64 hex digits."""
        return sha256_text(self.canonical())

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        return cls.model_validate_json(text)
