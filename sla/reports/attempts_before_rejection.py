"""The rejections as out of reach that were tried as promised (rules 12.69): the tally of `handoffs.attempts`, in SQL."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Min, QuerySet
from django.db.models.functions import Coalesce

from config import company_days
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.business_time import calendars
from sla.business_time.arithmetic import BadCalendar
from sla.business_time.working_days import WorkingDays
from sla.handoffs.attempts import MINIMUM_GAP
from sla.models import WorkCalendar
from sla.vocabulary import DispositionKind

#: The tables of attempts, and what the tally counts apart: of plays the attempts at each contact are counted as those at a lead.
_ATTEMPTS: Final = {
    "handoff": {"attempts": "sla_attempt", "chain": "a.channel"},
    "play": {"attempts": "sla_playattempt", "chain": "a.contact_id || ' ' || a.channel"},
}
#: `attempts.count_attempts` as a recursion, for the few chains with two attempts closer together than the gap; of the
#: others every attempt counts. Days are local days of the rep's calendar, without those on which it does not open.
_TALLY: Final = """
    WITH RECURSIVE given_up (id, calendar_id, rejected_at, needs_attempts, needs_days, needs_channels) AS MATERIALIZED ({rows}),
    zone AS (SELECT * FROM unnest(%s::int[], %s::text[]) AS zone (calendar_id, name)),
    closed AS (SELECT * FROM unnest(%s::int[], %s::date[]) AS closed (calendar_id, day)),
    tried AS MATERIALIZED (
        SELECT g.id, g.rejected_at, g.calendar_id, a.channel, {chain} AS chain, a.at,
            a.at - lag(a.at) OVER (PARTITION BY g.id, {chain} ORDER BY a.at) AS gap
        FROM given_up g JOIN {attempts} a ON a.{owner}_id = g.id AND a.at <= g.rejected_at
    ),
    chain AS (
        SELECT id, rejected_at, chain, min(at) AS at, count(*) AS attempts, coalesce(min(gap) < %s, FALSE) AS is_dense
        FROM tried GROUP BY 1, 2, 3
    ),
    counted AS (
        SELECT id, rejected_at, chain, at FROM chain WHERE is_dense
        UNION ALL
        SELECT c.id, c.rejected_at, c.chain, (
            SELECT min(a.at) FROM {attempts} a
            WHERE a.{owner}_id = c.id AND {chain} = c.chain AND a.at >= c.at + %s AND a.at <= c.rejected_at
        ) FROM counted c WHERE c.at IS NOT NULL
    ),
    number AS (
        SELECT id, sum(attempts) AS attempts FROM (
            SELECT id, attempts FROM chain WHERE NOT is_dense UNION ALL SELECT id, 1 FROM counted WHERE at IS NOT NULL
        ) AS each GROUP BY 1
    ),
    spread AS (
        SELECT t.id, count(DISTINCT t.channel) AS channels, count(DISTINCT t.day) FILTER (WHERE closed.day IS NULL) AS days
        FROM (
            SELECT t.id, t.channel, t.calendar_id, (t.at AT TIME ZONE coalesce(zone.name, %s))::date AS day
            FROM tried t LEFT JOIN zone USING (calendar_id)
        ) AS t LEFT JOIN closed USING (calendar_id, day) GROUP BY 1
    )
    SELECT count(*) FILTER (WHERE number.attempts >= g.needs_attempts AND spread.channels >= g.needs_channels
        AND spread.days >= least(g.needs_days, g.needs_attempts)), count(*)
    FROM given_up g LEFT JOIN number USING (id) LEFT JOIN spread USING (id)
"""


def read_sample(
    handed_over: QuerySet[Any], *, motion: Motion, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> Sample:
    """Return how many of those rejected as out of reach in `[start, end)` were tried as their commitments ask for.

    `handed_over` are reported MQLs that were handed over, of AQLs the plays. Attempts count as `attempts.tally_attempts` counts them
    before the rejection, by the calendars as they are now. Two queries, three where any calendar is in use.
    """
    owner = "play" if motion == Motion.AQL else "handoff"
    in_period = handed_over.filter(decided_at__gte=start, decided_at__lt=end).order_by()
    if motion == Motion.AQL:
        rows = in_period.filter(disposition__kind=DispositionKind.REJECT, disposition__reason__needs_attempts=True)
        row, since, rejected_at, commitment = "pk", "created_at", "disposition__at", "commitment"
    else:
        rows = in_period.filter(decision=DispositionKind.REJECT, reason__needs_attempts=True)
        row, since, rejected_at, commitment = "handoff", "handed_over_at", "decision_at", "handoff__commitment"
    rows = rows.annotate(calendar=Coalesce("rep__calendar", "rep__team__calendar"))
    zones, closed = _read_days(rows, since, now)
    sql, parameters = rows.values_list(
        row, "calendar", rejected_at, f"{commitment}__attempts_before_unresponsive", f"{commitment}__attempts_working_days",
        f"{commitment}__attempts_channels",
    ).query.sql_with_params()  # fmt: skip
    query = _TALLY.format(rows=sql, owner=owner, **_ATTEMPTS[owner])
    values: list[Any] = [*parameters, *_columns(zones), *_columns(closed)]
    values += [MINIMUM_GAP, MINIMUM_GAP, settings.COMPANY_TIME_ZONE]
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        tried, total = cursor.fetchone()
    return Sample(tried, total)


def _columns(rows: list[tuple[int, Any]]) -> tuple[list[int], list[Any]]:
    return [row[0] for row in rows], [row[1] for row in rows]


def _read_days(
    rows: QuerySet[Any], since: str, now: dt.datetime
) -> tuple[list[tuple[int, str]], list[tuple[int, dt.date]]]:
    """Return the zone of each calendar of these rows, and the days on which it does not open since the oldest of them, by `since`."""
    oldest = dict(rows.exclude(calendar=None).values_list("calendar").annotate(since=Min(since)))
    zones, closed = [], []
    for calendar in WorkCalendar.objects.filter(pk__in=oldest).prefetch_related("hours", "special_days"):
        try:
            days = WorkingDays(calendars.build_calendar(calendar, now))
        except BadCalendar:
            days = WorkingDays(None)
        zones.append((calendar.pk, days.calendar.zone if days.calendar else settings.COMPANY_TIME_ZONE))
        # Two days more at each end: a day of the company may be another one in the zone.
        first = company_days.day_of(oldest[calendar.pk]) - dt.timedelta(days=2)
        span = (company_days.day_of(now) - first).days + 2
        dates = (first + dt.timedelta(days=number) for number in range(span + 1))
        closed += [(calendar.pk, date) for date in dates if not days.is_working(date)]
    return zones, closed
