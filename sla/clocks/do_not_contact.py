"""Leads that may not be contacted, after they were handed off: their contact clocks are cancelled (rules 6.28).

Before a lead qualifies, the definition's disqualifier keeps it away from sales.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db.models import Exists, OuterRef

from config.jobs import sweeps
from leads.identity import merges
from leads.models import Lead
from sla import handoff_states
from sla.clocks import clocks
from sla.models import Clock, Handoff
from sla.vocabulary import ClockKind

SWEEP: Final = "clocks of leads that may not be contacted"
#: The clocks that are cancelled: nobody has to call, or to find a rep who calls.
CONTACT_CLOCKS: Final = (ClockKind.ROUTE, ClockKind.FIRST_CONTACT)


def blocked_since(lead: Lead) -> dt.datetime | None:
    """Return from when on the person may not be contacted, by the histories of its leads, or None if it may be."""
    members = merges.select_person(lead)
    return min((since for member in members if (since := _blocked_by_lead(member)) is not None), default=None)


def _blocked_by_lead(lead: Lead) -> dt.datetime | None:
    if not lead.do_not_contact:
        return None
    changes = lead.attribute_changes.filter(values__has_key="do_not_contact").order_by("valid_from", "pk")
    start: dt.datetime | None = None
    for at, is_blocked in changes.values_list("valid_from", "values__do_not_contact"):
        start = (start or at) if is_blocked else None
    return start or lead.known_at


def stop_clocks(*, now: dt.datetime, limit: int = 500) -> int:
    """Cancel the routing and contact clocks of leads that may not be contacted; return for how many handoffs.

    One that fails is set aside (rules 17.5). Any number of workers may run at once.
    """
    contact_clocks = Clock.objects.running().filter(kind__in=CONTACT_CLOCKS, handoff=OuterRef("pk"))
    # Only open handoffs have running clocks; filtering by them keeps this from scanning the closed ones.
    handoffs = Handoff.objects.open().filter(Exists(contact_clocks), merges.is_opted_out()).order_by("pk")
    return sum(sweeps.claim_each(SWEEP, handoffs, lambda row: _stop(row, now), now=now, limit=limit))


def _stop(handoff: Handoff, now: dt.datetime) -> bool | None:
    locked = handoff_states.lock(handoff)
    # Another sweep may have cancelled the clocks between the query and the lock.
    may_be_contacted = not merges.may_not_be_contacted(locked.lead)
    if may_be_contacted or not locked.clocks.running().filter(kind__in=CONTACT_CLOCKS).exists():
        return None
    clocks.cancel_clocks(handoff=locked, kinds=CONTACT_CLOCKS, now=now)
    return True
