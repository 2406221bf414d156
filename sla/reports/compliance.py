"""Compliance with both sides' promises (rules 12.1): figures from the clocks, in one query whatever their number."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Aggregate, Count, Expression, F, FloatField, Q, QuerySet
from django.db.models.functions import TruncWeek

from config import company_days
from leads.vocabulary import Motion
from sla.clocks import clocks
from sla.models import AccountPlay, Attempt, Clock, Handoff, PlayAttempt, PlayClock, PromiseClock
from sla.vocabulary import ClockKind

By: TypeAlias = Literal["", "rep", "team", "tier", "week"]

#: Kept: met in time. Late: met late, or breached. Every started clock is one of kept, late, running or cancelled.
KEPT: Final = Q(is_late=False)
LATE: Final = Q(is_late=True) | Q(is_late=None, breached_at__isnull=False)
RUNNING: Final = Q(met_at=None, cancelled_at=None, breached_at=None)


@dataclass(frozen=True, slots=True)
class PromiseFigure:
    """The compliance with one promise in one group.

    `share` is kept / (kept + late) in percent, None without any; the times are minutes of business time used.
    """

    kind: str
    promise: str
    key: str
    group: str
    kept: int
    late: int
    running: int
    share: float | None
    median_minutes: float | None
    p90_minutes: float | None

    @property
    def judged(self) -> int:
        return self.kept + self.late

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


HEADER: Final = (
    "promise", "group", "kept", "late", "running", "share kept (%)", "median (minutes)", "90th percentile (minutes)",
)  # fmt: skip


def read_figures(
    *,
    motion: Motion,
    start: dt.datetime,
    end: dt.datetime,
    by: By = "",
    handoffs: QuerySet[Handoff] | None = None,
    plays: QuerySet[AccountPlay] | None = None,
) -> list[PromiseFigure]:
    """Read one motion's promises whose clocks started in `[start, end)`; `handoffs` and `plays` are those the reader may see.

    Grouped by the rep whose promise it was (routing is nobody's); by the team that has the handoff or play; by tier; or
    by week, Monday to Monday in the company's zone.
    """
    owner = "play" if motion == Motion.AQL else "handoff"
    clocks_in_period = select_clocks(motion=motion, handoffs=handoffs, plays=plays)
    clocks_in_period = clocks_in_period.filter(started_at__gte=start, started_at__lt=end)
    if by == "rep":
        clocks_in_period = clocks_in_period.filter(rep__isnull=False)
    # order_by() drops an ordering, whose columns would split the groups.
    rows = clocks_in_period.order_by().annotate(group=_GROUPS[by](owner) if by else F("kind")).values("kind", "group")
    figures = rows.annotate(
        kept=Count("pk", filter=KEPT),
        late=Count("pk", filter=LATE),
        running=Count("pk", filter=RUNNING),
        median=Percentile("used_seconds", 0.5),
        p90=Percentile("used_seconds", 0.9),
    )
    names = _read_group_names(clocks_in_period, by, owner)
    promise_figures = [_build_figure(row, by, names) for row in figures]
    return sorted(promise_figures, key=lambda figure: (_POSITIONS[figure.kind], figure.group, figure.key))


def select_clocks(
    *, motion: Motion, handoffs: QuerySet[Handoff] | None = None, plays: QuerySet[AccountPlay] | None = None
) -> QuerySet[Any]:
    """Return the clocks of a motion: those of account plays for AQL, those of handoffs for every other one."""
    if motion == Motion.AQL:
        of_plays = PlayClock.objects.all()
        return of_plays if plays is None else of_plays.filter(play__in=plays.order_by().values("pk"))
    of_handoffs = Clock.objects.filter(handoff__motion=motion)
    return of_handoffs if handoffs is None else of_handoffs.filter(handoff__in=handoffs.order_by().values("pk"))


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


def week_start(at: dt.datetime) -> dt.datetime:
    """Return the instant at which the company's week of `at` began."""
    day = company_days.day_of(at)
    return company_days.start_of(day - dt.timedelta(days=day.weekday()))


def cells(figure: PromiseFigure) -> tuple[object, ...]:
    """Return the values under HEADER, for tables and CSV."""
    return (
        figure.promise, figure.group, figure.kept, figure.late, figure.running, figure.share,
        figure.median_minutes, figure.p90_minutes,
    )  # fmt: skip


class Percentile(Aggregate):
    """Compute `percentile_cont` over the rows that have a value."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: str, fraction: float) -> None:
        super().__init__(expression, fraction=fraction, output_field=FloatField())


def _week_expression(_owner: str) -> Expression:
    return TruncWeek("started_at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))


_GROUPS: Final[Mapping[str, Any]] = {
    "rep": lambda _: F("rep"),
    "team": lambda owner: F(f"{owner}__team"),
    "tier": lambda owner: F(f"{owner}__tier"),
    "week": _week_expression,
}
_POSITIONS: Final = {kind: position for position, kind in enumerate(ClockKind.values)}


def _read_group_names(rows: QuerySet[Any], by: By, owner: str) -> dict[Any, str]:
    """Return the names of the reps or teams of these clocks, each as it was on the day of the latest one."""
    if by == "rep":
        latest = rows.order_by("rep", "-started_at", "-pk").distinct("rep")
        return dict(latest.values_list("rep", "rep_name"))
    if by == "team":
        team = f"{owner}__team"
        latest = rows.order_by(team, "-started_at", "-pk").distinct(team)
        names = latest.values_list(team, f"{owner}__team_name", f"{team}__name")
        return {pk: name_at_close or name or "Nobody yet" for pk, name_at_close, name in names}
    return {}


def _build_figure(row: Mapping[str, Any], by: By, names: Mapping[Any, str]) -> PromiseFigure:
    judged = row["kept"] + row["late"]
    group = row["group"] if by else ""
    if isinstance(group, dt.datetime):
        group = f"{group:%Y-%m-%d}"
    return PromiseFigure(
        kind=row["kind"],
        promise=str(ClockKind(row["kind"]).label),
        key=str(group),
        group=names.get(group, f"Tier {group}" if by == "tier" else str(group)),
        kept=row["kept"],
        late=row["late"],
        running=row["running"],
        share=round(row["kept"] * 100 / judged, 1) if judged else None,
        median_minutes=_in_minutes(row["median"]),
        p90_minutes=_in_minutes(row["p90"]),
    )


def _is_met_contact(clock: PromiseClock) -> bool:
    return clock.kind == ClockKind.FIRST_CONTACT and clock.met_at is not None


def _in_minutes(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 1)
