"""Everything the page of one handoff shows, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Prefetch

from leads.models import Lead, User
from scoring import evidence
from sla import access, dispositions, timeline
from sla.models import Clock, Disposition, Handoff, HandoffQuerySet, SalesQualification
from sla.vocabulary import HANDOFF_MOVES, OPEN_STATES, HandoffState

COLLEAGUES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class CaseFile:
    handoff: Handoff
    evidence: evidence.Evidence
    timeline: timeline.Timeline
    clocks: list[Clock]
    disposition: Disposition | None
    answers: SalesQualification | None
    attempts: int
    routing: str
    colleagues: list[Lead]
    may_decide: bool
    may_assign: bool

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
        "lead__company", "qualification", "version__definition", "commitment", "rep__user", "team"
    )


def of(handoff: Handoff, *, reader: User) -> CaseFile:
    """The handoff as `rows` gives it, with all that belongs to it."""
    decision = handoff.routing_decisions.order_by("-at", "-pk").first()
    return CaseFile(
        handoff=handoff,
        evidence=evidence.read(handoff.qualification.evidence),
        timeline=timeline.of(handoff.lead),
        clocks=list(handoff.clocks.filter(cancelled_at__isnull=True).order_by("due_at", "pk")),
        disposition=dispositions.standing(handoff),
        answers=SalesQualification.objects.filter(handoff=handoff).select_related("by").first(),
        attempts=handoff.attempts.count(),
        routing=decision.explanation if decision else "",
        colleagues=_colleagues(handoff.lead),
        may_decide=access.may_decide(reader, handoff),
        may_assign=access.may_assign(reader, handoff),
    )


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
