from __future__ import annotations

from collections import Counter

import pytest

from leads.vocabulary import Motion
from sla.handoffs import creation, routing
from sla.models import Absence, Handoff, Notice, RoutingDecision, SpecialDay, WorkCalendar
from sla.notifications import outbox
from sla.teams import round_robin
from sla.vocabulary import HandoffState, NoticeKind
from tests.sla import situations
from tests.sla.situations import DAY, HOUR, MINUTE, NOW

pytestmark = pytest.mark.django_db


def reason(handoff: Handoff) -> str:
    return handoff.routing_decisions.latest("pk").explanation


def test_the_first_rule_that_matches_names_the_team():
    dach = situations.team(name="DACH", reps=0)
    dach.rules.update(countries=["Germany", "Austria"], name="DACH", position=1)
    situations.rep(dach, name="ana")
    situations.team(name="World")

    german = situations.handoff(of=situations.lead(country=" germany "))
    french = situations.handoff(of=situations.lead(country="France"))

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
    ],
)
def test_a_condition_of_a_rule_decides(condition, matching, other):
    named = situations.team(name="named")
    named.rules.update(position=1, **condition)
    situations.team(name="rest")

    assert situations.handoff(of=situations.lead(**matching)).team.name == "named"
    assert situations.handoff(of=situations.lead(**other)).team.name == "rest"


def test_size_tier_and_motion_are_conditions_too():
    situations.commitment(tier_3_nurture_days=0)
    large = situations.team(name="large")
    large.rules.update(position=1, employees_at_least=1000, tiers=[1, 2], motion=Motion.MQL)
    situations.team(name="rest")
    big, small = situations.company(employees_low=1000, employees_high=5000), situations.company(employees_low=999)

    assert situations.handoff(of=situations.lead(company=big)).team.name == "large"
    assert situations.handoff(of=situations.lead(company=big), tier=3).team.name == "rest"
    assert situations.handoff(of=situations.lead(company=small)).team.name == "rest"
    assert situations.handoff(of=situations.lead()).team.name == "rest"
    assert situations.handoff(of=situations.lead(company=big), motion=Motion.PQL).team.name == "rest"


def test_without_a_matching_rule_it_is_unrouted_and_a_manager_hears():
    team = situations.team()
    team.rules.update(countries=["Chile"])

    handoff = situations.handoff()

    assert handoff.is_unrouted
    assert reason(handoff) == "No routing rule matches."
    assert Notice.objects.get(kind=NoticeKind.UNROUTED).to == situations.manager(team)


@pytest.mark.parametrize(
    ("hindrance", "said"),
    [
        ({"is_away": True}, "1 away"),
        ({"is_active": False}, "1 inactive"),
        ({"capacity": 0}, "1 at capacity"),
    ],
)
def test_who_cannot_take_a_lead_is_passed_over_and_the_reason_said(hindrance, said):
    team = situations.team(reps=0)
    situations.rep(team, **hindrance)

    assert f"nobody available ({said})" in reason(situations.handoff())

    free = situations.rep(team)
    assert situations.handoff().rep == free


def test_the_absent_and_those_off_work_are_passed_over():
    team = situations.team(reps=0)
    absent = situations.rep(team)
    Absence.objects.create(rep=absent, starts_at=NOW, ends_at=NOW + HOUR)
    situations.rep(team, calendar=situations.calendar(zone="America/New_York"))

    handoff = situations.handoff()

    assert "nobody available (1 absent, 1 outside working hours)" in reason(handoff)
    assert routing.route_handoff(handoff=handoff, now=NOW + HOUR) == absent


def test_capacity_counts_what_is_to_decide_and_what_is_accepted():
    team = situations.team(reps=0)
    situations.rep(team, capacity=2)
    situations.accepted()
    situations.rejected()
    situations.handoff()

    assert situations.handoff().is_unrouted


def test_an_unrouted_one_is_routed_when_somebody_comes_to_work_and_explained_once():
    situations.team()
    evening = NOW.replace(hour=20)
    handoff = situations.handoff(now=evening)
    assert handoff.is_unrouted

    for minutes in range(3):
        assert routing.route_unrouted(now=evening + minutes * MINUTE) == 0
    assert handoff.routing_decisions.count() == 1

    morning = (NOW + DAY).replace(hour=9)
    assert routing.route_unrouted(now=morning) == 1
    handoff = situations.fresh(handoff)
    assert (handoff.state, handoff.routed_at, handoff.due_at) == (
        HandoffState.ASSIGNED,
        morning,
        morning + 30 * MINUTE,
    )


