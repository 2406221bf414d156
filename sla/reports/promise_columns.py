"""The promises of a report as columns of numbers, read once and counted by any group (rules 12.1).

PostgreSQL sorts anew for each group to find a median. Of a hundred thousand promises that takes longer than to read and sort them here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from django.db.models import Aggregate, BinaryField, Case, F, FloatField, Func, IntegerField, QuerySet, Value, When
from django.db.models.functions import Coalesce, Floor

from config import company_days
from config.calendar_periods import CalendarWeek
from leads.vocabulary import Motion
from sla.vocabulary import ClockKind, PromiseVerdict

By: TypeAlias = Literal["", "rep", "team", "tier", "week", "source"]
Numbers: TypeAlias = npt.NDArray[np.int64]

KINDS: Final = tuple(ClockKind.values)
_VERDICTS: Final = tuple(PromiseVerdict.values)
#: Stands for NULL; no id, tier or time is negative.
_NULL: Final = -1
_QUANTILES: Final = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class PromiseGroup:
    """The promises of one kind in one group; `latest` is the id of the last clock, the times are seconds over those `met`."""

    kind: str
    group: Any
    kept: int
    late: int
    running: int
    met: int
    median: float | None
    p90: float | None
    latest: int


@dataclass(frozen=True, slots=True)
class PromiseColumns:
    """The promises of one motion as columns of one length, by the seconds used: ids, codes and seconds, _NULL where there is none.

    `kind` and `verdict` are places in their lists, `source` places in `sources`, `started_at` seconds since 1970.
    """

    motion: Motion
    sources: tuple[str, ...]
    columns: dict[str, Numbers]

    def count(
        self, by: By, groups: Collection[int] | None = None, *, without: Collection[int] = ()
    ) -> list[PromiseGroup]:
        """Count by kind and group: the ids of reps or teams, tiers, sources as texts, the Mondays of weeks as dates, or all as one.

        `groups` are those to count, if given, and `without` those to leave out.
        """
        keys, names = self._name_groups(by)
        chosen = np.isin(keys, list(groups)) if groups is not None else ~np.isin(keys, list(without))
        present, places = np.unique(keys[chosen], return_inverse=True)
        part = {name: column[chosen] for name, column in self.columns.items()}
        cells = places * len(KINDS) + part["kind"]
        size = len(present) * len(KINDS)
        counts = [np.bincount(cells[part["verdict"] == place], minlength=size) for place in range(len(_VERDICTS))]
        total = np.bincount(cells, minlength=size)
        is_met = part["used_seconds"] != _NULL
        met, (median, p90) = (
            np.bincount(cells[is_met], minlength=size),
            _find_quantiles(cells[is_met], part["used_seconds"][is_met], size),
        )
        latest = np.full(size, _NULL)
        np.maximum.at(latest, cells, part["pk"])
        by_verdict = dict(zip(PromiseVerdict, counts, strict=True))
        return [
            PromiseGroup(
                KINDS[cell % len(KINDS)],
                names(int(present[cell // len(KINDS)])),
                int(by_verdict[PromiseVerdict.KEPT][cell]),
                int(by_verdict[PromiseVerdict.LATE][cell]),
                int(by_verdict[PromiseVerdict.RUNNING][cell]),
                int(met[cell]),
                float(median[cell]) if met[cell] else None,
                float(p90[cell]) if met[cell] else None,
                int(latest[cell]),
            )
            for cell in np.flatnonzero(total).tolist()
        ]

    def _name_groups(self, by: By) -> tuple[Numbers, Any]:
        """Return the group of each promise as a number, and what makes a group's value of the number."""
        if not by:
            return np.zeros_like(self.columns["kind"]), lambda _: ""
        if by == "source":
            return self.columns["source"], self.sources.__getitem__
        if by == "week":
            weeks = _list_weeks(self.columns["started_at"])
            starts = np.array([week.start.timestamp() for week in weeks])
            places = np.searchsorted(starts, self.columns["started_at"], side="right") - 1
            return places, lambda place: company_days.day_of(weeks[place].start)
        return self.columns[by], lambda number: None if number == _NULL else number


