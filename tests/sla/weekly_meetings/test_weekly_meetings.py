"""The weekly meeting: prepared once, written in together, frozen when it is closed (rules 12.57 to 12.61)."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal

import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.test import Client

from config.accounts.vocabulary import Role
from config.audit.models import SealedEntry
from config.calendar_periods import CalendarWeek
from leads.exceptions import Refused
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.models import MeetingDecision, MeetingNote, Notice, ReasonCode, WeeklyMeeting
from sla.notifications import deliveries
from sla.reported_mqls import current_rows
from sla.reports import meeting_changes, meeting_report, rejected_sample
from sla.vocabulary import MeetingDecisionState, NoticeKind
from sla.weekly_meetings import meeting_steps, preparation
from tests.config.audit.tampering import find_faults, tamper
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import DAY, HOUR, NOW, HandoffFactory, ReasonCodeFactory, UserFactory
from tests.sla.api_client import ApiClient
from tests.sla.reports.report_reading import cards_of, read_api, read_csv, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

#: NOW is a Tuesday; the meeting is about its week.
MONDAY = dt.datetime(2026, 3, 16, 8, tzinfo=dt.UTC)
WEEK = "2026-W11"
NEXT_MONDAY = MONDAY + 7 * DAY


@pytest.fixture
def leaders():
    return UserFactory(roles=[Role.MARKETING_LEADER]), UserFactory(roles=[Role.SALES_LEADER])


@pytest.fixture
def meeting(leaders) -> WeeklyMeeting:
    """Return the meeting about a week with three acceptances, seven rejections for two reasons, and an opportunity."""
    reasons = [ReasonCodeFactory(code="no_fit"), ReasonCodeFactory(code="no_answer")]
    accepted = [HandoffFactory(accepted=True) for _ in range(3)]
    for place in range(7):
        HandoffFactory(rejected=True, decision__reason=reasons[place > 4])
    Outcome.objects.create(
        lead=accepted[0].lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + DAY, recorded_at=NOW + DAY, source="crm",
        amount=Decimal(40_000), currency="EUR",
    )  # fmt: skip
    assert preparation.prepare_due(now=MONDAY) == 1
    return WeeklyMeeting.objects.get()


def decide(meeting, by, **changes) -> MeetingDecision:
    values = {"text": "Ask for a title", "owner": by, "due_on": dt.date(2026, 3, 20), "by": by, "now": MONDAY} | changes
    return meeting_steps.take_decision(meeting=meeting, **values)


def test_a_meeting_is_prepared_once_a_week_and_motion(meeting):
    assert (meeting.motion, meeting.week) == ("mql", WEEK)

    assert preparation.prepare_due(now=MONDAY + HOUR) == 0
    assert preparation.prepare_meeting("mql", CalendarWeek.containing(NOW), now=MONDAY) is None
    assert preparation.prepare_due(now=NEXT_MONDAY) == 1


def test_nothing_is_prepared_before_the_first_mql():
    assert preparation.prepare_due(now=MONDAY) == 0


def test_its_figures_are_those_of_the_rows(meeting, leaders):
    cards = cards_of(read_api(leaders[0], "meeting", at=MONDAY))

    ((accepted, decided),) = run_sql(
        "SELECT count(*) FILTER (WHERE d.kind = 'accept'), count(*) FROM sla_disposition d JOIN sla_handoff h ON h.id = d.handoff_id"
        " WHERE h.decided_at >= '2026-03-09' AND h.decided_at < '2026-03-16'"
    )
    ((mqls,),) = run_sql("SELECT count(*) FROM scoring_qualification WHERE at >= '2026-03-09' AND at < '2026-03-16'")
    ((kept, judged),) = run_sql(
        "SELECT count(*) FILTER (WHERE is_late = false), count(*) FILTER (WHERE is_late IS NOT NULL OR breached_at IS NOT NULL)"
        " FROM sla_clock WHERE kind = 'route' AND started_at >= '2026-03-09' AND started_at < '2026-03-16'"
    )
    assert (accepted, decided, mqls) == (3, 10, 10)
    assert (cards["acceptance"]["count"], cards["acceptance"]["of"]) == (accepted, decided)
    rows = read_page(leaders[0], cards["acceptance"]["rows"], at=MONDAY).content.decode()
    assert f'<span class="faint">{decided}</span>' in rows
    assert cards["delivered"]["value"] == mqls
    assert (cards["routed_in_time"]["count"], cards["routed_in_time"]["of"]) == (kept, judged)
    assert cards["pipeline"]["sums"] == {"EUR": "40000.00"}


def test_five_rejected_leads_are_chosen_by_the_stated_rule(meeting):
    rows = run_sql(
        "SELECT r.code, d.handoff_id FROM sla_disposition d JOIN sla_reasoncode r ON r.id = d.reason_id WHERE d.kind = 'reject'"
    )
    ranked = {
        code: sorted(
            (pk for reason, pk in rows if reason == code),
            key=lambda pk: hashlib.sha256(f"{WEEK}:{pk}".encode()).hexdigest(),
        )
        for code in ("no_fit", "no_answer")
    }

    fit, answer = ranked["no_fit"], ranked["no_answer"]
    assert [row["record"] for row in meeting.rejected] == [fit[0], answer[0], fit[1], answer[1], fit[2]]


def test_their_facts_stay_as_they_were_when_it_was_prepared(meeting, leaders):
    ReasonCode.objects.update(label="Renamed")

    with time_machine.travel(NEXT_MONDAY, tick=False):
        answers = [
            ApiClient(leaders[0], *scopes).get("reports/meeting", week=WEEK).json()
            for scopes in (["reports:read", "facts:read"], ["reports:read"])
        ]
    rows = read_csv(leaders[0], "meeting", at=NEXT_MONDAY, week=WEEK, table="rejected")

    table = tables_of(answers[0])["rejected"]
    assert [row["key"] for row in table["rows"]] == [str(row["record"]) for row in meeting.rejected]
    assert [row["label"] for row in table["rows"]] == [row["Lead"] for row in rows]
    assert "Renamed" not in str(table)
    assert all(row["label"].startswith("Lead") for row in table["rows"])
    # A key that may not read leads gets the figures alone.
    assert "rejected" not in tables_of(answers[1])
    assert "Lead" not in str([row["reason"] for row in meeting.rejected])


def test_their_evidence_stands_beside_them(meeting, leaders):
    lines = [{"text": "Country is DE", "verdict": "pass"}, {"text": "Revenue", "verdict": "unknown"}]
    facts = meeting.rejected[:1]
    facts[0]["evidence"] = lines

    section = meeting_report._build_rejected(Motion.MQL, facts)

    assert section.table.rows[0].note == "Country is DE: pass; Revenue: unknown"
    assert section.notes == (rejected_sample.RULE,)


def test_closing_freezes_page_file_and_api(meeting, leaders):
    marketing, sales = leaders
    meeting_steps.write_note(meeting=meeting, text="Fairs bring students.", by=sales, now=MONDAY)
    decide(meeting, marketing)
    meeting_steps.close_meeting(meeting=meeting, by=marketing, now=MONDAY + HOUR)
    before = read_api(sales, "meeting", at=MONDAY + 2 * HOUR)

    late = HandoffFactory(accepted=True, now=NOW + DAY)
    Outcome.objects.create(
        lead=late.lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + 2 * DAY, recorded_at=NEXT_MONDAY, source="crm", amount=7
    )
    after = read_api(sales, "meeting", at=NEXT_MONDAY, week=WEEK)
    page = read_page(sales, "/reports/meeting/", at=NEXT_MONDAY, week=WEEK)
    rows = {row["key"]: row for row in read_csv(sales, "meeting", at=NEXT_MONDAY, week=WEEK, table="figures")}

    assert after == before
    assert cards_of(after)["acceptance"]["of"] == 10
    assert rows["acceptance"]["of"] == "10"
    assert "40,000" in page.content.decode()
    assert "Fairs bring students." in page.content.decode()
    assert read_page(sales, "/reports/meeting/", at=NEXT_MONDAY).status_code == 200


def test_the_database_keeps_a_closed_meeting_as_it_is(meeting, leaders):
    decision = decide(meeting, leaders[0])
    meeting_steps.close_meeting(meeting=meeting, by=leaders[0], now=MONDAY + HOUR)

    for change in (
        lambda: WeeklyMeeting.objects.update(report={}),
        lambda: WeeklyMeeting.objects.update(closed_at=None, closed_by=None, report=None),
        lambda: run_sql("DELETE FROM sla_weeklymeeting"),
        lambda: MeetingNote.objects.create(meeting=meeting, text="Late.", by=leaders[0], at=MONDAY),
        lambda: MeetingDecision.objects.filter(pk=decision.pk).update(text="Another"),
        lambda: MeetingDecision.objects.create(
            meeting=meeting, text="Late", owner=leaders[0], due_on=MONDAY.date(), by=leaders[0], at=MONDAY
        ),
    ):
        with pytest.raises(Exception, match="pgtrigger"), transaction.atomic():
            change()


def test_both_sides_get_the_closed_meeting_once(meeting, leaders, settings):
    settings.BASE_URL = "https://accord.example"
    marketing, sales = leaders
    executive, sdr = UserFactory(roles=[Role.VIEWER]), UserFactory(roles=[Role.SDR])
    decide(meeting, sales)

    meeting_steps.close_meeting(meeting=meeting, by=marketing, now=MONDAY + HOUR)
    with pytest.raises(meeting_steps.MeetingClosed, match="closed this meeting on 16 March 2026"):
        meeting_steps.close_meeting(meeting=meeting, by=sales, now=MONDAY + HOUR)

    receivers = set(Notice.objects.filter(kind=NoticeKind.MEETING).values_list("to", flat=True))
    assert {sales.pk, executive.pk} <= receivers
    assert not receivers & {marketing.pk, sdr.pk}
    deliveries.send_due(now=MONDAY + HOUR)
    body = next(message.body for message in mail.outbox if message.to == [sales.email])
    assert "with 1 decision" in body
    assert f"https://accord.example/reports/meeting/?motion=mql&week={WEEK}" in body


def test_a_decision_is_settled_once_by_its_owner_also_after_the_meeting(meeting, leaders):
    marketing, sales = leaders
    manager, stranger = UserFactory(roles=[Role.SALES_MANAGER]), UserFactory(roles=[Role.SALES_MANAGER])
    first, second = decide(meeting, sales, owner=manager), decide(meeting, sales, owner=manager, text="Call twice")
    meeting_steps.close_meeting(meeting=meeting, by=marketing, now=MONDAY + HOUR)
    settle = {"outcome": "", "now": MONDAY + DAY}

    with pytest.raises(meeting_steps.MeetingRefused, match="can settle this decision"):
        meeting_steps.settle_decision(decision=first, state=MeetingDecisionState.DONE, by=stranger, **settle)
    with pytest.raises(Refused, match="required for a dropped decision"):
        meeting_steps.settle_decision(decision=first, state=MeetingDecisionState.DROPPED, by=manager, **settle)
    meeting_steps.settle_decision(decision=first, state=MeetingDecisionState.DONE, by=manager, **settle)
    with pytest.raises(meeting_steps.DecisionSettled, match="marked this decision as done on 17 March"):
        meeting_steps.settle_decision(
            decision=first, state=MeetingDecisionState.DROPPED, by=sales, outcome="No.", now=MONDAY + DAY
        )

    preparation.prepare_due(now=NEXT_MONDAY)
    table = tables_of(read_api(sales, "meeting", at=NEXT_MONDAY))["earlier_decisions"]
    states = {row["label"]: row["cells"]["state"]["value"] for row in table["rows"]}
    assert states == {first.text: "Done", second.text: "Open"}


def test_what_cannot_be_stored_is_refused_with_its_rule(meeting, leaders):
    executive, sdr = UserFactory(roles=[Role.VIEWER]), UserFactory(roles=[Role.SDR])

    with pytest.raises(Refused, match="due_on: lies in the past"):
        decide(meeting, leaders[0], due_on=dt.date(2026, 3, 15))
    with pytest.raises(Refused, match="owner: must be"):
        decide(meeting, leaders[0], owner=sdr)
    with pytest.raises(meeting_steps.MeetingRefused, match="Only leaders"):
        meeting_steps.write_note(meeting=meeting, text="I was here.", by=executive, now=MONDAY)
    with pytest.raises(meeting_steps.MeetingRefused, match="Only the leaders"):
        meeting_steps.close_meeting(meeting=meeting, by=UserFactory(roles=[Role.SALES_MANAGER]), now=MONDAY)


def test_the_steps_are_taken_on_the_page(meeting, leaders):
    marketing, _ = leaders
    client = Client()
    client.force_login(marketing)
    hostile = "<script>alert(1)</script>"
    start = f"/reports/meeting/{meeting.pk}"

    assert client.post(f"{start}/notes/", {"text": hostile}).status_code == 302
    assert client.post(f"{start}/notes/", {"text": " "}).status_code == 422
    day = {"text": "Tighten the gate", "owner": marketing.pk, "due_on": "2999-01-01"}
    assert client.post(f"{start}/decisions/", day | {"owner": 0}).status_code == 422
    assert client.post(f"{start}/decisions/", day).status_code == 302
    decision = MeetingDecision.objects.get()
    settle = f"/reports/meeting/decisions/{decision.pk}/"
    assert client.post(settle, {"state": "open"}).status_code == 422
    assert client.post(settle, {"state": "done"}).status_code == 302
    assert client.post(settle, {"state": "done"}).status_code == 409
    assert client.post(f"{start}/close/").status_code == 302
    assert client.post(f"{start}/close/").status_code == 409

    page = client.get("/reports/meeting/", {"week": WEEK}).content.decode()
    assert hostile not in page
    assert "Tighten the gate" in page
    assert MeetingNote.objects.get().by == marketing


@pytest.mark.parametrize("week", ["2026-W12", "2026-W99", "mood", "2999-W01", "0001-W01"])
def test_a_week_that_is_not_over_is_refused(leaders, week):
    answer = read_page(leaders[0], "/reports/meeting/", at=MONDAY, week=week)

    assert answer.status_code == 400
    assert "week" in answer.content.decode()
    assert read_page(leaders[0], "/reports/meeting/", at=MONDAY, weeks=4).status_code == 400


def test_more_changes_of_a_kind_than_are_listed_are_counted(meeting):
    for number in range(meeting_changes.SHOWN_OF_A_KIND + 2):
        suppress("source", f"fair {number}", at=NOW + number * HOUR, reason=f"Fair {number}")

    changes = meeting_changes.list_changes(Motion.MQL, CalendarWeek.containing(NOW))

    texts = [change.text for change in changes if change.kind == "Suppression"]
    assert texts == ["2 earlier changes of the week", *(f"Fair {number}" for number in range(2, 12))]


def test_the_number_of_queries_does_not_grow_with_the_rows(meeting, leaders, django_assert_max_num_queries):
    client = Client()
    client.force_login(leaders[0])
    for place in range(10):
        decide(meeting, leaders[0], text=f"Decision {place}")
        HandoffFactory(rejected=True, now=NOW + place * HOUR / 4)

    current_rows.read_mqls()
    with django_assert_max_num_queries(80):
        client.get("/reports/meeting/", {"week": WEEK})
    assert len(meeting.rejected) == rejected_sample.SAMPLE_SIZE


def test_each_transition_of_a_meeting_is_in_the_audit_and_an_edit_is_named(meeting, leaders):
    meeting_steps.write_note(meeting=meeting, text="Greta Garbo called.", by=leaders[0], now=MONDAY)
    decision = decide(meeting, leaders[0])
    meeting_steps.close_meeting(meeting=meeting, by=leaders[0], now=MONDAY + HOUR)
    meeting_steps.settle_decision(
        decision=decision, state=MeetingDecisionState.DONE, outcome="Titles asked.", by=leaders[0], now=MONDAY + DAY
    )

    assert find_faults() == []
    contents = [
        (entry.table_name, entry.operation, entry.content) for entry in SealedEntry.objects.order_by("position")
    ]
    assert {
        ("sla_weeklymeeting", "insert"), ("sla_weeklymeeting", "update"), ("sla_meetingnote", "insert"),
        ("sla_meetingdecision", "insert"), ("sla_meetingdecision", "update"),
    } <= {(table, operation) for table, operation, _ in contents}  # fmt: skip
    assert not any("Garbo" in content or "Titles asked" in content for _, _, content in contents)

    tamper("sla_meetingdecision", "UPDATE sla_meetingdecision SET due_on = due_on + 30, text = 'Nothing'")
    tamper("sla_weeklymeeting", "UPDATE sla_weeklymeeting SET report = '{}'")

    faults = " ".join(find_faults())
    assert f"sla_meetingdecision {decision.pk}" in faults
    assert f"sla_weeklymeeting {meeting.pk}" in faults


def test_the_record_of_a_meeting_can_be_erased_before_and_after_it_is_closed(meeting, leaders):
    open_meeting = preparation.prepare_due(now=NEXT_MONDAY) and WeeklyMeeting.objects.latest("start")
    meeting_steps.close_meeting(meeting=meeting, by=leaders[0], now=MONDAY + HOUR)
    with connection.cursor() as cursor:
        for row in (meeting, open_meeting):
            cursor.execute("SELECT accord_audit_erase('sla_weeklymeeting', %s, 'user 7', 'request 31')", [row.pk])

    meeting.refresh_from_db()
    open_meeting.refresh_from_db()
    assert (meeting.report, meeting.rejected, open_meeting.report) == ({}, [], None)
    assert "was erased" in read_api(leaders[0], "meeting", at=NEXT_MONDAY, week=WEEK)["headline"]
    assert read_page(leaders[0], "/reports/meeting/", at=NEXT_MONDAY, week=WEEK).status_code == 200
    assert find_faults() == []
