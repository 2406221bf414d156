"""What the published page of a version shows: its rows beside their plain English (SPEC 3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from definitions import signals_and_lists, version_documents
from definitions.document.values import Json
from definitions.models import Definition, Proposal, Review, SignOff, Version
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import Names, Statement
from definitions.presenters import review_evidence, signing_sheet
from definitions.presenters.review_evidence import Evidence
from definitions.presenters.signing_sheet import Happening
from definitions.vocabulary import Part


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the definition: what it says, what it gives, why."""

    text: str
    points: float | None
    rationale: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: list[Line]
    gives_points: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    version: Version
    statement: Statement
    sections: list[Section]
    timing: str
    tiers: tuple[str, ...]
    decay: str
    ceilings: str
    history: list[Version]
    #: What runs is this document and no other: the fingerprint of what is compiled, signed and exported.
    digest: str
    story: list[Happening]
    proposal: Proposal | None

    @property
    def predecessor(self) -> Version | None:
        """The one it was drafted from or, when it began anew, the one before it."""
        earlier = [each for each in self.history if (each.major, each.minor) < (self.version.major, self.version.minor)]
        drafted_from = [each for each in self.history if each.pk == self.version.based_on_id]
        return next(iter([*drafted_from, *earlier]), None)

    @property
    def accepted(self) -> list[Any]:
        """The warnings of the linter that were accepted, each with the reason."""
        return signing_sheet.accepted(self.proposal)

    @property
    def reading(self) -> str:
        return f"{self.statement.words} words, {self.statement.seconds} seconds aloud"


@dataclass(frozen=True, slots=True)
class FurtherEvidence:
    title: str
    evidence: Evidence


_CRITERIA = {
    Part.GATE: "Gate: all must pass",
    Part.DISQUALIFIER: "Disqualifiers: any one excludes",
    Part.FIT: "Fit points",
    Part.BANT: "BANT points",
}


def published(version: Version) -> Published:
    """Everything on the page, in a number of queries that does not grow with the version or its history."""
    document, names = version_documents.export(version), signals_and_lists.names()
    return Published(
        version=version,
        statement=generated_statement.statement(document, names),
        sections=[section for section in _sections(document, names) if section.lines],
        timing=generated_statement.timing(document),
        tiers=generated_statement.tiers(document, names),
        decay=generated_statement.decay(document),
        ceilings=generated_statement.ceilings(document),
        history=history(version.definition),
        digest=version_documents.digest(document),
        story=signing_sheet.story(version),
        proposal=signing_sheet.proposal_of(version),
    )


def statement(version: Version) -> Statement:
    """The version in plain English, from its rows as they are now."""
    return generated_statement.statement(version_documents.export(version), signals_and_lists.names())


def listed() -> list[Definition]:
    """All definitions, the main one first, each with its versions in `listed`, newest first."""
    versions = Version.objects.order_by("-major", "-minor", "-pk")
    definitions = Definition.objects.order_by("-is_primary", "name", "pk")
    return list(definitions.prefetch_related(Prefetch("versions", versions, to_attr="listed")))


def evidence_of(review: Review) -> dict[str, Any]:
    """What the review opened with, and what has come since."""
    further = review.further_evidence.order_by("at", "pk")
    return {
        "evidence": review_evidence.read(review.evidence),
        "further": [FurtherEvidence(more.period, review_evidence.read(more.evidence)) for more in further],
    }


def history(definition: Definition) -> list[Version]:
    """All versions, newest first, with who signed and each step."""
    signed = SignOff.objects.select_related("by").order_by("pk")
    versions = definition.versions.select_related("definition", "created_by").prefetch_related(
        Prefetch("sign_offs", signed)
    )
    return list(versions.order_by("-major", "-minor", "-pk"))


def _sections(document: Json, names: Names) -> list[Section]:
    whole: dict[str, Any] = document
    return [
        *(_criteria(title, whole[part], names) for part, title in list(_CRITERIA.items())[:2]),
        _paths("Paths: any one reaches the threshold", whole["paths"], names),
        _paths("Hot triggers: any one makes it tier 1", whole["hot"], names),
        *(_criteria(title, whole[part], names, gives=True) for part, title in list(_CRITERIA.items())[2:]),
        _signals(whole["signals"], names),
    ]


def _criteria(title: str, rows: list[Json], names: Names, *, gives: bool = False) -> Section:
    return Section(title, [_criterion(row, names) for row in rows], gives or any(row.get("points") for row in rows))


def _criterion(row: dict[str, Any], names: Names) -> Line:
    return Line(generated_statement.criterion(row, names), row.get("points"), row["rationale"])


def _signals(rows: list[dict[str, Any]], names: Names) -> Section:
    lines = [
        Line(
            generated_statement.capital(names.signal(row["signal"])),
            row["points"],
            row["rationale"],
            generated_statement.cap(row),
        )
        for row in rows
    ]
    return Section("Signals: points for what leads do", lines, gives_points=True)


def _paths(title: str, rows: list[dict[str, Any]], names: Names) -> Section:
    return Section(
        title, [Line(generated_statement.path(row, names), None, row["rationale"], row["name"]) for row in rows]
    )
