"""Who gets a handoff: rules name the team, the rota the rep. Every outcome is explained in a `RoutingDecision`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import structlog
from django.db import transaction
from django.db.models import Q, prefetch_related_objects

from sla import handoff_states
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.models import Handoff, Rep, RoutingDecision, RoutingRule, Team
from sla.notifications import outbox
from sla.teams import round_robin, routing_rules
from sla.vocabulary import OPEN_STATES, ClockKind, HandoffState, NoticeKind

log = structlog.get_logger(__name__)

EXPLANATION_AT_MOST: Final = 300
NAME_AT_MOST: Final = 80
#: So long after its end a handoff still says whose company it is.
OWNERSHIP_AFTER_CLOSE: Final = dt.timedelta(days=90)
CLOSED_AFTER_ACCEPTANCE: Final = (HandoffState.WON, HandoffState.LOST)
OWNERS_AT_MOST: Final = 20
DO_NOT_CONTACT: Final = (
    "Do not contact: nobody is given this lead to call. A manager may assign it to have it rejected."
)

Trace: TypeAlias = Sequence[dict[str, Any]]


def route_handoff(*, handoff: Handoff, now: dt.datetime, rules: Sequence[RoutingRule] | None = None) -> Rep | None:
    """Give an unrouted handoff to the rep whose turn it is; with nobody there it stays unrouted, visibly (rules 6.9).

    A failure in here leaves the handoff unrouted with the error as its explanation, and never raises.
    """
    try:
        return _try_to_route(handoff, routing_rules.active_rules() if rules is None else rules, now)
    except _Failed:
        return None


def route_unrouted(*, now: dt.datetime, limit: int = 100) -> int:
    """Try the unrouted again, the hot and the oldest first. Once a team has nobody, the rest of its leads wait unasked."""
    rules = routing_rules.active_rules()
    exhausted: set[int | None] = {None}
    all_teams = {None, *(rule.team_id for rule in rules)}
    routed = 0
    # Those who may not be contacted were told of when they came; they say nothing about their team.
    waiting = Handoff.objects.unrouted().filter(lead__do_not_contact=False)
    waiting = waiting.select_related("lead__company").hot_first()
    # At night there may be thousands, every two seconds: not read further than somebody is left to ask.
    for handoff in waiting.iterator(chunk_size=limit):
        if exhausted == all_teams:
            break
        rule = routing_rules.match_rules(rules, handoff).rule
        team_id = rule.team_id if rule else None
        if team_id in exhausted:
            continue
        try:
            if _try_to_route(handoff, rules, now) is None:
                exhausted.add(team_id)
            else:
                routed += 1
        except _Failed:
            continue
        if routed >= limit:
            break
    return routed


def give_to_rep(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
    """Put a locked handoff in a rep's hands, as yet without saying why: state, clocks, notice."""
    columns = {"rep": rep, "team": rep.team}
    if handoff.is_unrouted:
        handoff_states.move(handoff, HandoffState.ASSIGNED, routed_at=now, **columns)
        clocks.mark_met(handoff=handoff, kind=ClockKind.ROUTE, at=now)
    else:
        handoff.rep, handoff.team = rep, rep.team
        handoff.save(update_fields=list(columns))
    clocks.start_sales(handoff=handoff, rep=rep, now=now)
    Rep.objects.filter(pk=rep.pk).update(last_assigned_at=now)
    draft = outbox.NoticeDraft(
        kind=NoticeKind.NEW_MQL,
        once=f"routed:{handoff.pk}:{now.timestamp()}",
        handoff=handoff,
        to=[rep.user],
        text=f"New tier {handoff.tier} MQL: {handoff.lead}",
        at=now,
    )
    outbox.write_notices([draft])


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """Where a handoff would go and why; no rep: it would be unrouted."""

    rule: RoutingRule | None
    team: Team | None
    rep: Rep | None
    explanation: str
    trace: Trace


def plan_routing(
    *, handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime, locking: bool = False
) -> RoutingPlan:
    """The first rule that matches names the team, then the company's owner in it or who is next in turn (rules 6.4 to 6.6).

    Reads only, so it serves a dry run with a handoff that was never stored; `locking` makes the turns fair among routers.
    """
    match = routing_rules.match_rules(rules, handoff)
    if match.rule is None:
        explanation = routing_rules.NO_MATCH if rules else "There is no routing rule yet."
        return RoutingPlan(None, None, None, explanation, match.trace)
    team = match.rule.team
    if locking:
        lock_turns(team)
    assignment = round_robin.choose_next(round_robin.fetch_reps(team), now, owners=_company_owners(handoff, team, now))
    path = f"Rule {match.rule.position}: {match.rule.name} → team {team}"
    result = f"{assignment.rep}, {assignment.why}" if assignment.rep else f"nobody available ({assignment.reasons})"
    return RoutingPlan(match.rule, team, assignment.rep, f"{path} → {result}", match.trace + assignment.trace)


