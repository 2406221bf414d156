"""The life of MQLs: made once (`qualify`), taken by the app above, closed when their cycle ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F

from definitions.models import Version
from scoring.models import HotUpgrade, Qualification, TierUpgrade


def mark_taken(*, qualification: Qualification, now: dt.datetime) -> None:
    """Record that the app above has taken the MQL. Call within the transaction that writes the handoff."""
    Qualification.objects.filter(pk=qualification.pk, taken_at__isnull=True).update(taken_at=now)


def mark_upgrade_taken(*, upgrade: HotUpgrade | TierUpgrade, now: dt.datetime) -> None:
    """Record that the app above has dealt with the upgrade. Call within the transaction that deals with it."""
    type(upgrade).objects.filter(pk=upgrade.pk, taken_at__isnull=True).update(taken_at=now)


@transaction.atomic
def close_cycle(
    *, qualification: Qualification, now: dt.datetime, reenter_at: dt.datetime | None = None
) -> Qualification:
    """End the cycle of a lead that was rejected, lost or won; a cycle that has ended stays as it is.

    The lead may qualify again only on activity newer than `now`, and before `reenter_at` only by raising its hand
    (rules 6.2).
    """
    # Locks the row first and tests its state then, so that of two ends at once the first one counts (rules 17.2).
    current = Qualification.objects.select_for_update(of=("self",), no_key=True).get(pk=qualification.pk)
    if apply_close(current, now, reenter_at):
        current.save(update_fields=["closed_at", "reenter_at"])
    return current


def apply_close(qualification: Qualification, now: dt.datetime, reenter_at: dt.datetime | None) -> bool:
    """End the cycle in memory; return False if it has ended already, whose date then stands."""
    if qualification.closed_at is not None:
        return False
    qualification.closed_at, qualification.reenter_at = now, reenter_at
    return True


def reopen_cycle(*, qualification: Qualification) -> None:
    """Reopen a cycle whose end has been corrected. Call only while no later cycle exists."""
    Qualification.objects.filter(pk=qualification.pk).update(closed_at=None, reenter_at=None)


def postpone_reentry(*, qualification: Qualification, to: dt.datetime) -> bool:
    """Move the return of an ended cycle's lead to `to`, never to an earlier date; return whether that moved it."""
    later = Qualification.objects.filter(pk=qualification.pk, closed_at__isnull=False, reenter_at__lt=to)
    return later.update(reenter_at=to) == 1


def allow_reentry(*, qualification: Qualification, now: dt.datetime) -> None:
    """Let the lead of an ended cycle qualify again from now on, by activity newer than that end."""
    Qualification.objects.filter(pk=qualification.pk, closed_at__isnull=False, reenter_at__gt=now).update(
        reenter_at=now
    )


def read_latest_cycles(
    version: Version, lead_ids: Iterable[int], aliases: dict[int, int]
) -> tuple[dict[int, Qualification], dict[int, int], dict[int, dt.datetime]]:
    """Return the last cycle of each person in the version's motion, the highest number of its cycles, and the latest end of
    one, by lead id.

    The cycles of all leads that are one person count (rules 13.50); `aliases` maps those that are merged into others to
    those. An open one is the last, then the one closed last.
    """
    standing = {lead_id: lead_id for lead_id in lead_ids} | aliases
    rows = Qualification.objects.filter(lead_id__in=standing, motion=version.definition.motion)
    rows = rows.only(
        "lead", "cycle", "at", "recorded_at", "tier", "is_hot", "closed_at", "reenter_at",
        "hot_upgrade__id", "tier_upgrade__id",
    )  # fmt: skip
    # Joins the upgrades, so that finding whether a cycle has one needs no query for each lead.
    rows = rows.select_related("hot_upgrade", "tier_upgrade").order_by(F("closed_at").asc(nulls_last=True), "cycle")
    cycles: dict[int, Qualification] = {}
    numbers: dict[int, int] = {}
    closed_at: dict[int, dt.datetime] = {}
    for row in rows:
        person = standing[row.lead_id]
        cycles[person] = row
        numbers[person] = max(row.cycle, numbers.get(person, 0))
        if row.closed_at is not None:
            closed_at[person] = row.closed_at
    return cycles, numbers, closed_at
