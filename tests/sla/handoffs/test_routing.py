from __future__ import annotations

from collections import Counter

import pytest

from leads.vocabulary import Motion
from sla.handoffs import creation, routing
from sla.models import Absence, Handoff, Notice, RoutingDecision, SpecialDay, WorkCalendar
from sla.notifications import outbox
from sla.teams import round_robin
from sla.vocabulary import HandoffState, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    LeadFactory,
    RepFactory,
    TeamFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = pytest.mark.django_db


def reason(handoff: Handoff) -> str:
    return handoff.routing_decisions.latest("pk").explanation


def test_the_first_rule_that_matches_names_the_team():
    dach = TeamFactory(working=True, name="DACH", reps=0)
    dach.rules.update(countries=["Germany", "Austria"], name="DACH", position=1)
    RepFactory(team=dach, user__name="ana")
    TeamFactory(working=True, name="World")

    german = HandoffFactory(lead__country=" germany ")
    french = HandoffFactory(lead__country="France")

    assert (german.team.name, french.team.name) == ("DACH", "World")
    assert reason(german) == "Rule 1: DACH → team DACH → Ana, next in turn"
    first = french.routing_decisions.get().trace[0]
    assert (first["matched"], first["why"]) == (False, "country France")


@pytest.mark.parametrize(
    ("condition", "matching", "other"),
    [
        ({"sources": ["Webinar"]}, {"source": "webinar"}, {"source": "cold list"}),
        ({"domains": ["acme.example"]}, {"email": "a@eu.ACME.example"}, {"email": "a@notacme.example"}),
        ({"countries": ["Spain"]}, {"country": "Spain"}, {}),
        ({"countries": ["Spain"]}, {"country": "ES"}, {"country": "FR"}),
    ],
)
def test_each_condition_of_a_rule_is_applied(condition, matching, other):
    named = TeamFactory(working=True, name="named")
    named.rules.update(position=1, **condition)
    TeamFactory(working=True, name="rest")

    assert HandoffFactory(lead=LeadFactory(mql=True, **matching)).team.name == "named"
    assert HandoffFactory(lead=LeadFactory(mql=True, **other)).team.name == "rest"


def test_size_tier_and_motion_are_conditions_too():
    CommitmentFactory(active=True, tier_3_nurture_days=0)
    large = TeamFactory(working=True, name="large")
    large.rules.update(position=1, employees_at_least=1000, tiers=[1, 2], motion=Motion.MQL)
    TeamFactory(working=True, name="rest")
    big, small = CompanyFactory(employees_low=1000, employees_high=5000), CompanyFactory(employees_low=999)

    assert HandoffFactory(lead__company=big).team.name == "large"
    assert HandoffFactory(lead__company=big, tier=3).team.name == "rest"
    assert HandoffFactory(lead__company=small).team.name == "rest"
    assert HandoffFactory(lead=LeadFactory(mql=True)).team.name == "rest"
    assert HandoffFactory(lead__company=big, motion=Motion.PQL).team.name == "rest"


def test_without_a_matching_rule_a_handoff_is_unrouted_and_managers_are_notified():
    team = TeamFactory(working=True)
    team.rules.update(countries=["Chile"])

    handoff = HandoffFactory()

    assert handoff.is_unrouted
    assert reason(handoff) == "No routing rule matches."
    assert Notice.objects.get(kind=NoticeKind.UNROUTED).to == team.managers.first()


@pytest.mark.parametrize(
    ("hindrance", "said"),
    [
        ({"is_away": True}, "1 away"),
        ({"is_active": False}, "1 inactive"),
        ({"capacity": 0}, "1 at capacity"),
    ],
)
def test_a_rep_who_cannot_take_a_lead_is_skipped_with_the_reason(hindrance, said):
    team = TeamFactory(working=True, reps=0)
    RepFactory(team=team, **hindrance)

    assert f"nobody available ({said})" in reason(HandoffFactory())

    free = RepFactory(team=team)
    assert HandoffFactory().rep == free


def test_absent_and_off_work_reps_are_skipped():
    team = TeamFactory(working=True, reps=0)
    absent = RepFactory(team=team)
    Absence.objects.create(rep=absent, starts_at=NOW, ends_at=NOW + HOUR)
    RepFactory(team=team, calendar=WorkCalendarFactory(zone="America/New_York"))

    handoff = HandoffFactory()

    assert "nobody available (1 absent, 1 outside working hours)" in reason(handoff)
    assert routing.route_handoff(handoff=handoff, now=NOW + HOUR) == absent


def test_capacity_counts_undecided_and_accepted_handoffs():
    team = TeamFactory(working=True, reps=0)
    RepFactory(team=team, capacity=2)
    HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    HandoffFactory()

    assert HandoffFactory().is_unrouted


