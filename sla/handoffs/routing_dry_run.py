"""Dry runs of routing: the router's own plan for a handoff that is never stored, without locks."""

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
    """A lead described by the attributes that routing reads."""

    country: str = ""
    region: str = ""
    source: str = ""
    domain: str = ""
    industry: str = ""
    employees: int | None = None


def find_leads(text: str) -> list[Lead]:
    """Return at most ten leads whose e-mail address or name begins with the text."""
    text = text.strip()
    if not text:
        return []
    first_name, _, last_name = text.partition(" ")
    has_name = Q(first_name__istartswith=first_name, last_name__istartswith=last_name) | Q(last_name__istartswith=text)
    leads = Lead.objects.standing().filter(Q(email__istartswith=text) | has_name).select_related("company")
    return list(leads.order_by("email", "pk")[:FOUND_AT_MOST])


def dry_run_for_lead(*, lead: Lead, tier: int, motion: Motion, now: dt.datetime) -> RoutingPlan:
    """Plan the routing of this lead at `now`, with the reps' present workload."""
    return routing.plan_routing(
        handoff=Handoff(lead=lead, tier=tier, motion=motion), rules=routing_rules.active_rules(), now=now
    )


def dry_run_for_attributes(*, unknown_lead: UnknownLead, tier: int, motion: Motion, now: dt.datetime) -> RoutingPlan:
    """Plan the routing of a lead that may not exist; a company known by its domain has its owners."""
    domain = unknown_lead.domain.strip().casefold()
    known_company = Company.objects.filter(domain__iexact=domain).first() if domain else None
    company = Company(
        pk=known_company.pk if known_company else None,
        domain=domain,
        industry=unknown_lead.industry,
        employees_low=unknown_lead.employees,
        employees_high=unknown_lead.employees,
    )
    lead = Lead(country=unknown_lead.country, region=unknown_lead.region, source=unknown_lead.source, company=company)
    return dry_run_for_lead(lead=lead, tier=tier, motion=motion, now=now)
