"""The counts by which versions are compared: MQLs, their steps, decisions and those that nobody touched, by week (rules 12.53)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import TruncWeek

from config.calendar_periods import CalendarWeek
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.version_comparison_figures import UNTOUCHED_AFTER
from sla.models import PlayDisposition
from sla.reports import funnel_tables, mql_outcomes
from sla.reports.framework.report_period import ReportPeriod
from sla.vocabulary import DispositionKind

#: What a row of the cube is told apart by, beside version and week.
_FLAGS: Final = ("is_handed", "is_decided", "is_rejected", "is_untouched")


@dataclass(frozen=True, slots=True)
class VersionCounts:
    """The counts of the MQLs of a version in a week, or of sums of these; `steps` has `mql` and each step."""

    steps: Mapping[str, int]
    handed: int = 0
    decided: int = 0
    rejected: int = 0
    untouched: int = 0

    @property
    def to_sal(self) -> Sample:
        return Sample(self.steps["sal"], self.steps["mql"])

    @property
    def sal_to_sql(self) -> Sample:
        return Sample(self.steps.get("sql", 0), self.steps["sal"])

    @property
    def to_opportunity(self) -> Sample:
        return Sample(self.steps["opportunity"], self.steps["mql"])

    @property
    def rejection(self) -> Sample:
        return Sample(self.rejected, self.decided)

    @property
    def untouched_share(self) -> Sample:
        return Sample(self.untouched, self.handed)


@dataclass(frozen=True, slots=True)
class VersionWeek:
    """The counts of a version in a week of the company."""

    version: int
    begins: dt.datetime
    counts: VersionCounts

    @property
    def end(self) -> dt.datetime:
        return CalendarWeek.containing(self.begins).end


def with_flags(mqls: Any, motion: Motion, now: dt.datetime) -> Any:
    """Annotate MQLs with whether they were handed over, decided on, rejected, and left untouched, as booleans."""
    if motion == Motion.AQL:
        standing = PlayDisposition.objects.filter(play__qualification=OuterRef("pk"), at__lte=now)
        is_handed, is_decided = Q(play__isnull=False), Q(Exists(standing))
        is_rejected = Q(Exists(standing.filter(kind=DispositionKind.REJECT)))
        is_untouched = _is_untouched("play__created_at", "play__first_contact_at", "play__decided_at", now)
    else:
        is_handed, is_decided = Q(handoff__isnull=False), Q(decision_at__lte=now)
        is_rejected = is_decided & Q(decision=DispositionKind.REJECT)
        is_untouched = _is_untouched("handed_over_at", "first_contact_at", "decided_at", now)
    return mqls.annotate(
        is_handed=_as_flag(is_handed),
        is_decided=_as_flag(is_decided),
        is_rejected=_as_flag(is_rejected),
        is_untouched=_as_flag(is_untouched),
    )


def read_weeks(mqls: Any, period: ReportPeriod, motion: Motion, now: dt.datetime) -> list[VersionWeek]:
    """Count the MQLs of a period by version and week, in the order of both. One query."""
    week = TruncWeek("at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))
    cohort = with_flags(funnel_tables.in_period(mqls, period).annotate(begins=week), motion, now)
    rows = mql_outcomes.count_steps(cohort, motion, now, "version", "begins", *_FLAGS)
    by_week: dict[tuple[int, dt.datetime], list[dict[str, Any]]] = {}
    for row in rows:
        by_week.setdefault((row["version"], row["begins"]), []).append(row)
    return [
        VersionWeek(version, begins, _add_rows(by_week[version, begins], motion)) for version, begins in sorted(by_week)
    ]


def add_up(weeks: Iterable[VersionWeek], motion: Motion) -> VersionCounts:
    """Return the sums of the counts of weeks."""
    counts = [week.counts for week in weeks]
    return VersionCounts(
        mql_outcomes.add_counts([row.steps for row in counts], motion),
        handed=sum(row.handed for row in counts),
        decided=sum(row.decided for row in counts),
        rejected=sum(row.rejected for row in counts),
        untouched=sum(row.untouched for row in counts),
    )


def _add_rows(rows: list[dict[str, Any]], motion: Motion) -> VersionCounts:
    count: Callable[[str], int] = lambda flag: sum(row["mql"] for row in rows if row[flag])  # noqa: E731  # of one cube
    return VersionCounts(mql_outcomes.add_counts(rows, motion), *(count(flag) for flag in _FLAGS))


def _is_untouched(handed_over: str, contacted: str, decided: str, now: dt.datetime) -> Q:
    """Return the condition on an MQL by the names of its instants: so long after the handoff nobody had touched it."""
    untouched = Q(**{f"{handed_over}__lte": now - UNTOUCHED_AFTER})
    for touch in (contacted, decided):
        untouched &= Q(**{f"{touch}__isnull": True}) | Q(**{f"{touch}__gt": F(handed_over) + UNTOUCHED_AFTER})
    return untouched


def _as_flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
