"""The decisions that the report of rejections counts: standing ones, by the instant at which sales decided (rules 12.42)."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, TruncMonth

from config.accounts.models import User
from config.calendar_periods import CalendarMonth
from config.web import QueryRefused
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.models import Disposition, PlayAttempt, PlayClock, PlayDisposition, ReasonCode
from sla.reports.framework import row_rights
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.vocabulary import YEARS, ClockKind, DispositionKind, Family

BEFORE: Final = "before"
AFTER: Final = "after"
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """Decisions that are alike. `reason` and `family` are empty of acceptances; `rep` is 0 where it is not counted by rep."""

    month: str
    is_rejection: bool
    reason: str
    family: str
    is_before_contact: bool
    source: str
    team: int | None
    rep: int
    count: int


def name_owner(motion: Motion) -> str:
    """Return the name of what a decision is about: a handoff, of AQLs a play."""
    return "play" if motion == Motion.AQL else "handoff"


def select_handoffs(query: ReportQuery, reader: User, period: ReportPeriod | None = None) -> QuerySet[Any]:
    """Return the handoffs or plays that the reader's reports count and that were decided in the period."""
    period = period or query.period
    handoffs = row_rights.select_handoffs(query, reader)
    return handoffs.filter(decided_at__gte=period.start, decided_at__lt=period.end)


def select_decisions(query: ReportQuery, reader: User, period: ReportPeriod | None = None) -> QuerySet[Any]:
    """Return the decided MQLs of the period with their standing decisions, of AQLs the decisions with the same fields."""
    period = period or query.period
    if query.motion == Motion.AQL:
        plays = select_handoffs(query, reader, period).order_by().values("pk")
        return with_play_fields(PlayDisposition.objects.filter(play__in=plays))
    handed_over = row_rights.select_given(query, reader)
    return handed_over.filter(decided_at__gte=period.start, decided_at__lt=period.end, decision_at__isnull=False)


def select_rejections(motion: Motion, decisions: QuerySet[Any]) -> QuerySet[Any]:
    """Return the dispositions of those decisions that reject."""
    rejected = decisions.order_by().filter(decision=DispositionKind.REJECT)
    if motion == Motion.AQL:
        return PlayDisposition.objects.filter(pk__in=rejected.values("pk"))
    return Disposition.objects.standing().filter(handoff__in=rejected.values("handoff"))


def with_play_fields(decisions: QuerySet[PlayDisposition]) -> QuerySet[Any]:
    """Annotate decisions on plays with the fields that reported MQLs have of theirs."""
    is_late_contact = Q(play__first_contact_at__isnull=True) | Q(play__first_contact_at__gt=F("at"))
    attempts = PlayAttempt.objects.filter(play=OuterRef("play"), at__lte=OuterRef("play__decided_at"))
    clocks = PlayClock.objects.filter(
        play=OuterRef("play"), kind=ClockKind.DISPOSITION, met_at__isnull=False, cancelled_at__isnull=True
    )
    fields = {name: F(f"play__{name}") for name in ("decided_at", "team", "rep")}
    return decisions.annotate(
        decision=F("kind"), source=Value("", output_field=CharField()),
        contacted_before=Case(When(is_late_contact, then=False), default=True, output_field=BooleanField()),
        attempts=Coalesce(Subquery(attempts.order_by().values("play").annotate(count=Count("pk")).values("count")), Value(0)),
        decision_seconds=Subquery(clocks.values("used_seconds")[:1]),
        **fields,
    )  # fmt: skip


def count_decisions(decisions: QuerySet[Any], *, by_rep: bool = False) -> list[DecisionCount]:
    """Count decisions by month, kind, reason, contact, source and team at once; the tables are added up from it. One query."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    counted = (
        decisions.order_by()
        .annotate(month=TruncMonth("decided_at", tzinfo=zone), person=F("rep") if by_rep else Value(0))
        .values_list(
            "month", "decision", "reason__code", "reason__family", "contacted_before", "source", "team", "person"
        )
        .annotate(count=Count("pk"))
    )
    return [
        DecisionCount(
            f"{month:%Y-%m}",
            kind == DispositionKind.REJECT,
            reason or "",
            family or "",
            not contacted,
            source,
            team,
            rep,
            count,
        )
        for month, kind, reason, family, contacted, source, team, rep, count in counted
    ]


def rejected_of(rows: Iterable[DecisionCount]) -> Sample:
    """Return how many of the decisions are rejections."""
    counts: Counter[bool] = Counter()
    for row in rows:
        counts[row.is_rejection] += row.count
    return Sample(counts[True], counts.total())


def early_of(rows: Iterable[DecisionCount]) -> Sample:
    """Return how many of the rejections were made before any contact."""
    counts: Counter[bool] = Counter()
    for row in rows:
        if row.is_rejection:
            counts[row.is_before_contact] += row.count
    return Sample(counts[True], counts.total())


def count_families(rows: Iterable[DecisionCount]) -> Counter[str]:
    """Count the rejections by family of reasons."""
    families: Counter[str] = Counter()
    for row in rows:
        if row.is_rejection:
            families[row.family] += row.count
    return families


def part(rows: Iterable[DecisionCount], key: Callable[[DecisionCount], Any]) -> dict[Any, list[DecisionCount]]:
    """Part the rows by a key, in the order in which the keys come."""
    parts: dict[Any, list[DecisionCount]] = {}
    for row in rows:
        parts.setdefault(key(row), []).append(row)
    return parts


def list_months(period: ReportPeriod) -> list[CalendarMonth]:
    """Return the months of which any day lies in the period, the oldest first."""
    months = [CalendarMonth.containing(period.end - dt.timedelta(microseconds=1))]
    while months[0].start > period.start:
        months.insert(0, CalendarMonth.containing(months[0].start, months_back=1))
    return months


def narrow_handoffs(
    handoffs: QuerySet[Any], motion: Motion, parameters: Mapping[str, str], *, rejected_only: bool
) -> QuerySet[Any]:
    """Keep the handoffs or plays with a standing decision like the one the address asks for. Raises QueryRefused."""
    owner = name_owner(motion)
    if motion == Motion.AQL:
        decisions: QuerySet[Any] = with_play_fields(PlayDisposition.objects.filter(play=OuterRef("pk")))
    else:
        decisions = Disposition.objects.standing().filter(handoff=OuterRef("pk"))
    if rejected_only:
        decisions = decisions.filter(kind=DispositionKind.REJECT)
    if month := parameters.get("month"):
        bounds = _read_month(month)
        decisions = decisions.filter(
            **{f"{owner}__decided_at__gte": bounds.start, f"{owner}__decided_at__lt": bounds.end}
        )
    if family := parameters.get("family"):
        decisions = decisions.filter(reason__family=_choose("family", family, Family.values))
    if reason := parameters.get("reason"):
        codes = ReasonCode.objects.order_by("code").values_list("code", flat=True)
        decisions = decisions.filter(reason__code=_choose("reason", reason, list(codes)))
    if contact := parameters.get("contact"):
        decisions = decisions.filter(contacted_before=_choose("contact", contact, (BEFORE, AFTER)) == AFTER)
    return handoffs.filter(Exists(decisions))


def _read_month(text: str) -> CalendarMonth:
    match = _MONTH.fullmatch(text)
    if match is None or int(match[1]) not in YEARS:
        raise QueryRefused("month", "must be a month such as 2026-03.")
    return CalendarMonth.containing(dt.datetime(int(match[1]), int(match[2]), 15, tzinfo=dt.UTC))


def _choose(name: str, text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise QueryRefused(name, f"must be one of {', '.join(known)}.")
    return text
