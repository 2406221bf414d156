"""Template tags for the pages of lower apps: a lead's handoffs and timeline, and a version's weekly cohorts."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import template

from definitions.models import Version
from leads.models import Lead
from sla.handoff_page import lead_timeline
from sla.handoffs import tier_3_hold
from sla.reports import weekly_cohorts

register = template.Library()

FEWEST_DIGITS: Final = 5


@register.filter
def dialable(phone: str) -> str:
    """Return the digits of a number as `tel:` takes them; empty when there are too few to dial."""
    digits = "".join(character for character in phone if character.isascii() and character.isdigit())
    plus = "+" if phone.strip().startswith("+") else ""
    return f"{plus}{digits}" if len(digits) >= FEWEST_DIGITS else ""


@register.inclusion_tag("sla/_timeline.html")
def timeline_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    return {"timeline": lead_timeline.for_lead(lead), "now": now}


@register.inclusion_tag("sla/_handoffs.html")
def handoffs_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    rows = lead.handoffs.select_related("qualification__hot_upgrade", "version__definition", "rep__user", "team")
    handoffs = rows.defer("qualification__evidence").order_by("-created_at", "-pk")
    return {"handoffs": handoffs, "waiting": tier_3_hold.for_lead(lead, now=now), "now": now}


@register.inclusion_tag("sla/_vintages.html")
def weekly_cohorts_of(version: Version, now: dt.datetime) -> dict[str, Any]:
    return {"cohorts": weekly_cohorts.for_version(version, now=now), "version": version}
