"""Companies that qualify: once a cycle, with frozen evidence, and by what was known at the instant."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from config import periodic
from leads.identity import merges
from leads.intake import contact_decisions, events
from leads.models import AccountQueueEntry
from leads.rescoring import account_queue
from scoring.account_judgement import account_qualification
from scoring.models import AccountQualification, Qualification
from tests.account_plays import activate_accounts, engage_company, judge, people_of, see_signal
from tests.factories import DAY, HOUR, MINUTE, NOW, CompanyFactory, EventFactory, LeadFactory, UserFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def test_three_engaged_contacts_qualify_a_company_with_evidence() -> None:
    activate_accounts()
    company = engage_company(contacts=3)

    qualification = judge(company)

    assert qualification is not None
    assert (qualification.tier, qualification.contacts, qualification.cycle) == (2, 3, 1)
    assert qualification.why == "3 contacts of Fit engaged within 30 days."
    evidence = qualification.evidence
    assert [row["name"] for row in evidence["contacts"]] == [lead.name for lead in reversed(people_of(company))]
    assert evidence["contacts"][0]["signals"][0]["signal"] == "Pricing page"
    assert evidence["gate"][0]["text"] == "Company country is DE"
    assert not Qualification.objects.exists()


def test_two_contacts_do_not_qualify_a_company() -> None:
    activate_accounts()

    assert judge(engage_company(contacts=2)) is None


def test_an_event_makes_its_company_due_and_the_beat_judges_it() -> None:
    activate_accounts()
    company = engage_company(contacts=2)
    person = LeadFactory(company=company, email="third@fit.example")

    events.record(
        items=[{"email": person.email, "signal": "pricing_view", "occurred_at": NOW.isoformat(), "id": "1"}],
        source="web",
        now=NOW,
    )
    periodic.tick(now=NOW + MINUTE)

    assert AccountQualification.objects.get().contacts == 3
    assert AccountQueueEntry.objects.get().due_at is None


def test_a_fact_dated_ahead_of_the_judgement_is_judged_when_its_time_comes() -> None:
    activate_accounts(
        company_signals={"count_of": ["job_posting"], "at_least": 1, "within_days": 90, "rationale": "A reason."}
    )
    company = engage_company()
    see_signal(company, at=NOW + 2 * MINUTE)

    before = judge(company)
    account_qualification.judge_due(now=NOW + 2 * MINUTE)

    assert before is None
    assert AccountQualification.objects.get().at == NOW + 2 * MINUTE


def test_a_person_known_by_two_leads_counts_once() -> None:
    activate_accounts()
    company = engage_company(contacts=3)
    first, second, _ = people_of(company)
    merges.merge(lead_id=second.pk, into_id=first.pk, by=None, now=NOW - HOUR)

    assert judge(company) is None


def test_who_may_not_be_contacted_does_not_count() -> None:
    activate_accounts()
    company = engage_company(contacts=3)
    contact_decisions.decide_contact(
        lead_id=people_of(company)[0].pk, is_opt_out=True, by=UserFactory(), reason="Asked.", now=NOW - HOUR
    )

    assert judge(company) is None


def test_a_disqualifier_of_a_person_leaves_the_person_out() -> None:
    activate_accounts()
    company = engage_company(contacts=3)
    person = people_of(company)[0]
    person.title = "Intern"
    person.save(update_fields=["title"])

    assert judge(company) is None


@pytest.mark.parametrize("columns", [{"country": "FR"}, {"country": ""}, {"is_customer": True}])
def test_the_gate_and_the_disqualifiers_of_the_company_hold(columns: dict[str, object]) -> None:
    activate_accounts()
    company = CompanyFactory(**{"name": "Other", "domain": "other.example", "country": "DE", **columns})

    assert judge(engage_company(company=company)) is None


def test_company_signals_are_needed_where_the_version_asks_for_them() -> None:
    activate_accounts(
        company_signals={"count_of": ["job_posting"], "at_least": 1, "within_days": 90, "rationale": "A reason."}
    )
    company = engage_company()
    assert judge(company) is None

    see_signal(company)
    qualification = judge(company)

    assert qualification is not None
    assert qualification.why == "4 contacts of Fit engaged within 30 days; seen of the company: Job posted."


def test_enough_contacts_are_tier_1() -> None:
    activate_accounts(tier_1_contacts=4)

    qualification = judge(engage_company(contacts=4))

    assert qualification is not None
    assert qualification.tier == 1


def test_old_interest_makes_no_play_in_hindsight() -> None:
    activate_accounts()
    company = engage_company(at=NOW - 40 * DAY)

    assert judge(company) is None


def test_a_fact_that_arrives_late_counts_at_its_own_instant() -> None:
    activate_accounts()
    company = engage_company(contacts=2, at=NOW - 10 * DAY)
    person = LeadFactory(company=company, email="late@fit.example")
    EventFactory(lead=person, signal__code="pricing_view", occurred_at=NOW - 3 * DAY, recorded_at=NOW)

    qualification = judge(company)

    assert qualification is not None
    assert qualification.at == NOW - DAY


def test_a_company_qualifies_once_a_cycle_and_again_only_by_newer_activity() -> None:
    activate_accounts()
    company = engage_company()
    first = judge(company)
    assert first is not None
    assert judge(company, now=NOW + MINUTE) == first

    account_qualification.close_cycle(qualification=first, now=NOW + HOUR)
    assert judge(company, now=NOW + 2 * HOUR) is None
    EventFactory(lead=people_of(company)[0], signal__code="demo_request", occurred_at=NOW + 3 * HOUR)

    second = judge(company, now=NOW + 4 * HOUR)
    assert second is not None
    assert (second.cycle, second.at) == (2, NOW + 3 * HOUR)


def test_a_timing_rejection_comes_back_on_its_day_with_newer_activity() -> None:
    activate_accounts()
    company = engage_company()
    first = judge(company)
    assert first is not None
    account_qualification.close_cycle(qualification=first, now=NOW, reenter_at=NOW + 20 * DAY)
    EventFactory(lead=people_of(company)[0], signal__code="demo_request", occurred_at=NOW + DAY)
    account_qualification.judge_due(now=NOW + 2 * DAY)
    assert judge(company, now=NOW + 2 * DAY) is None
    assert AccountQueueEntry.objects.get().due_at == NOW + 20 * DAY

    account_qualification.judge_due(now=NOW + 20 * DAY)

    assert AccountQualification.objects.filter(cycle=2).exists()


def test_a_company_that_sales_ruled_out_stays_out() -> None:
    activate_accounts()
    company = engage_company()
    first = judge(company)
    assert first is not None
    account_qualification.close_cycle(qualification=first, now=NOW, is_barred=True)
    EventFactory(lead=people_of(company)[0], signal__code="demo_request", occurred_at=NOW + HOUR)

    assert judge(company, now=NOW + 2 * HOUR) is None


def test_evidence_is_immutable_and_rows_stay() -> None:
    activate_accounts()
    qualification = judge(engage_company())
    assert qualification is not None

    with pytest.raises(ProgrammingError), transaction.atomic():
        AccountQualification.objects.update(evidence={})
    with pytest.raises(ProgrammingError), transaction.atomic():
        qualification.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        AccountQualification.objects.create(
            company=qualification.company,
            definition=qualification.definition,
            version=qualification.version,
            cycle=2,
            at=NOW,
            recorded_at=NOW,
            tier=2,
            contacts=3,
            why="Twice.",
            evidence={},
        )


@pytest.mark.django_db(transaction=True)
def test_however_many_workers_there_are_a_company_qualifies_once() -> None:
    activate_accounts()
    company = engage_company()
    account_queue.request(company_ids=[company.pk], at=NOW)

    at_once(8, lambda _: account_qualification.judge_due(now=NOW))

    assert AccountQualification.objects.count() == 1
