from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from definitions.models import Version
from leads.models import Company, Lead
from leads.vocabulary import Stage
from scoring.live import due_leads, mqls
from scoring.models import HotUpgrade, Qualification
from tests.factories import EventFactory, LeadFactory, place_leads
from tests.scoring.reference_lead import DAY, HOUR, NOW, add_event, lead, version

__all__ = ["lead", "version"]

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def mql(version: Version, lead: Lead) -> Qualification:
    """Return an MQL that qualified a day ago by reading, without a hot trigger."""
    for days in (3, 2, 1):
        add_event(lead, "pricing_view", NOW - days * DAY)
    judge_lead(lead, NOW - DAY)
    qualification = Qualification.objects.get()
    assert not qualification.is_hot
    return qualification


def judge_lead(lead: Lead, now: dt.datetime) -> None:
    Lead.objects.filter(pk=lead.pk).update(next_look_at=now)
    due_leads.rescore_due(now=now)


def test_a_demo_request_records_a_hot_upgrade_of_an_open_mql(mql: Qualification) -> None:
    add_event(mql.lead, "demo_request", NOW - 5 * MINUTE)

    judge_lead(mql.lead, NOW)

    hot_upgrade = HotUpgrade.objects.get()
    assert (hot_upgrade.qualification, hot_upgrade.at, hot_upgrade.recorded_at) == (mql, NOW - 5 * MINUTE, NOW)
    assert hot_upgrade.why == "Demo request; hot trigger “Asked to talk”, enough by itself."
    assert hot_upgrade.evidence["hot"] is True
    assert hot_upgrade.taken_at is None


def test_a_cycle_has_at_most_one_hot_upgrade(mql: Qualification) -> None:
    add_event(mql.lead, "demo_request", NOW)
    judge_lead(mql.lead, NOW)
    add_event(mql.lead, "demo_request", NOW + HOUR)

    judge_lead(mql.lead, NOW + 2 * HOUR)

    assert HotUpgrade.objects.get().at == NOW


def test_a_lead_that_was_hot_from_the_start_records_no_hot_upgrade(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - HOUR)
    judge_lead(lead, NOW)
    add_event(lead, "demo_request", NOW + HOUR)

    judge_lead(lead, NOW + HOUR)

    assert Qualification.objects.get().is_hot
    assert not HotUpgrade.objects.exists()


def test_a_request_before_the_qualification_that_we_learn_of_later_records_a_hot_upgrade(mql: Qualification) -> None:
    add_event(mql.lead, "demo_request", mql.at - MINUTE)

    judge_lead(mql.lead, mql.at + HOUR)

    hot_upgrade = HotUpgrade.objects.get()
    assert (hot_upgrade.at, hot_upgrade.recorded_at) == (mql.at - MINUTE, mql.at + HOUR)
    mql.refresh_from_db()
    assert not mql.is_hot


def test_low_intent_events_record_no_hot_upgrade(mql: Qualification) -> None:
    add_event(mql.lead, "blog_read", NOW)

    judge_lead(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


@pytest.mark.parametrize("stage", [Stage.WON, Stage.DISQUALIFIED])
def test_a_lead_that_is_done_records_no_hot_upgrade(mql: Qualification, stage: Stage) -> None:
    place_leads(stage, mql.lead)
    add_event(mql.lead, "demo_request", NOW)

    judge_lead(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


def test_a_lead_that_the_gate_does_not_pass_any_more_records_no_hot_upgrade(mql: Qualification) -> None:
    Company.objects.update(employees_low=3, employees_high=3)
    add_event(mql.lead, "demo_request", NOW)

    judge_lead(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


def test_after_its_cycle_a_lead_qualifies_again_instead(mql: Qualification) -> None:
    mqls.close_cycle(qualification=mql, now=NOW - HOUR)
    add_event(mql.lead, "demo_request", NOW)

    judge_lead(mql.lead, NOW)

    assert Qualification.objects.count() == 2
    assert not HotUpgrade.objects.exists()


def test_a_request_is_found_after_days_without_a_worker(mql: Qualification) -> None:
    add_event(mql.lead, "demo_request", NOW)

    judge_lead(mql.lead, NOW + 3 * DAY)

    hot_upgrade = HotUpgrade.objects.get()
    assert (hot_upgrade.at, hot_upgrade.recorded_at) == (NOW, NOW + 3 * DAY)


def test_judging_an_unchanged_mql_takes_no_more_queries(mql: Qualification, django_assert_num_queries) -> None:
    fresh = LeadFactory(at=NOW, company=mql.lead.company)
    EventFactory(lead=fresh, signal__code="blog_read", occurred_at=NOW)
    judge_lead(fresh, NOW)
    with django_assert_num_queries(count_queries(fresh, NOW + MINUTE)):
        judge_lead(mql.lead, NOW + MINUTE)


def count_queries(lead: Lead, now: dt.datetime) -> int:
    with CaptureQueriesContext(connection) as queries:
        judge_lead(lead, now)
    return len(queries)
