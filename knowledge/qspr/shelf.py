"""Property models on disk: one safetensors file each, settings as JSON in its header, so nothing stored is ever run.

A model file is written beside its place and moved there, so a reader sees the old model or the new one, never half.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from knowledge.qspr.candidates import restorable
from knowledge.qspr.contract import Stored
from knowledge.qspr.selection import Selected
from knowledge.records.properties import PROPERTIES, Property

FORMAT = "athanor-property-model/1"
_SUFFIX = ".safetensors"


class NoSuchModel(LookupError):
    """There is no stored model of a property; the message names the command that makes one."""


class Unreadable(ValueError):
    """A file is no model of ours, or one of another version; the message says what to do."""


@dataclass(frozen=True)
class Shelved:
    """A stored model. `property`: name, unit and scale that it was trained on. `origin`: where its values come from.
    `basis`: the property whose priors its models may use, "" for its own name.
    """

    property: Property
    origin: str
    selected: Selected
    basis: str = ""


class Shelf:
    """A folder with at most one model for each property. Names are words: letters, digits and _."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, prop: str) -> Path:
        return self.folder / f"{prop}{_SUFFIX}"

    def names(self) -> list[str]:
        """Properties with a model, sorted."""
        return sorted(p.name.removesuffix(_SUFFIX) for p in self.folder.glob(f"*{_SUFFIX}"))

    def put(self, model: Shelved) -> Path:
        """Write a model in place of an older one. Raises OSError, and ValueError for a name that is no word."""
        if not _is_name(model.property.name):
            raise ValueError(f"'{model.property.name}' cannot be the name of a file")
        stored = model.selected.stored()
        header = {
            "property": model.property.model_dump(mode="json"),
            "origin": model.origin,
            "basis": model.basis or model.property.name,
            **stored.settings,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(model.property.name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            save_file(
                {name: np.ascontiguousarray(array) for name, array in stored.arrays.items()},
                temporary,
                metadata={"format": FORMAT, "model": json.dumps(header, sort_keys=True)},
            )
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def get(self, prop: str) -> Shelved:
        """The model of a property. Raises NoSuchModel, Unreadable, OSError."""
        path = self._found(prop)
        header, arrays = _read(path)
        own = Property.model_validate(header.pop("property"))
        origin = str(header.pop("origin"))
        basis = str(header.pop("basis", own.name))
        if own.name in PROPERTIES and own.unit != PROPERTIES[own.name].unit:
            raise Unreadable(f"{path} predicts {own.name} in {own.unit}; `train {prop}` makes a new model")
        try:
            selected = Selected.restore(Stored(header, arrays), restorable(basis, header["model"]))
        except (ValueError, KeyError) as error:
            raise Unreadable(f"{path}: {error}; `train {prop}` makes a new model") from error
        return Shelved(own, origin, selected, basis)

    def _found(self, prop: str) -> Path:
        """Raises NoSuchModel."""
        path = self.path(prop)
        if _is_name(prop) and path.is_file():
            return path
        raise NoSuchModel(f"there is no model of '{prop}' in {self.folder}; `train {prop}` makes one")

    def about(self, prop: str) -> dict[str, Any]:
        """What a stored model says of itself, without loading it: model, number of molecules, table, origin, property.

        Raises NoSuchModel, Unreadable, OSError.
        """
        path = self._found(prop)
        header = _header(path)
        return {
            "property": header["property"],
            "model": header["model"],
            "molecules": len(header["smiles"]),
            "origin": header["origin"],
            "split": header["split"],
            "table": header["table"],
        }


def _is_name(prop: str) -> bool:
    """Nothing that leads out of the folder."""
    return prop.isascii() and prop.replace("_", "").isalnum()


def _header(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise Unreadable(f"{path} is no safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise Unreadable(f"{path} is no property model of this version; train it again")
    header: dict[str, Any] = json.loads(metadata["model"])
    return header


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    header = _header(path)
    with safe_open(path, framework="np") as file:
        return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
