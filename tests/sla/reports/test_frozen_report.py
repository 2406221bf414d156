"""A report that is frozen as JSON is the same one afterwards (rules 12.59)."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.catalogue import ACCEPTANCE
from sla.figure_catalogue.pipeline_figures import PIPELINE
from sla.figure_catalogue.promise_figures import CONTACT_MEDIAN, DELIVERED_SHARE
from sla.reports.framework import frozen_report
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_shape import (
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)
from tests.factories import DAY, NOW


def test_everything_but_charts_comes_back() -> None:
    rate, money = ReportCell(Sample(3, 4), href="/rows/", is_maturing=True), MoneySums((("EUR", Decimal("12.50")),))
    cards = (
        ReportCard("a", ACCEPTANCE, rate, ReportCell(Sample(0, 0)), ReportCell(0.7), "bad", "note", compared=rate),
        ReportCard("b", PIPELINE, ReportCell(money, sample=2, note="1 without an amount"), ReportCell(None)),
    )
    columns = (
        ReportColumn("time", "Time", CONTACT_MEDIAN),
        ReportColumn("day", "Day"),
        ReportColumn("s", "S", DELIVERED_SHARE),
    )
    row = ReportRow(
        "r",
        "Row",
        (ReportCell(dt.timedelta(minutes=3)), ReportCell(dt.date(2026, 3, 1)), ReportCell(Decimal("1.1"))),
        "!",
    )
    table = ReportTable("t", "Table", "Row", columns, (row,), row, worst_by="time", is_heat=True)
    report = Report(
        "meeting", "Meeting", Motion.MQL, ReportPeriod(NOW - DAY, NOW), "Headline.",
        (ReportSection("s", "Section", "Point.", cards, table=table, notes=("Note.",)),), ("Of all.",), (("Page", "/p/"),),
    )  # fmt: skip

    assert frozen_report.thaw(json.loads(json.dumps(frozen_report.freeze(report)))) == report
