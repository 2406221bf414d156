"""One document before its judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from definitions.lint.attainable_points import Supply, supply
from definitions.lint.best_lead import Ideal, ideal
from definitions.lint.finding import Change, Meanings
from definitions.lint.reachability import WAYS, PathReach, reach
from definitions.plain_english.generated_statement import Json, Names


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the document and its place there."""

    place: str
    value: Json


CRITERIA: Final = ("gate", "fit", "bant", "disqualifiers")


@dataclass(frozen=True)
class Case:
    """A complete document and what is needed to judge it; what is measured of it, once."""

    document: Json
    meanings: Meanings
    names: Names
    change: Change | None = None

    @cached_property
    def ideal(self) -> Ideal:
        return ideal(self.document)

    @cached_property
    def best(self) -> Supply:
        return supply(self.document, self.meanings, self.ideal)

    @cached_property
    def ways(self) -> tuple[PathReach, ...]:
        return reach(self.document, meanings=self.meanings, names=self.names)

    def rows(self, *parts: str) -> list[Row]:
        return [Row(f"{part}[{at}]", row) for part in parts for at, row in enumerate(self.document[part])]

    def clauses(self, *parts: str) -> Iterator[Row]:
        for way in self.rows(*parts or WAYS):
            for at, clause in enumerate(way.value["clauses"]):
                yield Row(f"{way.place}.clauses[{at}]", clause)
