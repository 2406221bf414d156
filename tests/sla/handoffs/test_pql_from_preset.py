"""A PQL from the preset of its definition to the decision of sales, beside the MQL of the same person."""

from __future__ import annotations

import pytest

from config.accounts.vocabulary import Role
from definitions import draft_templates, versions
from definitions.models import Version
from definitions.vocabulary import Side
from leads.rescoring import rescore_queue
from leads.vocabulary import BEGINNING, Motion
from scoring.live import due_leads
from scoring.models import Qualification
from sla.handoffs import creation, dispositions
from sla.models import Handoff
from sla.vocabulary import ClockKind
from tests.definitions import version_lifecycles
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    CommitmentFactory,
    CompanyFactory,
    EventFactory,
    LeadFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

ACTIVE_AT = version_lifecycles.NOW + 3 * DAY


def activate_preset(code: str, name: str) -> Version:
    """Take a preset through proposal, both signatures and activation, as people do."""
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    draft = draft_templates.start_draft(code=code, name=name, into=None, by=ops, now=version_lifecycles.NOW)
    version_lifecycles.propose(draft)
    version_lifecycles.sign(draft, Side.MARKETING)
    approved = version_lifecycles.sign(draft, Side.SALES).version
    return versions.activate(version=approved, hand_over_entrants=False, by=ops, now=ACTIVE_AT)


def test_one_person_is_a_pql_and_an_mql_with_two_handoffs_and_two_promises() -> None:
    pql_version = activate_preset("product_usage", "Product usage")
    mql_version = activate_preset("hand_raise", "Hand raise")
    CommitmentFactory(active=True)
    CommitmentFactory(active=True, motion=Motion.PQL, contact_minutes=120)
    TeamFactory(working=True)
    company = CompanyFactory(fits=True, recorded_at=ACTIVE_AT)
    lead = LeadFactory(email="clara@fit.example", company=company, known_at=BEGINNING, at=ACTIVE_AT)
    now = ACTIVE_AT + HOUR
    for signal in ("trial_activated", "teammates_invited", "demo_request"):
        EventFactory(lead=lead, signal__code=signal, occurred_at=now)
    rescore_queue.request(lead_ids=[lead.pk], at=now)

    due_leads.rescore_due(now=now + MINUTE)
    creation.hand_off_waiting(now=now + 2 * MINUTE)
    pql, mql = (Handoff.objects.get(motion=motion) for motion in (Motion.PQL, Motion.MQL))
    dispositions.accept(handoff=pql, by=pql.rep.user, now=now + 3 * MINUTE)

    versions_by_motion = dict(Qualification.objects.filter(lead=lead).values_list("motion", "version"))
    due = [
        (clock.due_at - clock.started_at) / MINUTE
        for clock in (row.clocks.get(kind=ClockKind.FIRST_CONTACT) for row in (pql, mql))
    ]
    mql.refresh_from_db()
    assert versions_by_motion == {Motion.PQL: pql_version.pk, Motion.MQL: mql_version.pk}
    assert due == [120, 5]
    assert mql.state == "assigned"
