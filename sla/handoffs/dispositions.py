"""The word of sales on a handoff (rules 7.1, 7.2): given once, and corrected only by another row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from leads.models import User
from leads.vocabulary import Stage
from scoring.models import Qualification
from sla import handoff_states, permissions
from sla.clocks import clocks
from sla.handoffs import attempts
from sla.models import Disposition, Handoff, PendingDecision, ReasonCode
from sla.nurture import recycling
from sla.vocabulary import ClockKind, DispositionKind, HandoffState, Route

NOTE_AT_MOST: Final = 1000
MISSING_AT_MOST: Final = 500
LONGEST_NURTURE: Final = dt.timedelta(days=2 * 365)
#: What the log of stages says of an accepted lead.
WHY_ACCEPTED: Final = "Accepted by sales."

#: The steps by which a lead that was sent away comes back to sales.
WAY_BACK: Final = {
    Stage.NURTURE: (Stage.MQL, Stage.SAL),
    Stage.MAL: (Stage.MQL, Stage.SAL),
    Stage.DISQUALIFIED: (Stage.MAL, Stage.MQL, Stage.SAL),
}


class DispositionRefused(Exception):
    """The word cannot be taken as given."""


class AlreadyDecided(Exception):
    """Somebody was faster; the sentence says who and when."""

    def __init__(self, standing: Disposition | PendingDecision, reader: User) -> None:
        self.standing = standing
        at = standing.at.astimezone(ZoneInfo(reader.time_zone))
        verb = standing.get_kind_display().lower()
        super().__init__(f"{standing.by} {verb} this lead on {at:%-d %B %Y at %H:%M} ({reader.time_zone}).")


@dataclass(frozen=True, slots=True)
class DispositionContent:
    """What is said about a handoff, checked."""

    kind: DispositionKind
    reason: ReasonCode | None = None
    note: str = ""
    reengage_on: dt.date | None = None
    missing: str = ""


@transaction.atomic
def accept(*, handoff: Handoff, by: User, now: dt.datetime) -> Disposition:
    """Sales takes the lead: it becomes an SAL. Raises AlreadyDecided, NotYours, DispositionRefused."""
    handoff = lock_undecided(handoff, by)
    disposition = build_disposition(handoff, DispositionContent(DispositionKind.ACCEPT), by, now)
    disposition.save(force_insert=True)
    handoff_states.move(handoff, HandoffState.ACCEPTED, decided_at=now)
    clocks.met(handoff=handoff, kind=ClockKind.DISPOSITION, at=now)
    handoff_states.lead_follows(handoff, Stage.SAL, by=by, now=now, why=WHY_ACCEPTED)
    recycling.close_request(handoff=handoff, now=now)
    return disposition


@transaction.atomic
def reject(
    *,
    handoff: Handoff,
    reason: ReasonCode,
    by: User,
    now: dt.datetime,
    note: str = "",
    reengage_on: dt.date | None = None,
    missing: str = "",
) -> Disposition:
    """Sales sends the lead where the reason says (rules 7.5). `reengage_on` counts only for reasons that recycle.

    Raises AlreadyDecided, NotYours, DispositionRefused with a sentence for the user.
    """
    handoff = lock_undecided(handoff, by)
    word = checked_rejection(handoff, reason, note, reengage_on, now, missing)
    disposition = build_disposition(handoff, word, by, now)
    disposition.save(force_insert=True)
    handoff_states.move(handoff, HandoffState.REJECTED, decided_at=now, closed_at=now)
    clocks.met(handoff=handoff, kind=ClockKind.DISPOSITION, at=now)
    clocks.cancel(handoff=handoff, now=now)
    _send_away(handoff, word, by, now)
    recycling.close_request(handoff=handoff, now=now)
    return disposition


@transaction.atomic
def correct(  # noqa: PLR0913 (each is a column of the record)
    *,
    handoff: Handoff,
    kind: DispositionKind,
    by: User,
    now: dt.datetime,
    reason: ReasonCode | None = None,
    note: str = "",
    reengage_on: dt.date | None = None,
    missing: str = "",
) -> Disposition:
    """Replace the standing word by another row that points at it; the lead goes where the new one says.

    The clocks keep the first decision's time; a first contact that is owed again is due when it always was.
    Raises NotYours, DispositionRefused, StepRefused.
    """
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    before = standing(handoff)
    if before is None:
        raise DispositionRefused("There is no decision to correct yet.")
    if kind == DispositionKind.REJECT and reason is None:
        raise DispositionRefused("A rejection needs a reason.")
    if kind == DispositionKind.ACCEPT or reason is None:
        word = DispositionContent(DispositionKind.ACCEPT, note=_checked_note(note))
    else:
        word = checked_rejection(handoff, reason, note, reengage_on, now, missing)
    if _says_the_same(word, before):
        raise DispositionRefused("That is what the record says already.")
    disposition = build_disposition(handoff, word, by, now, corrects=before)
    disposition.save(force_insert=True)
    if not _leads_there_already(word, before):
        _carry_out(handoff, word, by, now)
    return disposition


def standing(handoff: Handoff) -> Disposition | None:
    """The word that holds now: the one that no other corrects."""
    current = handoff.dispositions.filter(corrected_by__isnull=True)
    return current.select_related("by", "reason", "corrects__by").first()


def default_reengagement(*, handoff: Handoff, now: dt.datetime) -> dt.date:
    """The day a recycled lead comes back unless the rep says otherwise."""
    return _today(now) + dt.timedelta(days=handoff.commitment.recycle_days)


def lock_undecided(handoff: Handoff, by: User) -> Handoff:
    """The handoff, held for a decision by this person. A decision that is not final yet stands like one that is.

    Raises NotYours, AlreadyDecided; StepRefused when the CRM has gone on without a decision.
    """
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    decided = standing(handoff) or PendingDecision.objects.filter(handoff=handoff).select_related("by").first()
    if decided is not None:
        raise AlreadyDecided(decided, by)
    if not handoff.is_to_decide:
        raise handoff_states.HandoffStepRefused(
            f"This handoff is “{handoff.get_state_display()}”; there is nothing to decide."
        )
    return handoff


def checked_rejection(
    handoff: Handoff,
    reason: ReasonCode,
    note: str,
    reengage_on: dt.date | None,
    now: dt.datetime,
    missing: str = "",
) -> DispositionContent:
    """Return a rejection as it may be recorded. Raises DispositionRefused with a sentence for the user."""
    tries = handoff.attempts.values_list("channel", "at") if reason.needs_attempts else ()
    return build_rejection(handoff, reason, note, reengage_on, now, missing, tries=tries)


def build_rejection(
    handoff: Handoff,
    reason: ReasonCode,
    note: str,
    reengage_on: dt.date | None,
    now: dt.datetime,
    missing: str = "",
    *,
    tries: Iterable[tuple[str, dt.datetime]],
) -> DispositionContent:
    """Check a rejection and return it with its day of re-engagement (rules 7.5, 7.6), without a query.

    `tries` are channel and instant of the handoff's attempts; they count only for a reason that needs attempts.
    Raises DispositionRefused with a sentence for the user.
    """
    note, missing = note.strip(), missing.strip()
    if not reason.is_offered:
        raise DispositionRefused(f"“{reason}” is not in use any more.")
    if reason.needs_note and not note:
        raise DispositionRefused(f"“{reason}” needs a note: what exactly?")
    _check_lengths(note, missing)
    _check_attempts(handoff, reason, tries)
    if reason.route != Route.RECYCLE:
        return DispositionContent(DispositionKind.REJECT, reason, note, missing=missing)
    day = reengage_on or default_reengagement(handoff=handoff, now=now)
    if day <= _today(now):
        raise DispositionRefused("The re-engagement date must be in the future.")
    if day > _today(now) + LONGEST_NURTURE:
        raise DispositionRefused("The re-engagement date must be within two years.")
    return DispositionContent(DispositionKind.REJECT, reason, note, day, missing)


def _checked_note(note: str) -> str:
    _check_lengths(note.strip(), "")
    return note.strip()


def _says_the_same(word: DispositionContent, before: Disposition) -> bool:
    """A correction may be of the words alone: an acceptance has none worth a row."""
    if word.kind == DispositionKind.ACCEPT:
        return before.kind == word.kind
    said = (before.kind, before.reason, before.reengage_on, before.note, before.missing)
    return (word.kind, word.reason, word.reengage_on, word.note, word.missing) == said


def _leads_there_already(word: DispositionContent, before: Disposition) -> bool:
    """The same way on the same day: what marketing has done with the lead since stands."""
    if word.reason is None or before.reason is None:
        return False
    return (word.reason.route, word.reengage_on) == (before.reason.route, before.reengage_on)


def _check_lengths(note: str, missing: str) -> None:
    if len(note) > NOTE_AT_MOST:
        raise DispositionRefused(f"A note has {NOTE_AT_MOST} characters at most.")
    if len(missing) > MISSING_AT_MOST:
        raise DispositionRefused(f"What was missing fits {MISSING_AT_MOST} characters.")


def _check_attempts(handoff: Handoff, reason: ReasonCode, tries: Iterable[tuple[str, dt.datetime]]) -> None:
    promised = handoff.commitment.attempts_before_unresponsive
    if not reason.needs_attempts:
        return
    logged = attempts.counted(tries)
    if logged < promised:
        missing = promised - logged
        raise DispositionRefused(f"“{reason}” needs {promised} logged attempts; there are {logged}, {missing} to go.")


def build_disposition(
    handoff: Handoff, content: DispositionContent, by: User, now: dt.datetime, corrects: Disposition | None = None
) -> Disposition:
    """Return the record of a decision, not stored yet; `corrects` is the one that it replaces."""
    return Disposition(
        handoff=handoff,
        kind=content.kind,
        reason=content.reason,
        note=content.note,
        missing=content.missing,
        reengage_on=content.reengage_on,
        contacted_before=handoff.first_contact_at is not None,
        by=by,
        at=now,
        corrects=corrects,
    )


def _carry_out(handoff: Handoff, word: DispositionContent, by: User, now: dt.datetime) -> None:
    """Follow a correction."""
    if handoff.state == HandoffState.REJECTED and not _is_last_cycle(handoff):
        if word.kind == DispositionKind.ACCEPT:
            raise DispositionRefused("This lead has qualified again since; decide on the newer handoff.")
        return  # The newer cycle says where the lead is; here only the record changes.
    if handoff.state == HandoffState.REJECTED:
        recycling.reopen(handoff=handoff)
    if word.kind == DispositionKind.REJECT:
        if handoff.state != HandoffState.REJECTED:
            handoff_states.move(handoff, HandoffState.REJECTED, closed_at=now)
            clocks.cancel(handoff=handoff, now=now)
        _send_away(handoff, word, by, now)
    else:
        handoff_states.move(handoff, HandoffState.ACCEPTED, closed_at=None)
        clocks.resume_contact(handoff=handoff)
        way = WAY_BACK.get(Stage(handoff.lead.stage), (Stage.SAL,))
        handoff_states.lead_follows(handoff, *way, by=by, now=now, why="Accepted by sales, correcting a rejection.")


def _send_away(handoff: Handoff, word: DispositionContent, by: User, now: dt.datetime) -> None:
    path = stages_after_rejection(word, Stage(handoff.lead.stage))
    handoff_states.lead_follows(handoff, *path, by=by, now=now, why=why_rejected(word))
    if word.reengage_on is not None:
        recycling.recycle(handoff=handoff, on=word.reengage_on, now=now)
    else:
        recycling.close(handoff=handoff, now=now)


def why_rejected(content: DispositionContent) -> str:
    """Return what the log of stages says of a rejected lead."""
    return f"Rejected by sales: {content.reason}."


def stages_after_rejection(content: DispositionContent, stage: Stage) -> tuple[Stage, ...]:
    """Return the stages through which a rejected lead in `stage` goes: where the reason's route says (rules 7.5)."""
    if content.reengage_on is not None:
        # A correction may find the lead disqualified, from where the way leads through MAL.
        return (Stage.MAL, Stage.NURTURE) if stage == Stage.DISQUALIFIED else (Stage.NURTURE,)
    assert content.reason is not None  # noqa: S101 (the database says so too)
    return (Stage.MAL if content.reason.route == Route.BACK_TO_MARKETING else Stage.DISQUALIFIED,)


def _is_last_cycle(handoff: Handoff) -> bool:
    later = Qualification.objects.filter(
        lead=handoff.lead_id, motion=handoff.motion, cycle__gt=handoff.qualification.cycle
    )
    return not later.exists()


def _today(now: dt.datetime) -> dt.date:
    return now.astimezone(ZoneInfo(settings.COMPANY_TIME_ZONE)).date()
