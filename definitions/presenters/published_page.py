"""What the published page of a version shows: its rows beside their plain English (rules 3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from definitions import signals_and_lists, version_documents
from definitions.document.values import Json
from definitions.models import Definition, Proposal, Review, SignOff, Version
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import DisplayNames, PlainStatement
from definitions.presenters import review_evidence, signing_sheet
from definitions.presenters.review_evidence import ReviewEvidenceTables
from definitions.presenters.signing_sheet import StoryStep
from definitions.vocabulary import Part


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One row of the definition: what it says, what it gives, why."""

    text: str
    points: float | None
    rationale: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PublishedSection:
    title: str
    lines: list[PublishedRow]
    gives_points: bool = False


@dataclass(frozen=True, slots=True)
class PublishedPage:
    version: Version
    statement: PlainStatement
    sections: list[PublishedSection]
    timing: str
    tiers: tuple[str, ...]
    decay: str
    ceilings: str
    history: list[Version]
    #: What runs is this document and no other: the fingerprint of what is compiled, signed and exported.
    digest: str
    story: list[StoryStep]
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
        return signing_sheet.select_accepted_warnings(self.proposal)

    @property
    def reading(self) -> str:
        return f"{self.statement.words} words, {self.statement.seconds} seconds aloud"


@dataclass(frozen=True, slots=True)
class FurtherEvidence:
    title: str
    evidence: ReviewEvidenceTables


_CRITERIA = {
    Part.GATE: "Gate: all must pass",
    Part.DISQUALIFIER: "Disqualifiers: any one excludes",
    Part.FIT: "Fit points",
    Part.BANT: "BANT points",
}


def build_published_page(version: Version) -> PublishedPage:
    """Everything on the page, in a number of queries that does not grow with the version or its history."""
    document, names = version_documents.export_document(version), signals_and_lists.read_display_names()
    return PublishedPage(
        version=version,
        statement=generated_statement.write_statement(document, names),
        sections=[section for section in _build_sections(document, names) if section.lines],
        timing=generated_statement.describe_timing(document),
        tiers=generated_statement.describe_tiers(document, names),
        decay=generated_statement.describe_decay(document),
        ceilings=generated_statement.describe_ceilings(document),
        history=list_versions(version.definition),
        digest=version_documents.digest(document),
        story=signing_sheet.build_story(version),
        proposal=signing_sheet.find_proposal(version),
    )


def read_statement(version: Version) -> PlainStatement:
    """The version in plain English, from its rows as they are now."""
    return generated_statement.write_statement(
        version_documents.export_document(version), signals_and_lists.read_display_names()
    )


def list_definitions() -> list[Definition]:
    """All definitions, the main one first, each with its versions in `listed`, newest first."""
    versions = Version.objects.order_by("-major", "-minor", "-pk")
    definitions = Definition.objects.order_by("-is_primary", "name", "pk")
    return list(definitions.prefetch_related(Prefetch("versions", versions, to_attr="listed")))


def build_evidence_context(review: Review) -> dict[str, Any]:
    """What the review opened with, and what has come since."""
    further = review.further_evidence.order_by("at", "pk")
    return {
        "evidence": review_evidence.build_tables(review.evidence),
        "further": [FurtherEvidence(more.period, review_evidence.build_tables(more.evidence)) for more in further],
    }


def list_versions(definition: Definition) -> list[Version]:
    """All versions, newest first, with who signed and each step."""
    signed = SignOff.objects.select_related("by").order_by("pk")
    versions = definition.versions.select_related("definition", "created_by").prefetch_related(
        Prefetch("sign_offs", signed)
    )
    return list(versions.order_by("-major", "-minor", "-pk"))


def _build_sections(document: Json, names: DisplayNames) -> list[PublishedSection]:
    whole: dict[str, Any] = document
    return [
        *(_build_criteria_section(title, whole[part], names) for part, title in list(_CRITERIA.items())[:2]),
        _build_paths_section("Paths: any one reaches the threshold", whole["paths"], names),
        _build_paths_section("Hot triggers: any one makes it tier 1", whole["hot"], names),
        *(
            _build_criteria_section(title, whole[part], names, gives=True)
            for part, title in list(_CRITERIA.items())[2:]
        ),
        _build_signals_section(whole["signals"], names),
    ]


def _build_criteria_section(
    title: str, rows: list[Json], names: DisplayNames, *, gives: bool = False
) -> PublishedSection:
    return PublishedSection(
        title, [_build_criterion_row(row, names) for row in rows], gives or any(row.get("points") for row in rows)
    )


def _build_criterion_row(row: dict[str, Any], names: DisplayNames) -> PublishedRow:
    return PublishedRow(generated_statement.describe_criterion(row, names), row.get("points"), row["rationale"])


def _build_signals_section(rows: list[dict[str, Any]], names: DisplayNames) -> PublishedSection:
    lines = [
        PublishedRow(
            generated_statement.capitalize_first(names.signal(row["signal"])),
            row["points"],
            row["rationale"],
            generated_statement.describe_cap(row),
        )
        for row in rows
    ]
    return PublishedSection("Signals: points for what leads do", lines, gives_points=True)


def _build_paths_section(title: str, rows: list[dict[str, Any]], names: DisplayNames) -> PublishedSection:
    return PublishedSection(
        title,
        [
            PublishedRow(generated_statement.describe_path(row, names), None, row["rationale"], row["name"])
            for row in rows
        ],
    )
