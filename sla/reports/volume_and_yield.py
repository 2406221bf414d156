"""What came of the promises in numbers: MQLs delivered against those agreed, and what reps made of theirs (SPEC 6, 12)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q

from leads.models import Event, Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.models import Qualification
from sla.models import Commitment, HandoffQuerySet, Rep
from sla.reports.rejection_monitor import Month

MONTHS: Final = 3
#: Below so many a share says little.
SMALL_SAMPLE: Final = 20


@dataclass(frozen=True, slots=True)
class Delivered:
    """A calendar month's MQLs. `agreed` is what the commitments promise that were in force at its end, None without any.

    `complete` have their source and what they engaged with on record: the context marketing owes sales.
    """

    month: Month
    is_running: bool
    count: int
    complete: int
    agreed: int | None

    @property
    def share(self) -> float | None:
        return 100 * self.count / self.agreed if self.agreed else None

    @property
    def complete_share(self) -> float | None:
        return 100 * self.complete / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class Yield:
    """Of the handoffs a rep was given in a period: how far they have come by now."""

    rep: int
    name: str
    given: int
    unseen: int
    accepted: int
    meetings: int
    opportunities: int
    opened_after_meeting: int

    @property
    def meeting_share(self) -> float | None:
        return 100 * self.meetings / self.given if self.given else None

    @property
    def opportunity_share(self) -> float | None:
        return 100 * self.opened_after_meeting / self.meetings if self.meetings else None

    @property
    def is_small(self) -> bool:
        return self.given < SMALL_SAMPLE


HEADER: Final = (
    "rep", "MQLs given", "accepted", "accepted before any contact", "meetings", "MQL to meeting (%)", "opportunities",
    "meeting to opportunity (%)",
)  # fmt: skip


def cells(row: Yield) -> tuple[object, ...]:
    """The values under HEADER."""
    return (
        row.name, row.given, row.accepted, row.unseen, row.meetings, _rounded(row.meeting_share), row.opportunities,
        _rounded(row.opportunity_share),
    )  # fmt: skip


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 1)


def months(*, now: dt.datetime, count: int = MONTHS) -> list[Delivered]:
    """The running month and those before it, the latest first; MQLs of all teams, each in the month it qualified."""
    return [_delivered(Month.containing(now, months_back=back), back == 0) for back in range(count)]


def yields(handoffs: HandoffQuerySet, *, start: dt.datetime, end: dt.datetime) -> list[Yield]:
    """By the rep who has them, of the handoffs made in `[start, end)`, in two queries."""
    opened = Outcome.objects.filter(
        lead=OuterRef("lead"), kind__in=(OutcomeKind.OPPORTUNITY, OutcomeKind.WON), at__gte=OuterRef("created_at")
    )
    given = handoffs.filter(created_at__gte=start, created_at__lt=end, rep__isnull=False)
    given = given.annotate(opened=Exists(opened))
    met = Q(meeting_at__isnull=False)
    accepted = Q(dispositions__kind="accept", dispositions__corrected_by=None)
    counted = (
        given.order_by()
        .values("rep")
        .annotate(
            given=Count("pk", distinct=True),
            accepted=Count("pk", distinct=True, filter=accepted),
            unseen=Count("pk", distinct=True, filter=accepted & Q(dispositions__contacted_before=False)),
            meetings=Count("pk", distinct=True, filter=met),
            opportunities=Count("pk", distinct=True, filter=Q(opened=True)),
            opened_after_meeting=Count("pk", distinct=True, filter=met & Q(opened=True)),
        )
    )
    counts = ("given", "unseen", "accepted", "meetings", "opportunities", "opened_after_meeting")
    found = {rep: numbers for rep, *numbers in counted.values_list("rep", *counts)}
    reps = Rep.objects.filter(pk__in=found).select_related("user")
    made = [Yield(rep.pk, str(rep), *found[rep.pk]) for rep in reps]
    return sorted(made, key=lambda row: (row.name.casefold(), row.rep))


def _delivered(month: Month, is_running: bool) -> Delivered:
    seen = Event.objects.filter(lead=OuterRef("lead"), occurred_at__lte=OuterRef("at"))
    found = Qualification.objects.filter(motion=Motion.MQL, at__gte=month.start, at__lt=month.end).aggregate(
        count=Count("pk"),
        complete=Count("pk", filter=Q(~Q(lead__source=""), Exists(seen.exclude(asset="", properties={})))),
    )
    return Delivered(month, is_running, found["count"], found["complete"], _agreed(month))


def _agreed(month: Month) -> int | None:
    """A newer agreement does not rewrite what was owed before it."""
    in_force = Commitment.objects.filter(activated_at__lt=month.end).order_by("-activated_at", "-pk")
    return in_force.values_list("mqls_a_month", flat=True).first()
