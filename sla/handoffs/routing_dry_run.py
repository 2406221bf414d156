"""Where would this lead go, and why? The router's own plan for a handoff that is never stored, locking nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from leads.models import Company, Lead
from leads.vocabulary import Motion
from sla.handoffs import routing
from sla.handoffs.routing import RoutingPlan
from sla.models import Handoff
from sla.teams import routing_rules

FOUND_AT_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class UnknownLead:
    """A lead by its attributes, as far as routing reads them."""

    country: str = ""
    region: str = ""
    source: str = ""
    domain: str = ""
    industry: str = ""
    employees: int | None = None


def find_leads(text: str) -> list[Lead]:
    """Leads whose address or name begins so, at most ten."""
    text = text.strip()
    if not text:
        return []
    first, _, rest = text.partition(" ")
    named = Q(first_name__istartswith=first, last_name__istartswith=rest) | Q(last_name__istartswith=text)
    leads = Lead.objects.filter(Q(email__istartswith=text) | named).select_related("company")
    return list(leads.order_by("email", "pk")[:FOUND_AT_MOST])


def dry_run_for_lead(*, lead: Lead, tier: int, motion: Motion, now: dt.datetime) -> RoutingPlan:
    """As routing a handoff of this lead would go at `now`, with what everybody has in hand at this moment."""
    return routing.plan_routing(
        handoff=Handoff(lead=lead, tier=tier, motion=motion), rules=routing_rules.active_rules(), now=now
    )


def dry_run_for_attributes(*, unknown_lead: UnknownLead, tier: int, motion: Motion, now: dt.datetime) -> RoutingPlan:
    """The same for somebody who may not exist; a company that we know by its domain has its owners."""
    domain = unknown_lead.domain.strip().casefold()
    known = Company.objects.filter(domain__iexact=domain).first() if domain else None
    company = Company(
        pk=known.pk if known else None,
        domain=domain,
        industry=unknown_lead.industry,
        employees_low=unknown_lead.employees,
        employees_high=unknown_lead.employees,
    )
    lead = Lead(country=unknown_lead.country, region=unknown_lead.region, source=unknown_lead.source, company=company)
    return dry_run_for_lead(lead=lead, tier=tier, motion=motion, now=now)
