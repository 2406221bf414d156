"""Decisions that can still be taken back (SPEC 7): for some seconds an intention, then by a sweep the disposition.

For everybody else, and for the clocks, an intention counts as the decision it will be. Whoever writes one holds the
lock on its handoff; whoever ends one holds the lock on its row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet

from leads.models import User
from sla import handoff_states, permissions
from sla.handoffs import dispositions
from sla.models import Disposition, Handoff, Intention, ReasonCode
from sla.notifications import outbox
from sla.vocabulary import DispositionKind, NoticeKind

log = structlog.get_logger(__name__)

#: How long one may take a decision back.
SECONDS: Final = 8
#: What fails for no reason of ours is tried again after this long, and given back to its author in the end.
RETRY_AFTER: Final = dt.timedelta(seconds=30)
GIVE_UP_AFTER: Final = dt.timedelta(minutes=10)

#: Why a decision cannot be taken, in a sentence.
REFUSALS: Final = (
    permissions.NotYours,
    dispositions.AlreadyDecided,
    dispositions.DispositionRefused,
    handoff_states.StepRefused,
)


class TooLate(Exception):
    """The decision is final."""

    def __init__(self) -> None:
        super().__init__("This decision is final by now; it can be corrected on the lead’s page.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one of several handoffs decided together; `refusal` is empty when it was done."""

    handoff: Handoff
    refusal: str = ""


@transaction.atomic
def intend(  # noqa: PLR0913 (what is said about a lead)
    *,
    handoff: Handoff,
    kind: DispositionKind,
    by: User,
    now: dt.datetime,
    reason: ReasonCode | None = None,
    note: str = "",
    missing: str = "",
    reengage_on: dt.date | None = None,
    seconds: int = SECONDS,
) -> Intention:
    """Accept or reject, to be taken back within `seconds`. The decision counts from `now`.

    Raises what dispositions.accept and .reject raise, at once: AlreadyDecided, NotYours, DispositionRefused.
    """
    handoff = dispositions.lock_undecided(handoff, by)
    word = dispositions.Word(kind)
    if kind == DispositionKind.REJECT:
        if reason is None:
            raise dispositions.DispositionRefused("A rejection needs a reason.")
        word = dispositions.checked_rejection(handoff, reason, note, reengage_on, now, missing)
    return Intention.objects.create(
        handoff=handoff,
        kind=word.kind,
        reason=word.reason,
        note=word.note,
        missing=word.missing,
        reengage_on=word.reengage_on,
        by=by,
        at=now,
        final_at=now + dt.timedelta(seconds=seconds),
    )


def pending(handoff: Handoff, *, by: User) -> Intention:
    """The decision on it that is not final yet, for who may decide. Raises TooLate, NotYours."""
    permissions.require_decider(by, handoff)
    found = Intention.objects.filter(handoff=handoff).first()
    if found is None:
        raise TooLate
    return found


def intend_each(
    *, handoffs: Iterable[Handoff], kind: DispositionKind, by: User, now: dt.datetime, reason: ReasonCode | None = None
) -> list[Answer]:
    """The same decision on several, each for itself: one that is refused stops none of the others."""
    answers = []
    for handoff in handoffs:
        try:
            intend(handoff=handoff, kind=kind, by=by, now=now, reason=reason)
            answers.append(Answer(handoff))
        except REFUSALS as refusal:
            answers.append(Answer(handoff, str(refusal)))
    return answers


@transaction.atomic
def take_back(*, intention: Intention, by: User, now: dt.datetime) -> Handoff:
    """As if nothing had been said; the clocks have not noticed. Raises NotYours, TooLate with a sentence."""
    held = _held().filter(pk=intention.pk).select_related("handoff__lead", "by").first()
    if held is None or now >= held.final_at:
        raise TooLate
    if held.by_id != by.pk:
        raise permissions.NotYours(f"Only {held.by} can take this decision back.")
    held.delete()
    return held.handoff


@transaction.atomic
def settle(*, handoff: Handoff, by: User) -> bool:
    """Whoever goes on with a lead they accepted has decided: their acceptance becomes final before its time."""
    mine = _held().filter(handoff=handoff, by=by, kind=DispositionKind.ACCEPT)
    intention = mine.select_related("handoff", "reason", "by").first()
    if intention is None:
        return False
    _make_final(intention)
    return True


def finish_due(*, now: dt.datetime, limit: int = 500) -> int:
    """Make decisions final whose time to be taken back is over. Any number of workers may sweep at once.

    Each in its own transaction; one that fails is given back to its author and blocks nobody. Returns how many became
    final.
    """
    finished = 0
    for _ in range(limit):
        outcome = _finish_next(now)
        if outcome is None:
            break
        finished += outcome
    return finished


@transaction.atomic
def _finish_next(now: dt.datetime) -> bool | None:
    due = Intention.objects.filter(final_at__lte=now).order_by("final_at", "pk")
    claimed = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    intention = claimed.select_related("handoff__lead", "reason", "by").first()
    if intention is None:
        return None
    try:
        with transaction.atomic():
            _make_final(intention)
    except REFUSALS as refusal:
        _give_back(intention, str(refusal), now)
        return False
    # Whatever else goes wrong with one, the others' decisions are made.
    except Exception as error:
        log.exception("intention_not_final", intention=intention.pk)
        _try_later(intention, error, now)
        return False
    return True


def _make_final(intention: Intention) -> Disposition:
    """The decision counts from when it was made, so no clock runs out in these seconds."""
    Intention.objects.filter(pk=intention.pk).delete()
    if intention.reason is None:
        return dispositions.accept(handoff=intention.handoff, by=intention.by, now=intention.at)
    return dispositions.reject(
        handoff=intention.handoff,
        reason=intention.reason,
        by=intention.by,
        now=intention.at,
        note=intention.note,
        reengage_on=intention.reengage_on,
        missing=intention.missing,
    )


def _try_later(intention: Intention, error: Exception, now: dt.datetime) -> None:
    if now - intention.at > GIVE_UP_AFTER:
        _give_back(intention, f"It failed ({type(error).__name__}).", now)
        return
    Intention.objects.filter(pk=intention.pk).update(final_at=now + RETRY_AFTER)


def _give_back(intention: Intention, why: str, now: dt.datetime) -> None:
    """The handoff waits for a decision again, and its author hears why."""
    lead = intention.handoff.lead
    log.warning("intention_given_back", intention=intention.pk, handoff=intention.handoff_id, why=why)
    outbox.write(
        [
            outbox.Draft(
                kind=NoticeKind.GIVEN_BACK,
                once=f"given_back:{intention.pk}",
                handoff=intention.handoff,
                to=[intention.by],
                text=f"“{intention.get_kind_display()}” was not recorded for {lead}: {why}",
                at=now,
            )
        ]
    )
    Intention.objects.filter(pk=intention.pk).delete()


def _held() -> QuerySet[Intention]:
    return Intention.objects.select_for_update(of=("self",), no_key=True)
