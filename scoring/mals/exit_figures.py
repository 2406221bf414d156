"""Figures of MALs: how they left in the last days, and the content that makes MALs and MQLs (rules 2.21, 2.24)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef

from leads import search
from leads.models import Lead, LeadQuerySet, LeadStage, MalExit, StageChange
from leads.stages import mal_exits
from leads.vocabulary import MalExitKind, Motion, Stage

#: Days that the figures look back.
DAYS: Final = 90
#: Rows of content that a page shows.
CONTENT_SHOWN: Final = 12
#: Leads of a download whose changes are read together.
_CHUNK: Final = 2000
HEADER: Final = ("Id", "Lead", "E-mail", "Company", "Left as", "On", "By", "Why")

#: The last thing that a lead did before it became a MAL, and before a MAL became an MQL.
_CONTENT: Final = """
    SELECT signal.name, last.asset,
           count(*) FILTER (WHERE change.to_stage = %(mal)s),
           count(*) FILTER (WHERE change.to_stage = %(mql)s)
    FROM leads_stagechange change
    CROSS JOIN LATERAL (
        SELECT event.signal_id, event.asset
        FROM leads_event event
        JOIN leads_signal kind ON kind.id = event.signal_id AND kind.is_engagement
        WHERE event.lead_id = change.lead_id AND event.occurred_at <= change.at
        ORDER BY event.occurred_at DESC, event.id DESC
        LIMIT 1
    ) last
    JOIN leads_signal signal ON signal.id = last.signal_id
    WHERE change.motion = 'mql' AND change.at >= %(since)s AND change.at <= %(now)s AND (
        change.to_stage = %(mal)s AND change.from_stage = %(lead)s
        OR change.to_stage = %(mql)s AND change.from_stage = %(mal)s
    )
    GROUP BY signal.name, last.asset
    ORDER BY count(*) DESC, signal.name, last.asset
    LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class ExitCounts:
    """The numbers of leads that left the MALs in a period. `still_quiet` are the quiet ones that are paused now."""

    mql: int
    quiet: int
    still_quiet: int
    wrong_fit: int
    bought_elsewhere: int

    @property
    def taken_out(self) -> int:
        """Return how many a person took out for good."""
        return self.wrong_fit + self.bought_elsewhere


@dataclass(frozen=True, slots=True)
class ContentCounts:
    """The times that some content came last before a lead became a MAL, and before a MAL became an MQL."""

    signal: str
    asset: str
    mals: int
    mqls: int


@dataclass(frozen=True, slots=True)
class LeftLead:
    """A lead that left the MALs, with the change by which it did."""

    lead: Lead
    kind: MalExitKind
    change: StageChange | None


def count_exits(now: dt.datetime) -> ExitCounts:
    """Return how many leads left the MALs in the last 90 days. An exit that was taken back does not count.

    A lead that sales sent back in another motion is a MAL there and leaves there; in several motions it counts once.
    """
    since = now - dt.timedelta(days=DAYS)
    changes = StageChange.objects.filter(from_stage=Stage.MAL, at__gte=since, at__lte=now)
    stages = LeadStage.objects.filter(lead=OuterRef("lead"), since=OuterRef("at"))
    still_paused = stages.filter(motion=OuterRef("motion"), stage=Stage.PAUSED)
    paused = changes.filter(to_stage=Stage.PAUSED).aggregate(
        quiet=Count("lead", distinct=True), still_quiet=Count("lead", distinct=True, filter=Exists(still_paused))
    )
    standing = MalExit.objects.filter(Exists(stages), at__gte=since, at__lte=now)
    by_hand = dict(standing.values_list("kind").annotate(count=Count("pk")))
    return ExitCounts(
        mql=changes.filter(motion=Motion.MQL, to_stage=Stage.MQL).count(),
        quiet=paused["quiet"],
        still_quiet=paused["still_quiet"],
        wrong_fit=by_hand.get(MalExitKind.WRONG_FIT, 0),
        bought_elsewhere=by_hand.get(MalExitKind.BOUGHT_ELSEWHERE, 0),
    )


def count_content(now: dt.datetime) -> list[ContentCounts]:
    """Return the content that came last before MALs and before MQLs made of MALs, in the last 90 days."""
    values: dict[str, str | int | dt.datetime] = {
        "lead": Stage.LEAD,
        "mal": Stage.MAL,
        "mql": Stage.MQL,
        "since": now - dt.timedelta(days=DAYS),
        "now": now,
        "limit": CONTENT_SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONTENT, values)
        return [ContentCounts(*row) for row in cursor.fetchall()]


def select_left(*, q: str = "", kind: str = "") -> LeadQuerySet:
    """Return the leads that left the MALs and may come back, the latest first; `kind` is one of MalExitKind."""
    rows = mal_exits.select_left(kind).filter(search.match_leads(q)).select_related("company")
    return rows.order_by(F("left_at").desc(), "-pk")


def build_left_leads(leads: Sequence[Lead]) -> list[LeftLead]:
    """Return the leads, as `select_left` gives them, with the change by which each left; one query for all."""
    changes = _read_last_changes(lead.pk for lead in leads)
    return [LeftLead(lead, _exit_kind(lead), changes.get((lead.pk, _exit_motion(lead)))) for lead in leads]


def cells(rows: LeadQuerySet) -> Iterator[Sequence[object]]:
    """Yield the cells of each lead's row under HEADER."""
    batch: list[Lead] = []
    for lead in rows.iterator(chunk_size=_CHUNK):
        batch.append(lead)
        if len(batch) == _CHUNK:
            yield from map(_left_cells, build_left_leads(batch))
            batch = []
    yield from map(_left_cells, build_left_leads(batch))


def _left_cells(row: LeftLead) -> Sequence[object]:
    return (
        row.lead.pk,
        row.lead.name,
        row.lead.email,
        str(row.lead.company or ""),
        row.kind.label,
        row.change.at.isoformat() if row.change else "",
        str(row.change.by) if row.change and row.change.by else "Accord",
        row.change.why if row.change else "",
    )


def _read_last_changes(lead_ids: Iterable[int]) -> Mapping[tuple[int, str], StageChange]:
    """Return the last change of these leads in each motion, by lead and motion."""
    rows = StageChange.objects.filter(lead__in=list(lead_ids)).select_related("by")
    latest = rows.order_by("lead", "motion", "-pk").distinct("lead", "motion")
    return {(change.lead_id, change.motion): change for change in latest}


def _exit_motion(lead: Lead) -> str:
    motion: str = getattr(lead, "left_motion", Motion.MQL)
    return motion


def _exit_kind(lead: Lead) -> MalExitKind:
    kind: str | None = getattr(lead, "exit_kind", None)
    return MalExitKind(kind or MalExitKind.QUIET)
