from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from leads.identity import duplicates
from leads.intake import events, lead_upserts
from leads.models import Company, Event, Lead, Outcome
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from tests.factories import LeadFactory, place_leads
from tests.leads.facts import DAY, NOW, event

pytestmark = pytest.mark.django_db


def user(*roles: Role) -> User:
    person = User.objects.create_user(f"{'-'.join(roles) or 'nobody'}@acme.example", "secret")
    person.groups.set(Group.objects.filter(name__in=roles))
    return person


class Sender(Client):
    """A machine with a key."""

    def __init__(self, *scopes: str) -> None:
        owner, _ = User.objects.get_or_create(email="ops@acme.example")
        self.key, secret = ApiKey.objects.create_key(name="site", owner=owner, source="site", scopes=list(scopes))
        super().__init__(headers={"authorization": f"Api-Key {secret}"})

    def send(self, path: str, body: object) -> Any:
        return self.post(
            f"/api/v1/{path}", body if isinstance(body, str) else json.dumps(body), content_type="application/json"
        )


@pytest.fixture
def sender() -> Sender:
    return Sender("facts:write", "facts:read")


def test_one_event_answers_by_its_status(sender: Sender) -> None:
    first, again = sender.send("events", event()), sender.send("events", event())
    bad = sender.send("events", event(signal="dance"))

    assert (first.status_code, again.status_code, bad.status_code) == (201, 200, 422)
    assert again.json() == {
        "results": [{"status": "duplicate", "id": first.json()["results"][0]["id"], "field": "", "reason": ""}],
        "counts": {"duplicate": 1},
    }
    assert bad.json()["results"][0]["field"] == "signal"
    assert Event.objects.get().source == "site"


def test_a_batch_answers_item_by_item(sender: Sender) -> None:
    response = sender.send("events", [event(), event(), 5, event(id="e-2", email="?")])

    assert response.status_code == 200
    assert [row["status"] for row in response.json()["results"]] == ["accepted", "duplicate", "rejected", "rejected"]
    assert response.json()["counts"] == {"accepted": 1, "duplicate": 1, "rejected": 2}


def test_a_batch_of_more_than_a_thousand_is_refused_whole(sender: Sender) -> None:
    response = sender.send("events", [event(id=f"e-{n}") for n in range(1001)])

    assert response.status_code == 400
    assert "1,001" in response.json()["errors"][0]["detail"]
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[" * 10_000, '{"email": NaN}', '{"email": "\\u0000"}', '{"email": "\\ud800"}', "5", '"x"', "null", "[null]", "[[]]",
        '{"properties": {"n": 1e400}}', '{"lead": 123456789012345678901234567890}', '{"id": ' + "9" * 5000 + "}", "true",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["events", "leads", "companies", "outcomes"])
def test_no_body_causes_a_server_error(sender: Sender, path: str, body: str) -> None:
    response = sender.send(path, body)

    assert response.status_code in {200, 400, 422}
    assert response.status_code != 200 or response.json()["counts"] == {"rejected": 1}


def test_leads_of_a_batch_are_created_changed_or_refused_independently(sender: Sender) -> None:
    response = sender.send("leads", [
        {"email": "ada@acme.example", "title": "CTO", "custom": {"plan": "gold"}, "company_domain": "acme.example"},
        {"email": "ADA@acme.example", "title": "CEO"},
        {"email": "ada@acme.example", "title": "CEO"},
        {"title": "CEO"},
        {"email": "eve@acme.example", "stage": "won"},
    ])  # fmt: skip

    assert [row["status"] for row in response.json()["results"]] == [
        "created",
        "updated",
        "unchanged",
        "rejected",
        "rejected",
    ]
    assert [row["field"] for row in response.json()["results"]] == ["", "", "", "email", "stage"]
    assert Lead.objects.get().title == "CEO"


def test_a_company_is_created_by_its_domain(sender: Sender) -> None:
    response = sender.send("companies", {"domain": "acme.example", "employees": "51-200", "technologies": ["Go"]})

    assert response.status_code == 201
    listed = sender.get("/api/v1/companies", {"q": "acme"}).json()["results"]
    assert [(row["domain"], row["employees_low"], row["employees_high"]) for row in listed] == [
        ("acme.example", 51, 200)
    ]


