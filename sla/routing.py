"""Who gets a handoff: rules name the team, the rota the rep. Every outcome is explained in a `RoutingDecision`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import structlog
from django.db import transaction

from sla import clocks, notices, rota, states, territories
from sla.models import Handoff, Rep, RoutingDecision, RoutingRule, Team
from sla.vocabulary import ClockKind, HandoffState, NoticeKind

log = structlog.get_logger(__name__)

EXPLANATION_AT_MOST: Final = 300

Trace: TypeAlias = Sequence[dict[str, Any]]


def route(*, handoff: Handoff, now: dt.datetime, rules: Sequence[RoutingRule] | None = None) -> Rep | None:
    """Give an unrouted handoff to the rep whose turn it is; with nobody there it stays unrouted, visibly (SPEC 6).

    A failure in here leaves the handoff unrouted with the error as its explanation, and never raises.
    """
    try:
        return _attempt(handoff, territories.rules() if rules is None else rules, now)
    except _Failed:
        return None


def route_unrouted(*, now: dt.datetime, limit: int = 100) -> int:
    """Try the unrouted again, tier 1 and the oldest first. Once a team has nobody, the rest of its leads wait unasked."""
    rules = territories.rules()
    exhausted: set[int | None] = {None}
    routed = 0
    waiting = Handoff.objects.unrouted().select_related("lead__company").order_by("tier", "created_at", "pk")
    for handoff in waiting:
        rule = territories.match(rules, handoff).rule
        team = rule.team_id if rule else None
        if team in exhausted:
            continue
        try:
            if _attempt(handoff, rules, now) is None:
                exhausted.add(team)
            else:
                routed += 1
        except _Failed:
            continue
        if routed >= limit:
            break
    return routed


def give(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
    """Put a locked handoff in a rep's hands, as yet without saying why: state, clocks, notice."""
    columns = {"rep": rep, "team": rep.team}
    if handoff.is_unrouted:
        states.move(handoff, HandoffState.ASSIGNED, routed_at=now, **columns)
        clocks.met(handoff=handoff, kind=ClockKind.ROUTE, at=now)
    else:
        handoff.rep, handoff.team = rep, rep.team
        handoff.save(update_fields=list(columns))
    clocks.start_sales(handoff=handoff, rep=rep, now=now)
    Rep.objects.filter(pk=rep.pk).update(last_assigned_at=now)
    new = notices.Draft(
        kind=NoticeKind.NEW_MQL,
        once=f"routed:{handoff.pk}:{now.timestamp()}",
        handoff=handoff,
        to=[rep.user],
        text=f"New tier {handoff.tier} MQL: {handoff.lead}",
        at=now,
    )
    notices.write([new])


class _Failed(Exception):
    """Routing broke down on this handoff, which says nothing about the others."""


def _attempt(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    try:
        with transaction.atomic():
            return _route(handoff, rules, now)
    except Exception as error:
        log.exception("routing_failed", handoff=handoff.pk)
        with transaction.atomic():
            _stay_unrouted(states.lock(handoff), f"Routing failed: {error}", now)
        raise _Failed from error


def _route(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    handoff = states.lock(handoff)
    if not handoff.is_unrouted:
        return handoff.rep
    match = territories.match(rules, handoff)
    if match.rule is None:
        explanation = "No routing rule matches." if rules else "There is no routing rule yet."
        _stay_unrouted(handoff, explanation, now, match.trace)
        return None
    team = match.rule.team
    # Everybody who routes to this team waits here, in one order: that is what makes the turns fair.
    list(Rep.objects.filter(team=team).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    turn = rota.next_in_turn(rota.reps_of(team), now)
    path = f"Rule {match.rule.position}: {match.rule.name} → team {team}"
    trace = match.trace + turn.trace
    if turn.rep is None:
        _stay_unrouted(handoff, f"{path} → nobody available ({turn.reasons})", now, trace, team)
        return None
    give(handoff=handoff, rep=turn.rep, now=now)
    _explain(handoff, turn.rep, f"{path} → {turn.rep}, next in turn", trace, now)
    return turn.rep


def _stay_unrouted(
    handoff: Handoff, explanation: str, now: dt.datetime, trace: Trace = (), team: Team | None = None
) -> None:
    """Say why, once for each new reason, and alert those who can help."""
    last = handoff.routing_decisions.order_by("-pk").first()
    if last is None or last.explanation != explanation[:EXPLANATION_AT_MOST]:
        _explain(handoff, None, explanation, trace, now)
    alert = notices.Draft(
        kind=NoticeKind.UNROUTED,
        once=f"unrouted:{handoff.pk}",
        handoff=handoff,
        to=notices.managers(team),
        text=f"Nobody to route to: {handoff.lead}",
        at=now,
    )
    notices.write([alert])


def _explain(handoff: Handoff, rep: Rep | None, explanation: str, trace: Trace, now: dt.datetime) -> None:
    RoutingDecision.objects.create(
        handoff=handoff, at=now, rep=rep, explanation=explanation[:EXPLANATION_AT_MOST], trace=list(trace)
    )
