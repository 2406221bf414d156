"""The simplest implementation, as a rival: lead by lead, through the ORM, in plain Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from benchmarks import agreement
from leads.models import Lead

Activities = Sequence[tuple[dt.datetime, str]]


def judged(lead_id: int, now: dt.datetime, private: Collection[str]) -> tuple[bool, dt.datetime | None]:
    """Return whether the lead meets the definition now, and the first instant at which it did. `private` are the listed
    domains.
    """
    lead = Lead.objects.select_related("company").get(pk=lead_id)
    if not _passes(lead, private):
        return False, None
    activities = [
        (at, code)
        for at, code in lead.events.order_by("occurred_at").values_list("occurred_at", "signal__code")
        if at <= now
    ]
    return _meets(activities, now), next((at for at, _ in activities if _meets(activities, at)), None)


def _passes(lead: Lead, private: Collection[str]) -> bool:
    company = lead.company
    if company is None or company.employees_low is None or company.employees_high is None:
        return False
    low, high = agreement.EMPLOYEES
    return (
        low <= company.employees_low
        and company.employees_high <= high
        and company.industry in agreement.INDUSTRIES
        and company.country in agreement.COUNTRIES
        and (lead.email or "").partition("@")[2] not in private
        and not set(lead.title.lower().split()) & set(agreement.NOT_BUYERS)
    )


def _meets(activities: Activities, at: dt.datetime) -> bool:
    sums = dict.fromkeys(agreement.SIGNALS, 0.0)
    intent = 0
    for when, code in activities:
        if when > at:
            break
        age = (at - when) / dt.timedelta(days=1)
        sums[code] += agreement.SIGNALS[code][0] * (1 - agreement.DECAY_PERCENT / 100) ** (age / agreement.DECAY_DAYS)
        intent += code in agreement.INTENT and age <= agreement.INTENT_DAYS
    caps = {code: cap for code, (_, cap) in agreement.SIGNALS.items() if cap is not None}
    engagement = sum(min(total, caps.get(code, total)) for code, total in sums.items())
    return round(engagement, 6) >= agreement.THRESHOLD and intent >= agreement.INTENT_AT_LEAST