@dataclass(frozen=True, slots=True)
class RoutingWait:
    """Why nobody has a lead: its team is closed until `opens_at`, or has nobody free, or it is nobody's (no `team`)."""

    team: Team | None
    opens_at: dt.datetime | None


def find_waits(handoffs: Iterable[Handoff], *, now: dt.datetime) -> list[tuple[Handoff, RoutingWait]]:
    """Each unrouted handoff with what it waits for, by the rules and hours as they are now. Reads only."""
    rules, openings = routing_rules.active_rules(), dict[int, dt.datetime | None]()
    waits = []
    for handoff in handoffs:
        rule = routing_rules.match_rules(rules, handoff).rule
        if rule is not None and rule.team_id not in openings:
            openings[rule.team_id] = _next_opening(rule.team, now)
        waits.append((handoff, RoutingWait(rule.team, openings[rule.team_id]) if rule else RoutingWait(None, None)))
    return waits


def lock_turns(team: Team) -> None:
    """Everybody who routes to this team waits here, in one order: that is what makes the turns fair."""
    list(Rep.objects.filter(team=team).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def record_decision(*, handoff: Handoff, rep: Rep | None, explanation: str, trace: Trace, now: dt.datetime) -> None:
    """Write down who got it and why; the decision is Accord's own."""
    RoutingDecision.objects.create(
        handoff=handoff, at=now, rep=rep, explanation=explanation[:EXPLANATION_AT_MOST], trace=list(trace)
    )


class _Failed(Exception):
    """Routing broke down on this handoff, which says nothing about the others."""


def _try_to_route(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    try:
        with transaction.atomic():
            return _route_locked(handoff, rules, now)
    except Exception as error:
        log.exception("routing_failed", handoff=handoff.pk)
        with transaction.atomic():
            _leave_unrouted(handoff_states.lock(handoff), f"Routing failed: {error}", now)
        raise _Failed from error


def _route_locked(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    handoff = handoff_states.lock(handoff)
    if not handoff.is_unrouted:
        return handoff.rep
    if handoff.lead.do_not_contact:
        _leave_unrouted(handoff, DO_NOT_CONTACT, now)
        return None
    plan = plan_routing(handoff=handoff, rules=rules, now=now, locking=True)
    if plan.rep is None:
        _leave_unrouted(handoff, plan.explanation, now, plan.trace, plan.team)
        return None
    give_to_rep(handoff=handoff, rep=plan.rep, now=now)
    record_decision(handoff=handoff, rep=plan.rep, explanation=plan.explanation, trace=plan.trace, now=now)
    return plan.rep


def _company_owners(handoff: Handoff, team: Team, now: dt.datetime) -> list[round_robin.CompanyOwner]:
    """The team's reps who have somebody of the lead's company in hand, or had until lately; the latest first."""
    if handoff.lead.company_id is None:
        return []
    is_owned = Q(state__in=OPEN_STATES) | Q(
        state__in=CLOSED_AFTER_ACCEPTANCE, closed_at__gte=now - OWNERSHIP_AFTER_CLOSE
    )
    owned = Handoff.objects.filter(is_owned, lead__company=handoff.lead.company_id, motion=handoff.motion)
    rows = owned.filter(rep__team=team).exclude(pk=handoff.pk).select_related("lead", "rep__user").order_by("-pk")
    return [
        round_robin.CompanyOwner(row.rep_id, _same_company_reason(row))
        for row in rows[:OWNERS_AT_MOST]
        if row.rep_id is not None
    ]


def _same_company_reason(row: Handoff) -> str:
    return f"same company as {str(row.lead)[:NAME_AT_MOST]}, owned by {row.rep}"


def _leave_unrouted(
    handoff: Handoff, explanation: str, now: dt.datetime, trace: Trace = (), team: Team | None = None
) -> None:
    """Say why, once for each new reason, and alert those who can help."""
    last = handoff.routing_decisions.order_by("-pk").first()
    if last is None or last.explanation != explanation[:EXPLANATION_AT_MOST]:
        record_decision(handoff=handoff, rep=None, explanation=explanation, trace=trace, now=now)
    # Nobody can help while the team is closed: the list shows it, and the sweep alerts once routing is overdue.
    if team is None or _next_opening(team, now) is None:
        outbox.write_notices([outbox.draft_unrouted(handoff=handoff, team=team, why=explanation, at=now)])


def _next_opening(team: Team, now: dt.datetime) -> dt.datetime | None:
    """When a team that is closed opens again; None for one that is open, never opens or has hours that cannot be read."""
    prefetch_related_objects([team.calendar], "hours", "special_days")
    try:
        hours = calendars.build_calendar(team.calendar, now)
        opens_at = arithmetic.next_open(hours, now)
    except (BadCalendar, NeverOpen):
        return None
    return opens_at if opens_at > now else None
