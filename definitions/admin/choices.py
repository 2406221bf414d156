"""The choices that the rows of a draft offer: signals, named lists, and the values found in the stored data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, F, Func, Max, Q, TextField

from definitions.document import criterion_fields
from leads.models import Company, Lead, NamedList, Signal
from leads.vocabulary import EntryStatus, Intent, Seniority

#: The longest list of values to choose from; other values can still be typed.
SHOWN: Final = 200
#: Values are counted in this many latest rows only, so that the page opens fast with millions of leads.
SAMPLE: Final = 100_000
_CACHE_SECONDS: Final = 600
_CACHE_KEY: Final = "definitions:values-at-hand"

_INTENTS: Final = {Intent.HIGH: "High intent", Intent.MEDIUM: "Medium intent", Intent.LOW: "Low intent"}
_COMPANY_FIELDS: Final = ("industry", "country", "region", "business_model")
_LEAD_FIELDS: Final = ("country", "region", "source", "budget", "timeline")


@dataclass(frozen=True, slots=True)
class ValueChoice:
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class SignalChoice:
    pk: int
    code: str
    name: str
    is_request: bool

    @property
    def label(self) -> str:
        return f"{self.name} (request)" if self.is_request else self.name


@dataclass(frozen=True, slots=True)
class AvailableChoices:
    """The choices for all rows of a page.

    `signals` stand by intent, highest first; `lists` as form choices; `values` by field, the most frequent first.
    """

    signals: tuple[tuple[str, tuple[SignalChoice, ...]], ...]
    lists: tuple[tuple[int, str], ...]
    values: Mapping[str, tuple[ValueChoice, ...]]
    own_fields: tuple[str, ...]

    @property
    def signal_choices(self) -> list[tuple[str, list[tuple[int, str]]]]:
        return [(intent, [(signal.pk, signal.label) for signal in signals]) for intent, signals in self.signals]

    @property
    def high_intent(self) -> tuple[str, ...]:
        """The codes of the signals of high intent."""
        label = _INTENTS[Intent.HIGH]
        return tuple(signal.code for intent, signals in self.signals if intent == label for signal in signals)

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(signal.code, signal.label) for _, signals in self.signals for signal in signals]


def load_available_choices() -> AvailableChoices:
    """Return the choices; the values of the stored data may be up to ten minutes old."""
    cached_values = cache.get(_CACHE_KEY)
    if cached_values is None:
        cached_values = _read_values()
        cache.set(_CACHE_KEY, cached_values, _CACHE_SECONDS)
    return AvailableChoices(_read_signals(), _read_lists(), *cached_values)


def _read_signals() -> tuple[tuple[str, tuple[SignalChoice, ...]], ...]:
    order = list(_INTENTS)
    rows = Signal.objects.order_by("name", "pk").values_list("intent", "pk", "code", "name", "is_explicit_request")
    ranked = sorted(rows, key=lambda row: order.index(Intent(row[0])))
    by_intent = groupby(ranked, key=lambda row: Intent(row[0]))
    return tuple((_INTENTS[intent], tuple(SignalChoice(*row[1:]) for row in group)) for intent, group in by_intent)


def _read_lists() -> tuple[tuple[int, str], ...]:
    lists = NamedList.objects.annotate(size=Count("entries", filter=~Q(entries__status=EntryStatus.REMOVED))).order_by(
        "label", "pk"
    )
    return tuple((named.pk, f"{named.label} ({named.size:,})") for named in lists)


def _read_values() -> tuple[dict[str, tuple[ValueChoice, ...]], tuple[str, ...]]:
    companies, leads = _latest_rows(Company), _latest_rows(Lead)
    values = {f"company.{name}": _count_values(companies, F(name), "companies") for name in _COMPANY_FIELDS}
    values["company.technologies"] = _count_values(companies, _expand_column("technologies", "unnest"), "companies")
    values |= {f"lead.{name}": _count_values(leads, F(name), "leads") for name in _LEAD_FIELDS}
    values["lead.seniority"] = tuple(ValueChoice(str(value), str(label)) for value, label in Seniority.choices)
    return values, (*_read_custom_fields("lead", leads), *_read_custom_fields("company", companies))


def _latest_rows(model: Any) -> Any:
    last = model.objects.aggregate(last=Max("pk"))["last"] or 0
    return model.objects.filter(pk__gt=last - SAMPLE)


def _expand_column(column: str, function: str) -> Func:
    return Func(F(column), function=function, output_field=TextField())


def _count_values(rows: Any, value: Any, noun: str) -> tuple[ValueChoice, ...]:
    counted = rows.values_list(value).annotate(count=Count("pk")).order_by("-count")[: SHOWN + 1]
    values = sorted(((text, count) for text, count in counted if text), key=lambda row: (-row[1], row[0]))
    return tuple(ValueChoice(text, f"{count:,} {noun}") for text, count in values[:SHOWN])


def _read_custom_fields(kind: str, rows: Any) -> tuple[str, ...]:
    """Return the fields of the customer's own attributes that a criterion can name."""
    keys = rows.exclude(custom={}).values_list(_expand_column("custom", "jsonb_object_keys"), flat=True).distinct()
    names = (f"{kind}.custom.{key}" for key in sorted(keys[:SHOWN]))
    return tuple(name for name in names if criterion_fields.CUSTOM_FIELD.fullmatch(name))
