"""What people of ours did to reach a lead: the only contact there is (rules 6.20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from django.db import transaction
from django.utils import timezone

from leads.models import User
from leads.vocabulary import CLOCK_SKEW
from sla import handoff_states, permissions
from sla.clocks import clocks, do_not_contact
from sla.models import Attempt, Handoff
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, ClockKind

NOTE_AT_MOST: Final = 1000
#: What lies closer together by one channel is one attempt: a form sent twice, or rows written to make up a number.
APART: Final = dt.timedelta(seconds=60)


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
    """A human contacted the lead. The first contact keeps the first-contact promise, as of `at` if it is logged soon.

    Only this does (rules 6.20): a note, a mail of the lead's and what machines send are no contact. The same said
    again by the same person within a minute is the row there is already; with other words it is refused.
    Raises NotYours and AttemptRefused with a sentence for the user.
    """
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    at, note = min(at, now) if at <= now + CLOCK_SKEW else at, note.strip()
    _check(handoff, at, now, note)
    if outcome not in CONTACTS[channel]:
        raise AttemptRefused(f"“{outcome.label}” cannot come of a contact by {channel.label.lower()}.")
    near = handoff.attempts.filter(at__gt=at - APART, at__lt=at + APART)
    if same := near.filter(by=by, channel=channel, outcome=outcome).order_by("-pk").first():
        return _repeated(same, note)
    attempt = Attempt.objects.create(
        handoff=handoff, channel=channel, outcome=outcome, note=note, at=at, recorded_at=now, by=by
    )
    if apply_contact(handoff, at):
        handoff.save(update_fields=["first_contact_at"])
        clocks.met(handoff=handoff, kind=ClockKind.FIRST_CONTACT, at=at, logged_at=now)
    return attempt


def apply_contact(handoff: Handoff, at: dt.datetime) -> bool:
    """Note a contact at `at` on the handoff in memory; returns whether it is the first contact."""
    if handoff.first_contact_at is not None and at >= handoff.first_contact_at:
        return False
    handoff.first_contact_at = at
    return True


def counted(tries: Iterable[tuple[str, dt.datetime]]) -> int:
    """How many attempts these are towards “couldn’t reach”, each given by its channel and instant.

    Of one channel, those at least APART from the one counted before: several rows of one moment are one try, but a
    voicemail and the mail right after it are two. Whatever the outcome: a mail that bounced was a try, too.
    """
    count, last = 0, dict[str, dt.datetime]()
    for channel, at in sorted(tries, key=itemgetter(1)):
        if channel not in last or at - last[channel] >= APART:
            count, last[channel] = count + 1, at
    return count


def _check(handoff: Handoff, at: dt.datetime, now: dt.datetime, note: str) -> None:
    if not handoff.is_open:
        raise AttemptRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if at > now:
        raise AttemptRefused("A contact in the future has not happened yet.")
    # Forms send whole minutes.
    if at < (handoff.routed_at or handoff.created_at).replace(second=0, microsecond=0):
        raise AttemptRefused("That is before the lead was handed over to anybody.")
    if len(note) > NOTE_AT_MOST:
        raise AttemptRefused(f"A note has {NOTE_AT_MOST} characters at most.")
    silent_since = do_not_contact.since(handoff.lead)
    if silent_since is not None and at >= silent_since:
        raise AttemptRefused("This lead may not be contacted (do not contact); write a note if it contacted you.")


def _repeated(same: Attempt, note: str) -> Attempt:
    if note in ("", same.note):
        return same
    raise AttemptRefused(
        f"You have logged this contact already, at {timezone.localtime(same.at):%H:%M}; the rest belongs into a note."
    )
