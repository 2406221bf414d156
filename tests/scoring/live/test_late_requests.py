"""Explicit requests that come late make MQLs as of their own instants (rules 4.23, 4.24, 4.25)."""

from __future__ import annotations

import datetime as dt

import pytest

from definitions import version_documents
from definitions.models import Version
from leads.models import Company, Lead
from leads.vocabulary import Stage
from scoring.active_versions import rules_of
from scoring.columns import fact_reader
from scoring.comparisons import replays
from scoring.engine.judge import first_qualifying
from scoring.instants import from_microseconds, microseconds
from scoring.live import due_leads, mqls
from scoring.models import HotUpgrade, Qualification
from tests.factories import EventFactory, LeadFactory
from tests.scoring.lead_histories import activate_version, approve_version, document, make_company
from tests.scoring.reference_lead import put_in_force

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
SECOND, HOUR, DAY = dt.timedelta(seconds=1), dt.timedelta(hours=1), dt.timedelta(days=1)
#: Of the definition of these tests: `or_request_within_days`.
WINDOW = 30 * DAY


@pytest.fixture
def employer() -> Company:
    return make_company()


@pytest.fixture
def version() -> Version:
    """Return a version with timing, in force for a year."""
    return put_in_force(import_version(NOW - 365 * DAY), NOW - 365 * DAY)


def import_version(at: dt.datetime) -> Version:
    return version_documents.import_document(document=document(), by=None, now=at)


def make_newcomer(employer: Company, at: dt.datetime, *, email: str = "new@fit.example", **values: object) -> Lead:
    return LeadFactory(email=email, title="Head of Operations", company=employer, at=at, **values)


def record(lead: Lead, signal: str, at: dt.datetime, *, recorded_at: dt.datetime, is_imported: bool = False) -> None:
    EventFactory(lead=lead, signal__code=signal, occurred_at=at, recorded_at=recorded_at, is_imported=is_imported)
    Lead.objects.filter(pk=lead.pk).update(next_look_at=recorded_at)


def judge(now: dt.datetime) -> None:
    due_leads.rescore_due(now=now)


def request_of_newcomer(employer: Company, *, late: dt.timedelta, signal: str = "demo_request", **values: bool) -> Lead:
    """Have the first request of a newcomer recorded late; the lead comes into being with it."""
    lead = make_newcomer(employer, NOW, known_at=NOW - late)
    record(lead, signal, NOW - late, recorded_at=NOW, **values)
    judge(NOW + SECOND)
    return lead


@pytest.mark.parametrize("late", [HOUR, 23 * HOUR, 25 * HOUR, 2 * DAY, WINDOW - SECOND, WINDOW])
def test_a_first_request_counts_at_its_own_instant_however_late(
    version: Version, employer: Company, late: dt.timedelta
) -> None:
    request_of_newcomer(employer, late=late)

    mql = Qualification.objects.get()
    assert (mql.at, mql.recorded_at, mql.tier, mql.is_hot) == (NOW - late, NOW + SECOND, 1, True)
    # What `evaluate --first` asks.
    rules = rules_of(version)
    facts = fact_reader.read_for_leads([mql.lead_id], rules)
    _, (first,), _ = first_qualifying(rules, facts, until=microseconds(NOW + SECOND))
    assert from_microseconds(int(first)) == mql.at


@pytest.mark.usefixtures("shipped")
def test_a_request_a_second_outside_the_window_makes_no_mql_and_the_replay_tells(
    version: Version, employer: Company
) -> None:
    lead = request_of_newcomer(employer, late=WINDOW + SECOND)
    judge(NOW + DAY)

    assert not Qualification.objects.exists()
    replay = replays.replay_version(version, now=NOW + DAY)
    (loss,) = replay.losses
    assert (loss.kind, loss.lead_id, loss.expected_at) == ("lost", lead.pk, NOW - WINDOW - SECOND)
    assert "was recorded later, on 2026-06-01 12:00 UTC. It came later than a request counts" in loss.reason
    assert replay.is_exact


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("late", [2 * DAY])
def test_a_replay_expects_what_the_live_loop_made_of_a_late_request(
    version: Version, employer: Company, late: dt.timedelta
) -> None:
    request_of_newcomer(employer, late=late)

    replay = replays.replay_version(version, now=NOW + DAY)

    assert (replay.on_record, replay.agree, replay.differences, replay.losses) == (1, 1, (), ())


