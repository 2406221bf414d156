"""The data of a version's published page: its rows beside their plain English (rules 3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch

from definitions import amendments, motions, signals_and_lists, version_documents
from definitions.amendments import AmendmentOffer
from definitions.document.values import Json
from definitions.models import Definition, Proposal, Review, SignOff, Version
from definitions.plain_english import account_statement, generated_statement
from definitions.plain_english.generated_statement import DisplayNames, PlainStatement
from definitions.presenters import basis_view, review_evidence, rules_at_a_glance, signing_sheet
from definitions.presenters.basis_view import BasisView
from definitions.presenters.review_evidence import ReviewEvidenceTables
from definitions.presenters.rules_at_a_glance import RuleBlock
from definitions.presenters.signing_sheet import ChangedRowView, StoryStep
from definitions.vocabulary import Part
from leads.vocabulary import Motion


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of the definition: its text, its points, and its rationale."""

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
    #: The rules without their rationale, for the first screen.
    blocks: list[RuleBlock]
    sections: list[PublishedSection]
    history: list[Version]
    #: The fingerprint of what decides who meets the version (rules 9.17): exactly this runs.
    digest: str
    story: list[StoryStep]
    proposal: Proposal | None
    #: The name of the company whose definition it is; "" if none is set.
    company: str
    #: The last review of the definition that was decided.
    last_review: Review | None
    basis: BasisView
    amendment: AmendmentOffer | None

    @property
    def amendment_changes(self) -> list[ChangedRowView]:
        return [ChangedRowView(row) for row in self.amendment.changes] if self.amendment else []

    @property
    def signatures(self) -> list[SignOff]:
        """Return the signatures of both leaders on this version."""
        own = next((row for row in self.history if row.pk == self.version.pk), None)
        return [signature for signature in own.sign_offs.all() if signature.counts] if own else []

    @property
    def predecessor(self) -> Version | None:
        """Return the version that it was drafted from or, if it began anew, the version numbered before it."""
        earlier = [
            version
            for version in self.history
            if (version.major, version.minor) < (self.version.major, self.version.minor)
        ]
        drafted_from = [version for version in self.history if version.pk == self.version.based_on_id]
        return next(iter([*drafted_from, *earlier]), None)

    @property
    def accepted_warnings(self) -> list[Any]:
        """Return the linter's warnings that were accepted, each with its reason."""
        return signing_sheet.select_accepted_warnings(self.proposal)

    @property
    def target(self) -> str:
        return f"Target: sales accepts {float(self.version.sal_rate_target) * 100:g} % of them"

    @property
    def reading_time(self) -> str:
        return f"{self.statement.word_count} words, {self.statement.seconds} seconds aloud"


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
    """Build everything on the page; the number of queries does not grow with the version or its history."""
    document, names = version_documents.export_document(version), signals_and_lists.read_display_names()
    return PublishedPage(
        version=version,
        statement=generated_statement.write_statement(document, names),
        blocks=rules_at_a_glance.build_blocks(document, names),
        sections=[
            *(section for section in _build_sections(document, names) if section.lines),
            _build_tiers_and_time_section(version, document, names),
        ],
        history=list_versions(version.definition),
        digest=version_documents.fingerprint(version),
        story=signing_sheet.build_story(version),
        proposal=signing_sheet.find_proposal(version),
        company=settings.COMPANY_NAME,
        last_review=find_last_review(version.definition),
        basis=basis_view.build_basis_view(version, names),
        amendment=amendments.find_offer(version),
    )


def find_last_review(definition: Definition) -> Review | None:
    """Return the review of a definition that was decided last."""
    decided = Review.objects.filter(definition=definition, decided_at__isnull=False)
    return decided.order_by("-decided_at", "-pk").first()


def read_statement(version: Version) -> PlainStatement:
    """Return the version in plain English, from its rows as they are now."""
    return generated_statement.write_statement(
        version_documents.export_document(version), signals_and_lists.read_display_names()
    )


