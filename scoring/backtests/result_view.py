"""A backtest's stored result as pages and downloads show it: periods in words, its tables, names looked up at the time of showing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from config.charts import span_labels
from definitions import signals_and_lists
from definitions.models import Backtest
from definitions.plain_english import generated_statement
from leads.models import Lead
from scoring.backtests.coverage_and_precision import COVERAGE_PERCENT, PRECISION_PERCENT

Result = Mapping[str, Any]

#: Below it the share of winners among those who sent a signal says nothing.
SENDERS_AT_LEAST: Final = 20
#: More rows are in the download.
ROWS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Number:
    """One of two numbers (rules 10.13): `of` is its sample in words, `tone` what the bar says of it, `before` the version in force's."""

    label: str
    share: Result
    of: str
    tone: str
    bar: str
    before: Result | None


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead of a table; None when it is known no more."""

    lead: Lead | None
    dates: Sequence[dt.datetime | None]
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class SignalLiftRow:
    """Whether a signal's points follow the evidence; `lift` is times the average lead's rate, None where nothing tells."""

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
    """The page of a finished backtest."""

    result: Result
    period: str
    numbers: list[Number]
    lost: list[LeadRow]
    passing: list[LeadRow]
    signals: list[SignalLiftRow]


def figures(backtest: Backtest) -> Figures:
    """Names come from one query, however long the tables."""
    result: Result = backtest.result or {}
    lost, passing = (rows_of(result, table)[:ROWS_SHOWN] for table in ("lost_wins", "still_passing"))
    known = leads_of([*lost, *passing])
    return Figures(
        result=result,
        period=period(backtest.start, backtest.end),
        numbers=numbers_of(backtest),
        lost=[_lost(row, known) for row in lost],
        passing=[_passing(row, known) for row in passing],
        signals=_signals(result),
    )


def numbers_of(backtest: Backtest) -> list[Number]:
    result: Result = backtest.result or {}
    return numbers(result["version"], result["against"])


def numbers(cohort: Result, before: Result | None) -> list[Number]:
    """Coverage and precision, in this order."""
    enough = cohort["enough"]
    coverage, precision = cohort["coverage"], cohort["precision_won"]
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
            label="Precision",
            share=precision,
            of="leads it flags were won afterwards",
            tone=_tone(precision, PRECISION_PERCENT) if enough else "",
            bar=f"at least {PRECISION_PERCENT} %",
            before=before and before["precision_won"],
        ),
    ]


def _tone(share: Result, percent: int) -> str:
    return "bad" if share["n"] * 100 < share["of"] * percent else "good"


def period(start: dt.datetime, end: dt.datetime) -> str:
    """A half-open period in the company's days, both named days included: `1 May to 31 October 2026`."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    first, last = start.astimezone(zone), (end - dt.timedelta(microseconds=1)).astimezone(zone)
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} to {last.day} {last:%B} {last.year}"


