"""The hold of tier 3: automated nurture first, SDR after (rules 3.6, 6.24), and marketing's list of the held MQLs.

Nothing of it is stored: an MQL of tier 3 is not handed off before its day, unless all that is known of it makes it one of
tier 2 (rules 6.221). The days of nurture are a term of the
commitments, so a newer version of them moves the day of the MQLs that are still held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from leads import merges, motion_stages, search
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
    """Return the waiting MQLs that sales should have now: all but those that are nurtured first."""
    return Qualification.objects.waiting().exclude(_held_condition(commitment, now))


def held_mqls(commitment: Commitment, now: dt.datetime) -> QualificationQuerySet:
    """Return the MQLs that are nurtured first, without those that turned hot or are no case for sales any more."""
    rows = Qualification.objects.waiting().filter(_held_condition(commitment, now), hot_upgrade__isnull=True)
    return rows.exclude(motion_stages.stands_in(*NOT_TO_QUALIFY)).exclude(merges.is_opted_out())


def is_closed_to_sales(qualification: Qualification) -> bool:
    """Return whether a held MQL is no case for sales any more: the CRM moved the lead on, or it may not be contacted."""
    if qualification.tier != TIER:
        return False
    stage = motion_stages.read_stage(qualification.lead, qualification.motion)
    return stage in NOT_TO_QUALIFY or merges.may_not_be_contacted(qualification.lead)


def due_to_sales_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    """Return from when on sales should have the MQL; the routing clock starts then.

    A version of the commitments that shortens the hold does so from its activation. A tier upgrade ends it.
    """
    if qualification.tier != TIER:
        return qualification.recorded_at
    day = max(_goes_at(qualification, commitment), commitment.activated_at or qualification.recorded_at)
    return min(day, qualification.tier_upgrade.recorded_at) if hasattr(qualification, "tier_upgrade") else day


def nurture_days() -> int:
    """Return for how many days tier 3 is nurtured first, by the commitments in force; 0 without commitments."""
    try:
        return commitments.current_commitment().tier_3_nurture_days
    except commitments.NotYetAgreed:
        return 0


def search_held_mqls(*, now: dt.datetime, q: str = "") -> QualificationQuerySet:
    """Return the MQLs held now that match `q`, ordered by when they go to sales; none without commitments in force."""
    try:
        rows = held_mqls(commitments.current_commitment(), now)
    except commitments.NotYetAgreed:
        return Qualification.objects.none()
    rows = rows.filter(search.match_leads(q, by="lead__"))
    return rows.select_related("lead__company").defer("evidence").order_by("recorded_at", "pk")


def build_held_leads(rows: QualificationQuerySet, *, now: dt.datetime) -> Iterator[HeldLead]:
    """Yield each MQL with the day it goes to sales and its last activity, in the order of the rows."""
    mqls: list[Any] = list(rows.annotate(active_at=nurture_tasks.last_activity(now)))
    if mqls:
        commitment = commitments.current_commitment()
        yield from (HeldLead(mql, _goes_at(mql, commitment), mql.active_at) for mql in mqls)


def for_lead(lead: Lead, *, now: dt.datetime) -> list[HeldLead]:
    """Return the held MQLs of one person, for the page of its lead."""
    return list(build_held_leads(search_held_mqls(now=now).filter(lead__in=merges.list_person_ids(lead)), now=now))


def cells(row: HeldLead) -> Sequence[object]:
    """Return the cells of a row under HEADER."""
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
    is_early = Q(recorded_at__gt=now - dt.timedelta(days=commitment.tier_3_nurture_days))
    return is_early & Q(tier=TIER, tier_upgrade__isnull=True)


def _goes_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    return qualification.recorded_at + dt.timedelta(days=commitment.tier_3_nurture_days)
