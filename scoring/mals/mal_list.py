"""The list of MALs: what each lacks for an MQL, and what it did last (rules 2.19)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.db.models import Count, F, Q

from leads import search
from leads.models import Event, Lead, LeadQuerySet
from leads.normalization.countries import read_country
from leads.vocabulary import Stage
from scoring.models import Shortfall, ShortfallKind

SORTS: Final = MappingProxyType(
    {
        "active": "Last activity, newest first",
        "quiet": "Quiet for the longest",
        "newest": "Newest MALs",
        "longest": "MAL for the longest",
    }
)
_ORDERS: Final = MappingProxyType(
    {
        "active": F("shortfall__active_at").desc(nulls_last=True),
        "quiet": F("shortfall__active_at").asc(nulls_last=True),
        "newest": F("stage_at").desc(),
        "longest": F("stage_at").asc(),
    }
)
#: Since when a lead is a MAL: the days at least or at most.
PERIODS: Final = MappingProxyType(
    {
        "7": "In the last 7 days",
        "30": "In the last 30 days",
        "90": "In the last 90 days",
        "older": "More than 90 days ago",
    }
)
_OLDER_DAYS: Final = 90
HEADER: Final = (
    "Id", "Lead", "E-mail", "Title", "Company", "Country", "Source", "MAL since",
    "Last activity", "Last activity on", "Missing", "Why it is no MQL",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MissingCount:
    """The number of MALs that lack one thing; `token` finds them."""

    kind: ShortfallKind
    criterion: str
    count: int

    @property
    def token(self) -> str:
        return f"{self.kind}:{self.criterion}"

    @property
    def label(self) -> str:
        return f"{self.kind.label}: {self.criterion}"


def select_mals() -> LeadQuerySet:
    """Return the MALs with their companies and shortfalls. A lead that became one a moment ago has no shortfall yet."""
    rows = Lead.objects.standing().filter(stage=Stage.MAL)
    return rows.select_related("company", "shortfall__last_event__signal")


def filter_mals(
    rows: LeadQuerySet,
    *,
    now: dt.datetime,
    q: str = "",
    source: str = "",
    country: str = "",
    since: str = "",
    missing: str = "",
) -> LeadQuerySet:
    """Filter MALs; `since` is a key of PERIODS, `missing` a token of `count_missing`."""
    rows = rows.filter(search.match_leads(q))
    if source:
        rows = rows.filter(source=source)
    if country:
        rows = rows.filter(match_country(country))
    if since == "older":
        rows = rows.filter(stage_at__lt=now - dt.timedelta(days=_OLDER_DAYS))
    elif since:
        rows = rows.filter(stage_at__gte=now - dt.timedelta(days=int(since)))
    if missing:
        kind, _, criterion = missing.partition(":")
        rows = rows.filter(shortfall__kind=kind, shortfall__criterion=criterion)
    return rows


def sort_mals(rows: LeadQuerySet, sort: str) -> LeadQuerySet:
    """Sort MALs by a key of SORTS, by default by their last activity."""
    return rows.order_by(_ORDERS.get(sort, _ORDERS["active"]), "pk")


def match_country(text: str, path: str = "") -> Q:
    """Return a condition: the person or the company is in the country, by its code or name. `path` leads to the lead."""
    country = read_country(text) or text
    return Q(**{f"{path}country": country}) | Q(**{f"{path}country": "", f"{path}company__country": country})


def count_missing() -> list[MissingCount]:
    """Return how many MALs lack what, the most frequent first."""
    rows = Shortfall.objects.filter(lead__stage=Stage.MAL, lead__merged_into__isnull=True)
    counts = rows.values("kind", "criterion").annotate(count=Count("pk")).order_by("-count", "kind", "criterion")
    return [MissingCount(ShortfallKind(row["kind"]), row["criterion"], row["count"]) for row in counts]


def list_sources() -> list[str]:
    """Return the sources of today's MALs."""
    rows = Lead.objects.standing().filter(stage=Stage.MAL).exclude(source="")
    return list(rows.order_by("source").values_list("source", flat=True).distinct())


def describe_event(event: Event | None) -> str:
    """Say what a lead did last: the signal, and the asset if it names one."""
    if event is None:
        return ""
    return f"{event.signal.name}: {event.asset}" if event.asset else event.signal.name


def shortfall_of(lead: Lead) -> Shortfall | None:
    """Return what a lead lacks; None for one that was not explained yet."""
    shortfall: Shortfall | None = getattr(lead, "shortfall", None)
    return shortfall


def cells(rows: LeadQuerySet) -> Iterator[Sequence[object]]:
    """Yield the cells of each MAL's row under HEADER."""
    for lead in rows.iterator(chunk_size=2000):
        shortfall = shortfall_of(lead)
        yield (
            lead.pk,
            lead.name,
            lead.email,
            lead.title,
            str(lead.company or ""),
            lead.country or (lead.company.country if lead.company else ""),
            lead.source,
            lead.stage_at.isoformat(),
            describe_event(shortfall.last_event) if shortfall else "",
            shortfall.active_at.isoformat() if shortfall and shortfall.active_at else "",
            f"{shortfall.get_kind_display()}: {shortfall.criterion}" if shortfall else "",
            shortfall.why if shortfall else "",
        )
