"""The evidence of a review as people read it: figures first, then one table for each list."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config import company_days

#: A wider table cannot be read on a page; longer lists belong into an export.
MOST_COLUMNS: Final = 8
MOST_ROWS: Final = 50

#: Labels of the figures in Accord's own evidence, in reading order; members of an object by path ("limits.too_many").
_FIGURES: Final = {
    "period": "Period",
    "due_at": "Due",
    "active_version": "Version in force",
    "active_since": "In force since",
    "origin": "Volume of",
    "decided": "Decided",
    "rejected": "Of them rejected",
    "percent": "Rejection rate",
    "target_percent": "Target of the SAL rate",
    "off_target": "Off the target",
    "minutes_to_accept": "Minutes from assignment to acceptance, median",
    "volume.count": "MQLs of the week",
    "volume.expected": "Its trend says",
    "volume.deviation": "Standard deviation around the trend",
    "volume.deviations": "Above the trend from, in deviations",
    "days_to_convert": "Days to convert, in both quarters",
    "p_value": "Chance of such a difference if nothing changed (p)",
    "outside.count": "Wins that fail the gate",
    "outside.wins": "Of the quarter’s wins",
    "outside.before": "Wins that failed it in the quarter before",
    "outside.wins_before": "Of the wins of the quarter before",
    "from": "From",
    "to": "Until",
    "limits.too_many": "Too many above",
    "limits.too_few": "Too few below",
    "limits.smallest_sample": "Smallest sample, decided",
}
_RATE: Final = {
    "figure": "Rate",
    "period": "Period",
    "count": "Count",
    "of": "Of",
    "percent": "Percent",
    "interval": "95 % interval",
    "health": "Health",
}
_REJECTION: Final = {
    "label": "Reason",
    "detail": "Detail",
    "note": "Note",
    "missing": "Missing",
    "tier": "Tier",
    "contacted_before": "Contacted before",
    "decided_at": "Decided",
}
#: Titles and columns of the tables, in reading order; columns with codes are left out, their labels stand beside them.
_TABLES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "rates": ("Rates", _RATE),
    "by_source": ("Conversion by source", {**_RATE, "figure": "Source"}),
    "by_band": ("Conversion by score band", {**_RATE, "figure": "Fit and engagement"}),
    "spike": ("Quality of the volume", {"quality": "What", "count": "Count", "of": "Of", "percent": "Share"}),
    "weeks": ("MQLs by week", {"week": "Week", "count": "MQLs"}),
    "coverage": (
        "Coverage of the quarters’ wins",
        {
            "quarter": "Quarter",
            "version": "Version",
            "covered": "Qualified before",
            "of": "Wins",
            "percent": "Coverage",
            "outside_gate": "Fail the gate",
            "outside_scopes": "Left out: in no scope",
        },
    ),
    "reasons": ("Reasons given", {"label": "Reason", "details": "Details", "family": "Family", "count": "Rejected"}),
    "families": (
        "Families of reasons",
        {"label": "Family", "count": "Rejected", "percent": "Share", "lever": "What to do about them"},
    ),
    "ways_in": (
        "What had let the decided leads in",
        {"way": "Path, hot trigger or signal", "count": "Rejected", "of": "Of decided", "percent": "Share rejected"},
    ),
    "missing": ("What sales said was missing", {"missing": "Missing", "count": "Times"}),
    "acceptance": ("How sales accepted", {"indicator": "Leads", "count": "Count", "of": "Of"}),
    "benchmarks": (
        "What others report, quoted",
        {"subject": "Subject", "quoted": "Figure", "source": "Source", "year": "Year"},
    ),
    "promises": (
        "Promises of the period",
        {"promise": "Promise", "kept": "Kept", "late": "Late", "running": "Running", "share": "Share kept"},
    ),
    "suppressions": (
        "Suppressions since the last review",
        {
            "suppressed": "Suppressed",
            "reason": "Why",
            "from": "From",
            "until": "Until",
            "set_by": "Set by",
            "kept_back": "Kept back",
        },
    ),
    "wins": (
        "The last wins, as they were at their MQL",
        {
            "name": "Won",
            "won_at": "Won on",
            "qualified_at": "Qualified",
            "fit": "Fit",
            "engagement": "Engagement",
            "contacts": "Engaged contacts",
            "tier": "Tier",
            "way": "By",
            "signals": "Signals with their points",
        },
    ),
    "rejected_handoffs": ("Rejected handoffs, the latest first", {"name": "Lead", **_REJECTION}),
    "rejected_plays": ("Rejected account plays, the latest first", {"name": "Company", **_REJECTION}),
}
#: Ids become links and are no columns.
_LINKS: Final = frozenset({"handoff", "lead", "play", "company"})
#: Buttons and links of their own, and the motion, which the definition has.
_NO_FIGURES: Final = frozenset({"revert_to", "backtest", "motion"})
_PERCENT: Final = frozenset({"percent", "share", "target_percent", "limits.too_many", "limits.too_few"})
_FAMILIES: Final = {"bant": "BANT"}
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class EvidenceFigure:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class EvidenceCell:
    label: str
    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    cells: list[EvidenceCell]
    handoff: int | None = None
    play: int | None = None


@dataclass(frozen=True, slots=True)
class EvidenceTable:
    """A table of the evidence; `definitions` explain its figures, each sentence once."""

    title: str
    rows: list[EvidenceRow]
    definitions: list[str] = field(default_factory=list)

    @property
    def columns(self) -> list[EvidenceCell]:
        """Return the cells of the first row: they carry the name of each column and tell which are numbers."""
        return self.rows[0].cells


@dataclass(frozen=True, slots=True)
class VersionLink:
    """A version that the evidence offers to go back to."""

    pk: int
    number: str


@dataclass(frozen=True, slots=True)
class ReviewEvidenceTables:
    figures: list[EvidenceFigure]
    tables: list[EvidenceTable]
    revert_to: VersionLink | None = None
    backtest: int | None = None


def build_tables(evidence: Mapping[str, Any]) -> ReviewEvidenceTables:
    """Sort any JSON object into figures and tables; values without a better form are shown as text."""
    figures: dict[str, Any] = {}
    tables: dict[str, list[dict[str, Any]]] = {}
    for key, value in evidence.items():
        if key in _NO_FIGURES or (key in _TABLES and not value) or (key == "period" and "due_at" in evidence):
            continue
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            tables[key] = value
        elif isinstance(value, dict):
            figures |= {f"{key}.{inner_key}": inner_value for inner_key, inner_value in value.items()}
        else:
            figures[key] = value
    return ReviewEvidenceTables(
        [
            EvidenceFigure(_FIGURES.get(key) or _label(key), _format_figure(key, figures[key]))
            for key in _sort_keys(figures, _FIGURES)
        ],
        [_build_table(key, tables[key]) for key in _sort_keys(tables, _TABLES)],
        _find_revert(evidence.get("revert_to")),
        _integer_or_none(evidence.get("backtest")),
    )


def _find_revert(value: object) -> VersionLink | None:
    """Return the version to go back to, if the evidence names one by its id and number."""
    if not isinstance(value, dict) or _integer_or_none(value.get("version")) is None:
        return None
    return VersionLink(value["version"], str(value.get("number", "")))


def _sort_keys(keys: Iterable[str], known_keys: Iterable[str]) -> list[str]:
    """Return known keys first, in their order: the database sorts the keys of an object by its own rules."""
    place = {key: number for number, key in enumerate(known_keys)}
    return sorted(keys, key=lambda key: place.get(key, len(place)))


def _build_table(key: str, rows: list[dict[str, Any]]) -> EvidenceTable:
    title, known_columns = _TABLES.get(key, (_label(key), {}))
    present = dict.fromkeys(name for row in rows for name in row if name != "definition")
    columns = [name for name in known_columns if name in present] or [name for name in present if name not in _LINKS]
    labels = {name: known_columns.get(name) or _label(name) for name in columns[:MOST_COLUMNS]}
    definitions = dict.fromkeys(str(row["definition"]) for row in rows if row.get("definition"))
    return EvidenceTable(title, [_build_row(row, labels) for row in rows[:MOST_ROWS]], list(definitions))


def _build_row(row: dict[str, Any], labels: dict[str, str]) -> EvidenceRow:
    cells = [
        EvidenceCell(label, _format_cell(name, row.get(name)), _is_number(row.get(name)))
        for name, label in labels.items()
    ]
    return EvidenceRow(cells, _integer_or_none(row.get("handoff")), _integer_or_none(row.get("play")))


def _label(key: str) -> str:
    whole, _, part = key.replace("_", " ").partition(".")
    return f"{whole.capitalize()}: {part.lower()}" if part else whole.capitalize()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _integer_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _format_cell(key: str, value: object) -> str:
    """Format a value for a narrow column: of an instant the company's day."""
    at = _read_instant(value)
    if at is None:
        return _format_figure(key, value)
    day = company_days.day_of(at)
    return f"{day.day} {day:%b %Y}"


def _format_figure(key: str, value: object) -> str:
    if key == "family":
        return _FAMILIES.get(str(value)) or _format_value(value).capitalize()
    text = _format_value(value)
    return f"{text} %" if key in _PERCENT and _is_number(value) else text


def _format_value(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.10g}"
    if isinstance(value, list):
        return ", ".join(_format_value(item) for item in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{_label(key).lower()} {_format_value(item)}" for key, item in value.items()) or "–"
    return _format_instant(str(value))


def _format_instant(text: str) -> str:
    """Format a month by its name and an ISO instant as day, time and zone; return any other text as it is."""
    if _MONTH.fullmatch(text):
        return f"{dt.date.fromisoformat(f'{text}-01'):%B %Y}"
    at = _read_instant(text)
    return text if at is None else f"{at.day} {at:%b %Y, %H:%M %Z}"


def _read_instant(value: object) -> dt.datetime | None:
    try:
        at = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None
