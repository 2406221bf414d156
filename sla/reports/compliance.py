"""Compliance with both sides' promises (rules 12.1): figures from the clocks, in one query whatever their number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Aggregate, Count, F, FloatField, Max, Q, QuerySet
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, TruncWeek

from config.accounts.models import User
from leads.vocabulary import Motion
from sla.clocks import clocks
from sla.models import Attempt, Clock, PlayAttempt, PlayClock, PromiseClock
from sla.reports.framework import row_rights
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_query import ReportQuery
from sla.teams import people_groups
from sla.vocabulary import ClockKind, PromiseVerdict

By: TypeAlias = Literal["", "rep", "team", "tier", "week", "source"]

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
    if by == "rep":
        in_period = in_period.filter(rep__isnull=False)
    # order_by() drops an ordering, whose columns would split the groups.
    rows = in_period.order_by().annotate(group=_group_by(by)).values("kind", "group")
    counted = rows.annotate(
        kept=Count("pk", filter=_IS[PromiseVerdict.KEPT]),
        late=Count("pk", filter=_IS[PromiseVerdict.LATE]),
        running=Count("pk", filter=_IS[PromiseVerdict.RUNNING]),
        met=Count("used_seconds"),
        median=Percentile("used_seconds", 0.5),
        p90=Percentile("used_seconds", 0.9),
        latest=Max("pk"),
    )
    figures = list(counted)
    names = _read_group_names(figures, by, motion)
    promise_figures = [_build_figure(row, by, names) for row in figures]
    return sorted(promise_figures, key=lambda figure: (_POSITIONS[figure.kind], figure.group, figure.key))


def read_for_reader(
    query: ReportQuery, reader: User, *, by: By = "", period: ReportPeriod | None = None
) -> list[PromiseFigure]:
    """Read the promises that a reader's reports count: people by name and teams of one person only where they may see them."""
    promises = row_rights.select_promises(query, reader)
    if by == "rep":
        promises = promises.filter(rep__in=people_groups.select_reps_by_name(reader).values("pk"))
    if by == "team" and (hidden := people_groups.list_hidden_teams(reader)):
        promises = promises.exclude(team__in=hidden)
    period = period or query.period
    return read_figures(motion=query.motion, start=period.start, end=period.end, by=by, promises=promises)


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


def _group_by(by: By) -> Any:
    if by == "week":
        return TruncWeek("started_at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))
    return F(by or "kind")


_POSITIONS: Final = {kind: position for position, kind in enumerate(ClockKind.values)}


def _read_group_names(figures: Sequence[Mapping[str, Any]], by: By, motion: Motion) -> dict[Any, str]:
    """Return the names of the reps or teams of these figures, each as it was on the day of its latest promise."""
    if by not in ("rep", "team"):
        return {}
    owner = "play" if motion == Motion.AQL else "handoff"
    model: Any = PlayClock if motion == Motion.AQL else Clock
    clocks = model.objects.filter(pk__in=[row["latest"] for row in figures]).order_by("pk")
    if by == "rep":
        return dict(clocks.values_list("rep", "rep_name"))
    team = f"{owner}__team"
    rows = clocks.values_list(team, f"{owner}__team_name", f"{team}__name")
    return {pk: name_at_close or name or "Nobody yet" for pk, name_at_close, name in rows}


def _build_figure(row: Mapping[str, Any], by: By, names: Mapping[Any, str]) -> PromiseFigure:
    judged = row["kept"] + row["late"]
    group = row["group"] if by else ""
    if isinstance(group, dt.datetime):
        group = f"{group:%Y-%m-%d}"
    return PromiseFigure(
        kind=row["kind"],
        promise=str(ClockKind(row["kind"]).label),
        key=str(group),
        group=names.get(group) or _name_group(by, group),
        kept=row["kept"],
        late=row["late"],
        running=row["running"],
        met=row["met"],
        share=round(row["kept"] * 100 / judged, 1) if judged else None,
        median_minutes=_in_minutes(row["median"]),
        p90_minutes=_in_minutes(row["p90"]),
    )


def _name_group(by: By, group: Any) -> str:
    if by == "tier":
        return f"Tier {group}"
    return "No source" if by == "source" and not group else str(group)


def _is_met_contact(clock: PromiseClock) -> bool:
    return clock.kind == ClockKind.FIRST_CONTACT and clock.met_at is not None


def _in_minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)
