"""The facts of a company, drawn from a seed and loaded by COPY: a few leads do very much, most do little, a third passes
the gate.
"""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks import agreement
from benchmarks.child import Measured
from leads.models import Signal
from leads.vocabulary import BEGINNING

LEADS = int(os.environ.get("BENCH_LEADS", "0"))
NOW = dt.datetime.fromtimestamp(int(os.environ.get("BENCH_NOW", "0")), tz=dt.UTC)

MICROSECOND = dt.timedelta(microseconds=1)

_DAY = 86_400_000_000
_HISTORY_DAYS = 730
_EVENTS_A_LEAD, _SPREAD, _MOST_EVENTS = 10, 1.4, 5_000
_ROWS_AT_ONCE = 500_000
_SHARES = {
    "email_open": 27, "product_page": 15, "blog_read": 13, "email_click": 11, "homepage_visit": 9, "ebook_download": 6,
    "pricing_view": 8, "webinar_attended": 4, "case_study": 2, "trial_signup": 2, "contact_request": 1, "demo_request": 2,
}  # fmt: skip
_INDUSTRIES = (*agreement.INDUSTRIES, "Retail", "Education", "Government", "Construction")
_COUNTRIES = (*agreement.COUNTRIES, "IN", "BR", "JP")
_LEVELS = ("", "Senior", "Head of", "Director of", "VP", "Chief", "Manager", "Intern", "Student")
_FUNCTIONS = ("Operations", "Marketing", "Sales", "Finance", "IT", "Product", "People", "Data", "Security", "Support")


def microseconds(at: dt.datetime) -> int:
    return (at - BEGINNING) // MICROSECOND


def load() -> Measured:
    """Load the facts, put the version into force, and gather statistics as autovacuum would."""
    random = np.random.default_rng(20_260_301)
    measured = Measured()
    with measured.timed(), _without_foreign_keys():
        companies = LEADS // 4
        _copy("leads_company", _companies(random, companies))
        lead, at = _instants(random)
        _copy("leads_lead", _leads(random, companies, lead, at))
        measured.rows = _load_events(random, lead, at)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    agreement.put_in_force(NOW - dt.timedelta(days=1))
    return measured


def add_events(share: float) -> None:
    """Add one event as of now for a share of the leads, as a day does."""
    random = np.random.default_rng()
    lead = random.choice(np.arange(1, LEADS + 1), size=max(1, int(LEADS * share)), replace=False)
    _load_events(random, lead, np.full(lead.size, microseconds(NOW)))


