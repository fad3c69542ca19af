"""A property of the handbook as a table for `benchmarks.property`.

    python -m benchmarks.handbook_table boiling_point --agreeing 5 --out boiling.csv
    python -m benchmarks.handbook_table flash_point --without Wikidata --out flash.csv

`--agreeing D`: only molecules for which sources of two different families lie within D (in the property's unit) of one
another; the value is then the mean of the nearest two. Without it, the handbook's consensus. `--without NAME`: no
molecule whose consensus rests on that source alone. Estimates are not in the handbook (see
`knowledge.sources.compilation`), but two compilations that agree may have copied from one another.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from pathlib import Path

from knowledge.records.fact import Fact
from knowledge.records.properties import UnknownProperty, get_property
from knowledge.sources.compilation import SOURCES
from knowledge.sources.handbook import Handbook


def nearest_pair(facts: list[Fact], families: dict[str, str]) -> tuple[Fact, Fact] | None:
    """The two values of different families that differ least; None where there are no two families."""
    pairs = [(a, b) for a, b in itertools.combinations(facts, 2) if families[a.source] != families[b.source]]
    return min(pairs, key=lambda pair: abs(pair[0].value - pair[1].value), default=None)


def rows(name: str, within: float | None, without: str) -> list[tuple[str, float, str]]:
    """SMILES, value, sources; sorted by InChIKey. Raises UnknownProperty."""
    book = Handbook.full()
    if within is None:
        return [(f.smiles, f.value, f.source) for f in book.facts(name) if f.source != without]
    families = {s.name: s.family for s in SOURCES if s.property == name}
    found = []
    for fact in book.facts(name):
        pair = nearest_pair(book.sources(fact.inchikey, name), families)
        if pair is not None and abs(pair[0].value - pair[1].value) <= within:
            found.append((fact.smiles, 0.5 * (pair[0].value + pair[1].value), f"{pair[0].source} + {pair[1].source}"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("property")
    parser.add_argument("--agreeing", type=float, metavar="D", help="two families must agree within this")
    parser.add_argument("--without", default="", metavar="NAME", help="no values that only this source gives")
    parser.add_argument("--out", required=True, type=Path, help="the table to write")
    arguments = parser.parse_args()
    if arguments.without and arguments.agreeing is not None:
        parser.error("--without is for the consensus, --agreeing for pairs of sources")
    try:
        unit = get_property(arguments.property).unit
        table = rows(arguments.property, arguments.agreeing, arguments.without)
    except UnknownProperty as error:
        parser.error(str(error))
    with arguments.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", arguments.property, "unit", "sources"])
        writer.writerows([smiles, repr(round(value, 6)), unit, sources] for smiles, value, sources in table)
    print(f"{arguments.out}: {len(table)} molecules")


if __name__ == "__main__":
    main()