def test_an_unrouted_handoff_is_routed_when_a_rep_starts_work_and_explained_once():
    TeamFactory(working=True)
    evening = NOW.replace(hour=20)
    handoff = HandoffFactory(now=evening)
    assert handoff.is_unrouted

    for minutes in range(3):
        assert routing.route_unrouted(now=evening + minutes * MINUTE) == 0
    assert handoff.routing_decisions.count() == 1

    morning = (NOW + DAY).replace(hour=9)
    assert routing.route_unrouted(now=morning) == 1
    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.routed_at, handoff.due_at) == (
        HandoffState.ASSIGNED,
        morning,
        morning + 30 * MINUTE,
    )


def test_an_exhausted_team_does_not_hold_up_the_others():
    asleep = TeamFactory(working=True, calendar=WorkCalendarFactory(zone="Pacific/Auckland"))
    asleep.rules.update(position=1, countries=["New Zealand"])
    awake = TeamFactory(working=True, reps=0)
    for _ in range(3):
        HandoffFactory(lead__country="New Zealand", tier=1)
    waiting = HandoffFactory(lead__country="Norway")
    RepFactory(team=awake)

    assert routing.route_unrouted(now=NOW + MINUTE) == 1
    assert read_handoff(waiting).team == awake


def test_retrying_unrouted_handoffs_takes_a_constant_number_of_queries(django_assert_num_queries):
    TeamFactory(working=True, calendar=WorkCalendarFactory(zone="Pacific/Auckland"))
    HandoffFactory()
    with django_assert_num_queries(19):
        routing.route_unrouted(now=NOW)
    for _ in range(5):
        HandoffFactory()

    with django_assert_num_queries(19):
        routing.route_unrouted(now=NOW)


def test_a_rep_with_an_unreadable_calendar_does_not_stop_the_team():
    team = TeamFactory(working=True)
    broken = RepFactory(team=team, calendar=WorkCalendarFactory())
    WorkCalendar.objects.filter(pk=broken.calendar_id).update(zone="Atlantis/Capital")

    reps = {HandoffFactory().rep for _ in range(3)}

    assert reps == set(team.reps.exclude(pk=broken.pk))


def test_a_routing_failure_is_explained_and_does_not_block_the_rest():
    # Open today and never again: the 24 hours of the disposition have no end.
    only_today = WorkCalendarFactory(weekdays=range(0))
    SpecialDay.objects.create(calendar=only_today, date=NOW.date(), opens=540, closes=1020, label="Only today")
    team = TeamFactory(working=True, calendar=only_today)
    team.rules.update(position=1, countries=["Atlantis"])

    lost = HandoffFactory(lead__country="Atlantis", tier=1)
    TeamFactory(working=True)
    fine = HandoffFactory(lead__country="Peru")

    assert (lost.is_unrouted, fine.is_unrouted) == (True, False)
    assert reason(lost).startswith("Routing failed: These working hours come to a point")
    assert routing.route_unrouted(now=NOW) == 0
    assert lost.routing_decisions.count() == 1


def test_turns_follow_the_weights_exactly():
    team = TeamFactory(working=True, reps=0)
    for name, weight in (("ana", 3), ("ben", 2), ("cem", 1)):
        RepFactory(team=team, user__name=name, weight=weight)

    turns = [str(HandoffFactory().rep) for _ in range(18)]

    assert all(Counter(turns[first : first + 6]) == {"Ana": 3, "Ben": 2, "Cem": 1} for first in range(13))


def test_the_least_recently_assigned_goes_first():
    team = TeamFactory(working=True, reps=0)
    RepFactory(team=team, user__name="late", last_assigned_at=NOW - HOUR)
    RepFactory(team=team, user__name="early", last_assigned_at=NOW - 2 * HOUR)

    assert str(HandoffFactory().rep) == "Early"


def test_a_rep_back_from_leave_gets_no_flood():
    team = TeamFactory(working=True, reps=0)
    RepFactory(team=team, user__name="ana")
    back = RepFactory(team=team, user__name="ben", is_away=True)
    for _ in range(10):
        HandoffFactory()
    type(back).objects.filter(pk=back.pk).update(is_away=False)

    assert Counter(str(HandoffFactory().rep) for _ in range(6)) == {"Ana": 3, "Ben": 3}


def test_the_new_rep_is_notified():
    handoff = HandoffFactory(tier=1)

    notice = outbox.unread_notices(handoff.rep.user).get()

    assert (notice.kind, notice.text) == (NoticeKind.NEW_MQL, f"New tier 1 MQL: {handoff.lead}")


def test_the_trace_has_a_line_for_every_rep_of_the_team():
    team = TeamFactory(working=True, reps=2)
    RepFactory(team=team, is_away=True)

    HandoffFactory()

    lines = RoutingDecision.objects.get().trace[1:]
    assert sorted(line["kind"] for line in lines) == ["available", "available", "away"]
    assert len(round_robin.fetch_reps(team)) == 3


