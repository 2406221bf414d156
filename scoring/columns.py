"""What the engine judges: the facts of some leads, or of all of them range by range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from django.db.models import Max
from numpy.typing import NDArray

from leads.models import Lead
from scoring import attributes, events
from scoring.engine.facts import Facts
from scoring.engine.rules import Rules
from scoring.engine.timeline import Ints
from scoring.reading import BulkReader, NearReader, Reader, Scope, bulk_reader


def near(lead_ids: Sequence[int], *rules: Rules) -> Facts:
    """The facts of these leads that the rules ask for, read in the caller's transaction."""
    reader, scope = NearReader(), Scope(some=sorted(set(lead_ids)))
    found = events.read(reader, scope.sql("lead_id"), with_assets=_ask_for_assets(rules))
    return _facts(reader, scope, rules, found)


def everything(*rules: Rules, folder: Path | None = None, cached: bool = True) -> Iterator[Facts]:
    """The facts of all leads, `events.RANGE` ids at a time, from one snapshot; memory is bounded by the range."""
    last = Lead.objects.aggregate(last=Max("pk"))["last"] or 0
    with bulk_reader() as reader:
        for number in range(last // events.RANGE + 1):
            yield of_range(reader, number, *rules, folder=folder, cached=cached)


def of_range(reader: BulkReader, number: int, *rules: Rules, folder: Path | None = None, cached: bool = True) -> Facts:
    """The facts of the leads `[number * RANGE, (number + 1) * RANGE)` in the reader's snapshot."""
    scope = Scope(number * events.RANGE, (number + 1) * events.RANGE)
    if cached and not _ask_for_assets(rules):
        return _facts(reader, scope, rules, events.Cache(reader, folder).events(number))
    found = events.read(reader, scope.sql("lead_id"), with_assets=_ask_for_assets(rules))
    return _facts(reader, scope, rules, found)


def _facts(reader: Reader, scope: Scope, rules: tuple[Rules, ...], found: events.Events) -> Facts:
    lead_ids, row_lead, row_from, columns = attributes.rows(reader, scope, _fields(rules))
    signals = reader.table("SELECT id, code FROM leads_signal", {"id": pa.int16(), "code": pa.string()})
    codes = dict(zip(signals["id"].to_pylist(), signals["code"].to_pylist(), strict=True))
    index = np.zeros(max(codes, default=0) + 1, dtype=np.int16)
    index[list(codes)] = np.arange(len(codes))
    return Facts(
        lead_ids=lead_ids,
        event_lead=_positions(lead_ids, found.lead),
        event_at=found.at,
        event_signal=index[found.signal],
        event_asset=found.asset,
        signals=tuple(codes.values()),
        row_lead=row_lead,
        row_from=row_from,
        columns=columns,
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
