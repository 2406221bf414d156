"""Handoffs through the use-cases, one call after the other, with `now` in the past."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.accounts.models import User
from config.demo.company import rep_actions
from config.demo.company.sales_plan import PlannedAction
from definitions.models import Version
from leads.models import Lead
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.rules import Rules
from scoring.live import due_leads, qualify
from scoring.live.judgement import judge_now
from scoring.models import Qualification
from sla.clocks import clock_sweeps
from sla.handoffs import creation, routing
from sla.models import Handoff, Rep
from sla.nurture import recycling
from sla.vocabulary import HandoffState


class LiveHandoffs:
    """Carry out the happenings of the last day as the product's workers and people would."""

    def __init__(self, *, manager: User) -> None:
        self._manager = manager
        self._rules: dict[int, Rules] = {}
        self._assigned_ids = set(Handoff.objects.filter(rep__isnull=False).values_list("pk", flat=True))

    def qualify(
        self,
        *,
        lead_id: int,
        at: dt.datetime,  # noqa: ARG002 (the use-case finds out itself since when the lead qualifies)
        version: Version,
        now: dt.datetime,
    ) -> bool:
        """Judge a lead as a worker does after an event; returns whether it became an MQL."""
        # Compiling the rules is the slow part, so each version's are compiled once.
        if version.pk not in self._rules:
            self._rules[version.pk] = active_versions.rules_of(version)
        rules = self._rules[version.pk]
        before = Qualification.objects.filter(lead=lead_id).count()
        with transaction.atomic():
            lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead_id)
            judgement = judge_now(version, rules, fact_reader.read_for_leads([lead_id], rules), now)
            qualify.qualify_leads(judgement, leads={lead_id: lead}, before={}, now=now)
        return Qualification.objects.filter(lead=lead_id).count() > before

    def hand_off(self, now: dt.datetime) -> None:
        """Turn waiting MQLs into routed handoffs."""
        creation.hand_off_waiting(now=now)

    def reroute(self, now: dt.datetime) -> None:
        """Route the unrouted handoffs again."""
        routing.route_unrouted(now=now)

    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None:
        """Give a handoff to a rep on behalf of a manager."""
        creation.assign(handoff=handoff, rep=rep, by=by, reason=reason, now=now)

    def take_new_assignments(self) -> list[Handoff]:
        """Return the handoffs that came to a rep since the last call."""
        assigned = Handoff.objects.filter(state=HandoffState.ASSIGNED).exclude(pk__in=self._assigned_ids)
        assigned = assigned.select_related("lead__company", "rep__user", "rep__team__calendar")
        # In the order in which they were routed, so that both ways of running the year draw the same actions.
        rows = list(assigned.order_by("tier", "created_at", "pk"))
        self._assigned_ids |= {handoff.pk for handoff in rows}
        return rows

    def list_unrouted(self) -> list[Handoff]:
        """Return the unrouted handoffs in the order in which they were made."""
        return list(Handoff.objects.unrouted().select_related("lead__company").order_by("pk"))

    def perform(self, *, handoff: Handoff, action: PlannedAction, now: dt.datetime) -> None:
        """Carry out one action, unless its rep is away by now."""
        if not rep_actions.is_away(handoff.pk, now):
            rep_actions.perform(handoff_id=handoff.pk, action=action, manager=self._manager, now=now)

    def sweep_clocks(self, now: dt.datetime) -> None:
        """Warn of clocks that are due soon and mark those that are overdue."""
        clock_sweeps.sweep_warnings(now=now)
        clock_sweeps.sweep_breaches(now=now)

    def catch_up(self, now: dt.datetime) -> None:
        """Judge, hand off, route, sweep and announce everything as of `now`, as workers would have done."""
        ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True))
        for first in range(0, len(ids), due_leads.BATCH):
            due_leads.rescore_leads(lead_ids=ids[first : first + due_leads.BATCH], now=now)
        creation.hand_off_waiting(now=now)
        routing.route_unrouted(now=now)
        self.sweep_clocks(now)
        recycling.announce_returns(now=now)
