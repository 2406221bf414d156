"""The rows from which a forecast is made, and the rows that keep it (rules 12.31, 12.33, 12.35)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from django.db import transaction
from django.db.utils import Error

from config import periodic
from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarWeek
from config.jobs import leases
from config.jobs.models import SetAsideRow
from leads.identity import merges
from leads.models import Lead, Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.models import Qualification
from sla.forecast import forecast_backtest, history_reader, weekly_forecasts
from sla.forecast.mql_history import NEVER, MqlHistory, StepKind, select_known
from sla.models import Notice, WeeklyForecast
from sla.plays import play_work
from sla.reported_mqls import cycle_outcomes
from sla.vocabulary import NoticeKind
from tests.account_plays import start_play
from tests.factories import DAY, NOW, DefinitionFactory, HandoffFactory, LeadFactory, QualificationFactory, UserFactory
from tests.sla.forecast.simulated_worlds import simulate_company

pytestmark = pytest.mark.django_db

MONDAY = dt.datetime(2026, 3, 30, tzinfo=dt.UTC)


def open_deal(lead, *, at, kind=OutcomeKind.OPPORTUNITY, amount=10_000, **columns) -> Outcome:
    return Outcome.objects.create(
        **{"lead": lead, "kind": kind, "at": at, "amount": amount, "recorded_at": at, "source": "crm", **columns}
    )


def read(*, now=NOW + 60 * DAY) -> MqlHistory:
    return history_reader.read_history(Motion.MQL, start=NOW - 400 * DAY, now=now)


def list_steps(history: MqlHistory) -> list[tuple[int, StepKind, float]]:
    """Return each step: the place of its MQL, its kind, and the days since NOW at which it happened."""
    steps, zero = history.steps, history_reader.as_days(NOW)
    rows = zip(steps.mql.tolist(), steps.kind.tolist(), (steps.at - zero).tolist(), strict=True)
    return sorted((mql, StepKind(kind), round(days, 2)) for mql, kind, days in rows)


def test_the_steps_of_an_mql_are_read_with_amount_and_currency():
    accepted = HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    open_deal(accepted.lead, at=NOW + 20 * DAY, amount=Decimal("12345.60"), currency="CHF")
    open_deal(accepted.lead, at=NOW + 40 * DAY, kind=OutcomeKind.WON)
    other_motion = open_deal(accepted.lead, at=NOW + 21 * DAY, motion=Motion.PQL)

    history = read()

    assert other_motion.motion == Motion.PQL
    assert list_steps(history) == [
        (0, StepKind.ACCEPTED, 0.0),
        (0, StepKind.OPENED, 20.0),
        (0, StepKind.OPENED, 40.0),
        (0, StepKind.CLOSED, 40.0),
        (1, StepKind.REJECTED, 0.0),
    ]
    openings = select_known(history, until=NEVER, start=0).openings
    assert history.currencies == ("EUR", "CHF")
    assert (openings.amount.tolist(), openings.currency.tolist()) == ([12_345.6], [1])


def test_a_corrected_deal_counts_as_it_was_known():
    lead = QualificationFactory(at=NOW).lead
    wrong = open_deal(lead, at=NOW + 5 * DAY, amount=1_000, is_first=True, external_id="1")
    open_deal(lead, at=NOW + 5 * DAY, amount=5_000, external_id="1", corrects=wrong, recorded_at=NOW + 30 * DAY)

    history = read()

    zero = history_reader.as_days(NOW)
    sums = [select_known(history, until=zero + days, start=0).openings.amount.tolist() for days in (29, 31)]
    assert sums == [[1_000], [5_000]]


def test_a_deal_of_a_merged_lead_is_the_persons_from_the_merge_on():
    mql = QualificationFactory(at=NOW).lead
    alias = LeadFactory()
    open_deal(alias, at=NOW + 5 * DAY)
    merges.merge(lead_id=alias.pk, into_id=mql.pk, by=None, now=NOW + 10 * DAY)

    history = read()

    zero = history_reader.as_days(NOW)
    counts = [len(select_known(history, until=zero + days, start=0).openings.at) for days in (9, 11)]
    assert counts == [0, 1]


def test_a_deal_of_merged_people_counts_once_for_the_latest_mql():
    first, second = QualificationFactory(at=NOW).lead, QualificationFactory(at=NOW + 3 * DAY).lead
    merges.merge(lead_id=first.pk, into_id=second.pk, by=None, now=NOW + 4 * DAY)
    open_deal(first, at=NOW + 5 * DAY)

    assert list_steps(read()) == [(0, StepKind.CLOSED, 3.0), (1, StepKind.OPENED, 5.0)]


def test_an_mql_that_is_recorded_later_takes_no_deal_before_that():
    mql = QualificationFactory(at=NOW).lead
    alias = LeadFactory(mql=True)
    merges.merge(lead_id=alias.pk, into_id=mql.pk, by=None, now=NOW + DAY)
    open_deal(alias, at=NOW + 5 * DAY)
    QualificationFactory(lead=alias, at=NOW + 2 * DAY, recorded_at=NOW + 20 * DAY)

    history = read()

    zero = history_reader.as_days(NOW)
    known = [select_known(history, until=zero + days, start=0) for days in (19, 21)]
    assert [np.isfinite(of_day.opened_at).tolist() for of_day in known] == [[True], [False, True]]


def test_a_win_without_an_opportunity_opened_one():
    lead = QualificationFactory(at=NOW).lead
    open_deal(lead, at=NOW + 7 * DAY, kind=OutcomeKind.WON, amount=900)

    assert list_steps(read()) == [(0, StepKind.OPENED, 7.0), (0, StepKind.CLOSED, 7.0)]


@pytest.mark.parametrize("seed", range(3))
def test_a_forecast_counts_the_openings_that_the_reports_count(seed):
    rng = np.random.default_rng(seed)
    leads = LeadFactory.create_batch(12, mql=True)
    for lead in leads:
        for cycle in range(int(rng.integers(1, 3))):
            at = NOW + int(rng.integers(0, 20)) * DAY
            QualificationFactory(lead=lead, at=at, cycle=cycle + 1, closed_at=at)
        for _ in range(int(rng.integers(0, 3))):
            kind = OutcomeKind.OPPORTUNITY if rng.random() < 0.7 else OutcomeKind.WON
            open_deal(lead, at=NOW + int(rng.integers(0, 30)) * DAY, kind=kind)
    for place in range(5):
        # Chains and stars, one of which is ended.
        into = leads[place + 1] if rng.random() < 0.5 else leads[6]
        if into.pk != leads[place].pk and Lead.objects.get(pk=into.pk).merged_into_id is None:
            merges.merge(lead_id=leads[place].pk, into_id=into.pk, by=None, now=NOW + 31 * DAY)
    merges.unmerge(lead_id=leads[0].pk, by=None, now=NOW + 32 * DAY)

    now = NOW + 40 * DAY
    rows = Qualification.objects.annotate(opened=cycle_outcomes.first_outcome_at(cycle_outcomes.OPENED, now=now))
    by_reports = [
        None if opened is None else round(history_reader.as_days(opened), 4)
        for opened in rows.order_by("at", "pk").values_list("opened", flat=True)
    ]

    known = select_known(read(now=now), until=history_reader.as_days(now), start=0)

    by_forecast = [None if at == NEVER else round(at, 4) for at in known.opened_at.tolist()]
    assert by_forecast == by_reports
    assert any(by_reports)


def test_the_next_mql_of_a_lead_ends_the_one_before_and_takes_the_deals_after_it():
    first = QualificationFactory(at=NOW, closed_at=NOW + DAY)
    QualificationFactory(at=NOW + 30 * DAY, lead=first.lead, cycle=2)
    open_deal(first.lead, at=NOW + 40 * DAY)

    assert list_steps(read()) == [(0, StepKind.CLOSED, 30.0), (1, StepKind.OPENED, 40.0)]


def test_the_number_of_queries_does_not_grow_with_the_mqls(django_assert_max_num_queries):
    QualificationFactory.create_batch(3)

    with django_assert_max_num_queries(3):
        history = read()

    assert len(history.qualified_at) == 3


def test_each_motion_gets_one_forecast_a_week(monkeypatch):
    QualificationFactory(at=MONDAY - 10 * DAY)

    counts = [weekly_forecasts.make_due_forecasts(now=MONDAY + days * DAY) for days in (0, 1, 6, 7)]

    assert counts == [1, 0, 0, 1]
    newest = weekly_forecasts.find_forecast(Motion.MQL, until=MONDAY + 30 * DAY)
    assert (newest.week, newest.cutoff_at) == ("2026-W15", MONDAY + 7 * DAY)
    assert [row.week for row in weekly_forecasts.list_forecasts(Motion.MQL, since=MONDAY, until=MONDAY + 8 * DAY)] == [
        "2026-W14",
        "2026-W15",
    ]
    assert newest.result["window"] == ["2026-06-05", "2026-07-05"]
    assert newest.result["currencies"][0]["too_few"] == (
        "Not enough to forecast from: the first MQL is 17 days old, and 120 days are needed."
    )
    assert newest.result["mqls_in_hand"] == 1


def test_looking_ahead_makes_the_forecasts():
    QualificationFactory(at=MONDAY - 10 * DAY)

    assert periodic.look_ahead(now=MONDAY)["forecasts"] == 1


def test_a_motion_that_fails_is_set_aside_and_another_gets_its_forecast(monkeypatch):
    QualificationFactory(at=MONDAY - 10 * DAY)
    DefinitionFactory(motion=Motion.PQL)
    read_history = history_reader.read_history

    def fail_for_one(motion, **bounds):
        if motion == Motion.MQL:
            raise ValueError("x")
        return read_history(motion, **bounds)

    monkeypatch.setattr(history_reader, "read_history", fail_for_one)
    count = weekly_forecasts.make_due_forecasts(now=MONDAY)

    assert (count, WeeklyForecast.objects.get().motion) == (1, Motion.PQL)
    assert SetAsideRow.objects.get().sweep == weekly_forecasts.SWEEP

    monkeypatch.setattr(history_reader, "read_history", read_history)
    assert weekly_forecasts.make_due_forecasts(now=MONDAY + DAY) == 1
    assert not SetAsideRow.objects.exists()


def test_a_forecast_that_another_worker_makes_is_left_out():
    QualificationFactory(at=MONDAY - 10 * DAY)

    with leases.hold_lease("forecast mql", now=MONDAY):
        assert weekly_forecasts.make_due_forecasts(now=MONDAY) == 0
    assert weekly_forecasts.make_due_forecasts(now=MONDAY) == 1


def test_a_kept_forecast_cannot_be_changed():
    QualificationFactory(at=MONDAY - 10 * DAY)
    weekly_forecasts.make_due_forecasts(now=MONDAY)

    with pytest.raises(Error, match="Cannot update or delete"), transaction.atomic():
        WeeklyForecast.objects.update(result={})


def place_history(monkeypatch, history: MqlHistory, *, last_day: dt.datetime, days: int) -> None:
    """Have a simulated history read, whose day `days` is `last_day`."""
    shift = history_reader.as_days(last_day) - days
    steps = history.steps
    moved = type(steps)(
        steps.mql,
        steps.kind,
        steps.at + shift,
        steps.known_from + shift,
        steps.known_until,
        steps.amount,
        steps.currency,
    )
    placed = MqlHistory(history.qualified_at + shift, history.known_at + shift, moved, history.currencies)
    monkeypatch.setattr(history_reader, "read_history", lambda *_, **__: placed)


def test_a_shortfall_is_told_to_the_leaders_once(monkeypatch):
    QualificationFactory(at=MONDAY - 10 * DAY)
    leader = UserFactory(roles=[Role.SALES_LEADER])
    monkeypatch.setattr(forecast_backtest, "DRAWS", 20)
    company = simulate_company(
        101, mqls_a_week=30, days_between=(1, 30, 55), level=lambda day: 0.3 if day >= 600 else 1
    )
    place_history(monkeypatch, company, last_day=MONDAY, days=640)

    for weeks in (0, 1):
        weekly_forecasts.make_due_forecasts(now=MONDAY + weeks * 7 * DAY)

    (notice,) = Notice.objects.filter(kind=NoticeKind.PIPELINE_SHORT, to=leader)
    assert notice.path == "/reports/forecast/?motion=mql"
    assert notice.text.startswith("MQL pipeline from 29 May to 27 Jun 2026 is to fall short: ")


@pytest.mark.parametrize(("weeks_before", "notices"), [(4, 0), (5, 1)])
def test_a_shortfall_of_days_that_were_told_is_told_once(monkeypatch, weeks_before, notices):
    QualificationFactory(at=MONDAY - 10 * DAY)
    leader = UserFactory(roles=[Role.SALES_LEADER])
    monkeypatch.setattr(forecast_backtest, "DRAWS", 20)
    company = simulate_company(
        101, mqls_a_week=30, days_between=(1, 30, 55), level=lambda day: 0.3 if day >= 600 else 1
    )
    place_history(monkeypatch, company, last_day=MONDAY, days=640)
    cutoff_at = MONDAY - weeks_before * 7 * DAY
    WeeklyForecast.objects.create(
        motion=Motion.MQL, week=CalendarWeek.containing(cutoff_at).name, method=weekly_forecasts.METHOD,
        cutoff_at=CalendarWeek.containing(cutoff_at).start, at=cutoff_at,
        result={"currencies": [{"currency": "EUR", "is_short": True}]},
    )  # fmt: skip

    weekly_forecasts.make_due_forecasts(now=MONDAY)

    assert Notice.objects.filter(kind=NoticeKind.PIPELINE_SHORT, to=leader).count() == notices


def test_a_kept_forecast_has_its_backtest_and_cohorts(monkeypatch):
    QualificationFactory(at=MONDAY - 10 * DAY)
    monkeypatch.setattr(forecast_backtest, "DRAWS", 20)
    place_history(monkeypatch, simulate_company(1), last_day=MONDAY, days=900)

    weekly_forecasts.make_due_forecasts(now=MONDAY)

    result = weekly_forecasts.find_forecast(Motion.MQL, until=MONDAY + 30 * DAY).result
    (figures,) = result["currencies"]
    assert figures["low"] < figures["expected"] < figures["high"]
    assert figures["expected"] == pytest.approx(figures["in_hand"] + figures["to_come"], abs=0.02)
    assert (figures["cutoffs"], len(figures["past"])) == (52, 52)
    assert sum(row["low"] <= row["came"] <= row["high"] for row in figures["past"]) == figures["within"]
    assert figures["past"][-1]["window"][1] <= "2026-03-30"
    assert len(result["cohorts"]) == 4
    assert np.isfinite(figures["usual"])


def test_account_plays_have_a_history_of_their_own():
    play = start_play()
    play_work.accept(play=play, by=play.rep.user, now=NOW + DAY)
    play_work.open_opportunity(play=play, amount=Decimal(50_000), by=play.rep.user, now=NOW + 3 * DAY)

    of_plays = history_reader.read_history(Motion.AQL, start=NOW - 400 * DAY, now=NOW + 60 * DAY)

    assert list_steps(of_plays) == [(0, StepKind.ACCEPTED, 1.0), (0, StepKind.OPENED, 3.0)]
    assert np.nansum(of_plays.steps.amount) == 50_000
    assert len(read().qualified_at) == 0
