"""The context of the checks: one document, and measurements of it that several checks share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from definitions.lint.attainable_points import AttainablePoints, compute_attainable_points
from definitions.lint.best_lead import BestLead, find_best_lead
from definitions.lint.finding import ChangeContext, Meanings, OtherDefinition
from definitions.lint.reachability import PATH_PARTS, PathReach, compute_reach
from definitions.plain_english.generated_statement import DisplayNames, Json


@dataclass(frozen=True, slots=True)
class CriterionPlace:
    """A row of the document and its place there."""

    place: str
    value: Json


CRITERIA: Final = ("gate", "fit", "bant", "disqualifiers")


@dataclass(frozen=True)
class LintContext:
    """A complete document with everything that judges it; each measurement is computed once."""

    document: Json
    meanings: Meanings
    names: DisplayNames
    change: ChangeContext | None = None
    others: Sequence[OtherDefinition] = ()

    @cached_property
    def best_lead(self) -> BestLead:
        return find_best_lead(self.document)

    @cached_property
    def best_points(self) -> AttainablePoints:
        return compute_attainable_points(self.document, self.meanings, self.best_lead)

    @cached_property
    def reaches(self) -> tuple[PathReach, ...]:
        return compute_reach(self.document, meanings=self.meanings, names=self.names)

    def rows(self, *parts: str) -> list[CriterionPlace]:
        return [CriterionPlace(f"{part}[{at}]", row) for part in parts for at, row in enumerate(self.document[part])]

    def clauses(self, *parts: str) -> Iterator[CriterionPlace]:
        for path in self.rows(*parts or PATH_PARTS):
            for at, clause in enumerate(path.value["clauses"]):
                yield CriterionPlace(f"{path.place}.clauses[{at}]", clause)
