"""A report as JSON and back, so that it can be kept as it stood (rules 12.59). Charts are not kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue.all_figures import ALL_FIGURES
from sla.figure_catalogue.figure_shape import CatalogueFigure, FigureKind
from sla.reports.framework.report_period import ReportPeriod
from sla.reports.framework.report_shape import (
    CellValue,
    MoneySums,
    Report,
    ReportCard,
    ReportCell,
    ReportColumn,
    ReportRow,
    ReportSection,
    ReportTable,
)

_RETIRED_RULE: Final = "the catalogue does not define this figure any more"


def freeze(report: Report) -> dict[str, Any]:
    """Return the report as JSON, from which `thaw` makes the same one."""
    return {
        "name": report.name,
        "title": report.title,
        "motion": report.motion,
        "since": report.period.start.isoformat(),
        "until": report.period.end.isoformat(),
        "headline": report.headline,
        "sections": [_freeze_section(section) for section in report.sections],
        "notes": list(report.notes),
        "links": [list(link) for link in report.links],
    }


def thaw(document: Mapping[str, Any]) -> Report:
    """Return the report that was frozen. A figure that left the catalogue keeps its name and kind."""
    return Report(
        name=document["name"],
        title=document["title"],
        motion=Motion(document["motion"]),
        period=ReportPeriod(dt.datetime.fromisoformat(document["since"]), dt.datetime.fromisoformat(document["until"])),
        headline=document["headline"],
        sections=tuple(_thaw_section(section) for section in document["sections"]),
        notes=tuple(document["notes"]),
        links=tuple((label, address) for label, address in document["links"]),
    )


def _freeze_section(section: ReportSection) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "headline": section.headline,
        "cards": [_freeze_card(card) for card in section.cards],
        "table": _freeze_table(section.table) if section.table else None,
        "notes": list(section.notes),
    }


def _thaw_section(document: Mapping[str, Any]) -> ReportSection:
    return ReportSection(
        document["key"],
        document["title"],
        document["headline"],
        tuple(_thaw_card(card) for card in document["cards"]),
        table=_thaw_table(document["table"]) if document["table"] else None,
        notes=tuple(document["notes"]),
    )


def _freeze_figure(figure: CatalogueFigure | None) -> dict[str, str] | None:
    return None if figure is None else {"key": str(figure.key), "name": figure.name, "kind": figure.kind}


def _thaw_figure(document: Mapping[str, str] | None) -> CatalogueFigure | None:
    return None if document is None else _find_figure(document)


def _find_figure(document: Mapping[str, str]) -> CatalogueFigure:
    return ALL_FIGURES.get(document["key"]) or CatalogueFigure(
        key=document["key"],
        name=document["name"],
        kind=FigureKind(document["kind"]),
        numerator=document["name"],
        period_rule=_RETIRED_RULE,
    )


def _freeze_card(card: ReportCard) -> dict[str, Any]:
    return {
        "key": card.key,
        "figure": _freeze_figure(card.figure),
        "cell": _freeze_cell(card.cell),
        "before": _freeze_cell(card.before) if card.before else None,
        "target": _freeze_cell(card.target) if card.target else None,
        "compared": _freeze_cell(card.compared) if card.compared else None,
        "tone": card.tone,
        "note": card.note,
    }


def _thaw_card(document: Mapping[str, Any]) -> ReportCard:
    return ReportCard(
        document["key"],
        _find_figure(document["figure"]),
        _thaw_cell(document["cell"]),
        before=_thaw_cell(document["before"]) if document["before"] else None,
        target=_thaw_cell(document["target"]) if document["target"] else None,
        compared=_thaw_cell(document["compared"]) if document["compared"] else None,
        tone=document["tone"],
        note=document["note"],
    )


def _freeze_table(table: ReportTable) -> dict[str, Any]:
    return {
        "key": table.key,
        "caption": table.caption,
        "row_title": table.row_title,
        "columns": [[column.key, column.title, _freeze_figure(column.figure)] for column in table.columns],
        "rows": [_freeze_row(row) for row in table.rows],
        "total": _freeze_row(table.total) if table.total else None,
        "worst_by": table.worst_by,
        "is_heat": table.is_heat,
    }


def _thaw_table(document: Mapping[str, Any]) -> ReportTable:
    return ReportTable(
        document["key"],
        document["caption"],
        document["row_title"],
        tuple(ReportColumn(key, title, _thaw_figure(figure)) for key, title, figure in document["columns"]),
        tuple(_thaw_row(row) for row in document["rows"]),
        _thaw_row(document["total"]) if document["total"] else None,
        worst_by=document["worst_by"],
        is_heat=document["is_heat"],
    )


def _freeze_row(row: ReportRow) -> dict[str, Any]:
    return {"key": row.key, "label": row.label, "note": row.note, "cells": [_freeze_cell(cell) for cell in row.cells]}


def _thaw_row(document: Mapping[str, Any]) -> ReportRow:
    cells = tuple(_thaw_cell(cell) for cell in document["cells"])
    return ReportRow(document["key"], document["label"], cells, note=document["note"])


def _freeze_cell(cell: ReportCell) -> dict[str, Any]:
    return {
        "value": _freeze_value(cell.value),
        "sample": cell.sample,
        "href": cell.href,
        "note": cell.note,
        "tone": cell.tone,
        "is_maturing": cell.is_maturing,
    }


def _thaw_cell(document: Mapping[str, Any]) -> ReportCell:
    others = {name: document[name] for name in ("sample", "href", "note", "tone", "is_maturing")}
    return ReportCell(_thaw_value(document["value"]), **others)


def _freeze_value(value: CellValue) -> Any:
    """Return the value as JSON: plain, or as a pair of its kind and its content."""
    frozen: Any = value
    match value:
        case Sample():
            frozen = ["sample", [value.hits, value.total]]
        case MoneySums():
            frozen = ["money", [[code, str(amount)] for code, amount in value.amounts]]
        case dt.timedelta():
            frozen = ["seconds", value.total_seconds()]
        case dt.date():
            frozen = ["day", value.isoformat()]
        case Decimal():
            frozen = ["decimal", str(value)]
    return frozen


_READERS: Final[Mapping[str, Callable[[Any], CellValue]]] = {
    "sample": lambda counts: Sample(*counts),
    "money": lambda sums: MoneySums(tuple((code, Decimal(amount)) for code, amount in sums)),
    "seconds": lambda seconds: dt.timedelta(seconds=seconds),
    "day": dt.date.fromisoformat,
    "decimal": Decimal,
}


def _thaw_value(value: Any) -> CellValue:
    if not isinstance(value, list):
        return value  # type: ignore[no-any-return]  # a plain value of JSON
    kind, content = value
    return _READERS[kind](content)
