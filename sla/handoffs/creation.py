"""MQLs become handoffs here, each once; and managers move them between reps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import structlog
from django.db import transaction

from config.web import holds
from leads import stage_changes
from leads.models import User
from leads.vocabulary import Stage
from scoring.live import mqls
from scoring.models import HotUpgrade, Qualification, QualificationQuerySet
from sla import handoff_states, permissions
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.commitments import commitments
from sla.handoffs import routing, tier_3_hold
from sla.models import Commitment, Handoff, Note, Rep, RoutingDecision, RoutingRule
from sla.notifications import outbox
from sla.nurture.recycling import NURSES
from sla.teams import round_robin, routing_rules

log = structlog.get_logger(__name__)


class AssignmentRefused(Exception):
    """This handoff cannot go to this rep."""


class TooSoon(Exception):
    """These MQLs cannot go to sales before their day."""


def hand_off_waiting(*, now: dt.datetime, limit: int = 100) -> int:
    """Turn waiting MQLs into routed handoffs, tier 1 first, each in its own transaction (rules 17.4, 17.5).

    Those of tier 3 that are nurtured first wait for their day (rules 6.24). Any number of workers may run it at once. A
    qualification that fails is logged, stays waiting and is passed over.
    """
    try:
        commitment = commitments.current()
    except commitments.NotYetAgreed as reason:
        if Qualification.objects.waiting().exists():
            log.warning("handoffs_wait", why=str(reason))
        return 0
    rules = routing_rules.rules()
    done, failed = 0, set[int]()
    while done < limit:
        try:
            claimed = _hand_off_next(commitment, rules, failed, now)
        except _Failed as failure:
            failed.add(failure.qualification)
            continue
        if claimed is None:
            break
        if isinstance(claimed, Handoff):
            routing.route(handoff=claimed, now=now, rules=rules)
        done += 1
    return done


def hand_off_early(*, qualification_ids: Collection[int], by: User, now: dt.datetime, why: str) -> int:
    """Marketing gives MQLs of tier 3 to sales before their day; who and why is noted on each. How many went.

    One that has gone meanwhile is passed over. Raises TooSoon with a sentence for the user.
    """
    if not holds(by, *NURSES):
        raise TooSoon("Marketing decides about the leads in nurture.")
    if not why.strip():
        raise TooSoon("Say why, for the record.")
    try:
        commitment = commitments.current()
    except commitments.NotYetAgreed as reason:
        raise TooSoon(str(reason)) from reason
    rules = routing_rules.rules()
    with transaction.atomic():
        held = _held(qualification_ids, commitment, now)
        made = [_create(each, commitment, rules, now, since=now) for each in held]
        said = f"Handed to sales before its day: {why.strip()}"[:1000]
        Note.objects.bulk_create(Note(handoff=handoff, at=now, by=by, text=said) for handoff in made)
    for handoff in made:
        routing.route(handoff=handoff, now=now, rules=rules)
    return len(made)


def hand_off_hot(*, hot_upgrade: HotUpgrade, commitment: Commitment, now: dt.datetime) -> Handoff | None:
    """An MQL that turned hot before sales had it becomes a handoff of tier 1, as yet unrouted; None if sales has it, or
    it is no case for sales any more.

    Call within the transaction that holds the hot_upgrade.
    """
    rows = _claimable(Qualification.objects.waiting().filter(pk=hot_upgrade.qualification_id))
    qualification = rows.first()
    if qualification is None:
        return None
    if tier_3_hold.is_over(qualification):
        _let_go(qualification, now)
        return None
    handoff = _create(qualification, commitment, routing_rules.rules(), now, since=hot_upgrade.recorded_at, tier=1)
    handoff.hot_upgraded_at = hot_upgrade.recorded_at
    handoff.save(update_fields=["hot_upgraded_at"])
    return handoff


def to_hand_off(now: dt.datetime) -> QualificationQuerySet:
    """MQLs that sales should have by now; not those of tier 3 that are nurtured first."""
    try:
        return tier_3_hold.free(commitments.current(), now)
    except commitments.NotYetAgreed:
        return Qualification.objects.waiting()


def waiting_since(now: dt.datetime) -> dt.datetime | None:
    """Since when the one that waits longest should have been with sales."""
    # The oldest by its tier's index; all tiers are handed off in one go, so which of them is the witness matters little.
    first = to_hand_off(now).defer("evidence").order_by("tier", "pk").first()
    if first is None:
        return None
    try:
        return tier_3_hold.since(first, commitments.current())
    except commitments.NotYetAgreed:
        return first.recorded_at


@transaction.atomic
def assign(*, handoff: Handoff, rep: Rep, by: User, now: dt.datetime, reason: str) -> Handoff:
    """A manager gives a handoff to a rep. The new rep's clocks start now; an overdue promise of the old one stays broken.

    Raises NotYours and AssignmentRefused with a sentence for the user.
    """
    handoff = handoff_states.lock(handoff)
    if not permissions.may_assign(by, handoff):
        raise permissions.NotYours("Only a manager of the team can reassign this handoff.")
    rep = Rep.objects.select_related("user", "team__calendar", "calendar").get(pk=rep.pk)
    _check_assignment(handoff, rep, reason)
    _check_standing(rep, now)
    before = handoff.rep
    clocks.cancel(handoff=handoff, now=now)
    try:
        routing.give(handoff=handoff, rep=rep, now=now)
    except (NeverOpen, BadCalendar) as error:
        raise AssignmentRefused(f"{rep}’s calendar has no working hours.") from error
    build_assignment(handoff=handoff, before=before, by=by, now=now, reason=reason).save(force_insert=True)
    outbox.write(outbox.reassigned(handoff=handoff, before=before, why=reason, by=by, at=now))
    return handoff


def build_assignment(
    *, handoff: Handoff, before: Rep | None, by: User, now: dt.datetime, reason: str
) -> RoutingDecision:
    """Return the record that a manager gave a handoff to the rep who has it now, not stored yet."""
    path = f"{before or 'Unrouted'} → {handoff.rep}, by {by}: {reason.strip()}"
    return routing.build_decision(handoff=handoff, rep=handoff.rep, explanation=path, now=now, by=by)


class _Failed(Exception):
    def __init__(self, qualification: int) -> None:
        self.qualification = qualification


@transaction.atomic
def _hand_off_next(
    commitment: Commitment, rules: Sequence[RoutingRule], passed_over: set[int], now: dt.datetime
) -> Handoff | Qualification | None:
    """What became of the next one: its handoff, or itself if there is no case for sales any more."""
    free = tier_3_hold.free(commitment, now).exclude(pk__in=passed_over).order_by("tier", "pk")
    qualification = _claimable(free, skip_locked=True).first()
    if qualification is None:
        return None
    try:
        with transaction.atomic():
            if tier_3_hold.is_over(qualification):
                return _let_go(qualification, now)
            return _create(qualification, commitment, rules, now, since=tier_3_hold.since(qualification, commitment))
    except Exception as error:
        log.exception("handoff_failed", qualification=qualification.pk)
        raise _Failed(qualification.pk) from error


def _let_go(qualification: Qualification, now: dt.datetime) -> Qualification:
    """It never comes to sales; where the CRM has not moved the lead on, it is marketing's as before."""
    mqls.take(qualification=qualification, now=now)
    if qualification.lead.stage == Stage.MQL:
        stage_changes.move(lead=qualification.lead, to=Stage.MAL, by=None, now=now, why="May not be contacted.")
    return mqls.close(qualification=qualification, now=now)


