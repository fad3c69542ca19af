"""A region of a space in an operator's words: "ligand=XPhos or PPh3; temperature>=120"."""

from __future__ import annotations

import re

from knowledge.records.base import canonical_json
from knowledge.records.space import Category, Setting, Space, Where

_TERM = re.compile(r"\s*(?P<name>[^<>=;]+?)\s*(?P<sign><=|>=|=)\s*(?P<value>[^<>=;]+?)\s*")


def read_region(space: Space, words: str) -> tuple[Where, ...]:
    """Terms with = (options separated by " or "), <= and >= (numbers in the parameter's unit), separated by ";", or by
    "," before the next parameter's name (options have commas of their own).

    Raises ValueError, one line that says what can be written.
    """
    found: list[Where] = []
    names = "|".join(re.escape(name) for name in space.names)
    for text in re.split(rf";|,(?=\s*(?:{names})\s*[<>=])", words):
        term = _TERM.fullmatch(text)
        if term is None:
            raise ValueError(f"'{text.strip()}' cannot be read; write it like \"ligand=XPhos; temperature>=120\"")
        parameter = space.parameter(term["name"])
        if isinstance(parameter, Category):
            if term["sign"] != "=":
                raise ValueError(f"'{parameter.name}' has options: write {parameter.name}=OPTION")
            options = tuple(one.strip() for one in term["value"].split(" or "))
            for option in options:
                parameter.index(option)
            found.append(Where(parameter=parameter.name, options=options))
            continue
        try:
            value = float(term["value"].removesuffix(parameter.unit))
        except ValueError:
            raise ValueError(f"'{parameter.name}' is a number in {parameter.unit}, not '{term['value']}'") from None
        low = value if term["sign"] in (">=", "=") else None
        high = value if term["sign"] in ("<=", "=") else None
        found.append(Where(parameter=parameter.name, minimum=low, maximum=high))
    return tuple(found)


def substances_of(space: Space, setting: Setting) -> tuple[Where, ...]:
    """The same options whatever the numbers; where nothing is chosen, the numbers themselves."""
    chosen = tuple(
        Where(parameter=p.name, options=(str(setting[p.name]),)) for p in space.parameters if isinstance(p, Category)
    )
    return chosen or tuple(
        Where(parameter=name, minimum=float(setting[name]), maximum=float(setting[name])) for name in space.names
    )


def stored(region: tuple[Where, ...]) -> str:
    """As a restriction's value."""
    return canonical_json([one.model_dump(mode="json") for one in region])
