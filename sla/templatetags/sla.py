"""Template tags for the pages of lower apps: a lead's handoffs and timeline, and a version's weekly cohorts."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import template

from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads import duplicates, merges
from leads.models import Lead
from sla.handoff_page import lead_timeline
from sla.handoffs import tier_3_hold
from sla.models import Handoff
from sla.reports import weekly_cohorts

register = template.Library()

FEWEST_DIGITS: Final = 5


@register.filter
def dialable(phone: str) -> str:
    """Return the digits of a number as `tel:` takes them; empty when there are too few to dial."""
    digits = "".join(character for character in phone if character.isascii() and character.isdigit())
    plus = "+" if phone.strip().startswith("+") else ""
    return f"{plus}{digits}" if len(digits) >= FEWEST_DIGITS else ""


@register.inclusion_tag("sla/handoff_page/_timeline.html")
def timeline_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    return {"timeline": lead_timeline.for_lead(lead), "now": now}


@register.inclusion_tag("sla/handoffs/_lead_handoffs.html")
def handoffs_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    rows = Handoff.objects.filter(lead__in=merges.list_person_ids(lead)).select_related("lead")
    rows = rows.select_related(
        "qualification__hot_upgrade", "qualification__tier_upgrade", "version__definition", "rep__user", "team"
    )
    handoffs = rows.defer("qualification__evidence").order_by("-created_at", "-pk")
    return {"handoffs": handoffs, "waiting": tier_3_hold.for_lead(lead, now=now), "now": now, "lead": lead}


@register.simple_tag(takes_context=True)
def duplicates_of(context: template.Context, lead: Lead) -> int:
    """Return how many possible duplicates the lead has, for people who may decide about them."""
    return duplicates.count_candidates_of(lead) if holds(context["request"].user, Role.MARKETING_OPS) else 0


@register.inclusion_tag("sla/reports/_weekly_cohorts.html")
def weekly_cohorts_of(version: Version, now: dt.datetime) -> dict[str, Any]:
    return {"cohorts": weekly_cohorts.for_version(version, now=now), "version": version}