def list_definitions(motion: Motion | None = None) -> list[Definition]:
    """Return the definitions of one motion or of all, each with its `versions_newest_first`.

    Those of the primary motion come first.
    """
    versions = Version.objects.order_by("-major", "-minor", "-pk")
    definitions = Definition.objects.order_by(motions.rank_motion("motion"), "name", "pk")
    if motion is not None:
        definitions = definitions.filter(motion=motion)
    return list(definitions.prefetch_related(Prefetch("versions", versions, to_attr="versions_newest_first")))


def build_evidence_context(review: Review) -> dict[str, Any]:
    """Return the evidence that the review opened with and the evidence added since, for the template."""
    further = review.further_evidence.order_by("at", "pk")
    return {
        "evidence": review_evidence.build_tables(review.evidence),
        "further": [FurtherEvidence(row.period, review_evidence.build_tables(row.evidence)) for row in further],
    }


def list_versions(definition: Definition) -> list[Version]:
    """Return all versions, newest first, with their signatures prefetched."""
    sign_offs = SignOff.objects.select_related("by").order_by("pk")
    versions = definition.versions.select_related("definition", "created_by").prefetch_related(
        Prefetch("sign_offs", sign_offs)
    )
    return list(versions.order_by("-major", "-minor", "-pk"))


def _build_account_section(section: dict[str, Any] | None, names: DisplayNames) -> PublishedSection:
    """Build the rows of what a company needs; empty for a definition of leads."""
    if section is None:
        return PublishedSection("Account", [])
    contacts = generated_statement.capitalize_first(account_statement.describe_contacts(section, names.signal))
    lines = [PublishedRow(contacts, None, section["rationale"], "Contacts")]
    if company := section["company_signals"]:
        text = generated_statement.capitalize_first(account_statement.describe_company_signals(company, names.signal))
        lines.append(PublishedRow(text, None, company["rationale"], "Company signals"))
    return PublishedSection("Account: all must hold", lines)


def _build_sections(document: Json, names: DisplayNames) -> list[PublishedSection]:
    whole: dict[str, Any] = document
    return [
        _build_account_section(whole.get("account"), names),
        *(_build_criteria_section(title, whole[part], names) for part, title in list(_CRITERIA.items())[:2]),
        _build_paths_section(
            "Paths: any one qualifies, with the timing" if whole["timing"] else "Paths: any one qualifies",
            whole["paths"],
            names,
        ),
        _build_paths_section("Hot triggers: any one qualifies by itself, as tier 1", whole["hot"], names),
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
            _join_reasons(row["rationale"], row.get("cap_rationale")),
            generated_statement.describe_cap(row),
        )
        for row in rows
    ]
    return PublishedSection("Signals: points for what leads do", lines, gives_points=True)


def _build_paths_section(title: str, rows: list[dict[str, Any]], names: DisplayNames) -> PublishedSection:
    return PublishedSection(
        title,
        [
            PublishedRow(
                generated_statement.describe_path(row, names),
                None,
                _join_reasons(row["rationale"], *(clause.get("rationale") for clause in row["clauses"])),
                row["name"],
            )
            for row in rows
        ],
    )


def _build_tiers_and_time_section(version: Version, document: Json, names: DisplayNames) -> PublishedSection:
    whole: dict[str, Any] = document
    tiers = generated_statement.describe_tiers(document, names)
    reasons = [_find_reason(whole["tier_3_below"]) if tier.startswith("Tier 3") else "" for tier in tiers]
    rows = [
        (generated_statement.write_timing_sentence(document, names), _find_reason(whole["timing"])),
        *zip(tiers, reasons, strict=True),
    ]
    if not version.account:
        rows += [
            (generated_statement.describe_decay(document), _find_reason(whole["decay"])),
            (generated_statement.describe_ceilings(document), ""),
        ]
    rows.append((f"Target: sales accepts {float(version.sal_rate_target) * 100:g} % of them.", ""))
    rows.append((generated_statement.describe_healthy_range(document), _find_reason(whole.get("mql_to_sql"))))
    return PublishedSection("Tiers and time", [PublishedRow(text, None, reason) for text, reason in rows if text])


def _find_reason(part: dict[str, Any] | None) -> str:
    return str((part or {}).get("rationale") or "")


def _join_reasons(*reasons: str | None) -> str:
    """Join the reason of a row and those of its parts, without those that are missing or said twice."""
    return " ".join(dict.fromkeys(reason for reason in reasons if reason))
