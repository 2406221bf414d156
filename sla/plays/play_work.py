"""The work of sales on a play: contacts, notes, tasks, roles, the decision, the meeting and the deal (rules 6.41, 7.17).

Every step locks the play first, and raises NotYours, PlayStepRefused or PlayInputRefused with a sentence for the user.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from config import company_days
from config.accounts.models import User
from leads.intake import customer_status
from leads.vocabulary import CLOCK_SKEW, OutcomeKind
from scoring.account_judgement import account_qualification
from sla import permissions
from sla.business_time import working_days
from sla.clocks import do_not_contact
from sla.handoffs import attempts, disposition_content, rejection_reasons, sales_stages
from sla.handoffs.attempts import AttemptTally
from sla.handoffs.disposition_content import DispositionContent, DispositionRefused
from sla.models import (
    AccountPlay,
    PlayAttempt,
    PlayContact,
    PlayDisposition,
    PlayNote,
    PlayOutcome,
    PlayTask,
    ReasonCode,
    SubReason,
)
from sla.plays import play_clocks, play_states
from sla.plays.play_states import PlayInputRefused, PlayStepRefused
from sla.shipped_reasons import DO_NOT_CONTACT
from sla.vocabulary import (
    CONTACTS,
    AttemptOutcome,
    BuyingRole,
    Channel,
    ClockKind,
    DispositionKind,
    PlayState,
    Route,
)

#: Two digits of an amount stand behind the point.
MOST_MONEY: Final = Decimal(10) ** (sales_stages.AMOUNT_DIGITS - 2)


class PlayDecided(PlayStepRefused):
    """A decision that somebody else made before; the sentence says who and when."""

    def __init__(self, decision: PlayDisposition, reader: User) -> None:
        at = decision.at.astimezone(ZoneInfo(reader.time_zone))
        verb = decision.get_kind_display().lower()
        super().__init__(f"{decision.by} {verb} this play on {at:%-d %B %Y at %H:%M} ({reader.time_zone}).")


def offered_reasons() -> QuerySet[ReasonCode]:
    """Return the reasons by which a play may be rejected, with their details: those of leads, without one person's wish."""
    return rejection_reasons.offered_with_details().exclude(code=DO_NOT_CONTACT)


def find_decision(play: AccountPlay) -> PlayDisposition | None:
    """Return the decision on a play, with who made it."""
    return PlayDisposition.objects.filter(play=play).select_related("by").first()


def refuse_decided(play: AccountPlay, by: User) -> None:
    """Raise NotYours for whoever may not decide, PlayDecided if somebody has decided.

    Asked without the lock, too, so that the late do not wait.
    """
    permissions.require_decider(by, play)
    decision = find_decision(play)
    if decision is not None:
        raise PlayDecided(decision, by)


# The decision


@transaction.atomic
def accept(*, play: AccountPlay, by: User, now: dt.datetime) -> PlayDisposition:
    """Accept the play: sales works the company."""
    play = _lock_undecided(play, by)
    disposition = PlayDisposition.objects.create(play=play, kind=DispositionKind.ACCEPT, by=by, by_name=str(by), at=now)
    play_states.move_play(play, PlayState.ACCEPTED, decided_at=now)
    play_clocks.mark_met(play=play, kind=ClockKind.DISPOSITION, at=now)
    return disposition


@transaction.atomic
def reject(  # noqa: PLR0913 (each is a column of the record)
    *,
    play: AccountPlay,
    reason: ReasonCode,
    by: User,
    now: dt.datetime,
    note: str = "",
    reengage_on: dt.date | None = None,
    missing: str = "",
    sub_reason: SubReason | None = None,
) -> PlayDisposition:
    """Reject the play with a reason, whose route says what becomes of the company (rules 7.17).

    A reason that recycles lets it come back from a day on; one that disqualifies keeps it out; after the others it
    comes back with newer activity.
    """
    play = _lock_undecided(play, by)
    content = DispositionContent(DispositionKind.REJECT, reason, note.strip(), reengage_on, missing.strip(), sub_reason)
    content = _check_rejection(play, content, reason, now)
    disposition = PlayDisposition.objects.create(
        play=play,
        kind=content.kind,
        reason=content.reason,
        sub_reason=content.sub_reason,
        reason_label=content.reason_label,
        sub_reason_label=content.sub_reason_label,
        by_name=str(by),
        note=content.note,
        missing=content.missing,
        reengage_on=content.reengage_on,
        by=by,
        at=now,
    )
    play_states.move_play(play, PlayState.REJECTED, decided_at=now, closed_at=now)
    play_clocks.mark_met(play=play, kind=ClockKind.DISPOSITION, at=now)
    day = content.reengage_on
    reenter_at = company_days.start_of(day) if day else None
    _close(play, now, reenter_at=reenter_at, is_barred=reason.route == Route.DISQUALIFY)
    return disposition


