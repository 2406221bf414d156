"""The decisions of people that a lead may be contacted or not, with the reason (rules 13.39)."""

from __future__ import annotations

import datetime as dt

from config.accounts.models import User
from leads.identity import merges
from leads.intake import lead_upserts
from leads.models import ContactDecision, Lead
from leads.retry_on_conflict import run_with_retries

_SOURCE_AT_MOST = 64
REASON_AT_MOST = 300


def decide_contact(*, lead_id: int, is_opt_out: bool, by: User, reason: str, now: dt.datetime) -> ContactDecision:
    """Set or lift the lead's opt-out from now on by a person's word, and keep the reason."""
    # The retry stands outside of the transaction: inside, a conflict would have ended it.
    return run_with_retries(lambda: _store_decision(lead_id, is_opt_out, by, reason, now))


def lift_for_person(*, lead: Lead, by: User, reason: str, now: dt.datetime) -> None:
    """Lift the opt-outs of all leads of a person from now on by a person's word, and keep the reason (rules 13.51).

    All of them are lifted, or none.
    """
    run_with_retries(lambda: _lift_opt_outs(lead, by, reason, now))


def _lift_opt_outs(lead: Lead, by: User, reason: str, now: dt.datetime) -> None:
    # Locked in id order, so that a statement about one of the leads waits for the whole.
    for lead_id in [member.pk for member in merges.lock_person(lead) if member.do_not_contact]:
        _store_decision(lead_id, False, by, reason, now)


def _store_decision(lead_id: int, is_opt_out: bool, by: User, reason: str, now: dt.datetime) -> ContactDecision:
    lead_upserts.state_contact(
        lead_id=lead_id, is_opt_out=is_opt_out, source=f"person:{by.email}"[:_SOURCE_AT_MOST], now=now
    )
    return ContactDecision.objects.create(
        lead_id=lead_id, at=now, is_opt_out=is_opt_out, by=by, reason=reason.strip()[:REASON_AT_MOST]
    )


def current_decision(lead_id: int) -> ContactDecision | None:
    """Return the last decision of a person about contact, if no sender has stated anything since."""
    latest = ContactDecision.objects.filter(lead=lead_id).select_related("by").order_by("-at", "-pk").first()
    if latest is None:
        return None
    return latest if lead_upserts.last_contact_statement_at(lead_id) == latest.at else None
