"""How raw signals are coded: named arrays with a JSON header, as NumPy's zip of .npy files, the same bytes for the
same content.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from knowledge.records.base import canonical_json
from knowledge.records.measurement import Artifact

MEDIA_TYPE = "application/x-npz"
_HEADER = "metadata"

FloatArray = npt.NDArray[np.float64]


class CorruptSignal(ValueError):
    """A signal that cannot be read; the message names the signal and what is wrong with it."""


class Signal(NamedTuple):
    """`arrays` by name (float64); `metadata` as the instrument wrote it."""

    kind: str
    arrays: dict[str, FloatArray]
    metadata: dict[str, Any]

    def array(self, name: str) -> FloatArray:
        """Raises CorruptSignal when missing, empty or not finite."""
        try:
            values = self.arrays[name]
        except KeyError:
            raise CorruptSignal(f"{self.kind}: array '{name}' is missing") from None
        if values.size == 0:
            raise CorruptSignal(f"{self.kind}: array '{name}' is empty")
        if not np.isfinite(values).all():
            raise CorruptSignal(f"{self.kind}: array '{name}' holds numbers that are not finite")
        return values

    def number(self, name: str) -> float:
        """A finite number of the header. Raises CorruptSignal."""
        value = self.metadata.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise CorruptSignal(f"{self.kind}: header entry '{name}' is not a number")
        return float(value)

    def text(self, name: str) -> str:
        value = self.metadata.get(name)
        if not isinstance(value, str):
            raise CorruptSignal(f"{self.kind}: header entry '{name}' is not a text")
        return value


def encode(arrays: Mapping[str, npt.ArrayLike], metadata: Mapping[str, Any]) -> bytes:
    """Arrays (stored as float64) and a JSON-able header to bytes."""
    header = np.frombuffer(canonical_json(dict(metadata)).encode("utf-8"), dtype=np.uint8)
    columns = {name: np.ascontiguousarray(values, dtype=np.float64) for name, values in sorted(arrays.items())}
    buffer = io.BytesIO()
    # numpy writes its zip members with a fixed date, so equal content gives equal bytes.
    np.savez(buffer, allow_pickle=False, **{_HEADER: header}, **columns)
    return buffer.getvalue()


def decode(artifact: Artifact) -> Signal:
    """Raises CorruptSignal."""
    if artifact.media_type != MEDIA_TYPE:
        raise CorruptSignal(f"{artifact.kind}: media type '{artifact.media_type}' is not {MEDIA_TYPE}")
    try:
        with np.load(io.BytesIO(artifact.data), allow_pickle=False) as stored:
            members = {name: stored[name] for name in stored.files}
        metadata = json.loads(members.pop(_HEADER).tobytes().decode("utf-8"))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, NotImplementedError, zlib.error) as error:
        raise CorruptSignal(f"{artifact.kind}: the file cannot be read ({error})") from None
    if not isinstance(metadata, dict):
        raise CorruptSignal(f"{artifact.kind}: the header is not a table")
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in members.items()}
    lengths = {values.shape[0] for values in arrays.values() if values.ndim}
    if not lengths:
        raise CorruptSignal(f"{artifact.kind}: no data")
    return Signal(artifact.kind, arrays, metadata)
