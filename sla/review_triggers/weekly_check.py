"""The check of a closed week: MQL volume by source and campaign against its trend (rules 8.14)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import Count, Min, QuerySet
from django.db.models.functions import TruncWeek

from config.calendar_periods import CalendarWeek
from definitions import versions
from definitions.models import Definition, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.models import Event, Lead
from scoring.active_versions import rules_of
from scoring.backtests.intervals_and_tests import Sample
from scoring.columns import fact_reader
from scoring.engine.judge import axes
from scoring.engine.profile import PASS
from scoring.instants import microseconds
from scoring.models import Qualification
from sla.models import Disposition
from sla.reported_mqls.mql_context import campaign_of_mql
from sla.review_triggers.review_drafts import ReviewDraft, describe_period
from sla.review_triggers.trigger_rules import DEVIATIONS, TREND_WEEKS, VolumeTrend, measure_trend
from sla.vocabulary import DispositionKind

CAUSE_AT_MOST: Final = 100
DIGEST_SHOWN: Final = 16
#: The gate is judged on so many of the leads that a source brought, the newest.
JUDGED_AT_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class VolumeOrigin:
    """A source or a campaign of MQLs."""

    kind: str
    name: str

    @property
    def cause(self) -> str:
        """Return the cause of its review, as source:webinar; a long one is cut and told apart by a digest of the whole."""
        cause = f"{self.kind}:{self.name}"
        if len(cause) <= CAUSE_AT_MOST:
            return cause
        digest = hashlib.sha256(cause.encode()).hexdigest()[:DIGEST_SHOWN]
        return f"{cause[: CAUSE_AT_MOST - DIGEST_SHOWN - 1]}…{digest}"

    @property
    def label(self) -> str:
        return f"{self.kind} “{self.name or 'none'}”"


def check_week(definition: Definition, week: CalendarWeek, now: dt.datetime) -> Iterator[ReviewDraft]:
    """Yield a spot review for each source or campaign whose MQLs of a closed week lie above their trend."""
    weeks = _list_weeks(definition, week)
    counts = _count_by_origin(definition, weeks)
    for origin in sorted(counts, key=lambda origin: origin.cause):
        by_week = [counts[origin][period.name] for period in weeks]
        trend = measure_trend(by_week)
        if trend is not None and trend.is_spike:
            history = dict(zip((period.name for period in weeks), by_week, strict=True))
            yield _write_draft(definition, origin, week, trend, history, now)


def _list_weeks(definition: Definition, week: CalendarWeek) -> list[CalendarWeek]:
    """Return the week and up to TREND_WEEKS before it, the oldest first, from the definition's first whole week on."""
    first = Qualification.objects.filter(definition=definition).aggregate(first=Min("at"))["first"]
    weeks = [CalendarWeek.containing(week.start, weeks_back=back) for back in range(TREND_WEEKS, -1, -1)]
    return [period for period in weeks if first is not None and period.start >= first] or [week]


def _count_by_origin(definition: Definition, weeks: list[CalendarWeek]) -> dict[VolumeOrigin, Counter[str]]:
    """Count the MQLs of each source and campaign by the name of their week."""
    qualified = Qualification.objects.filter(definition=definition, at__gte=weeks[0].start, at__lt=weeks[-1].end)
    rows = qualified.annotate(
        campaign=campaign_of_mql(), week=TruncWeek("at", tzinfo=ZoneInfo(settings.COMPANY_TIME_ZONE))
    )
    counts: dict[VolumeOrigin, Counter[str]] = {}
    for row in rows.order_by().values("week", "lead__source", "campaign").annotate(count=Count("pk")):
        origins = [VolumeOrigin("source", row["lead__source"])]
        if row["campaign"]:
            origins.append(VolumeOrigin("campaign", row["campaign"]))
        for origin in origins:
            counts.setdefault(origin, Counter())[CalendarWeek.containing(row["week"]).name] += row["count"]
    return counts


