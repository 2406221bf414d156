"""Decisions that can still be undone (rules 7.3): for some seconds a PendingDecision, then a disposition, by a sweep.

For everybody else, and for the clocks, a pending decision counts as the decision it will be. Code that creates one
holds the lock on its handoff; code that ends one holds the lock on its row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet

from config import lock_waits, outages
from config.accounts.models import User
from config.jobs import sweeps
from sla import handoff_states, permissions
from sla.handoffs import decision_lookup, disposition_content, dispositions
from sla.models import Disposition, Handoff, PendingDecision, ReasonCode, SubReason
from sla.notifications import outbox
from sla.vocabulary import DispositionKind, NoticeKind

log = structlog.get_logger(__name__)

#: For how many seconds a decision can be undone.
SECONDS: Final = 8
SWEEP: Final = "decisions to become final"
#: A decision that fails for so long is given back to its author.
GIVE_UP_AFTER: Final = dt.timedelta(minutes=10)

#: Exceptions whose text tells the author why a decision cannot be made.
REFUSALS: Final = (
    permissions.NotYours,
    dispositions.AlreadyDecided,
    disposition_content.DispositionRefused,
    handoff_states.HandoffStepRefused,
)


class NothingToUndo(Exception):
    """An attempt to undo where no decision can be undone; the sentence says why."""


class NotDecided(NothingToUndo):
    """An attempt to undo where nobody has decided, or where the decision was taken back already."""

    def __init__(self) -> None:
        super().__init__("There is no decision to take back: this lead waits for one.")


class TooLate(NothingToUndo):
    """An attempt to undo a decision that is final."""

    def __init__(self) -> None:
        super().__init__("This decision is final by now; it can be corrected on the lead’s page.")


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """The result of a decision on one of several handoffs; `refusal` is empty when it was accepted."""

    handoff: Handoff
    refusal: str = ""


@transaction.atomic
def decide(  # noqa: PLR0913 (each is a column of the record)
    *,
    handoff: Handoff,
    kind: DispositionKind,
    by: User,
    now: dt.datetime,
    reason: ReasonCode | None = None,
    note: str = "",
    missing: str = "",
    reengage_on: dt.date | None = None,
    sub_reason: SubReason | None = None,
    seconds: int = SECONDS,
) -> PendingDecision:
    """Accept or reject a handoff; the decision can be undone within `seconds` and counts from `now`.

    Raises what dispositions.accept and .reject raise, at once: AlreadyDecided, NotYours, DispositionRefused.
    """
    handoff = dispositions.lock_undecided(handoff, by)
    content = disposition_content.DispositionContent(kind)
    if kind == DispositionKind.REJECT:
        if reason is None:
            raise disposition_content.DispositionRefused("A rejection needs a reason.")
        content = disposition_content.check_rejection(handoff, reason, note, reengage_on, now, missing, sub_reason)
    dispositions.require_open_person(handoff, content)
    return PendingDecision.objects.create(
        handoff=handoff,
        kind=content.kind,
        reason=content.reason,
        sub_reason=content.sub_reason,
        note=content.note,
        missing=content.missing,
        reengage_on=content.reengage_on,
        by=by,
        at=now,
        final_at=now + dt.timedelta(seconds=seconds),
    )


def get_pending_decision(handoff: Handoff, *, by: User) -> PendingDecision:
    """Return the handoff's decision that is not final yet, for a person who may decide. Raises NothingToUndo, NotYours."""
    permissions.require_decider(by, handoff)
    pending_decision = PendingDecision.objects.filter(handoff=handoff).first()
    if pending_decision is None:
        raise _nothing_to_undo(handoff)
    return pending_decision


def refuse_final(handoff: Handoff, *, by: User) -> None:
    """Raise NothingToUndo if no decision can be undone, and NotYours; asked without the lock, before get_pending_decision."""
    permissions.require_decider(by, handoff)
    decision = decision_lookup.find_decision(handoff.pk)
    if decision is None:
        raise NotDecided
    if decision.is_final:
        raise TooLate


def _nothing_to_undo(handoff: Handoff) -> NothingToUndo:
    """Return what to say where no decision can be undone: that it is final, or that there is none."""
    return NotDecided() if decision_lookup.find_decision(handoff.pk) is None else TooLate()


