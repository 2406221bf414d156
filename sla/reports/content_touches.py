"""The touches of content by MALs and MQLs, read for bounded cohorts from the events of their people (rules 12.46, 12.47)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Extract, JSONObject

from config.accounts.models import User
from leads.identity import merges
from leads.models import Event, StageChange
from leads.vocabulary import Stage
from sla.models import ReportedMql
from sla.reports import mql_outcomes
from sla.reports.framework import row_rights
from sla.reports.framework.report_query import ReportQuery

#: Each cohort is that of the newest so many: their events are looked up one by one.
COHORT_AT_MOST: Final = 5_000
WINDOW: Final = dt.timedelta(days=30)
_SOURCES: Final = ("own", "of_aliases", "of_standing")


@dataclass(frozen=True, slots=True, order=True)
class Touch:
    """An engagement of a person with an asset, empty where the event names none, by a signal."""

    asset: str
    signal: str


@dataclass(frozen=True, slots=True)
class MalTouches:
    """A lead that first became MAL in the period; `touches` are those of WINDOW from then on, of one that is no MQL yet."""

    lead: int
    first: Touch | None
    is_mql: bool
    touches: frozenset[Touch]


@dataclass(frozen=True, slots=True)
class MqlTouches:
    """An MQL of the period, with the touches of WINDOW up to its qualification and how far it came."""

    pk: int
    touches: frozenset[Touch]
    is_sal: bool
    is_opportunity: bool


def read_mals(query: ReportQuery, now: dt.datetime) -> list[MalTouches]:
    """Read the newest leads that first became MAL of the motion in the period; of a merged person one. Four queries.

    1. Read the newest changes to MAL of the period.
    2. Keep those that are the first of their lead.
    3. Find out which of these people became MQL since.
    4. Read their touches.
    """
    # 1.
    to_mal = StageChange.objects.filter(motion=query.motion, to_stage=Stage.MAL)
    in_period = to_mal.filter(lead__merged_into__isnull=True, at__gte=query.period.start, at__lt=query.period.end)
    if query.filters.source is not None:
        in_period = in_period.filter(lead__source=query.filters.source)
    leads = dict(in_period.order_by("-at", "-pk").values_list("pk", "lead")[:COHORT_AT_MOST])
    # 2.
    firsts = to_mal.filter(lead__in=set(leads.values())).order_by("lead", "at", "pk").distinct("lead")
    cohort = to_mal.filter(pk__in=leads.keys() & set(firsts.values_list("pk", flat=True)))
    # 3.
    qualified = _list_qualified(query.motion, set(leads.values()), now)
    # 4.
    up_to = _engagements().filter(occurred_at__lte=OuterRef("at"))
    later = _engagements().filter(occurred_at__gte=OuterRef("at"), occurred_at__lt=OuterRef("at") + WINDOW)
    first_touches = {
        f"first_{name}": Subquery(rows.order_by("occurred_at", "pk").values(json=_dated_touch())[:1])
        for name, rows in zip(_SOURCES, merges.of_same_person(up_to), strict=True)
    }
    rows = cohort.annotate(**first_touches, **_touches(later)).values("lead", *first_touches, *_TOUCHES)
    return [
        MalTouches(
            row["lead"],
            _earliest(row[name] for name in first_touches),
            row["lead"] in qualified,
            frozenset() if row["lead"] in qualified else _union(row),
        )
        for row in rows
    ]


def _list_qualified(motion: str, leads: Collection[int], now: dt.datetime) -> set[int]:
    """Return those of these leads whose person became MQL by now."""
    standing = {lead: lead for lead in leads} | dict(merges.list_aliases(leads))
    changes = StageChange.objects.filter(motion=motion, to_stage=Stage.MQL, at__lte=now, lead__in=standing)
    return {standing[lead] for lead in changes.values_list("lead", flat=True)}


def read_mqls(query: ReportQuery, reader: User, now: dt.datetime) -> list[MqlTouches]:
    """Read the newest MQLs of the period that the reader's reports count. Two queries."""
    mqls = row_rights.select_mqls(query, reader).filter(at__gte=query.period.start, at__lt=query.period.end)
    newest = list(mqls.order_by("-at", "-pk").values_list("pk", flat=True)[:COHORT_AT_MOST])
    before = _engagements().filter(occurred_at__lte=OuterRef("at"), occurred_at__gt=OuterRef("at") - WINDOW)
    cohort: Any = mql_outcomes.with_steps(ReportedMql.objects.filter(pk__in=newest), query.motion, now)
    rows = cohort.annotate(**_touches(before)).values("pk", "is_sal", "is_opportunity", *_TOUCHES)
    return [MqlTouches(row["pk"], _union(row), row["is_sal"], row["is_opportunity"]) for row in rows]


_TOUCHES: Final = tuple(f"touches_{name}" for name in _SOURCES)


def _engagements() -> QuerySet[Event]:
    return Event.objects.filter(signal__is_engagement=True)


def _touches(events: QuerySet[Event]) -> dict[str, ArraySubquery]:
    """Return the touches among events of the outer row's person, as columns, since each can use the index of its lead."""
    touch = JSONObject(asset=F("asset"), signal=F("signal__name"))
    return {
        name: ArraySubquery(rows.order_by().values(json=touch).distinct())
        for name, rows in zip(_TOUCHES, merges.of_same_person(events), strict=True)
    }


def _dated_touch() -> JSONObject:
    return JSONObject(asset=F("asset"), signal=F("signal__name"), at=Extract("occurred_at", "epoch"))


def _earliest(touches: Iterable[dict[str, Any] | None]) -> Touch | None:
    known = [touch for touch in touches if touch]
    first = min(known, key=lambda touch: touch["at"], default=None)
    return None if first is None else Touch(first["asset"], first["signal"])


def _union(row: dict[str, Any]) -> frozenset[Touch]:
    return frozenset(Touch(touch["asset"], touch["signal"]) for name in _TOUCHES for touch in row[name])
