"""A report as JSON for the API: the same values as on the page (rules 12.19)."""

from __future__ import annotations

from typing import Any

from leads.vocabulary import Motion
from sla.reports.framework.cell_formats import json_cell
from sla.reports.framework.report_shape import Report, ReportCard, ReportColumn, ReportRow, ReportSection, ReportTable
from sla.reports.framework.table_order import order_rows


def report_as_dict(report: Report, sort: str = "") -> dict[str, Any]:
    """Return the report, its tables in the order that is asked for. Raises QueryRefused for an unknown column."""
    return {
        "name": report.name,
        "title": report.title,
        "motion": report.motion,
        "since": report.period.start,
        "until": report.period.end,
        "headline": report.headline,
        "sections": [_section(section, report.motion, sort) for section in report.sections],
        "notes": list(report.notes),
    }


def _section(section: ReportSection, motion: Motion, sort: str) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "headline": section.headline,
        "figures": [_card(card, motion) for card in section.cards],
        "table": _table(order_rows(section.table, sort)) if section.table else None,
        "notes": list(section.notes),
    }


def _card(card: ReportCard, motion: Motion) -> dict[str, Any]:
    kind = card.figure.kind
    return {
        "key": card.key,
        "figure": card.figure.key,
        "name": card.figure.name_for(motion),
        "now": json_cell(card.cell, kind),
        "before": json_cell(card.before, kind),
        "compared": json_cell(card.compared, kind),
        "target": json_cell(card.target, kind),
        "is_small_sample": ReportColumn(card.key, "", card.figure).is_small(card.cell),
        "note": card.note,
    }


def _table(table: ReportTable) -> dict[str, Any]:
    return {
        "key": table.key,
        "caption": table.caption,
        "columns": [
            {"key": column.key, "title": column.title, "figure": column.figure.key if column.figure else None}
            for column in table.columns
        ],
        "rows": [_row(table, row) for row in table.rows],
        "total": _row(table, table.total) if table.total else None,
    }


def _row(table: ReportTable, row: ReportRow) -> dict[str, Any]:
    pairs = zip(table.columns, row.cells, strict=True)
    cells = {column.key: json_cell(cell, column.figure.kind if column.figure else "") for column, cell in pairs}
    return {"key": row.key, "label": row.label, "note": row.note, "cells": cells}
