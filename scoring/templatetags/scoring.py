"""What pages of other floors show of the judgement: how a lead stands under each version in force."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template

from leads.models import Lead
from scoring import evidence, explanations

register = template.Library()


@register.inclusion_tag("scoring/_scores.html")
def scores_of(lead: Lead, now: dt.datetime) -> dict[str, Any]:
    """Judged at `now`, not read from the kept score: decay goes on between two facts."""
    told = explanations.of_lead(lead, at=now)
    return {
        "scores": [
            {
                "version": version,
                "note": f"tier {each.tier}" if each.meets else "does not meet it now",
                "why": each.why,
                "evidence": evidence.read(each.as_dict()),
            }
            for version, each in told
        ]
    }
