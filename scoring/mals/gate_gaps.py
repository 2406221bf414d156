"""Engaged leads whose gate is unknown, with the attributes that are missing, so that they can be enriched (rules 2.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import F, QuerySet

from leads import search
from leads.vocabulary import Stage
from scoring.live.shortfalls import field_label
from scoring.mals import mal_list
from scoring.models import Shortfall, ShortfallKind

#: Stages of leads that are marketing's to enrich.
STAGES: Final = (Stage.LEAD, Stage.MAL)
HEADER: Final = (
    "Id", "Lead", "E-mail", "Title", "Company", "Domain", "Country", "Source", "Stage",
    "Last activity", "Last activity on", "Missing", "Not understood",
)  # fmt: skip

_COUNTS: Final = """
    SELECT missing.field, count(*)
    FROM scoring_shortfall shortfall
    JOIN leads_lead lead ON lead.id = shortfall.lead_id AND lead.merged_into_id IS NULL
    CROSS JOIN LATERAL unnest(shortfall.unknown_fields) AS missing(field)
    WHERE shortfall.kind = %s AND shortfall.active_at IS NOT NULL AND lead.stage = ANY(%s)
    GROUP BY missing.field
    ORDER BY count(*) DESC, missing.field
"""


@dataclass(frozen=True, slots=True)
class GapCount:
    """The number of engaged leads of which an attribute of the gate is unknown."""

    field: str
    count: int

    @property
    def label(self) -> str:
        return field_label(self.field)


@dataclass(frozen=True, slots=True)
class Gap:
    """An attribute that is missing; `text` is the value as it came, if there is one that could not be read."""

    label: str
    text: str


def select_gaps(*, q: str = "", source: str = "", country: str = "", field: str = "") -> QuerySet[Shortfall]:
    """Return the engaged leads whose gate is unknown, the latest activity first; `field` is the attribute missing."""
    rows = Shortfall.objects.filter(
        search.match_leads(q, by="lead__"),
        kind=ShortfallKind.GATE_UNKNOWN,
        active_at__isnull=False,
        lead__stage__in=STAGES,
        lead__merged_into__isnull=True,
    )
    if source:
        rows = rows.filter(lead__source=source)
    if country:
        rows = rows.filter(mal_list.match_country(country, "lead__"))
    if field:
        rows = rows.filter(unknown_fields__contains=[field])
    return rows.select_related("lead__company", "last_event__signal").order_by(F("active_at").desc(), "pk")


def count_gaps() -> list[GapCount]:
    """Return of how many such leads each attribute is missing, the most frequent first."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [ShortfallKind.GATE_UNKNOWN, list(map(str, STAGES))])
        return [GapCount(field, count) for field, count in cursor.fetchall()]


def list_gaps(shortfall: Shortfall) -> list[Gap]:
    """Return the attributes that are missing of one lead, with the texts that could not be read."""
    return [Gap(field_label(field), _text_not_understood(shortfall, field)) for field in shortfall.unknown_fields]


def _text_not_understood(shortfall: Shortfall, field: str) -> str:
    owner, _, name = field.partition(".")
    subject = shortfall.lead.company if owner == "company" else shortfall.lead
    return "" if subject is None else str(subject.not_understood.get(name, ""))


def cells(rows: QuerySet[Shortfall]) -> Iterator[Sequence[object]]:
    """Yield the cells of each lead's row under HEADER."""
    for shortfall in rows.iterator(chunk_size=2000):
        lead, gaps = shortfall.lead, list_gaps(shortfall)
        yield (
            lead.pk,
            lead.name,
            lead.email,
            lead.title,
            str(lead.company or ""),
            lead.company.domain if lead.company else "",
            lead.country or (lead.company.country if lead.company else ""),
            lead.source,
            lead.get_stage_display(),
            mal_list.describe_event(shortfall.last_event),
            shortfall.active_at.isoformat() if shortfall.active_at else "",
            ", ".join(gap.label for gap in gaps),
            ", ".join(f"{gap.label}: {gap.text}" for gap in gaps if gap.text),
        )