def test_a_team_without_anybody_does_not_hold_up_the_others():
    asleep = situations.team(calendar=situations.calendar(zone="Pacific/Auckland"))
    asleep.rules.update(position=1, countries=["New Zealand"])
    awake = situations.team(reps=0)
    for _ in range(3):
        situations.handoff(of=situations.lead(country="New Zealand"), tier=1)
    waiting = situations.handoff(of=situations.lead(country="Norway"))
    situations.rep(awake)

    assert routing.route_unrouted(now=NOW + MINUTE) == 1
    assert situations.fresh(waiting).team == awake


def test_trying_the_unrouted_again_costs_the_same_for_any_number(django_assert_num_queries):
    situations.team(calendar=situations.calendar(zone="Pacific/Auckland"))
    situations.handoff()
    with django_assert_num_queries(16):
        routing.route_unrouted(now=NOW)
    for _ in range(5):
        situations.handoff()

    with django_assert_num_queries(16):
        routing.route_unrouted(now=NOW)


def test_a_rep_with_a_broken_calendar_does_not_keep_the_leads_of_the_team():
    team = situations.team()
    broken = situations.rep(team, calendar=situations.calendar())
    WorkCalendar.objects.filter(pk=broken.calendar_id).update(zone="Atlantis/Capital")

    reps = {situations.handoff().rep for _ in range(3)}

    assert reps == set(team.reps.exclude(pk=broken.pk))


def test_a_handoff_whose_routing_breaks_down_says_so_and_does_not_block_the_rest():
    # Open today and never again: the 24 hours of the disposition have no end.
    only_today = situations.calendar(weekdays=range(0))
    SpecialDay.objects.create(calendar=only_today, date=NOW.date(), opens=540, closes=1020, label="Only today")
    team = situations.team(calendar=only_today)
    team.rules.update(position=1, countries=["Atlantis"])

    lost = situations.handoff(of=situations.lead(country="Atlantis"), tier=1)
    situations.team()
    fine = situations.handoff(of=situations.lead(country="Peru"))

    assert (lost.is_unrouted, fine.is_unrouted) == (True, False)
    assert reason(lost).startswith("Routing failed: These working hours come to a point")
    assert routing.route_unrouted(now=NOW) == 0
    assert lost.routing_decisions.count() == 1


def test_turns_follow_the_weights_exactly():
    team = situations.team(reps=0)
    for name, weight in (("ana", 3), ("ben", 2), ("cem", 1)):
        situations.rep(team, name=name, weight=weight)

    turns = [str(situations.handoff().rep) for _ in range(18)]

    assert all(Counter(turns[first : first + 6]) == {"Ana": 3, "Ben": 2, "Cem": 1} for first in range(13))


def test_the_least_recently_assigned_goes_first():
    team = situations.team(reps=0)
    situations.rep(team, name="late", last_assigned_at=NOW - HOUR)
    situations.rep(team, name="early", last_assigned_at=NOW - 2 * HOUR)

    assert str(situations.handoff().rep) == "Early"


def test_coming_back_from_leave_brings_no_flood():
    team = situations.team(reps=0)
    situations.rep(team, name="ana")
    back = situations.rep(team, name="ben", is_away=True)
    for _ in range(10):
        situations.handoff()
    type(back).objects.filter(pk=back.pk).update(is_away=False)

    assert Counter(str(situations.handoff().rep) for _ in range(6)) == {"Ana": 3, "Ben": 3}


def test_the_new_rep_hears_of_it():
    handoff = situations.handoff(tier=1)

    notice = outbox.unread_notices(handoff.rep.user).get()

    assert (notice.kind, notice.text) == (NoticeKind.NEW_MQL, f"New tier 1 MQL: {handoff.lead}")


def test_everybody_in_the_team_is_in_the_trace():
    team = situations.team(reps=2)
    situations.rep(team, is_away=True)

    situations.handoff()

    lines = RoutingDecision.objects.get().trace[1:]
    assert sorted(line["kind"] for line in lines) == ["available", "available", "away"]
    assert len(round_robin.fetch_reps(team)) == 3


def test_a_long_name_of_a_stranger_fits_the_record():
    situations.team()
    handoff = situations.handoff(of=situations.lead(country="x" * 64, first_name="y" * 100, last_name="\n" * 100))

    assert handoff.rep is not None
    assert creation.hand_off_waiting(now=NOW) == 0


