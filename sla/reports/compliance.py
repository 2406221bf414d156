"""Compliance with both sides' promises (rules 12.1): figures from the clocks, in one query whatever their number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Aggregate, Count, FloatField, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from config.accounts.models import User
from leads.vocabulary import Motion
from sla.clocks import clocks
from sla.models import Attempt, Clock, PlayAttempt, PlayClock, PromiseClock
from sla.reports import promise_columns
from sla.reports.framework import row_rights
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.reports.promise_columns import By, PromiseColumns, PromiseGroup
from sla.teams import people_groups
from sla.vocabulary import ClockKind, PromiseVerdict

_IS: Final = {verdict: Q(verdict=verdict) for verdict in PromiseVerdict}
_JUDGED: Final = _IS[PromiseVerdict.KEPT] | _IS[PromiseVerdict.LATE]


@dataclass(frozen=True, slots=True)
class PromiseFigure:
    """The compliance with one promise in one group.

    `share` is kept / (kept + late) in percent, None without any; the times are minutes of business time used, over the `met`.
    """

    kind: str
    promise: str
    key: str
    group: str
    kept: int
    late: int
    running: int
    met: int
    share: float | None
    median_minutes: float | None
    p90_minutes: float | None

    @property
    def judged(self) -> int:
        return self.kept + self.late

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_figures(
    *,
    motion: Motion,
    start: dt.datetime,
    end: dt.datetime,
    by: By = "",
    promises: QuerySet[Any] | None = None,
) -> list[PromiseFigure]:
    """Read one motion's promises that began in `[start, end)`; `promises` are those that count, by default all.

    Grouped by the rep whose promise it was (routing is nobody's); by the team that has the handoff or play; by tier; by the
    source of the lead; or by week, Monday to Monday in the company's zone.
    """
    in_period = row_rights.read_promises(motion) if promises is None else promises
    in_period = in_period.filter(started_at__gte=start, started_at__lt=end)
    columns = promise_columns.read_columns(in_period, motion, by_group=bool(by))
    return _build_figures(columns, columns.count(by), by)


def read_columns(query: ReportQuery, reader: User) -> PromiseColumns:
    """Read the promises of the period that a reader's reports count."""
    return promise_columns.read_columns(_select_promises(query, reader, query.period), query.motion)


def read_for_reader(query: ReportQuery, reader: User, period: ReportPeriod) -> list[PromiseFigure]:
    """Return the figures of all promises of a period that a reader's reports count, in no groups."""
    promises = _select_promises(query, reader, period)
    columns = promise_columns.read_columns(promises, query.motion, by_group=False)
    return _build_figures(columns, columns.count(""), "")


def _select_promises(query: ReportQuery, reader: User, period: ReportPeriod) -> QuerySet[Any]:
    promises = row_rights.select_promises(query, reader)
    return promises.filter(started_at__gte=period.start, started_at__lt=period.end)


def list_for_reader(columns: PromiseColumns, reader: User, by: By = "") -> list[PromiseFigure]:
    """Return the figures of promises: people by name and teams of one person only where the reader may see them."""
    groups: list[PromiseGroup]
    if by == "rep":
        groups = columns.count(by, people_groups.select_reps_by_name(reader).values_list("pk", flat=True))
    elif by == "team":
        groups = columns.count(by, without=people_groups.list_hidden_teams(reader))
    else:
        groups = columns.count(by)
    return _build_figures(columns, groups, by)


def read_late_by_hour(query: ReportQuery, reader: User) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (late, judged) first contacts by the weekday, 0 Monday, and hour of the company in which the promise began."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    promises = row_rights.select_promises(query, reader).filter(
        kind=ClockKind.FIRST_CONTACT, started_at__gte=query.period.start, started_at__lt=query.period.end
    )
    hours = promises.order_by().annotate(
        weekday=ExtractIsoWeekDay("started_at", tzinfo=zone), hour=ExtractHour("started_at", tzinfo=zone)
    )
    counted = hours.values("weekday", "hour").annotate(
        late=Count("pk", filter=_IS[PromiseVerdict.LATE]), judged=Count("pk", filter=_JUDGED)
    )
    return {(row["weekday"] - 1, row["hour"]): (row["late"], row["judged"]) for row in counted if row["judged"]}


