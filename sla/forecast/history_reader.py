"""The MQLs of a motion with their steps, read as columns (rules 12.31). Four queries, however many MQLs there are."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import connection
from numpy.typing import NDArray

from leads.vocabulary import Motion
from sla.forecast.mql_history import MqlHistory, MqlSteps

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY: Final = dt.timedelta(days=1)

# The kinds are the numbers of `StepKind`.
# A column comes as one value, the binary form of its numbers one after the other: a million rows of Python objects would
# take longer than the whole forecast. The numbers of one query stand in the same order.
_MQLS: Final = """
    SELECT string_agg(int8send(id), ''), string_agg(float8send(date_part('epoch', at)), ''),
        string_agg(float8send(date_part('epoch', recorded_at)), '')
    FROM scoring_qualification WHERE motion = %(motion)s AND at >= %(start)s AND recorded_at < %(now)s
"""
_PLAYS: Final = """
    SELECT string_agg(int8send(id), ''), string_agg(float8send(date_part('epoch', at)), ''),
        string_agg(float8send(date_part('epoch', recorded_at)), '')
    FROM scoring_accountqualification WHERE at >= %(start)s AND recorded_at < %(now)s
"""
_STEPS_AS_COLUMNS: Final = """
    SELECT string_agg(int8send(mql), ''), string_agg(int8send(kind), ''),
        string_agg(float8send(date_part('epoch', at)), ''), string_agg(float8send(date_part('epoch', known_from)), ''),
        string_agg(float8send(coalesce(date_part('epoch', known_until), 'Infinity')), ''),
        string_agg(float8send(coalesce(amount::float8, 'NaN')), ''),
        string_agg(int8send(coalesce(array_position(%(codes)s::text[], code), 0)), '')
    FROM steps WHERE known_until IS NULL OR known_from < known_until
"""
_STEPS: Final = (
    """
    WITH RECURSIVE linked AS (
        -- Who is the same person as whom, and while that was known; chains of merges in a few steps.
        SELECT l.one, l.other, m.at AS since, m.ended_at AS until, 1 AS length
        FROM leads_leadmerge m CROSS JOIN LATERAL (VALUES (m.alias_id, m.into_id), (m.into_id, m.alias_id)) l (one, other)
        UNION
        SELECT k.one, l.other, greatest(k.since, m.at), least(k.until, m.ended_at), k.length + 1
        FROM linked k JOIN leads_leadmerge m ON k.other IN (m.alias_id, m.into_id)
        CROSS JOIN LATERAL (VALUES (m.alias_id, m.into_id), (m.into_id, m.alias_id)) l (mine, other)
        WHERE l.mine = k.other AND l.other <> k.one AND k.length < 4
            AND greatest(k.since, m.at) < coalesce(least(k.until, m.ended_at), 'infinity')
    ), mqls AS (
        SELECT id, lead_id, at, recorded_at FROM scoring_qualification
        WHERE motion = %(motion)s AND at >= %(start)s AND recorded_at < %(now)s
    ), outcomes AS (
        SELECT o.id, o.lead_id, o.kind, o.at, o.recorded_at, later.recorded_at AS corrected_at, o.amount,
            coalesce(nullif(o.currency, ''), %(home)s) AS code
        FROM leads_outcome o LEFT JOIN leads_outcome later ON later.corrects_id = o.id
        WHERE o.motion = %(motion)s AND o.at >= %(start)s AND o.recorded_at < %(now)s
    ), of_person AS (
        SELECT o.*, o.lead_id AS of_lead, NULL::timestamptz AS since, NULL::timestamptz AS until FROM outcomes o
        UNION ALL
        -- By a merge an outcome is of another lead's MQL only where its own lead has none.
        SELECT o.*, k.other, k.since, k.until FROM outcomes o JOIN linked k ON k.one = o.lead_id
        WHERE NOT EXISTS (SELECT FROM mqls q WHERE q.lead_id = o.lead_id AND q.at <= o.at)
    ), steps (mql, kind, at, known_from, known_until, amount, code) AS (
        SELECT h.qualification_id, CASE d.kind WHEN 'accept' THEN 0 ELSE 1 END, d.at, d.at, later.at, NULL::numeric, NULL
        FROM sla_disposition d JOIN sla_handoff h ON h.id = d.handoff_id JOIN mqls q ON q.id = h.qualification_id
        LEFT JOIN sla_disposition later ON later.corrects_id = d.id
        UNION ALL
        SELECT h.qualification_id, 2, s.at, s.at, NULL, NULL, NULL
        FROM sla_salesqualification s JOIN sla_handoff h ON h.id = s.handoff_id JOIN mqls q ON q.id = h.qualification_id
        UNION ALL
        -- An outcome is of the latest MQL before it. A later MQL takes it over from when that was recorded.
        SELECT q.id, CASE o.kind WHEN 'opportunity' THEN 3 ELSE 4 END, o.at,
            greatest(o.recorded_at, q.recorded_at, o.since), least(o.corrected_at, o.until, next.recorded_at),
            o.amount, CASE o.kind WHEN 'opportunity' THEN o.code END
        FROM of_person o JOIN mqls q ON q.lead_id = o.of_lead AND q.at <= o.at
        LEFT JOIN LATERAL (
            SELECT min(n.recorded_at) AS recorded_at FROM mqls n WHERE n.lead_id = q.lead_id AND n.at > q.at AND n.at <= o.at
        ) next ON TRUE
        UNION ALL
        SELECT q.id, 4, n.at, n.recorded_at, NULL, NULL, NULL
        FROM mqls q JOIN mqls n ON n.lead_id = q.lead_id AND n.at > q.at
    )
    """
    + _STEPS_AS_COLUMNS
)
_STEPS_OF_PLAYS: Final = (
    """
    WITH plays AS (
        SELECT p.id, q.id AS mql, q.company_id, q.at, q.recorded_at
        FROM scoring_accountqualification q LEFT JOIN sla_accountplay p ON p.qualification_id = q.id
        WHERE q.at >= %(start)s AND q.recorded_at < %(now)s
    ), steps (mql, kind, at, known_from, known_until, amount, code) AS (
        SELECT p.mql, CASE d.kind WHEN 'accept' THEN 0 ELSE 1 END, d.at, d.at, NULL::timestamptz, NULL::numeric, NULL
        FROM sla_playdisposition d JOIN plays p ON p.id = d.play_id
        UNION ALL
        SELECT p.mql, CASE o.kind WHEN 'opportunity' THEN 3 ELSE 4 END, o.at, o.at, NULL, o.amount,
            CASE o.kind WHEN 'opportunity' THEN %(home)s END
        FROM sla_playoutcome o JOIN plays p ON p.id = o.play_id
        UNION ALL
        SELECT p.mql, 4, n.at, n.recorded_at, NULL, NULL, NULL
        FROM plays p JOIN plays n ON n.company_id = p.company_id AND n.at > p.at
    )
    """
    + _STEPS_AS_COLUMNS
)
_CODES: Final = """
    SELECT DISTINCT coalesce(nullif(currency, ''), %(home)s) FROM leads_outcome
    WHERE motion = %(motion)s AND kind = 'opportunity' AND at >= %(start)s AND recorded_at < %(now)s
