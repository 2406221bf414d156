"""Creation of handoffs from MQLs, once for each MQL, and their reassignment by managers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce

from config.accounts.models import User
from config.accounts.roles import holds
from config.jobs import sweeps
from definitions.suppressions import kept_back, subject_matching
from leads.identity import merges
from leads.models import Lead, LeadStage
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import mqls
from scoring.live.qualify import NOT_TO_QUALIFY
from scoring.models import HotUpgrade, Qualification, QualificationQuerySet
from sla import handoff_states, permissions
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.commitments import commitments
from sla.handoffs import routing, tier_3_hold
from sla.handoffs.tier_3_hold import CommitmentsByMotion
from sla.models import Commitment, Handoff, Note, Rep, RoutingDecision, RoutingRule
from sla.notifications import outbox
from sla.nurture.recycling import NURTURE_ROLES
from sla.teams import round_robin, routing_rules

log = structlog.get_logger(__name__)

SWEEP: Final = "MQLs to hand off"
#: The longest reason that the log of stages holds.
WHY_AT_MOST: Final = 300
_RELATED: Final = ("lead__company", "hot_upgrade", "tier_upgrade")
#: Whether an MQL is dated at the activation of its version (rules 9.13).
_BY_CHANGE_ALONE: Final = Case(When(at=F("version__activated_at"), then=True), default=False)


class AssignmentRefused(Exception):
    """An assignment of this handoff to this rep that is not possible."""


class AssignmentOvertaken(AssignmentRefused):
    """An assignment that came too late: the rep has the handoff already, or it is closed."""


class TooSoon(Exception):
    """A hand-off of MQLs before their day that is not possible."""


def hand_off_waiting(*, now: dt.datetime, limit: int = 100) -> int:
    """Turn waiting MQLs into routed handoffs, tier 1 first, each in its own transaction (rules 17.4, 17.5).

    MQLs of tier 3 that are nurtured first wait for their day (rules 6.24), those of a motion without commitments in force
    for them. In a tier MQLs by the change of versions alone go last: there may be thousands. One that fails is set aside
    (rules 17.5). Any number of workers may run at once. Returns how many were handed off or closed.
    """
    in_force = commitments.commitments_in_force()
    _log_unagreed_motions(in_force)
    if not in_force:
        return 0
    rules = routing_rules.active_rules()
    count = 0
    waiting = tier_3_hold.mqls_for_sales(in_force, now).filter(motion__in=list(in_force))
    waiting = waiting.select_related(*_RELATED).order_by("tier", _BY_CHANGE_ALONE, "pk")
    for claimed in sweeps.claim_each(
        SWEEP, waiting, lambda row: _hand_off(row, in_force, rules, now), now=now, limit=limit
    ):
        if isinstance(claimed, Handoff):
            routing.route_handoff(handoff=claimed, now=now, rules=rules)
        count += 1
    return count


def hand_off_early(*, qualification_ids: Collection[int], by: User, now: dt.datetime, why: str) -> int:
    """Hand MQLs of tier 3 to sales before their day, by marketing; who did it and why is noted on each.

    MQLs that were handed off meanwhile are skipped. Returns how many went. Raises TooSoon with a sentence for the user.
    """
    if not holds(by, *NURTURE_ROLES):
        raise TooSoon("Marketing decides about the leads in nurture.")
    if not why.strip():
        raise TooSoon("Say why, for the record.")
    in_force = commitments.commitments_in_force()
    if not in_force:
        raise TooSoon("No commitments are in force yet: both sides must sign them before leads are handed off.")
    rules = routing_rules.active_rules()
    with transaction.atomic():
        qualifications = list(_lock_held_mqls(qualification_ids, in_force, now))
        _lock_persons(qualifications)
        handoffs = [
            _create_handoff(qualification, in_force[Motion(qualification.motion)], rules, now, since=now)
            for qualification in qualifications
            if not _reason_against_handoff(qualification, now)
        ]
        text = f"Handed to sales before its day: {why.strip()}"[:1000]
        Note.objects.bulk_create(Note(handoff=handoff, at=now, by=by, text=text) for handoff in handoffs)
    for handoff in handoffs:
        routing.route_handoff(handoff=handoff, now=now, rules=rules)
    return len(handoffs)


def hand_off_hot(*, hot_upgrade: HotUpgrade, commitment: Commitment, now: dt.datetime) -> Handoff | None:
    """Create an unrouted tier 1 handoff for an MQL that turned hot before sales had it.

    Returns None if sales has it already, or if the lead is no longer a case for sales. Call within the transaction that
    holds the lock on `hot_upgrade`.
    """
    rows = _lock_mqls(Qualification.objects.waiting().filter(pk=hot_upgrade.qualification_id))
    qualification = rows.first()
    if qualification is None:
        return None
    if reason := _reason_against_handoff(qualification, now):
        _close_without_handoff(qualification, now, reason)
        return None
    qualification.hot_upgrade = hot_upgrade
    return _create_handoff(
        qualification, commitment, routing_rules.active_rules(), now, since=_due_to_sales_at(qualification, commitment)
    )


def mqls_to_hand_off(now: dt.datetime) -> QualificationQuerySet:
    """Return the MQLs that sales should have by now, without those of tier 3 that are nurtured first."""
    return tier_3_hold.mqls_for_sales(commitments.commitments_in_force(), now)


def waiting_since(now: dt.datetime) -> dt.datetime | None:
    """Return since when the longest waiting MQL should have been with sales, or None if none waits."""
    # Ordered as the index of waiting MQLs is. The first row may not be the very oldest, which matters little, as all
    # tiers are handed off in one run.
    rows = mqls_to_hand_off(now).select_related("tier_upgrade").defer("evidence", "tier_upgrade__evidence")
    # Those that cannot be handed off are seen among the rows that are set aside.
    first_mql = sweeps.exclude_set_aside(SWEEP, rows, now).order_by("tier", "pk").first()
    if first_mql is None:
        return None
    try:
        return tier_3_hold.due_to_sales_at(first_mql, commitments.current_commitment(Motion(first_mql.motion)))
    except commitments.NotYetAgreed:
        return first_mql.recorded_at


@transaction.atomic
def assign(*, handoff: Handoff, rep: Rep, by: User, now: dt.datetime, reason: str) -> Handoff:
    """Assign a handoff to a rep, by a manager. The new rep's clocks start now; an overdue clock of the old rep stays breached.

    Raises NotYours and AssignmentRefused with a sentence for the user.
    """
    handoff = handoff_states.lock(handoff)
    if not permissions.may_assign(by, handoff):
        raise permissions.NotYours("Only a manager of the team can reassign this handoff.")
    rep = Rep.objects.select_related("user", "team__calendar", "calendar").get(pk=rep.pk)
    _check_assignment(handoff, rep, reason)
    _check_availability(rep, Motion(handoff.motion), now)
    before = handoff.rep
    clocks.cancel_clocks(handoff=handoff, now=now)
    try:
        routing.give_to_rep(handoff=handoff, rep=rep, now=now)
    except (NeverOpen, BadCalendar) as error:
        raise AssignmentRefused(f"{rep}’s calendar has no working hours.") from error
    build_assignment(handoff=handoff, before=before, by=by, now=now, reason=reason).save(force_insert=True)
    outbox.write_notices(outbox.draft_reassigned(handoff=handoff, before=before, why=reason, by=by, at=now))
    return handoff


def build_assignment(
    *, handoff: Handoff, before: Rep | None, by: User, now: dt.datetime, reason: str
) -> RoutingDecision:
    """Return the record that a manager gave a handoff to the rep who has it now, not stored yet."""
    path = f"{before or 'Unrouted'} → {handoff.rep}, by {by}: {reason.strip()}"
    return routing.build_decision(handoff=handoff, rep=handoff.rep, explanation=path, now=now, by=by)


def _hand_off(
    qualification: Qualification, in_force: CommitmentsByMotion, rules: Sequence[RoutingRule], now: dt.datetime
) -> Handoff | Qualification:
    """Return the handoff of an MQL, or the MQL itself if it was closed as no case for sales any more."""
    if reason := _reason_against_handoff(qualification, now):
        return _close_without_handoff(qualification, now, reason)
    commitment = in_force[Motion(qualification.motion)]
    since = _due_to_sales_at(qualification, commitment)
    return _create_handoff(qualification, commitment, rules, now, since=since)


def _reason_against_handoff(qualification: Qualification, now: dt.datetime) -> str:
    """Return why an MQL never comes to sales; empty if it does (rules 6.3, 9.23, 13.50).

    The leads of the person stay locked until the end of the transaction, so that two of them are not handed off at once. One
    that is suppressed is recorded as kept back.
    """
    person, motion = merges.lock_person(qualification.lead), qualification.motion
    if LeadStage.objects.filter(lead__in=person, motion=motion, stage__in=NOT_TO_QUALIFY).exists():
        return "The person is an opportunity, a customer or disqualified meanwhile."
    if qualification.tier == tier_3_hold.TIER and any(lead.do_not_contact for lead in person):
        return "May not be contacted."
    if len(person) > 1 and Handoff.objects.open().filter(lead__in=person, motion=motion).exists():
        return "Sales works on the same person already."
    if suppression := subject_matching.find_for_lead(qualification.lead, at=now):
        lead_id = qualification.lead_id
        kept_back.record_leads([lead_id], {lead_id: [suppression]}, version=qualification.version, now=now)
        return suppression.sentence[:WHY_AT_MOST]
    return ""


def _lock_persons(qualifications: Iterable[Qualification]) -> None:
    """Lock the leads of all these persons in id order: the checks of one after the other would lock them in another."""
    leads = Lead.objects.filter(pk__in=[qualification.lead_id for qualification in qualifications])
    standing = leads.values_list(Coalesce("merged_into", "pk"))
    persons = Lead.objects.filter(Q(pk__in=standing) | Q(merged_into__in=standing)).order_by("pk")
    list(persons.select_for_update(of=("self",), no_key=True).values_list("pk"))


def _close_without_handoff(qualification: Qualification, now: dt.datetime, why: str) -> Qualification:
    """Close an MQL that never comes to sales; unless its lead has left the stage MQL, it goes back to marketing."""
    _mark_taken(qualification, now)
    lead, motion = qualification.lead, qualification.motion
    if motion_stages.read_stage(lead, motion) == Stage.MQL:
        stage_changes.move(lead=lead, motion=motion, to=Stage.MAL, by=None, now=now, why=why)
    return mqls.close_cycle(qualification=qualification, now=now)


def _log_unagreed_motions(in_force: CommitmentsByMotion) -> None:
    """Log the motions whose MQLs wait because nobody has signed commitments about them."""
    waiting = Qualification.objects.waiting().exclude(motion__in=list(in_force))
    for motion in sorted(set(waiting.order_by().values_list("motion", flat=True).distinct())):
        log.warning("handoffs_wait", motion=motion, why="No commitments of this motion are in force yet.")


def _lock_held_mqls(ids: Collection[int], in_force: CommitmentsByMotion, now: dt.datetime) -> Iterable[Qualification]:
    return _lock_mqls(tier_3_hold.held_mqls(in_force, now).filter(pk__in=ids).order_by("pk"))


def _lock_mqls(rows: QualificationQuerySet) -> QualificationQuerySet:
    return rows.select_related(*_RELATED).select_for_update(of=("self",), no_key=True)


def _due_to_sales_at(qualification: Qualification, commitment: Commitment) -> dt.datetime:
    """Return from when on sales should have the MQL: a hot upgrade ends a hold, and never begins the promise anew."""
    due_at = tier_3_hold.due_to_sales_at(qualification, commitment)
    return min(due_at, qualification.hot_upgrade.recorded_at) if hasattr(qualification, "hot_upgrade") else due_at


def _create_handoff(
    qualification: Qualification,
    commitment: Commitment,
    rules: Sequence[RoutingRule],
    now: dt.datetime,
    *,
    since: dt.datetime,
) -> Handoff:
    """Store the handoff of an MQL, of the tier by all that is known of it (rules 6.34)."""
    handoff = build_handoff(qualification, commitment, now)
    if hasattr(qualification, "hot_upgrade"):
        handoff.tier, handoff.hot_upgraded_at = 1, qualification.hot_upgrade.recorded_at
    elif hasattr(qualification, "tier_upgrade"):
        handoff.tier = qualification.tier_upgrade.tier
    handoff.save(force_insert=True)
    # From `since`, not from now: the time during which no worker ran counts against marketing's promise.
    clocks.start_routing(handoff=handoff, since=since, rules=rules)
    _mark_taken(qualification, now)
    return handoff


def _mark_taken(qualification: Qualification, now: dt.datetime) -> None:
    """Record that the MQL, and its tier upgrade if there is one, have been dealt with."""
    mqls.mark_taken(qualification=qualification, now=now)
    if hasattr(qualification, "tier_upgrade"):
        mqls.mark_upgrade_taken(upgrade=qualification.tier_upgrade, now=now)


def build_handoff(qualification: Qualification, commitment: Commitment, now: dt.datetime) -> Handoff:
    """Return an unrouted handoff of an MQL and of its tier, not stored yet."""
    return Handoff(
        qualification=qualification,
        lead=qualification.lead,
        motion=qualification.motion,
        version_id=qualification.version_id,
        commitment=commitment,
        tier=qualification.tier,
        created_at=now,
    )


def _check_assignment(handoff: Handoff, rep: Rep, reason: str) -> None:
    if not handoff.is_open:
        raise AssignmentOvertaken(f"This handoff is closed ({handoff.get_state_display()}).")
    if rep == handoff.rep:
        raise AssignmentOvertaken(
            f"{rep} has this handoff already{routing.describe_last(handoff.routing_decisions.all())}."
        )
    if not rep.is_active or not rep.user.is_active:
        raise AssignmentRefused(f"{rep} is not active.")
    if not reason.strip():
        raise AssignmentRefused("Say why, for the record.")


def _check_availability(rep: Rep, motion: Motion, now: dt.datetime) -> None:
    """Refuse a rep who is absent or at capacity, also for an assignment by a manager."""
    (availability,) = round_robin.fetch_availabilities([rep], now, motion=motion)
    if not availability.may_be_given:
        raise AssignmentRefused(f"{rep} cannot take it now: {availability.why}.")
