"""Everything the page of one handoff shows, in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Prefetch
from django.utils import timezone

from leads.models import Lead, Outcome, User
from scoring.explain import frozen_evidence
from sla import permissions
from sla.handoff_page import activity_summary, changes_since_mql, next_step
from sla.handoffs import attempts
from sla.models import Attempt, Clock, Disposition, Handoff, HandoffQuerySet, RoutingDecision, SalesQualification
from sla.nurture import recycling
from sla.vocabulary import HANDOFF_MOVES, OPEN_STATES, HandoffState

COLLEAGUES_SHOWN: Final = 8
DECISIONS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class HandoffDetail:
    """`story`: what the lead did before it qualified, in words; `words`: every word of sales on it, the standing one
    last; `routing`: the latest decisions first."""

    handoff: Handoff
    story: str
    evidence: frozen_evidence.FrozenEvidence
    advice: next_step.Advice | None
    since: changes_since_mql.ChangesSinceMql
    clocks: list[Clock]
    words: list[Disposition]
    answers: SalesQualification | None
    outcomes: list[Outcome]
    attempts: Sequence[Attempt]
    routing: list[RoutingDecision]
    colleagues: list[Lead]
    may_decide: bool
    may_assign: bool

    @property
    def disposition(self) -> Disposition | None:
        """The word that holds."""
        return self.words[-1] if self.words else None

    @property
    def tried(self) -> str:
        """The count towards “couldn't reach”."""
        promised = self.handoff.commitment.attempts_before_unresponsive
        tried = attempts.counted((attempt.channel, attempt.at) for attempt in self.attempts)
        missing = promised - tried
        to_go = f"; {missing} more before “couldn’t reach”" if missing > 0 else ""
        return f"{tried} of {promised} attempts{to_go}"

    @property
    def may_correct(self) -> bool:
        """Once a deal is on its way the word of sales is borne out or not, and stays."""
        states = (HandoffState.ACCEPTED, HandoffState.REJECTED)
        return self.may_decide and self.disposition is not None and self.handoff.state in states

    @property
    def may_work(self) -> bool:
        return self.may_decide and self.handoff.is_open

    @property
    def may_qualify(self) -> bool:
        return self._may(HandoffState.QUALIFIED)

    @property
    def may_open(self) -> bool:
        return self._may(HandoffState.OPPORTUNITY)

    @property
    def may_close(self) -> bool:
        return self._may(HandoffState.WON)

    @property
    def may_lose(self) -> bool:
        return self._may(HandoffState.LOST)

    def _may(self, to: HandoffState) -> bool:
        return self.may_decide and to in HANDOFF_MOVES[HandoffState(self.handoff.state)]


def rows(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    return handoffs.select_related(
        "lead__company",
        "qualification__hot_upgrade",
        "version__definition",
        "commitment",
        "rep__user",
        "team",
        "pending_decision__by",
        "pending_decision__reason",
    )


def for_handoff(handoff: Handoff, *, reader: User, now: dt.datetime) -> HandoffDetail:
    """The handoff as `rows` gives it, with all that belongs to it; times of the day in the reader's zone."""
    clocks = list(handoff.clocks.filter(cancelled_at__isnull=True).order_by("due_at", "pk"))
    tried = list(handoff.attempts.order_by("-at", "-pk"))
    qualified, zone = handoff.qualification, timezone.get_current_timezone()
    return HandoffDetail(
        handoff=handoff,
        story=activity_summary.sentences(
            activity_summary.read(qualified.evidence), asked_at=qualified.at, now=now, zone=zone
        ),
        evidence=frozen_evidence.read_evidence(qualified.evidence),
        advice=next_step.for_handoff(handoff, clocks=clocks, attempts=tried, now=now, zone=zone),
        since=changes_since_mql.for_handoff(handoff, now=now),
        clocks=clocks,
        words=list(handoff.dispositions.select_related("by", "reason", "corrects__reason").order_by("at", "pk")),
        answers=SalesQualification.objects.filter(handoff=handoff).select_related("by").first(),
        outcomes=_outcomes(handoff),
        attempts=tried,
        routing=list(handoff.routing_decisions.order_by("-at", "-pk")[:DECISIONS_SHOWN]),
        colleagues=_colleagues(handoff.lead),
        may_decide=permissions.may_decide(reader, handoff),
        may_assign=permissions.may_assign(reader, handoff),
    )


def _outcomes(handoff: Handoff) -> list[Outcome]:
    """What sales recorded of this handoff: opportunity, won, lost."""
    own = Outcome.objects.filter(lead=handoff.lead_id, source=recycling.SOURCE, external_id=f"handoff-{handoff.pk}")
    return list(own.order_by("at", "pk"))


def _colleagues(lead: Lead) -> list[Lead]:
    """People of the same company, each with the open handoff that says who works on them."""
    if lead.company_id is None:
        return []
    theirs = Handoff.objects.filter(state__in=OPEN_STATES).select_related("rep__user")
    others = Lead.objects.filter(company=lead.company_id).exclude(pk=lead.pk)
    return list(
        others.prefetch_related(Prefetch("handoffs", queryset=theirs, to_attr="open_handoffs")).order_by(
            "-stage_at", "-pk"
        )[:COLLEAGUES_SHOWN]
    )
