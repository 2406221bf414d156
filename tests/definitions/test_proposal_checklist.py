from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from definitions import proposal_checklist
from definitions.lint import PathReach
from definitions.models import Backtest, CommitmentSnapshot
from definitions.proposal_checklist import ChecklistFacts, ChecklistPoint, PointStatus
from tests.definitions.version_lifecycles import DAY, NOW, share

WAY = PathReach(
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


def a_backtest(**changes: Any) -> Backtest:
    """A backtest that covered 24 of 30 wins."""
    result = {"version": {"coverage": share(24, 30)}, "thresholds": [{}, {}], "grid": None} | changes
    return Backtest(start=NOW - 180 * DAY, end=NOW, result=result)


def known(**changes: Any) -> ChecklistFacts:
    """Nothing is wrong."""
    promise = CommitmentSnapshot(
        sentences=["Sales: First contact within 30 business minutes."], signed_by="Mona, Luis", at=NOW
    )
    base = ChecklistFacts(
        backtest=a_backtest(),
        gate=[{}],
        gives_points=True,
        reaches=[WAY],
        evidence="",
        commitments=promise,
        last_reviewed_at=NOW - 30 * DAY,
        now=NOW,
    )
    return replace(base, **changes)


def point(code: str, **changes: Any) -> ChecklistPoint:
    return next(each for each in proposal_checklist.compute_points(known(**changes)) if each.code == code)


def grid(*columns: tuple[int, int]) -> dict[str, Any]:
    """One row of fit; (won, leads) for each ten engagement points."""
    return {
        "fit": [0],
        "engagement": [10 * at for at in range(len(columns))],
        "cells": [[{"leads": leads, "won": won, "sal": won} for won, leads in columns]],
    }


def test_there_are_seven_points() -> None:
    codes = [each.code for each in proposal_checklist.compute_points(known())]

    assert codes == [
        "fit_from_wins", "fit_gates_intent", "weights_match", "calibrated", "promised", "review_due", "tested",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("covered", "won", "standing"),
    [(21, 30, PointStatus.YES), (20, 30, PointStatus.NO), (14, 20, PointStatus.YES), (19, 19, PointStatus.UNKNOWN)],
)
def test_fit_comes_from_the_wins_when_seventy_percent_of_twenty_are_covered(
    covered: int, won: int, standing: PointStatus
) -> None:
    said = point("fit_from_wins", backtest=a_backtest(version={"coverage": share(covered, won)}))

    assert said.standing == standing


def test_without_a_gate_fit_gates_only_where_every_path_asks_for_it() -> None:
    assert point("fit_gates_intent").standing == PointStatus.YES
    assert point("fit_gates_intent", gate=[], reaches=[replace(WAY, without_fit=False)]).standing == PointStatus.YES
    open_way = point("fit_gates_intent", gate=[])
    assert (open_way.standing, "“Engaged” can be met with no fit" in open_way.sentence) == (PointStatus.NO, True)


def test_weights_match_when_more_points_mean_more_wins() -> None:
    rising, falling = grid((1, 50), (2, 30), (9, 40)), grid((9, 50), (2, 30), (1, 40))

    assert point("weights_match", backtest=a_backtest(grid=rising)).standing == PointStatus.YES
    assert point("weights_match", backtest=a_backtest(grid=falling)).standing == PointStatus.NO
    assert "at least 10 engagement points 11 of 70" in point("weights_match", backtest=a_backtest(grid=rising)).sentence


def test_weights_match_when_the_weightiest_signals_came_before_wins() -> None:
    def signals(*lifts: float, leads: int = 30) -> dict[str, Any]:
        return {"signals": [{"signal": "demo_request", "leads": leads, "lift": lift} for lift in lifts]}

    assert point("weights_match", backtest=a_backtest(**signals(2.5, 1.2, 1.1, 0.4))).standing == PointStatus.YES
    assert point("weights_match", backtest=a_backtest(**signals(2.5, 0.8))).standing == PointStatus.NO
    assert point("weights_match", backtest=a_backtest(**signals(2.5, leads=19))).standing == PointStatus.UNKNOWN


def test_too_few_leads_leave_the_weights_a_judgement() -> None:
    few = a_backtest(grid=grid((1, 5), (2, 6)))

    assert "say a word about it" in point("weights_match", backtest=few).sentence
    spoken = point("weights_match", backtest=few, evidence="Sales agreed on each.")
    assert (spoken.standing, "Sales agreed on each." in spoken.sentence) == (PointStatus.UNKNOWN, True)
    assert point("weights_match", gives_points=False).standing == PointStatus.YES


def test_the_review_is_due_a_quarter_after_the_last_look() -> None:
    assert "9 January 2027" in point("review_due", last_reviewed_at=dt.datetime(2026, 10, 9, tzinfo=dt.UTC)).sentence
    assert point("review_due", last_reviewed_at=NOW - 100 * DAY).standing == PointStatus.NO
    assert "a quarter after today" in point("review_due", last_reviewed_at=None).sentence


def test_what_is_missing_says_what_to_do() -> None:
    assert "both leaders sign them" in point("promised", commitments=None).sentence
    assert point("tested", backtest=None).standing == PointStatus.NO
    assert point("calibrated", backtest=a_backtest(thresholds=[])).standing == PointStatus.UNKNOWN
    assert point("fit_from_wins", backtest=None).standing == PointStatus.UNKNOWN


def test_points_come_back_from_their_record() -> None:
    points = proposal_checklist.compute_points(known())

    assert proposal_checklist.read_frozen_points([each.as_dict() for each in points]) == points


@pytest.mark.parametrize(
    ("day", "months", "after"), [((2026, 11, 30), 3, (2027, 2, 28)), ((2026, 1, 31), 1, (2026, 2, 28))]
)
def test_months_are_clipped_to_the_last_day(
    day: tuple[int, int, int], months: int, after: tuple[int, int, int]
) -> None:
    assert proposal_checklist.add_months(dt.datetime(*day, tzinfo=dt.UTC), months) == dt.datetime(*after, tzinfo=dt.UTC)
