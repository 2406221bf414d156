"""The order of arrival decides neither whether somebody is called nor how soon (rules 4.23, 6.25, 6.34)."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

import pytest
from django.test import Client
from django.urls import reverse

from config import periodic
from config.accounts.vocabulary import Role
from definitions import version_documents
from leads import named_lists, shipped_signals
from leads.intake import events
from leads.models import Company, Lead, Signal
from leads.vocabulary import BEGINNING
from scoring.live import due_leads
from scoring.models import HotUpgrade, Qualification, TierUpgrade
from sla.handoffs import creation, dispositions, hot_upgrades, tier_upgrades
from sla.models import Clock, Handoff, Notice, ReasonCode
from sla.vocabulary import ClockKind, NoticeKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    CommitmentFactory,
    CompanyFactory,
    LeadFactory,
    QualificationFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
    read_handoff,
)
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force
from tests.threads import at_once

pytestmark = pytest.mark.django_db

#: A Tuesday.
START = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
#: (signal, instant) of what a person does.
Visit: TypeAlias = Sequence[tuple[str, dt.datetime]]


def put_definition_in_force(**changes: Any) -> None:
    document: dict[str, Any] = deepcopy(facts.document())
    put_in_force(
        version_documents.import_document(document=document | changes, by=None, now=START - 100 * DAY), START - 90 * DAY
    )


@pytest.fixture
def shipped_rows(transactional_db: None) -> None:
    """Ship the signals and named lists anew, as tests that commit empty all tables."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()


@pytest.fixture
def employer(db: None) -> Company:
    """Return a company that passes the gate, with the reference definition and a team that always works in force."""
    put_definition_in_force()
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True, calendar=WorkCalendarFactory(always_open=True))
    return CompanyFactory(fits=True, recorded_at=START - 90 * DAY)


def make_person(name: str, employer: Company) -> Lead:
    return LeadFactory(
        email=f"{name}@fit.example", title="Head of Operations", company=employer,
        known_at=BEGINNING, at=START - 30 * DAY,
    )  # fmt: skip


def send(lead: Lead, visit: Visit, now: dt.datetime) -> None:
    """Record events as the API does; sent again they are duplicates."""
    items = [
        {
            "email": lead.email,
            "signal": signal,
            "occurred_at": at.isoformat(),
            "id": f"{lead.email}-{signal}-{at.isoformat()}",
        }
        for signal, at in visit
    ]
    results = events.record(items=items, source="website", now=now)
    assert {result.status for result in results} <= {"accepted", "duplicate"}


def deliver_late(visit: Visit, luck: random.Random) -> list[tuple[dt.datetime, Visit]]:
    """Return deliveries of the visit in another order: each event delayed, some in a batch, some sent again."""
    last = max(at for _, at in visit)
    deliveries = []
    for signal, at in visit:
        delay = luck.choice([SECOND, 40 * SECOND, 20 * MINUTE, 3 * HOUR, 25 * HOUR, 2 * DAY])
        deliveries.append((at + delay, [(signal, at)]))
        if luck.random() < 0.3:
            deliveries.append((at + delay + luck.choice([SECOND, HOUR]), [(signal, at)]))
    if luck.random() < 0.5:
        deliveries.append((last + 2 * DAY, list(luck.sample(list(visit), len(visit)))))
    return sorted(deliveries, key=lambda delivery: delivery[0])


def work_off(deliveries: Iterable[tuple[dt.datetime, Lead, Visit]]) -> None:
    """Record the deliveries in the order of their instants; a worker ticks a second after each instant."""
    by_instant: dict[dt.datetime, list[tuple[Lead, Visit]]] = defaultdict(list)
    for now, lead, visit in deliveries:
        by_instant[now].append((lead, visit))
    for now in sorted(by_instant):
        for lead, visit in by_instant[now]:
            send(lead, visit, now)
        periodic.tick(now=now + SECOND)


def summarize(lead: Lead) -> tuple[object, ...]:
    """Return what a person is promised: the current tier, the running promises and the handoff."""
    handoff = Handoff.objects.get(lead=lead)
    kinds = handoff.clocks.filter(cancelled_at__isnull=True).order_by("kind").values_list("kind", flat=True)
    return (
        handoff.current_tier,
        list(kinds),
        (handoff.state, handoff.motion, handoff.team_id, handoff.commitment_id, handoff.is_hot),
    )


def has_clock_of_its_tier(lead: Lead) -> bool:
    """Return whether the first contact is due by the current tier, or was overdue before the tier was raised."""
    handoff = Handoff.objects.get(lead=lead)
    clock = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT, cancelled_at__isnull=True)
    minutes = 5 if handoff.current_tier == 1 else 30
    was_overdue = handoff.hot_upgraded_at is not None and clock.due_at < handoff.hot_upgraded_at + 5 * MINUTE
    return clock.target_seconds == minutes * 60 or was_overdue


