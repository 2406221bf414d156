"""The evidence of a review as people read it: figures first, then one table for each list. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: A table wider than this cannot be read; a longer one is an export.
MOST_COLUMNS: Final = 8
MOST_ROWS: Final = 50
#: Ids: they become links, not columns.
_LINKS: Final = frozenset({"handoff", "lead"})


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    cells: list[str]
    handoff: int | None = None


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    title: str
    columns: list[str]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Evidence:
    facts: list[Fact]
    tables: list[EvidenceTable]


def read(evidence: Mapping[str, Any]) -> Evidence:
    """Any JSON object: what has no better form is shown as text."""
    facts, tables = [], []
    for key, value in evidence.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            tables.append(_table(key, value))
        elif isinstance(value, dict):
            facts += [Fact(f"{_label(key)}: {_label(inner).lower()}", _text(each)) for inner, each in value.items()]
        else:
            facts.append(Fact(_label(key), _text(value)))
    return Evidence(facts, tables)


def _table(key: str, rows: list[dict[str, Any]]) -> EvidenceTable:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if name not in _LINKS][:MOST_COLUMNS]
    return EvidenceTable(
        _label(key),
        [_label(column) for column in columns],
        [Row([_text(row.get(column)) for column in columns], _id(row.get("handoff"))) for row in rows[:MOST_ROWS]],
    )


def _label(key: str) -> str:
    return key.replace("_", " ").capitalize()


def _id(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}"
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{_label(key).lower()} {_text(each)}" for key, each in value.items()) or "–"
    return _instant(str(value))


def _instant(text: str) -> str:
    """An ISO instant as a day and a time in UTC; any other text as it is."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.day} {at:%b %Y, %H:%M}" if at.tzinfo else text
