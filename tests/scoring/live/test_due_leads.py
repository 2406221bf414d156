"""The rescoring of due leads and the daily rescore: MQLs, cycles, next looks, and many workers at once."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection

from definitions import version_documents
from definitions.models import Version
from leads.models import AttributeChange, Event, Lead, Signal
from leads.vocabulary import BEGINNING, Stage
from scoring.live import daily_rescore, due_leads, mqls
from scoring.models import Qualification, Score
from tests.factories import MINUTE, CompanyFactory, LeadFactory, place_leads
from tests.scoring import facts
from tests.scoring.reference_lead import DAY, HOUR, NOW, add_event, lead, put_in_force, version

__all__ = ["lead", "version"]


def test_a_demo_request_makes_an_mql_of_tier_1_dated_at_the_request_with_its_evidence(
    version: Version, lead: Lead
) -> None:
    add_event(lead, "demo_request", NOW - HOUR)

    due_leads.rescore_due(now=NOW)

    mql = Qualification.objects.get()
    assert (mql.lead, mql.version, mql.at, mql.recorded_at, mql.tier, mql.is_hot) == (
        lead,
        version,
        NOW - HOUR,
        NOW,
        1,
        True,
    )
    assert mql.engagement == 50
    assert mql.why
    assert mql.evidence["meets"] is True
    lead.refresh_from_db()
    assert lead.stage == Stage.MQL


def test_a_lead_below_the_threshold_is_accepted_by_marketing_and_keeps_its_score(version: Version, lead: Lead) -> None:
    add_event(lead, "pricing_view", NOW - HOUR)

    due_leads.rescore_due(now=NOW)

    assert not Qualification.objects.exists()
    score = Score.objects.get()
    assert (score.engagement, score.meets, score.tier, score.as_of) == (20, False, 0, NOW - HOUR)
    lead.refresh_from_db()
    assert (lead.stage, lead.next_look_at) == (Stage.MAL, None)


def test_an_event_dated_ahead_of_the_judgement_is_judged_when_its_time_comes(version: Version, lead: Lead) -> None:
    at = NOW + 2 * MINUTE
    add_event(lead, "demo_request", at)
    Lead.objects.filter(pk=lead.pk).update(next_look_at=NOW)

    due_leads.rescore_due(now=NOW)
    lead.refresh_from_db()
    before = (lead.next_look_at, Qualification.objects.count())
    due_leads.rescore_due(now=at)

    assert before == (at, 0)
    assert Qualification.objects.get().at == at


def test_judging_again_with_nothing_new_writes_nothing(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - HOUR)
    due_leads.rescore_due(now=NOW)
    before = Score.objects.values().get()

    Lead.objects.update(next_look_at=NOW + HOUR)
    due_leads.rescore_due(now=NOW + HOUR)

    assert Score.objects.values().get() == before
    assert Qualification.objects.count() == 1


def test_the_next_look_is_when_the_verdict_can_fall(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW)

    due_leads.rescore_due(now=NOW)

    lead.refresh_from_db()
    # Fifty points are exactly the threshold: any decay ends the path; the hot trigger holds a whole day.
    assert lead.next_look_at is not None
    assert NOW + DAY < lead.next_look_at <= NOW + DAY + dt.timedelta(seconds=1)


def test_an_mql_missed_while_no_worker_ran_is_made_afterwards(version: Version, lead: Lead) -> None:
    add_event(lead, "blog_read", NOW - 9 * DAY)
    due_leads.rescore_due(now=NOW - 9 * DAY)
    add_event(lead, "demo_request", NOW - 5 * DAY)

    due_leads.rescore_due(now=NOW)

    assert Qualification.objects.get().at == NOW - 5 * DAY


def test_history_that_no_longer_holds_makes_no_mql(version: Version, lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(recorded_at=NOW)
    add_event(lead, "demo_request", NOW - 200 * DAY)

    due_leads.rescore_due(now=NOW)

    assert not Qualification.objects.exists()


def test_after_a_closed_cycle_a_lead_qualifies_only_on_newer_activity(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - HOUR)
    due_leads.rescore_due(now=NOW)
    mqls.close_cycle(qualification=Qualification.objects.get(), now=NOW)

    Lead.objects.update(next_look_at=NOW)
    place_leads(Stage.MAL)
    due_leads.rescore_due(now=NOW + HOUR)
    assert Qualification.objects.count() == 1

    add_event(lead, "demo_request", NOW + 2 * HOUR)
    due_leads.rescore_due(now=NOW + 3 * HOUR)
    assert list(Qualification.objects.order_by("cycle").values_list("cycle", "at")) == [
        (1, NOW - HOUR),
        (2, NOW + 2 * HOUR),
    ]


def test_a_new_cycle_begins_at_the_new_activity_not_at_its_release(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - 2 * HOUR)
    add_event(lead, "trial_signup", NOW - HOUR)
    due_leads.rescore_due(now=NOW)
    mqls.close_cycle(qualification=Qualification.objects.get(), now=NOW)
    place_leads(Stage.MAL)

    add_event(lead, "request_closed", NOW + HOUR)
    add_event(lead, "blog_read", NOW + 2 * HOUR)
    due_leads.rescore_due(now=NOW + 3 * HOUR)

    assert Qualification.objects.latest("cycle").at == NOW + 2 * HOUR


def test_a_recycled_lead_comes_back_on_its_day_and_not_before(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - HOUR)
    due_leads.rescore_due(now=NOW)
    mqls.close_cycle(qualification=Qualification.objects.get(), now=NOW, reenter_at=NOW + 20 * DAY)
    place_leads(Stage.NURTURE)
    for day in range(1, 5):
        add_event(lead, "webinar_attended", NOW + day * DAY)

    due_leads.rescore_due(now=NOW + 5 * DAY)
    lead.refresh_from_db()
    assert (Qualification.objects.count(), lead.next_look_at) == (1, NOW + 20 * DAY)

    due_leads.rescore_due(now=NOW + 20 * DAY)
    assert Qualification.objects.count() == 2
    assert Qualification.objects.latest("cycle").at == NOW + 20 * DAY


def test_a_hand_raise_brings_a_recycled_lead_back_at_once(version: Version, lead: Lead) -> None:
    add_event(lead, "demo_request", NOW - HOUR)
    due_leads.rescore_due(now=NOW)
    mqls.close_cycle(qualification=Qualification.objects.get(), now=NOW, reenter_at=NOW + 90 * DAY)
    place_leads(Stage.NURTURE)

    add_event(lead, "demo_request", NOW + DAY)
    due_leads.rescore_due(now=NOW + DAY)

    assert Qualification.objects.latest("cycle").at == NOW + DAY


def test_a_lead_that_cannot_be_judged_is_set_aside_and_the_others_are_judged(version: Version, lead: Lead) -> None:
    other = LeadFactory(company=lead.company, known_at=BEGINNING, at=NOW, next_look_at=NOW)
    add_event(lead, "demo_request", NOW - HOUR)
    # A ledger that nobody can fold: not an object.
    AttributeChange.objects.create(lead=other, values=[1], valid_from=NOW - DAY, recorded_at=NOW, source="test")
    Lead.objects.filter(pk=other.pk).update(has_history=True)

    due_leads.rescore_due(now=NOW)

    assert Qualification.objects.get().lead == lead
    other.refresh_from_db()
    assert other.look_failures == 1
    assert other.look_error
    assert other.next_look_at is not None
    assert other.next_look_at > NOW


def test_attributes_are_those_of_the_instant(version: Version, lead: Lead) -> None:
    lead.title = "Student"
    lead.save()
    facts.add_statement(lead, NOW - 2 * HOUR, NOW, title="Head of Operations")
    add_event(lead, "demo_request", NOW - 3 * HOUR)

    due_leads.rescore_due(now=NOW)

    # Asked as a student, qualified by the change of title.
    assert Qualification.objects.get().at == NOW - 2 * HOUR


@pytest.mark.usefixtures("shipped")
def test_many_workers_make_one_mql_of_each_lead() -> None:
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW - 365 * DAY)
    put_in_force(draft, NOW - 365 * DAY)
    company = CompanyFactory(fits=True, recorded_at=NOW)
    leads = Lead.objects.bulk_create(
        Lead(email=f"{n}@fit.example", company=company, stage_at=NOW, recorded_at=NOW, next_look_at=NOW)
        for n in range(200)
    )
    signal = Signal.objects.get(code="demo_request")
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=NOW - HOUR, recorded_at=NOW, source="test", digest=b"")
        for lead in leads
    )

    def work() -> None:
        while due_leads.rescore_due(now=NOW, limit=15):
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Qualification.objects.count() == 200
    assert Score.objects.count() == 200


@pytest.mark.usefixtures("shipped")
def test_the_daily_rescore_scores_every_lead_once_and_queues_those_that_qualify() -> None:
    facts.load_company_1k(NOW)
    draft = version_documents.import_document(document=facts.document(), by=None, now=NOW)
    put_in_force(draft, BEGINNING)

    written, again = daily_rescore.rescore_all(now=NOW), daily_rescore.rescore_all(now=NOW + HOUR)

    assert (written, again) == (1000, 0)
    queued = Lead.objects.filter(next_look_at=NOW).count()
    assert queued == Score.objects.filter(meets=True).count()
