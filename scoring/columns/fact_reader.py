"""What the engine judges: the facts of some leads, or of all of them range by range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db.models import Max
from numpy.typing import NDArray

from leads.models import Lead
from scoring.columns import attribute_cache, attribute_rows, event_columns
from scoring.columns.bulk_reader import BulkReader, NearReader, Reader, Scope, bulk_reader
from scoring.columns.column_cache import Shelf
from scoring.engine.facts import Facts
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints


def near(lead_ids: Sequence[int], *rules: Rules) -> Facts:
    """The facts of these leads that the rules ask for, read in the caller's transaction."""
    reader, scope = NearReader(), Scope(some=sorted(set(lead_ids)))
    found = event_columns.read(reader, scope.sql("lead_id"), with_assets=_ask_for_assets(rules))
    return _facts(attribute_rows.rows(reader, scope, _fields(rules)), found, _signals(reader))


def everything(*rules: Rules, folder: Path | None = None, cached: bool = True, kept: bool = False) -> Iterator[Facts]:
    """The facts of all leads, `events.RANGE` ids at a time, from one snapshot; memory is bounded by the range.

    `cached`: from the files of this machine, completed by what came since. `kept`: also from this process's memory, within
    `shelf.MEMORY`; then a range's facts are the very same object as last time for as long as none of them changes
    and no new field is asked for, and what was made of them still holds.
    """
    last = (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE
    with bulk_reader() as reader:
        for number in range(last):
            yield of_range(reader, number, *rules, folder=folder, cached=cached, kept=kept)
        final = of_range(reader, last, *rules, folder=folder, cached=cached, kept=kept)
    # Nothing more to read: while the last range, often the only one, is judged, no transaction stands open.
    yield final


def of_range(
    reader: BulkReader,
    number: int,
    *rules: Rules,
    folder: Path | None = None,
    cached: bool = True,
    kept: bool = False,
) -> Facts:
    """The facts of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot; see `everything`."""
    signals = _signals(reader)
    if not cached:
        scope = Scope(number * event_columns.RANGE, (number + 1) * event_columns.RANGE)
        return _facts(attribute_rows.rows(reader, scope, _fields(rules)), _uncached(reader, number, rules), signals)
    shelf = Shelf(reader, folder, in_memory=kept)
    rows = attribute_cache.rows(shelf, number, _fields(rules))
    if _ask_for_assets(rules):
        return _facts(rows, _uncached(reader, number, rules), signals)
    found = event_columns.Cache(reader, shelf=shelf).events(number)
    return shelf.made("facts", number, (rows, found), signals, lambda: _facts(rows, found, signals), 14 * len(found))


def _uncached(reader: BulkReader, number: int, rules: tuple[Rules, ...]) -> event_columns.Events:
    within = Scope(number * event_columns.RANGE, (number + 1) * event_columns.RANGE).sql("lead_id")
    return event_columns.read(reader, within, with_assets=_ask_for_assets(rules))


Signals = Mapping[int, str]


def _signals(reader: Reader) -> Signals:
    table = reader.table("SELECT id, code FROM leads_signal ORDER BY id", {"id": pa.int16(), "code": pa.string()})
    return dict(zip(table["id"].to_pylist(), table["code"].to_pylist(), strict=True))


def _facts(rows: attribute_rows.Rows, found: event_columns.Events, signals: Signals) -> Facts:
    index = np.zeros(max(signals, default=0) + 1, dtype=np.int16)
    index[list(signals)] = np.arange(len(signals))
    return Facts(
        lead_ids=rows.lead_ids,
        event_lead=_positions(rows.lead_ids, found.lead),
        event_at=found.at,
        event_signal=index[found.signal],
        event_asset=found.asset,
        signals=tuple(signals.values()),
        row_lead=rows.lead,
        row_from=rows.start,
        columns=rows.columns,
    )


def _positions(lead_ids: Ints, lead: Ints) -> NDArray[np.int32]:
    """Which of `lead_ids` each of the sorted `lead` is: looked up once a lead, not once an event."""
    starts = np.searchsorted(lead, lead_ids)
    counts = np.diff(starts, append=lead.size)
    return np.repeat(np.arange(lead_ids.size, dtype=np.int32), counts)


def _fields(rules: tuple[Rules, ...]) -> set[str]:
    named = {row.field for each in rules for row in (*each.gate, *each.fit, *each.bant, *each.disqualifiers)}
    return named | ({"lead.title"} if "lead.seniority" in named else set())


def _ask_for_assets(rules: tuple[Rules, ...]) -> bool:
    return any(tally.distinct is not None for each in rules for tally in each.tallies)
