"""The checks of a closed quarter: drift, conversion, score bands, and the wins (rules 8.15 to 8.18, 8.22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from config.calendar_periods import CalendarQuarter
from definitions import versions
from definitions.models import Definition
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample, compare
from sla.figure_catalogue import readings, version_figures
from sla.figure_catalogue.catalogue import ACCEPTANCE, MQL_TO_SQL, RateFigure, RateReading
from sla.review_triggers import quarter_wins
from sla.review_triggers.review_drafts import ReviewDraft, describe_period
from sla.review_triggers.trigger_rules import (
    DRIFT_POINTS,
    FEWEST_WINS,
    ICP_POINTS,
    LOW_BAND_PERCENT,
    has_drifted,
    has_dropped,
    has_icp_changed,
    is_low_band,
)


def check_quarter(definition: Definition, quarter: CalendarQuarter, now: dt.datetime) -> Iterator[ReviewDraft]:
    """Store the coverage of a closed quarter's wins; yield a review where the SAL rate drifted or the wins changed."""
    version = versions.find_in_force(definition, quarter.end)
    if version is None:
        return
    accepted = _read(ACCEPTANCE, definition, quarter, now)
    if has_drifted(accepted, version.sal_rate_target):
        yield _draft_drift(definition, quarter, accepted, float(version.sal_rate_target * 100))
    if definition.motion == Motion.AQL:
        return
    before = CalendarQuarter.containing(quarter.start, quarters_back=1)
    wins, wins_before = quarter_wins.judge_wins(version, (quarter, before), until=quarter.end)
    quarter_wins.keep_coverage(version, quarter, wins, now)
    if has_icp_changed(wins.outside_gate, wins_before.outside_gate):
        yield _draft_icp_change(definition, quarter, wins.outside_gate, wins_before.outside_gate)


def check_conversion(
    definition: Definition, figure: RateFigure, quarter: CalendarQuarter, now: dt.datetime
) -> Iterator[ReviewDraft]:
    """Yield a review where a closed quarter converted less than the one before, each lead within the same time."""
    before = CalendarQuarter.containing(quarter.start, quarters_back=1)
    rate, rate_before = (_read(figure, definition, period, now) for period in (quarter, before))
    if not has_dropped(rate, rate_before):
        return
    motion, name = definition.motion, figure.name_for(definition.motion)
    in_force = {period: versions.find_in_force(definition, period.end) for period in (quarter, before)}
    figures = {period: version_figures.apply_range(figure, version) for period, version in in_force.items()}
    days = figure.matures_after.days if figure.matures_after else 0
    p_value = compare(rate, rate_before).p_value
    yield ReviewDraft(
        trigger=ReviewTrigger.CONVERSION_DROP,
        kind=ReviewKind.FULL,
        title=(f"{name} of {_percent(rate)} in {quarter.label}, after {_percent(rate_before)} in the quarter before"),
        period=quarter.name,
        cause=figure.key,
        evidence={
            **describe_period(quarter),
            "days_to_convert": days,
            "p_value": None if p_value is None else round(p_value, 4),
            "rates": [
                RateReading(figures[period], sample).as_evidence(motion, period.name)
                for period, sample in ((quarter, rate), (before, rate_before))
            ],
            "by_source": [
                RateReading(figures[quarter], sample).as_evidence(motion) | {"figure": source or "no source"}
                for source, sample in readings.read_by_source(
                    figure, definition=definition, start=quarter.start, end=quarter.end, now=now
                ).items()
            ],
        },
        proposal="Look at the sources and score bands that lost most, and backtest the version in force on the quarter.",
    )


def check_bands(definition: Definition, quarter: CalendarQuarter, now: dt.datetime) -> Iterator[ReviewDraft]:
    """Yield a review for each score band whose MQLs of a closed quarter hardly ever became SQLs."""
    by_band = readings.read_by_band(MQL_TO_SQL, definition=definition, start=quarter.start, end=quarter.end, now=now)
    figure = version_figures.apply_range(MQL_TO_SQL, versions.find_in_force(definition, quarter.end))
    rows = [
        RateReading(figure, sample).as_evidence(definition.motion) | {"figure": readings.band_name(band)}
        for band, sample in by_band.items()
    ]
    for band, sample in by_band.items():
        if is_low_band(sample):
            yield ReviewDraft(
                trigger=ReviewTrigger.LOW_BAND,
                kind=ReviewKind.FULL,
                title=(
                    f"{MQL_TO_SQL.name_for(definition.motion)} of {_percent(sample)} at {readings.band_name(band)} in"
                    f" {quarter.label}, below {LOW_BAND_PERCENT} %"
                ),
                period=quarter.name,
                cause=readings.band_name(band),
                evidence={**describe_period(quarter), "by_band": rows},
                proposal="Recalibrate: what gives these leads their points does not predict that they buy.",
            )


def _read(figure: RateFigure, definition: Definition, period: CalendarQuarter, now: dt.datetime) -> Sample:
    return readings.read_rate(
        figure,
        definition=definition,
        start=period.start,
        end=period.end,
        now=now,
        within=figure.matures_after,
    )


def _draft_drift(
    definition: Definition, quarter: CalendarQuarter, accepted: Sample, target_percent: float
) -> ReviewDraft:
    return ReviewDraft(
        trigger=ReviewTrigger.DRIFT,
        kind=ReviewKind.LIGHT,
        title=(
            f"SAL rate of {_percent(accepted)} in {quarter.label}, more than {DRIFT_POINTS} points off the target of"
            f" {target_percent:.3g} %"
        ),
        period=quarter.name,
        evidence={
            **describe_period(quarter),
            "target_percent": target_percent,
            "rates": [RateReading(ACCEPTANCE, accepted).as_evidence(definition.motion)],
        },
        proposal="Adjust the definition or the target, and say which of them was wrong.",
    )


def _draft_icp_change(definition: Definition, quarter: CalendarQuarter, outside: Sample, before: Sample) -> ReviewDraft:
    return ReviewDraft(
        trigger=ReviewTrigger.ICP_CHANGE,
        kind=ReviewKind.FULL,
        title=(
            f"{_percent(outside)} of the wins of {quarter.label} fail the gate, after {_percent(before)} in the quarter before"
        ),
        period=quarter.name,
        evidence={
            **describe_period(quarter),
            "outside": {
                "count": outside.hits,
                "wins": outside.total,
                "before": before.hits,
                "wins_before": before.total,
            },
            "limits": {"points": ICP_POINTS, "smallest_sample": FEWEST_WINS},
            "coverage": quarter_wins.read_trend(definition),
        },
        proposal="See who the customers outside the gate are. If they are good ones, the ideal customer changed: widen the gate.",
    )


def _percent(sample: Sample) -> str:
    return f"{(sample.rate or 0) * 100:.3g} %"
