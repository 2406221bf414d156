"""Each sweep with more rows that cannot be done than it takes at once: the one behind them is done (rules 17.5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pgtrigger
import pytest

from config.accounts.vocabulary import Role
from config.jobs import sweeps
from config.jobs.models import PeriodicRun, SetAsideRow
from leads.intake import customer_status, outcomes, value_readings
from leads.models import Company, CompanyRescore, Lead, ValueReading
from leads.rescoring import company_rescores
from leads.vocabulary import Motion, Stage
from scoring.blind_rules import daily_search
from scoring.live import daily_rescore, quiet_leads, recency_validations
from scoring.models import (
    AccountQualification,
    HandRaise,
    HotUpgrade,
    Qualification,
    RecencyState,
    RecencyValidation,
    TierUpgrade,
)
from sla.clocks import clock_sweeps, do_not_contact
from sla.handoffs import (
    creation,
    hot_upgrades,
    overdue_first_contact,
    reinstatements,
    routing,
    sales_stages,
    tier_upgrades,
    undo_window,
)
from sla.models import AccountPlay, Clock, Handoff, Notice, PendingDecision, PlayClock, RoutingDecision
from sla.nurture import recycling
from sla.plays import play_clocks, play_creation, play_routing
from sla.vocabulary import ClockKind, DispositionKind, Family, HandoffState, NoticeKind, Route
from tests.account_plays import activate_accounts
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    ReasonCodeFactory,
    RepFactory,
    SignalFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
    place_leads,
    read_handoff,
)
from tests.refused_rows import SECRET, RowRefusal
from tests.scoring.mals.stored_validations import store_validation

pytestmark = pytest.mark.django_db

LIMIT, BLOCKED = 10, 15
#: The longest time for which a row is left out after its first failure.
FIRST_WAIT = sweeps.BACKOFF[0]


@dataclass(frozen=True, slots=True)
class SweepCase:
    """A sweep: how rows for it are made, what the database refuses about some of them, and whether a row is done.

    `make` returns the values of the refused column, in the order in which the sweep takes the rows.
    """

    make: Callable[[int], Sequence[int]]
    run: Callable[[dt.datetime], object]
    refusal: RowRefusal
    is_done: Callable[[int], bool]
    at: dt.datetime = NOW


def _make_handoffs(count: int, **columns: Any) -> list[Handoff]:
    TeamFactory(working=True, reps=2, reassigns_on_breach=True)
    return [HandoffFactory(**columns) for _ in range(count)]


def _make_overdue(count: int) -> list[int]:
    ids = [handoff.pk for handoff in _make_handoffs(count)]
    clock_sweeps.sweep_breaches(now=NOW + HOUR)
    return ids


def _make_won(count: int) -> list[int]:
    handoffs = _make_handoffs(count)
    place_leads(Stage.WON, *(handoff.lead for handoff in handoffs))
    return [handoff.pk for handoff in handoffs]


def _make_opted_out(count: int) -> list[int]:
    handoffs = _make_handoffs(count)
    Lead.objects.update(do_not_contact=True)
    return [handoff.pk for handoff in handoffs]


def _make_hot_upgrades(count: int) -> list[int]:
    rows = [
        HotUpgrade(qualification=mql, version=mql.version, at=NOW, recorded_at=NOW, why="Demo request.", evidence={})
        for mql in (handoff.qualification for handoff in _make_handoffs(count))
    ]
    return [row.pk for row in HotUpgrade.objects.bulk_create(rows)]


def _make_tier_upgrades(count: int) -> list[int]:
    CommitmentFactory(active=True, tier_3_nurture_days=0)
    rows = [
        TierUpgrade(qualification=mql, version=mql.version, tier=2, at=NOW, recorded_at=NOW, why="E-book.", evidence={})
        for mql in (handoff.qualification for handoff in _make_handoffs(count, tier=3))
    ]
    return [row.pk for row in TierUpgrade.objects.bulk_create(rows)]


def _make_hand_raises(count: int) -> list[int]:
    signal = SignalFactory(code="demo_request")
    leads = [LeadFactory(stage=Stage.DISQUALIFIED) for _ in range(count)]
    return [
        HandRaise.objects.create(
            lead=lead, event=EventFactory(lead=lead, signal=signal, occurred_at=NOW + HOUR), recorded_at=NOW + HOUR
        ).pk
        for lead in leads
    ]


def _make_mqls(count: int) -> list[int]:
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    return [QualificationFactory().pk for _ in range(count)]


def _make_pending_decisions(count: int) -> list[int]:
    return [
        undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW).pk
        for handoff in _make_handoffs(count)
    ]


def _make_unrouted(count: int) -> list[int]:
    return [handoff.pk for handoff in _make_handoffs(count, unrouted=True)]


def _make_account_mqls(count: int) -> list[int]:
    version = activate_accounts()
    CommitmentFactory(active=True, motion=Motion.AQL)
    rows = [
        AccountQualification(
            company=CompanyFactory(), definition=version.definition, version=version, at=NOW, recorded_at=NOW, tier=2,
            contacts=3, why="Three people.", evidence={},
        )
        for _ in range(count)
    ]  # fmt: skip
    return [row.pk for row in AccountQualification.objects.bulk_create(rows)]


def _make_plays(count: int) -> list[int]:
    _make_account_mqls(count)
    play_creation.start_waiting(now=NOW)
    return list(AccountPlay.objects.order_by("pk").values_list("pk", flat=True))


def _make_unrouted_plays(count: int) -> list[int]:
    ids = _make_plays(count)
    TeamFactory(working=True)
    return ids


def _make_readings(count: int) -> list[int]:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    rows = [
        ValueReading(attribute="country", text=f"land {number}", folded=f"land {number}", meaning="DE", by=ops, at=NOW)
        for number in range(count)
    ]
    return [row.pk for row in ValueReading.objects.bulk_create(rows)]


def _make_changed_companies(count: int) -> list[int]:
    companies = [LeadFactory(company=CompanyFactory()).company_id for _ in range(count)]
    for company in companies:
        company_rescores.request(company_ids=[company], at=NOW)
    return companies


def _make_moved_winners(count: int) -> list[int]:
    companies = []
    for _ in range(count):
        lead = LeadFactory()
        won = {"lead": lead.pk, "kind": "won", "at": NOW.isoformat(), "amount": 1}
        assert outcomes.record(items=[won], source="crm", now=NOW)[0].status == "accepted"
        company = CompanyFactory()
        Lead.objects.filter(pk=lead.pk).update(company=company)
        companies.append(company.pk)
    return companies


def _make_quiet_leads(count: int) -> list[int]:
    return [LeadFactory(stage=Stage.MAL).pk for _ in range(count)]


def _make_stale_leads(count: int) -> list[int]:
    version = VersionFactory()
    return [store_validation(version, LeadFactory(stage=Stage.MAL), at=NOW).pk for _ in range(count)]


def _make_returning(count: int) -> list[int]:
    reason = ReasonCodeFactory(code="later", family=Family.TIMING, route=Route.RECYCLE)
    UserFactory(roles=[Role.MARKETING_OPS])
    return [handoff.pk for handoff in _make_handoffs(count, rejected=True, decision__reason=reason)]


def _is_passed_on(pk: int) -> bool:
    return RoutingDecision.objects.filter(
        handoff=pk, trace__contains=[{"kind": overdue_first_contact.PASSED_ON_KIND}]
    ).exists()


CASES = {
    overdue_first_contact.SWEEP: SweepCase(
        _make_overdue,
        lambda now: overdue_first_contact.pass_on_overdue(now=now, limit=LIMIT),
        RowRefusal("sla_handoff", "UPDATE", "id"),
        _is_passed_on,
        NOW + HOUR,
    ),
    sales_stages.SWEEP: SweepCase(
        _make_won,
        lambda now: sales_stages.follow_outcomes(now=now, limit=LIMIT),
        RowRefusal("sla_handoff", "UPDATE", "id"),
        lambda pk: Handoff.objects.get(pk=pk).state == HandoffState.WON,
    ),
    do_not_contact.SWEEP: SweepCase(
        _make_opted_out,
        lambda now: do_not_contact.stop_clocks(now=now, limit=LIMIT),
        RowRefusal("sla_clock", "UPDATE", "handoff_id"),
        lambda pk: not Clock.objects.running().filter(handoff=pk, kind__in=do_not_contact.CONTACT_CLOCKS).exists(),
    ),
    hot_upgrades.SWEEP: SweepCase(
        _make_hot_upgrades,
        lambda now: hot_upgrades.follow_hot_upgrades(now=now, limit=LIMIT),
        RowRefusal("scoring_hotupgrade", "UPDATE", "id"),
        lambda pk: HotUpgrade.objects.get(pk=pk).taken_at is not None,
    ),
    tier_upgrades.SWEEP: SweepCase(
        _make_tier_upgrades,
        lambda now: tier_upgrades.follow_tier_upgrades(now=now, limit=LIMIT),
        RowRefusal("scoring_tierupgrade", "UPDATE", "id"),
        lambda pk: TierUpgrade.objects.get(pk=pk).taken_at is not None,
    ),
    reinstatements.SWEEP: SweepCase(
        _make_hand_raises,
        lambda now: reinstatements.follow_hand_raises(now=now, limit=LIMIT),
        RowRefusal("scoring_handraise", "UPDATE", "id"),
        lambda pk: HandRaise.objects.get(pk=pk).handled_at is not None,
        NOW + HOUR,
    ),
    creation.SWEEP: SweepCase(
        _make_mqls,
        lambda now: creation.hand_off_waiting(now=now, limit=LIMIT),
        RowRefusal("sla_handoff", "INSERT", "qualification_id"),
        lambda pk: Qualification.objects.get(pk=pk).taken_at is not None,
    ),
    undo_window.SWEEP: SweepCase(
        _make_pending_decisions,
        lambda now: undo_window.finish_due(now=now, limit=LIMIT),
        RowRefusal("sla_pendingdecision", "DELETE", "id"),
        lambda pk: not PendingDecision.objects.filter(pk=pk).exists(),
        NOW + MINUTE,
    ),
    routing.SWEEP: SweepCase(
        _make_unrouted,
        lambda now: routing.route_unrouted(now=now, limit=LIMIT),
        RowRefusal("sla_handoff", "UPDATE", "id"),
        lambda pk: Handoff.objects.get(pk=pk).rep is not None,
        NOW + DAY,
    ),
    play_creation.SWEEP: SweepCase(
        _make_account_mqls,
        lambda now: play_creation.start_waiting(now=now, limit=LIMIT),
        RowRefusal("sla_accountplay", "INSERT", "qualification_id"),
        lambda pk: AccountPlay.objects.filter(qualification=pk).exists(),
    ),
    play_routing.SWEEP: SweepCase(
        _make_unrouted_plays,
        lambda now: play_routing.route_unrouted(now=now, limit=LIMIT),
        RowRefusal("sla_accountplay", "UPDATE", "id"),
        lambda pk: AccountPlay.objects.get(pk=pk).rep is not None,
    ),
    clock_sweeps.WARNINGS: SweepCase(
        _make_unrouted,
        lambda now: clock_sweeps.sweep_warnings(now=now, limit=LIMIT),
        RowRefusal("sla_clock", "UPDATE", "handoff_id"),
        lambda pk: Clock.objects.get(handoff=pk).warned_at is not None,
        NOW.replace(hour=9) + DAY + 4 * MINUTE,
    ),
    clock_sweeps.BREACHES: SweepCase(
        _make_unrouted,
        lambda now: clock_sweeps.sweep_breaches(now=now, limit=LIMIT),
        RowRefusal("sla_clock", "UPDATE", "handoff_id"),
        lambda pk: Clock.objects.get(handoff=pk).breached_at is not None,
        NOW + DAY,
    ),
    play_clocks.SWEEP: SweepCase(
        _make_plays,
        lambda now: play_clocks.sweep(now=now, limit=LIMIT),
        RowRefusal("sla_playclock", "UPDATE", "play_id"),
        lambda pk: PlayClock.objects.get(play=pk).breached_at is not None,
        NOW + DAY,
    ),
    value_readings.SWEEP: SweepCase(
        _make_readings,
        lambda now: value_readings.apply_pending(now=now),
        RowRefusal("leads_valuereading", "UPDATE", "id"),
        lambda pk: ValueReading.objects.get(pk=pk).step > 0,
    ),
    company_rescores.SWEEP: SweepCase(
        _make_changed_companies,
        lambda now: company_rescores.rescore_people(now=now, limit=LIMIT),
        RowRefusal("leads_companyrescore", "DELETE", "company_id"),
        lambda pk: not CompanyRescore.objects.filter(pk=pk).exists(),
    ),
    customer_status.SWEEP: SweepCase(
        _make_moved_winners,
        lambda now: customer_status.follow_wins(now=now, limit=LIMIT),
        RowRefusal("leads_company", "UPDATE", "id"),
        lambda pk: Company.objects.get(pk=pk).is_customer is True,
    ),
    quiet_leads.SWEEP: SweepCase(
        _make_quiet_leads,
        lambda now: quiet_leads.pause_quiet(now=now, limit=LIMIT),
        RowRefusal("leads_stagechange", "INSERT", "lead_id"),
        lambda pk: Lead.objects.get(pk=pk).stage == Stage.PAUSED,
        NOW + 100 * DAY,
    ),
    recency_validations.SWEEP: SweepCase(
        _make_stale_leads,
        lambda now: recency_validations.close_ended(now=now, limit=LIMIT),
        RowRefusal("scoring_recencyvalidation", "UPDATE", "id"),
        lambda pk: RecencyValidation.objects.get(pk=pk).state == RecencyState.LAPSED,
        NOW + 14 * DAY,
    ),
    recycling.SWEEP: SweepCase(
        _make_returning,
        lambda now: recycling.announce_returns(now=now, limit=LIMIT),
        RowRefusal("sla_notice", "INSERT", "handoff_id"),
        lambda pk: Notice.objects.filter(handoff=pk, kind=NoticeKind.REENGAGED).exists(),
        NOW + 200 * DAY,
    ),
}


@pytest.mark.parametrize("sweep", CASES)
def test_rows_that_fail_keep_no_other_one_from_being_done_and_come_back(sweep: str) -> None:
    case = CASES[sweep]
    *blocked, sound = case.make(BLOCKED + 1)
    case.refusal.begin(blocked)

    case.run(case.at)

    assert case.is_done(sound)
    assert not any(case.is_done(row) for row in blocked)
    aside = list(SetAsideRow.objects.filter(sweep=sweep))
    assert len(aside) == BLOCKED
    assert {(row.tries, row.is_failure, row.until) for row in aside} == {(1, True, case.at + FIRST_WAIT)}
    assert all("refused it" in row.reason and SECRET not in row.reason for row in aside)

    # Left out until their time, then tried again, and done once the cause is mended.
    case.run(case.at + FIRST_WAIT / 2)
    assert set(SetAsideRow.objects.filter(sweep=sweep).values_list("tries", flat=True)) == {1}
    case.refusal.end()
    # A sweep of long steps does one of them at a time.
    for second in range(4 * BLOCKED):
        case.run(case.at + FIRST_WAIT + dt.timedelta(seconds=second))
        if not SetAsideRow.objects.filter(sweep=sweep).exists():
            break
    assert all(case.is_done(row) for row in blocked)
    assert not SetAsideRow.objects.filter(sweep=sweep).exists()


def test_overdue_handoffs_of_a_team_with_nobody_keep_no_other_team_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a slow machine the next run would go on.
    monkeypatch.setattr(sweeps, "SECONDS_A_RUN", 600)
    TeamFactory(working=True, reps=1, reassigns_on_breach=True)
    blocked = [HandoffFactory(tier=1).pk for _ in range(15)]
    pair = TeamFactory(working=True, reps=2, reassigns_on_breach=True, rule__position=1)
    sound = HandoffFactory()
    assert sound.rep.team == pair
    clock_sweeps.sweep_breaches(now=NOW + HOUR)

    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR, limit=10) == 1

    assert _is_passed_on(sound.pk)
    aside = SetAsideRow.objects.filter(sweep=overdue_first_contact.SWEEP)
    assert set(aside.values_list("reason", "is_failure")) == {("Nobody else of the team is available.", False)}
    assert set(aside.values_list("row_id", flat=True)) == set(blocked)

    RepFactory(team=read_handoff(Handoff(pk=blocked[0])).team)
    assert overdue_first_contact.pass_on_overdue(now=NOW + HOUR + FIRST_WAIT, limit=10) == 10


def test_plays_of_a_team_with_nobody_keep_no_other_team_waiting() -> None:
    plays = _make_plays(BLOCKED + 1)
    country = "FR"
    Company.objects.filter(plays=plays[-1]).update(country=country)
    TeamFactory(working=True, rule__countries=[country])
    nobody = TeamFactory(working=True)
    nobody.reps.update(is_away=True)

    assert play_routing.route_unrouted(now=NOW, limit=LIMIT) == 1

    assert AccountPlay.objects.get(rep__isnull=False).pk == plays[-1]


@pytest.mark.parametrize("sweep", [daily_search.SWEEP, daily_rescore.SWEEP])
def test_a_period_that_fails_keeps_no_other_one_from_being_claimed(sweep: str) -> None:
    if sweep == daily_search.SWEEP:
        blocked, sound = sorted([VersionFactory(active=True).pk, VersionFactory(active=True).pk])
        job = "blind rules"
    else:
        LeadFactory(pk=70_000)
        blocked, sound, job = 0, 1, "rescore"
    refusal = RowRefusal("jobs_periodicrun", "INSERT", "job")
    refusal.begin([f"{job} {blocked}"])

    def run(now: dt.datetime) -> None:
        daily_search.watch_daily(now=now) if sweep == daily_search.SWEEP else daily_rescore.rescore_next_range(now=now)

    run(NOW)

    assert set(PeriodicRun.objects.values_list("job", flat=True)) == {f"{job} {sound}"}
    assert SetAsideRow.objects.get().row_id == blocked
    refusal.end()
    run(NOW + FIRST_WAIT)
    assert PeriodicRun.objects.filter(job=f"{job} {blocked}").exists()
    assert not SetAsideRow.objects.exists()


def test_clocks_due_at_closing_keep_no_overdue_one_from_being_marked() -> None:
    at_closing = NOW.replace(hour=16, minute=30)
    handoffs = _make_handoffs(LIMIT, now=at_closing)
    overdue = HandoffFactory(now=at_closing + dt.timedelta(seconds=1))
    in_the_evening = NOW.replace(hour=18)
    first_contact = Clock.objects.filter(handoff=overdue, kind=ClockKind.FIRST_CONTACT)
    # No promise ends a minute after closing time and began before: the clock is made one on purpose.
    with pgtrigger.ignore("sla.Clock:clock_promise_stays"):
        first_contact.update(due_at=NOW.replace(hour=17), target_seconds=60)

    assert clock_sweeps.sweep_breaches(now=in_the_evening, limit=LIMIT) > 0

    marked = set(Clock.objects.filter(breached_at__isnull=False).values_list("handoff", flat=True))
    assert marked == {overdue.pk}
    assert not marked & {handoff.pk for handoff in handoffs}
