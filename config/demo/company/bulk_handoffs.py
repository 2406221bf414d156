"""A year of handoffs as rows, written in bulk: what the use-cases would have written, without their thousands of queries.

The judge, the routing rules and the arithmetic of the clocks are the product's own. The last day is played through the
use-cases themselves (`live`), and a test plays a small year both ways and compares the rows.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings

from config.demo.company.bulk_clocks import BulkClocks
from config.demo.company.bulk_writer import BulkWriter
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.sales_plan import PlannedAction, SalesAction
from config.demo.company.staff import Staff
from definitions.models import Version
from leads.models import Lead, Outcome, StageChange, User
from leads.vocabulary import MOVES, OPEN_TO_QUALIFY, OutcomeKind, Stage
from scoring.engine.explain import Explanation
from scoring.models import Qualification
from sla.business_time import arithmetic
from sla.business_time.arithmetic import wall_to_instant
from sla.models import Attempt, Commitment, Disposition, Handoff, ReasonCode, Rep, RoutingDecision, SalesQualification
from sla.nurture import recycling
from sla.teams import routing_rules
from sla.vocabulary import HANDOFF_MOVES, ClockKind, DispositionKind, HandoffState, NoticeKind, Route

_NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_IN_HAND: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED)


class BulkHandoffs:
    """Everything since the beginning of the year, in memory until the ledger is written."""

    def __init__(self, *, candidates: QualifyingInstants, staff: Staff) -> None:
        self._candidates, self._staff = candidates, staff
        self._leads = {lead.pk: lead for lead in Lead.objects.select_related("company")}
        self._commitment = Commitment.objects.get()
        self._rules = routing_rules.rules()
        self._reps = list(Rep.objects.select_related("user", "team__calendar").order_by("pk"))
        self._reasons = {reason.code: reason for reason in ReasonCode.objects.all()}
        self._cycles: Counter[int] = Counter()
        self._unrouted: list[Handoff] = []
        self.handoffs: list[Handoff] = []
        self.ledger = BulkWriter(staff=staff)
        self._promises = BulkClocks(self.ledger)
        self._arrived: list[Handoff] = []

    # ── What Accord does ──────────────────────────────────────────────────────────────────────────────────
    def qualify(self, *, lead_id: int, at: dt.datetime, version: Version, now: dt.datetime) -> bool:
        """The lead begins to meet the version at `at`, seen at `now`; False when it is with sales or done already."""
        lead = self._leads[lead_id]
        if lead.stage not in OPEN_TO_QUALIFY:
            return False
        self._cycles[lead_id] += 1
        qualification = _qualification(
            lead, version, self._cycles[lead_id], self._candidates.explain(lead_id, at), at, now
        )
        self.ledger.add(qualification)
        self._move(lead, Stage.MQL, None, now, f"Meets {version}")
        return True

    def hand_off(self, now: dt.datetime) -> None:
        """What is new becomes handoffs, and is routed."""
        for qualification in self.ledger.fresh(Qualification):
            if qualification.taken_at is None:
                qualification.taken_at = now
                self._route(self._create(qualification, now), now)

    def reroute(self, now: dt.datetime) -> None:
        for handoff in sorted(self._unrouted, key=lambda each: (each.tier, each.created_at)):
            self._route(handoff, now)

    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None:
        """A manager gives it to a rep, from another rep or from the unrouted."""
        before = handoff.rep
        self._promises.cancel(handoff, now)
        self._give(handoff, self._own(rep), now)
        self._explain(handoff, handoff.rep, f"{before or 'Unrouted'} → {rep}, by {by}: {reason}", [], now, by)

    def arrivals(self) -> list[Handoff]:
        """Handoffs that have come to a rep since the last call."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def waiting(self) -> list[Handoff]:
        return list(self._unrouted)

    def close(self, now: dt.datetime) -> None:
        """Write everything up to `now`; the same objects may change afterwards and be written again."""
        self._promises.sweep(self.handoffs, now)
        self.ledger.write(self._reps)

    # ── Routing ───────────────────────────────────────────────────────────────────────────────────────────
    def _create(self, qualification: Qualification, now: dt.datetime) -> Handoff:
        handoff = Handoff(
            qualification=qualification,
            lead=qualification.lead,
            motion=qualification.motion,
            version=qualification.version,
            commitment=self._commitment,
            tier=qualification.tier,
            created_at=now,
        )
        self.handoffs.append(handoff)
        self._unrouted.append(handoff)
        self.ledger.add(handoff)
        rule = routing_rules.match_rules(self._rules, handoff).rule
        self._promises.start_routing(handoff, qualification.recorded_at, rule.team if rule else None)
        return handoff

    def _route(self, handoff: Handoff, now: dt.datetime) -> None:
        match = routing_rules.match_rules(self._rules, handoff)
        if match.rule is None:
            self._strand(handoff, "No routing rule matches.", match.trace, now)
            return
        reps = [rep for rep in self._reps if rep.team_id == match.rule.team_id]
        trace = match.trace + [self._line(rep, now) for rep in reps]
        available = [rep for rep in reps if not self._hindrance(rep, now)]
        path = f"Rule {match.rule.position}: {match.rule.name} → team {match.rule.team}"
        if not available:
            kinds = Counter(self._hindrance(rep, now) for rep in reps)
            reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            self._strand(handoff, f"{path} → nobody available ({reasons})", trace, now)
            return
        rep = min(available, key=lambda each: (each.last_assigned_at or _NEVER, each.pk))
        self._give(handoff, rep, now)
        self._explain(handoff, rep, f"{path} → {rep}, next in turn", trace, now)

    def _give(self, handoff: Handoff, rep: Rep, now: dt.datetime) -> None:
        handoff.rep, handoff.team = rep, rep.team
        rep.last_assigned_at = now
        if handoff in self._unrouted:
            self._unrouted.remove(handoff)
            self._step(handoff, HandoffState.ASSIGNED)
            handoff.routed_at = now
            self._promises.met(handoff, ClockKind.ROUTE, now)
            self._arrived.append(handoff)
        self._promises.start_sales(handoff, rep, now)
        text = f"New tier {handoff.tier} MQL: {handoff.lead}"
        self.ledger.tell(NoticeKind.NEW_MQL, [rep.user], text, now, handoff, f"routed:{{}}:{now.timestamp()}")

    def _strand(self, handoff: Handoff, explanation: str, trace: Sequence[Any], now: dt.datetime) -> None:
        """Nobody can take it; said once for each new reason."""
        said = [row.explanation for row in self.ledger.rows(RoutingDecision) if row.handoff is handoff]
        if not said or said[-1] != explanation:
            self._explain(handoff, None, explanation, trace, now)
        self._promises.tell_unrouted(handoff, now, is_overdue=False)

    def _explain(
        self,
        handoff: Handoff,
        rep: Rep | None,
        explanation: str,
        trace: Sequence[Any],
        now: dt.datetime,
        by: User | None = None,
    ) -> None:
        row = RoutingDecision(handoff=handoff, at=now, by=by, rep=rep, explanation=explanation[:300], trace=list(trace))
        self.ledger.add(row)

    def _line(self, rep: Rep, now: dt.datetime) -> dict[str, Any]:
        kind = self._hindrance(rep, now)
        why = kind or f"{self._load(rep)} of {rep.capacity} in hand"
        return {"rep": rep.pk, "name": str(rep), "kind": kind or "available", "why": why}

    def _hindrance(self, rep: Rep, now: dt.datetime) -> str:
        if self._load(rep) >= rep.capacity:
            return "at capacity"
        return "" if arithmetic.is_open(self._promises.hours(rep, now), now) else "outside working hours"

    def _load(self, rep: Rep) -> int:
        return sum(handoff.rep is rep and handoff.state in _IN_HAND for handoff in self.handoffs)

    def _own(self, rep: Rep) -> Rep:
        return next(each for each in self._reps if each.pk == rep.pk)

    # ── What the reps do ──────────────────────────────────────────────────────────────────────────────────
    def perform(self, *, handoff: Handoff, step: PlannedAction, now: dt.datetime) -> None:
        assert handoff.rep is not None  # noqa: S101 (the story begins when somebody has it)
        by, words = handoff.rep.user, step.with_
        if step.verb == SalesAction.ATTEMPT:
            self._attempt(handoff, by, words, now)
        elif step.verb == SalesAction.ACCEPT:
            self._accept(handoff, by, now)
        elif step.verb == SalesAction.REJECT:
            self._reject(handoff, by, words, now)
        elif step.verb == SalesAction.MEETING:
            handoff.meeting_at = words["at"]
        elif step.verb == SalesAction.REASSIGN:
            self._pass_on(handoff, now)
        else:
            self._advance(handoff, step, by, now)

    def _attempt(self, handoff: Handoff, by: User, words: Mapping[str, Any], now: dt.datetime) -> None:
        self.ledger.add(Attempt(handoff=handoff, at=now, recorded_at=now, by=by, **{"note": ""} | dict(words)))
        if handoff.first_contact_at is None:
            handoff.first_contact_at = now
            self._promises.met(handoff, ClockKind.FIRST_CONTACT, now)

    def _accept(self, handoff: Handoff, by: User, now: dt.datetime) -> None:
        self._decide(handoff, DispositionKind.ACCEPT, HandoffState.ACCEPTED, by, now)
        self._move(handoff.lead, Stage.SAL, by, now, "Accepted by sales.")
        self._close_request(handoff, now)

    def _reject(self, handoff: Handoff, by: User, words: Mapping[str, Any], now: dt.datetime) -> None:
        reason, day = self._reasons[words["reason"]], words["reengage_on"]
        self._decide(
            handoff,
            DispositionKind.REJECT,
            HandoffState.REJECTED,
            by,
            now,
            reason=reason,
            note=words["note"],
            reengage_on=day,
        )
        handoff.closed_at = now
        self._promises.cancel(handoff, now)
        to = {Route.BACK_TO_MARKETING: Stage.MAL, Route.DISQUALIFY: Stage.DISQUALIFIED}.get(
            Route(reason.route), Stage.NURTURE
        )
        self._move(handoff.lead, to, by, now, f"Rejected by sales: {reason}.")
        self._end_cycle(handoff, now, day)
        self._close_request(handoff, now)

    def _decide(
        self, handoff: Handoff, kind: DispositionKind, to: HandoffState, by: User, now: dt.datetime, **words: Any
    ) -> None:
        contacted = handoff.first_contact_at is not None
        self.ledger.add(Disposition(handoff=handoff, kind=kind, by=by, at=now, contacted_before=contacted, **words))
        self._step(handoff, to)
        handoff.decided_at = now
        self._promises.met(handoff, ClockKind.DISPOSITION, now)

    def _pass_on(self, handoff: Handoff, now: dt.datetime) -> None:
        others = [rep for rep in self._reps if rep.team_id == handoff.team_id and rep is not handoff.rep]
        rep = min(others, key=lambda each: (each.last_assigned_at or _NEVER, each.pk))
        self.assign(handoff, rep, self._staff.manager, "Not called yet, and the lead is waiting.", now)

    def _advance(self, handoff: Handoff, step: PlannedAction, by: User, now: dt.datetime) -> None:
        words = dict(step.with_)
        if step.verb == SalesAction.QUALIFY:
            self._step(handoff, HandoffState.QUALIFIED)
            self._move(handoff.lead, Stage.SQL, by, now, "Qualified by sales.")
            self.ledger.add(SalesQualification(handoff=handoff, by=by, at=now, **words))
        elif step.verb == SalesAction.OPPORTUNITY:
            self._step(handoff, HandoffState.OPPORTUNITY)
            self._outcome(handoff, OutcomeKind.OPPORTUNITY, now, amount=words["amount"])
            self._move(handoff.lead, Stage.OPPORTUNITY, by, now, "Opportunity opened.")
        elif step.verb == SalesAction.WIN:
            self._end(handoff, HandoffState.WON, now)
            self._outcome(handoff, OutcomeKind.WON, now, amount=words["amount"])
            self._move(handoff.lead, Stage.WON, by, now, "Won.")
        else:
            self._end(handoff, HandoffState.LOST, now)
            self._outcome(handoff, OutcomeKind.LOST, now, reason=words["reason"])
            self._move(handoff.lead, Stage.LOST, by, now, f"Lost: {words['reason']}")

    def _end(self, handoff: Handoff, to: HandoffState, now: dt.datetime) -> None:
        self._step(handoff, to)
        handoff.closed_at = now
        self._promises.cancel(handoff, now)
        self._end_cycle(handoff, now, None)

    def _end_cycle(self, handoff: Handoff, now: dt.datetime, day: dt.date | None) -> None:
        qualification = handoff.qualification
        qualification.closed_at = now
        if day is None:
            return
        midnight = dt.datetime.combine(day, dt.time())
        qualification.reenter_at = wall_to_instant(settings.COMPANY_TIME_ZONE, midnight)
        text = f"Recycled by sales, back on {day}: {handoff.lead}"
        self.ledger.tell(NoticeKind.RECYCLED, [self._staff.ops], text, now, handoff, f"recycled:{{}}:{day}")

    def _close_request(self, handoff: Handoff, now: dt.datetime) -> None:
        if self._candidates.has_asked(handoff.lead_id, now):
            self._candidates.note_answer(handoff.lead_id, now)
            self.ledger.answer(handoff, now)

    def _outcome(self, handoff: Handoff, kind: OutcomeKind, now: dt.datetime, **columns: Any) -> None:
        row = Outcome(lead=handoff.lead, kind=kind, at=now, recorded_at=now, source=recycling.SOURCE, **columns)
        self.ledger.name_after(handoff, row)

    def _step(self, handoff: Handoff, to: HandoffState) -> None:
        assert to in HANDOFF_MOVES[HandoffState(handoff.state)], (handoff.state, to)  # noqa: S101 (a bug of the story)
        handoff.state = to

    def _move(self, lead: Lead, to: Stage, by: User | None, now: dt.datetime, why: str) -> None:
        assert to in MOVES[Stage(lead.stage)], (lead.stage, to)  # noqa: S101 (a bug of the story)
        self.ledger.add(StageChange(lead=lead, from_stage=lead.stage, to_stage=to, at=now, by=by, why=why))
        lead.stage, lead.stage_at = to, now


def _qualification(
    lead: Lead, version: Version, cycle: int, explanation: Explanation, at: dt.datetime, now: dt.datetime
) -> Qualification:
    return Qualification(
        lead=lead,
        definition=version.definition,
        version=version,
        motion=version.definition.motion,
        cycle=cycle,
        at=at,
        recorded_at=now,
        tier=explanation.tier,
        is_hot=explanation.hot,
        fit=explanation.fit.value,
        engagement=explanation.engagement.value,
        bant=explanation.bant.value,
        why=explanation.why[:300],
        evidence=explanation.as_dict(),
    )
