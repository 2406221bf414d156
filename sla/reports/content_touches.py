"""The touches of content by MALs and MQLs, read for bounded cohorts from the events of their people (rules 12.49, 12.50)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Extract, JSONObject

from config.accounts.models import User
from leads.identity import merges
from leads.models import Event, StageChange
from leads.vocabulary import Stage
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
    """Read the newest leads that first became MAL of the motion in the period; of a merged person one. One query."""
    became = StageChange.objects.filter(motion=query.motion, to_stage=Stage.MAL, lead__merged_into__isnull=True)
    earlier = became.filter(
        Q(at__lt=OuterRef("at")) | Q(at=OuterRef("at"), pk__lt=OuterRef("pk")), lead=OuterRef("lead")
    )
    mals = became.filter(~Exists(earlier), at__gte=query.period.start, at__lt=query.period.end)
    if query.filters.source is not None:
        mals = mals.filter(lead__source=query.filters.source)
    qualified = StageChange.objects.filter(motion=query.motion, to_stage=Stage.MQL, at__lte=now)
    up_to = _engagements().filter(occurred_at__lte=OuterRef("at"))
    later = _engagements().filter(occurred_at__gte=OuterRef("at"), occurred_at__lt=OuterRef("at") + WINDOW)
    firsts = {
        f"first_{name}": Subquery(rows.order_by("occurred_at", "pk").values(json=_dated_touch())[:1])
        for name, rows in zip(_SOURCES, merges.of_same_person(up_to), strict=True)
    }
    rows = mals.annotate(is_mql=merges.any_of_same_person(qualified), **firsts, **_touches(later))
    newest = rows.order_by("-at", "-pk").values("lead", "is_mql", *firsts, *_TOUCHES)[:COHORT_AT_MOST]
    return [
        MalTouches(
            row["lead"],
            _earliest(row[name] for name in firsts),
            row["is_mql"],
            frozenset() if row["is_mql"] else _union(row),
        )
        for row in newest
    ]


def read_mqls(query: ReportQuery, reader: User, now: dt.datetime) -> list[MqlTouches]:
    """Read the newest MQLs of the period that the reader's reports count. One query."""
    mqls = row_rights.select_mqls(query, reader).filter(at__gte=query.period.start, at__lt=query.period.end)
    before = _engagements().filter(occurred_at__lte=OuterRef("at"), occurred_at__gt=OuterRef("at") - WINDOW)
    rows: Any = mql_outcomes.with_steps(mqls, query.motion, now).annotate(**_touches(before))
    newest = rows.order_by("-at", "-pk").values("pk", "is_sal", "is_opportunity", *_TOUCHES)[:COHORT_AT_MOST]
    return [MqlTouches(row["pk"], _union(row), row["is_sal"], row["is_opportunity"]) for row in newest]


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
