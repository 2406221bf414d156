"""What people read before they propose, sign, activate or go back: the case, the sheet to sign, what changes, what happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from definitions import commitment_snapshots, diff, proposal_checklist, proposals, signals_and_lists, version_documents
from definitions.diff import Effect, RowChange
from definitions.lint import Finding, Severity
from definitions.models import CommitmentSnapshot, Proposal, Review, Version, VersionChange
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import PlainStatement
from definitions.proposal_checklist import ChecklistPoint
from definitions.proposals import ProposalCase, ProposalGrounds
from definitions.vocabulary import VersionState

_TONES = {Effect.LOOSER: "warn", Effect.TIGHTER: "info"}


@dataclass(frozen=True, slots=True)
class ChangedRowView:
    """A changed row and how its effect looks."""

    row: RowChange

    @property
    def tone(self) -> str:
        return _TONES.get(self.row.effect, "")


@dataclass(frozen=True, slots=True)
class AcknowledgedWarning:
    """A warning, and what was said so far to accept it."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """The page on which a draft is proposed."""

    case: ProposalCase
    warnings: list[AcknowledgedWarning]

    @property
    def errors(self) -> list[Finding]:
        return self.case.of(Severity.ERROR)

    @property
    def advice(self) -> list[Finding]:
        return self.case.of(Severity.ADVICE)

    @property
    def changes(self) -> list[ChangedRowView]:
        return [ChangedRowView(row) for row in self.case.changes]


def build_proposal_page(version: Version, grounds: ProposalGrounds, *, now: dt.datetime) -> ProposalPage:
    case = proposals.build_case(version, grounds, now=now)
    warnings = [
        AcknowledgedWarning(found, grounds.acknowledged.get(found.key, "")) for found in case.of(Severity.WARNING)
    ]
    return ProposalPage(case, warnings)


@dataclass(frozen=True, slots=True)
class SigningSheet:
    """What a leader signs (rules 3.12): what triggers it, who is eligible, what sales does, what becomes of the others."""

    statement: PlainStatement
    triggers: list[str]
    eligible: list[str]
    excluded: list[str]
    sales: list[str]
    afterwards: list[str]
    marketing: list[str]
    promise: CommitmentSnapshot | None
    proposal: Proposal | None
    points: list[ChecklistPoint]
    before: Version | None
    changes: list[ChangedRowView]

    @property
    def accepted(self) -> list[Mapping[str, Any]]:
        return select_accepted_warnings(self.proposal)


def build_signing_sheet(version: Version) -> SigningSheet:
    document: dict[str, Any] = version_documents.export_document(version)
    names, promise, proposal = (
        signals_and_lists.read_display_names(),
        commitment_snapshots.find_current_snapshot(),
        find_proposal(version),
    )
    before = proposals.find_other_version_in_force(version)
    return SigningSheet(
        statement=generated_statement.write_statement(document, names),
        triggers=[
            f"{row['name']}: {generated_statement.describe_path(row, names)}"
            for row in [*document["paths"], *document["hot"]]
        ],
        eligible=[generated_statement.describe_criterion(row, names) for row in document["gate"]],
        excluded=[generated_statement.describe_criterion(row, names) for row in document["disqualifiers"]],
        sales=commitment_snapshots.select_sentences(promise, commitment_snapshots.SALES),
        afterwards=commitment_snapshots.select_sentences(promise, commitment_snapshots.AFTERWARDS),
        marketing=commitment_snapshots.select_sentences(promise, commitment_snapshots.MARKETING),
        promise=promise,
        proposal=proposal,
        points=proposal_checklist.read_frozen_points(proposal.checklist) if proposal else [],
        before=before,
        changes=compare_versions(before, version) if before else [],
    )


def select_accepted_warnings(proposal: Proposal | None) -> list[Mapping[str, Any]]:
    """The linter's warnings that were accepted, each with the reason."""
    return [found for found in proposal.findings if found["accepted"]] if proposal else []


def compare_versions(before: Version, after: Version) -> list[ChangedRowView]:
    found = diff.find_changes(
        version_documents.export_document(before),
        version_documents.export_document(after),
        signals_and_lists.read_display_names(),
    )
    return [ChangedRowView(row) for row in found]


def find_proposal(version: Version) -> Proposal | None:
    return Proposal.objects.select_related("by", "backtest", "review").filter(version=version).first()


# What happened


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step of a version's life: what was done, by whom, and what was said."""

    at: dt.datetime
    by: str
    what: str
    said: str = ""
    tone: str = ""


