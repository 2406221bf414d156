"""The signals and named lists of `leads` that a definition can name."""

from __future__ import annotations

from collections.abc import Mapping

from definitions.document.parser import KnownNames
from definitions.lint import SignalMeaning
from definitions.plain_english.generated_statement import DisplayNames
from leads.models import NamedList, Signal


def read_known_names() -> KnownNames:
    """Return the codes of all signals and the names of all lists, for checking a document."""
    return KnownNames(
        signals=frozenset(Signal.objects.values_list("code", flat=True)),
        lists=frozenset(NamedList.objects.values_list("name", flat=True)),
    )


def read_display_names() -> DisplayNames:
    """Return the names of signals and lists for plain English, by code."""
    return DisplayNames(
        signals=dict(Signal.objects.values_list("code", "name")),
        lists=dict(NamedList.objects.values_list("name", "label")),
    )


def read_signal_meanings() -> Mapping[str, SignalMeaning]:
    """Return the meaning of each signal apart from points, by code, for linting."""
    rows = Signal.objects.values_list("code", "intent", "is_explicit_request", "is_engagement", "closes_request")
    return {code: SignalMeaning(intent, asks, engages, closes) for code, intent, asks, engages, closes in rows}
