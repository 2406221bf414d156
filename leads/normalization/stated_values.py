"""The values of a statement: what a sender wrote, as Accord understands it (rules 13.33 and 13.34).

Beside its value an attribute may have marks in `AttributeChange.values`: `not_understood.NAME` with a text that could
not be read, and `read_as.NAME` with a text that a correction (`ValueReading`) explains. `seniority_of_title` marks a
seniority that a correction of the title gives. A later statement of the attribute without the mark ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from leads.exceptions import Refused, TwoReadings
from leads.normalization import attributes, validation
from leads.normalization.countries import read_country
from leads.normalization.placeholders import is_placeholder_value
from leads.normalization.row_notes import RowNote
from leads.normalization.text_folding import fold_text
from leads.vocabulary import NoteKind

#: The meaning of each text by (attribute, folded text). An empty meaning: the text says nothing.
Readings = Mapping[tuple[str, str], str]

NO_READINGS: Final[Readings] = MappingProxyType({})
NOT_UNDERSTOOD: Final = "not_understood."
READ_AS: Final = "read_as."
SENIORITY_OF_TITLE: Final = "seniority_of_title"
TITLE: Final = "title"
_LONGEST_KEPT: Final = 500
_SHOWN_AT_MOST: Final = 80
_ENDS_OF_BAND: Final = ("employees_low", "employees_high")


@cache
def columns_of(attribute: str) -> tuple[str, ...]:
    """Return the names under which an attribute is stored: a band of employees as its two ends."""
    return _ENDS_OF_BAND if attribute == "employees" else (attribute,)


#: The marks that end with a statement of these names.
_MARKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        column: (f"{NOT_UNDERSTOOD}{name}", f"{READ_AS}{name}", *([SENIORITY_OF_TITLE] if name == "seniority" else []))
        for name in attributes.READ_FROM_TEXT
        for column in columns_of(name)
    }
    | {TITLE: (f"{READ_AS}{TITLE}",)}
)


def read_stated_values(
    known: Mapping[str, attributes.Attribute],
    sent: Mapping[str, object],
    readings: Readings = NO_READINGS,
    **options: Any,
) -> dict[str, Any]:
    """Return the values of a statement by attribute name, as `attributes.read_attributes` does, with their marks.

    A text that stands for no answer is left out. One that cannot be read makes its attribute unknown. Raises Refused,
    also for one with two readings.
    """
    remaining, marks = _prepare_values(sent, readings)
    while True:
        try:
            return attributes.read_attributes(known, remaining, **options) | marks
        except Refused as refusal:
            name = refusal.field
            text = remaining.get(name)
            if isinstance(refusal, TwoReadings) or name not in attributes.READ_FROM_TEXT or not isinstance(text, str):
                raise
            marks |= mark_as_not_understood(name, validation.text(name, text, limit=_LONGEST_KEPT))
            del remaining[name]


def _prepare_values(sent: Mapping[str, object], readings: Readings) -> tuple[dict[str, Any], dict[str, Any]]:
    remaining: dict[str, Any] = {}
    marks: dict[str, Any] = {}
    for name, value in sent.items():
        if not isinstance(value, str):
            remaining[name] = _drop_placeholders(name, value)
            continue
        meaning = readings.get((name, fold_text(value))) if readings else None
        if meaning is None:
            if not is_placeholder_value(name, value) and (value.strip() or name not in attributes.READ_FROM_TEXT):
                remaining[name] = value
        elif meaning and name == TITLE:
            remaining[name] = value
            marks[SENIORITY_OF_TITLE] = meaning
        elif meaning:
            remaining[name] = meaning
            marks[f"{READ_AS}{name}"] = value.strip()[:_LONGEST_KEPT]
    return remaining, marks


def _drop_placeholders(name: str, value: object) -> object:
    if isinstance(value, list):
        return [item for item in value if not (isinstance(item, str) and is_placeholder_value(name, item))]
    if name == "custom" and isinstance(value, dict):
        return {
            key: _drop_placeholders(key, item)
            for key, item in value.items()
            if not (isinstance(item, str) and is_placeholder_value(str(key), item))
        }
    return value


def mark_as_not_understood(name: str, text: str) -> dict[str, Any]:
    """Return the values of a statement whose text could not be read.

    The attribute is unknown from then on, but a wish not to be contacted stays as it was.
    """
    unknown = {} if name == "do_not_contact" else dict.fromkeys(columns_of(name))
    return {**unknown, f"{NOT_UNDERSTOOD}{name}": text}


def list_notes(values: Mapping[str, Any]) -> tuple[RowNote, ...]:
    """Return a note for each value of a statement that was not understood."""
    return tuple(
        RowNote(
            NoteKind.NOT_UNDERSTOOD,
            name.removeprefix(NOT_UNDERSTOOD),
            f"“{_shorten(text)}” is not understood as {_noun(name.removeprefix(NOT_UNDERSTOOD))}; it is kept as it came.",
        )
        for name, text in values.items()
        if name.startswith(NOT_UNDERSTOOD) and text is not None
    )


def fold_statements(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values in force after these statements, given in their order."""
    values: dict[str, Any] = {}
    for stored in statements:
        stated = understand_stored_values(stored)
        if values:
            for name in stated:
                for mark in _MARKS.get(name, ()):
                    values.pop(mark, None)
        values |= stated
    return values


def understand_stored_values(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of a stored statement; one from before countries had codes has its text read now."""
    text = stored.get("country")
    if not text:
        return stored
    country = read_country(text)
    if country == text:
        return stored
    if country or is_placeholder_value("country", text):
        return {**stored, "country": country}
    return {**stored, **mark_as_not_understood("country", text)}


def settle_seniority(known: Mapping[str, Any], stated: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a statement as it would have been stated with all before it about one lead (rules 13.35).

    The rank that a correction of the title gives ends with that title, and gives way to a stated seniority.
    """
    if SENIORITY_OF_TITLE in stated:
        is_known = known.get("seniority") is not None and known.get(SENIORITY_OF_TITLE) is None
        derived = {"seniority", SENIORITY_OF_TITLE} if is_known else ()
        return {name: value for name, value in stated.items() if name not in derived}
    if "seniority" in stated:
        return {**stated, SENIORITY_OF_TITLE: None}
    if "title" in stated and known.get(SENIORITY_OF_TITLE) is not None:
        return {**stated, "seniority": None, SENIORITY_OF_TITLE: None}
    return stated


def is_marked(current: Mapping[str, Any], name: str, stated: Mapping[str, Any]) -> bool:
    """Tell whether a statement of `name` ends a mark that is in force."""
    return any(current.get(mark) is not None and mark not in stated for mark in _MARKS.get(name, ()))


def list_marks(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the marks of these names in a statement."""
    marks = (mark for name in names for mark in _MARKS.get(name, ()))
    return {mark: values[mark] for mark in marks if values.get(mark) is not None}


def list_marked(values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return the texts in force with a mark (`NOT_UNDERSTOOD` or `READ_AS`), by attribute."""
    return {
        name.removeprefix(prefix): text for name, text in values.items() if name.startswith(prefix) and text is not None
    }


def _noun(name: str) -> str:
    return _NOUNS[name]


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[: _SHOWN_AT_MOST - 1]}…"


_NOUNS: Final = MappingProxyType(
    {
        "country": "a country",
        "employees": "a number of employees",
        "annual_revenue": "an amount",
        "seniority": "a seniority",
        "time_zone": "a time zone",
        "do_not_contact": "yes or no",
        "is_customer": "yes or no",
        "is_competitor": "yes or no",
        "technologies": "a list of technologies",
    }
)
