from __future__ import annotations

import datetime as dt

import pytest

from config import periodic
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.models import Lead
from leads.vocabulary import Stage
from scoring.models import HotUpgrade, Qualification
from sla.handoffs import creation, dispositions, hot_upgrades, routing, tier_3_hold
from sla.models import Clock, Handoff, Notice, Rep, Team
from sla.notifications import outbox
from sla.queue import queue
from sla.vocabulary import ClockKind, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    read_handoff,
)
from tests.scoring.reference_lead import NOW as MONDAY
from tests.scoring.reference_lead import add_event, lead, version
from tests.threads import at_once

__all__ = ["lead", "version"]

pytestmark = pytest.mark.django_db


def hot_upgrade_of(qualification: Qualification, at: dt.datetime = NOW + 2 * MINUTE) -> HotUpgrade:
    """Create a hot upgrade as scoring stores it."""
    return HotUpgrade.objects.create(
        qualification=qualification,
        version=qualification.version,
        at=at,
        recorded_at=at,
        why="Demo request.",
        evidence={},
    )


def contact(handoff: Handoff) -> Clock:
    return handoff.clocks.running().get(kind=ClockKind.FIRST_CONTACT)


@pytest.fixture
def held() -> Qualification:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    return QualificationFactory(tier=3)


# ── Nurtured first ────────────────────────────────────────────────────────────────────────────────────────
def test_tier_3_is_held_until_its_day_and_goes_then(held: Qualification):
    assert creation.hand_off_waiting(now=NOW + 14 * DAY - MINUTE) == 0
    assert creation.hand_off_waiting(now=NOW + 14 * DAY) == 1

    handoff = Handoff.objects.get()
    assert (handoff.qualification, handoff.tier) == (held, 3)
    routing = handoff.clocks.get(kind=ClockKind.ROUTE)
    assert (routing.started_at, routing.is_late) == (NOW + 14 * DAY, False)


def test_zero_nurture_days_send_tier_3_straight_to_sales():
    CommitmentFactory(active=True, tier_3_nurture_days=0)
    TeamFactory(working=True)
    QualificationFactory(tier=3)

    assert creation.hand_off_waiting(now=NOW) == 1


def test_tiers_1_and_2_are_not_held(held: Qualification):
    QualificationFactory(tier=2)

    assert creation.hand_off_waiting(now=NOW) == 1
    assert Handoff.objects.get().tier == 2


def test_held_mqls_do_not_count_as_waiting(held: Qualification):
    assert creation.waiting_since(NOW + 13 * DAY) is None
    assert creation.waiting_since(NOW + 15 * DAY) == NOW + 14 * DAY


def test_marketing_sees_held_leads_with_their_day(held: Qualification):
    (row,) = tier_3_hold.for_lead(held.lead, now=NOW + DAY)

    assert (row.qualification, row.goes_at) == (held, NOW + 14 * DAY)
    assert list(tier_3_hold.search_held_mqls(now=NOW + 14 * DAY)) == []


def test_a_held_lead_that_may_not_be_contacted_is_not_handed_over(held: Qualification):
    Lead.objects.filter(pk=held.lead_id).update(do_not_contact=True)

    creation.hand_off_waiting(now=NOW + 14 * DAY)

    held.refresh_from_db()
    assert held.closed_at == NOW + 14 * DAY
    assert Lead.objects.get(pk=held.lead_id).stage == Stage.MAL
    assert not Handoff.objects.exists()


def test_marketing_hands_a_held_lead_over_early_with_a_reason(held: Qualification):
    ops = UserFactory(roles=[Role.MARKETING_OPS])

    moved = creation.hand_off_early(qualification_ids=[held.pk], by=ops, now=NOW + DAY, why="Met at the fair")

    handoff = Handoff.objects.get()
    assert (moved, handoff.tier, handoff.routed_at) == (1, 3, NOW + DAY)
    assert contact(handoff).due_at == NOW + DAY + 30 * MINUTE
    note = handoff.notes.get()
    assert (note.by, note.text) == (ops, "Handed to sales before its day: Met at the fair")
    assert creation.hand_off_early(qualification_ids=[held.pk], by=ops, now=NOW + DAY, why="Again") == 0


