"""The SQL rival: the same definition as statements of PostgreSQL, as fast as we could make them.

Both statements walk the covering index of events once a lead and touch no table row; the gate and the disqualifiers
come first, so that leads which they exclude cost nothing. They know no attribute history (the benchmark's leads have
none) and answer for this one definition only: any other one needs another statement.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from benchmarks import agreement
from benchmarks.child import Measured, folder
from benchmarks.company import LEADS, NOW
from definitions.models import Version
from leads.models import Signal

_SCORE = (
    "lead_id", "definition_id", "version_id", "as_of", "fit", "engagement", "bant", "gate", "is_disqualified", "meets", "tier",
)  # fmt: skip
_EPSILON = 5e-7  # scores are rounded to six decimals before they are compared


def rescore() -> Measured:
    """Compute every score as of now by a LATERAL walk of the index, and write those that differ from the stored ones."""
    measured = _rescored(_by_lead())
    lead_ids = _fetched("SELECT lead_id FROM scoring_score WHERE meets ORDER BY lead_id")
    np.save(folder() / "meets-sql.npy", lead_ids[:, 0] if lead_ids.size else np.empty(0, np.int64))
    return measured


def flat_rescore() -> Measured:
    """Compute the same by one pass over all events with a GROUP BY."""
    return _rescored(_by_group())


def _rescored(sums: str) -> Measured:
    """Write the changed scores through a temporary table, because PostgreSQL uses parallel workers for that and for no
    INSERT.
    """
    names = ", ".join(_SCORE)
    differ = f"({', '.join(f'kept.{name}' for name in _SCORE)}) IS DISTINCT FROM ({', '.join(f'judged.{name}' for name in _SCORE)})"
    measured = Measured(rows=LEADS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        with measured.timed():
            cursor.execute(
                f"CREATE TEMP TABLE changed ON COMMIT DROP AS SELECT {', '.join(f'judged.{name}' for name in _SCORE)}"
                f" FROM ({_judged(sums)}) judged LEFT JOIN scoring_score kept USING (lead_id, definition_id)"
                f" WHERE {differ}"
            )
            cursor.execute(
                f"INSERT INTO scoring_score ({names}, judged_at) SELECT {names}, {_literal(NOW)} FROM changed"
                f" ON CONFLICT (lead_id, definition_id) DO UPDATE"
                f" SET {', '.join(f'{name} = EXCLUDED.{name}' for name in (*_SCORE[2:], 'judged_at'))}"
            )
            measured.more["written"] = cursor.rowcount
    return measured


def first_instants() -> Measured:
    """Find the first qualifying instant of every lead that has one."""
    statement = _first_instants()
    measured = _measured(f"SELECT count(*), max(at) FROM ({statement}) found")
    instants = _fetched(
        f"SELECT lead_id, (date_part('epoch', at) * 1000000)::bigint FROM ({statement}) found ORDER BY 1"
    )
    np.save(folder() / "first-sql.npy", instants)
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


def _judged(sums: str) -> str:
    """Return the query of a score's columns. The engagement at the latest fact is today's, before caps, less the decay
    since.
    """
    version = Version.objects.active().get()
    then = " + ".join(_limited(code, f"coalesce({code}, 0) * fewer") for code in ("shared", *_capped()))
    present = " + ".join(_limited(code, f"coalesce({code}, 0)") for code in ("shared", *_capped()))
    meets = (
        f"coalesce(passes AND NOT is_disqualified, false)"
        f" AND now_engagement >= {agreement.THRESHOLD - _EPSILON} AND coalesce(intent, 0) >= {agreement.INTENT_AT_LEAST}"
    )
    return f"""
        SELECT lead_id, {version.definition_id}::bigint AS definition_id, {version.pk}::bigint AS version_id, as_of,
               0::float8 AS fit, round(({then}) * 1e6) / 1e6 AS engagement, 0::float8 AS bant,
               CASE WHEN passes THEN 1 WHEN passes IS NULL THEN -1 ELSE 0 END::smallint AS gate, is_disqualified,
               {meets} AS meets,
               CASE WHEN NOT ({meets}) THEN 0 WHEN now_engagement < {agreement.TIER_3_BELOW - _EPSILON} THEN 3 ELSE 2 END::smallint
                   AS tier
        FROM (
            SELECT *, exp(date_part('epoch', {_literal(NOW)} - as_of) * {_rate()!r}) AS fewer, {present} AS now_engagement
            FROM (
                SELECT lead.id AS lead_id, greatest(latest, lead.known_at) AS as_of, {_gate()} AS passes,
                       coalesce({_disqualified()}, false) AS is_disqualified, sums.*
                FROM leads_lead lead LEFT JOIN leads_company company ON company.id = lead.company_id {sums}
            ) summed
        ) aged
    """


def _by_lead() -> str:
    return f"""
        CROSS JOIN LATERAL (
            SELECT {_sums_now()} FROM leads_event event
            WHERE event.lead_id = lead.id AND event.occurred_at <= {_literal(NOW)}
        ) sums
    """


def _by_group() -> str:
    return f"""
        LEFT JOIN (
            SELECT event.lead_id AS of_lead, {_sums_now()} FROM leads_event event
            WHERE event.occurred_at <= {_literal(NOW)} GROUP BY event.lead_id
        ) sums ON sums.of_lead = lead.id
    """


def _first_instants() -> str:
    """Return the query of first instants: running sums of points that grow instead of decaying, scaled back at each event.

    The window stops at the first hit.
    """
    sums = [f"sum({_points()} * {_grown()}) OVER upto AS shared"]
    total = ["coalesce(shared, 0) * left_of"]
    for code, (points, cap) in _capped().items():
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
    """Return the gate as a condition that is true, false, or NULL for unknown, by SQL's three-valued logic."""
    low, high = agreement.EMPLOYEES
    return (
        f"CASE WHEN company.employees_low >= {low} AND company.employees_high <= {high} THEN true"
        f" WHEN company.employees_high < {low} OR company.employees_low > {high} THEN false END"
        f" AND lower(trim(company.industry)) IN ({_texts(agreement.INDUSTRIES)})"
        f" AND lower(trim(company.country)) IN ({_texts(agreement.COUNTRIES)})"
    )