def _write_draft(
    definition: Definition,
    origin: VolumeOrigin,
    week: CalendarWeek,
    trend: VolumeTrend,
    history: dict[str, int],
    now: dt.datetime,
) -> ReviewDraft:
    version = versions.find_in_force(definition, week.end)
    return ReviewDraft(
        trigger=ReviewTrigger.VOLUME_SPIKE,
        kind=ReviewKind.SPOT,
        title=(
            f"{trend.count} {definition.motion.upper()}s of the {origin.label[:80]} in {week.label}, where the trend says"
            f" {trend.expected:.0f}"
        ),
        period=week.name,
        cause=origin.cause,
        evidence={
            "origin": origin.label,
            **describe_period(week),
            "volume": {
                "count": trend.count,
                "expected": round(trend.expected, 1),
                "deviation": round(trend.deviation, 1),
                "deviations": DEVIATIONS,
            },
            "weeks": [{"week": name, "count": count} for name, count in history.items()],
            "spike": _describe_quality(definition, origin, week, version, now),
        },
        proposal=(
            "Look whether the leads are ideal customers, and what sales made of them. Do not change the definition for a spike"
            " of volume: send a source that brings others to nurture."
        ),
    )


def _describe_quality(
    definition: Definition, origin: VolumeOrigin, week: CalendarWeek, version: Version | None, now: dt.datetime
) -> list[dict[str, Any]]:
    """Return the ICP share of the people whom the origin brought in the week, and what sales made of its MQLs so far."""
    mqls = _select_mqls(definition, origin).filter(at__gte=week.start, at__lt=week.end)
    standing = Disposition.objects.standing().filter(at__lte=now, handoff__qualification__in=mqls.values("pk"))
    accepted = standing.filter(kind=DispositionKind.ACCEPT).count()
    rows = [_as_row("Its MQLs that sales accepted, of those decided so far", Sample(accepted, standing.count()))]
    if version is not None:
        passing = _count_passing(version, _list_people(origin, week), week.end)
        rows.insert(0, _as_row("People it brought who pass the gate (ICP), of all it brought in the week", passing))
    earlier = _select_mqls(definition, origin).filter(at__lt=week.start).values_list("fit", flat=True)
    return [*rows, *_compare_fit(list(mqls.values_list("fit", flat=True)), list(earlier))]


def _select_mqls(definition: Definition, origin: VolumeOrigin) -> QuerySet[Qualification]:
    mqls = Qualification.objects.filter(definition=definition).order_by()
    if origin.kind == "source":
        return mqls.filter(lead__source=origin.name)
    return mqls.annotate(campaign=campaign_of_mql()).filter(campaign=origin.name)


def _list_people(origin: VolumeOrigin, week: CalendarWeek) -> list[int]:
    """Return the ids of the leads that a source brought in the week, or that answered a campaign in it."""
    if origin.kind == "source":
        brought = Lead.objects.filter(source=origin.name, recorded_at__gte=week.start, recorded_at__lt=week.end)
        return list(brought.order_by("-pk").values_list("pk", flat=True)[:JUDGED_AT_MOST])
    events = Event.objects.filter(occurred_at__gte=week.start, occurred_at__lt=week.end)
    answered = events.filter(properties__campaign=origin.name, lead__isnull=False).order_by("-lead_id")
    return [pk for pk in answered.values_list("lead_id", flat=True).distinct()[:JUDGED_AT_MOST] if pk is not None]


def _count_passing(version: Version, lead_ids: list[int], at: dt.datetime) -> Sample:
    """Count the leads that pass the version's gate at an instant; aliases of other leads are left out."""
    rules = rules_of(version)
    facts = fact_reader.read_for_leads(lead_ids, rules)
    leads = np.arange(len(facts))
    measured = axes(rules, facts, leads, np.full(leads.size, microseconds(at) - 1))
    return Sample(int(np.count_nonzero(measured.gate == PASS)), int(leads.size))


def _compare_fit(fits: list[float], earlier: list[float]) -> list[dict[str, Any]]:
    """Return how many of the spike's MQLs reach the fit that half of the origin's earlier MQLs had."""
    if not earlier:
        return []
    usual = median(earlier)
    return [_as_row(f"Its MQLs with at least the {usual:g} points of fit that half of the earlier ones had",
                    Sample(sum(fit >= usual for fit in fits), len(fits)))]  # fmt: skip


def _as_row(label: str, sample: Sample) -> dict[str, Any]:
    percent = None if sample.rate is None else round(sample.rate * 100, 1)
    return {"quality": label, "count": sample.hits, "of": sample.total, "percent": percent}
