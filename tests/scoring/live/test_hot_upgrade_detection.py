from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from definitions.models import Version
from leads.models import Company, Event, Lead, Signal
from leads.vocabulary import Stage
from scoring.live import due_leads, mqls
from scoring.models import HotUpgrade, Qualification
from tests.scoring.reference_lead import DAY, HOUR, NOW, did, lead, version

__all__ = ["lead", "version"]

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def mql(version: Version, lead: Lead) -> Qualification:
    """Qualified a day ago by what it reads, without a hot trigger."""
    for days in (3, 2, 1):
        did(lead, "pricing_view", NOW - days * DAY)
    look(lead, NOW - DAY)
    qualification = Qualification.objects.get()
    assert not qualification.is_hot
    return qualification


def look(lead: Lead, now: dt.datetime) -> None:
    Lead.objects.filter(pk=lead.pk).update(next_look_at=now)
    due_leads.rescore_due(now=now)


def test_a_demo_request_heats_an_mql_whose_cycle_is_open(mql: Qualification) -> None:
    did(mql.lead, "demo_request", NOW - 5 * MINUTE)

    look(mql.lead, NOW)

    hot_upgrade = HotUpgrade.objects.get()
    assert (hot_upgrade.qualification, hot_upgrade.at, hot_upgrade.recorded_at) == (mql, NOW - 5 * MINUTE, NOW)
    assert hot_upgrade.why == "Demo request."
    assert hot_upgrade.evidence["hot"] is True
    assert hot_upgrade.taken_at is None


def test_it_heats_once_a_cycle(mql: Qualification) -> None:
    did(mql.lead, "demo_request", NOW)
    look(mql.lead, NOW)
    did(mql.lead, "demo_request", NOW + HOUR)

    look(mql.lead, NOW + 2 * HOUR)

    assert HotUpgrade.objects.get().at == NOW


def test_a_lead_that_was_hot_from_the_start_records_no_hot_upgrade(version: Version, lead: Lead) -> None:
    did(lead, "demo_request", NOW - HOUR)
    look(lead, NOW)
    did(lead, "demo_request", NOW + HOUR)

    look(lead, NOW + HOUR)

    assert Qualification.objects.get().is_hot
    assert not HotUpgrade.objects.exists()


def test_a_request_before_the_qualification_that_we_learn_of_later_records_no_hot_upgrade(mql: Qualification) -> None:
    did(mql.lead, "demo_request", mql.at - MINUTE)

    look(mql.lead, mql.at + HOUR)

    assert not HotUpgrade.objects.exists()


def test_mere_reading_records_no_hot_upgrade(mql: Qualification) -> None:
    did(mql.lead, "blog_read", NOW)

    look(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


@pytest.mark.parametrize("stage", [Stage.WON, Stage.DISQUALIFIED])
def test_a_lead_that_is_done_records_no_hot_upgrade(mql: Qualification, stage: Stage) -> None:
    Lead.objects.filter(pk=mql.lead_id).update(stage=stage)
    did(mql.lead, "demo_request", NOW)

    look(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


def test_a_lead_that_the_gate_does_not_pass_any_more_records_no_hot_upgrade(mql: Qualification) -> None:
    Company.objects.update(employees_low=3, employees_high=3)
    did(mql.lead, "demo_request", NOW)

    look(mql.lead, NOW)

    assert not HotUpgrade.objects.exists()


def test_after_its_cycle_it_qualifies_anew_instead(mql: Qualification) -> None:
    mqls.close_cycle(qualification=mql, now=NOW - HOUR)
    did(mql.lead, "demo_request", NOW)

    look(mql.lead, NOW)

    assert Qualification.objects.count() == 2
    assert not HotUpgrade.objects.exists()


def test_a_worker_that_was_away_for_days_overlooks_no_request(mql: Qualification) -> None:
    did(mql.lead, "demo_request", NOW)

    look(mql.lead, NOW + 3 * DAY)

    hot_upgrade = HotUpgrade.objects.get()
    assert (hot_upgrade.at, hot_upgrade.recorded_at) == (NOW, NOW + 3 * DAY)


def test_looking_at_an_mql_that_stays_as_it_is_costs_no_query_more(
    mql: Qualification, django_assert_num_queries
) -> None:
    fresh = Lead.objects.create(email="bo@fit.example", stage_at=NOW, recorded_at=NOW, company=mql.lead.company)
    Event.objects.create(
        lead=fresh,
        signal=Signal.objects.get(code="blog_read"),
        occurred_at=NOW,
        recorded_at=NOW,
        source="t",
        digest=b"",
    )
    look(fresh, NOW)
    with django_assert_num_queries(asked_of(fresh, NOW + MINUTE)):
        look(mql.lead, NOW + MINUTE)


def asked_of(lead: Lead, now: dt.datetime) -> int:
    with CaptureQueriesContext(connection) as queries:
        look(lead, now)
    return len(queries)