def test_an_outcome_moves_the_lead(sender: Sender) -> None:
    sender.send("events", event())
    won = {"email": "ada@acme.example", "kind": "won", "at": "2026-03-01T12:00:00Z", "id": 7, "amount": 1200.5}

    first, again, other = (sender.send("outcomes", outcome) for outcome in (won, won, won | {"amount": 3}))

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert Lead.objects.get().stage == "won"
    assert [float(row.amount or 0) for row in Outcome.objects.order_by("pk")] == [1200.5, 3]
    assert Outcome.objects.effective().get().amount == 3


def test_texts_are_read_in_the_locale_and_the_currency_of_the_key(sender: Sender) -> None:
    ApiKey.objects.update(locale="de", currency="CHF")
    dotted = event(occurred_at="1.2.2026 10:00 +01:00")

    sent = sender.send("events", dotted)
    company = {"domain": "acme.example", "employees": "1.200 Mitarbeiter", "annual_revenue": "1.200.000,50"}
    described = sender.send("companies", company)

    assert (sent.status_code, described.status_code) == (201, 201)
    assert Event.objects.get().occurred_at == dt.datetime(2026, 2, 1, 9, 0, tzinfo=dt.UTC)
    row = Company.objects.get()
    assert (row.employees_low, float(row.annual_revenue or 0), row.annual_revenue_currency) == (
        1200,
        1_200_000.5,
        "CHF",
    )


def test_a_text_with_two_readings_is_refused_with_both(sender: Sender) -> None:
    number = sender.send("companies", {"domain": "acme.example", "annual_revenue": "1.234"}).json()["results"][0]
    date = sender.send("events", event(occurred_at="1/2/2026 10:00Z")).json()["results"][0]

    assert (number["field"], number["reason"].partition(":")[0]) == ("annual_revenue", "is 1234 or 1.234")
    assert (date["field"], date["reason"].partition(":")[0]) == ("occurred_at", "is 1 February 2026 or 2 January 2026")


def test_leads_are_listed_by_pages_that_new_leads_do_not_shift(sender: Sender) -> None:
    for number in range(5):
        lead_upserts.upsert_lead(email=f"p{number}@acme.example", source="crm", now=NOW)
    page = sender.get("/api/v1/leads", {"page_size": 2}).json()
    lead_upserts.upsert_lead(email="new@acme.example", source="crm", now=NOW)

    following = sender.get(page["next"]).json()

    assert [row["email"][:2] for row in page["results"] + following["results"]] == ["p4", "p3", "p2", "p1"]


