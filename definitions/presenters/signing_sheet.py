"""The data of the pages before a step: the proposal, the sheet to sign, the changes, the story so far."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from definitions import (
    backtest_gate,
    commitment_snapshots,
    proposal_checklist,
    proposals,
    signals_and_lists,
    version_documents,
)
from definitions.diff import Effect, RowChange
from definitions.lint import Finding, Severity
from definitions.models import CommitmentSnapshot, Proposal, Review, SignOff, Version, VersionChange
from definitions.plain_english import generated_statement
from definitions.plain_english.generated_statement import PlainStatement
from definitions.presenters import projected_volume
from definitions.presenters.projected_volume import VolumeComparison
from definitions.proposal_checklist import ChecklistPoint
from definitions.proposals import ProposalCase, ProposalGrounds
from definitions.vocabulary import PrecisionBasis, VersionState
from leads.vocabulary import Motion

_TONES = {Effect.LOOSER: "warn", Effect.TIGHTER: "info"}


@dataclass(frozen=True, slots=True)
class ChangedRowView:
    """A changed row with the tone of its badge."""

    row: RowChange

    @property
    def tone(self) -> str:
        return _TONES.get(self.row.effect, "")


@dataclass(frozen=True, slots=True)
class AcknowledgedWarning:
    """A warning, and the reason typed so far for accepting it."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """The page on which a draft is proposed."""

    case: ProposalCase
    warnings: list[AcknowledgedWarning]

    @property
    def errors(self) -> list[Finding]:
        return self.case.findings_with(Severity.ERROR)

    @property
    def advice(self) -> list[Finding]:
        return self.case.findings_with(Severity.ADVICE)

    @property
    def changes(self) -> list[ChangedRowView]:
        return [ChangedRowView(row) for row in self.case.changes]


def build_proposal_page(version: Version, grounds: ProposalGrounds, *, now: dt.datetime) -> ProposalPage:
    case = proposals.build_case(version, grounds, now=now)
    warnings = [
        AcknowledgedWarning(finding, grounds.acknowledged.get(finding.key, ""))
        for finding in case.findings_with(Severity.WARNING)
    ]
    return ProposalPage(case, warnings)


@dataclass(frozen=True, slots=True)
class SigningSheet:
    """The sheet that a leader signs (rules 3.12): triggers, eligibility, the duties of sales, the fate of other leads."""

    statement: PlainStatement
    triggers: list[str]
    timing: str
    eligible: list[str]
    excluded: list[str]
    sales: list[str]
    afterwards: list[str]
    marketing: list[str]
    commitments: CommitmentSnapshot | None
    #: What leaders, ops and SDRs have said so far; only leaders' words count (rules 9.9).
    sign_offs: list[SignOff]
    proposal: Proposal | None
    points: list[ChecklistPoint]
    before: Version | None
    changes: list[ChangedRowView]
    #: Whether nothing but words differs from the version in force.
    changes_no_rule: bool
    volume: VolumeComparison | None

    @property
    def accepted_warnings(self) -> list[Mapping[str, Any]]:
        return select_accepted_warnings(self.proposal)


def build_signing_sheet(version: Version) -> SigningSheet:
    document: dict[str, Any] = version_documents.export_document(version)
    names, commitments, proposal = (
        signals_and_lists.read_display_names(),
        commitment_snapshots.find_current_snapshot(Motion(version.definition.motion)),
        find_proposal(version),
    )
    before = proposals.find_other_version_in_force(version)
    return SigningSheet(
        statement=generated_statement.write_statement(document, names),
        triggers=generated_statement.list_ways_in(document, names),
        timing=generated_statement.write_timing_sentence(document, names),
        eligible=[
            *(generated_statement.describe_criterion(row, names) for row in document["gate"]),
            *(f"Waits until known: {field}" for field in generated_statement.list_holds(document)),
        ],
        excluded=[
            *(generated_statement.describe_criterion(row, names) for row in document["disqualifiers"]),
            *generated_statement.list_excluding_signals(document, names),
        ],
        sales=commitment_snapshots.select_sentences(commitments, commitment_snapshots.SALES),
        afterwards=commitment_snapshots.select_sentences(commitments, commitment_snapshots.AFTERWARDS),
        marketing=commitment_snapshots.select_sentences(commitments, commitment_snapshots.MARKETING),
        commitments=commitments,
        sign_offs=list(version.sign_offs.select_related("by").order_by("pk")),
        proposal=proposal,
        points=proposal_checklist.read_frozen_points(proposal.checklist) if proposal else [],
        before=before,
        changes=compare_versions(before, version) if before else [],
        changes_no_rule=before is not None and version_documents.have_same_rules(before, version),
        volume=projected_volume.project_volume(version, before),
    )


def select_accepted_warnings(proposal: Proposal | None) -> list[Mapping[str, Any]]:
    """Return the linter's warnings that were accepted at the proposal, each with its reason."""
    return [finding for finding in proposal.findings if finding["accepted"]] if proposal else []


