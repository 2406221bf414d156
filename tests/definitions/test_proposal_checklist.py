from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from definitions import proposal_checklist
from definitions.lint import PathReach
from definitions.models import Backtest, CommitmentSnapshot
from definitions.proposal_checklist import ChecklistFacts, ChecklistPoint, PointStatus
from tests.definitions.version_lifecycles import DAY, NOW, build_share

PATH = PathReach(
    place="paths[0]",
    kind="paths",
    name="Engaged",
    reachable=True,
    sentence="",
    by_low_intent_alone=False,
    by_one_event_of=(),
    without_events=False,
    without_fit=True,
    without_both=False,
    without_request=True,
)


def build_backtest(**changes: Any) -> Backtest:
    """Build a backtest that covered 24 of 30 wins."""
    result = {
        "leads": 1000,
        "version": {"coverage": build_share(24, 30)},
        "thresholds": [{}, {}],
        "grid": None,
    } | changes
    return Backtest(start=NOW - 180 * DAY, end=NOW, result=result)


def build_facts(**changes: Any) -> ChecklistFacts:
    """Build facts that meet every point."""
    commitments = CommitmentSnapshot(
        sentences=["Sales: First contact within 30 business minutes."], signed_by="Mona, Luis", at=NOW
    )
    base = ChecklistFacts(
        backtest=build_backtest(),
        gate=[{}],
        gives_points=True,
        reaches=[PATH],
        evidence="",
        commitments=commitments,
        last_reviewed_at=NOW - 30 * DAY,
        now=NOW,
    )
    return replace(base, **changes)


def compute_point(code: str, **changes: Any) -> ChecklistPoint:
    return next(point for point in proposal_checklist.compute_points(build_facts(**changes)) if point.code == code)


def build_grid(*columns: tuple[int, int]) -> dict[str, Any]:
    """Build a grid with a single row of fit and (won, leads) for each ten engagement points."""
    return {
        "fit": [0],
        "engagement": [10 * at for at in range(len(columns))],
        "cells": [[{"leads": leads, "won": won, "sal": won} for won, leads in columns]],
    }


def test_a_backtest_over_no_leads_is_none() -> None:
    assert compute_point("tested", backtest=build_backtest(leads=0)).standing == PointStatus.NO


def test_the_period_of_the_backtest_ends_with_its_last_day() -> None:
    backtest = build_backtest()
    backtest.start, backtest.end = dt.datetime(2026, 5, 30, tzinfo=dt.UTC), dt.datetime(2026, 11, 30, tzinfo=dt.UTC)

    sentence = compute_point("tested", backtest=backtest).sentence

    assert "30 May 2026 to 29 November 2026" in sentence


def test_a_day_that_has_passed_is_no_calibration_plan() -> None:
    assert compute_point("calibrated").standing == PointStatus.YES
    assert compute_point("calibrated", last_reviewed_at=NOW - 200 * DAY).standing == PointStatus.NO


def test_there_are_seven_points() -> None:
    codes = [point.code for point in proposal_checklist.compute_points(build_facts())]

    assert codes == [
        "fit_from_wins", "fit_gates_intent", "weights_match", "calibrated", "promised", "review_due", "tested",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("covered", "won", "standing"),
    [(21, 30, PointStatus.YES), (20, 30, PointStatus.NO), (14, 20, PointStatus.YES), (19, 19, PointStatus.UNKNOWN)],
)
def test_fit_needs_70_percent_of_at_least_20_wins(covered: int, won: int, standing: PointStatus) -> None:
    point = compute_point("fit_from_wins", backtest=build_backtest(version={"coverage": build_share(covered, won)}))

    assert point.standing == standing


def test_without_a_gate_every_path_must_require_fit() -> None:
    assert compute_point("fit_gates_intent").standing == PointStatus.YES
    assert (
        compute_point("fit_gates_intent", gate=[], reaches=[replace(PATH, without_fit=False)]).standing
        == PointStatus.YES
    )
    without_fit = compute_point("fit_gates_intent", gate=[])
    assert (without_fit.standing, "“Engaged” can be met with no fit" in without_fit.sentence) == (PointStatus.NO, True)


def test_weights_match_when_more_points_mean_more_wins() -> None:
    rising, falling = build_grid((1, 50), (2, 30), (9, 40)), build_grid((9, 50), (2, 30), (1, 40))

    assert compute_point("weights_match", backtest=build_backtest(grid=rising)).standing == PointStatus.YES
    assert compute_point("weights_match", backtest=build_backtest(grid=falling)).standing == PointStatus.NO
    assert (
        "at least 10 engagement points 11 of 70"
        in compute_point("weights_match", backtest=build_backtest(grid=rising)).sentence
    )


def test_weights_match_when_the_weightiest_signals_came_before_wins() -> None:
    def signals(*lifts: float, leads: int = 30) -> dict[str, Any]:
        return {"signals": [{"signal": "demo_request", "leads": leads, "lift": lift} for lift in lifts]}

    assert (
        compute_point("weights_match", backtest=build_backtest(**signals(2.5, 1.2, 1.1, 0.4))).standing
        == PointStatus.YES
    )
    assert compute_point("weights_match", backtest=build_backtest(**signals(2.5, 0.8))).standing == PointStatus.NO
    assert (
        compute_point("weights_match", backtest=build_backtest(**signals(2.5, leads=19))).standing
        == PointStatus.UNKNOWN
    )


def test_too_few_leads_leave_the_weights_a_judgement() -> None:
    few = build_backtest(grid=build_grid((1, 5), (2, 6)))

    assert "say a word about it" in compute_point("weights_match", backtest=few).sentence
    spoken = compute_point("weights_match", backtest=few, evidence="Sales agreed on each.")
    assert (spoken.standing, "Sales agreed on each." in spoken.sentence) == (PointStatus.UNKNOWN, True)
    assert compute_point("weights_match", gives_points=False).standing == PointStatus.YES


def test_the_review_is_due_a_quarter_after_the_last_look() -> None:
    assert (
        "9 January 2027"
        in compute_point("review_due", last_reviewed_at=dt.datetime(2026, 10, 9, tzinfo=dt.UTC)).sentence
    )
    assert compute_point("review_due", last_reviewed_at=NOW - 100 * DAY).standing == PointStatus.NO
    assert "a quarter after today" in compute_point("review_due", last_reviewed_at=None).sentence


def test_missing_facts_show_what_to_do() -> None:
    assert "both leaders sign them" in compute_point("promised", commitments=None).sentence
    assert compute_point("tested", backtest=None).standing == PointStatus.NO
    assert compute_point("calibrated", backtest=build_backtest(thresholds=[])).standing == PointStatus.UNKNOWN
    assert compute_point("fit_from_wins", backtest=None).standing == PointStatus.UNKNOWN


def test_points_are_read_back_from_their_record() -> None:
    points = proposal_checklist.compute_points(build_facts())

    assert proposal_checklist.read_frozen_points([point.as_dict() for point in points]) == points


@pytest.mark.parametrize(
    ("day", "months", "after"), [((2026, 11, 30), 3, (2027, 2, 28)), ((2026, 1, 31), 1, (2026, 2, 28))]
)
def test_months_are_clipped_to_the_last_day(
    day: tuple[int, int, int], months: int, after: tuple[int, int, int]
) -> None:
    assert proposal_checklist.add_months(dt.datetime(*day, tzinfo=dt.UTC), months) == dt.datetime(*after, tzinfo=dt.UTC)