@pytest.mark.usefixtures("shipped")
def test_old_interest_and_imported_history_make_nobody_an_mql_in_hindsight(version: Version, employer: Company) -> None:
    # Exactly 50 points, two days ago.
    interested = make_newcomer(employer, NOW, email="interested@fit.example", known_at=NOW - 2 * DAY)
    for signal in ("webinar_attended", "pricing_view"):
        record(interested, signal, NOW - 2 * DAY, recorded_at=NOW)
    imported = request_of_newcomer(employer, late=2 * DAY, is_imported=True)

    assert not Qualification.objects.exists()
    losses = replays.replay_version(version, now=NOW + DAY).losses
    assert {loss.lead_id: loss.reason.partition("UTC. ")[2] for loss in losses} == {
        interested.pk: "Old interest makes nobody an MQL in hindsight.",
        imported.pk: "It came from a file of history, which makes nobody an MQL in hindsight.",
    }


def test_a_late_request_of_a_known_lead_counts_too_and_only_once(version: Version, employer: Company) -> None:
    lead = make_newcomer(employer, NOW - 100 * DAY)
    record(lead, "blog_read", NOW - HOUR, recorded_at=NOW - HOUR)
    judge(NOW - HOUR)
    record(lead, "demo_request", NOW - 2 * DAY, recorded_at=NOW)
    for hours in range(3):
        Lead.objects.filter(pk=lead.pk).update(next_look_at=NOW)
        judge(NOW + hours * HOUR)

    assert Qualification.objects.get().at == NOW - 2 * DAY
    assert not HotUpgrade.objects.exists()


def test_a_request_recorded_in_time_counts_when_its_company_becomes_known_days_later(version: Version) -> None:
    lead = make_newcomer(make_company(domain="later.example", employees_low=None, employees_high=None), NOW)
    record(lead, "demo_request", NOW, recorded_at=NOW)
    judge(NOW)
    assert not Qualification.objects.exists()

    Company.objects.update(employees_low=200, employees_high=200)
    Lead.objects.filter(pk=lead.pk).update(next_look_at=NOW + 2 * DAY)
    judge(NOW + 2 * DAY)

    assert Qualification.objects.get().at == NOW


def test_a_late_request_counts_though_a_file_tells_of_it_as_well(version: Version, employer: Company) -> None:
    lead = make_newcomer(employer, NOW, known_at=NOW - 2 * DAY)
    for is_imported in (True, False):
        record(lead, "demo_request", NOW - 2 * DAY, recorded_at=NOW, is_imported=is_imported)

    judge(NOW + SECOND)

    assert Qualification.objects.get().at == NOW - 2 * DAY


def test_a_request_from_before_a_decision_belongs_to_the_closed_cycle(version: Version, employer: Company) -> None:
    lead = make_newcomer(employer, NOW - 100 * DAY)
    record(lead, "demo_request", NOW - 5 * DAY, recorded_at=NOW - 5 * DAY)
    judge(NOW - 5 * DAY)
    mqls.close_cycle(qualification=Qualification.objects.get(), now=NOW - 2 * DAY, reenter_at=NOW + 90 * DAY)
    Lead.objects.update(stage=Stage.NURTURE)

    record(lead, "contact_request", NOW - 2 * DAY, recorded_at=NOW)
    judge(NOW)
    assert Qualification.objects.count() == 1

    record(lead, "contact_request", NOW - 2 * DAY + SECOND, recorded_at=NOW + DAY)
    judge(NOW + DAY)
    assert Qualification.objects.latest("cycle").at == NOW - 2 * DAY + SECOND


