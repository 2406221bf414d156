"""Who gets a handoff: rules name the team, the rota the rep. Every outcome is explained in a `RoutingDecision`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import structlog
from django.db import transaction
from django.db.models import Q, prefetch_related_objects

from leads.models import User
from sla import handoff_states
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, NeverOpen
from sla.clocks import clocks
from sla.models import Handoff, Rep, RoutingDecision, RoutingRule, Team
from sla.notifications import outbox
from sla.teams import round_robin, routing_rules
from sla.vocabulary import OPEN_STATES, ClockKind, HandoffState

log = structlog.get_logger(__name__)

EXPLANATION_AT_MOST: Final = 300
NAME_AT_MOST: Final = 80
#: So long after its end a handoff still says whose company it is.
RECENT: Final = dt.timedelta(days=90)
CLOSED_AFTER_ACCEPTANCE: Final = (HandoffState.WON, HandoffState.LOST)
OWNERS_AT_MOST: Final = 20
DO_NOT_CONTACT: Final = (
    "Do not contact: nobody is given this lead to call. A manager may assign it to have it rejected."
)

Trace: TypeAlias = Sequence[dict[str, Any]]


def route(*, handoff: Handoff, now: dt.datetime, rules: Sequence[RoutingRule] | None = None) -> Rep | None:
    """Give an unrouted handoff to the rep whose turn it is; with nobody there it stays unrouted, visibly (rules 6.9).

    A failure in here leaves the handoff unrouted with the error as its explanation, and never raises.
    """
    try:
        return _attempt(handoff, routing_rules.rules() if rules is None else rules, now)
    except _Failed:
        return None


def route_unrouted(*, now: dt.datetime, limit: int = 100) -> int:
    """Try the unrouted again, the hot and the oldest first. Once a team has nobody, the rest of its leads wait unasked."""
    rules = routing_rules.rules()
    # Those who may not be contacted were told of when they came; they say nothing about their team.
    waiting = Handoff.objects.unrouted().filter(lead__do_not_contact=False)
    waiting = waiting.select_related("lead__company").hot_first()
    # At night there may be thousands, every two seconds: not read further than somebody is left to ask.
    rows = waiting.iterator(chunk_size=limit)
    return route_in_turn(rows, rules=rules, attempt=lambda handoff: _attempt(handoff, rules, now), limit=limit)


def route_in_turn(
    waiting: Iterable[Handoff],
    *,
    rules: Sequence[RoutingRule],
    attempt: Callable[[Handoff], Rep | None],
    limit: int = 100,
) -> int:
    """Attempt these unrouted handoffs in their order until `limit` are routed; returns how many were.

    A team that had nobody for one handoff is asked for no other. `attempt` returns the rep who got the handoff, or None.
    """
    exhausted: set[int | None] = {None}
    teams = {None, *(rule.team_id for rule in rules)}
    routed = 0
    for handoff in waiting:
        if exhausted == teams:
            break
        rule = routing_rules.match_rules(rules, handoff).rule
        team = rule.team_id if rule else None
        if team in exhausted:
            continue
        try:
            if attempt(handoff) is None:
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
        handoff_states.move(handoff, HandoffState.ASSIGNED, routed_at=now, **columns)
        clocks.met(handoff=handoff, kind=ClockKind.ROUTE, at=now)
    else:
        handoff.rep, handoff.team = rep, rep.team
        handoff.save(update_fields=list(columns))
    clocks.start_sales(handoff=handoff, rep=rep, now=now)
    Rep.objects.filter(pk=rep.pk).update(last_assigned_at=now)
    outbox.write([outbox.new_mql(handoff=handoff, rep=rep, at=now)])


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """Where a handoff would go and why; no rep: it would be unrouted."""

    rule: RoutingRule | None
    team: Team | None
    rep: Rep | None
    explanation: str
    trace: Trace


def plan(*, handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime, locking: bool = False) -> RoutingPlan:
    """The first rule that matches names the team, then the company's owner in it or who is next in turn (rules 6.4 to 6.6).

    Reads only, so it serves a dry run with a handoff that was never stored; `locking` makes the turns fair among routers.
    """

    def choose(team: Team) -> round_robin.Assignment:
        if locking:
            lock_turns(team)
        return round_robin.next_in_turn(round_robin.reps_of(team), now, owners=_owners(handoff, team, now))

    return plan_by(handoff=handoff, rules=rules, choose=choose)


def plan_by(
    *, handoff: Handoff, rules: Sequence[RoutingRule], choose: Callable[[Team], round_robin.Assignment]
) -> RoutingPlan:
    """Return the plan of a handoff, given who is chosen in the team that the rules name. Asks no query of its own."""
    match = routing_rules.match_rules(rules, handoff)
    if match.rule is None:
        explanation = routing_rules.NO_MATCH if rules else "There is no routing rule yet."
        return RoutingPlan(None, None, None, explanation, match.trace)
    team = match.rule.team
    turn = choose(team)
    path = f"Rule {match.rule.position}: {match.rule.name} → team {team}"
    end = f"{turn.rep}, {turn.why}" if turn.rep else f"nobody available ({turn.reasons})"
    return RoutingPlan(match.rule, team, turn.rep, f"{path} → {end}", match.trace + turn.trace)


@dataclass(frozen=True, slots=True)
class RoutingWait:
    """Why nobody has a lead: its team is closed until `opens_at`, or has nobody free, or it is nobody's (no `team`)."""

    team: Team | None
    opens_at: dt.datetime | None


