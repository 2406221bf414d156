"""The view of a backtest's stored result for pages and downloads: period labels, tables, names looked up when shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from config.charts import span_labels
from definitions import backtest_gate, signals_and_lists
from definitions.backtest_bars import COVERAGE_PERCENT, PRECISION_PERCENT
from definitions.models import Backtest
from definitions.plain_english import generated_statement
from definitions.vocabulary import PrecisionBasis
from leads.models import Lead

Result = Mapping[str, Any]

#: With fewer senders the share of winners says nothing (rules 10.9).
SENDERS_AT_LEAST: Final = 20
#: Rows on the page; the download has them all.
ROWS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the two (rules 10.13): `of` describes its sample, `tone` says how it stands to its `bar`, `before` is
    the share of the version in force.
    """

    label: str
    share: Result
    of: str
    tone: str
    bar: str
    before: Result | None


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead in a table of a result; `lead` is None if it has been deleted since."""

    lead: Lead | None
    dates: Sequence[dt.datetime | None]
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class SignalLiftRow:
    """A signal's points beside its evidence (rules 10.9); `lift` is a multiple of the average lead's rate, None where
    nothing can be said.
    """

    name: str
    points: float
    won: int
    leads: int
    interval: Sequence[float] | None
    lift: float | None
    is_small: bool

    @property
    def tone(self) -> str:
        if self.lift is None or self.is_small:
            return ""
        return "good" if self.lift > 1 else "warn"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures on the page of a finished backtest."""

    result: Result
    period: str
    numbers: list[Number]
    lost: list[LeadRow]
    passing: list[LeadRow]
    signals: list[SignalLiftRow]


def build_figures(backtest: Backtest) -> Figures:
    """Return the page of a finished backtest; the names of all leads are read by one query, however long the tables."""
    result: Result = backtest.result or {}
    lost, passing = (table_rows(result, table)[:ROWS_SHOWN] for table in ("lost_wins", "still_passing"))
    known = read_leads([*lost, *passing])
    return Figures(
        result=result,
        period=period_label(backtest.start, backtest.end),
        numbers=backtest_numbers(backtest),
        lost=[_build_lost_win(row, known) for row in lost],
        passing=[_build_still_passing(row, known) for row in passing],
        signals=_build_signal_rows(result),
    )


def backtest_numbers(backtest: Backtest, basis: PrecisionBasis = PrecisionBasis.WON) -> list[Number]:
    """Return the two numbers of a finished backtest; precision on the basis that its proposal chose."""
    result: Result = backtest.result or {}
    return build_numbers(result["version"], result["against"], basis)


def build_numbers(cohort: Result, before: Result | None, basis: PrecisionBasis = PrecisionBasis.WON) -> list[Number]:
    """Return coverage and precision, in this order."""
    enough = cohort["enough"]
    coverage, precision = cohort["coverage"], backtest_gate.read_precision(cohort, basis)
    return [
        Number(
            label="Coverage",
            share=coverage,
            of="leads won in the period met it before they were won",
            tone=_tone(coverage, COVERAGE_PERCENT) if enough else "",
            bar=f"at least {COVERAGE_PERCENT} %",
            before=before and before["coverage"],
        ),
        Number(
            label=f"Precision ({basis.label})",
            share=precision,
            of=f"leads it flags were {backtest_gate.COUNTED[basis]}",
            tone=_tone(precision, PRECISION_PERCENT) if backtest_gate.is_decided(cohort, basis) else "",
            bar=f"at least {PRECISION_PERCENT} %",
            before=before and backtest_gate.read_precision(before, basis),
        ),
    ]


def _tone(share: Result, percent: int) -> str:
    """Return good or bad: whether the share reaches its bar, compared in whole numbers."""
    return "bad" if share["n"] * 100 < share["of"] * percent else "good"


