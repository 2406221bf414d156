"""The forecast report, its figures recomputed by SQL that imports nothing of it (rules 12.41)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.forecast import forecast_backtest, weekly_forecasts
from sla.models import WeeklyForecast
from tests.factories import (
    DAY,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    UserFactory,
)
from tests.sla.reports.report_reading import cards_of, read_api, read_csv, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

#: A Monday that begins a week, and an instant in it.
MONDAY = dt.datetime(2026, 3, 30, tzinfo=dt.UTC)
LATER = MONDAY + DAY

_OPENINGS = """
    CREATE TEMPORARY TABLE opening ON COMMIT DROP AS
    SELECT q.id, min(o.at) AS at FROM scoring_qualification q JOIN leads_outcome o ON o.lead_id = q.lead_id AND o.at >= q.at
    WHERE o.kind = 'opportunity' AND o.recorded_at < %(until)s GROUP BY q.id
"""


@pytest.fixture
def leader():
    return UserFactory(roles=[Role.MARKETING_LEADER])


@pytest.fixture
def year(monkeypatch):
    """A year of MQLs, of which every second opened an opportunity after 40 days and every fifth was lost, and its forecast."""
    monkeypatch.setattr(forecast_backtest, "DRAWS", 20)
    # These two are of the running quarter.
    HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    for number in range(110):
        at = MONDAY - 440 * DAY + number * 4 * DAY
        lead = LeadFactory(mql=True)
        QualificationFactory(lead=lead, at=at)
        kind = OutcomeKind.OPPORTUNITY if number % 2 else OutcomeKind.LOST if number % 5 == 0 else None
        opened_at = at + (35 + number % 10) * DAY
        if kind and opened_at < MONDAY:
            Outcome.objects.create(
                lead=lead, kind=kind, at=opened_at, recorded_at=opened_at, amount=1_000 + number, source="crm"
            )
    weekly_forecasts.make_due_forecasts(now=MONDAY)
    return WeeklyForecast.objects.get()


def test_the_figures_are_those_of_the_rows_and_lead_to_them(year, leader):
    answer = read_api(leader, "forecast", at=LATER)
    cards, tables = cards_of(answer), tables_of(answer)

    (in_hand,) = run_sql(
        """
        SELECT count(*) FROM scoring_qualification q
        WHERE q.at >= %(now)s - interval '365 days'
            AND NOT EXISTS (SELECT FROM leads_outcome o WHERE o.lead_id = q.lead_id)
            AND NOT EXISTS (
                SELECT FROM sla_handoff h JOIN sla_disposition d ON d.handoff_id = h.id
                WHERE h.qualification_id = q.id AND d.kind = 'reject')
        """,
        now=MONDAY,
    )  # fmt: skip
    assert (cards["in_hand"]["value"],) == in_hand
    (usual,) = run_sql(
        "SELECT round(sum(amount) / 6, 2) FROM leads_outcome WHERE kind = 'opportunity' AND at >= %(start)s",
        start=MONDAY - 180 * DAY,
    )
    assert cards["usual"]["value"] == f"{usual[0]} EUR"

    with connection.cursor() as cursor:
        cursor.execute(_OPENINGS, {"until": MONDAY})
    for number, row in enumerate(tables["cohorts"]["rows"]):
        cohort = run_sql(
            """
            SELECT count(*), count(opening.at), percentile_cont(0.5) WITHIN GROUP (ORDER BY opening.at - q.at)
            FROM scoring_qualification q LEFT JOIN opening USING (id) WHERE q.at >= %(start)s AND q.at < %(end)s
            """,
            start=MONDAY - (number + 1) * 91 * DAY, end=MONDAY - number * 91 * DAY,
        )  # fmt: skip
        cells = row["cells"]
        days = cells["opened_time"]["value"]
        assert (cells["mqls"]["value"], cells["opened"]["count"]) == cohort[0][:2]
        assert days is None or abs(days / 1_440 - cohort[0][2] / DAY) <= 0.05
        assert cells["opened"]["is_maturing"] == (number == 0)

    hits = 0
    for row in tables["backtest"]["rows"]:
        cutoff = dt.datetime.strptime(row["label"], "%d %b %Y").replace(tzinfo=dt.UTC)
        (came,) = run_sql(
            """
            SELECT coalesce(sum(o.amount), 0) FROM opening JOIN scoring_qualification q USING (id)
            JOIN leads_outcome o ON o.lead_id = q.lead_id AND o.at = opening.at
            WHERE opening.at >= %(start)s AND opening.at < %(end)s
            """,
            start=cutoff + 60 * DAY, end=cutoff + 90 * DAY,
        )  # fmt: skip
        amount = {name: float(row["cells"][name]["sums"]["EUR"]) for name in ("came", "low", "high")}
        assert amount["came"] == float(came[0])
        is_held = amount["low"] <= amount["came"] <= amount["high"]
        assert (row["cells"]["held"]["value"] == "yes") == is_held
        hits += is_held
    assert (cards["held"]["count"], cards["held"]["of"]) == (hits, len(tables["backtest"]["rows"]))
    assert hits

    _follow_links(answer, leader)


def _follow_links(answer: dict[str, Any], leader: User) -> None:
    """Check that each figure leads to as many rows as it says."""
    linked = [(cards_of(answer)["in_hand"], None)]
    for row in tables_of(answer)["cohorts"]["rows"]:
        linked += [(cell, name) for name, cell in row["cells"].items() if cell["rows"]]
    came = [row["cells"]["came"] for row in tables_of(answer)["backtest"]["rows"] if row["cells"]["came"]["rows"]]

    for cell, _ in linked:
        page = read_page(leader, cell["rows"], at=LATER).content.decode()
        assert _count_rows(page) == (cell["value"] if cell["count"] is None else cell["count"])
    assert len(linked) > 8
    page = read_page(leader, came[0]["rows"], at=LATER).content.decode()
    assert "MQLs that opened an opportunity" in page
    assert _count_rows(page) > 0


def _count_rows(page: str) -> int:
    return int(re.search(r'<h1>.*?<span class="faint">(\d+)</span>', page, re.DOTALL)[1])


@pytest.mark.parametrize(
    "parameters",
    [
        {"figure": "mood"},
        {"figure": "mqls"},
        {"figure": "mqls", "cohort": "9"},
        {"figure": "came", "weeks_back": "x"},
    ],
)
def test_unknown_rows_are_refused(leader, parameters):
    store_forecast()

    assert read_page(leader, "/reports/forecast/rows/", at=LATER, **parameters).status_code == 400


def store_forecast(*, monday: dt.datetime = MONDAY, motion: Motion = Motion.MQL, **changes: Any) -> WeeklyForecast:
    """Store a forecast of one currency as one is made."""
    figures = {
        "currency": "EUR", "openings": 40, "usual": 100_000.0, "expected": 90_000.0, "low": 60_000.0, "high": 120_000.0,
        "in_hand": 60_000.0, "to_come": 30_000.0, "too_few": "", "is_short": False, "alarms": 1, "within": 1, "cutoffs": 2,
        "past": [
            {
                "cutoff": cutoff, "window": window, "expected": 80_000.0, "low": 50_000.0, "high": 110_000.0,
                "usual": 100_000.0, "came": came, "is_short": False, "is_within": came >= 50_000,
            }
            for cutoff, window, came in (
                ("2025-12-22", ["2026-02-20", "2026-03-22"], 40_000.0),
                ("2025-12-29", ["2026-02-27", "2026-03-29"], 90_000.0),
            )
        ],
    } | changes  # fmt: skip
    cohort = {"mqls": 20, "is_mature": True, "days_ago": [91, 182]} | {
        step: {"count": 10, "median_days": 3.0} for step in ("accepted", "sql", "opened")
    }
    year, week, _ = monday.isocalendar()
    return WeeklyForecast.objects.create(
        motion=motion,
        week=f"{year}-W{week:02}",
        method=2,
        cutoff_at=monday,
        at=monday,
        result={
            "window": [(monday + days * DAY).date().isoformat() for days in (60, 90)],
            "mqls_in_hand": 12,
            "mqls_a_week": 3.0,
            "past_days": 400,
            "currencies": [figures],
            "cohorts": [cohort],
        },
    )


def test_page_file_and_api_say_the_same(leader):
    for weeks in (2, 1, 0):
        store_forecast(monday=MONDAY - weeks * 7 * DAY, expected=90_000.0 - weeks * 10_000)

    page = read_page(leader, "/reports/forecast/", at=LATER).content.decode()
    answer = read_api(leader, "forecast", at=LATER)
    file = read_csv(leader, "forecast", at=LATER, table="kept")

    assert "90,000\u00a0EUR of pipeline is expected from 29 May to 27 Jun 2026" in answer["headline"]
    assert answer["headline"] in page
    assert "From 70,000\u00a0EUR the forecast rose to 90,000\u00a0EUR in 3 weeks." in page
    assert (
        "On 29 Dec 2025 this method said 80,000\u00a0EUR (50,000\u00a0EUR to 110,000\u00a0EUR) for 27 Feb to 28 Mar 2026;"
        " 90,000\u00a0EUR came. At 1 of 2 cut-offs the interval held what came: too few to conclude from."
    ) in page
    assert [row["Week"] for row in file] == ["16 Mar 2026", "23 Mar 2026", "30 Mar 2026"]
    weeks = tables_of(answer)["kept"]["rows"]
    assert [row["Expected"] for row in file] == [row["cells"]["expected"]["value"] for row in weeks]
    assert page.count('class="chart"') == 2


def test_a_week_of_the_past_can_be_read_as_it_was(leader):
    for weeks in (1, 0):
        store_forecast(monday=MONDAY - weeks * 7 * DAY, expected=90_000.0 - weeks * 10_000)
    first, _ = tables_of(read_api(leader, "forecast", at=LATER))["kept"]["rows"]

    page = read_page(leader, first["cells"]["window"]["rows"], at=LATER).content.decode()

    assert "80,000\u00a0EUR of pipeline is expected" in page


def test_an_alarm_stands_first(leader):
    store_forecast(expected=50_000.0, high=90_000.0, is_short=True)

    answer = read_api(leader, "forecast", at=LATER)

    assert answer["headline"].startswith("Alarm: 50,000\u00a0EUR of pipeline is expected")
    assert tables_of(answer)["kept"]["rows"][0]["cells"]["alarm"]["value"] == "short"


def test_too_little_to_forecast_from_is_said(leader):
    sentence = "Not enough to forecast from: the first MQL is 17 days old, and 120 days are needed."
    nothing = dict.fromkeys(("expected", "low", "high", "in_hand", "to_come"))
    store_forecast(too_few=sentence, past=[], cutoffs=0, within=0, **nothing)

    page = read_page(leader, "/reports/forecast/", at=LATER).content.decode()

    assert sentence in page
    # Of what is empty there is no section.
    assert "What it said and what came" not in page


def test_it_is_read_by_readers_of_leads_and_motions_stand_apart(leader):
    store_forecast()
    sdr, manager = (UserFactory(roles=[role]) for role in (Role.SDR, Role.SALES_MANAGER))

    assert read_page(sdr, "/reports/forecast/", at=LATER).status_code == 403
    assert read_page(sdr, "/api/v1/reports/forecast", at=LATER).status_code == 403
    assert "/reports/forecast/" not in read_page(sdr, "/reports/funnel/", at=LATER).content.decode()
    assert read_page(manager, "/reports/forecast/", at=LATER).status_code == 200
    assert "There is no forecast of PQLs yet" in read_api(leader, "forecast", at=LATER, motion="pql")["headline"]


def test_another_report_leads_to_it_without_its_filters(leader):
    store_forecast()

    page = read_page(leader, "/reports/funnel/", at=LATER, tier="1", weeks="26").content.decode()

    assert 'href="/reports/forecast/?motion=mql&amp;weeks=26"' in page
    assert 'href="/reports/speed-to-lead/?motion=mql&amp;weeks=26&amp;tier=1"' in page


def test_the_number_of_queries_does_not_grow(leader, django_assert_max_num_queries):
    for weeks in range(8):
        store_forecast(monday=MONDAY - weeks * 7 * DAY)

    with django_assert_max_num_queries(30):
        read_page(leader, "/reports/forecast/", at=LATER)