def waits(handoffs: Iterable[Handoff], *, now: dt.datetime) -> list[tuple[Handoff, RoutingWait]]:
    """Each unrouted handoff with what it waits for, by the rules and hours as they are now. Reads only."""
    rules, openings = routing_rules.rules(), dict[int, dt.datetime | None]()
    found = []
    for handoff in handoffs:
        rule = routing_rules.match_rules(rules, handoff).rule
        if rule is not None and rule.team_id not in openings:
            openings[rule.team_id] = _opening(rule.team, now)
        found.append((handoff, RoutingWait(rule.team, openings[rule.team_id]) if rule else RoutingWait(None, None)))
    return found


def lock_turns(team: Team) -> None:
    """Everybody who routes to this team waits here, in one order: that is what makes the turns fair."""
    list(Rep.objects.filter(team=team).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def explain(*, handoff: Handoff, rep: Rep | None, explanation: str, trace: Trace, now: dt.datetime) -> None:
    """Write down who got it and why; the decision is Accord's own."""
    decision = build_decision(handoff=handoff, rep=rep, explanation=explanation, trace=trace, now=now)
    decision.save(force_insert=True)


def build_decision(
    *,
    handoff: Handoff,
    rep: Rep | None,
    explanation: str,
    now: dt.datetime,
    trace: Trace = (),
    by: User | None = None,
) -> RoutingDecision:
    """Return the record of who got a handoff and why, not stored yet; without `by` the decision is Accord's own."""
    text = explanation[:EXPLANATION_AT_MOST]
    return RoutingDecision(handoff=handoff, at=now, by=by, rep=rep, explanation=text, trace=list(trace))


def is_new_explanation(explanation: str, last: RoutingDecision | None) -> bool:
    """Return whether a reason for staying unrouted differs from the last one on record, so that it is written down."""
    return last is None or last.explanation != explanation[:EXPLANATION_AT_MOST]


class _Failed(Exception):
    """Routing broke down on this handoff, which says nothing about the others."""


def _attempt(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    try:
        with transaction.atomic():
            return _route(handoff, rules, now)
    except Exception as error:
        log.exception("routing_failed", handoff=handoff.pk)
        with transaction.atomic():
            _stay_unrouted(handoff_states.lock(handoff), f"Routing failed: {error}", now)
        raise _Failed from error


def _route(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    handoff = handoff_states.lock(handoff)
    if not handoff.is_unrouted:
        return handoff.rep
    if handoff.lead.do_not_contact:
        _stay_unrouted(handoff, DO_NOT_CONTACT, now)
        return None
    chosen = plan(handoff=handoff, rules=rules, now=now, locking=True)
    if chosen.rep is None:
        _stay_unrouted(handoff, chosen.explanation, now, chosen.trace, chosen.team)
        return None
    give(handoff=handoff, rep=chosen.rep, now=now)
    explain(handoff=handoff, rep=chosen.rep, explanation=chosen.explanation, trace=chosen.trace, now=now)
    return chosen.rep


def _owners(handoff: Handoff, team: Team, now: dt.datetime) -> list[round_robin.CompanyOwner]:
    """The team's reps who have somebody of the lead's company in hand, or had until lately; the latest first."""
    if handoff.lead.company_id is None:
        return []
    is_theirs = Q(state__in=OPEN_STATES) | Q(state__in=CLOSED_AFTER_ACCEPTANCE, closed_at__gte=now - RECENT)
    theirs = Handoff.objects.filter(is_theirs, lead__company=handoff.lead.company_id, motion=handoff.motion)
    rows = theirs.filter(rep__team=team).exclude(pk=handoff.pk).select_related("lead", "rep__user").order_by("-pk")
    return list_owners(rows[:OWNERS_AT_MOST])


def owns_company(row: Handoff, handoff: Handoff, team: Team, now: dt.datetime) -> bool:
    """Return whether `row` makes its rep the owner of the company of `handoff`: the query of `_owners`, in memory."""
    if row.pk == handoff.pk or row.rep is None or row.rep.team_id != team.pk or row.motion != handoff.motion:
        return False
    is_recent = row.closed_at is not None and row.closed_at >= now - RECENT
    is_theirs = row.state in OPEN_STATES or (row.state in CLOSED_AFTER_ACCEPTANCE and is_recent)
    return is_theirs and row.lead.company_id == handoff.lead.company_id is not None


def list_owners(rows: Iterable[Handoff]) -> list[round_robin.CompanyOwner]:
    """Return the owners of a company from the handoffs that make them so, in the same order."""
    return [round_robin.CompanyOwner(row.rep_id, _same_company(row)) for row in rows if row.rep_id is not None]


def _same_company(row: Handoff) -> str:
    return f"same company as {str(row.lead)[:NAME_AT_MOST]}, owned by {row.rep}"


def _stay_unrouted(
    handoff: Handoff, explanation: str, now: dt.datetime, trace: Trace = (), team: Team | None = None
) -> None:
    """Say why, once for each new reason, and alert those who can help."""
    last = handoff.routing_decisions.order_by("-pk").first()
    if is_new_explanation(explanation, last):
        explain(handoff=handoff, rep=None, explanation=explanation, trace=trace, now=now)
    outbox.write(unrouted_notices(handoff, explanation, team, now))


def unrouted_notices(
    handoff: Handoff, explanation: str, team: Team | None, now: dt.datetime
) -> list[outbox.NoticeDraft]:
    """Return the alert that nobody has a handoff, to the managers; none while its team is closed.

    Nobody can help then: the list shows it, and the sweep alerts once routing is overdue.
    """
    if team is not None and _opening(team, now) is not None:
        return []
    return [outbox.unrouted(handoff=handoff, team=team, why=explanation, at=now)]


def _opening(team: Team, now: dt.datetime) -> dt.datetime | None:
    """When a team that is closed opens again; None for one that is open, never opens or has hours that cannot be read."""
    prefetch_related_objects([team.calendar], "hours", "special_days")
    try:
        hours = calendars.pure(team.calendar, now)
        opens_at = arithmetic.next_open(hours, now)
    except (BadCalendar, NeverOpen):
        return None
    return opens_at if opens_at > now else None
