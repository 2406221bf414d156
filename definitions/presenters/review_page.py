"""The page of a review: its record as rows and sentences, and what the reader may do with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from config.company_days import day_of
from definitions import reviews
from definitions.models import (
    Proposal,
    Review,
    ReviewChecklistPoint,
    ReviewGap,
    ReviewParticipant,
    ReviewStep,
    Version,
)
from definitions.presenters import published_page
from definitions.review_record import access, participants, steps
from definitions.vocabulary import ReviewSeat, ReviewStepKind
from leads.vocabulary import READERS_OF_LEADS


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the history of a review; `by` None is Accord itself."""

    at: dt.datetime
    by: User | None
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class ReviewRights:
    """The steps that the reader of the page may take with the review as it is now."""

    works: bool
    escalates: bool
    decides: bool
    acknowledges: bool
    closes_gaps: bool
    reverts: bool


@dataclass(frozen=True, slots=True)
class ReviewPage:
    present: list[ReviewParticipant]
    missing_seats: list[ReviewSeat]
    points: list[ReviewChecklistPoint]
    gaps: list[ReviewGap]
    log: list[LogEntry]
    #: What the decision still waits for, as sentences.
    conditions: list[str]
    acknowledgement: ReviewStep | None
    #: The versions that were proposed as an answer to it.
    answers: list[Version]
    #: The version that a draft from this review is a copy of; None if the reader drafts none.
    draft_of: Version | None
    may: ReviewRights

    @property
    def ticked_text(self) -> str:
        ticked = sum(point.ticked_at is not None for point in self.points)
        return f"{ticked} of {len(self.points)}" if self.points else "none was kept"

    @property
    def has_open_gaps(self) -> bool:
        return any(gap.closed_at is None for gap in self.gaps)


def build_review_page(review: Review, reader: User) -> ReviewPage:
    """Collect the record of a review for its page. The number of queries does not grow with the record."""
    is_open = review.decided_at is None
    works, acknowledgement = access.may_work(reader, review), steps.find_acknowledgement(review)
    present = participants.list_present(review)
    is_new_leader = any(one.is_new_leader and one.person_id == reader.pk for one in present)
    return ReviewPage(
        present=present,
        missing_seats=participants.list_missing_seats(review, present),
        points=list(review.checklist.select_related("ticked_by").order_by("place")),
        gaps=list(
            review.gaps.select_related("owner", "added_by", "closed_by", "closed_in__definition").order_by(
                "due_on", "pk"
            )
        ),
        log=sorted(_list_log(review), key=lambda entry: entry.at, reverse=True),
        conditions=reviews.list_open_conditions(review) if is_open else [],
        acknowledgement=acknowledgement,
        answers=_list_answers(review),
        draft_of=_find_version_to_copy(review) if holds(reader, Role.MARKETING_OPS) else None,
        may=ReviewRights(
            works=is_open and works,
            escalates=is_open and access.may_escalate(reader, review),
            decides=is_open and access.may_decide(reader, review),
            acknowledges=is_open and is_new_leader and acknowledgement is None,
            closes_gaps=works,
            reverts=holds(reader, Role.MARKETING_OPS),
        ),
    )


def build_evidence_for(review: Review, reader: User) -> dict[str, Any]:
    """Return the evidence for the template; who may not list leads sees the figures without the tables (rules 8.33)."""
    context = published_page.build_evidence_context(review)
    if holds(reader, *READERS_OF_LEADS) or review.escalated_to_id == reader.pk:
        return context
    figures = replace(context["evidence"], tables=[])
    further = [replace(more, evidence=replace(more.evidence, tables=[])) for more in context["further"]]
    return context | {"evidence": figures, "further": further, "tables_left_out": True}


def write_reason(review: Review) -> str:
    """Return the reason of a draft that answers the review: its title, and the decision with its reasoning."""
    title = review.title.rstrip(".")
    if review.decided_at is None:
        return f"Review of {day_of(review.opened_at):%-d %B %Y}: {title}."
    return f"Review “{title}”, decided on {day_of(review.decided_at):%-d %B %Y}: {review.decision} {review.reasoning}"


def _find_version_to_copy(review: Review) -> Version | None:
    """Return the version in force today: a copy of the one of the opening would undo what came into force since."""
    return Version.objects.active().filter(definition=review.definition_id).first() or review.version


def _list_answers(review: Review) -> list[Version]:
    """Return the versions whose proposals answer the review, and the one that its decision names."""
    proposals = Proposal.objects.filter(review=review).select_related("version__definition").order_by("pk")
    versions = {proposal.version_id: proposal.version for proposal in proposals}
    if review.led_to is not None:
        versions.setdefault(review.led_to.pk, review.led_to)
    return list(versions.values())


def _list_log(review: Review) -> Iterator[LogEntry]:
    yield LogEntry(review.opened_at, review.opened_by, "Opened")
    for step in review.steps.select_related("by", "person").order_by("pk"):
        yield LogEntry(step.at, step.by, _describe_step(step), step.why)
    for row in review.participants.select_related("person", "added_by", "removed_by").order_by("pk"):
        if row.added_at != review.opened_at:
            yield LogEntry(row.added_at, row.added_by, f"{row} takes part")
        if row.removed_at is not None:
            yield LogEntry(row.removed_at, row.removed_by, f"{row} no longer takes part")
    for gap in review.gaps.filter(closed_at__isnull=False).select_related("closed_by").order_by("pk"):
        if gap.closed_at is not None:
            yield LogEntry(gap.closed_at, gap.closed_by, "Gap closed", gap.missing)
    if review.decided_at is not None:
        yield LogEntry(review.decided_at, review.decided_by, "Decided", review.decision)


def _describe_step(step: ReviewStep) -> str:
    if step.kind == ReviewStepKind.ESCALATED:
        return f"Escalated to {step.person}"
    return str(step.get_kind_display())