def test_only_marketing_hands_over_early_and_never_without_a_reason(held: Qualification):
    for by, why in ((UserFactory(roles=[Role.SDR]), "Mine"), (UserFactory(roles=[Role.MARKETING_OPS]), " ")):
        with pytest.raises(creation.TooSoon):
            creation.hand_off_early(qualification_ids=[held.pk], by=by, now=NOW, why=why)

    assert not Handoff.objects.exists()


# ── Hot since it qualified ────────────────────────────────────────────────────────────────────────────────
def test_a_held_mql_that_turns_hot_goes_at_once_as_tier_1(held: Qualification):
    hot_upgrade_of(held)

    assert hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE) == 1

    handoff = Handoff.objects.get()
    assert (handoff.tier, handoff.routed_at) == (1, NOW + 3 * MINUTE)
    assert contact(handoff).due_at == NOW + 8 * MINUTE
    assert handoff.clocks.get(kind=ClockKind.ROUTE).started_at == NOW + 2 * MINUTE
    assert hot_upgrades.follow_hot_upgrades(now=NOW + 4 * MINUTE) == 0


def test_an_open_handoff_that_turns_hot_notifies_its_rep_and_gets_tier_1s_minutes():
    handoff = HandoffFactory()
    hot_upgrade_of(handoff.qualification)

    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    handoff = read_handoff(handoff)
    notice = Notice.objects.get(kind=NoticeKind.REENGAGED)
    assert notice.to == handoff.rep.user
    assert notice.text == f"Hot now: {handoff.lead}. Demo request."
    assert (handoff.tier, handoff.is_hot, contact(handoff).due_at) == (2, True, NOW + 8 * MINUTE)


def test_a_rep_who_gets_back_a_lead_that_turned_hot_has_tier_1s_minutes_too():
    team = TeamFactory(working=True, reps=2)
    handoff = HandoffFactory()
    first, other = handoff.rep, team.reps.exclude(pk=handoff.rep.pk).get()
    manager = team.managers.first()
    creation.assign(handoff=handoff, rep=other, by=manager, now=NOW + MINUTE, reason="Knows them")
    hot_upgrade_of(handoff.qualification)
    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    creation.assign(handoff=handoff, rep=first, by=manager, now=NOW + 4 * MINUTE, reason="Ill")

    assert (contact(handoff).rep, contact(handoff).due_at) == (first, NOW + 9 * MINUTE)


def test_passing_a_hot_lead_away_and_back_gains_no_time():
    team = TeamFactory(working=True, reps=2)
    handoff = HandoffFactory()
    first, other = handoff.rep, team.reps.exclude(pk=handoff.rep.pk).get()
    hot_upgrade_of(handoff.qualification)
    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    for rep, minutes in ((other, 4), (first, 6)):
        at = NOW + minutes * MINUTE
        creation.assign(handoff=handoff, rep=rep, by=team.managers.first(), now=at, reason="To and fro")

    assert contact(handoff).due_at == NOW + 8 * MINUTE


@pytest.mark.parametrize("is_let_go_before", [True, False])
def test_an_mql_that_is_no_case_for_sales_is_not_handed_off_when_hot(held: Qualification, is_let_go_before: bool):
    hot_upgrade_of(held)
    Lead.objects.filter(pk=held.lead_id).update(do_not_contact=True)
    if is_let_go_before:
        creation.hand_off_waiting(now=NOW + 14 * DAY)

    followed = [hot_upgrades.follow_hot_upgrades(now=NOW + 14 * DAY) for _ in range(2)]

    assert followed == [1, 0]
    assert not Handoff.objects.exists()
    assert not Qualification.objects.open().exists()


def test_a_contacted_lead_that_turns_hot_gets_no_new_clock():
    handoff = HandoffFactory(accepted=True)
    hot_upgrade_of(handoff.qualification)
    handoff.clocks.filter(kind=ClockKind.FIRST_CONTACT).update(met_at=NOW, used_seconds=0, is_late=False)

    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    assert not handoff.clocks.running().exists()
    assert Notice.objects.filter(kind=NoticeKind.REENGAGED).count() == 1


def test_an_unrouted_handoff_that_turns_hot_notifies_managers_and_gets_tier_1s_minutes():
    evening = NOW.replace(hour=20)
    handoff = HandoffFactory(now=evening)
    hot_upgrade_of(handoff.qualification, at=evening + MINUTE)

    hot_upgrades.follow_hot_upgrades(now=evening + 2 * MINUTE)
    creation.hand_off_waiting(now=NOW + DAY)
    routing.route_unrouted(now=NOW + DAY)

    told = Notice.objects.get(kind=NoticeKind.REENGAGED)
    assert told.to == read_handoff(handoff).team.managers.first()
    assert contact(handoff).due_at == NOW + DAY + 5 * MINUTE


