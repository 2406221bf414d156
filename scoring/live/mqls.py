"""The MQLs: made once, taken by the floor above, closed when their cycle ends."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from scoring.models import HotUpgrade, Qualification


def take(*, qualification: Qualification, now: dt.datetime) -> None:
    """The floor above has it in hand. Call within the transaction that writes the handoff."""
    Qualification.objects.filter(pk=qualification.pk, taken_at__isnull=True).update(taken_at=now)


def take_hot_upgrade(*, hot_upgrade: HotUpgrade, now: dt.datetime) -> None:
    """The floor above has dealt with it. Call within the transaction that does."""
    HotUpgrade.objects.filter(pk=hot_upgrade.pk, taken_at__isnull=True).update(taken_at=now)


@transaction.atomic
def close(*, qualification: Qualification, now: dt.datetime, reenter_at: dt.datetime | None = None) -> Qualification:
    """End the cycle (rejected, lost, won): the lead may qualify again only on activity newer than `now`,
    and before `reenter_at` only by raising its hand (rules 6.2)."""
    current = Qualification.objects.select_for_update(of=("self",), no_key=True).get(pk=qualification.pk)
    if apply_close(current, now, reenter_at):
        current.save(update_fields=["closed_at", "reenter_at"])
    return current


def apply_close(qualification: Qualification, now: dt.datetime, reenter_at: dt.datetime | None) -> bool:
    """End the cycle in memory; False if it has ended already, whose date then stands."""
    if qualification.closed_at is not None:
        return False
    qualification.closed_at, qualification.reenter_at = now, reenter_at
    return True


def reopen(*, qualification: Qualification) -> None:
    """Take the end of a cycle back, because the word that ended it was corrected. Call only while no later cycle exists."""
    Qualification.objects.filter(pk=qualification.pk).update(closed_at=None, reenter_at=None)


def postpone(*, qualification: Qualification, to: dt.datetime) -> bool:
    """The lead of an ended cycle comes back at `to`, never earlier than it would have; whether that moved it."""
    later = Qualification.objects.filter(pk=qualification.pk, closed_at__isnull=False, reenter_at__lt=to)
    return later.update(reenter_at=to) == 1


def release(*, qualification: Qualification, now: dt.datetime) -> None:
    """The lead of an ended cycle may qualify again from now on, by activity newer than that end."""
    Qualification.objects.filter(pk=qualification.pk, closed_at__isnull=False, reenter_at__gt=now).update(
        reenter_at=now
    )