# Contacts, notes, tasks


@transaction.atomic
def log_attempt(  # noqa: PLR0913 (each is a column of the record)
    *,
    play: AccountPlay,
    contact: PlayContact,
    channel: Channel,
    outcome: AttemptOutcome,
    at: dt.datetime,
    by: User,
    now: dt.datetime,
    note: str = "",
) -> PlayAttempt:
    """Store that a person of the company was contacted; the first contact meets the first-contact clock.

    The same channel and outcome by the same person to the same contact within a minute is one attempt; with another
    note it is refused (rules 6.22).
    """
    play = _lock_for_worker(play, by)
    at, note = min(at, now) if at <= now + CLOCK_SKEW else at, note.strip()
    _check_attempt(play, contact, at, now)
    _check_note(note)
    if outcome not in CONTACTS[channel]:
        raise PlayInputRefused(f"“{outcome.label}” cannot come of a contact by {channel.label.lower()}.")
    gap = attempts.MINIMUM_GAP
    nearby = contact.attempts.filter(by=by, channel=channel, outcome=outcome, at__gt=at - gap, at__lt=at + gap)
    if repeated := nearby.order_by("-pk").first():
        return _return_repeated(repeated, note)
    attempt = PlayAttempt.objects.create(
        play=play, contact=contact, channel=channel, outcome=outcome, note=note, at=at, recorded_at=now, by=by
    )
    if play.first_contact_at is None or at < play.first_contact_at:
        play.first_contact_at = at
        play.save(update_fields=["first_contact_at"])
        play_clocks.mark_met(play=play, kind=ClockKind.FIRST_CONTACT, at=at, logged_at=now)
    return attempt


@transaction.atomic
def write_note(*, play: AccountPlay, text: str, by: User, now: dt.datetime) -> PlayNote:
    """Store a note, also on a closed play. A note is no contact."""
    play = _lock_for_worker(play, by)
    text = text.strip()
    if not text:
        raise PlayInputRefused("An empty note says nothing.")
    _check_note(text)
    return PlayNote.objects.create(play=play, text=text, by=by, at=now)


@transaction.atomic
def complete_task(*, play: AccountPlay, task: PlayTask, by: User, now: dt.datetime) -> PlayTask:
    """Mark a task as done by a person; a task that is done already stays as it is."""
    play = _lock_for_worker(play, by)
    _require_open(play)
    task = play.tasks.select_for_update(of=("self",), no_key=True).get(pk=task.pk)
    if task.is_open:
        task.completed_at, task.completed_by = now, by
        task.save(update_fields=["completed_at", "completed_by"])
    return task


@transaction.atomic
def set_role(*, play: AccountPlay, contact: PlayContact, role: BuyingRole, by: User, now: dt.datetime) -> PlayContact:  # noqa: ARG001 (all steps take it)
    """State the role of a contact in the buying group, as the owner knows it."""
    play = _lock_for_worker(play, by)
    _require_open(play)
    contact = play.contacts.get(pk=contact.pk)
    contact.role = role
    contact.save(update_fields=["role"])
    return contact


# Meeting and deal


@transaction.atomic
def book_meeting(*, play: AccountPlay, at: dt.datetime, by: User, now: dt.datetime) -> AccountPlay:
    """Store the meeting to come, or one that took place since the play began."""
    play = _lock_for_worker(play, by)
    if not play.is_worked:
        raise PlayStepRefused("Accept the play before booking its meeting.")
    if not play.created_at <= at <= now + sales_stages.FARTHEST_MEETING:
        raise PlayInputRefused(
            "A meeting lies after the play began, held already or to come, and within a year from now."
        )
    play.meeting_at = at
    play.save(update_fields=["meeting_at"])
    PlayNote.objects.create(play=play, meeting_at=at, by=by, at=now)
    return play


@transaction.atomic
def open_opportunity(*, play: AccountPlay, amount: Decimal | None, by: User, now: dt.datetime) -> AccountPlay:
    """Open the deal with its value."""
    play = _lock_for_worker(play, by)
    if amount is None:
        raise PlayInputRefused("An opportunity has a value: say the amount.")
    _check_amount(amount)
    play_states.move_play(play, PlayState.OPPORTUNITY)
    PlayOutcome.objects.create(play=play, kind=OutcomeKind.OPPORTUNITY, amount=amount, by=by, at=now)
    return play


@transaction.atomic
def win(*, play: AccountPlay, amount: Decimal | None, by: User, now: dt.datetime) -> AccountPlay:
    """Win the deal: the company is a customer. Without an amount the opportunity's stands."""
    # Companies are locked before what is about them, as by whoever records the deals of leads.
    company = customer_status.lock_company(play.company_id)
    play = _lock_for_worker(play, by)
    if amount is not None:
        _check_amount(amount)
    play_states.move_play(play, PlayState.WON, closed_at=now)
    PlayOutcome.objects.create(play=play, kind=OutcomeKind.WON, amount=amount, by=by, at=now)
    customer_status.state_customer(company, now=now)
    # What comes after is the business of those who look after customers.
    _close(play, now, is_barred=True)
    return play


