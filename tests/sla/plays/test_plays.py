"""Account plays: made once, routed, worked by several threads, decided, and apart from every figure of leads."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from config import periodic
from leads.identity import merges
from leads.intake import contact_decisions, events, outcomes
from leads.models import Company, CompanyRescore, Lead, StageChange
from leads.rescoring import account_queue
from leads.stages import stage_changes
from leads.vocabulary import Motion, OutcomeKind
from scoring.models import AccountQualification, Qualification
from sla.models import (
    AccountPlay,
    Clock,
    Handoff,
    Notice,
    PlayClock,
    PlayContact,
    PlayDisposition,
    SpecialDay,
    SubReason,
)
from sla.permissions import NotYours
from sla.plays import play_clocks, play_creation, play_routing, play_work
from sla.plays.buying_roles import read_role
from sla.plays.play_states import PlayInputRefused, PlayStepRefused
from sla.shipped_reasons import DO_NOT_CONTACT
from sla.vocabulary import (
    AttemptOutcome,
    BuyingRole,
    Channel,
    ClockKind,
    DispositionKind,
    Family,
    NoticeKind,
    PlayState,
    Route,
)
from tests.account_plays import activate_accounts, engage_company, judge, people_of, read_play, start_play
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
    ReasonCodeFactory,
    RepFactory,
    RoutingRuleFactory,
    SignalFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def owner_of(play):
    return play.rep.user


def accepted(play):
    play_work.accept(play=play, by=owner_of(play), now=NOW + HOUR)
    return read_play(play.company)


def test_a_play_of_four_contacts_goes_from_aql_to_opportunity():
    """Follow one company from the events of four people to the deal, as the worker and the owner do it."""
    activate_accounts(
        company_signals={"count_of": ["job_posting"], "at_least": 1, "within_days": 90, "rationale": "A reason."},
        tier_1_contacts=4,
    )
    CommitmentFactory(active=True, motion=Motion.AQL)
    team = TeamFactory(working=True)
    company = CompanyFactory(name="Fit", domain="fit.example", country="DE")
    titles = ["Chief Financial Officer", "VP Operations", "Operations Manager", "Analyst"]
    people = [LeadFactory(company=company, title=title, email=f"{title[0].lower()}@fit.example") for title in titles]
    stages = list(Lead.objects.order_by("pk").values_list("stage", flat=True))

    results = events.record(
        items=[
            {"company_domain": "fit.example", "signal": "job_posting", "occurred_at": NOW.isoformat(), "id": "job-1"},
            *(
                {"email": lead.email, "signal": "pricing_view", "occurred_at": NOW.isoformat(), "id": f"v-{lead.pk}"}
                for lead in people
            ),
        ],
        source="web",
        now=NOW,
    )
    assert {result.status for result in results} == {"accepted"}
    periodic.tick(now=NOW + MINUTE)

    play = read_play(company)
    rep = team.reps.get()
    assert (play.state, play.tier, play.rep, play.team) == (PlayState.ASSIGNED, 1, rep, team)
    assert [row.role for row in play.contacts.order_by("lead")] == [
        BuyingRole.ECONOMIC_BUYER,
        BuyingRole.DECISION_MAKER,
        BuyingRole.CHAMPION,
        BuyingRole.USER,
    ]
    assert play.tasks.count() == 4
    assert {clock.kind: clock.target_seconds for clock in play.clocks.filter(met_at=None)} == {
        ClockKind.FIRST_CONTACT: 5 * 60,
        ClockKind.DISPOSITION: 24 * 3600,
    }

    now = NOW + 3 * MINUTE
    for number, contact in enumerate(play.contacts.select_related("lead").order_by("pk")):
        play_work.log_attempt(
            play=play,
            contact=contact,
            channel=Channel.CALL,
            outcome=AttemptOutcome.CONNECTED,
            at=now + number * MINUTE,
            by=rep.user,
            now=now + number * MINUTE,
        )
    for task in play.tasks.order_by("pk"):
        play_work.complete_task(play=play, task=task, by=rep.user, now=NOW + 10 * MINUTE)
    play_work.accept(play=play, by=rep.user, now=NOW + HOUR)
    play_work.book_meeting(play=play, at=NOW + 2 * DAY, by=rep.user, now=NOW + HOUR)
    play_work.open_opportunity(play=play, amount=Decimal(50_000), by=rep.user, now=NOW + 3 * DAY)

    play = read_play(company)
    assert (play.state, play.meeting_at, play.first_contact_at) == (PlayState.OPPORTUNITY, NOW + 2 * DAY, now)
    assert play.outcomes.get().amount == Decimal(50_000)
    assert not play.clocks.filter(met_at=None, cancelled_at=None).exists()
    assert not any(clock.is_breached for clock in play.clocks.all())
    # A play is no lead: no stage, no MQL, no handoff and no clock of leads has changed.
    assert list(Lead.objects.order_by("pk").values_list("stage", flat=True)) == stages
    assert not any(
        rows.exists() for rows in (Qualification.objects, Handoff.objects, Clock.objects, StageChange.objects)
    )


def test_a_play_has_contacts_with_what_they_did_and_a_task_for_each_missing_role():
    play = start_play(contacts=3)

    contact = play.contacts.get(lead=people_of(play.company)[0])
    assert contact.activity["count"] == 1
    assert contact.activity["signals"][0]["signal"] == "Pricing page"
    assert [task.role for task in play.tasks.filter(contact=None)] == [BuyingRole.USER]


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("CFO", BuyingRole.ECONOMIC_BUYER),
        ("Head of Procurement", BuyingRole.ECONOMIC_BUYER),
        ("Director of Operations", BuyingRole.DECISION_MAKER),
        ("Project Manager", BuyingRole.CHAMPION),
        ("Software Engineer", BuyingRole.USER),
        ("", BuyingRole.UNKNOWN),
        ("qwertz", BuyingRole.UNKNOWN),
    ],
)
def test_a_role_is_read_from_the_title(title, role):
    assert read_role(title=title) == role


def test_a_given_seniority_goes_before_the_title():
    assert read_role(title="Analyst", seniority="vp") == BuyingRole.DECISION_MAKER


@pytest.mark.django_db(transaction=True)
def test_however_many_workers_there_are_a_company_gets_one_play():
    activate_accounts()
    CommitmentFactory(active=True, motion=Motion.AQL)
    TeamFactory(working=True)
    companies = [
        engage_company(company=CompanyFactory(domain=f"c{number}.example", country="DE")) for number in range(3)
    ]

    def work(_):
        return [periodic.tick(now=NOW + number * MINUTE) for number in range(3)]

    account_queue.request(company_ids=[company.pk for company in companies], at=NOW)
    outcomes = at_once(6, work)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert AccountPlay.objects.count() == AccountQualification.objects.count() == 3
    assert PlayContact.objects.count() == 12


def test_people_closed_in_every_motion_count_for_no_play():
    activate_accounts()
    company = engage_company(contacts=3)
    spam, alias = people_of(company)[0], LeadFactory(email="other@fit.example")
    stage_changes.close_motions(lead=alias, by=None, now=NOW, why="Spam.")
    assert judge(company, now=NOW) is not None
    AccountQualification.objects.update(closed_at=NOW)
    merges.merge(lead_id=alias.pk, into_id=spam.pk, by=None, now=NOW)
    for lead in people_of(company):
        EventFactory(lead=lead, signal__code="pricing_view", occurred_at=NOW + HOUR)

    assert judge(company, now=NOW + 2 * HOUR) is None


def test_without_commitments_a_company_waits():
    activate_accounts()
    judge(engage_company())

    assert play_creation.start_waiting(now=NOW) == 0
    assert not AccountPlay.objects.exists()


# Routing


def test_without_a_rule_a_play_stays_unrouted_and_managers_are_told_once():
    manager = UserFactory(roles=["sales_manager"])
    RoutingRuleFactory(countries=["FR"], team=TeamFactory(managers=[manager]))
    play = start_play()

    play_routing.route_unrouted(now=NOW + MINUTE)

    assert play.is_unrouted
    assert play.routings.get().explanation == "No routing rule matches."
    assert Notice.objects.filter(kind=NoticeKind.UNROUTED, to=manager).count() == 1


def test_rules_read_the_attributes_of_the_company():
    dach, others = TeamFactory(reps=1), TeamFactory(reps=1)
    RoutingRuleFactory(position=1, team=dach, countries=["DE"], motion="aql")
    RoutingRuleFactory(position=2, team=others)

    assert start_play().team == dach


def test_who_owns_the_company_by_a_lead_gets_its_play():
    team = TeamFactory(working=True, reps=3)
    company = CompanyFactory(name="Fit", domain="fit.example", country="DE")
    handoff = HandoffFactory(lead=LeadFactory(company=company, mql=True, email="x@fit.example"), accepted=True)

    play = start_play(company=company)

    assert play.rep == handoff.rep
    assert play.routings.get().explanation.endswith(f"owned by {handoff.rep}")
    assert team.plays.get() == play


def test_plays_take_turns_apart_from_leads():
    TeamFactory(working=True, reps=2)
    reps = {start_play(company=CompanyFactory(domain=f"c{number}.example", country="DE")).rep for number in range(2)}

    assert len(reps) == 2


def test_a_manager_gives_a_play_to_another_rep_whose_clocks_start_anew():
    play = start_play()
    manager, other = play.team.managers.get(), RepFactory(team=play.team)

    play_routing.assign_play(play=play, rep=other, by=manager, now=NOW + MINUTE, reason="On leave.")

    play = read_play(play.company)
    assert play.rep == other
    assert {clock.started_at for clock in play.clocks.filter(met_at=None, cancelled_at=None)} == {NOW + MINUTE}
    assert Notice.objects.filter(kind=NoticeKind.REASSIGNED).get().leads_to == f"/plays/{play.pk}/"
    with pytest.raises(NotYours):
        play_routing.assign_play(play=play, rep=other, by=other.user, now=NOW, reason="Mine.")


def test_a_play_is_given_to_nobody_who_is_away():
    play = start_play()
    other = RepFactory(team=play.team, is_away=True)

    with pytest.raises(PlayInputRefused, match=f"{other} cannot take it now: away"):
        play_routing.assign_play(play=play, rep=other, by=play.team.managers.get(), now=NOW, reason="Try.")


def test_a_play_that_comes_back_goes_on_with_the_clocks_its_owner_had():
    play = start_play()
    manager, first, other = play.team.managers.get(), play.rep, RepFactory(team=play.team)
    due = {clock.kind: clock.due_at for clock in play.clocks.filter(rep=first)}

    play_routing.assign_play(play=play, rep=other, by=manager, now=NOW + MINUTE, reason="On leave.")
    play_routing.assign_play(play=play, rep=first, by=manager, now=NOW + 20 * MINUTE, reason="Back.")

    running = play.clocks.filter(met_at=None, cancelled_at=None)
    assert {clock.kind: clock.due_at for clock in running} == due
    assert {clock.rep for clock in running} == {first}


@pytest.mark.django_db(transaction=True)
def test_who_waited_for_a_reassignment_acts_on_the_play_as_it_is_then():
    play = start_play()
    manager, other = play.team.managers.get(), RepFactory(team=play.team)
    assigned, is_waiting = threading.Event(), threading.Event()

    def act(number):
        if number:
            assigned.wait(timeout=30)
            is_waiting.set()
            return play_work.accept(play=play, by=other.user, now=NOW + HOUR)
        with transaction.atomic():
            play_routing.assign_play(play=play, rep=other, by=manager, now=NOW + MINUTE, reason="On leave.")
            assigned.set()
            is_waiting.wait(timeout=30)
            with connection.cursor() as cursor:
                for _ in range(1000):
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    if cursor.fetchone()[0]:
                        break
                    cursor.execute("SELECT pg_sleep(0.01)")
        return None

    _, disposition = at_once(2, act)

    assert disposition.by == other.user


def test_a_team_with_nobody_free_holds_up_no_other_team():
    absent, present = TeamFactory(), TeamFactory(reps=1)
    RoutingRuleFactory(position=1, team=absent, countries=["DE"])
    RoutingRuleFactory(position=2, team=present)
    first = start_play(company=CompanyFactory(domain="first.example", country="DE"))
    second = start_play(company=CompanyFactory(domain="second.example", country="DE"))
    RoutingRuleFactory(position=0, team=present, domains=["second.example"])

    assert play_routing.route_unrouted(now=NOW + MINUTE, limit=1) == 1
    assert read_play(first.company).is_unrouted
    assert read_play(second.company).team == present


def test_managers_are_not_told_of_a_play_while_their_team_is_closed():
    night = NOW + 14 * HOUR
    TeamFactory(working=True)

    play = start_play(now=night)

    assert play.is_unrouted
    assert not Notice.objects.filter(kind=NoticeKind.UNROUTED).exists()
    play_clocks.sweep(now=NOW + DAY + HOUR)
    assert Notice.objects.filter(kind=NoticeKind.BREACHED).exists()


def test_a_failure_of_routing_is_the_explanation_of_the_play():
    # Open today and never again: the 24 hours of the decision have no end.
    only_today = WorkCalendarFactory(weekdays=range(0))
    SpecialDay.objects.create(calendar=only_today, date=NOW.date(), opens=540, closes=1020, label="Only today")
    TeamFactory(working=True, calendar=only_today)

    play = start_play()

    assert play.is_unrouted
    assert play.routings.get().explanation.startswith("Routing failed: These working hours come to a point")
    assert play_routing.route_unrouted(now=NOW + MINUTE) == 0


# Clocks


def test_clocks_warn_and_breach_once_each():
    play = start_play()

    assert play_clocks.sweep(now=NOW + 25 * MINUTE) == 1
    assert play_clocks.sweep(now=NOW + 26 * MINUTE) == 0
    assert play_clocks.sweep(now=NOW + 31 * MINUTE) == 1
    assert play_clocks.sweep(now=NOW + 32 * MINUTE) == 0

    assert Notice.objects.filter(kind=NoticeKind.DUE_SOON).count() == 1
    breach = Notice.objects.filter(kind=NoticeKind.BREACHED, to=owner_of(play)).get()
    assert breach.leads_to == f"/plays/{play.pk}/"
    assert PlayClock.objects.get(kind=ClockKind.FIRST_CONTACT).breached_at == NOW + 31 * MINUTE


def test_time_without_a_worker_counts_against_the_routing():
    activate_accounts()
    CommitmentFactory(active=True, motion=Motion.AQL)
    TeamFactory(working=True)
    company = engage_company()
    judge(company)

    play_creation.start_waiting(now=NOW + HOUR)

    clock = read_play(company).clocks.get(kind=ClockKind.ROUTE)
    assert (clock.started_at, clock.met_at, clock.is_late) == (NOW, NOW + HOUR, True)


# Decisions


def test_a_second_decision_says_who_was_first():
    play = start_play()
    play_work.accept(play=play, by=owner_of(play), now=NOW + MINUTE)

    with pytest.raises(PlayStepRefused, match=r"accepted this play on 10 March 2026"):
        play_work.reject(play=play, reason=ReasonCodeFactory(), by=owner_of(play), now=NOW + 2 * MINUTE)


@pytest.mark.django_db(transaction=True)
def test_of_many_decisions_at_once_one_counts():
    play = start_play()
    reason = ReasonCodeFactory()

    def decide(number):
        if number % 2:
            return play_work.accept(play=play, by=owner_of(play), now=NOW + MINUTE)
        return play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)

    outcomes = at_once(8, decide)

    assert sum(isinstance(outcome, PlayDisposition) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, PlayStepRefused) for outcome in outcomes) == 7


def test_a_timing_rejection_lets_the_company_come_back_from_its_day():
    play = start_play()
    reason = ReasonCodeFactory(code="later", family=Family.TIMING, route=Route.RECYCLE)

    disposition = play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)

    qualification = AccountQualification.objects.get()
    assert disposition.reengage_on == (NOW + 90 * DAY).date()
    assert qualification.closed_at == NOW + MINUTE
    assert qualification.reenter_at is not None
    assert qualification.reenter_at.date() == disposition.reengage_on
    assert not qualification.is_barred


def test_a_company_that_is_ruled_out_makes_no_further_play():
    play = start_play()
    reason = ReasonCodeFactory(code="rival", family=Family.FIT, route=Route.DISQUALIFY)
    play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)
    EventFactory(lead=people_of(play.company)[0], signal__code="demo_request", occurred_at=NOW + HOUR)

    assert judge(play.company, now=NOW + 2 * HOUR) is None


def test_after_other_reasons_newer_activity_makes_the_next_play():
    play = start_play()
    play_work.reject(play=play, reason=ReasonCodeFactory(), by=owner_of(play), now=NOW + MINUTE)
    EventFactory(lead=people_of(play.company)[0], signal__code="demo_request", occurred_at=NOW + HOUR)

    assert judge(play.company, now=NOW + 2 * HOUR) is not None
    play_creation.start_waiting(now=NOW + 2 * HOUR)
    assert AccountPlay.objects.filter(company=play.company).count() == 2


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"needs_note": True}, "needs a note"),
        ({"needs_attempts": True}, "needs 6 logged attempts; there are 0, 6 to go"),
        ({"is_offered": False}, "not in use any more"),
    ],
)
def test_reasons_ask_for_what_they_need(columns, sentence):
    play = start_play()
    reason = ReasonCodeFactory(code="special", **columns)

    with pytest.raises(PlayInputRefused, match=sentence):
        play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)


def test_a_reason_asks_for_its_detail_which_is_kept():
    play = start_play()
    reason = ReasonCodeFactory(code="special")
    detail = SubReason.objects.create(reason=reason, code="bounced", label="Bounced")

    with pytest.raises(PlayInputRefused, match="needs its detail: bounced"):
        play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)
    play_work.reject(play=play, reason=reason, sub_reason=detail, by=owner_of(play), now=NOW + MINUTE)

    assert PlayDisposition.objects.get(play=play).reason_text == "special (bounced)"


def test_six_people_called_within_a_minute_are_not_out_of_reach():
    play = start_play(contacts=6)
    for contact in play.contacts.all():
        play_work.log_attempt(
            play=play,
            contact=contact,
            channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
            at=NOW + MINUTE,
            by=owner_of(play),
            now=NOW + MINUTE,
        )

    with pytest.raises(PlayInputRefused, match=r"there are 6\. They lie on at least 5 working days"):
        play_work.reject(
            play=play,
            reason=ReasonCodeFactory(code="gone", needs_attempts=True),
            by=owner_of(play),
            now=NOW + 2 * MINUTE,
        )


def test_the_wish_of_one_person_rejects_no_company():
    play = start_play()
    reason = ReasonCodeFactory(code=DO_NOT_CONTACT)

    assert reason not in play_work.offered_reasons()
    with pytest.raises(PlayInputRefused, match="Only a person"):
        play_work.reject(play=play, reason=reason, by=owner_of(play), now=NOW + MINUTE)


# Work


def test_a_contact_who_may_not_be_contacted_is_not_contacted():
    play = start_play()
    contact = play.contacts.select_related("lead").first()
    contact_decisions.decide_contact(
        lead_id=contact.lead_id, is_opt_out=True, by=owner_of(play), reason="Asked.", now=NOW + MINUTE
    )

    with pytest.raises(PlayInputRefused, match="may not be contacted"):
        play_work.log_attempt(
            play=play,
            contact=contact,
            channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
            at=NOW + HOUR,
            by=owner_of(play),
            now=NOW + HOUR,
        )


def test_a_contact_from_before_the_opt_out_is_logged_after_it():
    play = start_play()
    contact = play.contacts.first()
    contact_decisions.decide_contact(
        lead_id=contact.lead_id, is_opt_out=True, by=owner_of(play), reason="Asked.", now=NOW + 10 * MINUTE
    )

    play_work.log_attempt(
        play=play,
        contact=contact,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=NOW + 5 * MINUTE,
        by=owner_of(play),
        now=NOW + 11 * MINUTE,
    )

    assert play.attempts.get().contact == contact


def test_an_attempt_sent_twice_is_stored_once():
    play = start_play()
    contact = play.contacts.first()
    values = {"play": play, "contact": contact, "channel": Channel.EMAIL, "outcome": AttemptOutcome.SENT}

    first = play_work.log_attempt(**values, at=NOW + MINUTE, by=owner_of(play), now=NOW + MINUTE)
    second = play_work.log_attempt(**values, at=NOW + MINUTE, by=owner_of(play), now=NOW + MINUTE)

    assert first == second
    with pytest.raises(PlayInputRefused, match="logged this contact already"):
        play_work.log_attempt(
            **values, at=NOW + MINUTE, by=owner_of(play), now=NOW + MINUTE, note="She will call back."
        )


def test_an_opportunity_needs_its_value():
    play = accepted(start_play())

    with pytest.raises(PlayInputRefused, match="has a value"):
        play_work.open_opportunity(play=play, amount=None, by=owner_of(play), now=NOW + DAY)


@pytest.mark.parametrize("step", ["meeting", "opportunity", "win"])
def test_steps_keep_their_order(step):
    play = start_play()
    steps = {
        "meeting": lambda: play_work.book_meeting(play=play, at=NOW + DAY, by=owner_of(play), now=NOW),
        "opportunity": lambda: play_work.open_opportunity(play=play, amount=Decimal(1), by=owner_of(play), now=NOW),
        "win": lambda: play_work.win(play=play, amount=None, by=owner_of(play), now=NOW),
    }

    with pytest.raises(PlayStepRefused):
        steps[step]()


@pytest.mark.parametrize("ends_as", [PlayState.WON, PlayState.LOST])
def test_a_deal_ends_the_play_and_its_cycle(ends_as):
    play = accepted(start_play())
    play_work.open_opportunity(play=play, amount=Decimal(9), by=owner_of(play), now=NOW + DAY)
    if ends_as == PlayState.WON:
        play_work.win(play=play, amount=Decimal(8), by=owner_of(play), now=NOW + 2 * DAY)
    else:
        play_work.lose(play=play, reason="Price.", by=owner_of(play), now=NOW + 2 * DAY)

    play = read_play(play.company)
    assert (play.state, play.closed_at) == (ends_as, NOW + 2 * DAY)
    assert play.outcomes.filter(kind=OutcomeKind(ends_as)).exists()
    assert AccountQualification.objects.get().closed_at == NOW + 2 * DAY


def test_a_won_play_makes_its_company_a_customer():
    play = accepted(start_play())
    play_work.open_opportunity(play=play, amount=Decimal(9), by=owner_of(play), now=NOW + DAY)
    play_work.win(play=play, amount=None, by=owner_of(play), now=NOW + 2 * DAY)

    company = Company.objects.get(pk=play.company_id)
    assert company.is_customer
    assert company.attribute_changes.get(source="accord").valid_from == NOW + 2 * DAY
    assert CompanyRescore.objects.filter(company=company).exists()


@pytest.mark.parametrize("is_customer_before", [False, True])
def test_a_deal_of_one_person_that_is_lost_again_does_not_end_the_customer_of_a_play(is_customer_before):
    play = accepted(start_play())
    deal = {"lead": people_of(play.company)[0].pk, "id": "D-1", "amount": 5}
    won_at = NOW + HOUR if is_customer_before else NOW + 3 * DAY
    play_work.open_opportunity(play=play, amount=Decimal(9), by=owner_of(play), now=NOW + DAY)

    def record(kind, at):
        (result,) = outcomes.record(items=[{**deal, "kind": kind, "at": at}], source="crm", now=at)
        assert result.status == "accepted"

    if is_customer_before:
        record("won", won_at)
    play_work.win(play=play, amount=None, by=owner_of(play), now=NOW + 2 * DAY)
    if not is_customer_before:
        record("won", won_at)
    record("lost", NOW + 4 * DAY)

    assert Company.objects.get(pk=play.company_id).is_customer


def test_only_the_owner_and_the_managers_of_the_team_act():
    play = start_play()

    with pytest.raises(NotYours, match=f"Only {play.rep} or a manager"):
        play_work.accept(play=play, by=RepFactory(team=play.team).user, now=NOW)
    assert play_work.accept(play=play, by=play.team.managers.get(), now=NOW).kind == DispositionKind.ACCEPT


def test_records_are_immutable_and_a_company_has_one_open_play():
    play = start_play()
    play_work.accept(play=play, by=owner_of(play), now=NOW)

    for rows in (PlayDisposition.objects, PlayContact.objects, AccountPlay.objects):
        with pytest.raises(ProgrammingError), transaction.atomic():
            rows.all()._raw_delete("default")
    with pytest.raises(ProgrammingError), transaction.atomic():
        PlayContact.objects.update(activity={})
    with pytest.raises(ProgrammingError), transaction.atomic():
        AccountPlay.objects.update(tier=1)
    other = AccountQualification.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        AccountPlay.objects.create(
            qualification=AccountQualification.objects.create(
                company=other.company,
                definition=other.definition,
                version=other.version,
                cycle=9,
                at=NOW,
                recorded_at=NOW,
                closed_at=NOW,
                tier=2,
                contacts=3,
                why="x",
                evidence={},
            ),
            company=play.company,
            version=play.version,
            commitment=play.commitment,
            tier=2,
            created_at=NOW,
        )


def test_a_signal_of_a_company_is_stored_once():
    SignalFactory(code="job_posting")
    company = CompanyFactory(domain="fit.example")
    item = {"company_domain": "fit.example", "signal": "job_posting", "occurred_at": NOW.isoformat(), "id": "1"}

    first, again, conflict, both = events.record(
        items=[item, item, {**item, "signal": "third_party_intent"}, {**item, "email": "a@fit.example", "id": "2"}],
        source="jobs",
        now=NOW,
    )

    assert (first.status, again.status, again.id) == ("accepted", "duplicate", first.id)
    assert (conflict.field, both.field) == ("id", "company_domain")
    assert company.events.count() == 1
    assert events.record(items=[item], source="jobs", now=NOW)[0].status == "duplicate"


def test_a_signal_of_an_unknown_company_adds_it_by_its_domain():
    item = {"company_domain": "https://www.new.example/jobs", "signal": "job_posting", "occurred_at": NOW.isoformat()}

    (result,) = events.record(items=[item], source="jobs", now=NOW)

    assert result.status == "accepted"
    assert CompanyFactory._meta.model.objects.get().domain == "new.example"
