"""What pages of the floors below show of the promises: a lead's handoffs and its whole timeline."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template

from definitions.models import Version
from leads.models import Lead
from sla import timeline, vintages

register = template.Library()


@register.inclusion_tag("sla/_timeline.html")
def timeline_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    return {"timeline": timeline.of(lead), "now": now}


@register.inclusion_tag("sla/_handoffs.html")
def handoffs_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    rows = lead.handoffs.select_related("qualification", "version__definition", "rep__user", "team")
    return {"handoffs": rows.defer("qualification__evidence").order_by("-created_at", "-pk"), "now": now}


@register.inclusion_tag("sla/_vintages.html")
def vintages_of(version: Version, now: dt.datetime) -> dict[str, Any]:
    return {"vintages": vintages.of_version(version, now=now), "version": version}