_STEP_TITLES = {
    VersionState.PROPOSED: "Proposed",
    VersionState.APPROVED: "Approved: both leaders have signed",
    VersionState.ACTIVE: "Activated",
    VersionState.RETIRED: "Retired",
    VersionState.REFUSED: "Refused",
}


def build_story(version: Version) -> list[StoryStep]:
    """From the first draft to the last step, in order of time."""
    begun = StoryStep(version.created_at, _person_name(version.created_by), _describe_origin(version), version.reason)
    # A signature comes before what it brings about at the same instant.
    return sorted(
        [begun, *_list_signatures(version), *_list_changes(version), *_list_reviews(version)], key=lambda each: each.at
    )


def _describe_origin(version: Version) -> str:
    return f"Drafted from {version.based_on.number}" if version.based_on else "Drafted"


def _list_changes(version: Version) -> Iterator[StoryStep]:
    proposal = find_proposal(version)
    for step in VersionChange.objects.filter(version=version).select_related("by").order_by("pk"):
        state = VersionState(step.to_state)
        said = _describe_grounds(proposal) if state == VersionState.PROPOSED and proposal else step.why
        tone = {VersionState.ACTIVE: "good", VersionState.REFUSED: "bad"}.get(state, "")
        yield StoryStep(step.at, str(step.by), _STEP_TITLES[state], said, tone)


def _describe_grounds(proposal: Proposal) -> str:
    cited = f" Answers the review “{proposal.review}”." if proposal.review else ""
    shown = f" {proposal.evidence}" if proposal.evidence else ""
    return f"{proposal.get_driver_display()}.{shown}{cited} {describe_backtest_figures(proposal)}"


def _list_signatures(version: Version) -> Iterator[StoryStep]:
    for word in version.sign_offs.select_related("by").order_by("pk"):
        what = f"{word.get_side_display()}: {word.get_decision_display().lower()}"
        yield StoryStep(word.at, str(word.by), what, f"“{word.comment}”")


def _list_reviews(version: Version) -> Iterator[StoryStep]:
    """The reviews that decided on it."""
    for review in Review.objects.filter(led_to=version).select_related("decided_by").order_by("pk"):
        if review.decided_at is not None:
            said = f"{review.decision} {review.reasoning}"
            yield StoryStep(review.decided_at, str(review.decided_by), f"Review “{review}” led to it", said)


def _person_name(person: object) -> str:
    return str(person) if person else "the command line"


# Going back


def write_reason_to_revert(to: Version) -> str:
    """The reason for going back, as far as the records tell it: to be read and corrected by whoever does."""
    now_in_force = proposals.find_other_version_in_force(to)
    said = [f"Back to {to.number}, in force {_describe_period_in_force(to)}."]
    if now_in_force is not None:
        since = f" since {_format_day(now_in_force.activated_at)}" if now_in_force.activated_at else ""
        said.append(f"{now_in_force.number} has been in force{since}.")
        said += [*_describe_rates(now_in_force), *_describe_backtest(now_in_force)]
    return " ".join(said)


def _describe_rates(version: Version) -> Iterator[str]:
    """The rejections of the latest review that opened under the version."""
    reviews = Review.objects.filter(version=version).order_by("-opened_at", "-pk")
    for review in reviews:
        decided, rejected = review.evidence.get("decided"), review.evidence.get("rejected")
        if isinstance(decided, int) and isinstance(rejected, int) and decided:
            yield (
                f"“{review}”, {_format_day(review.opened_at)}: {rejected} of {decided} handoffs rejected"
                f" ({rejected * 100 / decided:.0f} %), SAL rate {(decided - rejected) * 100 / decided:.0f} %."
            )
            return


def _describe_backtest(version: Version) -> Iterator[str]:
    proposal = find_proposal(version)
    if proposal is not None:
        yield f"When it was proposed, its backtest said: {describe_backtest_figures(proposal)}"


def describe_backtest_figures(proposal: Proposal) -> str:
    """The two numbers of the backtest it was proposed with."""
    cohort: Mapping[str, Any] = (proposal.backtest.result or {})["version"]
    return f"Coverage {_format_share(cohort['coverage'])}, precision {_format_share(cohort['precision_won'])}."


def _format_share(share: Mapping[str, Any]) -> str:
    rate = f" ({share['n'] * 100 / share['of']:.0f} %)" if share["of"] else ""
    return f"{share['n']} of {share['of']}{rate}"


def _describe_period_in_force(version: Version) -> str:
    if version.activated_at is None or version.retired_at is None:
        return "before"
    return f"from {_format_day(version.activated_at)} to {_format_day(version.retired_at)}"


def _format_day(at: dt.datetime | None) -> str:
    return f"{at.day} {at:%B %Y}" if at else ""
