"""What the floor below has on offer for a definition to name: signals and named lists."""

from __future__ import annotations

from collections.abc import Mapping

from definitions.document.parser import Catalogue
from definitions.lint import Meaning
from definitions.plain_english.generated_statement import Names
from leads.models import NamedList, Signal


def current() -> Catalogue:
    return Catalogue(
        signals=frozenset(Signal.objects.values_list("code", flat=True)),
        lists=frozenset(NamedList.objects.values_list("name", flat=True)),
    )


def names() -> Names:
    return Names(
        signals=dict(Signal.objects.values_list("code", "name")),
        lists=dict(NamedList.objects.values_list("name", "label")),
    )


def meanings() -> Mapping[str, Meaning]:
    """What each signal means apart from points, by code: for linting."""
    rows = Signal.objects.values_list("code", "intent", "is_explicit_request", "is_engagement", "closes_request")
    return {code: Meaning(intent, asks, engages, closes) for code, intent, asks, engages, closes in rows}
