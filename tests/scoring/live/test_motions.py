"""Two definitions in force at once: each judges and moves its own motion (rules 2.1, 2.7)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from config.accounts.vocabulary import Role
from definitions import versions
from definitions.models import Version
from leads.models import Event, Lead, LeadStage, Signal
from leads.stages import motion_stages
from leads.vocabulary import BEGINNING, Motion, Stage
from scoring.live import due_leads
from scoring.models import Qualification
from tests.factories import UserFactory, place_leads
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    add_event,
    approve_version,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped")]

CHANGE = START + DAY


def product_document() -> dict[str, Any]:
    """Return the definition of a PQL: what meets no definition of an MQL yet."""
    return document(engagement=10) | {"name": "Product-led", "motion": "pql"}


def activate(version: Version) -> Version:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    return versions.activate(version=version, hand_over_entrants=True, by=ops, now=START)


def read_stages(lead: Lead) -> dict[Motion, Stage]:
    return motion_stages.read_all_motions(lead.pk)


def test_a_pql_stays_one_when_a_newer_mql_definition_judges_it_in_the_same_look() -> None:
    lead = make_lead(1, make_company())
    activate(approve_version(product_document(), START))
    activate(approve_version(document(), START))
    add_event(lead, "pricing_view", START + HOUR)

    rescore_all_due(START + HOUR)

    assert Qualification.objects.get().motion == Motion.PQL
    assert read_stages(lead) == {Motion.PQL: Stage.MQL, Motion.MQL: Stage.MAL}
    lead.refresh_from_db()
    assert (lead.stage, lead.stage_motion, lead.stage_label) == (Stage.MQL, Motion.PQL, "PQL")

    # The second look, and a meeting of both definitions: an MQL and a PQL at once.
    add_event(lead, "demo_request", START + 2 * HOUR)
    rescore_all_due(START + 2 * HOUR)
    assert read_stages(lead) == {Motion.PQL: Stage.MQL, Motion.MQL: Stage.MQL}
    assert Qualification.objects.count() == 2


@pytest.mark.parametrize("stage", [Stage.DISQUALIFIED, Stage.WON, Stage.OPPORTUNITY])
def test_a_motion_that_is_closed_bars_no_other(stage: Stage) -> None:
    lead = make_lead(1, make_company())
    activate(approve_version(product_document(), START))
    activate(approve_version(document(), START))
    place_leads(stage, lead)
    add_event(lead, "demo_request", START + HOUR)

    rescore_all_due(START + HOUR)

    assert Qualification.objects.get().motion == Motion.PQL
    assert read_stages(lead) == {Motion.MQL: stage, Motion.PQL: Stage.MQL}


def test_a_version_activated_while_the_other_motion_is_swept_moves_only_its_own() -> None:
    employer, signal = make_company(), Signal.objects.get(code="pricing_view")
    leads = Lead.objects.bulk_create(
        Lead(email=f"{number}@fit.example", company=employer, known_at=BEGINNING, stage_at=START, recorded_at=START)
        for number in range(60)
    )
    activate(approve_version(product_document(), START))
    activate(approve_version(document(), START))
    looser = approve_version(document(engagement=15), START)
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=START + HOUR, recorded_at=START, source="test", digest=b"")
        for lead in leads
    )
    Lead.objects.update(next_look_at=START + HOUR)
    ops, gate, failures = UserFactory(roles=[Role.MARKETING_OPS]), threading.Barrier(4, timeout=60), []

    def run(number: int) -> None:
        try:
            gate.wait(timeout=60)
            if number == 0:
                versions.activate(version=looser, hand_over_entrants=True, by=ops, now=CHANGE)
                return
            while due_leads.rescore_due(now=CHANGE, limit=5) + due_leads.rescore_everybody(now=CHANGE, limit=5):
                pass
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rescore_all_due(CHANGE)

    assert failures == []
    assert set(LeadStage.objects.values_list("motion", "stage")) == {("pql", "mql"), ("mql", "mql")}
    assert LeadStage.objects.count() == Qualification.objects.count() == 2 * len(leads)
    assert not Lead.objects.exclude(look_error="").exists()