def draw_visit(luck: random.Random) -> Visit:
    """Return the facts of a quarter of an hour: enough interest to qualify, three times in four with a request."""
    signals = ["trial_signup", "webinar_attended"]
    signals += luck.choices(["pricing_view", "blog_read", "ebook_download", "product_page"], k=luck.randint(2, 4))
    if luck.random() < 0.75:
        signals.append("demo_request")
    luck.shuffle(signals)
    return [(signal, START + (number + 1) * 2 * MINUTE) for number, signal in enumerate(signals)]


def test_twenty_pairs_of_twins_end_alike_whatever_the_order_of_arrival(employer: Company) -> None:
    luck = random.Random(11)
    pairs, deliveries = [], []
    for number in range(20):
        visit = draw_visit(luck)
        in_order, late = (make_person(f"{kind}{number}", employer) for kind in ("ordered", "late"))
        pairs.append((in_order, late))
        deliveries += [(at, in_order, [(signal, at)]) for signal, at in visit]
        deliveries += [(now, late, part) for now, part in deliver_late(visit, luck)]

    work_off(deliveries)

    for in_order, late in pairs:
        assert summarize(late) == summarize(in_order)
        assert has_clock_of_its_tier(in_order)
        assert has_clock_of_its_tier(late)
    assert {summarize(in_order)[0] for in_order, _ in pairs} == {1, 2}


def test_a_request_a_second_after_the_tick_hurries_the_handoff_of_its_mql(employer: Company) -> None:
    lead = make_person("ada", employer)
    visit = [("webinar_attended", START), ("demo_request", START + 2 * SECOND), ("trial_signup", START + 4 * SECOND)]
    send(lead, [visit[0], visit[2]], START + 10 * SECOND)
    periodic.tick(now=START + 11 * SECOND)
    send(lead, [visit[1]], START + 12 * SECOND)
    periodic.tick(now=START + 13 * SECOND)

    handoff = Handoff.objects.get()
    clock = handoff.clocks.running().get(kind=ClockKind.FIRST_CONTACT)
    assert (handoff.tier, handoff.current_tier) == (2, 1)
    assert (clock.started_at, clock.due_at) == (START + 13 * SECOND, START + 13 * SECOND + 5 * MINUTE)
    upgrade = HotUpgrade.objects.get()
    assert (upgrade.at, upgrade.recorded_at, upgrade.is_recorded_late) == (
        START + 2 * SECOND,
        START + 13 * SECOND,
        True,
    )
    assert not handoff.qualification.is_hot


def test_pages_say_what_raised_a_tier_late_and_when_it_was_recorded(employer: Company, client: Client) -> None:
    lead = make_person("ada", employer)
    send(lead, [("webinar_attended", START + MINUTE), ("trial_signup", START + MINUTE)], START + MINUTE)
    periodic.tick(now=START + 2 * MINUTE)
    send(lead, [("demo_request", START)], START + HOUR)
    periodic.tick(now=START + HOUR)
    handoff = Handoff.objects.select_related("rep__user").get()

    client.force_login(UserFactory(roles=[Role.SALES_MANAGER, Role.MARKETING_OPS]))
    pages = [
        " ".join(client.get(address).content.decode().split())
        for address in (reverse("handoff", args=[handoff.pk]), reverse("lead", args=[lead.pk]))
    ]

    for page in pages:
        assert "Demo request; hot trigger “Asked to talk”, enough by itself." in page
        assert "Raised from tier 2 to tier 1 by what came late: it happened <time" in page
        assert "</time> and was recorded <time" in page


def test_facts_between_two_ticks_give_the_tier_of_all_of_them(employer: Company) -> None:
    lead = make_person("ada", employer)
    send(lead, [("trial_signup", START), ("webinar_attended", START + SECOND)], START + 2 * SECOND)
    send(lead, [("demo_request", START + 3 * SECOND)], START + 3 * SECOND)
    periodic.tick(now=START + 4 * SECOND)

    handoff = Handoff.objects.get()
    assert (handoff.qualification.tier, handoff.tier, handoff.is_hot) == (2, 1, True)
    assert handoff.clocks.get(kind=ClockKind.ROUTE).started_at == START + 4 * SECOND
    assert not Notice.objects.filter(kind=NoticeKind.REENGAGED).exists()


def test_a_held_mql_whose_request_comes_two_days_late_goes_at_once_as_tier_1(employer: Company) -> None:
    lead = make_person("ada", employer)
    send(lead, [("webinar_attended", START + MINUTE), ("pricing_view", START + MINUTE)], START + MINUTE)
    periodic.tick(now=START + 2 * MINUTE)
    assert Qualification.objects.get().tier == 3
    assert not Handoff.objects.exists()

    now = START + 2 * DAY
    send(lead, [("demo_request", START + 30 * SECOND)], now)
    periodic.tick(now=now + SECOND)

    handoff = Handoff.objects.get()
    route = handoff.clocks.get(kind=ClockKind.ROUTE)
    contact = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT)
    assert (handoff.tier, route.started_at, contact.due_at) == (1, now + SECOND, now + SECOND + 5 * MINUTE)


