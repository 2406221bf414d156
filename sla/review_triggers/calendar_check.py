"""Reviews that are due by the calendar: the quarter, the joint session, the recalibration, a stale version (rules 8.9, 8.19 to 8.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import Max, Min, Q

from config.calendar_periods import CalendarQuarter
from definitions import versions
from definitions.models import Definition, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import benchmarks, readings, version_figures
from sla.figure_catalogue.catalogue import ACCEPTANCE, CATALOGUE, MQL_TO_SQL, REJECTION, RateReading
from sla.review_triggers import last_decisions, quarter_wins
from sla.review_triggers.due_reviews import DueReview, Occasion, ReviewDates
from sla.review_triggers.review_drafts import ReviewDraft
from sla.review_triggers.trigger_rules import DRIFT_POINTS, has_drifted

_DEEP: Final = (ReviewKind.FULL, ReviewKind.JOINT, ReviewKind.RECONCILIATION)
_TRIGGERS: Final = {
    Occasion.QUARTER: (ReviewTrigger.QUARTER, ReviewKind.LIGHT),
    Occasion.JOINT: (ReviewTrigger.JOINT, ReviewKind.JOINT),
    Occasion.ANNUAL: (ReviewTrigger.ANNUAL, ReviewKind.FULL),
    Occasion.OLD_VERSION: (ReviewTrigger.STALE, ReviewKind.LIGHT),
    Occasion.NO_DEEP_REVIEW: (ReviewTrigger.STALE, ReviewKind.LIGHT),
}
_TITLES: Final = {
    Occasion.QUARTER: "Quarterly check of {definition}",
    Occasion.JOINT: "Joint session on {definition}, six months after the last",
    Occasion.ANNUAL: "Annual recalibration of {definition}",
    Occasion.OLD_VERSION: "{version} has been in force for 18 months",
    Occasion.NO_DEEP_REVIEW: "Six months without a deep review of {definition}",
}
_PROPOSALS: Final = {
    Occasion.QUARTER: "Thirty minutes: SAL and rejection rate against the target, the wins, one thing to change or none.",
    Occasion.JOINT: "Marketing and sales look at two quarters of conversions together and confirm or change the definition.",
    Occasion.ANNUAL: "Recalibrate points and threshold on the year's wins: backtest, signal lifts, score bands.",
    Occasion.OLD_VERSION: "Confirm the version with a backtest on recent wins, or change it.",
    Occasion.NO_DEEP_REVIEW: "Hold a full or joint review, or decide here that the definition still describes who buys.",
}
_QUARTERS_OF_JOINT: Final = 2
_QUARTERS_OF_ANNUAL: Final = 4


def read_dates(definition: Definition) -> ReviewDates | None:
    """Read from when the reviews of a definition are counted; None without a version in force."""
    activated = Version.objects.filter(definition=definition).aggregate(
        adopted=Min("activated_at"), active=Max("activated_at", filter=Q(state="active"))
    )
    if activated["active"] is None:
        return None
    last = definition.reviews.aggregate(
        # A spot review looks at one event and says nothing about the quarter.
        any=Max("decided_at", filter=~Q(kind=ReviewKind.SPOT)),
        joint=Max("decided_at", filter=Q(kind=ReviewKind.JOINT)),
        annual=Max("decided_at", filter=Q(trigger=ReviewTrigger.ANNUAL)),
        deep=Max("decided_at", filter=Q(kind__in=_DEEP)),
    )
    return ReviewDates(
        activated["adopted"], activated["active"], last["any"], last["joint"], last["annual"], last["deep"]
    )


def check_due(definition: Definition, due: DueReview, now: dt.datetime) -> Iterator[ReviewDraft]:
    """Yield a review that is due, with the pack of the closed quarters."""
    version = Version.objects.active().get(definition=definition)
    trigger, kind = _TRIGGERS[due.occasion]
    yield ReviewDraft(
        trigger=trigger,
        kind=kind,
        title=_TITLES[due.occasion].format(definition=definition, version=version),
        period=f"{due.due_at:%Y-%m-%d}",
        evidence={"due_at": due.due_at.isoformat(), **collect_pack(version, trigger=trigger, kind=kind, now=now)},
        proposal=_PROPOSALS[due.occasion],
    )


def collect_pack(version: Version, *, trigger: ReviewTrigger, kind: ReviewKind, now: dt.datetime) -> dict[str, Any]:
    """Return the rates of the closed quarters, the newest first, their parts by source and band, and the coverage of wins.

    A joint session reads the last wins and rejections besides (rules 8.38).
    """
    definition, count = version.definition, _QUARTERS_OF_JOINT if kind == ReviewKind.JOINT else 1
    count = _QUARTERS_OF_ANNUAL if trigger == ReviewTrigger.ANNUAL else count
    quarters = [CalendarQuarter.containing(now, quarters_back=back) for back in range(1, count + 1)]
    bounds = (quarters[-1].start, quarters[0].end)
    rates = [row for quarter in quarters for row in _read_rates(definition, quarter, now)]
    pack: dict[str, Any] = {
        "active_version": version.number,
        "active_since": version.activated_at.isoformat() if version.activated_at else None,
        "from": bounds[0].isoformat(),
        "to": bounds[1].isoformat(),
        "target_percent": float(version.sal_rate_target * 100),
        "off_target": _describe_drift(definition, version, quarters[0], now),
        "rates": rates,
        "benchmarks": benchmarks.as_evidence([REJECTION.key, MQL_TO_SQL.key]),
    }
    if kind == ReviewKind.JOINT:
        pack |= last_decisions.collect_evidence(definition, now)
    if definition.motion == Motion.AQL:
        return pack
    start, end = bounds
    by_source = readings.read_by_source(MQL_TO_SQL, definition=definition, start=start, end=end, now=now)
    by_band = readings.read_by_band(MQL_TO_SQL, definition=definition, start=start, end=end, now=now)
    parts = {source or "no source": sample for source, sample in by_source.items()}
    bands = {readings.band_name(band): sample for band, sample in by_band.items()}
    return pack | {
        "by_source": _describe_parts(parts, definition, quarters[0], now),
        "by_band": _describe_parts(bands, definition, quarters[0], now),
        "coverage": quarter_wins.read_trend(definition),
    }


def _describe_parts(
    parts: Mapping[str, Sample], definition: Definition, latest: CalendarQuarter, now: dt.datetime
) -> list[dict[str, Any]]:
    """Return a row for each part of the MQLs with its conversion; `latest` is the quarter of the youngest."""
    figure = version_figures.apply_range(MQL_TO_SQL, versions.find_in_force(definition, latest.end))
    window = figure.matures_after
    is_mature = window is None or latest.end + window <= now
    return [
        RateReading(figure, sample, window, is_mature).as_evidence(definition.motion) | {"figure": name}
        for name, sample in parts.items()
    ]


def _read_rates(definition: Definition, quarter: CalendarQuarter, now: dt.datetime) -> list[dict[str, Any]]:
    """Return the rates of a quarter; each lead is given the same time to convert, so that quarters can be compared."""
    rates, version = [], versions.find_in_force(definition, quarter.end)
    for figure in (version_figures.apply_range(figure, version) for figure in CATALOGUE.values()):
        window = figure.matures_after
        sample = readings.read_rate(
            figure, definition=definition, start=quarter.start, end=quarter.end, now=now, within=window
        )
        # A definition of companies has no SQLs.
        if definition.motion != Motion.AQL or sample.total:
            is_mature = window is None or quarter.end + window <= now
            rates.append(RateReading(figure, sample, window, is_mature).as_evidence(definition.motion, quarter.name))
    return rates


def _describe_drift(definition: Definition, version: Version, quarter: CalendarQuarter, now: dt.datetime) -> str:
    accepted = readings.read_rate(ACCEPTANCE, definition=definition, start=quarter.start, end=quarter.end, now=now)
    if RateReading(ACCEPTANCE, accepted).is_small:
        return "Too few decisions to say."
    off = has_drifted(accepted, (versions.find_in_force(definition, quarter.end) or version).sal_rate_target)
    return f"{'More' if off else 'Not more'} than {DRIFT_POINTS} points off the target in {quarter.label}."