def compare_versions(before: Version, after: Version) -> list[ChangedRowView]:
    """Return every row in which `after` differs from `before`."""
    return [ChangedRowView(row) for row in version_documents.find_changes(before, after)]


def find_proposal(version: Version) -> Proposal | None:
    """Return the frozen proposal of a version, or None if it was never proposed."""
    return Proposal.objects.select_related("by", "backtest", "review").filter(version=version).first()


# The story of a version


@dataclass(frozen=True, slots=True)
class StoryStep:
    """A step in the life of a version: its title, its author, and the author's comment."""

    at: dt.datetime
    by: str
    title: str
    comment: str = ""
    tone: str = ""


_STEP_TITLES = {
    VersionState.PROPOSED: "Proposed",
    VersionState.APPROVED: "Approved: both leaders have signed",
    VersionState.ACTIVE: "Activated",
    VersionState.RETIRED: "Retired",
    VersionState.REFUSED: "Refused",
}


def build_story(version: Version) -> list[StoryStep]:
    """Return the steps from the first draft to the latest, in order of time."""
    first_step = StoryStep(
        version.created_at, _person_name(version.created_by), _describe_origin(version), version.reason
    )
    # sorted() is stable: a signature stays before the approval or refusal that it causes at the same instant.
    return sorted(
        [first_step, *_list_signatures(version), *_list_changes(version), *_list_reviews(version)],
        key=lambda step: step.at,
    )


def _describe_origin(version: Version) -> str:
    return f"Drafted from {version.based_on.number}" if version.based_on else "Drafted"


def _list_changes(version: Version) -> Iterator[StoryStep]:
    proposal = find_proposal(version)
    for change in VersionChange.objects.filter(version=version).select_related("by").order_by("pk"):
        state = VersionState(change.to_state)
        comment = _describe_grounds(proposal) if state == VersionState.PROPOSED and proposal else change.why
        tone = {VersionState.ACTIVE: "good", VersionState.REFUSED: "bad"}.get(state, "")
        yield StoryStep(change.at, str(change.by), _STEP_TITLES[state], comment, tone)


def _describe_grounds(proposal: Proposal) -> str:
    review = f" Answers the review “{proposal.review}”." if proposal.review else ""
    evidence = f" {proposal.evidence}" if proposal.evidence else ""
    evidence += "".join(f" {link['label']}." for link in proposal.links or ())
    return f"{proposal.get_driver_display()}.{evidence}{review} {describe_backtest_figures(proposal)}"


def _list_signatures(version: Version) -> Iterator[StoryStep]:
    for sign_off in version.sign_offs.select_related("by").order_by("pk"):
        title = f"{sign_off.get_side_display()}: {sign_off.decision_words}"
        yield StoryStep(sign_off.at, str(sign_off.by), title, f"“{sign_off.comment}”")


def _list_reviews(version: Version) -> Iterator[StoryStep]:
    """Return the reviews whose decision led to this version."""
    for review in Review.objects.filter(led_to=version).select_related("decided_by").order_by("pk"):
        if review.decided_at is not None:
            comment = f"{review.decision} {review.reasoning}"
            yield StoryStep(review.decided_at, str(review.decided_by), f"Review “{review}” led to it", comment)


def _person_name(person: object) -> str:
    return str(person) if person else "the command line"


# Going back


def write_reason_to_revert(to: Version) -> str:
    """Draft the reason for going back from the records; the person who goes back reads and corrects it."""
    in_force = proposals.find_other_version_in_force(to)
    sentences = [f"Back to {to.number}, in force {_describe_period_in_force(to)}."]
    if in_force is not None:
        since = f" since {_format_day(in_force.activated_at)}" if in_force.activated_at else ""
        sentences.append(f"{in_force.number} has been in force{since}.")
        sentences += [*_describe_rates(in_force), *_describe_backtest(in_force)]
    return " ".join(sentences)


def _describe_rates(version: Version) -> Iterator[str]:
    """Describe the rejections of the latest review that opened while the version was in force."""
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
    """Describe the coverage and precision of the backtest that a version was proposed with."""
    cohort: Mapping[str, Any] = (proposal.backtest.result or {})["version"]
    basis = PrecisionBasis(proposal.precision_basis)
    precision = backtest_gate.read_precision(cohort, basis)
    return f"Coverage {_format_share(cohort['coverage'])}, precision ({basis.label}) {_format_share(precision)}."


def _format_share(share: Mapping[str, Any]) -> str:
    rate = f" ({share['n'] * 100 / share['of']:.0f} %)" if share["of"] else ""
    return f"{share['n']} of {share['of']}{rate}"


def _describe_period_in_force(version: Version) -> str:
    if version.activated_at is None or version.retired_at is None:
        return "before"
    return f"from {_format_day(version.activated_at)} to {_format_day(version.retired_at)}"


def _format_day(at: dt.datetime | None) -> str:
    return f"{at.day} {at:%B %Y}" if at else ""
