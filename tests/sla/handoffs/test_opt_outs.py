"""Opt-outs on the way from a request to a rep: no file that is older than the wish brings a lead to sales."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from config import periodic
from leads.intake import contact_decisions, events, lead_upserts
from leads.models import Lead
from sla.handoffs import dispositions
from sla.models import Handoff
from sla.vocabulary import DispositionKind
from tests.factories import (
    DAY,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    ReasonCodeFactory,
    TeamFactory,
)
from tests.scoring import facts, lead_histories

pytestmark = pytest.mark.django_db

CASE = Path(__file__).parents[2] / "data" / "cases" / "opt-out-survives-an-old-export"
DISQUALIFIER = {"field": "lead.do_not_contact", "op": "is", "value": True, "rationale": "Has told us not to."}


def put_in_force(*, with_disqualifier: bool) -> None:
    document: Any = facts.document()
    document["disqualifiers"] += [DISQUALIFIER] if with_disqualifier else []
    lead_histories.activate_version(lead_histories.approve_version(document, NOW - 90 * DAY), NOW - 90 * DAY)
    CommitmentFactory(active=True)
    TeamFactory(working=True)


def receive_old_export(tmp_path: Path, *, opts_out: bool) -> Lead:
    """Receive a demo request, an opt-out, an old export, and let the loop run; return the lead."""
    CompanyFactory(fits=True, domain="nordwerk.example", recorded_at=NOW - 100 * DAY)
    wish = json.loads((CASE / "1_lead.json").read_text())
    values = {"title": "Head of Operations"} | ({"do_not_contact": True} if opts_out else {})
    lead, _ = lead_upserts.upsert_lead(email=wish["email"], values=values, source="site", now=NOW - MINUTE)
    request = {"email": wish["email"], "signal": "demo_request", "occurred_at": NOW - MINUTE, "id": "1"}
    events.record(items=[request], source="site", now=NOW - MINUTE)
    path = tmp_path / "old_export.csv"
    path.write_bytes((CASE / "2_old_export.csv").read_bytes())
    call_command("import_leads", str(path))
    periodic.tick(now=NOW)
    lead.refresh_from_db()
    return lead


def test_the_lead_of_an_open_request_comes_to_a_rep_without_an_opt_out(tmp_path: Path) -> None:
    put_in_force(with_disqualifier=True)

    lead = receive_old_export(tmp_path, opts_out=False)

    assert Handoff.objects.get().lead == lead
    assert Handoff.objects.get().rep is not None


def test_no_handoff_is_made_of_a_lead_that_opted_out_before_an_old_export(tmp_path: Path) -> None:
    put_in_force(with_disqualifier=True)

    lead = receive_old_export(tmp_path, opts_out=True)

    assert lead.do_not_contact
    assert not Handoff.objects.exists()


def test_where_the_definition_does_not_ask_for_it_no_rep_is_given_the_lead(tmp_path: Path) -> None:
    put_in_force(with_disqualifier=False)

    lead = receive_old_export(tmp_path, opts_out=True)

    assert lead.do_not_contact
    assert not Handoff.objects.exclude(rep=None).exists()


def stored_handoff() -> Handoff:
    """Return a handoff of a lead that came in by a sender's statement."""
    handoff = HandoffFactory()
    lead_upserts.upsert_lead(email=handoff.lead.email, values={"last_name": "Alt"}, source="crm", now=NOW)
    return handoff


def test_a_rejection_for_it_sets_the_opt_out_and_an_old_export_does_not_lift_it() -> None:
    handoff = stored_handoff()
    dispositions.reject(
        handoff=handoff,
        reason=ReasonCodeFactory(code="do_not_contact"),
        by=handoff.rep.user,
        now=NOW + MINUTE,
        note="Said so on the phone.",
    )

    lead, _ = lead_upserts.upsert_lead(
        email=handoff.lead.email, values={"do_not_contact": False}, source="import", now=NOW + DAY
    )

    assert lead.do_not_contact
    decision = contact_decisions.current_decision(lead.pk)
    assert (decision.by, decision.is_opt_out) == (handoff.rep.user, True)
    assert decision.reason == "Rejected by sales: Asked not to be contacted. Said so on the phone."


def test_another_reason_sets_no_opt_out() -> None:
    handoff = stored_handoff()

    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=NOW + MINUTE)

    assert not Lead.objects.get(pk=handoff.lead_id).do_not_contact


def test_a_corrected_rejection_takes_its_opt_out_back() -> None:
    handoff = stored_handoff()
    by = handoff.rep.user
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(code="do_not_contact"), by=by, now=NOW + MINUTE)

    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=by, now=NOW + 2 * MINUTE)

    assert not Lead.objects.get(pk=handoff.lead_id).do_not_contact


def test_a_correction_leaves_a_wish_that_was_stated_since() -> None:
    handoff = stored_handoff()
    by = handoff.rep.user
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(code="do_not_contact"), by=by, now=NOW + MINUTE)
    lead_upserts.upsert_lead(
        email=handoff.lead.email,
        values={"do_not_contact": True},
        valid_from=NOW + 2 * MINUTE,
        source="mailing",
        now=NOW + 3 * MINUTE,
    )

    dispositions.correct(
        handoff=handoff, kind=DispositionKind.REJECT, reason=ReasonCodeFactory(), by=by, now=NOW + 4 * MINUTE
    )

    assert Lead.objects.get(pk=handoff.lead_id).do_not_contact


def test_a_correction_to_that_reason_sets_the_opt_out() -> None:
    handoff = stored_handoff()
    by = handoff.rep.user
    dispositions.accept(handoff=handoff, by=by, now=NOW + MINUTE)

    dispositions.correct(
        handoff=handoff,
        kind=DispositionKind.REJECT,
        reason=ReasonCodeFactory(code="do_not_contact"),
        by=by,
        now=NOW + 2 * MINUTE,
    )

    assert Lead.objects.get(pk=handoff.lead_id).do_not_contact
