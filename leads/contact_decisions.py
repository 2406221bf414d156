"""The decisions of people that a lead may be contacted or not, with the reason (rules 13.39)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.accounts.models import User
from leads import lead_upserts, merges
from leads.models import ContactDecision, Lead

_SOURCE_AT_MOST = 64
REASON_AT_MOST = 300


@transaction.atomic
def decide_contact(*, lead_id: int, is_opt_out: bool, by: User, reason: str, now: dt.datetime) -> ContactDecision:
    """Set or lift the lead's opt-out from now on by a person's word, and keep the reason."""
    lead_upserts.state_contact(
        lead_id=lead_id, is_opt_out=is_opt_out, source=f"person:{by.email}"[:_SOURCE_AT_MOST], now=now
    )
    return ContactDecision.objects.create(
        lead_id=lead_id, at=now, is_opt_out=is_opt_out, by=by, reason=reason.strip()[:REASON_AT_MOST]
    )


def lift_for_person(*, lead: Lead, by: User, reason: str, now: dt.datetime) -> None:
    """Lift the opt-outs of all leads of a person from now on by a person's word, and keep the reason (rules 13.51)."""
    for lead_id in sorted(merges.select_person(lead).filter(do_not_contact=True).values_list("pk", flat=True)):
        decide_contact(lead_id=lead_id, is_opt_out=False, by=by, reason=reason, now=now)


def current_decision(lead_id: int) -> ContactDecision | None:
    """Return the last decision of a person about contact, if no sender has stated anything since."""
    latest = ContactDecision.objects.filter(lead=lead_id).select_related("by").order_by("-at", "-pk").first()
    if latest is None:
        return None
    return latest if lead_upserts.last_contact_statement_at(lead_id) == latest.at else None
