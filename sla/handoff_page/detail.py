"""The data of one handoff's page, read in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Prefetch
from django.utils import timezone

from config.accounts import sources
from config.accounts.models import User
from config.accounts.roles import holds
from leads.identity import merged_values, merges
from leads.models import Lead, Outcome
from leads.vocabulary import READERS_OF_LEADS
from scoring.explain import frozen_evidence
from sla import permissions
from sla.handoff_page import activity_summary, changes_since_mql, next_step
from sla.handoffs import attempts, reinstatements
from sla.handoffs.attempts import AttemptTally
from sla.models import Attempt, Clock, Disposition, Handoff, HandoffQuerySet, RoutingDecision, SalesQualification
from sla.nurture import recycling
from sla.vocabulary import HANDOFF_MOVES, OPEN_STATES, HandoffState

COLLEAGUES_SHOWN: Final = 8
DECISIONS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class HandoffDetail:
    """The data of one handoff's page.

    `activity` describes what the lead did before it qualified, `reinstated` how it came back from being disqualified;
    `dispositions` are oldest first, the standing one last; `routing` has the latest decision first; `others` are further
    leads of the same person.
    """

    handoff: Handoff
    activity: str
    reinstated: str
    evidence: frozen_evidence.FrozenEvidence
    advice: next_step.Advice | None
    changes: changes_since_mql.ChangesSinceMql
    clocks: list[Clock]
    dispositions: list[Disposition]
    answers: SalesQualification | None
    outcomes: list[Outcome]
    attempts: Sequence[Attempt]
    tally: AttemptTally | None
    routing: list[RoutingDecision]
    colleagues: list[Lead]
    others: list[merged_values.OtherLead]
    may_decide: bool
    may_assign: bool

    @property
    def disposition(self) -> Disposition | None:
        """Return the standing disposition."""
        return self.dispositions[-1] if self.dispositions else None

    @property
    def attempts_progress(self) -> str:
        """Describe how many attempts count towards “couldn't reach”."""
        if self.tally is not None:
            return attempts.describe_progress(self.tally)
        tried = attempts.count_attempts((attempt.channel, attempt.at) for attempt in self.attempts)
        return f"{tried} of {self.handoff.commitment.attempts_before_unresponsive} attempts"

    @property
    def may_correct(self) -> bool:
        """Return whether the decision can still be corrected: not once the handoff has become an SQL or more."""
        states = (HandoffState.ACCEPTED, HandoffState.REJECTED)
        return self.may_decide and self.disposition is not None and self.handoff.state in states

    @property
    def may_work(self) -> bool:
        return self.may_decide and self.handoff.is_open

    @property
    def may_qualify(self) -> bool:
        return self._may_move_to(HandoffState.QUALIFIED)

    @property
    def may_open(self) -> bool:
        return self._may_move_to(HandoffState.OPPORTUNITY)

    @property
    def may_close(self) -> bool:
        return self._may_move_to(HandoffState.WON)

    @property
    def may_lose(self) -> bool:
        return self._may_move_to(HandoffState.LOST)

    def _may_move_to(self, to: HandoffState) -> bool:
        return self.may_decide and to in HANDOFF_MOVES[HandoffState(self.handoff.state)]


def with_related_rows(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    """Join what the page reads of each handoff."""
    return handoffs.select_related(
        "lead__company",
        "qualification__hot_upgrade",
        "qualification__tier_upgrade",
        "version__definition",
        "commitment",
        "rep__user",
        "team",
        "pending_decision__by",
        "pending_decision__reason",
        "pending_decision__sub_reason",
    )


def for_handoff(handoff: Handoff, *, reader: User, now: dt.datetime) -> HandoffDetail:
    """Read everything that belongs to a handoff from `with_related_rows`; times of the day in the reader's zone."""
    clocks = list(handoff.clocks.filter(cancelled_at__isnull=True).order_by("due_at", "pk"))
    logged_attempts = list(handoff.attempts.order_by("-at", "-pk"))
    # The page shows the values of the whole person; nothing saves this lead.
    others = merged_values.show_person(handoff.lead)
    qualification, zone = handoff.qualification, timezone.get_current_timezone()
    return HandoffDetail(
        handoff=handoff,
        activity=activity_summary.write_summary(
            activity_summary.read_history(qualification.evidence), asked_at=qualification.at, now=now, zone=zone
        ),
        reinstated=_read_reinstatement(handoff),
        evidence=frozen_evidence.read_evidence(qualification.evidence),
        advice=next_step.for_handoff(handoff, clocks=clocks, attempts=logged_attempts, now=now, zone=zone),
        changes=changes_since_mql.for_handoff(handoff, now=now),
        clocks=clocks,
        dispositions=list(handoff.dispositions.select_related("by", "reason", "sub_reason").order_by("at", "pk")),
        answers=SalesQualification.objects.filter(handoff=handoff).select_related("by").first(),
        outcomes=_read_outcomes(handoff),
        attempts=logged_attempts,
        tally=attempts.read_tally(handoff, now) if handoff.is_open and handoff.rep is not None else None,
        routing=list(handoff.routing_decisions.order_by("-at", "-pk")[:DECISIONS_SHOWN]),
        colleagues=_read_colleagues(handoff.lead, reader),
        others=others,
        may_decide=permissions.may_decide(reader, handoff),
        may_assign=permissions.may_assign(reader, handoff),
    )


def _read_reinstatement(handoff: Handoff) -> str:
    """Return how a lead that had been disqualified came back, in a sentence; empty for others."""
    if handoff.qualification.cycle == 1:
        return ""
    row = reinstatements.reinstatement_of_handoff(handoff)
    return "" if row is None else reinstatements.write_history(row)


def _read_outcomes(handoff: Handoff) -> list[Outcome]:
    """Return the outcomes that sales recorded on this handoff: opportunity, won, lost."""
    own = Outcome.objects.effective().filter(source=sources.ACCORD, external_id=f"{recycling.DEAL_PREFIX}{handoff.pk}")
    return list(own.filter(lead=handoff.lead_id).order_by("at", "pk"))


def _read_colleagues(lead: Lead, reader: User) -> list[Lead]:
    """Return people of the same company, each with its open handoffs, which show who works on them.

    For an SDR there are only those behind a handoff of the team (rules 1.11).
    """
    if lead.company_id is None:
        return []
    open_handoffs = Handoff.objects.filter(state__in=OPEN_STATES).select_related("rep__user")
    others = Lead.objects.standing().filter(company=lead.company_id).exclude(pk__in=merges.list_person_ids(lead))
    if not holds(reader, *READERS_OF_LEADS):
        visible = permissions.visible_to(reader).filter(lead__company=lead.company_id)
        others = others.filter(pk__in=visible.order_by().values("lead"))
        open_handoffs = open_handoffs.filter(pk__in=visible.order_by().values("pk"))
    return list(
        others.prefetch_related(Prefetch("handoffs", queryset=open_handoffs, to_attr="open_handoffs")).order_by(
            "-stage_at", "-pk"
        )[:COLLEAGUES_SHOWN]
    )