def decide_several(
    *, handoffs: Iterable[Handoff], kind: DispositionKind, by: User, now: dt.datetime, reason: ReasonCode | None = None
) -> list[DecisionResult]:
    """Make the same decision on several handoffs, each by itself: a refusal stops none of the others."""
    results = []
    for handoff in handoffs:
        try:
            with lock_waits.limit_lock_waits():
                decide(handoff=handoff, kind=kind, by=by, now=now, reason=reason)
            results.append(DecisionResult(handoff))
        except (*REFUSALS, lock_waits.RowContended) as refusal:
            results.append(DecisionResult(handoff, str(refusal)))
    return results


@transaction.atomic
def undo(*, pending_decision: PendingDecision, by: User, now: dt.datetime) -> Handoff:
    """Delete the pending decision; the clocks have not changed yet. Raises NotYours, NothingToUndo with a sentence for the user."""
    locked = _lock_pending_decisions().filter(pk=pending_decision.pk).select_related("handoff__lead", "by").first()
    if locked is None:
        raise _nothing_to_undo(pending_decision.handoff)
    if now >= locked.final_at:
        raise TooLate
    if locked.by_id != by.pk:
        raise permissions.NotYours(f"Only {locked.by} can take this decision back.")
    locked.delete()
    return locked.handoff


@transaction.atomic
def finish_now(*, handoff: Handoff, by: User) -> bool:
    """Make the person's acceptance of this handoff final before its time; return whether there was one.

    Called when they go on working with a lead they accepted.
    """
    own_acceptances = _lock_pending_decisions().filter(handoff=handoff, by=by, kind=DispositionKind.ACCEPT)
    pending_decision = own_acceptances.select_related("handoff", "reason", "by").first()
    if pending_decision is None:
        return False
    _make_final(pending_decision)
    return True


def finish_due(*, now: dt.datetime, limit: int = 500) -> int:
    """Make the decisions final whose undo window is over; return how many became final.

    Each has its own transaction. One that is refused is given back to its author; one that fails is set aside (rules 17.5)
    and in the end given back. Any number of workers may run at once.
    """
    due = PendingDecision.objects.filter(final_at__lte=now).order_by("final_at", "pk")
    due = due.select_related("handoff__lead", "reason", "sub_reason", "by")
    return sum(sweeps.claim_each(SWEEP, due, lambda row: _finish(row, now), now=now, limit=limit))


def _finish(pending_decision: PendingDecision, now: dt.datetime) -> bool:
    try:
        with transaction.atomic():
            _make_final(pending_decision)
    except REFUSALS as refusal:
        _give_back(pending_decision, str(refusal), now)
        return False
    except Exception as error:
        if now - pending_decision.at <= GIVE_UP_AFTER or outages.is_outage(error):
            raise
        log.exception("pending_decision_not_final", pending_decision=pending_decision.pk)
        _give_back(pending_decision, outages.describe_failure(error), now)
        return False
    return True


def _make_final(pending_decision: PendingDecision) -> Disposition:
    """Store the disposition; it counts from when the decision was made, so no clock runs out in the undo window."""
    PendingDecision.objects.filter(pk=pending_decision.pk).delete()
    if pending_decision.reason is None:
        return dispositions.accept(handoff=pending_decision.handoff, by=pending_decision.by, now=pending_decision.at)
    return dispositions.reject(
        handoff=pending_decision.handoff,
        reason=pending_decision.reason,
        by=pending_decision.by,
        now=pending_decision.at,
        note=pending_decision.note,
        reengage_on=pending_decision.reengage_on,
        missing=pending_decision.missing,
        sub_reason=pending_decision.sub_reason,
    )


def _give_back(pending_decision: PendingDecision, why: str, now: dt.datetime) -> None:
    """Delete the decision, so that the handoff waits for one again, and notify its author why."""
    log.warning(
        "pending_decision_given_back",
        pending_decision=pending_decision.pk,
        handoff=pending_decision.handoff_id,
        why=why,
    )
    lead = outbox.name_lead(pending_decision.handoff)
    outbox.write_notices(
        [
            outbox.NoticeDraft(
                kind=NoticeKind.GIVEN_BACK,
                once=f"given_back:{pending_decision.pk}",
                handoff=pending_decision.handoff,
                to=[pending_decision.by],
                text=f"“{pending_decision.get_kind_display()}” was not recorded for {lead}: {why}",
                at=now,
            )
        ]
    )
    PendingDecision.objects.filter(pk=pending_decision.pk).delete()


def _lock_pending_decisions() -> QuerySet[PendingDecision]:
    return PendingDecision.objects.select_for_update(of=("self",), no_key=True)