def test_a_list_takes_as_many_queries_for_any_length(sender: Sender, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        lead_upserts.upsert_lead(
            email=f"p{number}@c{number}.example", company_domain=f"c{number}.example", source="crm", now=NOW
        )

    with django_assert_max_num_queries(5):
        response = sender.get("/api/v1/leads")

    assert len(response.json()["results"]) == 30


@pytest.mark.parametrize(
    "query", [{"q": "a\x00"}, {"email": "\x00"}, {"company": "9" * 40}, {"stage": "boss"}, {"cursor": "x"}]
)
def test_an_invalid_filter_is_refused(sender: Sender, query: dict[str, str]) -> None:
    assert sender.get("/api/v1/leads", query).status_code in {400, 404}


def test_one_lead_shows_its_facts_and_its_events(sender: Sender) -> None:
    sender.send("events", [event(id=f"e-{n}", occurred_at=(NOW - n * DAY).isoformat()) for n in range(3)])
    lead = Lead.objects.get()

    shown = sender.get(f"/api/v1/leads/{lead.pk}").json()
    listed = sender.get(f"/api/v1/leads/{lead.pk}/events", {"page_size": 2}).json()

    assert (shown["email"], shown["stage"]) == ("ada@acme.example", "lead")
    assert [row["external_id"] for row in shown["latest_events"]] == ["e-0", "e-1", "e-2"]
    assert [row["external_id"] for row in listed["results"] + sender.get(listed["next"]).json()["results"]] == [
        "e-0",
        "e-1",
        "e-2",
    ]
    assert sender.get(f"/api/v1/leads/{lead.pk + 1}").status_code == 404


def test_a_key_can_do_only_what_its_scopes_allow() -> None:
    reader, writer = Sender("facts:read"), Sender("facts:write")

    assert (reader.send("events", event()).status_code, reader.get("/api/v1/leads").status_code) == (403, 200)
    assert (writer.send("events", event()).status_code, writer.get("/api/v1/leads").status_code) == (201, 403)


@pytest.mark.parametrize(
    ("role", "reads", "writes"), [*((role, role != Role.SDR, role == Role.MARKETING_OPS) for role in Role)]
)
def test_people_read_and_write_by_their_role(client: Client, role: Role, reads: bool, writes: bool) -> None:
    client.force_login(user(role))

    listed = client.get("/api/v1/leads").status_code
    sent = client.post("/api/v1/leads", {"email": "ada@acme.example"}, content_type="application/json").status_code

    assert (listed, sent) == (200 if reads else 404, 201 if writes else 403 if reads else 404)


def test_the_stage_the_next_look_and_the_ids_cannot_be_assigned(sender: Sender) -> None:
    for field in ("id", "stage", "stage_at", "next_look_at", "has_history", "known_at", "look_error", "company_id"):
        response = sender.send("leads", {"email": "ada@acme.example", field: 5})

        assert (response.status_code, response.json()["results"][0]["field"]) == (422, field)


def test_nothing_is_acknowledged_while_the_database_is_down(sender: Sender) -> None:
    sender.raise_request_exception = False
    with connection.execute_wrapper(_away):
        response = sender.send("events", event())

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


def _away(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise OperationalError("server closed the connection unexpectedly")


def test_an_event_in_the_future_of_the_servers_clock_is_refused(sender: Sender) -> None:
    ahead = (timezone.now() + 2 * DAY).isoformat()

    assert "in the future" in sender.send("events", event(occurred_at=ahead)).json()["results"][0]["reason"]


def test_a_body_past_the_limit_is_refused(sender: Sender) -> None:
    response = sender.send("events", [event(id=f"e-{n}", properties={"text": "x" * 15_000}) for n in range(500)])

    assert response.status_code == 413


def test_a_name_cannot_reverse_the_text_after_it(sender: Sender) -> None:
    sender.send("leads", {"email": "ada@acme.example", "first_name": "\u202eexe.gpj\u2069", "last_name": "עדה"})

    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name) == ("exe.gpj", "עדה")


def test_leads_are_merged_and_parted_by_the_api(sender: Sender) -> None:
    alias, lead = (
        lead_upserts.upsert_lead(email=email, source="crm", now=NOW)[0] for email in ("a@x.example", "b@x.example")
    )
    events.record(items=[event(email="a@x.example")], source="crm", now=NOW)

    merged = sender.send(f"leads/{alias.pk}/merge", {"into": lead.pk, "why": "Same person."})

    assert merged.status_code == 201
    assert {name: merged.json()[name] for name in ("lead", "into", "why", "by", "ended_at")} == {
        "lead": alias.pk, "into": lead.pk, "why": "Same person.", "by": None, "ended_at": None,
    }  # fmt: skip
    assert sender.get(f"/api/v1/leads/{alias.pk}").json()["merged_into"] == lead.pk
    assert len(sender.get(f"/api/v1/leads/{lead.pk}").json()["latest_events"]) == 1
    assert len(sender.get(f"/api/v1/leads/{lead.pk}/events").json()["results"]) == 1
    assert [row["id"] for row in sender.get("/api/v1/leads").json()["results"]] == [lead.pk]
    assert [row["id"] for row in sender.get("/api/v1/leads?email=a@x.example").json()["results"]] == [alias.pk]

    again = sender.send(f"leads/{alias.pk}/merge", {"into": lead.pk})
    parted = sender.send(f"leads/{alias.pk}/unmerge", {})
    twice = sender.send(f"leads/{alias.pk}/unmerge", {})

    assert (again.status_code, parted.status_code, twice.status_code) == (400, 200, 400)
    assert again.json()["errors"][0]["attr"] == "lead"
    assert parted.json()["ended_at"] is not None
    assert sender.get(f"/api/v1/leads/{alias.pk}").json()["merged_into"] is None


@pytest.mark.parametrize("body", [{}, {"into": "x"}, {"into": 0}, {"into": 10**30}, [], {"into": 1, "why": "x" * 301}])
def test_a_merge_that_cannot_be_read_is_refused_with_its_field(sender: Sender, body: object) -> None:
    lead, _ = lead_upserts.upsert_lead(email="a@x.example", source="crm", now=NOW)

    assert sender.send(f"leads/{lead.pk}/merge", body).status_code == 400
    assert sender.send("leads/0/merge", body).status_code == 404


def test_leads_are_listed_by_motion_and_by_the_stage_there(sender: Sender) -> None:
    both, pql, _ = LeadFactory(stage=Stage.SAL), LeadFactory(), LeadFactory()
    place_leads(Stage.MQL, both, pql, motion=Motion.PQL)

    def ids(**query: str) -> set[int]:
        return {row["id"] for row in sender.get("/api/v1/leads", query).json()["results"]}

    assert ids(motion="mql") == {both.pk}
    assert ids(motion="pql") == {both.pk, pql.pk}
    # The summary of the first one is SAL (rules 2.10).
    assert ids(stage="mql") == {pql.pk}
    assert ids(stage="mql", motion="pql") == {both.pk, pql.pk}
    assert ids(stage="mql", motion="mql") == set()
    assert sender.get("/api/v1/leads", {"motion": "xql"}).status_code == 400


def test_duplicates_are_listed_by_reason(sender: Sender) -> None:
    for email in ("ada@x.example", "a.da@x.example"):
        lead_upserts.upsert_lead(email=email, source="crm", now=NOW)
    duplicates.find_candidates(now=NOW)

    (row,) = sender.get("/api/v1/duplicates").json()["results"]

    assert (row["reason"], row["strength"]) == ("address", "strong")
    assert {row["first"]["email"], row["second"]["email"]} == {"ada@x.example", "a.da@x.example"}
    assert sender.get("/api/v1/duplicates?reason=phone").json()["results"] == []
    assert sender.get("/api/v1/duplicates?reason=dance").status_code == 400


def test_a_list_of_duplicates_takes_as_many_queries_for_any_length(sender: Sender) -> None:
    def count_queries() -> tuple[int, int]:
        duplicates.find_candidates(now=NOW)
        with CaptureQueriesContext(connection) as queries:
            rows = sender.get("/api/v1/duplicates").json()["results"]
        return len(rows), len(queries)

    for email in ("ada@x.example", "a.da@x.example"):
        lead_upserts.upsert_lead(email=email, source="crm", now=NOW)
    # The first request notes that the key was used.
    count_queries()
    of_one = count_queries()
    for email in ("ad.a@x.example", "bo@x.example", "b.o@x.example"):
        lead_upserts.upsert_lead(email=email, source="crm", now=NOW)

    assert of_one[0] == 1
    assert count_queries() == (4, of_one[1])


def test_a_key_that_only_reads_merges_nothing() -> None:
    lead, _ = lead_upserts.upsert_lead(email="a@x.example", source="crm", now=NOW)
    reader = Sender("facts:read")

    assert reader.send(f"leads/{lead.pk}/merge", {"into": lead.pk}).status_code == 403
    assert reader.send(f"leads/{lead.pk}/unmerge", {}).status_code == 403


def test_a_lead_comes_with_its_stage_in_each_motion_and_the_owning_team(sender: Sender) -> None:
    lead, _ = lead_upserts.upsert_lead(email="ada@acme.example", source="crm", now=NOW)
    plain, _ = lead_upserts.upsert_lead(email="bob@acme.example", source="crm", now=NOW)
    stage_changes.move(lead=lead, motion=Motion.PQL, to=Stage.MQL, by=None, now=NOW, why="Used it.")
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.DISQUALIFIED, by=None, now=NOW + DAY, why="Small.")

    answer = sender.get(f"/api/v1/leads/{lead.pk}").json()

    assert (answer["stage"], answer["stage_motion"]) == ("mql", "pql")
    assert [(row["motion"], row["stage"], row["owner"]) for row in answer["stages"]] == [
        ("mql", "disqualified", "marketing"),
        ("pql", "mql", "marketing"),
    ]
    assert answer["stages"][1]["since"] == answer["stage_at"]
    (of_plain, of_lead) = sender.get("/api/v1/leads").json()["results"]
    assert of_lead["stages"] == answer["stages"]
    assert [(row["motion"], row["stage"]) for row in of_plain["stages"]] == [("mql", "lead")]
    assert of_plain["id"] == plain.pk
