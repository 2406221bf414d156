"""Suppressed leads become no MQLs, and are judged again when their suppression ends (rules 9.23, 9.24)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from definitions.models import KeptBack
from leads.models import Lead
from leads.vocabulary import Stage
from scoring.explain import lead_explanation
from scoring.live import due_leads, shortfalls
from scoring.models import HotUpgrade, Qualification, Shortfall
from tests import account_plays
from tests.definitions.suppressions.suppressed import end, suppress
from tests.factories import NOW
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    activate_version,
    add_event,
    approve_version,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)

pytestmark = pytest.mark.django_db

ASKED = START + 10 * DAY


@pytest.fixture
def lead() -> Lead:
    activate_version(approve_version(document(), START), START)
    lead = make_lead(1, make_company())
    rescore_all_due(START + DAY)
    return lead


def mql_instants() -> list[dt.datetime]:
    return list(Qualification.objects.order_by("at").values_list("at", flat=True))


def test_a_suppressed_lead_meets_the_definition_and_is_kept_back(lead: Lead) -> None:
    suppression = suppress("lead", lead.pk, at=ASKED - DAY)

    add_event(lead, "demo_request", ASKED)
    rescore_all_due(ASKED + HOUR)
    rescore_all_due(ASKED + 3 * DAY)
    shortfalls.refresh_shortfalls(now=ASKED + HOUR)

    assert mql_instants() == []
    row = KeptBack.objects.get()
    assert (row.suppression, row.lead, row.at) == (suppression, lead, ASKED + HOUR)
    lead.refresh_from_db()
    assert lead.stage == Stage.MAL
    assert Shortfall.objects.get().why.startswith("Meets the definition, suppressed until ")
    ((_, explanation),) = lead_explanation.explain_lead(lead, at=ASKED + HOUR)
    assert explanation.meets


def test_when_it_ends_a_lead_that_still_meets_qualifies_by_itself_as_of_the_end(lead: Lead) -> None:
    suppression = suppress("domain", "fit.example", at=ASKED - DAY, until=ASKED + 5 * DAY)
    add_event(lead, "demo_request", ASKED)
    add_event(lead, "webinar_attended", ASKED)
    rescore_all_due(ASKED + HOUR)

    rescore_all_due(ASKED + 5 * DAY - HOUR)
    assert mql_instants() == []
    rescore_all_due(ASKED + 5 * DAY + HOUR)

    assert mql_instants() == [suppression.until]
    # The request within it was hot for a day, and is so no more.
    assert Qualification.objects.get().tier == 2
    assert not HotUpgrade.objects.exists()


def test_when_it_is_ended_early_those_kept_back_are_judged_at_once(lead: Lead) -> None:
    suppression = suppress("domain", "fit.example", at=ASKED - DAY)
    add_event(lead, "demo_request", ASKED)
    rescore_all_due(ASKED + HOUR)

    end(suppression, at=ASKED + 2 * HOUR)
    due_leads.rescore_due(now=ASKED + 2 * HOUR)

    assert mql_instants() == [ASKED + 2 * HOUR]


def test_interest_that_has_passed_by_the_end_makes_no_mql_in_hindsight(lead: Lead) -> None:
    suppress("domain", "fit.example", at=ASKED - DAY, until=ASKED + 60 * DAY)
    add_event(lead, "demo_request", ASKED)
    rescore_all_due(ASKED + HOUR)

    # The request is older than 30 days as the suppression ends.
    rescore_all_due(ASKED + 60 * DAY + HOUR)
    assert mql_instants() == []
    add_event(lead, "demo_request", ASKED + 61 * DAY)
    rescore_all_due(ASKED + 61 * DAY + HOUR)

    assert mql_instants() == [ASKED + 61 * DAY]


def test_nobody_is_found_for_an_instant_within_it_that_no_worker_saw(lead: Lead) -> None:
    # The hot trigger holds for a day.
    suppress("lead", lead.pk, at=ASKED - DAY, until=ASKED + 2 * DAY)
    add_event(lead, "demo_request", ASKED)

    rescore_all_due(ASKED + 3 * DAY)

    assert mql_instants() == []


def test_who_is_an_mql_already_stays_one(lead: Lead) -> None:
    add_event(lead, "demo_request", ASKED)
    rescore_all_due(ASKED + HOUR)

    suppress("domain", "fit.example", at=ASKED + DAY)
    rescore_all_due(ASKED + 2 * DAY)

    assert mql_instants() == [ASKED]
    assert Qualification.objects.get().closed_at is None


def test_an_entrant_that_waits_for_activity_goes_on_waiting_after_it(lead: Lead) -> None:
    add_event(lead, "webinar_attended", ASKED)
    suppress("lead", lead.pk, at=ASKED, until=ASKED + 3 * DAY)
    second = approve_version(document(engagement=25), ASKED)
    activate_version(second, ASKED + DAY, hand_over_entrants=False)
    rescore_all_due(ASKED + DAY + HOUR)

    rescore_all_due(ASKED + 3 * DAY + HOUR)
    assert mql_instants() == []
    add_event(lead, "blog_read", ASKED + 4 * DAY)
    rescore_all_due(ASKED + 4 * DAY + HOUR)

    assert mql_instants() == [ASKED + 4 * DAY]


def test_suppressions_are_read_together_for_all_leads(lead: Lead) -> None:
    for domain in ("a.example", "fit.example"):
        suppress("domain", domain, at=ASKED - DAY)
    counts = []
    for people in (1, 8):
        for number in range(people):
            other = make_lead(100 * people + number, lead.company, at=ASKED)
            add_event(other, "demo_request", ASKED)
        with CaptureQueriesContext(connection) as queries:
            due_leads.rescore_due(now=ASKED + HOUR)
        counts.append(sum("definitions_suppression" in query["sql"] for query in queries))

    assert KeptBack.objects.values("lead").distinct().count() == 9
    assert counts[0] == counts[1]


def test_a_suppressed_company_makes_no_play() -> None:
    account_plays.activate_accounts()
    company = account_plays.engage_company()
    suppression = suppress("domain", "fit.example", at=NOW, until=NOW + 2 * DAY)

    assert account_plays.judge(company) is None
    assert KeptBack.objects.get().company == company
    qualified = account_plays.judge(company, now=NOW + 2 * DAY)

    assert qualified is not None
    assert qualified.at == suppression.until
