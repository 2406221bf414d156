"""Edits of signals and named lists that the administration logged, each of which can be taken back in compiled rules."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from django.contrib.admin.models import ADDITION, DELETION, LogEntry

from leads.models import ListEntry, Signal
from scoring.engine.rules import Catalogue, Rules

#: The newest edits are tried; older ones than so many stay unnamed.
_TRIED: Final = 200
#: The set of the catalogue by the label of its flag in the administration, and the flag in words with and without it.
FLAGS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "Is engagement": ("engagement", "counted as engagement", "did not count as engagement"),
        "Is explicit request": ("requests", "counted as an explicit request", "did not count as an explicit request"),
        "Closes request": ("closing", "closed requests", "did not close requests"),
    }
)


@dataclass(frozen=True, slots=True)
class LoggedEdit:
    """An edit of a signal's flag, or of an entry of a list; `take_back` returns the rules as they were before it."""

    at: dt.datetime
    sentence: str
    signal: str = ""
    flag: str = ""
    list_name: str = ""
    entry: str = ""
    was_listed: bool = False

    def take_back(self, rules: Rules) -> Rules:
        if self.signal:
            return flip_flag(rules, self.signal, self.flag)
        entries = rules.lists[self.list_name]
        before = entries | {self.entry} if self.was_listed else entries - {self.entry}
        return replace(rules, lists={**rules.lists, self.list_name: before})


def flip_flag(rules: Rules, signal: str, flag: str) -> Rules:
    """Return the rules with one signal put into a set of the catalogue (`engagement`, …), or taken out of it."""
    codes: frozenset[str] = getattr(rules.catalogue, flag)
    changes: Mapping[str, frozenset[str]] = {flag: codes ^ {signal}}
    return replace(rules, catalogue=_replace_sets(rules.catalogue, changes))


def describe_flag(name: str, flag: str, *, has_it: bool) -> str:
    """Say which flag a signal had when a lead was judged, if it has it or not now."""
    _set, with_it, without_it = next(phrases for phrases in FLAGS.values() if phrases[0] == flag)
    before, after = (without_it, "does") if has_it else (with_it, "does not")
    return f"The signal “{name}” {before} when it was judged, and {after} now"


def read_edits(rules: Rules, *, since: dt.datetime, until: dt.datetime | None) -> Iterator[LoggedEdit]:
    """Yield the edits in `(since, until]` that may concern the rules, the newest first; without `until` those up to now."""
    entries = LogEntry.objects.filter(content_type__app_label="leads", action_time__gt=since)
    if until is not None:
        entries = entries.filter(action_time__lte=until)
    entries = entries.filter(content_type__model__in=("signal", "listentry")).order_by("-action_time", "-pk")
    log = list(entries.select_related("content_type")[:_TRIED])
    yield from _flag_edits(rules, [row for row in log if row.content_type and row.content_type.model == "signal"])
    yield from _list_edits(rules, [row for row in log if row.content_type and row.content_type.model == "listentry"])


def _flag_edits(rules: Rules, log: Iterable[LogEntry]) -> Iterator[LoggedEdit]:
    """Yield one edit for each flag that is not as it was: one that was edited twice is as before."""
    log = list(log)
    signals = Signal.objects.in_bulk([int(row.object_id) for row in log if row.object_id])
    edits = [(int(row.object_id or 0), label, row) for row in log for label in _changed_labels(row) if label in FLAGS]
    counts = Counter((pk, label) for pk, label, _row in edits)
    for pk, label, row in edits:
        signal = signals.get(pk)
        # Of several edits of one flag the newest stands for all.
        if signal is None or counts.pop((pk, label), 0) % 2 == 0:
            continue
        flag = FLAGS[label][0]
        sentence = describe_flag(signal.name, flag, has_it=signal.code in getattr(rules.catalogue, flag))
        yield LoggedEdit(
            row.action_time, f"{sentence} (changed {row.action_time:%Y-%m-%d}).", signal=signal.code, flag=flag
        )


def _list_edits(rules: Rules, log: Iterable[LogEntry]) -> Iterator[LoggedEdit]:
    """Yield the additions and deletions of entries; of a deleted row the log keeps the text and not the list."""
    log = list(log)
    lists = dict(ListEntry.objects.filter(pk__in=[row.object_id for row in log]).values_list("pk", "list__name"))
    for row in log:
        if row.action_flag not in (ADDITION, DELETION):
            continue
        was_listed, text, day = row.action_flag == DELETION, row.object_repr, f"{row.action_time:%Y-%m-%d}"
        known = lists.get(int(row.object_id or 0))
        for name in [known] if known else rules.lists:
            if name not in rules.lists:
                continue
            sentence = (
                f"“{text}” was taken off the list “{name}” on {day}; it was on it when it was judged."
                if was_listed
                else f"“{text}” was added to the list “{name}” on {day}; it was not on it when it was judged."
            )
            yield LoggedEdit(
                row.action_time, sentence, list_name=name, entry=text.strip().lower(), was_listed=was_listed
            )


def _changed_labels(row: LogEntry) -> list[str]:
    """Return the labels of the fields that the administration says were changed."""
    try:
        message = json.loads(row.change_message)
    except ValueError:
        return []
    parts = message if isinstance(message, list) else []
    return [
        str(label)
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("changed"), dict) and "object" not in part["changed"]
        for label in part["changed"].get("fields", ())
    ]


def _replace_sets(catalogue: Catalogue, changes: Mapping[str, frozenset[str]]) -> Catalogue:
    return Catalogue(
        engagement=changes.get("engagement", catalogue.engagement),
        requests=changes.get("requests", catalogue.requests),
        closing=changes.get("closing", catalogue.closing),
        endings=catalogue.endings,
    )