def test_a_lead_that_turned_hot_is_routed_before_older_ones():
    TeamFactory(working=True, reps=0)
    older, hot = HandoffFactory(), HandoffFactory(now=NOW + MINUTE)
    hot_upgrade_of(hot.qualification)
    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    assert list(queue.unrouted_handoffs()) == [hot, older]

    RepFactory(team=Team.objects.get(), capacity=1)
    assert routing.route_unrouted(now=NOW + 4 * MINUTE) == 1
    assert read_handoff(hot).rep is not None


def test_each_hot_lead_alerts_the_rep_who_has_it_once():
    team = TeamFactory(working=True, reps=0)
    first = RepFactory(team=team)
    had = HandoffFactory()
    hot_upgrade_of(had.qualification)
    Rep.objects.update(is_away=True)
    waited = HandoffFactory(now=NOW + MINUTE)
    hot_upgrade_of(waited.qualification)
    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)
    second = RepFactory(team=team)
    routing.route_unrouted(now=NOW + 4 * MINUTE)

    rung = {rep: [told.handoff for told in outbox.hot_notices(rep.user, since=NOW - MINUTE)] for rep in (first, second)}

    assert rung == {first: [had], second: [waited]}


def test_a_decided_handoff_that_turns_hot_stays_as_it_is():
    handoff = HandoffFactory(rejected=True)
    hot_upgrade_of(handoff.qualification)

    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    assert not Notice.objects.filter(kind=NoticeKind.REENGAGED).exists()
    assert not HotUpgrade.objects.waiting().exists()


def test_a_breached_first_contact_stays_breached():
    handoff = HandoffFactory()
    hot_upgrade_of(handoff.qualification)

    hot_upgrades.follow_hot_upgrades(now=NOW + HOUR)

    clock = contact(handoff)
    assert (clock.due_at, clock.started_at) == (NOW + 30 * MINUTE, NOW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("crowds")
def test_two_workers_notify_of_each_hot_upgrade_once():
    TeamFactory(working=True, reps=2)
    handoffs = [HandoffFactory() for _ in range(10)]
    for handoff in handoffs:
        hot_upgrade_of(handoff.qualification)

    done = at_once(2, lambda _: hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE))

    assert sum(done) == 10
    assert Notice.objects.filter(kind=NoticeKind.REENGAGED).count() == 10
    assert Clock.objects.running().filter(kind=ClockKind.FIRST_CONTACT, due_at=NOW + 8 * MINUTE).count() == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("crowds")
def test_a_held_mql_that_turns_hot_on_its_day_makes_one_handoff():
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    later = NOW + 14 * DAY
    for _ in range(10):
        hot_upgrade_of(QualificationFactory(tier=3), at=later)

    at_once(2, lambda number: (hot_upgrades.follow_hot_upgrades, creation.hand_off_waiting)[number](now=later))

    assert Handoff.objects.count() == 10
    assert not HotUpgrade.objects.waiting().exists()
    assert Handoff.objects.filter(hot_upgraded_at__isnull=False).count() == 10


def test_a_decision_made_at_the_same_moment_is_not_undone():
    handoff = HandoffFactory()
    hot_upgrade_of(handoff.qualification)
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + MINUTE)

    hot_upgrades.follow_hot_upgrades(now=NOW + 3 * MINUTE)

    assert read_handoff(handoff).is_accepted
    assert contact(handoff).due_at == NOW + 8 * MINUTE


def test_one_tick_carries_a_demo_request_to_the_rep_of_the_lead(version: Version, lead: Lead):
    now = MONDAY + HOUR
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    for days in (3, 2, 1):
        add_event(lead, "pricing_view", MONDAY - days * DAY)
    periodic.tick(now=now)
    handoff = Handoff.objects.get()
    assert not handoff.is_hot

    add_event(lead, "demo_request", now + MINUTE)
    counts = periodic.tick(now=now + 2 * MINUTE)

    assert counts["hurried"] == 1
    assert contact(handoff).due_at == now + 7 * MINUTE
    why = "Demo request; hot trigger “Asked to talk”, enough by itself."
    assert Notice.objects.get(kind=NoticeKind.REENGAGED).text == f"Hot now: {lead}. {why}"
