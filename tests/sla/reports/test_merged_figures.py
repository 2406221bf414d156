"""Figures after a merge and after an unmerge: MQLs, handoffs and decisions count as they were made (rules 12.11)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.calendar_periods import CalendarMonth
from definitions.models import Definition, Version
from leads.identity import merges
from leads.models import Outcome
from leads.vocabulary import Motion
from sla.models import Clock, Handoff
from sla.reports import volume_and_yield, weekly_cohorts
from sla.review_triggers import rejection_evidence
from tests.factories import DAY, NOW, HandoffFactory, LeadFactory

pytestmark = pytest.mark.django_db


def read_counts(now: dt.datetime = NOW + DAY) -> dict[str, Any]:
    """Return every count of MQLs, handoffs and decisions that a report shows."""
    month = CalendarMonth.containing(now)
    decided = rejection_evidence.read_decisions(definition=Definition.objects.get(), month=month)
    (delivered,) = volume_and_yield.read_delivered_months(motion=Motion.MQL, now=now, count=1)
    return {
        "cohorts": weekly_cohorts.for_version(Version.objects.get(), now=now),
        "decided": (len(decided.dispositions), len(decided.rejected), decided.percent),
        "delivered": delivered.count,
        "clocks": list(Clock.objects.order_by("pk").values_list("kind", "due_at", "met_at", "cancelled_at")),
        "given": [
            (row.assigned, row.meetings)
            for row in volume_and_yield.read_yields(Handoff.objects.all(), motion=Motion.MQL, start=NOW - DAY, end=now)
        ],
    }


def test_a_merge_and_its_end_change_no_count_of_what_was_made_before() -> None:
    accepted, rejected = HandoffFactory(accepted=True), HandoffFactory(rejected=True)
    HandoffFactory()
    before = read_counts()
    assert (before["delivered"], before["decided"][:2]) == (3, (2, 1))

    merges.merge(lead_id=rejected.lead_id, into_id=accepted.lead_id, by=None, now=NOW + DAY)
    assert read_counts() == before

    merges.unmerge(lead_id=rejected.lead_id, by=None, now=NOW + DAY)
    assert read_counts() == before


def test_an_mql_that_was_made_while_two_leads_were_one_stays_with_its_lead() -> None:
    first = HandoffFactory(accepted=True)
    alias = LeadFactory()
    merges.merge(lead_id=alias.pk, into_id=first.lead_id, by=None, now=NOW)
    merged = read_counts()
    assert merged["delivered"] == 1

    merges.unmerge(lead_id=alias.pk, by=None, now=NOW + DAY)
    assert read_counts() == merged
    HandoffFactory(lead=LeadFactory(mql=True))
    assert read_counts()["delivered"] == 2


def test_an_outcome_of_a_person_counts_for_the_handoff_of_either_lead_while_they_are_one() -> None:
    handoff = HandoffFactory(accepted=True)
    Handoff.objects.update(meeting_at=NOW)
    alias = LeadFactory()
    Outcome.objects.create(
        lead=alias, kind="opportunity", at=NOW + dt.timedelta(hours=1), recorded_at=NOW + DAY, source="crm"
    )

    def count_opened() -> int:
        (row,) = volume_and_yield.read_yields(Handoff.objects.all(), motion=Motion.MQL, start=NOW - DAY, end=NOW + DAY)
        return row.opened_after_meeting

    assert count_opened() == 0
    merges.merge(lead_id=alias.pk, into_id=handoff.lead_id, by=None, now=NOW)
    assert count_opened() == 1
    merges.unmerge(lead_id=alias.pk, by=None, now=NOW)
    assert count_opened() == 0
