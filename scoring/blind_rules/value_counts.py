"""The counts that the search for blind rules needs, read from leads, companies and events as of an instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from django.db import connection
from psycopg.sql import quote

from leads.models import Signal
from scoring.columns.attribute_fields import attribute_field

DAY: Final = dt.timedelta(days=1)
#: The days over which a signal is counted: eight weeks and the last day.
SIGNAL_DAYS: Final = 57
#: The number of leads that an alarm lists.
LEADS_AT_MOST: Final = 200

#: Leads or companies with a statement that arrived in a period; the parameters are its start and its end.
_STATED = """
    subject.id IN (SELECT {subject}_id FROM leads_attributechange
                   WHERE recorded_at > %s AND recorded_at <= %s AND {subject}_id IS NOT NULL)
"""


def count_values(field: str, *, start: dt.datetime, now: dt.datetime) -> list[tuple[str, int, int]]:
    """Return (text, subjects, subjects with a statement in `(start, now]`) for each value that a field has."""
    return _count(field, "subject.value", [], start, now)


def count_unread_values(field: str, *, start: dt.datetime, now: dt.datetime) -> list[tuple[str, int, int]]:
    """Return what `count_values` does for the values that could not be read, as they came."""
    return _count(field, "subject.not_understood ->> %s", [field.split(".", 1)[1]], start, now)


def _count(
    field: str, value: str, parameters: list[object], start: dt.datetime, now: dt.datetime
) -> list[tuple[str, int, int]]:
    stated = _STATED.format(subject=_subject_of(field))
    return _fetch(
        f"""
        SELECT text, count(*), count(*) FILTER (WHERE is_recent) FROM (
            SELECT {value} AS text, {stated} AS is_recent FROM {_subjects(field)} WHERE recorded_at <= %s
        ) counted WHERE text <> '' GROUP BY 1
        """,  # noqa: S608  # the field is one that a definition may name
        [*parameters, start, now, now],
    )


def find_stated_before(field: str, texts: Collection[str], *, start: dt.datetime) -> set[str]:
    """Return those of the texts that a statement gave that had arrived by `start`, in any spelling of case.

    One pass over the history answers for all texts of a field.
    """
    if not texts:
        return set()
    rows = _fetch(
        f"""
        SELECT DISTINCT asked.text FROM unnest(%s::text[]) AS asked (text)
        JOIN leads_attributechange ON lower(trim("values" ->> %s)) = lower(trim(asked.text))
        WHERE recorded_at <= %s AND {_subject_of(field)}_id IS NOT NULL
        """,  # noqa: S608  # the field is one that a definition may name
        [list(texts), field.split(".", 1)[1], start],
    )
    return {text for (text,) in rows}


def count_known(field: str, *, start: dt.datetime, now: dt.datetime) -> tuple[int, int]:
    """Return how many leads that came in `(start, now]` have a value of the field, and how many came.

    For a field of the company, leads without a company do not count.
    """
    ((known, total),) = _fetch(
        f"""
        SELECT count(*) FILTER (WHERE subject.value <> ''), count(*) FROM {_subjects(field)} {_join_leads(field)}
        WHERE lead.recorded_at > %s AND lead.recorded_at <= %s
        """,  # noqa: S608  # the field is one that a definition may name
        [start, now],
    )
    return known, total


def find_leads_with(
    field: str, text: str, *, start: dt.datetime, now: dt.datetime, is_unread: bool = False
) -> list[int]:
    """Return the newest leads with a value that was stated in `(start, now]`; for a company, its leads."""
    value = "subject.not_understood ->> %s" if is_unread else "subject.value"
    return _fetch_ids(
        f"""
        SELECT lead.id FROM {_subjects(field)} {_join_leads(field)}
        WHERE lower(trim({value})) = lower(trim(%s)) AND {_STATED.format(subject=_subject_of(field))}
        ORDER BY 1 DESC LIMIT %s
        """,  # noqa: S608  # the field is one that a definition may name
        [*([field.split(".", 1)[1]] if is_unread else []), text, start, now, LEADS_AT_MOST],
    )


def find_leads_without(field: str, *, start: dt.datetime, now: dt.datetime) -> list[int]:
    """Return the newest leads that came in `(start, now]` without a value of the field."""
    return _fetch_ids(
        f"""
        SELECT lead.id FROM {_subjects(field)} {_join_leads(field)}
        WHERE coalesce(subject.value, '') = '' AND lead.recorded_at > %s AND lead.recorded_at <= %s
        ORDER BY 1 DESC LIMIT %s
        """,  # noqa: S608  # the field is one that a definition may name
        [start, now, LEADS_AT_MOST],
    )


def count_signal_days(*, now: dt.datetime) -> dict[str, list[int]]:
    """Return the events of each signal, of leads and companies, by the day of their arrival.

    They are `SIGNAL_DAYS` days of 24 hours that end now.
    """
    code_of = dict(Signal.objects.values_list("pk", "code"))
    days = {code: [0] * SIGNAL_DAYS for code in code_of.values()}
    rows = _fetch(
        """
        SELECT signal_id, floor(extract(epoch FROM %(now)s - recorded_at) / 86400)::int, count(*) FROM (
            SELECT signal_id, recorded_at FROM leads_event WHERE recorded_at > %(start)s AND recorded_at <= %(now)s
            UNION ALL
            SELECT signal_id, recorded_at FROM leads_companyevent WHERE recorded_at > %(start)s AND recorded_at <= %(now)s
        ) event GROUP BY 1, 2
        """,
        {"now": now, "start": now - SIGNAL_DAYS * DAY},
    )
    for signal_id, age, count in rows:
        days[code_of[signal_id]][SIGNAL_DAYS - 1 - age] = count
    return days


def find_absent_signals(codes: Collection[str], *, now: dt.datetime) -> set[str]:
    """Return the codes of signals of which no event has ever arrived."""
    # Events have no index by signal: one pass over all of them is the price, so ask only for signals that lack any lately.
    rows = _fetch(
        """
        SELECT code FROM leads_event JOIN leads_signal signal ON signal.id = signal_id
        WHERE code = ANY(%(codes)s) AND recorded_at <= %(now)s
        UNION
        SELECT code FROM leads_companyevent JOIN leads_signal signal ON signal.id = signal_id
        WHERE code = ANY(%(codes)s) AND recorded_at <= %(now)s
        """,
        {"codes": list(codes), "now": now},
    )
    return set(codes) - {code for (code,) in rows}


def _subject_of(field: str) -> str:
    return field.partition(".")[0]


def _subjects(field: str) -> str:
    """Return the leads or companies as a table of the FROM clause, with the field's value as text.

    A band without ends is no value.
    """
    name = field.partition(".custom.")[2]
    sql = f"custom ->> {quote(name)}" if name else f"nullif({attribute_field(field).sql}, ':')"
    columns = f"id, recorded_at, not_understood, {sql} AS value"
    return f"(SELECT {columns} FROM leads_{_subject_of(field)}) subject"  # noqa: S608  # the field is one that a definition may name


def _join_leads(field: str) -> str:
    owner = "lead.id" if _subject_of(field) == "lead" else "lead.company_id"
    return f"JOIN leads_lead lead ON {owner} = subject.id"


def _fetch_ids(sql: str, parameters: Sequence[object]) -> list[int]:
    return [pk for (pk,) in _fetch(sql, parameters)]


def _fetch(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
