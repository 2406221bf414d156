"""A year of handoffs kept in memory and written in bulk, without the thousands of queries of the use-cases.

Each row's content comes from the functions that the use-cases build their own rows with; only the order of the steps and
the place where rows are kept are this module's. A test plays a small year through the use-cases and compares the rows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeAlias

from django.db.models import prefetch_related_objects

from config import company_days
from config.accounts import sources
from config.accounts.models import User
from config.demo.company import rep_actions
from config.demo.company.bulk_clocks import BulkClocks
from config.demo.company.bulk_writer import BulkWriter
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.sales_plan import PlannedAction, SalesAction
from config.demo.company.staff import Staff
from definitions.models import Version
from leads.models import Event, Lead, Outcome, Signal
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import OPEN_TO_QUALIFY, Motion, OutcomeKind, Stage
from scoring.live import mqls, qualify
from scoring.models import Qualification
from sla import handoff_states
from sla.business_time import working_days
from sla.commitments import commitments
from sla.handoffs import attempts, creation, disposition_content, dispositions, routing, sales_stages, tier_3_hold
from sla.handoffs.routing import RoutingPlan
from sla.handoffs.sales_stages import SalesStep
from sla.models import Attempt, Handoff, ReasonCode, Rep, RoutingDecision, SalesQualification, SubReason, Team
from sla.notifications import outbox
from sla.nurture import recycling
from sla.teams import round_robin, routing_rules
from sla.teams.round_robin import Assignment, Availability, CompanyOwner
from sla.vocabulary import ClockKind, DispositionKind, HandoffState

_Details: TypeAlias = Mapping[str, Any]


class BulkHandoffs:
    """Carry out the year's happenings in memory; `catch_up` writes them."""

    def __init__(self, *, instants: QualifyingInstants, staff: Staff) -> None:
        self._instants, self._manager = instants, staff.manager
        self._leads = {lead.pk: lead for lead in Lead.objects.select_related("company")}
        self._standing = motion_stages.read_all_leads()
        self._commitment = commitments.current_commitment(Motion.MQL)
        self._rules = routing_rules.active_rules()
        self._reps = {rep.pk: rep for rep in round_robin.fetch_reps(*Team.objects.all())}
        prefetch_related_objects([rep.team for rep in self._reps.values()], "managers")
        self._reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
        self._sub_reasons: dict[int, list[SubReason]] = defaultdict(list)
        for detail in SubReason.objects.order_by("position", "pk"):
            self._sub_reasons[detail.reason_id].append(detail)
        self._request_closed = Signal.objects.get(code=recycling.REQUEST_CLOSED)
        self._writer = BulkWriter()
        self._clocks = BulkClocks(self._writer, self._rules)
        self._cycles: dict[int, Qualification] = {}
        self._waiting: list[Qualification] = []
        self._handoffs: list[Handoff] = []
        self._of_company: dict[int | None, list[Handoff]] = defaultdict(list)
        self._of_rep: dict[int, list[Handoff]] = defaultdict(list)
        self._decisions: dict[int, RoutingDecision] = {}
        self._new_assignments: list[Handoff] = []

    # ── From an MQL to a rep ──────────────────────────────────────────────────────────────────────────────
    def qualify(self, *, lead_id: int, at: dt.datetime, version: Version, now: dt.datetime) -> bool:
        """Make an MQL of a lead that meets the version since `at`; False while sales has it or is done with it."""
        lead, before = self._leads[lead_id], self._cycles.get(lead_id)
        stage = self._stage_of(lead, version.definition.motion)
        if not qualify.may_qualify(stage, before):
            return False
        explanation = self._instants.explain(lead_id, at)
        facts_digest = self._instants.digest_facts(lead_id, at)
        qualification = qualify.build_qualification(version, lead, before, explanation, facts_digest, at, now)
        self._cycles[lead_id] = self._writer.add(qualification)
        self._waiting.append(qualification)
        if stage in OPEN_TO_QUALIFY:
            self._move_lead(lead, qualification.motion, Stage.MQL, None, now, qualify.why_mql(version))
        return True

    def hand_off(self, now: dt.datetime) -> None:
        """Turn the waiting MQLs that sales is to have by now into routed handoffs, tier 1 first."""
        for qualification in sorted(self._waiting, key=lambda waiting: (waiting.tier, waiting.pk)):
            since = tier_3_hold.due_to_sales_at(qualification, self._commitment)
            if since > now:
                continue
            handoff = self._writer.add(creation.build_handoff(qualification, self._commitment, now))
            self._handoffs.append(handoff)
            self._of_company[handoff.lead.company_id].append(handoff)
            self._clocks.start_routing(handoff, since)
            self._waiting.remove(qualification)
            qualification.taken_at = now
            self._route(handoff, now)

    def reroute(self, now: dt.datetime) -> None:
        """Route the unrouted handoffs again."""
        waiting = sorted(self.list_unrouted(), key=lambda handoff: (handoff.tier, handoff.created_at, handoff.pk))
        routing.route_in_turn(
            waiting,
            as_handoff=lambda handoff: handoff,
            rules=self._rules,
            route=lambda handoff: self._route(handoff, now),
        )

    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None:
        """Give a handoff to a rep on behalf of a manager, from another rep or from the unrouted."""
        before = handoff.rep
        self._clocks.cancel(handoff, now)
        self._give(handoff, self._reps[rep.pk], now)
        self._record(creation.build_assignment(handoff=handoff, before=before, by=by, now=now, reason=reason))
        self._writer.add_notices(outbox.draft_reassigned(handoff=handoff, before=before, why=reason, by=by, at=now))

    def take_new_assignments(self) -> list[Handoff]:
        """Return the handoffs that came to a rep since the last call."""
        assigned, self._new_assignments = self._new_assignments, []
        return assigned

    def list_unrouted(self) -> list[Handoff]:
        """Return the unrouted handoffs in the order in which they were made."""
        return [handoff for handoff in self._handoffs if handoff.is_unrouted]

    def catch_up(self, now: dt.datetime) -> None:
        """Write everything up to `now`; the same objects may change afterwards and be written again."""
        self._clocks.sweep(now)
        self._writer.write(list(self._reps.values()))

    def _route(self, handoff: Handoff, now: dt.datetime) -> Rep | None:
        plan = routing.build_plan(
            handoff=handoff, rules=self._rules, choose_rep=lambda team: self._choose_rep(handoff, team, now)
        )
        if plan.rep is None:
            self._leave_unrouted(handoff, plan, now)
            return None
        self._give(handoff, plan.rep, now)
        self._record(
            routing.build_decision(
                handoff=handoff, rep=plan.rep, explanation=plan.explanation, trace=plan.trace, now=now
            )
        )
        return plan.rep

    def _choose_rep(self, handoff: Handoff, team: Team, now: dt.datetime) -> Assignment:
        availabilities = [self._build_availability(rep, now) for rep in self._reps.values() if rep.team_id == team.pk]
        return round_robin.choose_available(
            availabilities, self._last_turns, owners=self._list_owners(handoff, team, now)
        )

    def _build_availability(self, rep: Rep, now: dt.datetime) -> Availability:
        in_hand = [row for row in self._of_rep[rep.pk] if row.rep is rep and row.state in round_robin.CAPACITY_STATES]
        unworked = sum(round_robin.is_unworked(row) for row in in_hand)
        # Nobody is absent before the last day.
        agreed = self._commitment.unworked_at_most
        return round_robin.build_availability(rep, {}, len(in_hand), unworked, agreed=agreed, now=now)

    def _last_turns(self, reps: Sequence[Rep], count: int) -> Iterable[int]:
        ids = {rep.pk for rep in reps}
        latest_first = reversed(self._writer.rows(RoutingDecision))
        return islice((row.rep.pk for row in latest_first if row.rep is not None and row.rep.pk in ids), count)

    def _list_owners(self, handoff: Handoff, team: Team, now: dt.datetime) -> list[CompanyOwner]:
        latest_first = reversed(self._of_company[handoff.lead.company_id])
        rows = (row for row in latest_first if routing.owns_company(row, handoff, team, now))
        return routing.list_owners(islice(rows, routing.OWNERS_AT_MOST))

    def _give(self, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
        rep.last_assigned_at = now
        # A handoff never comes back to a rep who had it, so none is listed twice.
        self._of_rep[rep.pk].append(handoff)
        if handoff.is_unrouted:
            handoff_states.apply_move(handoff, HandoffState.ASSIGNED, routed_at=now, rep=rep, team=rep.team)
            self._clocks.meet(handoff, ClockKind.ROUTE, now)
            self._new_assignments.append(handoff)
        else:
            handoff.rep, handoff.team = rep, rep.team
        self._clocks.start_sales(handoff, rep, now)
        self._writer.add_notices([outbox.draft_new_mql(handoff=handoff, rep=rep, at=now)])

    def _leave_unrouted(self, handoff: Handoff, plan: RoutingPlan, now: dt.datetime) -> None:
        if routing.is_new_explanation(plan.explanation, self._decisions.get(handoff.pk)):
            self._record(
                routing.build_decision(
                    handoff=handoff, rep=None, explanation=plan.explanation, trace=plan.trace, now=now
                )
            )
        self._writer.add_notices(routing.draft_unrouted_alerts(handoff, plan.explanation, plan.team, now))

    def _record(self, decision: RoutingDecision) -> None:
        self._decisions[decision.handoff.pk] = self._writer.add(decision)

    # ── The reps' actions ─────────────────────────────────────────────────────────────────────────────────
    def perform(self, *, handoff: Handoff, action: PlannedAction, now: dt.datetime) -> None:
        """Carry out one action of the handoff's rep, or of the manager."""
        assert handoff.rep is not None  # noqa: S101 (actions are planned when a handoff comes to a rep)
        if action.kind == SalesAction.REASSIGN:
            colleague = rep_actions.choose_colleague(self._reps.values(), handoff)
            self.assign(handoff, colleague, self._manager, rep_actions.WHY_REASSIGNED, now)
        else:
            _BY_REP[action.kind](self, handoff, handoff.rep.user, action.details, now)

    def log_attempt(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Log a contact; the first one meets its clock."""
        self._writer.add(Attempt(handoff=handoff, at=now, recorded_at=now, by=by, **{"note": ""} | dict(details)))
        if attempts.apply_contact(handoff, now):
            self._clocks.meet(handoff, ClockKind.FIRST_CONTACT, now)

    def accept(self, handoff: Handoff, by: User, _details: _Details, now: dt.datetime) -> None:
        """Accept the lead: it becomes an SAL."""
        content = disposition_content.DispositionContent(DispositionKind.ACCEPT)
        self._writer.add(dispositions.build_disposition(handoff, content, by, now))
        handoff_states.apply_move(handoff, HandoffState.ACCEPTED, decided_at=now)
        self._clocks.meet(handoff, ClockKind.DISPOSITION, now)
        self._move_lead(handoff.lead, handoff.motion, Stage.SAL, by, now, dispositions.WHY_ACCEPTED)
        self._close_request(handoff, now)

    def reject(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Reject the lead: it goes where the reason says, and its cycle ends."""
        reason = self._reasons[details["reason"]]
        details_of_reason = self._sub_reasons.get(reason.pk, [])
        content = disposition_content.DispositionContent(
            DispositionKind.REJECT,
            reason,
            details["note"],
            details["reengage_on"],
            sub_reason=next((row for row in details_of_reason if row.code == details.get("sub_reason")), None),
        )
        tally = self._tally_attempts(handoff, reason, now)
        content = disposition_content.complete_rejection(
            content, handoff.commitment, now, tally=tally, sub_reasons=details_of_reason
        )
        self._writer.add(dispositions.build_disposition(handoff, content, by, now))
        handoff_states.apply_move(handoff, HandoffState.REJECTED, decided_at=now, closed_at=now)
        self._clocks.meet(handoff, ClockKind.DISPOSITION, now)
        self._clocks.cancel(handoff, now)
        why = dispositions.why_rejected(content)
        for stage in dispositions.stages_after_rejection(content, self._stage_of(handoff.lead, handoff.motion)):
            self._move_lead(handoff.lead, handoff.motion, stage, by, now, why)
        self._end_cycle(handoff, content.reengage_on, now)
        if content.closes_motions:
            standing = self._standing[handoff.lead_id]
            for change in stage_changes.apply_closing(lead=handoff.lead, standing=standing, by=by, now=now, why=why):
                self._writer.add(change)
        self._close_request(handoff, now)

    def _tally_attempts(self, handoff: Handoff, reason: ReasonCode, now: dt.datetime) -> attempts.AttemptTally | None:
        """Count the attempts of a handoff, for a reason that needs them."""
        if not reason.needs_attempts or handoff.rep is None:
            return None
        rows = ((row.channel, row.at) for row in self._writer.rows(Attempt) if row.handoff is handoff)
        days = working_days.for_rep(handoff.rep, now)
        return attempts.tally_attempts(rows, commitment=handoff.commitment, days=days, now=now)

    def book_meeting(self, handoff: Handoff, _by: User, details: _Details, _now: dt.datetime) -> None:
        """Note the meeting on the handoff."""
        handoff.meeting_at = details["at"]

    def qualify_for_sales(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Record the four answers: the lead becomes an SQL."""
        self._take_step(handoff, sales_stages.TO_SQL, by, now)
        self._writer.add(SalesQualification(handoff=handoff, by=by, at=now, **details))

    def open_opportunity(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Open an opportunity of an amount."""
        self._take_step(handoff, sales_stages.TO_OPPORTUNITY, by, now)
        self._add_outcome(handoff, OutcomeKind.OPPORTUNITY, now, amount=Decimal(str(details["amount"])))

    def win(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Win the deal for an amount."""
        self._take_step(handoff, sales_stages.TO_WON, by, now)
        self._add_outcome(handoff, OutcomeKind.WON, now, amount=Decimal(str(details["amount"])))

    def lose(self, handoff: Handoff, by: User, details: _Details, now: dt.datetime) -> None:
        """Lose the deal for a reason."""
        self._take_step(handoff, sales_stages.step_to_lost(details["reason"]), by, now)
        self._add_outcome(handoff, OutcomeKind.LOST, now, reason=details["reason"])

    def _take_step(self, handoff: Handoff, step: SalesStep, by: User, now: dt.datetime) -> None:
        handoff_states.apply_move(handoff, step.state, **({"closed_at": now} if step.closes else {}))
        if step.closes:
            self._clocks.cancel(handoff, now)
            self._end_cycle(handoff, None, now)
        self._move_lead(handoff.lead, handoff.motion, step.stage, by, now, step.why)

    def _end_cycle(self, handoff: Handoff, day: dt.date | None, now: dt.datetime) -> None:
        mqls.apply_close(handoff.qualification, now, None if day is None else company_days.start_of(day))
        if day is not None:
            self._writer.add_notices([recycling.draft_recycled(handoff=handoff, on=day, at=now)])

    def _close_request(self, handoff: Handoff, now: dt.datetime) -> None:
        answer = recycling.build_request_closed(handoff=handoff, now=now)
        if answer is None:
            return
        self._instants.note_answer(handoff.lead_id, now)
        event = Event(
            lead_id=handoff.lead_id,
            signal=self._request_closed,
            occurred_at=now,
            recorded_at=now,
            source=sources.ACCORD,
            external_id=answer["id"],
            digest=hashlib.sha256(answer["id"].encode()).digest()[:16],
        )
        self._writer.add(event)

    def _add_outcome(self, handoff: Handoff, kind: OutcomeKind, now: dt.datetime, **details: Any) -> None:
        outcome = sales_stages.build_outcome(handoff, kind, now, **details)
        external_id = outcome.pop("id")
        outcome["lead_id"] = outcome.pop("lead")
        outcome["motion"] = handoff.motion
        self._writer.add(Outcome(recorded_at=now, source=sources.ACCORD, external_id=external_id, **outcome))

    def _stage_of(self, lead: Lead, motion: str) -> Stage:
        return self._standing[lead.pk].get(Motion(motion), Stage.LEAD)

    def _move_lead(self, lead: Lead, motion: str, to: Stage, by: User | None, now: dt.datetime, why: str) -> None:
        standing = self._standing[lead.pk]
        change = stage_changes.apply_move(lead=lead, standing=standing, motion=motion, to=to, by=by, now=now, why=why)
        if change is not None:
            self._writer.add(change)


_BY_REP: Final[Mapping[SalesAction, Callable[[BulkHandoffs, Handoff, User, _Details, dt.datetime], None]]] = {
    SalesAction.ATTEMPT: BulkHandoffs.log_attempt,
    SalesAction.ACCEPT: BulkHandoffs.accept,
    SalesAction.REJECT: BulkHandoffs.reject,
    SalesAction.MEETING: BulkHandoffs.book_meeting,
    SalesAction.QUALIFY: BulkHandoffs.qualify_for_sales,
    SalesAction.OPPORTUNITY: BulkHandoffs.open_opportunity,
    SalesAction.WIN: BulkHandoffs.win,
    SalesAction.LOSE: BulkHandoffs.lose,
}
