"""Template tags for the pages of lower apps: a lead's handoffs and timeline, and a version's weekly cohorts."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django import template

from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.identity import duplicates, merges
from leads.models import Lead
from leads.vocabulary import Stage
from sla.handoff_page import lead_timeline
from sla.handoffs import past_disposition_files, reinstatements, tier_3_hold
from sla.models import AccountPlay, Handoff
from sla.promise_simulation import outlook_sentences, promise_outlooks
from sla.reports import play_reports, weekly_cohorts

register = template.Library()

FEWEST_DIGITS: Final = 5
#: Imported decisions on the page of a lead; the timeline has more.
IMPORTED_SHOWN: Final = 20


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
    imported = past_disposition_files.list_for_person(merges.list_person_ids(lead), limit=IMPORTED_SHOWN)
    waiting = tier_3_hold.for_lead(lead, now=now)
    plays = AccountPlay.objects.filter(contacts__lead__in=merges.list_person_ids(lead)).distinct()
    return {
        "handoffs": handoffs,
        "plays": plays.select_related("company", "rep__user").order_by("-created_at", "-pk"),
        "imported": imported,
        "waiting": waiting,
        "now": now,
        "lead": lead,
    }


@register.inclusion_tag("sla/nurture/_lead_disqualified.html", takes_context=True)
def disqualification_of(context: template.Context, lead: Lead) -> dict[str, Any]:
    """Show why a lead is disqualified with the way back, or how it came back."""
    disqualification = reinstatements.read_disqualification(lead)
    if disqualification is None:
        row = reinstatements.latest_reinstatement(lead)
        return {"history": "" if row is None else reinstatements.write_history(row)}
    return {
        "title": "Disqualified" if lead.stage == Stage.DISQUALIFIED else f"Disqualified as {disqualification.motions}",
        "disqualified": f"{disqualification.text}.",
        "stays_closed": disqualification.reason_to_stay_closed,
        "may_reinstate": holds(context["request"].user, *reinstatements.REINSTATERS),
        "lead": lead,
    }


@register.simple_tag(takes_context=True)
def duplicates_of(context: template.Context, lead: Lead) -> int:
    """Return how many possible duplicates the lead has, for people who may decide about them."""
    return duplicates.count_candidates_of(lead) if holds(context["request"].user, Role.MARKETING_OPS) else 0


@register.inclusion_tag("sla/commitments/_outlook_of_version.html")
def promise_outlook_of(version: Version) -> dict[str, Any]:
    """Show whether the promises in force would hold with the volume of a version that waits for its activation."""
    draft = promise_outlooks.draft_of_version(version)
    return {"is_simulated": draft is not None, "outlook": draft and outlook_sentences.show_outlook(draft)}


@register.inclusion_tag("sla/reports/_weekly_cohorts.html")
def weekly_cohorts_of(version: Version, now: dt.datetime) -> dict[str, Any]:
    is_of_plays = version.account is not None
    read = play_reports.read_weekly_cohorts if is_of_plays else weekly_cohorts.for_version
    return {"cohorts": read(version, now=now), "version": version}