@pytest.mark.parametrize(
    ("stage", "values"),
    [
        (Stage.WON, {}),
        (Stage.DISQUALIFIED, {}),
        (Stage.LEAD, {"title": "Student"}),
        (Stage.LEAD, {"email": "new@gmail.com"}),
    ],
)
def test_customers_and_disqualified_leads_are_not_qualified_late(
    version: Version, employer: Company, stage: Stage, values: dict[str, str]
) -> None:
    lead = make_newcomer(employer, NOW, stage=stage)
    Lead.objects.filter(pk=lead.pk).update(**values)
    record(lead, "demo_request", NOW - 25 * HOUR, recorded_at=NOW)

    judge(NOW)

    assert not Qualification.objects.exists()


def test_an_unsubscribe_since_then_leaves_the_request_what_it_was(version: Version, employer: Company) -> None:
    lead = make_newcomer(employer, NOW)
    record(lead, "unsubscribe", NOW - HOUR, recorded_at=NOW)
    record(lead, "demo_request", NOW - 25 * HOUR, recorded_at=NOW)

    judge(NOW)

    assert Qualification.objects.get().at == NOW - 25 * HOUR


@pytest.mark.parametrize("hand_over_entrants", [True, False])
@pytest.mark.parametrize("is_late", [True, False])
def test_a_request_from_before_an_activation_that_nothing_judged_is_not_lost(
    employer: Company, hand_over_entrants: bool, is_late: bool
) -> None:
    first, second = (approve_version(document(engagement=points), NOW - 100 * DAY) for points in (50, 60))
    activate_version(first, NOW - 90 * DAY)
    lead = make_newcomer(employer, NOW - 100 * DAY)
    record(lead, "blog_read", NOW - 40 * HOUR, recorded_at=NOW - 40 * HOUR)
    judge(NOW - 39 * HOUR)
    asked_at = NOW - 30 * HOUR
    record(lead, "demo_request", asked_at, recorded_at=NOW + HOUR if is_late else asked_at)
    activate_version(second, NOW, hand_over_entrants=hand_over_entrants)

    judge(NOW + 2 * HOUR)

    mql = Qualification.objects.get()
    assert (mql.at, mql.version, mql.tier) == (asked_at, second, 1)


def test_an_unjudged_request_of_a_lead_that_meets_the_version_as_it_comes_makes_it_hot_there(employer: Company) -> None:
    first, second = (approve_version(document(engagement=points), NOW - 100 * DAY) for points in (60, 50))
    activate_version(first, NOW - 90 * DAY)
    lead = make_newcomer(employer, NOW - 100 * DAY)
    record(lead, "product_page", NOW - 40 * HOUR, recorded_at=NOW - 40 * HOUR)
    judge(NOW - 39 * HOUR)
    record(lead, "demo_request", NOW - 30 * HOUR, recorded_at=NOW - 30 * HOUR)
    activate_version(second, NOW)

    judge(NOW + SECOND)

    mql, hot_upgrade = Qualification.objects.get(), HotUpgrade.objects.get()
    assert (mql.at, mql.is_hot, hot_upgrade.at) == (NOW, False, NOW - 30 * HOUR)


def test_a_request_that_the_version_before_has_judged_is_not_new(employer: Company) -> None:
    first, second = (approve_version(document(engagement=points), NOW - 100 * DAY) for points in (50, 51))
    activate_version(first, NOW - 90 * DAY)
    lead = make_newcomer(make_company(domain="small.example", employees_low=3, employees_high=3), NOW - 100 * DAY)
    record(lead, "demo_request", NOW - 3 * DAY, recorded_at=NOW - 3 * DAY)
    judge(NOW - 2 * DAY)
    Company.objects.update(employees_low=200, employees_high=200)

    activate_version(second, NOW)
    judge(NOW + SECOND)

    assert not Qualification.objects.exists()


@pytest.mark.parametrize(("days", "is_mql"), [(6, True), (8, False)])
def test_before_a_definitions_first_version_only_the_last_days_count(
    employer: Company, days: int, is_mql: bool
) -> None:
    lead = make_newcomer(employer, NOW - 100 * DAY)
    record(lead, "demo_request", NOW - days * DAY, recorded_at=NOW - days * DAY)
    activate_version(approve_version(document(), NOW - 100 * DAY), NOW)

    judge(NOW + SECOND)

    assert Qualification.objects.exists() is is_mql