def read_columns(promises: QuerySet[Any], motion: Motion, *, by_group: bool = True) -> PromiseColumns:
    """Read the columns of reported promises, of AQLs of clocks with the same fields. One query, with one row.

    Without `by_group` they can only be counted as one.
    """
    numbers = {
        "pk": F("pk"),
        "kind": _find_place("kind", KINDS),
        "verdict": _find_place("verdict", _VERDICTS),
        "used_seconds": Coalesce("used_seconds", _NULL),
    }
    texts = {}
    if by_group:
        numbers |= {
            "rep": Coalesce("rep", _NULL),
            "team": Coalesce("team", _NULL),
            "tier": F("tier"),
            "started_at": Floor(_Epoch("started_at")),
        }
        # A company that qualified has no source.
        texts["text_source"] = _TextColumn(Value("") if motion == Motion.AQL else F("source"))
    row = promises.order_by().aggregate(
        **{f"column_{name}": _NumberColumn(number) for name, number in numbers.items()}, **texts
    )
    columns = {name: np.frombuffer(row[f"column_{name}"] or b"", dtype=">i8").astype(np.int64) for name in numbers}
    sources: dict[bytes, int] = {}
    if by_group:
        rows = bytes(row["text_source"] or b"").split(b"\0")[:-1]
        columns["source"] = np.array([sources.setdefault(text, len(sources)) for text in rows], dtype=np.int64)
    in_order = np.argsort(columns["used_seconds"])
    columns = {name: column[in_order] for name, column in columns.items()}
    return PromiseColumns(motion, tuple(text.decode() for text in sources), columns)


class _Epoch(Func):
    """Compute the seconds since 1970. EXTRACT does, too, but as exact decimals, for a fifth of the time of the whole query."""

    template = "date_part('epoch', %(expressions)s)"
    output_field = FloatField()


class _NumberColumn(Aggregate):
    """Put the whole numbers of all rows one behind the other, each in eight bytes, highest first."""

    template = "string_agg(int8send((%(expressions)s)::bigint), ''::bytea)"
    output_field = BinaryField()


class _TextColumn(Aggregate):
    """Put the texts of all rows one behind the other, each ended by a zero byte, which no text of PostgreSQL holds."""

    template = "string_agg(convert_to(%(expressions)s, 'UTF8') || '\\x00'::bytea, ''::bytea)"
    output_field = BinaryField()


def _find_place(field: str, values: Collection[str]) -> Case:
    whens = (When(**{field: value}, then=Value(place)) for place, value in enumerate(values))
    return Case(*whens, output_field=IntegerField())


def _list_weeks(started_at: Numbers) -> list[CalendarWeek]:
    """Return the weeks of the company from the first to the last of these instants, the oldest first."""
    if not len(started_at):
        return []
    first, last = (dt.datetime.fromtimestamp(int(at), tz=dt.UTC) for at in (started_at.min(), started_at.max()))
    weeks = [CalendarWeek.containing(last)]
    while weeks[0].start > first:
        weeks.insert(0, CalendarWeek.containing(weeks[0].start, weeks_back=1))
    return weeks


def _find_quantiles(cells: Numbers, seconds: Numbers, size: int) -> list[npt.NDArray[np.float64]]:
    """Return the median and 90th percentile of each cell, between two values by their distance, as `percentile_cont` does.

    The seconds are in ascending order.
    """
    counts = np.bincount(cells, minlength=size)
    if not len(seconds):
        return [np.zeros(size), np.zeros(size)]
    # Stable: within a cell the seconds stay in their order. Numbers of 16 bits are sorted by counting.
    in_order = seconds[np.argsort(cells.astype(np.min_scalar_type(size)), kind="stable")]
    # Of a cell without any the quantile means nothing, but its place must lie within the column.
    starts = np.minimum(np.cumsum(counts) - counts, len(seconds) - 1)
    quantiles = []
    for share in _QUANTILES:
        place = share * np.maximum(counts - 1, 0)
        lower, upper = (in_order[starts + at.astype(np.int64)] for at in (np.floor(place), np.ceil(place)))
        quantiles.append(lower + (upper - lower) * (place - np.floor(place)))
    return quantiles
