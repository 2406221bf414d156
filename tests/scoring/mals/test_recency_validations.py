"""Recency validations: opened once, validated by a person, overtaken by the lead, lapsed by the clock."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Version
from leads.intake import events
from leads.models import Company, Event, Lead
from leads.vocabulary import Stage
from scoring.engine.rules import RECENCY_VALIDATED
from scoring.explain import frozen_evidence, lead_explanation
from scoring.live import due_leads, quiet_leads, recency_validations, shortfalls
from scoring.mals import recency_list, recency_work
from scoring.models import Qualification, RecencyState, RecencyValidation, Shortfall, ShortfallKind
from sla.handoffs import creation
from sla.models import Handoff, Notice
from sla.notifications import recency_notices
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import CommitmentFactory, CompanyFactory, LeadFactory, TeamFactory, UserFactory, place_leads
from tests.scoring import facts
from tests.scoring.mals.stored_validations import store_validation
from tests.scoring.reference_lead import DAY, HOUR, NOW, add_event, put_in_force

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(db: None) -> Version:
    return activate()


def activate(*, owner: str = "Marketing", **timing: object) -> Version:
    """Put a version in force for a year that asks for three visits of the pricing page, and for engagement within 30 days."""
    document = facts.document()
    document["paths"] = [
        {
            "name": "Prices read",
            "rationale": "Who reads prices thrice has a project.",
            "clauses": [{"count_of": ["pricing_view"], "at_least": 3, "within_days": 365}],
        }
    ]
    document["timing"] = {"engaged_within_days": 30, "or_request_within_days": None, **timing}
    # Else it would be of tier 3 and nurtured first.
    document |= {"owner": owner, "tier_3_below": None}
    draft = version_documents.import_document(document=document, by=None, now=NOW - 365 * DAY)
    return put_in_force(draft, NOW - 365 * DAY)


@pytest.fixture
def lead(db: None) -> Lead:
    """A lead that passes the gate and came yesterday with its history, so that nobody judged it when it was fresh."""
    return come(CompanyFactory(fits=True, recorded_at=NOW - 400 * DAY), "ada@fit.example")


def come(company: Company | None, email: str) -> Lead:
    return LeadFactory(
        email=email,
        title="Head of Operations",
        company=company,
        at=NOW - DAY,
        known_at=NOW - 300 * DAY,
        next_look_at=NOW - DAY,
    )


def visit_prices(lead: Lead, last: dt.datetime, times: int = 3) -> None:
    """Have the lead read the prices, the last time at an instant and before that an hour earlier each."""
    for number in range(times):
        add_event(lead, "pricing_view", last - number * HOUR)


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS])


@pytest.fixture
def stale(version: Version, lead: Lead) -> RecencyValidation:
    """The validation of a lead that read the prices thrice, 89 days ago."""
    return become_stale(lead)


def become_stale(lead: Lead, at: dt.datetime = NOW - 89 * DAY) -> RecencyValidation:
    visit_prices(lead, at)
    judge(NOW)
    return RecencyValidation.objects.get(lead=lead)


def judge(now: dt.datetime) -> None:
    due_leads.rescore_due(now=now)
    shortfalls.refresh_shortfalls(now=now)


def send(lead: Lead, signal: str, at: dt.datetime) -> None:
    item = {"lead": lead.pk, "signal": signal, "occurred_at": at, "id": f"{signal} {at}"}
    assert [result.status for result in events.record(items=[item], source="test", now=at)] == ["accepted"]
    judge(at)


def close(now: dt.datetime) -> RecencyValidation:
    recency_validations.close_ended(now=now)
    return RecencyValidation.objects.get()


# ── What the engine says ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fits", "visits", "days_ago", "meets", "needs"),
    [
        (False, 3, 1, False, False),
        (False, 3, 90, False, False),
        (True, 0, 1, False, False),
        (True, 2, 90, False, False),
        (True, 3, 90, False, True),
        (True, 3, 30, True, False),
    ],
)
def test_only_fit_and_behaviour_without_fresh_engagement_need_a_validation(
    version: Version, lead: Lead, fits: bool, visits: int, days_ago: int, meets: bool, needs: bool
) -> None:
    person = lead if fits else come(None, "eve@gmail.com")
    visit_prices(person, NOW - days_ago * DAY, visits)

    ((_, explanation),) = lead_explanation.explain_lead(person, at=NOW)
    judge(NOW)

    assert (explanation.meets, explanation.needs_recency_validation) == (meets, needs)
    assert Qualification.objects.exists() == meets
    assert RecencyValidation.objects.filter(lead=person).exists() == needs


def test_a_request_alone_as_timing_cannot_be_validated(lead: Lead) -> None:
    activate(engaged_within_days=None, or_request_within_days=30)
    visit_prices(lead, NOW - 60 * DAY)

    judge(NOW)

    assert Shortfall.objects.get().kind == ShortfallKind.TIMING
    assert not RecencyValidation.objects.exists()


# ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────


def test_it_says_path_last_engagement_due_date_and_that_ops_own_it(stale: RecencyValidation, lead: Lead) -> None:
    lead.refresh_from_db()

    assert (stale.path, stale.owner, stale.state) == ("Prices read", None, RecencyState.OPEN)
    assert abs(stale.engaged_at - (NOW - 89 * DAY)) < dt.timedelta(seconds=1)
    assert (stale.opened_at, stale.due_at, stale.quiet_days(NOW)) == (NOW, NOW + 14 * DAY, 89)
    assert lead.stage == Stage.MAL
    assert recency_list.find_open(lead) == stale


def test_a_shorter_window_of_the_version_is_the_time_for_it(lead: Lead) -> None:
    activate(engaged_within_days=7)

    assert become_stale(lead).due_at == NOW + 7 * DAY


def test_the_person_whom_the_version_names_owns_it(lead: Lead) -> None:
    owner = UserFactory(email="owner@ours.example", roles=[Role.MARKETING_LEADER])
    activate(owner="Owner@ours.example")

    assert become_stale(lead).owner == owner


def test_it_is_opened_once_for_a_state(stale: RecencyValidation) -> None:
    shortfalls.refresh_shortfalls(now=NOW + 2 * DAY)
    close(NOW + 14 * DAY)
    shortfalls.refresh_shortfalls(now=NOW + 15 * DAY)

    assert RecencyValidation.objects.get().state == RecencyState.LAPSED


def test_who_may_not_be_contacted_or_is_suppressed_gets_none(version: Version, lead: Lead) -> None:
    other = come(lead.company, "bo@fit.example")
    Lead.objects.filter(pk=lead.pk).update(do_not_contact=True)
    suppress("lead", str(other.pk), at=NOW - HOUR)
    for person in (lead, other):
        visit_prices(person, NOW - 60 * DAY)

    judge(NOW)

    assert Shortfall.objects.filter(kind=ShortfallKind.TIMING).count() == 2
    assert not RecencyValidation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shipped")
def test_two_workers_open_one(lead: Lead) -> None:
    activate()
    visit_prices(lead, NOW - 60 * DAY)
    due_leads.rescore_due(now=NOW)

    def refresh(_worker: int) -> int:
        try:
            return shortfalls.refresh_shortfalls(now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(refresh, range(3)))

    assert RecencyValidation.objects.count() == 1


# ── Ends ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_goes_to_sales_before_it_is_validated_and_it_does_afterwards(
    stale: RecencyValidation, ops: User
) -> None:
    CommitmentFactory(active=True)
    TeamFactory(working=True)
    creation.hand_off_waiting(now=NOW + HOUR)
    assert not Handoff.objects.exists()

    recency_work.validate(validation=stale, note="Called: budget is there.", by=ops, now=NOW + DAY)
    judge(NOW + DAY)
    creation.hand_off_waiting(now=NOW + DAY)

    stale.refresh_from_db()
    event = Event.objects.get(signal__code=RECENCY_VALIDATED)
    assert (event.source, event.occurred_at) == ("accord", NOW + DAY)
    assert event.properties == {"note": "Called: budget is there.", "by": str(ops)}
    assert (stale.state, stale.event, stale.closed_by, stale.closed_at) == ("validated", event, ops, NOW + DAY)
    qualification = Qualification.objects.get()
    assert qualification.at == NOW + DAY
    assert qualification.evidence["timing"]["engaged_days_ago"] == 0
    # The evidence says that this is marketing's word.
    (engaged,) = frozen_evidence.read_evidence(qualification.evidence).timing
    assert engaged.note == f"less than a day ago, validated by {ops} on {NOW + DAY:%-d %B %Y}"
    assert Handoff.objects.get().qualification == qualification


def test_validations_of_many_are_read_at_once(version: Version, lead: Lead, ops: User) -> None:
    for person in [lead, *(come(lead.company, f"person{number}@fit.example") for number in range(2))]:
        visit_prices(person, NOW - 89 * DAY)
    judge(NOW)
    for validation in RecencyValidation.objects.all():
        recency_work.validate(validation=validation, note="Called.", by=ops, now=NOW + DAY)

    with CaptureQueriesContext(connection) as captured:
        due_leads.rescore_due(now=NOW + DAY)

    evidence = Qualification.objects.values_list("evidence__timing__validated_by", flat=True)
    assert list(evidence) == [str(ops)] * 3
    reading = [
        query for query in captured if query["sql"].startswith("SELECT") and "scoring_recencyvalidation" in query["sql"]
    ]
    assert len(reading) == 1


def test_a_validation_counts_under_a_version_that_names_its_engagement(lead: Lead, ops: User) -> None:
    activate(engaged_by=["pricing_view"])
    validation = become_stale(lead)

    recency_work.validate(validation=validation, note="Met at the fair.", by=ops, now=NOW + DAY)
    judge(NOW + DAY)

    assert Qualification.objects.get().at == NOW + DAY


def test_activity_of_the_lead_overtakes_it(stale: RecencyValidation) -> None:
    send(stale.lead, "email_click", NOW + DAY)

    stale.refresh_from_db()
    assert Qualification.objects.get().at == NOW + DAY
    assert "validated_by" not in Qualification.objects.get().evidence["timing"]
    assert (stale.state, stale.closed_at, stale.closed_by) == (RecencyState.OVERTAKEN, NOW + DAY, None)


def test_a_lead_that_leaves_the_mals_ends_it(stale: RecencyValidation) -> None:
    assert close(NOW + DAY).is_open
    Lead.objects.update(stage=Stage.DISQUALIFIED)

    closed = close(NOW + DAY)

    assert (closed.state, closed.note) == (RecencyState.OVERTAKEN, "It is no MAL any more.")


def test_without_a_validation_it_lapses_when_it_is_due_and_the_lead_stays_a_mal(
    stale: RecencyValidation, ops: User
) -> None:
    second = dt.timedelta(seconds=1)
    assert close(stale.due_at - second).is_open
    # Its silence is longer than 90 days by now; it is not paused as long as the task is open.
    assert quiet_leads.pause_quiet(now=stale.due_at - second) == 0
    with pytest.raises(recency_work.RecencyRefused, match="Its time is over"):
        recency_work.validate(validation=stale, note="Late.", by=ops, now=stale.due_at)

    closed = close(stale.due_at)

    assert (closed.state, closed.closed_at, closed.closed_by) == (RecencyState.LAPSED, stale.due_at, None)
    assert Lead.objects.get().stage == Stage.MAL
    assert quiet_leads.pause_quiet(now=stale.due_at) == 1


def test_marketing_ends_it_early_with_a_reason(stale: RecencyValidation, ops: User) -> None:
    with pytest.raises(recency_work.RecencyRefused, match="Say in the note"):
        recency_work.report_inactive(validation=stale, note=" ", by=ops, now=NOW + HOUR)

    recency_work.report_inactive(validation=stale, note="Left the company.", by=ops, now=NOW + HOUR)

    stale.refresh_from_db()
    assert (stale.state, stale.note, stale.closed_by) == (RecencyState.LAPSED, "Left the company.", ops)
    with pytest.raises(recency_work.RecencyRefused, match="closed already: lapsed"):
        recency_work.validate(validation=stale, note="It is live.", by=ops, now=NOW + HOUR)
    assert not Event.objects.filter(signal__code=RECENCY_VALIDATED).exists()


def test_newer_engagement_that_grows_old_opens_another(stale: RecencyValidation, ops: User) -> None:
    recency_work.report_inactive(validation=stale, note="No answer.", by=ops, now=NOW + HOUR)
    Lead.objects.update(next_look_at=NOW + 40 * DAY)
    add_event(stale.lead, "email_click", NOW - 31 * DAY)

    judge(NOW + 40 * DAY)

    assert RecencyValidation.objects.open().get().opened_at == NOW + 40 * DAY


def test_a_validation_that_grows_old_opens_no_other(stale: RecencyValidation, ops: User) -> None:
    recency_work.validate(validation=stale, note="Called her.", by=ops, now=NOW + HOUR)
    Lead.objects.update(next_look_at=NOW + 40 * DAY)

    judge(NOW + 40 * DAY)

    assert not RecencyValidation.objects.open().exists()


@pytest.mark.parametrize("change", [{"stage": Stage.NURTURE}, {"do_not_contact": True}])
def test_a_lead_that_is_no_mal_any_more_or_opted_out_cannot_be_validated(
    stale: RecencyValidation, ops: User, change: dict[str, object]
) -> None:
    Lead.objects.update(**change)

    with pytest.raises(recency_work.RecencyRefused, match="no MAL any more, or may not be contacted"):
        recency_work.validate(validation=stale, note="It is live.", by=ops, now=NOW + HOUR)
    assert not Event.objects.filter(signal__code=RECENCY_VALIDATED).exists()


def test_only_marketing_works_on_it_and_only_marketing_owns_it(stale: RecencyValidation, ops: User) -> None:
    viewer = UserFactory(roles=[Role.VIEWER])
    with pytest.raises(recency_work.RecencyRefused, match="Only a person of marketing"):
        recency_work.assign(validation=stale, to=viewer, by=ops)
    with pytest.raises(recency_work.RecencyRefused, match="Marketing ops and the marketing leader"):
        recency_work.assign(validation=stale, to=ops, by=viewer)

    assert recency_work.assign(validation=stale, to=ops, by=ops).owner == ops


def test_the_database_keeps_it(stale: RecencyValidation, ops: User) -> None:
    rows = RecencyValidation.objects.filter(pk=stale.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state=RecencyState.VALIDATED, closed_at=NOW, note="No event.")
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows.update(due_at=NOW + 100 * DAY)
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows.delete()
    close(stale.due_at)
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows.update(owner=ops)


def test_a_day_later_its_owner_or_else_marketing_ops_are_told_once(
    version: Version, stale: RecencyValidation, ops: User
) -> None:
    leader = UserFactory(roles=[Role.MARKETING_LEADER])
    for number in range(2):
        store_validation(version, come(None, f"n{number}@fit.example"), at=NOW, owner=leader)
    gone = UserFactory(roles=[Role.MARKETING_OPS], is_active=False)
    for number, owner in enumerate((ops, gone), start=2):
        store_validation(version, come(None, f"n{number}@fit.example"), at=NOW, owner=owner)

    assert recency_notices.notify_of_yesterday(now=NOW + HOUR) == 0
    assert recency_notices.notify_of_yesterday(now=NOW + DAY) == 2
    assert recency_notices.notify_of_yesterday(now=NOW + DAY + HOUR) == 0

    assert dict(Notice.objects.values_list("to", "text")) == {
        ops.pk: "3 leads need recency validation since yesterday.",
        leader.pk: "2 leads need recency validation since yesterday.",
    }


# ── Pages and API ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def listed(version: Version, lead: Lead) -> RecencyValidation:
    Lead.objects.filter(pk=lead.pk).update(title="<b>Head</b>")
    place_leads(Stage.MAL, lead)
    return store_validation(version, lead, at=NOW - DAY)


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@time_machine.travel(NOW, tick=False)
def test_marketing_takes_a_lead_and_validates_it(listed: RecencyValidation, ops: User) -> None:
    client = sign_in(ops)
    page = client.get(reverse("recency_validations")).content.decode()
    assert "61 days ago" in page
    assert "&lt;b&gt;Head&lt;/b&gt;" in page
    assert "Nobody matches" in client.get(reverse("recency_validations"), {"show": "mine"}).content.decode()

    client.post(reverse("recency_validation_assign", args=[listed.pk]), {"owner": ops.pk})
    assert "61 days ago" in client.get(reverse("recency_validations"), {"show": "mine"}).content.decode()
    address = reverse("recency_validation_close", args=[listed.pk])
    assert client.post(address, {"outcome": "validated", "note": " "}).status_code == 422
    assert client.post(address, {"outcome": "validated", "note": "Called."}).status_code == 302

    listed.refresh_from_db()
    assert (listed.state, listed.owner, listed.closed_by) == (RecencyState.VALIDATED, ops, ops)
    refused = client.post(address, {"outcome": "lapsed", "note": "Twice."})
    assert refused.status_code == 422
    assert "closed already: validated" in refused.content.decode()
    assert "Nothing is to be validated" in client.get(reverse("recency_validations")).content.decode()
    assert "Called." in client.get(reverse("recency_validations"), {"show": "closed"}).content.decode()


def test_overdue_ones_are_found_and_everything_is_in_the_csv(listed: RecencyValidation) -> None:
    client = sign_in(UserFactory(roles=[Role.VIEWER]))
    with time_machine.travel(NOW, tick=False):
        assert "Nobody matches" in client.get(reverse("recency_validations"), {"show": "overdue"}).content.decode()
    with time_machine.travel(listed.due_at, tick=False):
        page = client.get(reverse("recency_validations"), {"show": "overdue"}).content.decode()
        export = client.get(reverse("recency_validations_export"), {"show": "overdue"})
        own_page = client.get(reverse("recency_validation", args=[listed.pk])).content.decode()

    assert "Overdue" in page
    assert "Take it" not in page
    assert "Record it" not in own_page
    assert "Prices read" in b"".join(export.streaming_content).decode()


@time_machine.travel(NOW, tick=False)
def test_the_lead_and_the_api_say_so(version: Version, lead: Lead, ops: User) -> None:
    become_stale(lead)
    client = sign_in(ops)

    page = client.get(reverse("lead", args=[lead.pk])).content.decode()
    (explanation,) = client.get(reverse("api:lead-explanation", args=[lead.pk])).json()
    (row,) = client.get(reverse("api:leads")).json()["results"]

    assert "Needs recency validation" in page
    assert "Due 16 Mar 2026, owner: Marketing ops" in page
    assert explanation["needs_recency_validation"] is True
    assert row["needs_recency_validation"] is True


@time_machine.travel(NOW, tick=False)
def test_the_list_asks_as_many_questions_for_any_length(version: Version, listed: RecencyValidation, ops: User) -> None:
    client = sign_in(ops)
    client.get(reverse("recency_validations"))
    with CaptureQueriesContext(connection) as short:
        client.get(reverse("recency_validations"))
    for number in range(3):
        store_validation(version, come(None, f"n{number}@fit.example"), at=NOW, owner=UserFactory())
    with CaptureQueriesContext(connection) as long:
        client.get(reverse("recency_validations"))

    assert len(long) == len(short)
