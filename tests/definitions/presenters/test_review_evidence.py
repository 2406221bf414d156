"""Which of a review's evidence becomes a figure on its page."""

from __future__ import annotations

from typing import Any

from definitions.presenters import review_evidence


def test_codes_and_empty_lists_are_no_figures() -> None:
    shown = review_evidence.build_tables({"motion": "mql", "missing": [], "period": "2026-10", "decided": 40})

    assert [(figure.label, figure.text) for figure in shown.figures] == [("Period", "October 2026"), ("Decided", "40")]


def test_a_review_by_the_calendar_is_about_a_span_and_not_about_its_due_day() -> None:
    shown = review_evidence.build_tables({"period": "2026-10-24", "due_at": "2026-10-24T10:00:00+00:00"})

    assert [figure.label for figure in shown.figures] == ["Due"]


def test_a_column_of_a_table_has_days_of_the_company_in_place_of_instants(settings: Any) -> None:
    settings.COMPANY_TIME_ZONE = "Asia/Tokyo"
    wins = [{"name": "Ada", "won_at": "2026-05-30T23:30:00+00:00"}]

    (table,) = review_evidence.build_tables({"wins": wins}).tables

    assert [cell.text for cell in table.rows[0].cells] == ["Ada", "31 May 2026"]
