"""Steps of marketing with a recency validation: assign it, and say whether the interest is live (rules 2.26, 2.27)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from config.accounts import sources
from config.accounts.models import User
from config.accounts.roles import holds
from leads.intake import events
from leads.models import Event
from scoring.engine.rules import RECENCY_VALIDATED
from scoring.live import recency_validations
from scoring.models import RecencyState, RecencyValidation

NOTE_AT_MOST: Final = 250


class RecencyRefused(Exception):
    """A step that is not possible; the sentence says why."""


def select_owners() -> QuerySet[User]:
    """Return the active people of marketing to whom a validation can be assigned, by name."""
    is_marketing = Q(groups__name__in=recency_validations.ROLES) | Q(is_superuser=True)
    people = User.objects.filter(is_marketing, is_active=True).distinct()
    return people.order_by("first_name", "last_name", "email")


@transaction.atomic
def assign(*, validation: RecencyValidation, to: User, by: User) -> RecencyValidation:
    """Make a person of marketing the owner. Raises RecencyRefused."""
    row = _lock_open(validation, by)
    if not to.is_active or not holds(to, *recency_validations.ROLES):
        raise RecencyRefused("Only a person of marketing can own it.")
    row.owner = to
    row.save(update_fields=["owner"])
    return row


@transaction.atomic
def validate(*, validation: RecencyValidation, note: str, by: User, now: dt.datetime) -> RecencyValidation:
    """Record that the interest of the lead is live: a fact at `now`, by which the engine judges it again.

    Raises RecencyRefused, also once the window is over.
    """
    row = _lock_open(validation, by)
    note = _read_note(note)
    if not recency_validations.may_be_validated(row.lead_id, now=now):
        raise RecencyRefused("The lead is no MAL any more, or may not be contacted: there is nothing to validate.")
    if row.is_overdue(now):
        raise RecencyRefused("Its time is over: the lead stays a MAL until it does something itself.")
    item = {
        "lead": row.lead_id,
        "signal": RECENCY_VALIDATED,
        "occurred_at": now,
        "id": f"recency-validation-{row.pk}",
        "properties": {"note": note, "by": str(by)},
    }
    (result,) = events.record(items=[item], source=sources.ACCORD, now=now)
    if result.status != "accepted":
        raise RecencyRefused(f"The validation cannot be recorded: {result.field} {result.reason}")
    row.event = Event.objects.get(source=sources.ACCORD, external_id=item["id"])
    return _close(row, RecencyState.VALIDATED, note, by, now)


@transaction.atomic
def report_inactive(*, validation: RecencyValidation, note: str, by: User, now: dt.datetime) -> RecencyValidation:
    """End the task before its time: the interest is not live, and the lead stays a MAL. Raises RecencyRefused."""
    row = _lock_open(validation, by)
    return _close(row, RecencyState.LAPSED, _read_note(note), by, now)


def _lock_open(validation: RecencyValidation, by: User) -> RecencyValidation:
    if not holds(by, *recency_validations.ROLES):
        raise RecencyRefused("Marketing ops and the marketing leader validate leads.")
    row = RecencyValidation.objects.select_for_update(no_key=True).get(pk=validation.pk)
    if not row.is_open:
        raise RecencyRefused(f"It is closed already: {row.get_state_display().lower()}.")
    return row


def _read_note(text: str) -> str:
    note = text.strip()
    if not note:
        raise RecencyRefused("Say in the note what you checked.")
    if len(note) > NOTE_AT_MOST:
        raise RecencyRefused(f"The note has at most {NOTE_AT_MOST} characters.")
    return note


def _close(row: RecencyValidation, state: RecencyState, note: str, by: User, now: dt.datetime) -> RecencyValidation:
    row.state, row.note, row.closed_by, row.closed_at = state, note, by, now
    row.save(update_fields=["state", "note", "closed_by", "closed_at", "event"])
    return row
