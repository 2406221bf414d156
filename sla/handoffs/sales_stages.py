"""The sales stages of an accepted handoff: meeting, SQL, opportunity, won or lost."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from config.accounts import sources
from config.accounts.models import User
from config.jobs import sweeps
from leads.intake import customer_status, outcomes
from leads.stages import motion_stages
from leads.vocabulary import Motion, OutcomeKind, Stage
from sla import handoff_states, permissions
from sla.clocks import clocks
from sla.models import Handoff, Note, PendingDecision, SalesQualification
from sla.nurture import recycling
from sla.vocabulary import HandoffState

SWEEP: Final = "handoffs behind the CRM"
ANSWER_AT_MOST: Final = 500
REASON_AT_MOST: Final = 200
#: The digits of an amount, two of them behind the point.
AMOUNT_DIGITS: Final = 17
FARTHEST_MEETING: Final = dt.timedelta(days=366)

#: The stages reported by the CRM that a handoff follows; each has a handoff state of the same name.
FOLLOWED_STAGES: Final = (Stage.OPPORTUNITY, Stage.WON, Stage.LOST)
MEETING_STATES: Final = (HandoffState.ACCEPTED, HandoffState.QUALIFIED, HandoffState.OPPORTUNITY)


@dataclass(frozen=True, slots=True)
class SalesStep:
    """The effect of a step: the handoff's state, its lead's stage with the reason in the log, and the outcome it records.

    A step that `closes` ends the handoff and its cycle.
    """

    state: HandoffState
    stage: Stage
    why: str
    outcome: OutcomeKind | None = None
    closes: bool = False


TO_SQL: Final = SalesStep(HandoffState.QUALIFIED, Stage.SQL, "Qualified by sales.")
TO_OPPORTUNITY: Final = SalesStep(
    HandoffState.OPPORTUNITY, Stage.OPPORTUNITY, "Opportunity opened.", OutcomeKind.OPPORTUNITY
)
TO_WON: Final = SalesStep(HandoffState.WON, Stage.WON, "Won.", OutcomeKind.WON, closes=True)


def step_to_lost(reason: str) -> SalesStep:
    """Return the step that loses a handoff for a reason."""
    return SalesStep(HandoffState.LOST, Stage.LOST, f"Lost: {reason}", OutcomeKind.LOST, closes=True)


class ProgressRefused(Exception):
    """A step that lacks what it needs."""


@transaction.atomic
def book_meeting(*, handoff: Handoff, at: dt.datetime, by: User, now: dt.datetime) -> Handoff:
    """Store the meeting to come, or one that took place since the handover.

    Raises NotYours and ProgressRefused with a sentence for the user, like every step here; also HandoffStepRefused.
    """
    handoff = _lock_for_decider(handoff, by)
    if handoff.state not in MEETING_STATES:
        raise handoff_states.HandoffStepRefused("Accept the lead before booking its meeting.")
    if not handoff.created_at <= at <= now + FARTHEST_MEETING:
        raise ProgressRefused("A meeting lies after the handover, held already or to come, and within a year from now.")
    handoff.meeting_at = at
    handoff.save(update_fields=["meeting_at"])
    Note.objects.create(handoff=handoff, meeting_at=at, by=by, at=now)
    return handoff


@transaction.atomic
def qualify(
    *, handoff: Handoff, problem: str, budget: str, authority: str, timeline: str, by: User, now: dt.datetime
) -> SalesQualification:
    """Store the four answers that a person confirmed: the lead becomes an SQL (rules 2.5)."""
    handoff = _lock_for_decider(handoff, by)
    answers = {"problem": problem, "budget": budget, "authority": authority, "timeline": timeline}
    answers = {name: answer.strip() for name, answer in answers.items()}
    if missing := [name for name, answer in answers.items() if not answer]:
        raise ProgressRefused(f"An SQL needs all four answers; missing: {', '.join(missing)}.")
    if any(len(answer) > ANSWER_AT_MOST for answer in answers.values()):
        raise ProgressRefused(f"An answer has {ANSWER_AT_MOST} characters at most.")
    _take_step(handoff, TO_SQL, by, now)
    return SalesQualification.objects.create(handoff=handoff, by=by, at=now, **answers)


@transaction.atomic
def open_opportunity(*, handoff: Handoff, amount: Decimal, by: User, now: dt.datetime) -> Handoff:
    """Open a deal with its amount; without one an opportunity is refused by every way in (rules 7.19)."""
    handoff = _lock_for_decider(handoff, by)
    _take_step(handoff, TO_OPPORTUNITY, by, now)
    _record_outcome(handoff, OutcomeKind.OPPORTUNITY, now, amount=amount)
    return handoff


@transaction.atomic
def win(*, handoff: Handoff, amount: Decimal | None, by: User, now: dt.datetime) -> Handoff:
    # The win makes the company a customer, and companies are locked before their leads.
    customer_status.lock_companies([handoff.lead_id])
    handoff = _lock_for_decider(handoff, by)
    _take_step(handoff, TO_WON, by, now)
    _record_outcome(handoff, OutcomeKind.WON, now, amount=amount)
    return handoff


@transaction.atomic
def lose(*, handoff: Handoff, reason: str, by: User, now: dt.datetime) -> Handoff:
    customer_status.lock_companies([handoff.lead_id])
    handoff = _lock_for_decider(handoff, by)
    reason = reason.strip()
    if not reason:
        raise ProgressRefused("Say why it was lost: the definition learns from it.")
    if len(reason) > REASON_AT_MOST:
        raise ProgressRefused(f"A reason has {REASON_AT_MOST} characters at most.")
    _take_step(handoff, step_to_lost(reason), by, now)
    _record_outcome(handoff, OutcomeKind.LOST, now, reason=reason)
    return handoff


def follow_outcomes(*, now: dt.datetime, limit: int = 100) -> int:
    """Move the handoffs of leads that the CRM says are an opportunity, won or lost in the handoff's motion.

    Each moves in its own transaction. An undecided handoff counts as accepted: no disposition is written, as none was
    given, but its clocks end and a note says why. A decision that can still be undone is waited for. One that fails is
    set aside (rules 17.5). Any number of workers may run at once. Returns how many handoffs moved.
    """
    behind = Q(pk__in=[])
    for to in FOLLOWED_STAGES:
        behind |= Q(motion_stages.stands_in(to), state__in=handoff_states.states_before(HandoffState(to)))
    handoffs = Handoff.objects.filter(behind, pending_decision=None).order_by("pk")
    return sum(sweeps.claim_each(SWEEP, handoffs, lambda row: _follow_outcome(row, now), now=now, limit=limit))


def _follow_outcome(handoff: Handoff, now: dt.datetime) -> bool | None:
    handoff = handoff_states.lock(handoff)
    stage = motion_stages.read_stage(handoff.lead, handoff.motion)
    if stage not in FOLLOWED_STAGES or PendingDecision.objects.filter(handoff=handoff).exists():
        return None
    to = HandoffState(stage)
    before = HandoffState(handoff.state)
    closed = {} if to == HandoffState.OPPORTUNITY else {"closed_at": now}
    if not handoff_states.follow_crm(handoff, to, decided_at=handoff.decided_at or now, **closed):
        return None
    clocks.cancel_clocks(handoff=handoff, now=now)
    if closed:
        recycling.close_cycle(handoff=handoff, now=now)
    if before == HandoffState.ASSIGNED:
        Note.objects.create(handoff=handoff, text=f"The CRM says {to.label.lower()}: accepted by the fact.", at=now)
    return True


def _lock_for_decider(handoff: Handoff, by: User) -> Handoff:
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    return handoff


def _take_step(handoff: Handoff, step: SalesStep, by: User, now: dt.datetime) -> None:
    handoff_states.move(handoff, step.state, **({"closed_at": now} if step.closes else {}))
    if step.closes:
        clocks.cancel_clocks(handoff=handoff, now=now)
        recycling.close_cycle(handoff=handoff, now=now)
    handoff_states.move_lead(handoff, step.stage, by=by, now=now, why=step.why)


def build_outcome(
    handoff: Handoff, kind: OutcomeKind, now: dt.datetime, *, amount: Decimal | None = None, reason: str = ""
) -> dict[str, Any]:
    """Return the outcome of a handoff as an item for `outcomes.record`."""
    return {
        "lead": handoff.lead_id,
        "kind": kind.value,
        "at": now,
        "id": f"{recycling.DEAL_PREFIX}{handoff.pk}",
        "amount": None if amount is None else float(amount),
        "reason": reason,
    }


def _record_outcome(
    handoff: Handoff, kind: OutcomeKind, now: dt.datetime, *, amount: Decimal | None = None, reason: str = ""
) -> None:
    outcome = build_outcome(handoff, kind, now, amount=amount, reason=reason)
    recorded = outcomes.record(items=[outcome], source=sources.ACCORD, now=now, motion=Motion(handoff.motion))
    for result in recorded:
        if result.status == "rejected":
            raise ProgressRefused(f"{result.field.capitalize()} {result.reason}")
