"""The hold of tier 3: automated nurture first, SDR after (rules 3.6, 6.24), and marketing's list of the held MQLs.

Nothing of it is stored: an MQL of tier 3 is not handed off before its day, unless all that is known of it makes it one of
tier 2 (rules 6.34). The days of nurture are a term of the commitments, so a newer version of them moves the day of the
MQLs that are still held.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db.models import Case, DurationField, F, OuterRef, Q, Value, When

from config import company_days
from leads import search
from leads.identity import merges
from leads.models import Lead, LeadStage
from leads.vocabulary import Motion
from scoring.live.qualify import NOT_TO_QUALIFY
from scoring.models import Qualification, QualificationQuerySet
from sla.commitments import commitments
from sla.models import Commitment
from sla.nurture import nurture_tasks

TIER: Final = 3
#: The commitments in force, each with its motion.
CommitmentsByMotion: TypeAlias = Mapping[Motion, Commitment]
HEADER: Final = (
    "Lead", "E-mail", "Title", "Company", "Motion", "Why it qualified", "Engagement", "Since", "Goes to sales on", "Last activity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldLead:
    """An MQL that marketing nurtures first; it goes to sales at `goes_at`."""

    qualification: Qualification
    goes_at: dt.datetime
    active_at: dt.datetime | None = None

    @property
    def goes_on(self) -> dt.date:
        return company_days.day_of(self.goes_at)


def mqls_for_sales(in_force: CommitmentsByMotion, now: dt.datetime) -> QualificationQuerySet:
    """Return the waiting MQLs that sales should have now: all but those that are nurtured first.

    The commitments of its motion say for how long an MQL is nurtured; without any it is not.
    """
    return Qualification.objects.waiting().exclude(_held_condition(in_force, now))


def held_mqls(in_force: CommitmentsByMotion, now: dt.datetime) -> QualificationQuerySet:
    """Return the MQLs that are nurtured first, without those that turned hot or are no case for sales any more."""
    rows = Qualification.objects.waiting().filter(_held_condition(in_force, now), hot_upgrade__isnull=True)
    closed = LeadStage.objects.filter(motion=OuterRef("motion"), stage__in=NOT_TO_QUALIFY)
    return rows.filter(merges.none_of_same_person(closed)).exclude(merges.is_opted_out())


def due_to_sales_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    """Return from when on sales should have the MQL; the routing clock starts then.

    A version of the commitments that shortens the hold does so from its activation. A tier upgrade ends it.
    """
    if qualification.tier != TIER:
        return qualification.recorded_at
    day = max(_goes_at(qualification, commitment), commitment.activated_at or qualification.recorded_at)
    return min(day, qualification.tier_upgrade.recorded_at) if hasattr(qualification, "tier_upgrade") else day


def nurture_days() -> dict[Motion, int]:
    """Return for how many days tier 3 is nurtured first, by motion; motions without commitments in force are missing."""
    return {motion: row.tier_3_nurture_days for motion, row in commitments.commitments_in_force().items()}


def search_held_mqls(*, now: dt.datetime, q: str = "", motion: Motion | None = None) -> QualificationQuerySet:
    """Return the MQLs held now that match `q`, of one motion or of all, ordered by when they go to sales."""
    in_force = commitments.commitments_in_force()
    rows = held_mqls(in_force, now).filter(search.match_leads(q, by="lead__"))
    if motion is not None:
        rows = rows.filter(motion=motion)
    nurtured = [
        When(motion=motion, then=Value(dt.timedelta(days=row.tier_3_nurture_days))) for motion, row in in_force.items()
    ]
    hold = Case(*nurtured, default=Value(dt.timedelta(0)), output_field=DurationField())
    return rows.select_related("lead__company").defer("evidence").order_by(F("recorded_at") + hold, "pk")


def build_held_leads(rows: QualificationQuerySet, *, now: dt.datetime) -> Iterator[HeldLead]:
    """Yield each MQL with the day it goes to sales and its last activity, in the order of the rows."""
    mqls: list[Any] = list(rows.annotate(active_at=nurture_tasks.last_activity(now)))
    if mqls:
        in_force = commitments.commitments_in_force()
        yield from (HeldLead(mql, _goes_at(mql, in_force[mql.motion]), mql.active_at) for mql in mqls)


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
        mql.motion.upper(),
        mql.why,
        f"{mql.engagement:g}",
        mql.recorded_at.isoformat(),
        row.goes_on.isoformat(),
        row.active_at.isoformat() if row.active_at else "",
    )


def _held_condition(in_force: CommitmentsByMotion, now: dt.datetime) -> Q:
    is_held = Q(pk__in=[])
    for motion, commitment in in_force.items():
        since = now - dt.timedelta(days=commitment.tier_3_nurture_days)
        is_held |= Q(motion=motion, tier=TIER, tier_upgrade__isnull=True, recorded_at__gt=since)
    return is_held


def _goes_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    return qualification.recorded_at + dt.timedelta(days=commitment.tier_3_nurture_days)