"""


def read_history(motion: Motion, *, start: dt.datetime, now: dt.datetime) -> MqlHistory:
    """Return the MQLs (account plays for AQL) that qualified from `start` on, with all that was recorded of them before `now`.

    Opportunities of people who were merged count for the MQL of the person from the merge on (rules 12.11).
    """
    is_play = motion == Motion.AQL
    values: dict[str, Any] = {"motion": motion.value, "start": start, "now": now, "home": settings.CURRENCY}
    with connection.cursor() as cursor:
        codes = {settings.CURRENCY}
        if not is_play:
            cursor.execute(_CODES, values)
            codes |= {code for (code,) in cursor.fetchall()}
        values["codes"] = sorted(codes, key=lambda code: (code != settings.CURRENCY, code))
        cursor.execute(_PLAYS if is_play else _MQLS, values)
        ids, at, known_at = _parse_columns(cursor.fetchone(), ">i8", ">f8", ">f8")
        cursor.execute(_STEPS_OF_PLAYS if is_play else _STEPS, values)
        columns = _parse_columns(cursor.fetchone(), ">i8", ">i8", ">f8", ">f8", ">f8", ">f8", ">i8")
    order = np.lexsort((ids, at))
    return MqlHistory(
        qualified_at=_as_days(at[order]),
        known_at=_as_days(known_at[order]),
        steps=_build_steps(ids, order, columns),
        currencies=tuple(values["codes"]),
    )


def as_days(at: dt.datetime) -> float:
    """Return an instant as days since 1970."""
    return (at - _EPOCH) / _DAY


def as_instant(days: float) -> dt.datetime:
    """Return days since 1970 as an instant, to the second."""
    return _EPOCH + dt.timedelta(seconds=round(days * 86_400))


def _parse_columns(row: tuple[Any, ...], *types: str) -> list[NDArray[Any]]:
    """Return the columns of a query as arrays, empty ones if it found no rows."""
    return [
        np.frombuffer(b"" if column is None else bytes(column), dtype=kind).astype(np.dtype(kind).newbyteorder("="))
        for column, kind in zip(row, types, strict=True)
    ]


def _build_steps(ids: NDArray[np.int64], order: NDArray[np.int64], columns: list[NDArray[Any]]) -> MqlSteps:
    mql, kind, at, known_from, known_until, amount, currency = columns
    places = np.empty(len(ids), dtype=np.int64)
    places[order] = np.arange(len(ids))
    by_id = np.argsort(ids)
    of_mql = places[by_id[np.searchsorted(ids, mql, sorter=by_id)]]
    by_mql = np.lexsort((at, of_mql))
    return MqlSteps(
        mql=of_mql[by_mql],
        kind=kind[by_mql],
        at=_as_days(at[by_mql]),
        known_from=_as_days(known_from[by_mql]),
        # Infinity, for a step that nothing corrects, stays infinite.
        known_until=_as_days(known_until[by_mql]),
        amount=amount[by_mql],
        # PostgreSQL counts places from 1, and 0 stands for no currency.
        currency=currency[by_mql] - 1,
    )


def _as_days(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return seconds / 86_400