def test_a_long_lead_name_fits_the_explanation():
    TeamFactory(working=True)
    handoff = HandoffFactory(lead__country="x" * 64, lead__first_name="y" * 100, lead__last_name="\n" * 100)

    assert handoff.rep is not None
    assert creation.hand_off_waiting(now=NOW) == 0


def test_region_industry_and_size_up_to_a_limit_are_conditions_too():
    midmarket = TeamFactory(working=True, name="midmarket")
    midmarket.rules.update(position=1, industries=["Software"], regions=["Bavaria"], employees_at_most=500)
    TeamFactory(working=True, name="rest")
    band = {"industry": "software", "region": " bavaria", "employees_low": 51}

    fits = CompanyFactory(employees_high=500, **band)
    too_large = CompanyFactory(employees_high=501, **band)
    of_open_size = CompanyFactory(**band)

    assert HandoffFactory(lead__company=fits).team.name == "midmarket"
    assert HandoffFactory(lead__company=too_large).team.name == "rest"
    open_band = HandoffFactory(lead__company=of_open_size)
    assert open_band.routing_decisions.get().trace[0]["why"] == "company size 51–?"
    assert HandoffFactory().team.name == "rest"


def test_the_same_company_goes_to_the_same_owner():
    TeamFactory(working=True, reps=3)
    acme = CompanyFactory(name="Acme")
    first = HandoffFactory(lead__company=acme, lead__first_name="Jane")
    HandoffFactory()

    second = HandoffFactory(lead__company=acme)

    assert second.rep == first.rep
    assert reason(second).endswith(f"{first.rep}, same company as Jane, owned by {first.rep}")


def test_an_owner_who_is_not_available_is_skipped():
    TeamFactory(working=True, reps=2)
    acme = CompanyFactory()
    first = HandoffFactory(lead__company=acme)
    type(first.rep).objects.filter(pk=first.rep_id).update(is_away=True)

    second = HandoffFactory(lead__company=acme)

    assert second.rep not in (None, first.rep)
    assert reason(second).endswith("next in turn")


def test_the_rules_choose_the_team_before_the_owner():
    TeamFactory(working=True, name="World")
    acme = CompanyFactory(domain="acme.example")
    HandoffFactory(lead__company=acme)
    named = TeamFactory(working=True, name="Named")
    named.rules.update(position=1, domains=["acme.example"])

    assert HandoffFactory(lead__company=acme).team == named


def test_handoffs_of_another_motion_and_rejections_make_no_owner():
    TeamFactory(working=True, reps=2)
    acme = CompanyFactory()
    turned_down = HandoffFactory(rejected=True, lead__company=acme)

    assert HandoffFactory(lead__company=acme, motion=Motion.PQL).rep != turned_down.rep


def test_a_rep_with_too_many_unworked_leads_gets_no_more():
    team = TeamFactory(working=True, reps=0, unworked_at_most=1)
    busy = RepFactory(team=team)
    HandoffFactory(accepted=True)

    waiting = HandoffFactory()

    assert "nobody available (1 with work waiting)" in reason(waiting)
    assert waiting.routing_decisions.get().trace[-1]["why"] == "1 accepted without a contact, 1 at most"
    Handoff.objects.filter(rep=busy).update(first_contact_at=NOW + MINUTE)
    assert routing.route_handoff(handoff=waiting, now=NOW + HOUR) == busy


@pytest.mark.parametrize(("own", "accepted", "is_held"), [(None, 2, True), (9, 2, True), (9, 1, False), (1, 1, True)])
def test_a_team_limit_may_be_stricter_than_agreed_but_not_laxer(own: int | None, accepted: int, is_held: bool):
    CommitmentFactory(active=True, unworked_at_most=2)
    team = TeamFactory(working=True, reps=0, unworked_at_most=own)
    RepFactory(team=team)
    for _ in range(accepted):
        HandoffFactory(accepted=True)

    assert HandoffFactory().is_unrouted is is_held


def test_each_unrouted_handoff_shows_what_it_waits_for():
    night = NOW.replace(hour=23)
    closed, full = (
        TeamFactory(working=True),
        TeamFactory(working=True, reps=0, calendar=WorkCalendarFactory(opens=0, closes=24)),
    )
    closed.rules.update(countries=["Norway"])
    full.rules.update(countries=["Chile"])
    handoffs = [HandoffFactory(now=night, lead__country=name) for name in ("Norway", "Chile", "Peru")]

    waits = [wait for _, wait in routing.find_waits(handoffs, now=night)]

    opens_at = (NOW + DAY).replace(hour=9)
    assert waits == [
        routing.RoutingWait(closed, opens_at),
        routing.RoutingWait(full, None),
        routing.RoutingWait(None, None),
    ]
    assert {notice.handoff for notice in Notice.objects.filter(kind=NoticeKind.UNROUTED)} == set(handoffs[1:])
