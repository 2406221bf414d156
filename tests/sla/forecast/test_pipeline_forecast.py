"""The forecast, its backtest and its alarm on companies whose truth is known (rules 12.31 to 12.35)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sla.forecast import forecast_backtest, shortfall_alarm, stage_moves
from sla.forecast.forecast_backtest import PastForecast
from sla.forecast.forecast_cohorts import describe_cohorts
from sla.forecast.mql_history import NEVER, MqlHistory, MqlSteps, StepKind, select_known
from sla.forecast.pipeline_forecast import forecast_pipeline
from sla.forecast.stage_moves import Move, OpenStage
from tests.sla.forecast.simulated_worlds import simulate_company, swing_weekly

END = 900.0


@pytest.mark.parametrize(
    "company",
    [
        pytest.param({}, id="cycle of 56 days"),
        pytest.param({"mqls_a_week": 40, "days_between": (1, 7, 10), "chances": (0.7, 0.3, 0.9)}, id="short cycle"),
        pytest.param({"mqls_a_week": 30, "days_between": (2, 30, 55)}, id="long cycle"),
    ],
)
def test_the_interval_holds_seven_to_nine_of_ten_outcomes_and_a_quiet_year_has_one_alarm_at_most(company, monkeypatch):
    # Weeks in a row see nearly the same window, so that one company has only a dozen independent outcomes.
    monkeypatch.setattr(forecast_backtest, "DRAWS", 80)
    past = [
        forecast_backtest.run_backtest(simulate_company(seed, **company), cutoff=END, seed=seed)["EUR"]
        for seed in range(4)
    ]

    assert [len(rows) for rows in past] == [52] * 4
    within = sum(forecast_backtest.count_within(rows).hits for rows in past)
    assert 0.7 <= within / (4 * 52) <= 0.9
    alarms = [shortfall_alarm.count_alarms([row.cutoff for row in rows if row.is_short]) for rows in past]
    assert sum(alarms) <= 4


def test_where_mqls_swing_by_half_a_year_has_one_alarm_without_a_shortfall_at_most(monkeypatch):
    monkeypatch.setattr(forecast_backtest, "DRAWS", 80)
    companies = [simulate_company(seed, level=swing_weekly(0.5, seed)) for seed in range(8)]

    past = [forecast_backtest.run_backtest(company, cutoff=END, seed=1)["EUR"] for company in companies]

    assert sum(count_false_alarms(rows) for rows in past) <= len(companies)


def count_false_alarms(rows: tuple[PastForecast, ...]) -> int:
    """Count the alarms of a year in none of whose weeks less than four fifths of the usual pipeline came."""
    short = [row for row in rows if row.is_short]
    right = [row.cutoff for row in short if row.came < 0.8 * row.usual]
    near = shortfall_alarm.SAME_ALARM_DAYS
    alarms: list[list[float]] = []
    for row in short:
        if alarms and row.cutoff - alarms[-1][-1] <= near:
            alarms[-1].append(row.cutoff)
        else:
            alarms.append([row.cutoff])
    assert len(alarms) == shortfall_alarm.count_alarms([row.cutoff for row in short])
    return sum(not set(weeks) & set(right) for weeks in alarms)


@pytest.mark.parametrize(
    ("cutoffs", "alarms"), [([], 0), ([7], 1), ([7, 14, 42], 1), ([7, 42], 2), ([7, 14, 43, 71, 120], 3)]
)
def test_short_forecasts_whose_windows_overlap_are_one_alarm(cutoffs, alarms):
    assert shortfall_alarm.count_alarms(cutoffs) == alarms


@pytest.mark.parametrize("seed", range(4))
def test_a_shortfall_that_mqls_foretell_alarms_sixty_days_ahead(seed):
    # From day 600 on two fifths of the MQLs come. They take 86 days to an opportunity: until day 687 the pipeline keeps
    # more than three fifths, and in the 30 days from then on it does not.
    company = simulate_company(
        100 + seed, mqls_a_week=30, days_between=(1, 30, 55), level=lambda day: 0.4 if day >= 600 else 1
    )

    before, at_sixty_days = (
        [is_alarm(company, cutoff) for cutoff in cutoffs] for cutoffs in ((569, 576, 583, 590, 597), (620, 627))
    )

    assert not any(before)
    assert any(at_sixty_days)


def is_alarm(company: MqlHistory, cutoff: float) -> bool:
    forecast = forecast_pipeline(company, cutoff=cutoff, seed=1, draws=200)
    return shortfall_alarm.is_short(forecast.currencies[0], past_days=forecast.past_days)


def test_what_is_recorded_later_changes_no_forecast():
    company = simulate_company(7)
    cutoff = 500.0
    steps = company.steps
    later = steps.at >= cutoff
    changed = MqlSteps(
        mql=steps.mql,
        kind=np.where(later, StepKind.OPENED, steps.kind),
        at=np.where(later, steps.at - 60, steps.at),
        known_from=steps.known_from,
        # A correction afterwards takes nothing from what was known.
        known_until=np.where(later, NEVER, cutoff + 1),
        amount=np.where(later, 9e9, steps.amount),
        currency=np.where(later, 0, steps.currency),
    )
    # MQLs that were recorded late, in the past.
    more = replace(
        company,
        steps=changed,
        qualified_at=np.minimum(company.qualified_at, cutoff - 1e-6),
    )

    forecast = forecast_pipeline(company, cutoff=cutoff, seed=3)

    assert forecast_pipeline(more, cutoff=cutoff, seed=3) == forecast
    assert forecast.currencies[0].expected > 0


def test_the_expected_pipeline_is_that_of_those_in_hand_and_those_to_come():
    # Everybody opens an opportunity 80 days after qualifying: those in hand of the last 20 days open in the window.
    qualified_at = np.arange(0, 400, 0.5)
    steps = MqlSteps(
        mql=np.arange(800),
        kind=np.full(800, StepKind.OPENED),
        at=qualified_at + 80,
        known_from=qualified_at + 80,
        known_until=np.full(800, NEVER),
        amount=np.full(800, 1_000.0),
        currency=np.zeros(800, dtype=np.int64),
    )

    (figures,) = forecast_pipeline(
        MqlHistory(qualified_at, qualified_at, steps, ("EUR",)), cutoff=400, seed=1
    ).currencies

    assert figures.expected == pytest.approx(60_000, rel=0.1)
    assert figures.in_hand == pytest.approx(40_000, rel=0.1)
    assert figures.low < 60_000 < figures.high
    assert figures.usual == 60_000


def test_currencies_stand_apart_and_one_with_few_opportunities_has_no_figure():
    company = simulate_company(3)
    opened = np.flatnonzero(company.steps.kind == StepKind.OPENED)
    currency = company.steps.currency.copy()
    currency[opened[:10]] = 1
    company = MqlHistory(
        company.qualified_at, company.known_at, replace(company.steps, currency=currency), ("EUR", "USD")
    )

    euro, dollar = forecast_pipeline(company, cutoff=400, seed=1).currencies

    assert (euro.currency, dollar.currency) == ("EUR", "USD")
    assert euro.expected > 0
    assert (dollar.expected, dollar.low, dollar.high) == (None, None, None)


@pytest.mark.parametrize("company", [{"days": 100, "mqls_a_week": 100}, {"days": 400, "mqls_a_week": 1}])
def test_a_short_past_or_few_opportunities_give_no_figure(company):
    forecast = forecast_pipeline(simulate_company(5, **company), cutoff=company["days"], seed=1)

    (figures,) = forecast.currencies
    assert figures.expected is None
    assert not shortfall_alarm.is_short(figures, past_days=forecast.past_days)


def test_without_any_mql_there_is_no_figure_and_no_error():
    nothing = np.array([])
    whole = np.array([], dtype=np.int64)
    steps = MqlSteps(whole, whole, nothing, nothing, nothing, nothing, whole)
    company = MqlHistory(nothing, nothing, steps, ("EUR",))

    assert forecast_pipeline(company, cutoff=END, seed=1).currencies[0].expected is None
    assert forecast_backtest.run_backtest(company, cutoff=END, seed=1) == {"EUR": ()}
    assert describe_cohorts(company, cutoff=END) == []


def test_a_rejected_or_lost_mql_is_not_in_hand():
    qualified_at = np.array([1.0, 2.0, 3.0, 4.0])
    steps = MqlSteps(
        mql=np.array([0, 1, 2, 2]),
        kind=np.array([StepKind.REJECTED, StepKind.ACCEPTED, StepKind.ACCEPTED, StepKind.CLOSED]),
        at=np.array([2.0, 5.0, 4.0, 6.0]),
        known_from=np.array([2.0, 5.0, 4.0, 6.0]),
        known_until=np.full(4, NEVER),
        amount=np.full(4, np.nan),
        currency=np.full(4, -1),
    )

    stays = stage_moves.list_stays(
        select_known(MqlHistory(qualified_at, qualified_at, steps, ("EUR",)), until=10, start=0)
    )

    in_hand = {stage: stage_moves.count_in_hand(stays[stage], 10).counts.sum() for stage in OpenStage}
    assert in_hand == {OpenStage.WAITING: 1, OpenStage.ACCEPTED: 1, OpenStage.SQL: 0}
    counts = stage_moves.count_moves(stays[OpenStage.WAITING])
    assert (counts.moves[Move.GONE].sum(), counts.moves[Move.ACCEPTED].sum(), counts.days.sum()) == (
        1,
        2,
        1 + 3 + 1 + 6,
    )


def test_a_correction_counts_from_when_it_was_made():
    qualified_at = np.array([1.0])
    steps = MqlSteps(
        mql=np.array([0, 0]),
        kind=np.array([StepKind.REJECTED, StepKind.ACCEPTED]),
        at=np.array([2.0, 5.0]),
        known_from=np.array([2.0, 5.0]),
        known_until=np.array([5.0, NEVER]),
        amount=np.full(2, np.nan),
        currency=np.full(2, -1),
    )
    company = MqlHistory(qualified_at, qualified_at, steps, ("EUR",))

    before, after = (select_known(company, until=until, start=0) for until in (4, 9))

    assert (before.gone_at[0], before.accepted_at[0]) == (2, NEVER)
    assert (after.gone_at[0], after.accepted_at[0]) == (NEVER, 5)


def test_cohorts_say_how_many_went_on_and_how_fast():
    newest, *older = describe_cohorts(simulate_company(11), cutoff=END)

    assert (newest["is_mature"], [cohort["is_mature"] for cohort in older]) == (False, [True] * 3)
    for cohort in older:
        assert cohort["accepted"]["count"] / cohort["mqls"] == pytest.approx(0.7, abs=0.1)
        assert cohort["opened"]["median_days"] == pytest.approx(52, abs=8)


@pytest.mark.parametrize(("days", "a_week"), [(14, 7), (3, 3), (400, 7)])
def test_mqls_a_week_are_of_the_weeks_that_there_were(days, a_week):
    qualified_at = np.arange(END - days, END)
    empty = np.array([], dtype=np.int64)
    steps = MqlSteps(empty, empty, *(np.array([]),) * 4, empty)

    forecast = forecast_pipeline(MqlHistory(qualified_at, qualified_at, steps, ("EUR",)), cutoff=END, seed=1)

    assert forecast.mqls_a_week == a_week