@transaction.atomic
def lose(*, play: AccountPlay, reason: str, by: User, now: dt.datetime) -> AccountPlay:
    """Lose the play for a reason."""
    play = _lock_for_worker(play, by)
    reason = reason.strip()
    if not reason:
        raise PlayInputRefused("Say why it was lost: the definition learns from it.")
    if len(reason) > sales_stages.REASON_AT_MOST:
        raise PlayInputRefused(f"A reason has {sales_stages.REASON_AT_MOST} characters at most.")
    play_states.move_play(play, PlayState.LOST, closed_at=now)
    PlayOutcome.objects.create(play=play, kind=OutcomeKind.LOST, reason=reason, by=by, at=now)
    _close(play, now)
    return play


def read_tally(play: AccountPlay, now: dt.datetime) -> AttemptTally:
    """Read the attempts at all contacts of an owned play, and compare them with its commitment (rules 7.6).

    The attempts at each contact are counted as those at a lead; working days and channels are those of all together.
    """
    assert play.rep is not None  # noqa: S101  # who works on it has checked that
    rows = list(play.attempts.values_list("contact", "channel", "at"))
    days = working_days.for_rep(play.rep, now)
    tally = attempts.tally_attempts(
        [(channel, at) for _, channel, at in rows], commitment=play.commitment, days=days, now=now
    )
    by_contact: dict[int, list[tuple[str, dt.datetime]]] = {}
    for contact, channel, at in rows:
        by_contact.setdefault(contact, []).append((channel, at))
    return replace(tally, count=sum(map(attempts.count_attempts, by_contact.values())))


def _lock_for_worker(play: AccountPlay, by: User) -> AccountPlay:
    play = play_states.lock_play(play)
    permissions.require_decider(by, play)
    return play


def _lock_undecided(play: AccountPlay, by: User) -> AccountPlay:
    play = play_states.lock_play(play)
    refuse_decided(play, by)
    return play


def _require_open(play: AccountPlay) -> None:
    if not play.is_open:
        raise PlayStepRefused(f"This play is closed ({play.get_state_display()}).")


def _close(
    play: AccountPlay, now: dt.datetime, *, reenter_at: dt.datetime | None = None, is_barred: bool = False
) -> None:
    """End the clocks of a play and the cycle of its company."""
    play_clocks.cancel(play=play, now=now)
    account_qualification.close_cycle(
        qualification=play.qualification, now=now, reenter_at=reenter_at, is_barred=is_barred
    )


def _check_note(note: str) -> None:
    if len(note) > attempts.NOTE_AT_MOST:
        raise PlayInputRefused(f"A note has {attempts.NOTE_AT_MOST} characters at most.")


def _check_amount(amount: Decimal) -> None:
    if not 0 <= amount < MOST_MONEY:
        raise PlayInputRefused("The amount is not negative, and has fifteen digits at most.")


def _check_attempt(play: AccountPlay, contact: PlayContact, at: dt.datetime, now: dt.datetime) -> None:
    _require_open(play)
    if contact.play_id != play.pk:
        raise PlayInputRefused("That person is no contact of this play.")
    if at > now:
        raise PlayInputRefused("A contact in the future has not happened yet.")
    # Forms send whole minutes, so the seconds of the handover do not count.
    if at < (play.routed_at or play.created_at).replace(second=0, microsecond=0):
        raise PlayInputRefused("That is before the play was given to anybody.")
    blocked_since = do_not_contact.blocked_since(contact.lead)
    if blocked_since is not None and at >= blocked_since:
        raise PlayInputRefused(f"{contact.lead} may not be contacted (do not contact); write a note instead.")


def _return_repeated(repeated: PlayAttempt, note: str) -> PlayAttempt:
    if note in ("", repeated.note):
        return repeated
    raise PlayInputRefused(
        f"You have logged this contact already, at {timezone.localtime(repeated.at):%H:%M}; the rest belongs into a note."
    )


def _check_rejection(
    play: AccountPlay, content: DispositionContent, reason: ReasonCode, now: dt.datetime
) -> DispositionContent:
    """Check a rejection by the rules for those of leads, and return it with its day of re-engagement."""
    if reason.code == DO_NOT_CONTACT:
        raise PlayInputRefused("Only a person can ask not to be contacted; say it of the lead, not of the company.")
    tally = read_tally(play, now) if reason.needs_attempts else None
    details = rejection_reasons.offered_details(reason)
    try:
        return disposition_content.complete_rejection(content, play.commitment, now, tally=tally, sub_reasons=details)
    except DispositionRefused as refusal:
        raise PlayInputRefused(str(refusal)) from refusal