def _held(ids: Collection[int], commitment: Commitment, now: dt.datetime) -> Iterable[Qualification]:
    return _claimable(tier_3_hold.held(commitment, now).filter(pk__in=ids).order_by("pk"))


def _claimable(rows: QualificationQuerySet, *, skip_locked: bool = False) -> QualificationQuerySet:
    return rows.select_related("lead__company").select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)


def _create(
    qualification: Qualification,
    commitment: Commitment,
    rules: Sequence[RoutingRule],
    now: dt.datetime,
    *,
    since: dt.datetime,
    tier: int = 0,
) -> Handoff:
    handoff = build_handoff(qualification, commitment, now, tier=tier)
    handoff.save(force_insert=True)
    # A worker that was down has used up marketing's minutes.
    clocks.start_routing(handoff=handoff, since=since, rules=rules)
    mqls.take(qualification=qualification, now=now)
    return handoff


def build_handoff(qualification: Qualification, commitment: Commitment, now: dt.datetime, *, tier: int = 0) -> Handoff:
    """Return an unrouted handoff of an MQL, not stored yet; of the MQL's tier unless another is given."""
    return Handoff(
        qualification=qualification,
        lead=qualification.lead,
        motion=qualification.motion,
        version_id=qualification.version_id,
        commitment=commitment,
        tier=tier or qualification.tier,
        created_at=now,
    )


def _check_assignment(handoff: Handoff, rep: Rep, reason: str) -> None:
    if not handoff.is_open:
        raise AssignmentRefused(f"This handoff is closed ({handoff.get_state_display()}).")
    if rep == handoff.rep:
        raise AssignmentRefused(f"{rep} has this handoff already.")
    if not rep.is_active or not rep.user.is_active:
        raise AssignmentRefused(f"{rep} is not active.")
    if not reason.strip():
        raise AssignmentRefused("Say why, for the record.")


def _check_standing(rep: Rep, now: dt.datetime) -> None:
    """Nobody absent or over capacity gets one, by hand neither."""
    (standing,) = round_robin.standings([rep], now)
    if not standing.may_be_given:
        raise AssignmentRefused(f"{rep} cannot take it now: {standing.why}.")
