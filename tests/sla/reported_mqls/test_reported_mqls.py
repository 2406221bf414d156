"""MQLs and promises as reports read them equal the rows that they follow from, whatever changed (rules 12.83)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from config import periodic
from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.models import Lead, Outcome
from sla.clocks import clock_sweeps
from sla.handoffs import attempts, creation, dispositions, openings, sales_stages
from sla.models import Handoff, ReportedMql, ReportedMqlChange, ReportedPromise
from sla.reported_mqls import current_rows
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    ReasonCodeFactory,
    RepFactory,
    UserFactory,
)
from tests.sla.reports.report_reading import read_api
from tests.threads import at_once

LATER = NOW + 2 * DAY


def read_rows() -> tuple[list[Any], list[Any]]:
    return (
        list(current_rows.read_mqls().order_by("pk").values()),
        list(current_rows.read_promises().order_by("pk").values()),
    )


def rebuild() -> tuple[list[Any], list[Any]]:
    """Make all rows anew from those of leads and of sales."""
    ReportedMql.objects.all().delete()
    ReportedPromise.objects.all().delete()
    ReportedMqlChange.objects.bulk_create(
        ReportedMqlChange(lead_id=pk) for pk in Lead.objects.values_list("pk", flat=True)
    )
    return read_rows()


def add_outcome(lead: Lead, **values: Any) -> Outcome:
    columns = {"kind": "opportunity", "at": NOW + HOUR, "recorded_at": LATER, "source": "crm"} | values
    return Outcome.objects.create(lead=lead, **columns)


def log_attempt(handoff: Handoff, after: dt.timedelta) -> None:
    attempts.log_attempt(
        handoff=handoff, channel=Channel.CALL, outcome=AttemptOutcome.NO_ANSWER, at=NOW + after, by=handoff.rep.user,
        now=LATER,
    )  # fmt: skip


def correct(handoff: Handoff) -> None:
    dispositions.correct(
        handoff=handoff, kind=DispositionKind.REJECT, reason=ReasonCodeFactory(), by=handoff.rep.user, now=LATER
    )


def answer(handoff: Handoff) -> None:
    answers = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
    sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=LATER, **answers)


def reassign(handoff: Handoff) -> None:
    rep = RepFactory(team=handoff.team)
    creation.assign(handoff=handoff, rep=rep, by=handoff.team.managers.first(), now=NOW + HOUR, reason="Holiday.")


def rename_source(handoff: Handoff) -> None:
    Lead.objects.filter(pk=handoff.lead_id).update(source="fair")


def merge_alias_with_outcome(handoff: Handoff) -> None:
    alias = LeadFactory()
    add_outcome(alias, kind="won")
    merges.merge(lead_id=alias.pk, into_id=handoff.lead_id, by=None, now=LATER)


def merge_and_part(handoff: Handoff) -> None:
    merge_alias_with_outcome(handoff)
    current_rows.read_mqls()
    merges.unmerge(lead_id=handoff.lead.aliases.get().pk, by=None, now=LATER)
    Lead.objects.filter(pk=handoff.lead_id).update(source="fair")


def take_outcome_back(handoff: Handoff) -> None:
    first = add_outcome(handoff.lead)
    current_rows.read_mqls()
    add_outcome(handoff.lead, kind="lost", corrects=first)
    add_outcome(handoff.lead, at=NOW + 3 * HOUR, external_id="second")


CHANGES: dict[str, tuple[str, Callable[[Handoff], object], str]] = {
    # The trait of the handoff, what happens to it, and the field by which a reported row then differs.
    "decision": ("", lambda handoff: dispositions.accept(handoff=handoff, by=handoff.rep.user, now=LATER), "decision"),
    "correction": ("accepted", correct, "reason_id"),
    "answers": ("accepted", answer, "answered_at"),
    "first contact": ("", lambda handoff: log_attempt(handoff, HOUR), "first_contact_at"),
    "contact logged late": ("accepted", lambda handoff: log_attempt(handoff, MINUTE / 2), "attempts"),
    "opening": (
        "", lambda handoff: openings.record_opening(handoff=handoff, by=handoff.rep.user, now=LATER), "read_at",
    ),
    "another rep": ("", reassign, "rep_id"),
    "source": ("", rename_source, "source"),
    "campaign that came late": (
        "",
        lambda handoff: EventFactory(
            lead=handoff.lead, occurred_at=NOW - DAY, recorded_at=LATER, properties={"campaign": "spring"}
        ),
        "campaign",
    ),
    "engagement that came late": (
        "",
        lambda handoff: EventFactory(lead=handoff.lead, occurred_at=NOW - DAY, recorded_at=LATER, asset="pricing"),
        "has_context",
    ),
    "deal": ("", lambda handoff: add_outcome(handoff.lead), "opened_at"),
    "deal that is taken back": ("", take_outcome_back, "opened_at"),
    "deal of an alias": ("", merge_alias_with_outcome, "won_at"),
    "alias that is parted again": ("", merge_and_part, "source"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("name", CHANGES)
def test_rows_follow_every_change(name: str) -> None:
    trait, change, field = CHANGES[name]
    handoff = HandoffFactory(lead=LeadFactory(mql=True, source="web"), **({trait: True} if trait else {}))
    HandoffFactory(rejected=True)
    before = current_rows.read_mqls().values_list(field, flat=True).get(handoff=handoff)

    change(Handoff.objects.get(pk=handoff.pk))
    rows = read_rows()

    assert ReportedMql.objects.values_list(field, flat=True).get(handoff=handoff) != before
    assert rows == rebuild()


@pytest.mark.django_db
def test_a_promise_follows_its_clock() -> None:
    handoff = HandoffFactory()
    assert set(current_rows.read_promises().values_list("kind", "verdict")) >= {("first_contact", "running")}

    clock_sweeps.sweep_breaches(now=NOW + 9 * DAY)
    rows = read_rows()

    promise = ReportedPromise.objects.get(handoff=handoff, kind="first_contact")
    assert (promise.verdict, promise.team_id, promise.rep_id) == ("late", handoff.team_id, handoff.rep_id)
    assert rows == rebuild()


@pytest.mark.django_db
def test_an_outcome_is_of_the_latest_mql_before_it() -> None:
    lead = LeadFactory(mql=True)
    first = QualificationFactory(lead=lead, at=NOW, closed_at=NOW + DAY)
    current_rows.read_mqls()
    second = QualificationFactory(lead=lead, at=NOW + 2 * DAY, cycle=2)
    add_outcome(lead, at=NOW + DAY, external_id="1")
    add_outcome(lead, at=NOW + 3 * DAY, external_id="2")

    opened = dict(current_rows.read_mqls().values_list("pk", "opened_at"))

    assert opened == {first.pk: NOW + DAY, second.pk: NOW + 3 * DAY}


@pytest.mark.django_db
def test_a_change_that_no_report_counts_asks_for_nothing() -> None:
    handoff = HandoffFactory()
    current_rows.read_mqls()

    Handoff.objects.filter(pk=handoff.pk).update(due_at=LATER)
    Lead.objects.filter(pk=handoff.lead_id).update(title="CTO")
    EventFactory(lead=handoff.lead, occurred_at=LATER)
    EventFactory(lead=LeadFactory())

    assert not ReportedMqlChange.objects.exists()


@pytest.mark.django_db
def test_a_report_says_what_it_could_not_renew_and_the_beat_renews_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = UserFactory(roles=[Role.SALES_LEADER])
    for _ in range(3):
        HandoffFactory()
    waiting = ReportedMqlChange.objects.values("lead_id").distinct().count()
    monkeypatch.setattr(current_rows, "CHANGES_OF_A_READER", 1)

    notes = read_api(reader, "versions", at=LATER)["notes"]
    assert waiting == 3
    assert any("changed in the last minutes and count as they were before" in note for note in notes)

    assert periodic.renew_reported_mqls(now=LATER)["renewed"] > 0
    assert not any("changed in the last minutes" in note for note in read_api(reader, "versions", at=LATER)["notes"])
    assert ReportedMql.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_readers_that_renew_at_once_keep_up_with_writers() -> None:
    handoffs = [HandoffFactory() for _ in range(6)]
    current_rows.read_mqls()

    def act(number: int) -> None:
        for place, handoff in enumerate(handoffs):
            if number % 2:
                current_rows.read_mqls()
            else:
                add_outcome(handoff.lead, at=NOW + HOUR * (10 - number), external_id=f"{number} {place}")

    assert at_once(6, act) == [None] * 6

    assert read_rows() == rebuild()
    assert set(ReportedMql.objects.values_list("opened_at", flat=True)) == {NOW + 6 * HOUR}


@pytest.mark.django_db
def test_the_application_may_renew(request: pytest.FixtureRequest) -> None:
    handoff = HandoffFactory()
    request.getfixturevalue("application_role")

    assert current_rows.read_mqls().get().handoff_id == handoff.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sla_reportedmqlchange")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_the_page_of_a_report_reads_what_was_just_decided(client: Any) -> None:
    handoff = HandoffFactory(accepted=True)
    client.force_login(UserFactory(roles=[Role.SALES_LEADER]))

    page = client.get(reverse("report", args=["rejections"]), {"from": "2026-03-01", "to": "2026-03-31"})

    assert "1" in page.content.decode()
    assert ReportedMql.objects.get().decision_at == handoff.decided_at