def test_region_industry_and_size_up_to_a_limit_are_conditions_too():
    midmarket = situations.team(name="midmarket")
    midmarket.rules.update(position=1, industries=["Software"], regions=["Bavaria"], employees_at_most=500)
    situations.team(name="rest")
    band = {"industry": "software", "region": " bavaria", "employees_low": 51}

    fits = situations.company(employees_high=500, **band)
    too_large = situations.company(employees_high=501, **band)
    of_open_size = situations.company(**band)

    assert situations.handoff(of=situations.lead(company=fits)).team.name == "midmarket"
    assert situations.handoff(of=situations.lead(company=too_large)).team.name == "rest"
    open_band = situations.handoff(of=situations.lead(company=of_open_size))
    assert open_band.routing_decisions.get().trace[0]["why"] == "company size 51–?"
    assert situations.handoff().team.name == "rest"


def test_the_same_company_goes_to_the_same_owner():
    situations.team(reps=3)
    acme = situations.company(name="Acme")
    first = situations.handoff(of=situations.lead(company=acme, first_name="Jane"))
    situations.handoff()

    second = situations.handoff(of=situations.lead(company=acme))

    assert second.rep == first.rep
    assert reason(second).endswith(f"{first.rep}, same company as Jane, owned by {first.rep}")


def test_an_owner_who_cannot_take_it_is_passed_over():
    situations.team(reps=2)
    acme = situations.company()
    first = situations.handoff(of=situations.lead(company=acme))
    type(first.rep).objects.filter(pk=first.rep_id).update(is_away=True)

    second = situations.handoff(of=situations.lead(company=acme))

    assert second.rep not in (None, first.rep)
    assert reason(second).endswith("next in turn")


def test_the_rules_choose_the_team_before_the_owner():
    situations.team(name="World")
    acme = situations.company(domain="acme.example")
    situations.handoff(of=situations.lead(company=acme))
    named = situations.team(name="Named")
    named.rules.update(position=1, domains=["acme.example"])

    assert situations.handoff(of=situations.lead(company=acme)).team == named


def test_another_motion_and_a_rejection_make_no_owner():
    situations.team(reps=2)
    acme = situations.company()
    turned_down = situations.rejected(of=situations.lead(company=acme))

    assert situations.handoff(of=situations.lead(company=acme), motion=Motion.PQL).rep != turned_down.rep


def test_work_waits_before_more_is_taken():
    team = situations.team(reps=0, unworked_at_most=1)
    busy = situations.rep(team)
    situations.accepted()

    waiting = situations.handoff()

    assert "nobody available (1 with work waiting)" in reason(waiting)
    assert waiting.routing_decisions.get().trace[-1]["why"] == "1 accepted without a contact, 1 at most"
    Handoff.objects.filter(rep=busy).update(first_contact_at=NOW + MINUTE)
    assert routing.route_handoff(handoff=waiting, now=NOW + HOUR) == busy


@pytest.mark.parametrize(("own", "accepted", "is_held"), [(None, 2, True), (9, 2, True), (9, 1, False), (1, 1, True)])
def test_a_team_may_hold_back_earlier_than_was_agreed_but_not_later(own: int | None, accepted: int, is_held: bool):
    situations.commitment(unworked_at_most=2)
    team = situations.team(reps=0, unworked_at_most=own)
    situations.rep(team)
    for _ in range(accepted):
        situations.accepted()

    assert situations.handoff().is_unrouted is is_held


def test_each_unrouted_one_says_what_it_waits_for():
    night = NOW.replace(hour=23)
    closed, full = situations.team(), situations.team(reps=0, calendar=situations.calendar(opens=0, closes=24))
    closed.rules.update(countries=["Norway"])
    full.rules.update(countries=["Chile"])
    made = [situations.handoff(now=night, of=situations.lead(country=name)) for name in ("Norway", "Chile", "Peru")]

    found = [wait for _, wait in routing.find_waits(made, now=night)]

    opens_at = (NOW + DAY).replace(hour=9)
    assert found == [
        routing.RoutingWait(closed, opens_at),
        routing.RoutingWait(full, None),
        routing.RoutingWait(None, None),
    ]
    assert {notice.handoff for notice in Notice.objects.filter(kind=NoticeKind.UNROUTED)} == set(made[1:])