def period_label(start: dt.datetime, end: dt.datetime) -> str:
    """Return a half-open period in the company's days, both named days included: `1 May to 31 October 2026`."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    first, last = start.astimezone(zone), (end - dt.timedelta(microseconds=1)).astimezone(zone)
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} to {last.day} {last:%B} {last.year}"


def _build_signal_rows(result: Result) -> list[SignalLiftRow]:
    names = signals_and_lists.read_display_names()
    return [
        SignalLiftRow(
            name=generated_statement.capitalize_first(names.signal(row["signal"])),
            points=row["points"],
            won=row["won"],
            leads=row["leads"],
            interval=row["interval_95"],
            lift=row["lift"],
            is_small=row["leads"] < SENDERS_AT_LEAST,
        )
        for row in result.get("signals", ())
    ]


# Rows that name leads


def table_rows(result: Result, table: str) -> list[Result]:
    """Return the stored rows of a table of the tested version."""
    rows: list[Result] = result["version"][table]["rows"]
    return rows


def read_leads(rows: Iterable[Result]) -> Mapping[int, Lead]:
    """Return the leads named in the rows, by id, with their companies; deleted leads are absent."""
    return Lead.objects.select_related("company").in_bulk({row["lead"] for row in rows})


def _build_lost_win(row: Result, known: Mapping[int, Lead]) -> LeadRow:
    dates = (_parse_instant(row["won_at"]), _parse_instant(row["nearest_at"]))
    return LeadRow(known.get(row["lead"]), dates, "; ".join(row["lost_by"]), row["detail"])


def _build_still_passing(row: Result, known: Mapping[int, Lead]) -> LeadRow:
    return LeadRow(
        known.get(row["lead"]),
        (_parse_instant(row["rejected_at"]), _parse_instant(row["qualified_at"])),
        row["why"],
        "",
    )


def _parse_instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


# Downloads


@dataclass(frozen=True, slots=True)
class Table:
    """A table to download: its header, and a function that yields its rows from a result."""

    header: Sequence[str]
    rows: Callable[[Result], Iterator[Sequence[object]]]


def _lost_win_cells(result: Result) -> Iterator[Sequence[object]]:
    rows = table_rows(result, "lost_wins")
    known = read_leads(rows)
    for row in rows:
        lost_by = "; ".join(row["lost_by"])
        yield *_lead_cells(row, known), row["won_at"], row["nearest_at"], lost_by, row["detail"]


def _still_passing_cells(result: Result) -> Iterator[Sequence[object]]:
    rows = table_rows(result, "still_passing")
    known = read_leads(rows)
    for row in rows:
        yield *_lead_cells(row, known), row["rejected_at"], row["qualified_at"], row["why"]


def _lead_cells(row: Result, known: Mapping[int, Lead]) -> tuple[object, ...]:
    lead = known.get(row["lead"])
    return row["lead"], lead and lead.name, lead and lead.email, lead and lead.company and lead.company.name


def _criterion_cells(result: Result) -> Iterator[Sequence[object]]:
    for row in result["version"]["lost_wins"]["by_criterion"]:
        yield row["label"], row["wins"]


def _week_cells(result: Result) -> Iterator[Sequence[object]]:
    before = result["against"]["by_week"] if result["against"] else [None] * len(result["weeks"])
    yield from zip(result["weeks"], result["version"]["by_week"], before, strict=True)


def _threshold_cells(result: Result) -> Iterator[Sequence[object]]:
    for threshold in result["thresholds"]:
        for choice in threshold["choices"]:
            shares = (choice[name] for name in ("coverage", "precision_won", "precision_sal"))
            counts = (number for share in shares for number in (share["n"], share["of"]))
            yield threshold["place"], threshold["label"], choice["at_least"], choice["flagged"], *counts


def _distribution_cells(result: Result) -> Iterator[Sequence[object]]:
    for distribution in result["distributions"]:
        for row in distribution["bins"]:
            yield distribution["axis"], row["from"], row["to"], row["leads"], distribution["threshold"]


def _grid_cells(result: Result) -> Iterator[Sequence[object]]:
    grid = result["grid"]
    for fit, row in zip(span_labels(grid["fit"]), grid["cells"], strict=True):
        for engagement, cell in zip(span_labels(grid["engagement"]), row, strict=True):
            yield fit, engagement, cell["leads"], cell["sal"], cell["won"]


def _signal_cells(result: Result) -> Iterator[Sequence[object]]:
    for row in result.get("signals", ()):
        ends = row["interval_95"] or (None, None)
        yield row["signal"], row["points"], row["won"], row["leads"], *ends, row["lift"]


def _summary_cells(result: Result) -> Iterator[Sequence[object]]:
    for cohort in filter(None, (result["version"], result["against"])):
        for name in ("coverage", "precision_won", "precision_ripe", "precision_sal"):
            share = cohort.get(name) or cohort["precision_won"]
            ends = share["interval_95"] or (None, None)
            yield cohort["number"], name, share["n"], share["of"], share["rate"], *ends, result["from"], result["to"]


_LEAD_COLUMNS: Final = ("lead", "name", "email", "company")

#: The tables by their name in the URL.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "summary": Table(
            ("version", "figure", "n", "of", "rate", "interval_95_low", "interval_95_high", "from", "to"), _summary_cells
        ),
        "lost-wins": Table((*_LEAD_COLUMNS, "won_at", "nearest_at", "lost_by", "detail"), _lost_win_cells),
        "lost-by-criterion": Table(("criterion", "wins_lost"), _criterion_cells),
        "still-passing": Table((*_LEAD_COLUMNS, "rejected_at", "qualified_at", "qualified_by"), _still_passing_cells),
        "signals": Table(
            ("signal", "points", "won", "leads", "interval_95_low", "interval_95_high", "lift"), _signal_cells
        ),
        "weeks": Table(("week_from", "mqls", "mqls_of_version_in_force"), _week_cells),
        "thresholds": Table(
            (
                "place", "threshold", "at_least", "flagged", "coverage_n", "coverage_of", "precision_won_n",
                "precision_won_of", "precision_sal_n", "precision_sal_of",
            ),
            _threshold_cells,
        ),
        "distributions": Table(("axis", "from", "to", "leads", "threshold"), _distribution_cells),
        "grid": Table(("fit", "engagement", "leads", "sal", "won"), _grid_cells),
    }
)  # fmt: skip
