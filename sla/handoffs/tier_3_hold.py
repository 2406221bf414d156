"""Tier 3, qualified but weakest: nurtured first, SDR after (rules 3.6, 6.24). Who is held, until when, and what marketing sees of it.

Nothing of it is stored: an MQL of tier 3 is simply not taken to sales before its day. It is the commitments' term, so
a newer version of them moves the day of those still held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from leads import search
from leads.models import Lead
from scoring.live.qualify import NOT_TO_QUALIFY
from scoring.models import Qualification, QualificationQuerySet
from sla.commitments import commitments
from sla.models import Commitment
from sla.nurture import nurture_tasks

TIER: Final = 3
HEADER: Final = (
    "Lead", "E-mail", "Title", "Company", "Why it qualified", "Engagement", "Since", "Goes to sales on", "Last activity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldLead:
    """An MQL that marketing nurtures first; it goes to sales at `goes_at`."""

    qualification: Qualification
    goes_at: dt.datetime
    active_at: dt.datetime | None = None

    @property
    def goes_on(self) -> dt.date:
        return self.goes_at.astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE)).date()


def mqls_for_sales(commitment: Commitment, now: dt.datetime) -> QualificationQuerySet:
    """Waiting MQLs that sales is to have now: all but those that are nurtured first."""
    return Qualification.objects.waiting().exclude(_held_condition(commitment, now))


def held_mqls(commitment: Commitment, now: dt.datetime) -> QualificationQuerySet:
    """Those that are nurtured first; who turned hot is not any more."""
    rows = Qualification.objects.waiting().filter(_held_condition(commitment, now), hot_upgrade__isnull=True)
    return rows.exclude(lead__stage__in=NOT_TO_QUALIFY).exclude(lead__do_not_contact=True)


def is_closed_to_sales(qualification: Qualification) -> bool:
    """While it was held the CRM had the last word on the lead, or the lead asked not to be contacted: no case for sales."""
    lead = qualification.lead
    return qualification.tier == TIER and (lead.stage in NOT_TO_QUALIFY or lead.do_not_contact)


def due_to_sales_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    """From when on sales should have it, by which the routing is timed.

    A version of the commitments that shortens the hold does so from its coming on.
    """
    if qualification.tier != TIER:
        return qualification.recorded_at
    return max(_goes_at(qualification, commitment), commitment.activated_at or qualification.recorded_at)


def nurture_days() -> int:
    """How long tier 3 is nurtured first by the commitments in force."""
    try:
        return commitments.current_commitment().tier_3_nurture_days
    except commitments.NotYetAgreed:
        return 0


def search_held_mqls(*, now: dt.datetime, q: str = "") -> QualificationQuerySet:
    """Those held now, who goes to sales first ahead, for marketing's list; nobody while no commitments are in force."""
    try:
        rows = held_mqls(commitments.current_commitment(), now)
    except commitments.NotYetAgreed:
        return Qualification.objects.none()
    rows = rows.filter(search.leads(q, by="lead__"))
    return rows.select_related("lead__company").defer("evidence").order_by("recorded_at", "pk")


def build_held_leads(rows: QualificationQuerySet, *, now: dt.datetime) -> Iterator[HeldLead]:
    """Each with the day it goes and its last activity, in the order of the rows."""
    mqls: list[Any] = list(rows.annotate(active_at=nurture_tasks.last_activity(now)))
    if mqls:
        commitment = commitments.current_commitment()
        yield from (HeldLead(mql, _goes_at(mql, commitment), mql.active_at) for mql in mqls)


def for_lead(lead: Lead, *, now: dt.datetime) -> list[HeldLead]:
    """What a lead's page says of it."""
    return list(build_held_leads(search_held_mqls(now=now).filter(lead=lead), now=now))


def cells(row: HeldLead) -> Sequence[object]:
    """A row under HEADER."""
    lead, mql = row.qualification.lead, row.qualification
    return (
        lead.name,
        lead.email,
        lead.title,
        str(lead.company or ""),
        mql.why,
        f"{mql.engagement:g}",
        mql.recorded_at.isoformat(),
        row.goes_on.isoformat(),
        row.active_at.isoformat() if row.active_at else "",
    )


def _held_condition(commitment: Commitment, now: dt.datetime) -> Q:
    return Q(tier=TIER, recorded_at__gt=now - dt.timedelta(days=commitment.tier_3_nurture_days))


def _goes_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    return qualification.recorded_at + dt.timedelta(days=commitment.tier_3_nurture_days)
