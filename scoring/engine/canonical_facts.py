"""The facts of one lead as of one instant in a canonical form: equal facts give equal text, and so an equal digest.

Only what has a part in the judgement at that instant is in it: the attributes in force that the rules ask for, and the
events up to it. `read_facts` turns the form back into facts, so that anybody can have them judged again (rules 16.24).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from config import canonical_json
from scoring.engine.bands import Band
from scoring.engine.facts import Column, Facts
from scoring.engine.profile import Attributes, InForce
from scoring.engine.rules import Rules
from scoring.engine.timeline import EVER

JsonObject = dict[str, Any]
_BAND = "band"


def write_facts(rules: Rules, facts: Facts, lead: int, at: int) -> JsonObject:
    """Return what the rules need of the lead with this index to judge it at the instant (microseconds), ready for JSON.

    `attributes` maps each field that a criterion asks for to its value in force, a seniority as read from the title;
    fields without a value are left out. `events` are [microseconds, signal, asset], sorted. Assets are numbers that tell
    them apart, null without one and in all events where the rules count none.
    """
    here = np.array([lead], dtype=np.intp)
    known = facts.known(here, np.array([at], dtype=np.int64))
    row = int(InForce(known).row(np.zeros(1, dtype=np.intp), np.array([at], dtype=np.int64))[0])
    return {"attributes": _write_attributes(rules, known, row), "events": _write_events(rules, known)}


def read_facts(content: Mapping[str, Any], *, lead_id: int) -> Facts:
    """Return the facts of one lead from what `write_facts` wrote. Raises ValueError, TypeError or KeyError for others."""
    events = [(int(at), str(signal), asset) for at, signal, asset in content["events"]]
    signals = tuple(sorted({signal for _at, signal, _asset in events}))
    places = {signal: place for place, signal in enumerate(signals)}
    attributes = {str(name): _read_value(value) for name, value in content["attributes"].items()}
    return Facts(
        lead_ids=np.array([lead_id], dtype=np.int64),
        event_lead=np.zeros(len(events), dtype=np.int32),
        event_at=np.array([at for at, _signal, _asset in events], dtype=np.int64),
        event_signal=np.array([places[signal] for _at, signal, _asset in events], dtype=np.int16),
        event_asset=np.array([-1 if asset is None else asset for _at, _signal, asset in events], dtype=np.int32),
        signals=signals,
        row_lead=np.zeros(1, dtype=np.int32),
        row_from=np.array([EVER], dtype=np.int64),
        columns={name: Column(np.zeros(1, dtype=np.int32), (value,)) for name, value in attributes.items()},
    ).validated()


def digest_facts(rules: Rules, facts: Facts, lead: int, at: int) -> str:
    """Return the digest of what `write_facts` writes."""
    return canonical_json.compute_digest(write_facts(rules, facts, lead, at))


def _write_attributes(rules: Rules, facts: Facts, row: int) -> JsonObject:
    attributes = Attributes(facts, rules.titles)
    values = {name: _write_value(attributes.value(name, row)) for name in rules.fields}
    return {name: value for name, value in values.items() if value is not None}


def _write_value(value: object) -> object:
    if isinstance(value, Band):
        return {_BAND: [value.low, value.high]}
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read_value(value: Any) -> object:
    if isinstance(value, dict):
        low, high = value[_BAND]
        return Band(low, high)
    return tuple(value) if isinstance(value, list) else value


def _write_events(rules: Rules, facts: Facts) -> list[list[object]]:
    at, assets = facts.event_at.tolist(), facts.event_asset.tolist()
    signals = [facts.signals[place] for place in facts.event_signal.tolist()]
    numbers = _number_assets(at, signals, assets) if rules.counts_assets else {}
    rows = zip(at, signals, (numbers.get(asset) for asset in assets), strict=True)
    # An event without an asset goes before one with.
    return [list(row) for row in sorted(rows, key=lambda row: (row[0], row[1], -1 if row[2] is None else row[2]))]


def _number_assets(at: Sequence[int], signals: Sequence[str], assets: Sequence[int]) -> dict[int, int]:
    """Number the assets in an order that does not depend on that of events of one instant.

    They are ordered by their events. Assets with the same events may change places: nothing tells them apart.
    """
    events: dict[int, list[tuple[int, str]]] = {}
    for asset, event in sorted(zip(assets, zip(at, signals, strict=True), strict=True)):
        if asset >= 0:
            events.setdefault(asset, []).append(event)
    return {asset: number for number, asset in enumerate(sorted(events, key=events.__getitem__))}