def _instants(random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (lead id, microseconds) of every event, in the order in which they happened."""
    counts = random.lognormal(np.log(_EVENTS_A_LEAD) - _SPREAD**2 / 2, _SPREAD, LEADS)
    counts = np.minimum(counts + random.random(LEADS), _MOST_EVENTS).astype(np.int64)
    lead = np.repeat(np.arange(1, LEADS + 1), counts)
    now = microseconds(NOW)
    begin = now - (random.random(LEADS) * _HISTORY_DAYS * _DAY).astype(np.int64) - _DAY
    at = begin[lead - 1] + (random.random(lead.size) ** 3 * (now - begin[lead - 1])).astype(np.int64)
    order = np.argsort(at)
    return lead[order], at[order]


def _load_events(random: np.random.Generator, lead: NDArray[np.int64], at: NDArray[np.int64]) -> int:
    pk = dict(Signal.objects.values_list("code", "pk"))
    shares = np.array(list(_SHARES.values())) / sum(_SHARES.values())
    codes = np.array([pk[code] for code in _SHARES])
    stamp = random.integers(1 << 60)
    for first in range(0, lead.size, _ROWS_AT_ONCE):
        some = slice(first, first + _ROWS_AT_ONCE)
        number = np.arange(first, first + lead[some].size)
        columns = {
            "lead_id": lead[some],
            "signal_id": random.choice(codes, size=number.size, p=shares),
            "occurred_at": _instant(at[some]),
            "recorded_at": _instant(at[some]),
            "source": _same("bench", number.size),
            "external_id": pc.binary_join_element_wise(str(stamp), pa.array(number).cast(pa.string()), "-"),
            "digest": _same(r"\x00", number.size),
            "asset": _same("", number.size),
            "properties": _same("{}", number.size),
        }
        _copy("leads_event", columns)
    return int(lead.size)


def _companies(random: np.random.Generator, count: int) -> Mapping[str, Any]:
    number = np.arange(1, count + 1)
    low = np.exp(random.normal(5.3, 1.4, count)).astype(np.int64) + 1
    banded = random.random(count) < 0.15
    unknown = random.random(count) < 0.08
    return {
        "id": number,
        "name": _text("Company ", number),
        "domain": _text("company", number, ".example"),
        "industry": random.choice(_INDUSTRIES, count),
        "country": random.choice(_COUNTRIES, count),
        "employees_low": pa.array(low, mask=unknown),
        "employees_high": pa.array(np.where(banded, low * 4, low), mask=unknown),
        "region": _same("", count),
        "custom": _same("{}", count),
        "external_system": _same("", count),
        "not_understood": _same("{}", count),
        "annual_revenue_currency": _same("", count),
        "business_model": _same("", count),
        "technologies": _same("{}", count),
        "known_at": _same(BEGINNING.isoformat(), count),
        "has_history": _same("f", count),
        "recorded_at": _same(NOW.isoformat(), count),
    }


def _leads(
    random: np.random.Generator, companies: int, lead: NDArray[np.int64], at: NDArray[np.int64]
) -> Mapping[str, Any]:
    number = np.arange(1, LEADS + 1)
    known_at = np.full(LEADS, microseconds(NOW) - _DAY)
    np.minimum.at(known_at, lead - 1, at)
    company = random.integers(1, companies + 1, LEADS)
    at_work = _text("company", company, ".example")
    domain = pc.if_else(
        pa.array(random.random(LEADS) < 0.1), pa.array(random.choice(agreement.FREE_EMAIL, LEADS)), at_work
    )
    texts = (
        "first_name",
        "last_name",
        "phone",
        "region",
        "seniority",
        "budget",
        "timeline",
        "use_case",
        "time_zone",
        "external_system",
    )
    return {
        "id": number,
        "email": pc.binary_join_element_wise(_text("lead", number), domain, "@"),
        "title": pc.binary_join_element_wise(random.choice(_LEVELS, LEADS), random.choice(_FUNCTIONS, LEADS), " "),
        "country": random.choice(_COUNTRIES, LEADS),
        "source": _same("bench", LEADS),
        "company_id": pa.array(company, mask=random.random(LEADS) < 0.05),
        "known_at": _instant(known_at),
        "stage_at": _instant(known_at),
        "recorded_at": _instant(known_at),
        "stage": _same("lead", LEADS),
        "custom": _same("{}", LEADS),
        "not_understood": _same("{}", LEADS),
        "do_not_contact": _same("f", LEADS),
        "has_history": _same("f", LEADS),
        "look_failures": _same("0", LEADS),
        "look_error": _same("", LEADS),
        **dict.fromkeys(texts, _same("", LEADS)),
    }


def _copy(table: str, columns: Mapping[str, Any]) -> None:
    buffer = io.BytesIO()
    csv.write_csv(pa.table(dict(columns)), buffer, csv.WriteOptions(include_header=False))
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(buffer.getvalue())
        if "id" in columns:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


@contextmanager
def _without_foreign_keys() -> Iterator[None]:
    """Drop the foreign keys meanwhile, so that they are checked all at once at the end instead of row by row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid IN ('leads_event'::regclass, 'leads_lead'::regclass)"
        )
        keys = cursor.fetchall()
        for table, name, _ in keys:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield
        for table, name, definition in keys:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _instant(at: NDArray[np.int64]) -> pa.Array:
    return pa.array(at).cast(pa.timestamp("us", tz="UTC"))


def _text(before: str, number: NDArray[np.int64], after: str = "") -> pa.Array:
    return pc.binary_join_element_wise(before, pa.array(number).cast(pa.string()), after, "")


def _same(value: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), count)