def test_a_held_mql_of_which_more_is_learned_leaves_its_hold_as_tier_2(employer: Company) -> None:
    lead = make_person("ada", employer)
    send(lead, [("webinar_attended", START + MINUTE), ("pricing_view", START + MINUTE)], START + MINUTE)
    periodic.tick(now=START + 2 * MINUTE)

    send(lead, [("ebook_download", START - HOUR)], START + DAY)
    periodic.tick(now=START + DAY + SECOND)

    handoff, upgrade = Handoff.objects.get(), TierUpgrade.objects.get()
    assert (handoff.qualification.tier, handoff.tier, handoff.raised_to) == (3, 2, None)
    assert handoff.clocks.get(kind=ClockKind.ROUTE).started_at == START + DAY + SECOND
    assert (upgrade.at, upgrade.is_recorded_late, upgrade.taken_at) == (START + MINUTE, True, START + DAY + SECOND)


def test_a_tier_upgrade_after_the_handover_raises_the_rank_alone(employer: Company) -> None:
    mql = QualificationFactory(tier=3, at=START)
    creation.hand_off_waiting(now=START + 14 * DAY)
    handoff = Handoff.objects.get()
    due_at = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT).due_at
    TierUpgrade.objects.create(
        qualification=mql, version=mql.version, tier=2, at=START, recorded_at=START + 15 * DAY, why="E-book.", evidence={}
    )  # fmt: skip

    assert [tier_upgrades.follow_tier_upgrades(now=START + 15 * DAY) for _ in range(2)] == [1, 0]

    handoff = read_handoff(handoff)
    assert (handoff.tier, handoff.current_tier) == (3, 2)
    assert handoff.clocks.get(kind=ClockKind.FIRST_CONTACT).due_at == due_at
    assert [(row.pk, row.rank) for row in Handoff.objects.hot_first()] == [(handoff.pk, 2)]


def test_imported_history_raises_no_tier(employer: Company) -> None:
    lead = make_person("ada", employer)
    send(lead, [("trial_signup", START), ("webinar_attended", START + MINUTE)], START + MINUTE)
    periodic.tick(now=START + 2 * MINUTE)
    item = {"email": lead.email, "signal": "demo_request", "occurred_at": START.isoformat(), "id": "1"}
    events.record(items=[item], source="file", now=START + 2 * DAY, is_imported=True)
    periodic.tick(now=START + 2 * DAY)

    assert not HotUpgrade.objects.exists()
    assert Handoff.objects.get().current_tier == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("crowds")
@pytest.mark.usefixtures("shipped_rows")
@pytest.mark.parametrize("decision", ["hand over", "accept", "reject"])
def test_a_late_fact_at_the_moment_of_another_step_doubles_nothing(employer: Company, decision: str) -> None:
    """Ten people are handed over, accepted or rejected while their late request is recorded and judged elsewhere."""
    people = [make_person(f"person{number}", employer) for number in range(10)]
    for lead in people:
        send(lead, [("trial_signup", START), ("webinar_attended", START + MINUTE)], START + MINUTE)
    now = START + 3 * MINUTE
    reason = ReasonCodeFactory()
    due_leads.rescore_due(now=START + 2 * MINUTE)
    if decision != "hand over":
        periodic.tick(now=START + 2 * MINUTE)

    def act(number: int) -> None:
        if number == 0:
            for lead in people:
                send(lead, [("demo_request", START + 30 * SECOND)], now)
        elif number == 1 and decision != "hand over":
            decide_all(decision, reason, now)
        else:
            periodic.tick(now=now)

    assert [error for error in at_once(4, act) if error is not None] == []
    periodic.tick(now=now + SECOND)

    check_outcome(decision)
    assert hot_upgrades.follow_hot_upgrades(now=now + 2 * SECOND) == 0


def decide_all(decision: str, reason: ReasonCode, now: dt.datetime) -> None:
    for handoff in list(Handoff.objects.select_related("rep__user").order_by("pk")):
        assert handoff.rep is not None
        if decision == "accept":
            dispositions.accept(handoff=handoff, by=handoff.rep.user, now=now)
        else:
            dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=now)


def check_outcome(decision: str) -> None:
    """Check that each person has one MQL, one handoff, and the clocks of its tier unless it was rejected."""
    assert Qualification.objects.count() == Handoff.objects.count() == 10
    assert not HotUpgrade.objects.waiting().exists()
    contacts = Clock.objects.filter(kind=ClockKind.FIRST_CONTACT, cancelled_at__isnull=True)
    if decision == "reject":
        assert not Qualification.objects.open().exists()
        assert not contacts.exists()
    else:
        assert HotUpgrade.objects.count() == 10
        assert {handoff.current_tier for handoff in Handoff.objects.all()} == {1}
        assert contacts.count() == 10
        assert set(contacts.values_list("target_seconds", flat=True)) == {300}
