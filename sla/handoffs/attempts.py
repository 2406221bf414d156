"""Contact attempts: outbound contacts by a rep, which alone count as contact (rules 6.20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from django.db import transaction
from django.utils import timezone

from config.accounts.models import User
from leads.vocabulary import CLOCK_SKEW
from sla import handoff_states, permissions
from sla.business_time import working_days
from sla.business_time.working_days import WorkingDays
from sla.clocks import clocks, do_not_contact
from sla.models import Attempt, Commitment, Handoff, ReasonCode
from sla.vocabulary import CONTACTS, AttemptOutcome, Channel, ClockKind

NOTE_AT_MOST: Final = 1000
#: Attempts by one channel closer together than this count as one: a form sent twice, or rows written to reach a number.
MINIMUM_GAP: Final = dt.timedelta(seconds=60)


class AttemptRefused(Exception):
    """A contact that cannot be logged on this handoff."""


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
    """Store that a person contacted the lead; the first contact meets the first-contact clock (rules 6.20).

    The clock is met as of `at` if the contact is logged soon enough, see `clocks.mark_met`. Notes, mails from the lead
    and machine-sent mails are no contact. If the same person sends the same channel and outcome again within a minute,
    the stored attempt is returned; with another note it is refused.
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
    if apply_contact(handoff, at):
        handoff.save(update_fields=["first_contact_at"])
        clocks.mark_met(handoff=handoff, kind=ClockKind.FIRST_CONTACT, at=at, logged_at=now)
    return attempt


def apply_contact(handoff: Handoff, at: dt.datetime) -> bool:
    """Store a contact at `at` on the handoff in memory; return whether it is the first contact."""
    if handoff.first_contact_at is not None and at >= handoff.first_contact_at:
        return False
    handoff.first_contact_at = at
    return True


def count_attempts(attempts: Iterable[tuple[str, dt.datetime]]) -> int:
    """Count the attempts towards “couldn’t reach”, each given as (channel, instant).

    Within a channel an attempt counts if it is at least MINIMUM_GAP after the one counted before: several rows of one
    moment are one attempt, but a voicemail and the mail right after it are two. The outcome does not matter: a mail that
    bounced was an attempt, too. `sla.reports.attempts_before_rejection` counts the same in SQL.
    """
    count, last_counted = 0, dict[str, dt.datetime]()
    for channel, at in sorted(attempts, key=itemgetter(1)):
        if channel not in last_counted or at - last_counted[channel] >= MINIMUM_GAP:
            count, last_counted[channel] = count + 1, at
    return count


@dataclass(frozen=True, slots=True)
class AttemptTally:
    """The attempts towards “couldn’t reach” beside those of the commitment: how many, on how many days, by how many channels.

    `possible_on` is the first day on which everything may be there, None if the hours never open.
    """

    count: int
    working_days: int
    channels: int
    needs_count: int
    needs_working_days: int
    needs_channels: int
    possible_on: dt.date | None

    @property
    def is_enough(self) -> bool:
        return not (self.missing_count or self.missing_days or self.missing_channels)

    @property
    def missing_count(self) -> int:
        return max(0, self.needs_count - self.count)

    @property
    def missing_days(self) -> int:
        return max(0, self.needs_working_days - self.working_days)

    @property
    def missing_channels(self) -> int:
        return max(0, self.needs_channels - self.channels)


def tally_attempts(
    attempts: Iterable[tuple[str, dt.datetime]], *, commitment: Commitment, days: WorkingDays, now: dt.datetime
) -> AttemptTally:
    """Compare attempts, each given as (channel, instant), with what the commitment asks for (rules 7.6).

    An attempt on a day on which the rep's calendar does not open counts as an attempt, but adds no working day.
    """
    rows = list(attempts)
    tried_on = {day for _, at in rows if days.is_working(day := days.day_of(at))}
    missing_days = max(0, commitment.days_before_unresponsive - len(tried_on))
    today = days.day_of(now)
    # A working day without an attempt so far can still become one of them.
    from_today = missing_days and days.is_working(today) and today not in tried_on
    possible_on = days.find_next(today, missing_days - 1 if from_today else missing_days)
    return AttemptTally(
        count=count_attempts(rows),
        working_days=len(tried_on),
        channels=len({channel for channel, _ in rows}),
        needs_count=commitment.attempts_before_unresponsive,
        needs_working_days=commitment.days_before_unresponsive,
        needs_channels=commitment.attempts_channels,
        possible_on=possible_on,
    )


def describe_missing_attempts(reason: ReasonCode, tally: AttemptTally) -> str:
    """Say what is missing before somebody counts as out of reach, and from when it is possible."""
    days, channels = _plural(tally.needs_working_days, "working day"), _plural(tally.needs_channels, "channel")
    sentences = [f"“{reason}” needs {tally.needs_count} logged attempts; there are {tally.count}"]
    sentences[0] += f", {tally.missing_count} to go." if tally.missing_count else "."
    if tally.missing_days:
        sentences.append(f"They lie on at least {days}; so far on {tally.working_days}, {tally.missing_days} to go.")
    if tally.missing_channels and tally.needs_channels > 1:
        sentences.append(f"They use at least {channels}; so far {tally.channels}.")
    if tally.possible_on is not None:
        sentences.append(f"It is possible from {tally.possible_on:%-d %B %Y}.")
    return " ".join(sentences)


def describe_progress(tally: AttemptTally) -> str:
    """Describe how many attempts count towards “couldn’t reach”, on how many working days, and from when it is possible."""
    # Without any attempt there is no channel either; that is said by the count.
    is_channel_short = tally.missing_channels > 0 and tally.needs_channels > 1
    to_go = f"; {tally.missing_count} more before “couldn’t reach”" if tally.missing_count else ""
    on = f", on {tally.working_days} of {tally.needs_working_days} working days" if tally.missing_days else ""
    by = f", by {tally.channels} of {tally.needs_channels} channels" if is_channel_short else ""
    since = f"; possible from {tally.possible_on:%-d %B}" if tally.missing_days and tally.possible_on else ""
    return f"{tally.count} of {tally.needs_count} attempts{to_go}{on}{by}{since}"


def read_tally(handoff: Handoff, now: dt.datetime) -> AttemptTally:
    """Read the attempts of a handoff that a rep has, and compare them with its commitment."""
    assert handoff.rep is not None  # noqa: S101  # who decides about it has checked that
    rows = handoff.attempts.values_list("channel", "at")
    days = working_days.for_rep(handoff.rep, now)
    return tally_attempts(rows, commitment=handoff.commitment, days=days, now=now)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _check_attempt(handoff: Handoff, at: dt.datetime, now: dt.datetime, note: str) -> None:
    if not handoff.is_open:
        raise AttemptRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if at > now:
        raise AttemptRefused("A contact in the future has not happened yet.")
    # Forms send whole minutes, so the seconds of the handover do not count.
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
