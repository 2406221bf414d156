"""The last day through the product's use-cases, one call after the other, with `now` in the past."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.demo.company import rep_actions
from config.demo.company.sales_plan import PlannedAction
from definitions.models import Version
from leads.models import Lead, User
from scoring import active_versions
from scoring.columns import fact_reader
from scoring.engine.rules import Rules
from scoring.live import due_leads, qualify
from scoring.live.judgement import judge_now
from sla.clocks import clocks
from sla.handoffs import creation, routing
from sla.models import Handoff, Rep
from sla.nurture import recycling
from sla.vocabulary import HandoffState


class LiveHandoffs:
    def __init__(self, *, manager: User) -> None:
        self._manager = manager
        self._rules: dict[int, Rules] = {}
        self._told = set(Handoff.objects.filter(rep__isnull=False).values_list("pk", flat=True))

    def qualify(
        self,
        *,
        lead_id: int,
        at: dt.datetime,  # noqa: ARG002 (since when is the product's own finding)
        version: Version,
        now: dt.datetime,
    ) -> bool:
        """As a worker does when an event asks it to look at the lead; the rules are compiled once, not at each look."""
        if version.pk not in self._rules:
            self._rules[version.pk] = active_versions.rules_of(version)
        rules = self._rules[version.pk]
        before = _cycles(lead_id)
        with transaction.atomic():
            lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead_id)
            judged = judge_now(version, rules, fact_reader.near([lead_id], rules), now)
            qualify.qualify(judged, leads={lead_id: lead}, before={}, now=now)
        return _cycles(lead_id) > before

    def hand_off(self, now: dt.datetime) -> None:
        creation.hand_off_waiting(now=now)

    def reroute(self, now: dt.datetime) -> None:
        routing.route_unrouted(now=now)

    def assign(self, handoff: Handoff, rep: Rep, by: User, reason: str, now: dt.datetime) -> None:
        creation.assign(handoff=handoff, rep=rep, by=by, reason=reason, now=now)

    def arrivals(self) -> list[Handoff]:
        """Handoffs that have come to a rep since the last call."""
        assigned = Handoff.objects.filter(state=HandoffState.ASSIGNED).exclude(pk__in=self._told)
        found = list(assigned.select_related("lead__company", "rep__user", "rep__team__calendar").order_by("pk"))
        self._told |= {handoff.pk for handoff in found}
        return found

    def waiting(self) -> list[Handoff]:
        return list(Handoff.objects.unrouted().select_related("lead__company").order_by("pk"))

    def perform(self, *, handoff: Handoff, step: PlannedAction, now: dt.datetime) -> None:
        if not rep_actions.is_away(handoff.pk, now):
            rep_actions.perform(handoff_id=handoff.pk, step=step, manager=self._manager, now=now)

    def watch_clocks(self, now: dt.datetime) -> None:
        clocks.sweep_warnings(now=now)
        clocks.sweep_breaches(now=now)

    def close(self, now: dt.datetime) -> None:
        """Everything is judged, handed off, watched and announced as of `now`, as a worker would have done."""
        ids = list(Lead.objects.order_by("pk").values_list("pk", flat=True))
        for first in range(0, len(ids), due_leads.BATCH):
            due_leads.rescore(lead_ids=ids[first : first + due_leads.BATCH], now=now)
        creation.hand_off_waiting(now=now)
        routing.route_unrouted(now=now)
        self.watch_clocks(now)
        recycling.announce_returns(now=now)


def _cycles(lead_id: int) -> int:
    return Lead.objects.get(pk=lead_id).qualifications.count()
