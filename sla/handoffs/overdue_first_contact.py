"""Passing on of handoffs whose first contact is overdue, in teams that want it, once for each handoff."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.db.models import Exists, OuterRef

from config.jobs import sweeps
from leads.vocabulary import Motion
from sla import handoff_states
from sla.clocks import clocks
from sla.handoffs import routing
from sla.models import Clock, Handoff, HandoffQuerySet, Rep, RoutingDecision
from sla.notifications import outbox
from sla.teams import round_robin
from sla.vocabulary import ClockKind, HandoffState, NoticeKind

SWEEP: Final = "overdue first contacts"
#: Older breaches stay with their rep, so that switching a team over does not move its past. Longer than a weekend.
WITHIN: Final = dt.timedelta(days=4)
#: The kind of trace line by which a handoff is known to have been passed on already.
PASSED_ON_KIND: Final = "first contact overdue"


def pass_on_overdue(*, now: dt.datetime, limit: int = 100) -> int:
    """Give overdue handoffs to the next rep in turn, each in its own transaction; return how many went.

    A handoff stays while nobody else is available, or if it fails: it is set aside, and tried again later (rules 17.5).
    Any number of workers may run at once.
    """
    overdue = _overdue_handoffs(now).order_by("tier", "due_at", "pk")
    return sum(sweeps.claim_each(SWEEP, overdue, lambda row: _pass_on(row, now), now=now, limit=limit))


def _overdue_handoffs(now: dt.datetime) -> HandoffQuerySet:
    """Return the handoffs with a breached first contact that were never passed on and have no pending decision."""
    breached = Clock.objects.running().filter(
        handoff=OuterRef("pk"), kind=ClockKind.FIRST_CONTACT, breached_at__gte=now - WITHIN
    )
    passed_on = RoutingDecision.objects.filter(handoff=OuterRef("pk"), trace__contains=[{"kind": PASSED_ON_KIND}])
    decided_or_to_decide: HandoffQuerySet = Handoff.objects.filter(
        state__in=(HandoffState.ASSIGNED, HandoffState.ACCEPTED)
    )
    eligible = decided_or_to_decide.filter(
        rep__team__reassigns_on_breach=True, first_contact_at=None, pending_decision=None
    )
    return eligible.filter(Exists(breached), ~Exists(passed_on))


def _pass_on(claimed: Handoff, now: dt.datetime) -> bool | None:
    """Give the handoff to the next rep. Raises sweeps.CannotBeDone while the team has nobody else."""
    handoff = handoff_states.lock(claimed)
    if handoff.rep is None:
        return None
    routing.lock_turns(handoff.rep.team)
    reps, motion = round_robin.fetch_reps(handoff.rep.team), Motion(handoff.motion)
    assignment = round_robin.choose_next(reps, now, motion=motion, passing_over=handoff.rep)
    if assignment.rep is None:
        raise sweeps.CannotBeDone("Nobody else of the team is available.")
    _give_to_next_rep(handoff, handoff.rep, assignment.rep, assignment.trace, now)
    return True


def _give_to_next_rep(handoff: Handoff, before: Rep, rep: Rep, trace: list[dict[str, Any]], now: dt.datetime) -> None:
    """Assign the handoff to the next rep; the breach stays with the rep before, the new rep's clocks start now."""
    clocks.cancel_clocks(handoff=handoff, now=now)
    routing.give_to_rep(handoff=handoff, rep=rep, now=now)
    explanation = f"First contact overdue with {before} → {rep}, next in turn"
    mark = {"rep": before.pk, "name": str(before), "kind": PASSED_ON_KIND, "why": PASSED_ON_KIND}
    routing.record_decision(handoff=handoff, rep=rep, explanation=explanation, trace=[mark, *trace], now=now)
    draft = outbox.NoticeDraft(
        kind=NoticeKind.REASSIGNED,
        once=f"passed_on:{handoff.pk}",
        handoff=handoff,
        to=[person for person in outbox.rep_and_managers(before, handoff.team) if person != rep.user],
        text=f"First contact was overdue, now with {rep}: {outbox.name_lead(handoff)}",
        at=now,
    )
    outbox.write_notices([draft])