def with_remarks(rows: Sequence[Any]) -> list[tuple[Any, str]]:
    """Pair each clock with a remark on the contact that met it, such as "logged 3 days later". One more query."""
    if any(isinstance(clock, PlayClock) for clock in rows):
        return _with_play_remarks(rows)
    met = [clock.handoff_id for clock in rows if _is_met_contact(clock)]
    contacts = Attempt.objects.filter(handoff__in=met).order_by("handoff", "at", "recorded_at", "pk")
    first = {contact.handoff_id: clocks.late_logging_remark(contact) for contact in contacts.distinct("handoff")}
    return [(clock, first.get(clock.handoff_id, "") if _is_met_contact(clock) else "") for clock in rows]


def _with_play_remarks(rows: Sequence[PlayClock]) -> list[tuple[PlayClock, str]]:
    met = [clock.play_id for clock in rows if _is_met_contact(clock)]
    contacts = PlayAttempt.objects.filter(play__in=met).order_by("play", "at", "recorded_at", "pk").distinct("play")
    first = {contact.play_id: clocks.late_logging_remark(contact) for contact in contacts}
    return [(clock, first.get(clock.play_id, "") if _is_met_contact(clock) else "") for clock in rows]


class Percentile(Aggregate):
    """Compute `percentile_cont` over the rows that have a value."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: str, fraction: float) -> None:
        super().__init__(expression, fraction=fraction, output_field=FloatField())


_POSITIONS: Final = {kind: position for position, kind in enumerate(ClockKind.values)}


def _build_figures(columns: PromiseColumns, groups: Sequence[PromiseGroup], by: By) -> list[PromiseFigure]:
    """Return the figures of groups in the order of the promises, and of the groups' names."""
    # Routing is nobody's.
    owned = [group for group in groups if by != "rep" or group.group is not None]
    names = _read_group_names(owned, by, columns.motion)
    figures = [_build_figure(group, by, names) for group in owned]
    return sorted(figures, key=lambda figure: (_POSITIONS[figure.kind], figure.group, figure.key))


def _read_group_names(groups: Sequence[PromiseGroup], by: By, motion: Motion) -> dict[Any, str]:
    """Return the names of the reps or teams of these groups, each as it was on the day of its latest promise."""
    if by not in ("rep", "team"):
        return {}
    owner = "play" if motion == Motion.AQL else "handoff"
    model: Any = PlayClock if motion == Motion.AQL else Clock
    clocks = model.objects.filter(pk__in=[group.latest for group in groups]).order_by("pk")
    if by == "rep":
        return dict(clocks.values_list("rep", "rep_name"))
    team = f"{owner}__team"
    rows = clocks.values_list(team, f"{owner}__team_name", f"{team}__name")
    return {pk: name_at_close or name or "Nobody yet" for pk, name_at_close, name in rows}


def _build_figure(row: PromiseGroup, by: By, names: Mapping[Any, str]) -> PromiseFigure:
    judged = row.kept + row.late
    return PromiseFigure(
        kind=row.kind,
        promise=str(ClockKind(row.kind).label),
        key=str(row.group),
        group=names.get(row.group) or _name_group(by, row.group),
        kept=row.kept,
        late=row.late,
        running=row.running,
        met=row.met,
        share=round(row.kept * 100 / judged, 1) if judged else None,
        median_minutes=_in_minutes(row.median),
        p90_minutes=_in_minutes(row.p90),
    )


def _name_group(by: By, group: Any) -> str:
    if by == "tier":
        return f"Tier {group}"
    return "No source" if by == "source" and not group else str(group)


def _is_met_contact(clock: PromiseClock) -> bool:
    return clock.kind == ClockKind.FIRST_CONTACT and clock.met_at is not None


def _in_minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)
