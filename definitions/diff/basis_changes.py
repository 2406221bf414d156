"""The changes between what two versions are judged with: entries of lists, flags of signals, reading tables (rules 9.20). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from definitions.diff.changed_row import RowChange, RowChangeKind
from definitions.diff.row_effect import NEITHER, UNCLEAR, Effect
from definitions.document.basis import ENDS, Basis, CountryReadings, Meanings, TitleTable, select_meanings
from definitions.plain_english.generated_statement import DisplayNames, capitalize_first
from definitions.vocabulary import Operator, Part

#: Entries of a list that are named one by one; the others are counted.
ENTRIES_NAMED: Final = 50
MEANINGS: Final = "Meaning of signals"
_NO_FLAGS: Final = "no flag"


def find_basis_changes(
    before: tuple[Mapping[str, Any], Basis], after: tuple[Mapping[str, Any], Basis], names: DisplayNames
) -> tuple[RowChange, ...]:
    """Find every difference between the bases of two versions, each given as its complete document and its basis.

    What only one of them is judged with, as a list that the other does not name, is a change of its rows and not listed.
    """
    (document, old), (new_document, new) = before, after
    meanings = select_meanings(new_document, old.meanings), select_meanings(document, new.meanings)
    return (
        *_compare_lists(new_document, old, new, names),
        *_compare_meanings(*meanings, names),
        *_compare_titles(old, new),
        *_compare_countries(old.countries, new.countries),
    )


def describe_flags(flags: Iterable[str], names: DisplayNames) -> str:
    """Return the flags of a signal in words."""
    texts = [
        f"ends {names.signal(flag.removeprefix(ENDS))}" if flag.startswith(ENDS) else flag for flag in sorted(flags)
    ]
    return ", ".join(texts) or _NO_FLAGS


def _compare_lists(document: Mapping[str, Any], old: Basis, new: Basis, names: DisplayNames) -> Iterator[RowChange]:
    for name in sorted(old.lists.keys() & new.lists.keys()):
        label, effect = names.lists.get(name, name), _effect_of_more_entries(document, name)
        added, removed = new.lists[name] - old.lists[name], old.lists[name] - new.lists[name]
        yield from _list_entries(f"List: {label}", RowChangeKind.ADDED, added, effect)
        yield from _list_entries(f"List: {label}", RowChangeKind.REMOVED, removed, effect.reversed)


def _list_entries(part: str, kind: RowChangeKind, entries: frozenset[str], effect: Effect) -> Iterator[RowChange]:
    texts = sorted(entries)
    others = len(texts) - ENTRIES_NAMED
    if others > 0:
        texts = [*texts[:ENTRIES_NAMED], f"and {others:,} more"]
    for text in texts:
        before, after = ("", text) if kind == RowChangeKind.ADDED else (text, "")
        yield RowChange(part, kind, f"Entry {kind}", before, after, effect)


def _effect_of_more_entries(document: Mapping[str, Any], name: str) -> Effect:
    """Return the effect of one more entry: it excludes more where the list disqualifies, and lets more in at the gate."""
    parts = {
        part for part in Part for row in document[str(part)] if row["op"] == Operator.IN_LIST and row["value"] == name
    }
    if parts == {Part.DISQUALIFIER}:
        return Effect.TIGHTER
    return Effect.LOOSER if parts == {Part.GATE} else UNCLEAR if parts else NEITHER


def _compare_meanings(old: Meanings, new: Meanings, names: DisplayNames) -> Iterator[RowChange]:
    for code in sorted(old.keys() | new.keys()):
        before, after = old.get(code, ()), new.get(code, ())
        if set(before) != set(after):
            texts = describe_flags(before, names), describe_flags(after, names)
            label = capitalize_first(names.signal(code))
            yield RowChange(MEANINGS, RowChangeKind.CHANGED, label, *texts, UNCLEAR)


def _compare_titles(old: Basis, new: Basis) -> Iterator[RowChange]:
    if old.titles and new.titles and old.titles.digest != new.titles.digest:
        texts = _name_table(old.titles), _name_table(new.titles)
        yield RowChange("Job titles", RowChangeKind.CHANGED, "Job titles", *texts, UNCLEAR)


def _name_table(table: TitleTable) -> str:
    return f"words of {table.dated or 'an unknown day'} ({table.digest[:8]})"


def _compare_countries(old: CountryReadings | None, new: CountryReadings | None) -> Iterator[RowChange]:
    before, after = (_flatten_readings(readings) for readings in (old, new))
    for text in before.keys() & after.keys():
        if before[text] != after[text]:
            yield RowChange("Countries", RowChangeKind.CHANGED, text[1], before[text], after[text], UNCLEAR)


def _flatten_readings(readings: CountryReadings | None) -> dict[tuple[str, str], str]:
    """Return the codes as text by kind of reading and text."""
    if readings is None:
        return {}
    kinds = {"contained": readings.contained, "with_word": readings.with_word}
    return {("names", text): code for text, code in readings.names.items()} | {
        (kind, text): ", ".join(codes) for kind, by_text in kinds.items() for text, codes in by_text.items()
    }
