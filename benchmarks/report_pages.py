"""The measurement behind `python -m benchmarks.reports`, in a process of its own after Django is set up."""

from __future__ import annotations

import datetime as dt
import os
import time
from functools import partial
from typing import Any, Final

from django.db import connection
from django.test import Client, override_settings

from benchmarks import report_company
from benchmarks.child import Measured
from benchmarks.queue_pages import PLAIN_FILES
from benchmarks.table import say
from config.accounts.models import User
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.report_names import REPORTS

TIMES: Final = 9
WEEKS: Final = (12, 52)
#: The least that a report reads: its MQLs with lead and handoff, counted by some of its groups.
BARE: Final = """
    SELECT l.source, q.tier, h.team_id, count(*), count(h.first_contact_at), count(h.decided_at)
    FROM scoring_qualification q JOIN leads_lead l ON l.id = q.lead_id JOIN sla_handoff h ON h.qualification_id = q.id
    WHERE q.motion = 'mql' AND q.at >= %s AND q.at < %s GROUP BY 1, 2, 3
"""


def fill() -> Measured:
    measured = Measured(rows=int(os.environ["BENCH_HANDOFFS"]))
    with measured.timed():
        report_company.fill(measured.rows, _now())
    return measured


def pages() -> Measured:
    """Ask for the page of every report of the registry; `more` has (p50, p95, queries, × bare) in ms by report and weeks.

    With `BENCH_SLOW` the slowest queries of each page are printed.
    """
    leader, measured = User.objects.get(email="leader@accord.test"), Measured()
    with override_settings(STORAGES=PLAIN_FILES, ALLOWED_HOSTS=["localhost"]):
        for weeks in WEEKS:
            bare = _time_bare(weeks)
            measured.more[f"bare GROUP BY, {weeks} weeks"] = (*bare, 1, 1.0)
            for name in REPORTS:
                middle, high, queries = _time_page(leader, name, weeks)
                measured.more[f"{name}, {weeks} weeks"] = (middle, high, queries, high / bare[1])
    return measured


def _now() -> dt.datetime:
    return dt.datetime.fromtimestamp(time.time(), tz=dt.UTC)


def _time_bare(weeks: int) -> tuple[float, float]:
    period, took = ReportPeriod.of_weeks(weeks, _now()), []
    for _ in range(TIMES + 1):
        begin = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(BARE, [period.start, period.end])
            cursor.fetchall()
        took.append((time.perf_counter() - begin) * 1000)
    return _percentiles(took[1:])


def _time_page(leader: User, name: str, weeks: int) -> tuple[float, float, int]:
    client, took = Client(), []
    client.force_login(leader)
    # The weekly meeting has a period of its own.
    address = f"/reports/{name}/" + ("" if REPORTS[name].own_parameters else f"?weeks={weeks}")
    queries: list[tuple[float, str]] = []
    with connection.execute_wrapper(partial(_log_query, queries)):
        _check(client.get(address, SERVER_NAME="localhost"), address)
    if os.environ.get("BENCH_SLOW"):
        _print_slowest(address, queries)
    for _ in range(TIMES):
        begin = time.perf_counter()
        _check(client.get(address, SERVER_NAME="localhost"), address)
        took.append((time.perf_counter() - begin) * 1000)
    return *_percentiles(took), len(queries)


def _check(response: Any, address: str) -> None:
    assert response.status_code == 200, (address, response)


def _log_query(queries: list[tuple[float, str]], execute: Any, sql: str, *rest: Any) -> Any:
    begin = time.perf_counter()
    try:
        return execute(sql, *rest)
    finally:
        queries.append((time.perf_counter() - begin, sql))


def _print_slowest(address: str, queries: list[tuple[float, str]]) -> None:
    for seconds, sql in sorted(queries, reverse=True)[:6]:
        say(f"{address} {seconds:.3f} s: {sql}\n")


def _percentiles(took: list[float]) -> tuple[float, float]:
    in_order = sorted(took)
    return in_order[len(in_order) // 2], in_order[min(len(in_order) - 1, int(len(in_order) * 0.95))]
