"""Routing of handoffs: rules name the team, round robin the rep. Every outcome is explained in a `RoutingDecision`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects

from config import outages
from config.accounts.models import User
from config.jobs import sweeps
from leads.identity import merges
from leads.vocabulary import Motion
from sla import handoff_states
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar, NeverCloses, NeverOpen
from sla.clocks import clocks
from sla.models import Handoff, PlayRouting, Rep, RoutingDecision, RoutingRule, Team
from sla.notifications import outbox
from sla.teams import round_robin, routing_rules
from sla.vocabulary import OPEN_STATES, ClockKind, HandoffState

log = structlog.get_logger(__name__)

SWEEP: Final = "handoffs to route"
EXPLANATION_AT_MOST: Final = 300
NAME_AT_MOST: Final = 80
#: A rep keeps ownership of a company for this long after its last handoff closed.
OWNERSHIP_AFTER_CLOSE: Final = dt.timedelta(days=90)
CLOSED_AFTER_ACCEPTANCE: Final = (HandoffState.WON, HandoffState.LOST)
OWNERS_AT_MOST: Final = 20
DO_NOT_CONTACT: Final = (
    "Do not contact: nobody is given this lead to call. A manager may assign it to have it rejected."
)

Trace: TypeAlias = Sequence[dict[str, Any]]
Waiting = TypeVar("Waiting")


def route_handoff(*, handoff: Handoff, now: dt.datetime, rules: Sequence[RoutingRule] | None = None) -> Rep | None:
    """Give an unrouted handoff to the rep whose turn it is, or leave it unrouted and visible if nobody can take it (rules 6.9).

    In one transaction, by `_route_locked`:
    1. Lock the handoff; stop if somebody routed it meanwhile.
    2. Leave it unrouted if the lead may not be contacted.
    3. Find the first routing rule that matches: it names the team.
    4. Lock the team's reps, so that two routers choose one after the other.
    5. Choose the owner of the lead's company in that team, or else the next rep in turn.
    6. With nobody available, record why, alert those who can help and leave it unrouted.
    7. Assign the handoff: change its state, stop the routing clock, start the rep's clocks, notify the rep.
    8. Record the decision with its trace.

    A failure leaves the handoff unrouted with a sentence as its explanation, one that passes without a trace (rules 17.5);
    neither raises.
    """
    try:
        return _try_to_route(handoff, routing_rules.active_rules() if rules is None else rules, now)
    except RoutingFailed:
        return None


def route_unrouted(*, now: dt.datetime, limit: int = 100) -> int:
    """Try to route the unrouted handoffs again, hot ones and the oldest first; return how many were routed.

    Once a team has nobody available, the rest of its leads wait without another try. One that fails is set aside (rules
    17.5).
    """
    rules = routing_rules.active_rules()
    # Leads that may not be contacted are left out: their notice was written when they came, and one of them staying
    # unrouted must not mark its team as exhausted.
    waiting = Handoff.objects.unrouted().exclude(merges.is_opted_out())
    sweeps.forget_done(SWEEP, waiting, now)
    waiting = sweeps.exclude_set_aside(SWEEP, waiting, now).select_related("lead__company").hot_first()
    # At night thousands may wait, and this runs every two seconds: stop reading once every team is exhausted.
    return route_in_turn(
        waiting.iterator(chunk_size=limit),
        as_handoff=lambda handoff: handoff,
        rules=rules,
        route=lambda handoff: _try_to_route(handoff, rules, now),
        set_aside=lambda handoff, error: sweeps.set_aside(SWEEP, handoff.pk, error, now=now),
        limit=limit,
    )


def route_in_turn(
    waiting: Iterable[Waiting],
    *,
    as_handoff: Callable[[Waiting], Handoff],
    rules: Sequence[RoutingRule],
    route: Callable[[Waiting], Rep | None],
    set_aside: Callable[[Waiting, Exception], object] | None = None,
    limit: int = 100,
) -> int:
    """Try to route these unrouted rows in their order until `limit` are routed; return how many were.

    `as_handoff` gives a row the shape that routing rules read. `route` returns the rep who got it, or None. A team that had
    nobody for one row is tried for no other. A row that fails is given to `set_aside`; without that the error is raised.
    """
    exhausted: set[int | None] = {None}
    all_teams = {None, *(rule.team_id for rule in rules)}
    routed = 0
    for row in waiting:
        if exhausted == all_teams:
            break
        try:
            rule = routing_rules.match_rules(rules, as_handoff(row)).rule
            team_id = rule.team_id if rule else None
            if team_id in exhausted:
                continue
            if route(row) is None:
                exhausted.add(team_id)
            else:
                routed += 1
        except Exception as error:
            if set_aside is None:
                raise
            set_aside(row, error.error if isinstance(error, RoutingFailed) else error)
        if routed >= limit:
            break
    return routed


def give_to_rep(*, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
    """Assign a locked handoff to a rep: change its state, start the rep's clocks, write the notice.

    Does not record why; callers do that with `record_decision`.
    """
    columns = {"rep": rep, "team": rep.team}
    if handoff.is_unrouted:
        handoff_states.move(handoff, HandoffState.ASSIGNED, routed_at=now, **columns)
        clocks.mark_met(handoff=handoff, kind=ClockKind.ROUTE, at=now)
    else:
        handoff.rep, handoff.team = rep, rep.team
        handoff.save(update_fields=list(columns))
    clocks.start_sales(handoff=handoff, rep=rep, now=now)
    Rep.objects.filter(pk=rep.pk).update(last_assigned_at=now)
    outbox.write_notices([outbox.draft_new_mql(handoff=handoff, rep=rep, at=now)])


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """The rule, team and rep that routing would choose for a handoff, and why. Without a rep it would stay unrouted."""

    rule: RoutingRule | None
    team: Team | None
    rep: Rep | None
    explanation: str
    trace: Trace


def plan_routing(
    *, handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime, locking: bool = False
) -> RoutingPlan:
    """Choose the team by the first matching rule, then the company's owner in it or the next in turn (rules 6.4 to 6.6).

    Reads only, so it serves a dry run with a handoff that was never stored. `locking` locks the team's reps, so that turns
    stay fair among concurrent routers.
    """

    def choose_rep(team: Team) -> round_robin.Assignment:
        if locking:
            lock_turns(team)
        owners, motion = _company_owners(handoff, team, now), Motion(handoff.motion)
        return round_robin.choose_next(round_robin.fetch_reps(team), now, motion=motion, owners=owners)

    return build_plan(handoff=handoff, rules=rules, choose_rep=choose_rep)


def build_plan(
    *, handoff: Handoff, rules: Sequence[RoutingRule], choose_rep: Callable[[Team], round_robin.Assignment]
) -> RoutingPlan:
    """Return the plan of a handoff; `choose_rep` chooses within the team that the rules name. Makes no query of its own."""
    match = routing_rules.match_rules(rules, handoff)
    if match.rule is None:
        explanation = routing_rules.NO_MATCH if rules else "There is no routing rule yet."
        return RoutingPlan(None, None, None, explanation, match.trace)
    team = match.rule.team
    assignment = choose_rep(team)
    path = f"Rule {match.rule.position}: {match.rule.name} → team {team}"
    result = f"{assignment.rep}, {assignment.why}" if assignment.rep else f"nobody available ({assignment.reasons})"
    return RoutingPlan(match.rule, team, assignment.rep, f"{path} → {result}", match.trace + assignment.trace)


@dataclass(frozen=True, slots=True)
class RoutingWait:
    """The reason why a handoff is unrouted: its team is closed until `opens_at`, or has nobody free, or no team matches."""

    team: Team | None
    opens_at: dt.datetime | None


def find_waits(handoffs: Iterable[Handoff], *, now: dt.datetime) -> list[tuple[Handoff, RoutingWait]]:
    """Return each unrouted handoff with what it waits for, by the rules and hours as they are now. Reads only."""
    rules, openings = routing_rules.active_rules(), dict[int, dt.datetime | None]()
    waits = []
    for handoff in handoffs:
        rule = routing_rules.match_rules(rules, handoff).rule
        if rule is not None and rule.team_id not in openings:
            openings[rule.team_id] = next_opening(rule.team, now)
        waits.append((handoff, RoutingWait(rule.team, openings[rule.team_id]) if rule else RoutingWait(None, None)))
    return waits


def lock_turns(team: Team) -> None:
    """Lock the team's reps in id order: concurrent routers to this team wait here, which keeps the turns fair."""
    list(Rep.objects.filter(team=team).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def record_decision(*, handoff: Handoff, rep: Rep | None, explanation: str, trace: Trace, now: dt.datetime) -> None:
    """Store which rep got the handoff and why, as a decision of Accord itself."""
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
    return RoutingDecision(
        handoff=handoff, at=now, by=by, rep=rep, rep_name=str(rep or ""), explanation=text, trace=list(trace)
    )


def is_new_explanation(explanation: str, last_decision: RoutingDecision | None) -> bool:
    """Return whether a reason for staying unrouted differs from the last recorded one, so that it is recorded, too."""
    return last_decision is None or last_decision.explanation != explanation[:EXPLANATION_AT_MOST]


def describe_last(decisions: QuerySet[RoutingDecision] | QuerySet[PlayRouting]) -> str:
    """Return who gave a handoff or a play to its rep and when, as the end of a sentence: for a manager who comes second."""
    last = decisions.select_related("by").order_by("-pk").first()
    return "" if last is None else f", by {last.by or 'Accord'} since {last.at:%-d %B %Y, %H:%M} UTC"


class RoutingFailed(Exception):
    """A failure of routing on one handoff or play, with its cause; the others are not affected."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def _try_to_route(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    try:
        with transaction.atomic():
            return _route_locked(handoff, rules, now)
    except Exception as error:
        log.exception("routing_failed", handoff=handoff.pk)
        if not outages.is_outage(error):
            with transaction.atomic():
                _leave_unrouted(handoff_states.lock(handoff), f"Routing failed: {describe_failure(error)}", now)
        raise RoutingFailed(error) from error


def describe_failure(error: Exception) -> str:
    """Return why routing failed: hours that cannot be read are named, so that a manager mends them."""
    return str(error) if isinstance(error, BadCalendar | NeverOpen | NeverCloses) else outages.describe_failure(error)


def _route_locked(handoff: Handoff, rules: Sequence[RoutingRule], now: dt.datetime) -> Rep | None:
    handoff = handoff_states.lock(handoff)
    if not handoff.is_unrouted:
        return handoff.rep
    if merges.may_not_be_contacted(handoff.lead):
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
    """Return the reps of the team who own a handoff of the lead's company or of the same person, or did lately; the
    latest first.
    """
    person = merges.list_person_ids(handoff.lead)
    company = handoff.lead.company_id
    if company is None and len(person) == 1:
        return []
    # Nearly everybody is one lead, for whom the index on the company alone finds the rows.
    is_related = Q(lead__company=company) if company is not None else Q(pk__in=[])
    is_related |= Q(lead__in=person) if len(person) > 1 else Q(pk__in=[])
    is_owned = Q(state__in=OPEN_STATES) | Q(
        state__in=CLOSED_AFTER_ACCEPTANCE, closed_at__gte=now - OWNERSHIP_AFTER_CLOSE
    )
    owned = Handoff.objects.filter(is_owned, is_related, motion=handoff.motion)
    rows = owned.filter(rep__team=team).exclude(pk=handoff.pk).select_related("lead", "rep__user").order_by("-pk")
    return list_owners(rows[:OWNERS_AT_MOST])


def owns_company(row: Handoff, handoff: Handoff, team: Team, now: dt.datetime) -> bool:
    """Return whether `row` makes its rep the owner of the company of `handoff`: the query of `_company_owners`, in memory."""
    if row.pk == handoff.pk or row.rep is None or row.rep.team_id != team.pk or row.motion != handoff.motion:
        return False
    is_recent = row.closed_at is not None and row.closed_at >= now - OWNERSHIP_AFTER_CLOSE
    is_owned = row.state in OPEN_STATES or (row.state in CLOSED_AFTER_ACCEPTANCE and is_recent)
    return is_owned and row.lead.company_id == handoff.lead.company_id is not None


def list_owners(rows: Iterable[Handoff]) -> list[round_robin.CompanyOwner]:
    """Return the owners of a company from the handoffs that make them so, in the same order."""
    return [round_robin.CompanyOwner(row.rep_id, _same_company_reason(row)) for row in rows if row.rep_id is not None]


def _same_company_reason(row: Handoff) -> str:
    return f"same company as {str(row.lead)[:NAME_AT_MOST]}, owned by {row.rep}"


def _leave_unrouted(
    handoff: Handoff, explanation: str, now: dt.datetime, trace: Trace = (), team: Team | None = None
) -> None:
    """Record why the handoff stays unrouted, once for each new reason, and alert those who can help."""
    last_decision = handoff.routing_decisions.order_by("-pk").first()
    if is_new_explanation(explanation, last_decision):
        record_decision(handoff=handoff, rep=None, explanation=explanation, trace=trace, now=now)
    outbox.write_notices(draft_unrouted_alerts(handoff, explanation, team, now))


def draft_unrouted_alerts(
    handoff: Handoff, explanation: str, team: Team | None, now: dt.datetime
) -> list[outbox.NoticeDraft]:
    """Draft the alert that nobody can take a handoff, to those who can help; none while its team is closed."""
    # Nobody can help while the team is closed: the list shows it, and the sweep alerts once routing is overdue.
    if team is not None and next_opening(team, now) is not None:
        return []
    return [outbox.draft_unrouted(handoff=handoff, team=team, why=explanation, at=now)]


def next_opening(team: Team, now: dt.datetime) -> dt.datetime | None:
    """Return when a closed team opens next, or None if it is open, never opens or has hours that cannot be read."""
    prefetch_related_objects([team.calendar], "hours", "special_days")
    try:
        hours = calendars.build_calendar(team.calendar, now)
        opens_at = arithmetic.next_open(hours, now)
    except (BadCalendar, NeverOpen):
        return None
    return opens_at if opens_at > now else None