def _disqualified() -> str:
    alternatives = "|".join(agreement.NOT_BUYERS)
    lists = "SELECT lower(value) FROM leads_listentry entry JOIN leads_namedlist list ON list.id = entry.list_id"
    return (
        f"lower(split_part(lead.email, '@', 2)) IN ({lists} WHERE list.name IN ({_texts(agreement.LISTS)}))"
        f" OR lead.title ~* '\\y({alternatives})\\y'"
    )


def _sums_now() -> str:
    left = f"exp(date_part('epoch', event.occurred_at) * {_rate()!r} - {NOW.timestamp() * _rate()!r})"
    since = NOW - dt.timedelta(days=agreement.INTENT_DAYS)
    sums = [f"sum({_points()} * {left}) FILTER (WHERE event.signal_id NOT IN ({_ids(_capped())})) AS shared"]
    for code, (points, _) in _capped().items():
        sums.append(f"sum({points} * {left}) FILTER (WHERE event.signal_id = {_ids([code])}) AS {code}")
    intent = f"event.signal_id IN ({_ids(agreement.INTENT)}) AND event.occurred_at >= {_literal(since)}"
    return f"{', '.join(sums)}, count(*) FILTER (WHERE {intent}) AS intent, max(event.occurred_at) AS latest"


def _capped() -> dict[str, tuple[int, int | None]]:
    return {code: row for code, row in agreement.SIGNALS.items() if row[1] is not None}


def _limited(code: str, total: str) -> str:
    cap = agreement.SIGNALS[code][1] if code in agreement.SIGNALS else None
    return f"least({cap}, {total})" if cap is not None else total


def _points() -> str:
    """Return an expression of an event's points by its signal's id; a capped signal has none here."""
    pk = dict(Signal.objects.values_list("code", "pk"))
    points = {pk[code]: points for code, (points, cap) in agreement.SIGNALS.items() if cap is None}
    return (
        f"(ARRAY[{','.join(str(points.get(signal_id, 0)) for signal_id in range(1, max(pk.values()) + 1))}])[signal_id]"
    )


def _grown() -> str:
    origin = NOW.timestamp()
    return f"exp((date_part('epoch', occurred_at) - {origin}) * {_rate()!r})"


def _rate() -> float:
    """Return the rate, a second, at which an event's points would have to grow to stand still against the decay of others."""
    return -math.log1p(-agreement.DECAY_PERCENT / 100) / (agreement.DECAY_DAYS * 86_400)


def _ids(codes: Iterable[str]) -> str:
    return ", ".join(map(str, Signal.objects.filter(code__in=list(codes)).values_list("pk", flat=True)))


def _texts(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text.lower()}'" for text in texts)


def _literal(at: dt.datetime) -> str:
    return f"'{at.isoformat()}'::timestamptz"
