"""The campaign file: from YAML to a campaign's spec, or to one line that says which line and key to change."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from tokenize import TokenError
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent.campaign import CampaignError, Review
from agent.specs import KINDS, MOLECULES, AnySpec
from knowledge.records.quantity import Quantity

MOST_CHARACTERS = 1_000_000


class _Loader(yaml.SafeLoader):
    """Plain YAML in which a key that stands twice is an error: else the later one would win, and nobody would know."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in lines:
                    words = f"the key '{key.value}' stands twice (first in line {lines[key.value]})"
                    raise yaml.constructor.ConstructorError(None, None, words, key.start_mark)
                lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, kind: str = "campaign") -> tuple[Any, yaml.Node | None]:
    """What a file holds, and its nodes with their lines; `kind` of file, for the errors. Raises CampaignError."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except FileNotFoundError:
        raise CampaignError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise CampaignError(f"{path}: is a folder; name a {kind} file (YAML)") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path}: is not text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise CampaignError(f"{str(path)[:200]}: cannot be read: {error.strerror}") from None
    if len(text) > MOST_CHARACTERS:
        raise CampaignError(f"{path}: has more than {MOST_CHARACTERS} characters; this is not a {kind} file")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CampaignError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise CampaignError(f"{path}:{line}: not valid YAML: a character that text cannot hold") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date like 2026-02-31
        raise CampaignError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise CampaignError(f"{path}: is nested too deeply; this is not a {kind} file") from None


def read_campaign(path: Path, table: Path | None = None) -> AnySpec:
    """Read and validate; `lab` and `review` may name another YAML file.

    `table`: the results that a replay lab answers from, in place of those that ATHANOR_TABLE or the file itself names.
    Raises CampaignError.
    """
    data, node = read_yaml(path)
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "this is no campaign"
        raise CampaignError(f"{path}:1: {what}; expected the keys {', '.join(KINDS[MOLECULES].model_fields)}")
    kind = data.get("kind", MOLECULES)
    if kind not in KINDS:
        line = _descend(node, ("kind",))[0]
        raise CampaignError(f"{path}:{line}: kind: '{kind}' is no kind of campaign; choose from: {', '.join(KINDS)}")
    if kind == MOLECULES:
        data.pop("kind", None)  # files without a kind are the same campaigns
    spec_model = KINDS[kind]
    lab_file = path
    for key, model in (("lab", spec_model.model_fields["lab"].annotation), ("review", Review)):
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        if isinstance(data.get(key), str):
            other = path.parent / data[key]
            try:
                data[key], other_node = read_yaml(other)
            except CampaignError as error:
                raise CampaignError(f"{error} (named in {path}:{_descend(node, (key,))[0]}: {key})") from None
            try:
                model.model_validate(data[key])
            except ValidationError as error:
                raise CampaignError(explain(other, other_node, error, model)) from None
            lab_file = other if key == "lab" else lab_file
    try:
        spec = spec_model.model_validate(data)
    except ValidationError as error:
        raise CampaignError(explain(path, node, error, spec_model)) from None
    except (ArithmeticError, TokenError, RecursionError):  # from pint's parser of units
        raise CampaignError(f"{path}: a unit in it cannot be read; write units like K, mPa*s or MPa**0.5") from None
    return _with_table(spec, path, node, lab_file, table)


def _with_table(spec: AnySpec, path: Path, node: yaml.Node | None, lab_file: Path, table: Path | None) -> AnySpec:
    """The same campaign, its replay lab's table found and checked."""
    from agent.conditions.spec import ConditionsSpec

    if not isinstance(spec, ConditionsSpec):
        if table is not None:
            raise CampaignError(f"{path}: a table belongs to a replay lab, and this campaign has none")
        return spec
    from agent.conditions.table import BadReplayTable, found

    try:
        return found(spec, table or _from_environment() or lab_file.parent / spec.lab.table)
    except BadReplayTable as error:
        line = _descend(node, ("lab", *error.at))[0]
        raise CampaignError(f"{path}:{line}: {_key(('lab', *error.at))}: {error}") from None


