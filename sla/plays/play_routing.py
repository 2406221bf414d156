"""The owner of a play: routing rules by the company's attributes name the team, its owner or the next in turn takes it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from django.db import transaction
from django.db.models import Q

from config import outages
from config.accounts.models import User
from config.jobs import sweeps
from leads.models import Lead
from leads.vocabulary import Motion
from sla import permissions
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.handoffs import routing
from sla.models import AccountPlay, Handoff, PlayRouting, Rep, RoutingRule, Team
from sla.notifications import outbox
from sla.notifications.outbox import NoticeDraft
from sla.plays import play_clocks, play_states
from sla.plays.play_states import PlayInputRefused, PlayStepRefused
from sla.teams import round_robin, routing_rules
from sla.teams.round_robin import CompanyOwner
from sla.vocabulary import OPEN_PLAY_STATES, OPEN_STATES, ClockKind, NoticeKind, PlayState

log = structlog.get_logger(__name__)

SWEEP: Final = "plays to route"
EXPLANATION_AT_MOST: Final = 300
OWNERS_AT_MOST: Final = 20
WHY_AT_MOST: Final = 200


def as_routable(play: AccountPlay) -> Handoff:
    """Return the play in the shape that routing rules read, never stored: its company, tier and motion."""
    return Handoff(lead=Lead(company=play.company), motion=Motion.AQL, tier=play.tier)


def route_play(*, play: AccountPlay, now: dt.datetime, rules: Sequence[RoutingRule] | None = None) -> Rep | None:
    """Give an unrouted play to its owner, or leave it unrouted and visible.

    1. Lock the play; stop if somebody routed it meanwhile.
    2. Find the first routing rule that matches the company: it names the team.
    3. Choose the rep of that team who owns the company already, or else the next in turn among plays.
    4. With nobody available, record why, once for each new reason, and alert the managers.
    5. Assign the play: its state, the routing clock, the owner's clocks, the notice, the decision with its trace.

    A failure leaves the play unrouted with a sentence as its explanation, one that passes without a trace (rules 17.5);
    neither raises.
    """
    try:
        return _try_to_route(play, routing_rules.active_rules() if rules is None else rules, now)
    except routing.RoutingFailed:
        return None


def route_unrouted(*, now: dt.datetime, limit: int = 100) -> int:
    """Try to route the unrouted plays again, tier 1 and the oldest first; return how many were routed.

    As of leads, a team without anybody available is tried once, and a play that fails is set aside (rules 17.5).
    """
    waiting = AccountPlay.objects.unrouted()
    sweeps.forget_done(SWEEP, waiting, now)
    waiting = sweeps.exclude_set_aside(SWEEP, waiting, now).select_related("company").order_by("tier", "pk")
    rules = routing_rules.active_rules()
    return routing.route_in_turn(
        waiting.iterator(chunk_size=limit),
        as_handoff=as_routable,
        rules=rules,
        route=lambda play: _try_to_route(play, rules, now),
        set_aside=lambda play, error: sweeps.set_aside(SWEEP, play.pk, error, now=now),
        limit=limit,
    )


def responsible_team(play: AccountPlay, rules: Sequence[RoutingRule]) -> Team | None:
    """Return the team that the rules name for the play, or None if no rule matches."""
    rule = routing_rules.match_rules(rules, as_routable(play)).rule
    return rule.team if rule else None


@transaction.atomic
def assign_play(*, play: AccountPlay, rep: Rep, by: User, now: dt.datetime, reason: str) -> AccountPlay:
    """Give a play to another rep, by a manager; the new owner's clocks start now. The former owner is told.

    Raises NotYours, PlayStepRefused and PlayInputRefused with a sentence for the user.
    """
    play = play_states.lock_play(play)
    if not permissions.may_assign(by, play):
        raise permissions.NotYours("Only a manager of the team can give this play to another rep.")
    rep = Rep.objects.select_related("user", "team__calendar", "calendar").get(pk=rep.pk)
    _check_assignment(play, rep, reason, now)
    before = play.rep
    play_clocks.cancel(play=play, now=now)
    try:
        _give(play, rep, now)
    except (NeverOpen, BadCalendar) as error:
        raise PlayInputRefused(f"{rep}’s calendar has no working hours.") from error
    _record(play, rep, f"{before or 'Unrouted'} → {rep}, by {by}: {reason.strip()}", now, by=by)
    if before is not None:
        outbox.write_notices([_draft_reassigned(play, before, reason, now)])
    return play


def read_last_turns(reps: Sequence[Rep], count: int) -> Iterable[int]:
    """Return who got the last plays, the latest first: plays take turns apart from leads."""
    recent = PlayRouting.objects.filter(rep__in=reps).order_by("-pk")
    return [pk for pk in recent.values_list("rep", flat=True)[:count] if pk is not None]


def _check_assignment(play: AccountPlay, rep: Rep, reason: str, now: dt.datetime) -> None:
    if not play.is_open:
        raise PlayStepRefused(f"This play is closed ({play.get_state_display()}).")
    if rep == play.rep:
        raise PlayStepRefused(f"{rep} has this play already{routing.describe_last(play.routings.all())}.")
    if not rep.is_active or not rep.user.is_active:
        raise PlayInputRefused(f"{rep} is not active.")
    if not reason.strip():
        raise PlayInputRefused("Say why, for the record.")
    if len(reason.strip()) > WHY_AT_MOST:
        raise PlayInputRefused(f"The reason has {WHY_AT_MOST} characters at most.")
    # Working hours do not count: the clocks wait for the morning (rules 6.7).
    (availability,) = round_robin.fetch_availabilities([rep], now, motion=Motion.AQL)
    if not availability.may_be_given:
        raise PlayInputRefused(f"{rep} cannot take it now: {availability.why}.")


def _try_to_route(play: AccountPlay, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    try:
        with transaction.atomic():
            return _route_locked(play, rules, now)
    except Exception as error:
        log.exception("play_routing_failed", play=play.pk)
        if not outages.is_outage(error):
            why = f"Routing failed: {routing.describe_failure(error)}"
            with transaction.atomic():
                _leave_unrouted(play_states.lock_play(play), None, why, (), now)
        raise routing.RoutingFailed(error) from error


def _route_locked(play: AccountPlay, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    play = play_states.lock_play(play)
    if not play.is_unrouted:
        return play.rep
    match = routing_rules.match_rules(rules, as_routable(play))
    if match.rule is None:
        why = routing_rules.NO_MATCH if rules else "There is no routing rule yet."
        _leave_unrouted(play, None, why, match.trace, now)
        return None
    team = match.rule.team
    routing.lock_turns(team)
    availabilities = round_robin.fetch_availabilities(round_robin.fetch_reps(team), now, motion=Motion.AQL)
    assignment = round_robin.choose_available(availabilities, read_last_turns, owners=_company_owners(play, team, now))
    path = f"Rule {match.rule.position}: {match.rule.name} → team {team}"
    trace = match.trace + assignment.trace
    if assignment.rep is None:
        _leave_unrouted(play, team, f"{path} → nobody available ({assignment.reasons})", trace, now)
        return None
    _give(play, assignment.rep, now)
    _record(play, assignment.rep, f"{path} → {assignment.rep}, {assignment.why}", now, trace=trace)
    return assignment.rep


def _give(play: AccountPlay, rep: Rep, now: dt.datetime) -> None:
    """Assign a locked play to a rep: its state, its clocks and the notice."""
    if play.is_unrouted:
        play_states.move_play(play, PlayState.ASSIGNED, rep=rep, team=rep.team, routed_at=now)
        play_clocks.mark_met(play=play, kind=ClockKind.ROUTE, at=now)
    else:
        play.rep, play.team = rep, rep.team
        play.save(update_fields=["rep", "team"])
    play_clocks.start_sales(play=play, rep=rep, now=now)
    text = f"New account play: {play.company} ({play.qualification.contacts} contacts engaged)"
    once = f"play-routed:{play.pk}:{now.timestamp()}"
    path = play_clocks.path_of(play)
    outbox.write_notices([NoticeDraft(NoticeKind.NEW_PLAY, once, None, [rep.user], text, now, path)])


def _draft_reassigned(play: AccountPlay, before: Rep, reason: str, now: dt.datetime) -> NoticeDraft:
    """Draft the notice to the former owner of a play."""
    text = f"Now with {play.rep}: account play {play.company} ({reason.strip()})"
    once = f"play-reassigned:{play.pk}:{now.timestamp()}"
    return NoticeDraft(NoticeKind.REASSIGNED, once, None, [before.user], text, now, play_clocks.path_of(play))


def _leave_unrouted(
    play: AccountPlay, team: Team | None, why: str, trace: Sequence[dict[str, Any]], now: dt.datetime
) -> None:
    last = play.routings.order_by("-pk").first()
    if last is None or last.explanation != why[:EXPLANATION_AT_MOST]:
        _record(play, None, why, now, trace=trace)
    # Nobody can help while the team is closed: the list shows it, and the sweep alerts once routing is overdue.
    if team is None or routing.next_opening(team, now) is None:
        text = f"{why.rstrip('.')}: account play {play.company}"
        once, path = f"play-unrouted:{play.pk}", play_clocks.path_of(play)
        outbox.write_notices([NoticeDraft(NoticeKind.UNROUTED, once, None, outbox.managers(team), text, now, path)])


def _record(
    play: AccountPlay,
    rep: Rep | None,
    explanation: str,
    now: dt.datetime,
    *,
    trace: Sequence[dict[str, Any]] = (),
    by: User | None = None,
) -> None:
    PlayRouting.objects.create(
        play=play,
        rep=rep,
        rep_name=str(rep or ""),
        explanation=explanation[:EXPLANATION_AT_MOST],
        trace=list(trace),
        at=now,
        by=by,
    )


def _company_owners(play: AccountPlay, team: Team, now: dt.datetime) -> list[CompanyOwner]:
    """Return the reps of the team who own the company, or did lately: by a play first, then by a lead of any motion."""
    since = now - routing.OWNERSHIP_AFTER_CLOSE
    closed = (PlayState.WON, PlayState.LOST)
    is_owned = Q(state__in=OPEN_PLAY_STATES) | Q(state__in=closed, closed_at__gte=since)
    plays = AccountPlay.objects.filter(is_owned, company=play.company, rep__team=team).exclude(pk=play.pk)
    owners = [
        CompanyOwner(row.rep_id, f"owned {play.company} by an earlier play")
        for row in plays.order_by("-pk")[:OWNERS_AT_MOST]
        if row.rep_id is not None
    ]
    is_owned = Q(state__in=OPEN_STATES) | Q(state__in=routing.CLOSED_AFTER_ACCEPTANCE, closed_at__gte=since)
    handoffs = Handoff.objects.filter(is_owned, lead__company=play.company, rep__team=team)
    rows = handoffs.select_related("lead", "rep__user").order_by("-pk")[:OWNERS_AT_MOST]
    return owners + routing.list_owners(rows)
