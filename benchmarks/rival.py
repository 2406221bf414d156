"""
The rival: the same definition in PostgreSQL's own words, as fast as we could make it.

Both statements walk the covering index of events once a lead and touch no table row; the gate and the disqualifiers come first, so that
what they exclude costs nothing. They know no attribute history (the benchmark's leads have none) and answer for this one
definition only: each other one would be another statement.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from benchmarks import agreement
from benchmarks.child import Measured, folder
from benchmarks.company import LEADS, NOW
from leads.models import Signal

_EPSILON = 5e-7  # scores are rounded to six decimals before they are compared


def verdicts() -> Measured:
    """The verdict on every lead and its engagement now, added up in the server: nothing is sent, nothing is written."""
    statement = f"SELECT count(*) FILTER (WHERE meets), sum(engagement) FROM ({_verdicts()}) judged"
    measured = _measured(statement)
    found = _fetched(f"SELECT lead_id FROM ({_verdicts()}) judged WHERE meets ORDER BY lead_id")
    np.save(folder() / "meets-sql.npy", found[:, 0] if found.size else np.empty(0, np.int64))
    return measured


def flat_verdicts() -> Measured:
    """The same by one pass over all events with a GROUP BY."""
    return _measured(f"SELECT count(*) FILTER (WHERE meets), sum(engagement) FROM ({_flat_verdicts()}) judged")


def first_instants() -> Measured:
    """The first qualifying instant of every lead that has one."""
    statement = _first_instants()
    measured = _measured(f"SELECT count(*), max(at) FROM ({statement}) found")
    found = _fetched(f"SELECT lead_id, (date_part('epoch', at) * 1000000)::bigint FROM ({statement}) found ORDER BY 1")
    np.save(folder() / "first-sql.npy", found)
    return measured


def _measured(statement: str) -> Measured:
    measured = Measured(rows=LEADS)
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'")
        with measured.timed():
            cursor.execute(statement)
            measured.more["answer"] = [str(value) for value in cursor.fetchone()]
    return measured


def _fetched(statement: str) -> NDArray[np.int64]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return np.array(cursor.fetchall(), dtype=np.int64)


def _verdicts() -> str:
    return f"""
        SELECT lead.id AS lead_id, sums.engagement,
               coalesce(({_gate()}) AND NOT ({_disqualified()}), false)
               AND sums.engagement >= {agreement.THRESHOLD - _EPSILON} AND sums.intent >= {agreement.INTENT_AT_LEAST} AS meets
        FROM leads_lead lead LEFT JOIN leads_company company ON company.id = lead.company_id
        CROSS JOIN LATERAL (
            SELECT {_engagement_now()} AS engagement, {_intent_now()} AS intent
            FROM leads_event event WHERE event.lead_id = lead.id AND event.occurred_at <= {_literal(NOW)}
        ) sums
    """


def _flat_verdicts() -> str:
    return f"""
        SELECT lead.id AS lead_id, sums.engagement,
               coalesce(({_gate()}) AND NOT ({_disqualified()}), false)
               AND sums.engagement >= {agreement.THRESHOLD - _EPSILON} AND sums.intent >= {agreement.INTENT_AT_LEAST} AS meets
        FROM leads_lead lead LEFT JOIN leads_company company ON company.id = lead.company_id
        LEFT JOIN (
            SELECT event.lead_id, {_engagement_now()} AS engagement, {_intent_now()} AS intent
            FROM leads_event event WHERE event.occurred_at <= {_literal(NOW)} GROUP BY event.lead_id
        ) sums ON sums.lead_id = lead.id
    """


def _first_instants() -> str:
    """Running sums of points that grow instead of decaying, scaled back at each event; the window stops at the first hit."""
    capped = {code: row for code, row in agreement.SIGNALS.items() if row[1] is not None}
    sums = [f"sum({_points()} * {_grown()}) OVER upto AS shared"]
    total = ["coalesce(shared, 0) * left_of"]
    for code, (points, cap) in capped.items():
        sums.append(f"sum({points} * {_grown()}) FILTER (WHERE signal_id = {_ids([code])}) OVER upto AS {code}")
        total.append(f"least({cap}, coalesce({code}, 0) * left_of)")
    return f"""
        SELECT lead.id AS lead_id, first.occurred_at AS at
        FROM leads_lead lead JOIN leads_company company ON company.id = lead.company_id
        CROSS JOIN LATERAL (
            SELECT occurred_at FROM (
                SELECT occurred_at, 1 / {_grown()} AS left_of, {", ".join(sums)},
                       count(*) FILTER (WHERE signal_id IN ({_ids(agreement.INTENT)})) OVER recent AS intent
                FROM leads_event event WHERE event.lead_id = lead.id AND event.occurred_at <= {_literal(NOW)}
                WINDOW upto AS (ORDER BY occurred_at RANGE UNBOUNDED PRECEDING),
                       recent AS (ORDER BY occurred_at
                                  RANGE BETWEEN '{agreement.INTENT_DAYS * 24} hours' PRECEDING AND CURRENT ROW)
            ) judged
            WHERE intent >= {agreement.INTENT_AT_LEAST} AND {" + ".join(total)} >= {agreement.THRESHOLD - _EPSILON}
            ORDER BY occurred_at LIMIT 1
        ) first
        WHERE ({_gate()}) AND NOT ({_disqualified()})
    """


def _gate() -> str:
    low, high = agreement.EMPLOYEES
    return (
        f"company.employees_low >= {low} AND company.employees_high <= {high}"
        f" AND lower(trim(company.industry)) IN ({_texts(agreement.INDUSTRIES)})"
        f" AND lower(trim(company.country)) IN ({_texts(agreement.COUNTRIES)})"
    )


def _disqualified() -> str:
    words = "|".join(agreement.NOT_BUYERS)
    lists = "SELECT lower(value) FROM leads_listentry entry JOIN leads_namedlist list ON list.id = entry.list_id"
    return (
        f"lower(split_part(lead.email, '@', 2)) IN ({lists} WHERE list.name IN ({_texts(agreement.LISTS)}))"
        f" OR lead.title ~* '\\y({words})\\y'"
    )


def _engagement_now() -> str:
    capped = {code: row for code, row in agreement.SIGNALS.items() if row[1] is not None}
    left = f"exp(date_part('epoch', event.occurred_at) * {_rate()!r} - {NOW.timestamp() * _rate()!r})"
    parts = [f"coalesce(sum({_points()} * {left}) FILTER (WHERE event.signal_id NOT IN ({_ids(capped)})), 0)"]
    for code, (points, cap) in capped.items():
        parts.append(
            f"least({cap}, coalesce(sum({points} * {left}) FILTER (WHERE event.signal_id = {_ids([code])}), 0))"
        )
    return " + ".join(parts)


def _intent_now() -> str:
    since = NOW - dt.timedelta(days=agreement.INTENT_DAYS)
    return f"count(*) FILTER (WHERE event.signal_id IN ({_ids(agreement.INTENT)}) AND event.occurred_at >= {_literal(since)})"


def _points() -> str:
    """Points by the signal's id; a capped signal has none here."""
    pk = dict(Signal.objects.values_list("code", "pk"))
    points = {pk[code]: points for code, (points, cap) in agreement.SIGNALS.items() if cap is None}
    return f"(ARRAY[{','.join(str(points.get(each, 0)) for each in range(1, max(pk.values()) + 1))}])[signal_id]"


def _grown() -> str:
    origin = NOW.timestamp()
    return f"exp((date_part('epoch', occurred_at) - {origin}) * {_rate()!r})"


def _rate() -> float:
    """How fast an event's points would have to grow, a second, to stand still against the others' decay."""
    return -math.log1p(-agreement.DECAY_PERCENT / 100) / (agreement.DECAY_DAYS * 86_400)


def _ids(codes: Iterable[str]) -> str:
    return ", ".join(map(str, Signal.objects.filter(code__in=list(codes)).values_list("pk", flat=True)))


def _texts(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text.lower()}'" for text in texts)


def _literal(at: dt.datetime) -> str:
    return f"'{at.isoformat()}'::timestamptz"
