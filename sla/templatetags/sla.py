"""What pages of the floors below show of the promises: a lead's handoffs and its whole timeline."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import template

from definitions.models import Version
from leads.models import Lead
from sla import tier_3, timeline, vintages

register = template.Library()

FEWEST_DIGITS: Final = 5


@register.filter
def dialable(phone: str) -> str:
    """The digits of a number as `tel:` takes them; empty when there are too few to dial."""
    digits = "".join(each for each in phone if each.isascii() and each.isdigit())
    plus = "+" if phone.strip().startswith("+") else ""
    return f"{plus}{digits}" if len(digits) >= FEWEST_DIGITS else ""


@register.inclusion_tag("sla/handoff_page/_timeline.html")
def timeline_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    return {"timeline": timeline.of(lead), "now": now}


@register.inclusion_tag("sla/handoffs/_lead_handoffs.html")
def handoffs_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    rows = lead.handoffs.select_related("qualification__heating", "version__definition", "rep__user", "team")
    handoffs = rows.defer("qualification__evidence").order_by("-created_at", "-pk")
    return {"handoffs": handoffs, "held": tier_3.of_lead(lead, now=now), "now": now}


@register.inclusion_tag("sla/reports/_weekly_cohorts.html")
def vintages_of(version: Version, now: dt.datetime) -> dict[str, Any]:
    return {"vintages": vintages.of_version(version, now=now), "version": version}
