"""Volume and yield of a motion: leads delivered against those agreed, and what reps achieved with theirs (rules 12.4, 12.5)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Least

from config.calendar_periods import CalendarMonth
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from scoring.models import AccountQualification
from sla.commitments import commitments
from sla.models import Handoff, PlayOutcome
from sla.reported_mqls import current_rows
from sla.reported_mqls.cycle_outcomes import OPENED
from sla.vocabulary import OPPORTUNITY_DAYS

MONTHS: Final = 3
OPPORTUNITY_TIME: Final = dt.timedelta(days=OPPORTUNITY_DAYS)


@dataclass(frozen=True, slots=True)
class DeliveredVolume:
    """The leads of a motion, of AQL the companies, that qualified in a calendar month.

    `agreed` is the number in the commitments that were in force at the month's end, None without any. `complete` counts
    leads whose source and engagement are on record: the context that marketing owes sales; None for companies.
    `opportunities` of them became one within OPPORTUNITY_DAYS; `target` is the agreed share of those, None without any.
    `is_maturing`: the youngest have not had this time.
    """

    month: CalendarMonth
    is_running: bool
    count: int
    complete: int | None
    agreed: int | None
    opportunities: int
    target: float | None
    is_maturing: bool

    @property
    def yield_sample(self) -> Sample:
        return Sample(self.opportunities, self.count)


@dataclass(frozen=True, slots=True)
class RepYield:
    """The results so far of the handoffs that were assigned to a rep in a period."""

    rep: int
    name: str
    assigned: int
    meetings: int
    opened_after_meeting: int


def read_delivered_months(*, motion: Motion, now: dt.datetime, count: int = MONTHS) -> list[DeliveredVolume]:
    """Read the running month and those before it, the latest first, for one motion.

    Counts the leads of all teams, or the companies, each in the month it qualified.
    """
    months = [CalendarMonth.containing(now, months_back=back) for back in range(count)]
    return [_read_month(motion, month, now) for month in months]


def read_yields(handoffs: QuerySet[Handoff], *, motion: Motion, start: dt.datetime, end: dt.datetime) -> list[RepYield]:
    """Read a motion's yield by the rep who has the handoffs, of those created in `[start, end)`, in two queries."""
    # Of the handoff's own cycle: what comes after the person's next MQL is that one's.
    opened = current_rows.read_mqls().filter(motion=motion, opened_at__isnull=False, handed_over_at__gte=start)
    assigned = handoffs.filter(motion=motion, created_at__gte=start, created_at__lt=end, rep__isnull=False)
    met = Q(meeting_at__isnull=False)
    counted = (
        assigned.order_by()
        .values("rep")
        .annotate(
            assigned=Count("pk"),
            meetings=Count("pk", filter=met),
            opened_after_meeting=Count("pk", filter=met & Q(qualification__in=opened.values("pk"))),
        )
    )
    counts = ("assigned", "meetings", "opened_after_meeting")
    counts_by_rep = {rep: numbers for rep, *numbers in counted.values_list("rep", *counts)}
    # Each rep by the name on the latest record, which a closed one keeps.
    latest = assigned.select_related("rep__user").order_by("rep", "-created_at", "-pk").distinct("rep")
    names = {row.rep_id: row.rep_label for row in latest}
    rows = [RepYield(rep, names[rep], *numbers) for rep, numbers in counts_by_rep.items()]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.rep))


def _read_month(motion: Motion, month: CalendarMonth, now: dt.datetime) -> DeliveredVolume:
    counts: dict[str, Any] = {"count": Count("pk")}
    if motion == Motion.AQL:
        until = Least(Value(now), OuterRef("at") + OPPORTUNITY_TIME)
        opened = PlayOutcome.objects.filter(play__qualification=OuterRef("pk"), kind__in=OPENED, at__lte=until)
        counts["opportunities"] = Count("pk", filter=Exists(opened))
    else:
        counts["complete"] = Count("pk", filter=Q(has_context=True))
        counts["opportunities"] = Count("pk", filter=Q(opened_at__lte=Least(Value(now), F("at") + OPPORTUNITY_TIME)))
    row = _select_qualified(motion, month).aggregate(**counts)
    agreed = commitments.find_in_force_before(motion, month.end)
    percent = agreed.opportunity_percent if agreed else None
    return DeliveredVolume(
        month,
        is_running=month.end > now,
        count=row["count"],
        complete=row.get("complete"),
        agreed=agreed.mqls_a_month if agreed else None,
        opportunities=row["opportunities"],
        target=None if percent is None else percent / 100,
        is_maturing=month.end + OPPORTUNITY_TIME > now,
    )


def count_delivered(motion: Motion, month: CalendarMonth) -> int:
    """Count the leads of all teams, or the companies, that qualified in a month."""
    return _select_qualified(motion, month).count()


def _select_qualified(motion: Motion, month: CalendarMonth) -> QuerySet[Any]:
    rows: QuerySet[Any] = (
        AccountQualification.objects.all() if motion == Motion.AQL else current_rows.read_mqls().filter(motion=motion)
    )
    return rows.filter(at__gte=month.start, at__lt=month.end)


def read_agreed_volume(motion: Motion, month: CalendarMonth) -> int | None:
    """Return the leads a month agreed at the month's end; later commitments do not change what was owed before them."""
    agreed = commitments.find_in_force_before(motion, month.end)
    return agreed.mqls_a_month if agreed else None
