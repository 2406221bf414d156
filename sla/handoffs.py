"""MQLs become handoffs here, each once; and managers move them between reps."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from leads.models import User
from scoring import qualifications
from scoring.models import Qualification
from sla import access, clocks, commitments, notices, routing, states, territories
from sla.calendar import BadCalendar, NeverOpen
from sla.models import Commitment, Handoff, Rep, RoutingDecision

log = structlog.get_logger(__name__)


class AssignmentRefused(Exception):
    """This handoff cannot go to this rep."""


def hand_off_waiting(*, now: dt.datetime, limit: int = 100) -> int:
    """Turn waiting MQLs into routed handoffs, tier 1 first, each in its own transaction (RELIABILITY, promises 4 and 5).

    Any number of workers may run it at once. A qualification that fails is logged, stays waiting and is passed over.
    """
    try:
        commitment = commitments.current()
    except commitments.NotYetAgreed as reason:
        if Qualification.objects.waiting().exists():
            log.warning("handoffs_wait", why=str(reason))
        return 0
    rules = territories.rules()
    done, failed = 0, set[int]()
    while done < limit:
        try:
            claimed = _hand_off_next(commitment, failed, now)
        except _Failed as failure:
            failed.add(failure.qualification)
            continue
        if claimed is None:
            break
        routing.route(handoff=claimed, now=now, rules=rules)
        done += 1
    return done


@transaction.atomic
def assign(*, handoff: Handoff, rep: Rep, by: User, now: dt.datetime, reason: str) -> Handoff:
    """A manager gives a handoff to a rep. The new rep's clocks start now; an overdue promise of the old one stays broken.

    Raises NotYours and AssignmentRefused with a sentence for the user.
    """
    handoff = states.lock(handoff)
    if not access.may_assign(by, handoff):
        raise access.NotYours("Only a manager of the team can reassign this handoff.")
    rep = Rep.objects.select_related("user", "team__calendar", "calendar").get(pk=rep.pk)
    _check_assignment(handoff, rep, reason)
    before = handoff.rep
    clocks.cancel(handoff=handoff, now=now)
    try:
        routing.give(handoff=handoff, rep=rep, now=now)
    except (NeverOpen, BadCalendar) as error:
        raise AssignmentRefused(f"{rep}’s calendar has no working hours.") from error
    path = f"{before or 'Unrouted'} → {rep}, by {by}: {reason.strip()}"
    RoutingDecision.objects.create(handoff=handoff, at=now, by=by, rep=rep, explanation=path[:300])
    notices.reassigned(handoff=handoff, before=before, why=reason, at=now)
    return handoff


class _Failed(Exception):
    def __init__(self, qualification: int) -> None:
        self.qualification = qualification


@transaction.atomic
def _hand_off_next(commitment: Commitment, passed_over: set[int], now: dt.datetime) -> Handoff | None:
    waiting = Qualification.objects.waiting().exclude(pk__in=passed_over).order_by("tier", "pk")
    qualification = waiting.select_for_update(no_key=True, skip_locked=True).first()
    if qualification is None:
        return None
    try:
        with transaction.atomic():
            return _create(qualification, commitment, now)
    except Exception as error:
        log.exception("handoff_failed", qualification=qualification.pk)
        raise _Failed(qualification.pk) from error


def _create(qualification: Qualification, commitment: Commitment, now: dt.datetime) -> Handoff:
    handoff = Handoff.objects.create(
        qualification=qualification,
        lead_id=qualification.lead_id,
        motion=qualification.motion,
        version_id=qualification.version_id,
        commitment=commitment,
        tier=qualification.tier,
        created_at=now,
    )
    # Counted from the moment the lead qualified: a worker that was down has used up marketing's minutes.
    clocks.start_routing(handoff=handoff, since=qualification.recorded_at)
    qualifications.take(qualification=qualification, now=now)
    return handoff


def _check_assignment(handoff: Handoff, rep: Rep, reason: str) -> None:
    if not handoff.is_open:
        raise AssignmentRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if rep == handoff.rep:
        raise AssignmentRefused(f"{rep} has this handoff already.")
    if not rep.is_active or not rep.user.is_active:
        raise AssignmentRefused(f"{rep} is not active.")
    if not reason.strip():
        raise AssignmentRefused("Say why, for the record.")
