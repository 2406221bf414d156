"""The rules of samples, order, comparison and formats, which all reports share (rules 12.20, 12.23)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import ACCEPTANCE
from sla.figure_catalogue.pipeline_figures import PIPELINE
from sla.figure_catalogue.promise_figures import CONTACT_MEDIAN, CONTACTED_IN_TIME, DELIVERED_SHARE, LATE_CONTACTS
from sla.reports.framework import cell_formats
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_shape import MoneySums, ReportCard, ReportCell, ReportColumn, ReportRow, ReportTable
from sla.reports.framework.table_order import order_rows


def table(figure, *samples: tuple[int, int]) -> ReportTable:
    rows = tuple(ReportRow(f"{hits}/{total}", "", (ReportCell(Sample(hits, total)),)) for hits, total in samples)
    return ReportTable("t", "", "Row", (ReportColumn("c", "C", figure),), rows, worst_by="c")


def keys(ordered: ReportTable) -> list[str]:
    return [row.key for row in ordered.rows]


def test_the_worst_stand_first_and_small_samples_after_the_firm_ones() -> None:
    samples = [(30, 40), (1, 12), (20, 40), (0, 0)]

    assert keys(order_rows(table(CONTACTED_IN_TIME, *samples), "")) == ["20/40", "30/40", "1/12", "0/0"]
    assert keys(order_rows(table(LATE_CONTACTS, *samples), "")) == ["30/40", "20/40", "1/12", "0/0"]
    # A rate that is best between two limits is ordered by its health band: 95 % and 50 % are bad, 75 % is healthy.
    assert keys(order_rows(table(ACCEPTANCE, (75, 100), (95, 100), (50, 100)), "")) == ["50/100", "95/100", "75/100"]
    assert keys(order_rows(table(CONTACTED_IN_TIME, *samples), "-t.c")) == ["30/40", "20/40", "1/12", "0/0"]


@pytest.mark.parametrize(
    ("now", "before", "text", "tone"),
    [
        (Sample(90, 100), Sample(60, 100), "before: 60\u202f% of 100", "good"),
        (Sample(60, 100), Sample(90, 100), "before: 90\u202f% of 100", "bad"),
        (Sample(61, 100), Sample(60, 100), "before: 60\u202f% of 100, no clear difference", ""),
        (Sample(9, 10), Sample(1, 10), "before: 10\u202f% of 10, too few to compare", ""),
        (Sample(9, 10), Sample(0, 0), "none before", ""),
    ],
)
def test_two_rates_differ_only_if_samples_and_interval_say_so(now, before, text, tone) -> None:
    card = ReportCard("k", CONTACTED_IN_TIME, ReportCell(now), ReportCell(before))

    assert cell_formats.change_text(card) == (text, tone)


def test_a_time_is_better_from_a_tenth_on_and_never_of_few() -> None:
    def change(now: int, before: int, sample: int) -> str:
        cells = [ReportCell(dt.timedelta(minutes=minutes), sample=sample) for minutes in (now, before)]
        return cell_formats.change_text(ReportCard("k", CONTACT_MEDIAN, *cells))[1]

    assert [change(14, 15, 50), change(10, 15, 50), change(20, 15, 50), change(10, 15, 5)] == ["", "good", "bad", ""]


def test_each_value_is_written_for_people_files_and_programs() -> None:
    sums = MoneySums((("EUR", Decimal("1200.50")), ("USD", Decimal(300))))

    assert cell_formats.page_text(sums) == "1,200\u00a0EUR · 300\u00a0USD"
    assert cell_formats.json_cell(ReportCell(sums), PIPELINE.kind)["sums"] == {"EUR": "1200.50", "USD": "300"}
    assert cell_formats.page_text(1.26, DELIVERED_SHARE.kind) == "126\u202f%"
    assert cell_formats.figure_number(ReportCell(1.26), DELIVERED_SHARE.kind) == 126.0
    assert cell_formats.number(dt.timedelta(minutes=90)) == 90.0
    assert [cell_formats.page_text(value) for value in (None, 1200, Sample(0, 0))] == ["–", "1,200", "–"]


def test_a_sample_stands_beside_its_rate_in_files() -> None:
    header, rows = cell_formats.csv_table(table(CONTACTED_IN_TIME, (3, 4)))

    assert header == ["Row", "C (%)", "C: count", "C: of"]
    assert rows == [["", 75.0, 3, 4]]
    card = ReportCard("k", CONTACTED_IN_TIME, ReportCell(Sample(3, 4)), ReportCell(Sample(1, 4)))
    assert cell_formats.csv_cards((card,), Motion.MQL)[1] == [
        ["First contact in time (%)", "k", 75.0, 3, 4, 25.0, None, None]
    ]


def test_the_period_before_is_as_long_and_keeps_the_time_of_the_day(settings) -> None:
    settings.COMPANY_TIME_ZONE = "Europe/Berlin"
    # Summer time began between the two.
    now = dt.datetime(2026, 4, 7, 8, 0, tzinfo=dt.UTC)

    weeks = ReportPeriod.of_weeks(4, now)
    days = ReportPeriod.of_days(dt.date(2026, 3, 25), dt.date(2026, 3, 31))

    assert weeks.start == dt.datetime(2026, 3, 15, 23, 0, tzinfo=dt.UTC)
    assert (weeks.before.start, weeks.before.end) == (
        dt.datetime(2026, 2, 15, 23, 0, tzinfo=dt.UTC), dt.datetime(2026, 3, 10, 9, 0, tzinfo=dt.UTC),
    )  # fmt: skip
    assert (days.before.start_day, days.before.last_day) == (dt.date(2026, 3, 18), dt.date(2026, 3, 24))
    assert days.label == "25 Mar 2026 to 31 Mar 2026"
