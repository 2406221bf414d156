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
# An outcome is of the latest MQL of its person at or before it, the rule of `sla.reported_mqls.cycle_outcomes`, by what was
# known at each instant: a later MQL takes an outcome over from when it was recorded, and one of another lead from the merge on.
_STEPS: Final = (
    """
    WITH RECURSIVE merged AS (
        SELECT alias_id AS lead_id, into_id AS person, at AS since FROM leads_leadmerge
        WHERE at < %(now)s AND (ended_at IS NULL OR ended_at >= %(now)s)
    ), chains AS (
        SELECT lead_id, person, since FROM merged
        UNION ALL
        SELECT c.lead_id, m.person, greatest(c.since, m.since) FROM chains c JOIN merged m ON m.lead_id = c.person
    ), persons AS (
        SELECT lead_id, person, since FROM chains c WHERE NOT EXISTS (SELECT FROM merged m WHERE m.lead_id = c.person)
    ), mqls AS (
        SELECT q.id, q.lead_id, coalesce(p.person, q.lead_id) AS person, p.since, q.at, q.recorded_at
        FROM scoring_qualification q LEFT JOIN persons p USING (lead_id)
        WHERE q.motion = %(motion)s AND q.at >= %(start)s AND q.recorded_at < %(now)s
    ), outcomes AS (
        SELECT o.id, o.lead_id, coalesce(p.person, o.lead_id) AS person, p.since, o.kind, o.at, o.recorded_at,
            later.recorded_at AS corrected_at, o.amount, coalesce(nullif(o.currency, ''), %(home)s) AS code
        FROM leads_outcome o LEFT JOIN persons p USING (lead_id) LEFT JOIN leads_outcome later ON later.corrects_id = o.id
        WHERE o.motion = %(motion)s AND o.at >= %(start)s AND o.recorded_at < %(now)s
    ), possible AS (
        SELECT o.id, o.kind, o.at, o.corrected_at, o.amount, o.code, q.id AS mql, q.at AS qualified_at,
            greatest(o.recorded_at, q.recorded_at, CASE WHEN q.lead_id <> o.lead_id THEN greatest(o.since, q.since) END) AS known_from
        FROM outcomes o JOIN mqls q ON q.person = o.person AND q.at <= o.at
    ), of_mql AS (
        -- One window instead of a search for each pair: the MQLs after this one stand before it.
        SELECT *, least(corrected_at, min(known_from) OVER (
            PARTITION BY id ORDER BY qualified_at DESC, mql DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )) AS known_until FROM possible
    ), steps (mql, kind, at, known_from, known_until, amount, code) AS (
        SELECT h.qualification_id, CASE d.kind WHEN 'accept' THEN 0 ELSE 1 END, d.at, d.at, later.at, NULL::numeric, NULL
        FROM sla_disposition d JOIN sla_handoff h ON h.id = d.handoff_id JOIN mqls q ON q.id = h.qualification_id
        LEFT JOIN sla_disposition later ON later.corrects_id = d.id
        UNION ALL
        SELECT h.qualification_id, 2, s.at, s.at, NULL, NULL, NULL
        FROM sla_salesqualification s JOIN sla_handoff h ON h.id = s.handoff_id JOIN mqls q ON q.id = h.qualification_id
        UNION ALL
        -- A win is an opportunity, whether or not its opening was recorded; of the openings of an MQL the first counts.
        SELECT mql, 3, at, known_from, known_until, amount, code FROM of_mql WHERE kind IN ('opportunity', 'won')
        UNION ALL
        SELECT mql, 4, at, known_from, known_until, NULL, NULL FROM of_mql WHERE kind <> 'opportunity'
        UNION ALL
        SELECT q.id, 4, n.at,
            greatest(n.recorded_at, CASE WHEN n.lead_id <> q.lead_id THEN greatest(q.since, n.since) END), NULL, NULL, NULL
        FROM mqls q JOIN mqls n ON n.person = q.person AND (n.at, n.id) > (q.at, q.id)
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
        SELECT p.mql, 3, o.at, o.at, NULL, o.amount, %(home)s FROM sla_playoutcome o JOIN plays p ON p.id = o.play_id
        WHERE o.kind IN ('opportunity', 'won')
        UNION ALL
        SELECT p.mql, 4, o.at, o.at, NULL, NULL, NULL FROM sla_playoutcome o JOIN plays p ON p.id = o.play_id
        WHERE o.kind <> 'opportunity'
        UNION ALL
        SELECT p.mql, 4, n.at, n.recorded_at, NULL, NULL, NULL
        FROM plays p JOIN plays n ON n.company_id = p.company_id AND n.at > p.at
    )
    """
    + _STEPS_AS_COLUMNS
)
_CODES: Final = """
    SELECT DISTINCT coalesce(nullif(currency, ''), %(home)s) FROM leads_outcome
    WHERE motion = %(motion)s AND kind IN ('opportunity', 'won') AND at >= %(start)s AND recorded_at < %(now)s
"""


def read_history(motion: Motion, *, start: dt.datetime, now: dt.datetime) -> MqlHistory:
    """Return the MQLs (account plays for AQL) that qualified from `start` on, with all that was recorded of them before `now`.

    Opportunities of people who were merged count for the latest MQL of the person before them, from the merge on (rules 12.18).
    """
    return read_history_with_ids(motion, start=start, now=now)[0]


def read_history_with_ids(
    motion: Motion, *, start: dt.datetime, now: dt.datetime
) -> tuple[MqlHistory, NDArray[np.int64]]:
    """Return the history of `read_history` and the ids of its MQLs, in its order."""
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
    history = MqlHistory(
        qualified_at=_as_days(at[order]),
        known_at=_as_days(known_at[order]),
        steps=_build_steps(ids, order, columns),
        currencies=tuple(values["codes"]),
    )
    return history, ids[order]


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
