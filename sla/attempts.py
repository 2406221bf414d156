from __future__ import annotations

import datetime as dt

from django.db import transaction

from leads.models import User
from leads.vocabulary import CLOCK_SKEW
from sla import access, clocks, states
from sla.models import Attempt, Handoff
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, ClockKind

NOTE_AT_MOST = 1000


class AttemptRefused(Exception):
    """This contact cannot be logged on this handoff."""


@transaction.atomic
def log(
    *,
    handoff: Handoff,
    channel: Channel,
    outcome: AttemptOutcome,
    at: dt.datetime,
    by: User,
    now: dt.datetime,
    note: str = "",
) -> Attempt:
    """A human contacted the lead. The first contact keeps the first-contact promise, as of `at`.

    Only this does (FIELD_NOTES P22): a note, a mail of the lead's and what machines send are no contact.
    Raises NotYours and AttemptRefused with a sentence for the user.
    """
    handoff = states.lock(handoff)
    access.require_decider(by, handoff)
    at = min(at, now) if at <= now + CLOCK_SKEW else at
    _check(handoff, at, now, note)
    if outcome not in CONTACTS[channel]:
        raise AttemptRefused(f"“{outcome.label}” cannot come of a contact by {channel.label.lower()}.")
    attempt = Attempt.objects.create(
        handoff=handoff, channel=channel, outcome=outcome, note=note.strip(), at=at, recorded_at=now, by=by
    )
    if handoff.first_contact_at is None or at < handoff.first_contact_at:
        handoff.first_contact_at = at
        handoff.save(update_fields=["first_contact_at"])
        clocks.met(handoff=handoff, kind=ClockKind.FIRST_CONTACT, at=at)
    return attempt


def _check(handoff: Handoff, at: dt.datetime, now: dt.datetime, note: str) -> None:
    if not handoff.is_open:
        raise AttemptRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if at > now:
        raise AttemptRefused("A contact in the future has not happened yet.")
    # Forms send whole minutes.
    if at < handoff.created_at.replace(second=0, microsecond=0):
        raise AttemptRefused("That is before the lead was handed over.")
    if len(note.strip()) > NOTE_AT_MOST:
        raise AttemptRefused(f"A note has {NOTE_AT_MOST} characters at most.")
