"""Two leads with open handoffs are merged and parted again: figures, clocks and evidence stay (rules 13.49 to 13.52)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db.models import TextField
from django.db.models.functions import Cast

from config import periodic
from definitions.models import Version
from leads.identity import merges
from leads.models import Event, Lead, StageChange
from leads.vocabulary import Stage
from scoring.explain import lead_explanation
from scoring.live import daily_rescore
from scoring.models import Qualification, Score
from sla.clocks import do_not_contact
from sla.handoff_page import changes_since_mql, lead_timeline
from sla.handoffs import creation, dispositions
from sla.models import Clock, Handoff
from sla.nurture import recycling
from sla.queue import queue
from tests.factories import CommitmentFactory, LeadFactory, QualificationFactory, TeamFactory, place_leads
from tests.scoring.reference_lead import DAY, HOUR, NOW, add_event, lead, version

__all__ = ["lead", "version"]

MINUTE = dt.timedelta(minutes=1)
CLOCK_COLUMNS = [
    column.attname for column in Clock._meta.concrete_fields if column.attname not in ("warned_at", "breached_at")
]


@pytest.fixture
def other(lead: Lead) -> Lead:
    """Return a second lead of the same company, known as long as the first one."""
    return LeadFactory(
        email="a.da@fit.example", title="Head of Operations", company=lead.company, at=lead.recorded_at,
        known_at=lead.known_at, next_look_at=lead.recorded_at,
    )  # fmt: skip


@pytest.fixture
def sales(db: None) -> None:
    CommitmentFactory(active=True, activated_at=NOW - 300 * DAY)
    TeamFactory(working=True, reps=2)


def work(now: dt.datetime) -> None:
    """Do the periodic work."""
    assert len(periodic.tick(now=now)) == 12
    assert len(periodic.watch_clocks(now=now)) == 7


def merge(alias: Lead, into: Lead, now: dt.datetime) -> None:
    merges.merge(lead_id=alias.pk, into_id=into.pk, by=None, now=now)


def figures() -> list[dict[str, Any]]:
    """Return the stored scores, without when they were last looked at."""
    columns = ("lead", "fit", "engagement", "bant", "gate", "meets", "tier", "as_of", "is_disqualified")
    return list(Score.objects.order_by("lead").values(*columns))


def records() -> dict[str, Any]:
    """Return all that a merge must leave as it is, the evidence as the very text in the database."""
    return {
        "evidence": list(Qualification.objects.order_by("pk").values_list("pk", Cast("evidence", TextField()))),
        "mqls": list(Qualification.objects.order_by("pk").defer("evidence").values()),
        "handoffs": list(Handoff.objects.order_by("pk").values()),
        # All but whether somebody has been warned since: the clocks run on.
        "clocks": list(Clock.objects.order_by("pk").values(*CLOCK_COLUMNS)),
        "events": list(Event.objects.order_by("pk").values()),
        "stages": list(StageChange.objects.order_by("pk").values()),
        "leads": list(Lead.objects.order_by("pk").values("pk", "email", "stage", "stage_at", "do_not_contact")),
    }


def test_figures_clocks_and_evidence_survive_a_merge_and_a_parting(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(lead, "demo_request", NOW)
    add_event(other, "demo_request", NOW + MINUTE)
    add_event(other, "pricing_view", NOW)
    work(NOW + 2 * MINUTE)
    assert Handoff.objects.open().count() == 2
    assert Clock.objects.running().exists()
    scores, kept = figures(), records()
    explained = [lead_explanation.explain_lead(row, at=NOW + HOUR)[0][1].as_dict() for row in (lead, other)]

    merge(other, lead, NOW + 3 * MINUTE)
    work(NOW + 4 * MINUTE)
    daily_rescore.rescore_all(now=NOW + 5 * MINUTE)
    work(NOW + 6 * MINUTE)

    assert records() == kept
    merged_scores = {row["lead"]: row for row in figures()}
    assert merged_scores[lead.pk]["engagement"] > scores[0]["engagement"]
    assert merged_scores[other.pk] == scores[1]

    merges.unmerge(lead_id=other.pk, by=None, now=NOW + 7 * MINUTE)
    work(NOW + 8 * MINUTE)
    daily_rescore.rescore_all(now=NOW + 9 * MINUTE)

    assert records() == kept
    assert figures() == scores
    for row, document in zip((lead, other), explained, strict=True):
        row.refresh_from_db()
        assert json.dumps(lead_explanation.explain_lead(row, at=NOW + HOUR)[0][1].as_dict()) == json.dumps(document)


def test_the_clock_of_an_alias_runs_on_and_its_rep_decides(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(lead, "demo_request", NOW)
    add_event(other, "demo_request", NOW)
    work(NOW + MINUTE)
    merge(other, lead, NOW + 2 * MINUTE)
    handoff = Handoff.objects.select_related("rep__user").get(lead=other)
    assert handoff.rep is not None
    assert [row.pk for group in queue.build_queue(queue.for_user(handoff.rep.user), now=NOW + 2 * MINUTE).groups
            for row in group.rows].count(handoff.pk) == 1  # fmt: skip

    work(NOW + 6 * HOUR)
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=NOW + 6 * HOUR)

    handoff.refresh_from_db()
    assert handoff.is_accepted
    assert handoff.clocks.filter(breached_at__isnull=False).exists()


def test_a_person_with_an_open_handoff_gets_no_second_one(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(other, "demo_request", NOW)
    work(NOW + MINUTE)
    merge(other, lead, NOW + 2 * MINUTE)

    add_event(lead, "demo_request", NOW + HOUR)
    work(NOW + HOUR + MINUTE)

    assert Score.objects.get(lead=lead).meets
    assert Qualification.objects.count() == 1
    assert Handoff.objects.get().lead == other


def test_an_mql_that_waits_is_closed_when_sales_works_on_the_person_already(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(other, "demo_request", NOW)
    work(NOW + MINUTE)
    place_leads(Stage.MQL, lead)
    waiting = QualificationFactory(lead=lead, version=version, at=NOW + MINUTE)
    merge(other, lead, NOW + 2 * MINUTE)

    creation.hand_off_waiting(now=NOW + 3 * MINUTE)

    waiting.refresh_from_db()
    assert (waiting.taken_at, waiting.closed_at) == (NOW + 3 * MINUTE, NOW + 3 * MINUTE)
    assert Handoff.objects.count() == 1
    assert StageChange.objects.filter(lead=lead).latest("pk").why == "Sales works on the same person already."


def test_the_cycles_of_a_person_are_one_row_of_cycles(version: Version, lead: Lead, other: Lead, sales: None) -> None:
    add_event(other, "demo_request", NOW)
    work(NOW + MINUTE)
    merge(other, lead, NOW + 2 * MINUTE)
    first = Qualification.objects.get()
    recycling.close_cycle(handoff=Handoff.objects.get(), now=NOW + HOUR)
    Handoff.objects.update(state="lost", closed_at=NOW + HOUR)
    work(NOW + HOUR + MINUTE)
    assert Qualification.objects.count() == 1

    add_event(lead, "demo_request", NOW + 2 * HOUR)
    work(NOW + 2 * HOUR + MINUTE)

    second = Qualification.objects.exclude(pk=first.pk).get()
    assert (second.lead, second.cycle, second.at) == (lead, 2, NOW + 2 * HOUR)


def test_two_halves_that_together_meet_the_definition_make_one_mql(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(lead, "webinar_attended", NOW - DAY)
    add_event(other, "webinar_attended", NOW - HOUR)
    work(NOW)
    assert not Qualification.objects.exists()

    merge(other, lead, NOW + MINUTE)
    work(NOW + 2 * MINUTE)

    assert Qualification.objects.get().lead == lead


def test_an_opt_out_of_one_lead_stops_the_clocks_of_the_other(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(lead, "demo_request", NOW)
    work(NOW + MINUTE)
    Lead.objects.filter(pk=other.pk).update(do_not_contact=True)
    merge(other, lead, NOW + 2 * MINUTE)
    assert do_not_contact.blocked_since(Lead.objects.get(pk=lead.pk)) == other.known_at

    work(NOW + 3 * MINUTE)

    handoff = Handoff.objects.get()
    running = set(handoff.clocks.running().values_list("kind", flat=True))
    assert running.isdisjoint(do_not_contact.CONTACT_CLOCKS)


def test_the_timeline_and_the_changes_are_those_of_the_person(
    version: Version, lead: Lead, other: Lead, sales: None
) -> None:
    add_event(lead, "demo_request", NOW)
    work(NOW + MINUTE)
    merge(other, lead, NOW + 2 * MINUTE)
    add_event(other, "pricing_view", NOW + HOUR)

    timeline = lead_timeline.for_lead(lead, kind="activity")
    changes = changes_since_mql.for_handoff(Handoff.objects.select_related("lead", "qualification", "version").get(),
                                            now=NOW + 2 * HOUR)  # fmt: skip

    assert [(entry.at, entry.known_as) for entry in timeline.entries] == [(NOW + HOUR, other.email), (NOW, "")]
    assert changes.events == 1