def _signals(result: Result) -> list[SignalLiftRow]:
    names = signals_and_lists.names()
    return [
        SignalLiftRow(
            name=generated_statement.capital(names.signal(row["signal"])),
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


def rows_of(result: Result, table: str) -> list[Result]:
    rows: list[Result] = result["version"][table]["rows"]
    return rows


def leads_of(rows: Iterable[Result]) -> Mapping[int, Lead]:
    return Lead.objects.select_related("company").in_bulk({row["lead"] for row in rows})


def _lost(row: Result, known: Mapping[int, Lead]) -> LeadRow:
    dates = (_instant(row["won_at"]), _instant(row["nearest_at"]))
    return LeadRow(known.get(row["lead"]), dates, "; ".join(row["lost_by"]), row["detail"])


def _passing(row: Result, known: Mapping[int, Lead]) -> LeadRow:
    return LeadRow(
        known.get(row["lead"]), (_instant(row["rejected_at"]), _instant(row["qualified_at"])), row["why"], ""
    )


def _instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


# Downloads


@dataclass(frozen=True, slots=True)
class Table:
    """A table to take away: its header, and its rows out of a result."""

    header: Sequence[str]
    rows: Callable[[Result], Iterator[Sequence[object]]]


def _lost_wins(result: Result) -> Iterator[Sequence[object]]:
    rows = rows_of(result, "lost_wins")
    known = leads_of(rows)
    for row in rows:
        lost_by = "; ".join(row["lost_by"])
        yield *_who(row, known), row["won_at"], row["nearest_at"], lost_by, row["detail"]


def _still_passing(result: Result) -> Iterator[Sequence[object]]:
    rows = rows_of(result, "still_passing")
    known = leads_of(rows)
    for row in rows:
        yield *_who(row, known), row["rejected_at"], row["qualified_at"], row["why"]


def _who(row: Result, known: Mapping[int, Lead]) -> tuple[object, ...]:
    lead = known.get(row["lead"])
    return row["lead"], lead and lead.name, lead and lead.email, lead and lead.company and lead.company.name


def _by_criterion(result: Result) -> Iterator[Sequence[object]]:
    for row in result["version"]["lost_wins"]["by_criterion"]:
        yield row["label"], row["wins"]


def _weeks(result: Result) -> Iterator[Sequence[object]]:
    before = result["against"]["by_week"] if result["against"] else [None] * len(result["weeks"])
    yield from zip(result["weeks"], result["version"]["by_week"], before, strict=True)


def _thresholds(result: Result) -> Iterator[Sequence[object]]:
    for threshold in result["thresholds"]:
        for choice in threshold["choices"]:
            shares = (choice[name] for name in ("coverage", "precision_won", "precision_sal"))
            counts = (number for share in shares for number in (share["n"], share["of"]))
            yield threshold["place"], threshold["label"], choice["at_least"], choice["flagged"], *counts


def _distributions(result: Result) -> Iterator[Sequence[object]]:
    for each in result["distributions"]:
        for row in each["bins"]:
            yield each["axis"], row["from"], row["to"], row["leads"], each["threshold"]


def _grid(result: Result) -> Iterator[Sequence[object]]:
    grid = result["grid"]
    for fit, row in zip(span_labels(grid["fit"]), grid["cells"], strict=True):
        for engagement, cell in zip(span_labels(grid["engagement"]), row, strict=True):
            yield fit, engagement, cell["leads"], cell["sal"], cell["won"]


def _signal_table(result: Result) -> Iterator[Sequence[object]]:
    for row in result.get("signals", ()):
        ends = row["interval_95"] or (None, None)
        yield row["signal"], row["points"], row["won"], row["leads"], *ends, row["lift"]


def _summary(result: Result) -> Iterator[Sequence[object]]:
    for cohort in filter(None, (result["version"], result["against"])):
        for name in ("coverage", "precision_won", "precision_sal"):
            share = cohort[name]
            ends = share["interval_95"] or (None, None)
            yield cohort["number"], name, share["n"], share["of"], share["rate"], *ends, result["from"], result["to"]


_WHO: Final = ("lead", "name", "email", "company")

#: By the name in the address.
TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "summary": Table(
            ("version", "figure", "n", "of", "rate", "interval_95_low", "interval_95_high", "from", "to"), _summary
        ),
        "lost-wins": Table((*_WHO, "won_at", "nearest_at", "lost_by", "detail"), _lost_wins),
        "lost-by-criterion": Table(("criterion", "wins_lost"), _by_criterion),
        "still-passing": Table((*_WHO, "rejected_at", "qualified_at", "qualified_by"), _still_passing),
        "signals": Table(
            ("signal", "points", "won", "leads", "interval_95_low", "interval_95_high", "lift"), _signal_table
        ),
        "weeks": Table(("week_from", "mqls", "mqls_of_version_in_force"), _weeks),
        "thresholds": Table(
            (
                "place", "threshold", "at_least", "flagged", "coverage_n", "coverage_of", "precision_won_n",
                "precision_won_of", "precision_sal_n", "precision_sal_of",
            ),
            _thresholds,
        ),
        "distributions": Table(("axis", "from", "to", "leads", "threshold"), _distributions),
        "grid": Table(("fit", "engagement", "leads", "sal", "won"), _grid),
    }
)  # fmt: skip
