"""The engine alone on known answers: two years of a company, and decay computed by others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoring.engine.facts import Facts
from scoring.engine.judge import first_qualifying, judge
from scoring.engine.points import share
from scoring.engine.rules import Decay
from scoring.engine.timeline import DAY, FOREVER
from tests.scoring import company_1k

DECAYED = json.loads((Path(__file__).parents[2] / "data" / "stats_cases.json").read_text())["decay_10pct_per_30d"]


@pytest.fixture(scope="module")
def facts() -> Facts:
    return company_1k.facts()


def test_the_engine_finds_the_76_leads_at_their_instants_with_their_scores(facts: Facts) -> None:
    expected = {
        int(row["lead_id"]): (
            company_1k.instant(row["qualified_at"]),
            float(row["score_at_qualification"]),
            row["hot"] == "true",
        )
        for row in company_1k.rows("mqls")
    }

    leads, at, verdicts = first_qualifying(company_1k.rules(), facts, until=FOREVER)

    qualified = zip(at.tolist(), verdicts.engagement.tolist(), verdicts.hot.tolist(), strict=True)
    assert dict(zip(facts.lead_ids[leads].tolist(), qualified, strict=True)) == expected
    assert len(expected) == 76


def test_tiers_of_the_76_follow_hot_triggers_and_the_tier_3_floor(facts: Facts) -> None:
    _, _, verdicts = first_qualifying(company_1k.rules(), facts, until=FOREVER)

    floor = np.where(verdicts.engagement < 55, 3, 2)
    assert verdicts.tier.tolist() == np.where(verdicts.hot, 1, floor).tolist()
    assert np.bincount(verdicts.tier).tolist() == [0, 13, 36, 27]


def test_the_76_are_the_same_without_the_fast_track(facts: Facts) -> None:
    rules = company_1k.rules()

    with_hot, at_with_hot, _ = first_qualifying(rules, facts, until=FOREVER)
    without, at_without, _ = first_qualifying(replace(rules, hot=()), facts, until=FOREVER)

    assert with_hot.tolist() == without.tolist()
    assert at_with_hot.tolist() == at_without.tolist()


def test_judging_in_small_chunks_changes_nothing(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = company_1k.rules()
    leads, at = facts.instants()
    whole = judge(rules, facts, leads, at)

    monkeypatch.setattr("scoring.engine.facts._EVENTS_PER_CHUNK", 97)
    monkeypatch.setattr("scoring.engine.hearing._PAIRS_AT_ONCE", 31)
    pieces = judge(rules, facts, leads, at)

    assert len(facts.chunks()) > 80
    assert pieces.engagement.tolist() == whole.engagement.tolist()
    assert pieces.tier.tolist() == whole.tier.tolist()


@pytest.mark.parametrize("case", DECAYED, ids=lambda case: f"{case['points']}_after_{case['age_days']}_days")
def test_points_decay_by_a_tenth_in_thirty_days(case: dict[str, float]) -> None:
    left = share(Decay("compound", 10, 30), np.array([round(case["age_days"] * DAY)]))

    assert case["points"] * left[0] == pytest.approx(case["value"], rel=1e-12)
