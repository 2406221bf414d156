"""The facts that the engine judges: of some leads, or of all leads range by range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db.models import Max
from numpy.typing import NDArray

from leads.models import Lead
from scoring.columns import attribute_cache, attribute_rows, event_columns, merged_people
from scoring.columns.bulk_reader import BulkReader, Reader, Scope, TransactionReader, bulk_reader
from scoring.columns.column_cache import ColumnCache
from scoring.columns.merged_people import MergedPeople
from scoring.engine.facts import Facts
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints


def read_for_leads(lead_ids: Sequence[int], *rules: Rules, reader: Reader | None = None) -> Facts:
    """Return the facts of these leads that the rules need, read in the caller's transaction, or by another reader.

    Leads that are merged into another one are left out; the facts of that one have theirs (rules 13.50).
    """
    return _read_scope(reader or TransactionReader(), Scope(some=sorted(set(lead_ids))), rules)


def read_all(
    *rules: Rules, folder: Path | None = None, cached: bool = True, in_memory: bool = False
) -> Iterator[Facts]:
    """Yield the facts of all leads, `event_columns.RANGE` ids at a time, from one snapshot; memory is bounded by the
    range.

    With `cached` the facts come from this machine's files, completed with what has come since. With `in_memory` they
    come also from this process's memory, within `column_cache.MEMORY_BYTES`; a range's facts are then the same object
    as last time for as long as none of them changes and no new field is needed, so what was derived from them still
    holds.
    """
    last = (Lead.objects.aggregate(last=Max("pk"))["last"] or 0) // event_columns.RANGE
    with bulk_reader() as reader:
        for number in range(last):
            yield read_range(reader, number, *rules, folder=folder, cached=cached, in_memory=in_memory)
        final = read_range(reader, last, *rules, folder=folder, cached=cached, in_memory=in_memory)
    # The reader is closed before the last range, often the only one, is judged: no transaction stays open meanwhile.
    yield final


def read_range(
    reader: BulkReader,
    number: int,
    *rules: Rules,
    folder: Path | None = None,
    cached: bool = True,
    in_memory: bool = False,
) -> Facts:
    """Return the facts of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot; options as in
    `read_all`.
    """
    scope = Scope(number * event_columns.RANGE, (number + 1) * event_columns.RANGE)
    if not cached:
        return _read_scope(reader, scope, rules)
    cache = ColumnCache(reader, folder, in_memory=in_memory)
    people = merged_people.read_merged_people(reader, scope)
    fields, signals = _needed_fields(rules), _read_signals(reader)
    rows = attribute_cache.read_rows(cache, number, fields, people.fold_periods, people.statements_key)
    if _need_assets(rules):
        return _build_facts(rows, _read_events_uncached(reader, scope, rules, people), signals)
    stored = event_columns.EventCache(reader, cache=cache).events(number)
    moved = people.read_moving_events(reader)
    key = (tuple(signals.items()), people.events_key(moved))
    return cache.derive(
        "facts",
        number,
        (rows, stored),
        key,
        lambda: _build_facts(rows, people.fold_events(stored, moved), signals),
        14 * len(stored),
    )


def _read_scope(reader: Reader, scope: Scope, rules: tuple[Rules, ...]) -> Facts:
    """Read the facts of a scope of leads from the tables, without the cache."""
    people = merged_people.read_merged_people(reader, scope)
    rows = attribute_rows.read_rows(reader, scope, _needed_fields(rules), people.fold_periods)
    return _build_facts(rows, _read_events_uncached(reader, scope, rules, people), _read_signals(reader))


def _read_events_uncached(
    reader: Reader, scope: Scope, rules: tuple[Rules, ...], people: MergedPeople
) -> event_columns.EventColumns:
    # Asset codes hold within one answer, so the events of the scope and those that move into it are one query.
    within = f"({scope.sql('lead_id')} OR {people.moving.sql('lead_id')})" if people else scope.sql("lead_id")
    events = event_columns.read_events(reader, within, with_assets=_need_assets(rules))
    return people.fold_events(events, people.pick_moving_events(events))


Signals = Mapping[int, str]


def _read_signals(reader: Reader) -> Signals:
    table = reader.table("SELECT id, code FROM leads_signal ORDER BY id", {"id": pa.int16(), "code": pa.string()})
    return dict(zip(table["id"].to_pylist(), table["code"].to_pylist(), strict=True))


def _build_facts(rows: attribute_rows.AttributeRows, events: event_columns.EventColumns, signals: Signals) -> Facts:
    index = np.zeros(max(signals, default=0) + 1, dtype=np.int16)
    index[list(signals)] = np.arange(len(signals))
    return Facts(
        lead_ids=rows.lead_ids,
        event_lead=_lead_positions(rows.lead_ids, events.lead),
        event_at=events.at,
        event_signal=index[events.signal],
        event_asset=events.asset,
        signals=tuple(signals.values()),
        row_lead=rows.lead,
        row_from=rows.start,
        columns=rows.columns,
    )


def _lead_positions(lead_ids: Ints, lead: Ints) -> NDArray[np.int32]:
    """Return for each of the sorted `lead` its index in `lead_ids`, with one search for each lead instead of one for each
    event.
    """
    starts = np.searchsorted(lead, lead_ids)
    counts = np.diff(starts, append=lead.size)
    return np.repeat(np.arange(lead_ids.size, dtype=np.int32), counts)


def _needed_fields(rules: tuple[Rules, ...]) -> set[str]:
    """Return the attributes that the rules ask for; a seniority is read from the title where it is not given."""
    fields = {field for version_rules in rules for field in version_rules.fields}
    return fields | ({"lead.title"} if "lead.seniority" in fields else set())


def _need_assets(rules: tuple[Rules, ...]) -> bool:
    return any(version_rules.counts_assets for version_rules in rules)