def _from_environment() -> Path | None:
    named = os.environ.get("ATHANOR_TABLE", "")
    return Path(named) if named else None


def _descend(node: yaml.Node | None, path: tuple[str | int, ...]) -> tuple[int, yaml.Node | None]:
    """The line (from 1) of the deepest key on `path` that the file has, and what stands there."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line, node


def _line_that_says(words: str, node: yaml.Node | None) -> int | None:
    """The line below `node` of a value that is `words`, or a number with that unit."""
    if isinstance(node, yaml.ScalarNode):
        return node.start_mark.line + 1 if node.value == words or node.value.endswith(f" {words}") else None
    if isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        below = [pair[1] if isinstance(pair, tuple) else pair for pair in node.value]
        return next((line for line in (_line_that_says(words, n) for n in below) if line is not None), None)
    return None


def _key(path: tuple[str | int, ...]) -> str:
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else (f".{part}" if words else str(part))
    return words


def _model_at(model: Any, path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that describes what stands at `path`, where there is one."""
    for part in path:
        if isinstance(part, str):
            field = getattr(model, "model_fields", {}).get(part)
            model = None if field is None else field.annotation
        options = get_args(model)
        if options:
            model = next((o for o in options if isinstance(o, type) and issubclass(o, BaseModel)), None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def explain(path: Path, node: yaml.Node | None, error: ValidationError, model: type[BaseModel]) -> str:
    """The first error as one line: file, line, key, what is wrong, and what is allowed."""
    errors = error.errors()
    # Where an entry of a list is wrong, pydantic also finds the list too short: one mistake, said once.
    errors = [e for e in errors if e["type"] != "too_short" or not any(e is not o and _inside(o, e) for o in errors)]
    first = errors[0]
    where = (*first["loc"], *first.get("ctx", {}).get("at", ()))
    tail = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    key = _key(where)
    words = " ".join(_words(first, where, model).split())
    line, at = _descend(node, where)
    quoted = re.search(r"'([^']+)'", words)
    if first["type"] == "value_error" and quoted:
        line = _line_that_says(quoted[1], at) or line
    return f"{path}:{line}: {key + ': ' if key else ''}{words}{tail}"


def _inside(one: ErrorDetails, other: ErrorDetails) -> bool:
    return one["loc"][: len(other["loc"])] == other["loc"]


def _words(error: ErrorDetails, where: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """What is wrong, in words that need no knowledge of Python."""
    short = Repr()
    short.maxstring = short.maxother = 60
    short.maxlevel = 2
    got = " (got nothing)" if error["input"] is None else f" (got {short.repr(error['input'])})"
    match error["type"]:
        case "extra_forbidden":
            found = _model_at(model, where[:-1])
            known = list(found.model_fields) if found is not None else []
            close = get_close_matches(str(where[-1]), known, n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            return f"unknown key '{where[-1]}'{hint}" + (f"; known here: {', '.join(known)}" if known else "")
        case "missing":
            return f"the key '{where[-1]}' is missing" if isinstance(where[-1], str) else "a value is missing"
        case "value_error" | "impossible":
            said = error["msg"].removeprefix("Value error, ")
            return re.sub(r"(unknown unit '(.+)') \(expected a unit like '\2'\)", r"\1", said)
        case "assertion_error":  # pint's parser, about a unit that is no expression
            return f"a unit cannot be read{got}"
        case "string_pattern_mismatch":
            return f"write it with lower-case letters, digits, - and _, e.g. green-solvent{got}"
        case "model_type" | "model_attributes_type" | "dict_type":
            found = _model_at(model, where)
            if found is Quantity:
                return f"write a number, a blank and a unit, e.g. '423 K'{got}"
            keys = " " + ", ".join(found.model_fields) if found is not None else " and values"
            return f"expected the keys{keys}{got}"
        case "string_type":
            return f"should be text; put it in quotes{got}"
        case "tuple_type":
            return f"should be a list{got}"
        case "too_short":
            return "the list needs at least one entry"
        case _:
            return error["msg"].replace("Input should be", "should be") + got
