"""What people of ours did to reach a lead: the only contact there is (rules 6.20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from django.db import transaction
from django.utils import timezone

from config.accounts.models import User
from leads.vocabulary import CLOCK_SKEW
from sla import handoff_states, permissions
from sla.clocks import clocks, do_not_contact
from sla.models import Attempt, Handoff
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, ClockKind

NOTE_AT_MOST: Final = 1000
#: What lies closer together by one channel is one attempt: a form sent twice, or rows written to make up a number.
MINIMUM_GAP: Final = dt.timedelta(seconds=60)


class AttemptRefused(Exception):
    """This contact cannot be logged on this handoff."""


@transaction.atomic
def log_attempt(
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
    _check_attempt(handoff, at, now, note)
    if outcome not in CONTACTS[channel]:
        raise AttemptRefused(f"“{outcome.label}” cannot come of a contact by {channel.label.lower()}.")
    nearby = handoff.attempts.filter(at__gt=at - MINIMUM_GAP, at__lt=at + MINIMUM_GAP)
    if repeated := nearby.filter(by=by, channel=channel, outcome=outcome).order_by("-pk").first():
        return _return_repeated(repeated, note)
    attempt = Attempt.objects.create(
        handoff=handoff, channel=channel, outcome=outcome, note=note, at=at, recorded_at=now, by=by
    )
    if handoff.first_contact_at is None or at < handoff.first_contact_at:
        handoff.first_contact_at = at
        handoff.save(update_fields=["first_contact_at"])
        clocks.mark_met(handoff=handoff, kind=ClockKind.FIRST_CONTACT, at=at, logged_at=now)
    return attempt


def count_attempts(attempts: Iterable[tuple[str, dt.datetime]]) -> int:
    """How many attempts these are towards “couldn’t reach”, each given by its channel and instant.

    Of one channel, those at least APART from the one counted before: several rows of one moment are one try, but a
    voicemail and the mail right after it are two. Whatever the outcome: a mail that bounced was a try, too.
    """
    count, last_counted = 0, dict[str, dt.datetime]()
    for channel, at in sorted(attempts, key=itemgetter(1)):
        if channel not in last_counted or at - last_counted[channel] >= MINIMUM_GAP:
            count, last_counted[channel] = count + 1, at
    return count


def _check_attempt(handoff: Handoff, at: dt.datetime, now: dt.datetime, note: str) -> None:
    if not handoff.is_open:
        raise AttemptRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if at > now:
        raise AttemptRefused("A contact in the future has not happened yet.")
    # Forms send whole minutes.
    if at < (handoff.routed_at or handoff.created_at).replace(second=0, microsecond=0):
        raise AttemptRefused("That is before the lead was handed over to anybody.")
    if len(note) > NOTE_AT_MOST:
        raise AttemptRefused(f"A note has {NOTE_AT_MOST} characters at most.")
    blocked_since = do_not_contact.blocked_since(handoff.lead)
    if blocked_since is not None and at >= blocked_since:
        raise AttemptRefused("This lead may not be contacted (do not contact); write a note if it contacted you.")


def _return_repeated(repeated: Attempt, note: str) -> Attempt:
    if note in ("", repeated.note):
        return repeated
    raise AttemptRefused(
        f"You have logged this contact already, at {timezone.localtime(repeated.at):%H:%M}; the rest belongs into a note."
    )
