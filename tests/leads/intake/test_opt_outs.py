"""Opt-outs: dated, stronger than older statements, lifted by later ones and by people (rules 13.37 to 13.39)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.accounts.models import ApiKey
from config.accounts.vocabulary import Role
from leads.intake import contact_decisions, events, lead_upserts
from leads.models import AttributeChange, ContactDecision, ImportRun, Lead
from leads.normalization.row_notes import RowNote
from leads.vocabulary import NoteKind
from tests.factories import UserFactory
from tests.leads.facts import DAY, NOW, event, values_at
from tests.threads import at_once

pytestmark = pytest.mark.django_db

CASE = Path(__file__).parents[2] / "data" / "cases" / "opt-out-survives-an-old-export"
ADA = "ada@acme.example"


def send(body: object) -> list[dict[str, Any]]:
    """Send leads as a machine with a key; return the results."""
    _, secret = ApiKey.objects.create_key(name="site", owner=UserFactory(), source="site", scopes=["facts:write"])
    client = Client(headers={"authorization": f"Api-Key {secret}"})
    results: list[dict[str, Any]] = client.post(
        "/api/v1/leads", json.dumps(body), content_type="application/json"
    ).json()["results"]
    return results


def state(
    *, is_opt_out: bool | None, now: Any = NOW, since: Any = None, by_person: bool = False, **facts: Any
) -> tuple[RowNote, ...]:
    """State as a sender whether Ada may be contacted; return the notes."""
    item = {"email": ADA, "do_not_contact": is_opt_out} | facts
    statement = lead_upserts.read_lead(item, now=now, since=since)
    (result,) = lead_upserts.upsert_leads(items=[statement], source="crm", now=now, by_person=by_person)
    assert result.refusal is None
    return result.notes


def is_silent() -> bool:
    """Return whether Ada may not be contacted, by her row and by the attribute history alike."""
    lead = Lead.objects.get(email=ADA)
    assert bool(values_at(lead, NOW + 5000 * DAY).get("do_not_contact")) == lead.do_not_contact
    return lead.do_not_contact


def test_an_old_export_does_not_lift_an_opt_out_and_the_import_says_so(tmp_path: Path, capsys: Any) -> None:
    send(json.loads((CASE / "1_lead.json").read_text()))
    path = tmp_path / "old_export.csv"
    path.write_bytes((CASE / "2_old_export.csv").read_bytes())

    call_command("import_leads", str(path))

    lead = Lead.objects.get()
    assert (lead.do_not_contact, lead.first_name) == (True, "Opta")
    assert ImportRun.objects.get().notes == {"kept_wish": {"do_not_contact": 1}}
    assert "Opt-out kept: do_not_contact 1." in capsys.readouterr().out


def test_an_import_that_keeps_no_wish_says_nothing_of_it(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(f"email,do_not_contact\n{ADA},false\nbea@acme.example,true\n")

    call_command("import_leads", str(path))

    assert "kept" not in capsys.readouterr().out


@pytest.mark.parametrize("value", [False, None])
def test_an_undated_false_of_a_machine_is_kept_out_and_noted(value: bool | None) -> None:
    state(is_opt_out=True)

    (note,) = state(is_opt_out=value, now=NOW + DAY, title="CTO")

    assert (note.kind, note.field) == (NoteKind.KEPT_WISH, "do_not_contact")
    assert "no date of its own" in note.text
    assert is_silent()
    assert Lead.objects.get().title == "CTO"


def test_the_api_returns_the_note_of_each_item() -> None:
    send({"email": ADA, "do_not_contact": True})

    (row,) = send([{"email": ADA, "do_not_contact": False}])

    assert row["status"] == "unchanged"
    assert [note["kind"] for note in row["notes"]] == ["kept_wish"]


@pytest.mark.parametrize("value", [False, None])
def test_a_statement_dated_later_lifts_it(value: bool | None) -> None:
    state(is_opt_out=True, now=NOW)

    notes = state(is_opt_out=value, valid_from=NOW + DAY, now=NOW + 2 * DAY)

    assert notes == ()
    assert not is_silent()
    assert values_at(Lead.objects.get(), NOW + DAY / 2)["do_not_contact"] is True


@pytest.mark.parametrize("days", [-30, 0])
def test_a_statement_dated_earlier_or_at_the_same_instant_does_not(days: int) -> None:
    state(is_opt_out=True, valid_from=NOW)

    (note,) = state(is_opt_out=False, valid_from=NOW + days * DAY, now=NOW + DAY)

    assert "dated before the request" in note.text
    assert is_silent()


def test_the_date_on_which_a_lead_was_created_is_no_date_of_its_statements() -> None:
    state(is_opt_out=True, valid_from=NOW - 10 * DAY)

    state(is_opt_out=False, created_at=NOW - DAY, now=NOW)

    assert is_silent()


def test_an_undated_opt_out_is_dated_when_it_came_however_far_back_it_holds() -> None:
    state(is_opt_out=True, created_at=NOW - 700 * DAY)

    state(is_opt_out=False, valid_from=NOW - 30 * DAY, now=NOW + DAY)

    assert is_silent()
    assert state(is_opt_out=False, valid_from=NOW + DAY, now=NOW + 2 * DAY) == ()
    assert not is_silent()


def test_a_backdated_opt_out_does_not_silence_again() -> None:
    state(is_opt_out=False, valid_from=NOW)

    state(is_opt_out=True, valid_from=NOW - DAY, now=NOW + DAY)

    assert not is_silent()
    assert values_at(Lead.objects.get(), NOW - DAY)["do_not_contact"] is True


def test_a_backdated_opt_out_stands_against_the_default_of_a_lead_known_later() -> None:
    state(is_opt_out=False)
    state(is_opt_out=True, valid_from=NOW - 30 * DAY, now=NOW + DAY)

    assert is_silent()

    state(is_opt_out=False, valid_from=NOW - 10 * DAY, now=NOW + 2 * DAY)

    assert not is_silent()


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_dated_statements_say_the_same_in_every_order(order: tuple[int, ...]) -> None:
    statements = [(NOW - 40 * DAY, True), (NOW - 30 * DAY, False), (NOW - 20 * DAY, True), (NOW - 10 * DAY, False)]
    state(is_opt_out=False, now=NOW - 25 * DAY)
    for number, place in enumerate(order):
        at, is_opt_out = statements[place]
        state(is_opt_out=is_opt_out, valid_from=at, now=NOW + number * DAY)

    lead = Lead.objects.get()
    days = (-35, -22, -15, -5)
    assert [values_at(lead, NOW + day * DAY).get("do_not_contact") for day in days] == [True, False, True, False]
    assert not is_silent()


def test_a_person_lifts_it_without_a_date() -> None:
    state(is_opt_out=True)

    assert state(is_opt_out=False, now=NOW + DAY, by_person=True) == ()
    assert not is_silent()

    state(is_opt_out=True, valid_from=NOW + DAY / 2, now=NOW + 2 * DAY)
    assert not is_silent()


def test_a_signed_in_person_lifts_it_by_the_api() -> None:
    send({"email": ADA, "do_not_contact": True})
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    response = client.post(
        "/api/v1/leads", json.dumps({"email": ADA, "do_not_contact": False}), content_type="application/json"
    )

    assert response.json()["results"][0]["notes"] == []
    assert not is_silent()


def test_a_repeated_false_says_nothing() -> None:
    state(is_opt_out=False)

    assert state(is_opt_out=False, now=NOW + DAY) == ()
    assert AttributeChange.objects.count() == 1


def test_the_same_rows_of_one_batch_see_each_other() -> None:
    items = [
        lead_upserts.read_lead({"email": ADA, "do_not_contact": value}, now=NOW) for value in (False, True, False, True)
    ]

    results = lead_upserts.upsert_leads(items=items, source="crm", now=NOW)

    assert [len(result.notes) for result in results] == [0, 0, 1, 0]
    assert is_silent()


def test_an_action_under_the_address_does_not_lift_an_earlier_wish() -> None:
    lead_upserts.upsert_lead(
        external_id="7", values={"do_not_contact": True}, valid_from=NOW - 30 * DAY, source="crm", now=NOW
    )
    lead_upserts.upsert_lead(email=ADA, external_id="7", values={}, source="crm", now=NOW)

    events.record(items=[event(occurred_at=(NOW - 10 * DAY).isoformat())], source="site", now=NOW + DAY)

    assert is_silent()
    assert values_at(Lead.objects.get(), NOW - 5 * DAY)["do_not_contact"] is True


@pytest.mark.django_db(transaction=True)
def test_an_import_at_the_same_time_never_loses_the_wish() -> None:
    state(is_opt_out=False)

    def act(number: int) -> None:
        for _ in range(5):
            state(is_opt_out=number % 2 == 0, now=NOW + DAY, title=f"Title {number}")

    failures = [answer for answer in at_once(6, act) if answer is not None]

    assert failures == []
    assert is_silent()


def test_marketing_ops_sets_and_lifts_it_on_a_page_with_a_reason() -> None:
    state(is_opt_out=False)
    ops = UserFactory(roles=[Role.MARKETING_OPS], name="olga")
    client = Client()
    client.force_login(ops)
    lead = Lead.objects.get()
    path = reverse("lead_contact", args=[lead.pk])

    assert "Do not contact" in client.get(path).content.decode()
    assert client.post(path, {"is_opt_out": "yes", "reason": ""}).status_code == 422
    assert not is_silent()
    client.post(path, {"is_opt_out": "yes", "reason": "Called <b>us</b>."})
    assert is_silent()
    page = client.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "Olga" in page
    assert "Called &lt;b&gt;us&lt;/b&gt;." in page

    again = client.post(path, {"is_opt_out": "yes", "reason": "Twice."}, follow=True).content.decode()
    assert "Nothing was changed" in again
    client.post(path, {"is_opt_out": "no", "reason": "Wrote to us again."})
    assert not is_silent()
    assert list(ContactDecision.objects.order_by("pk").values_list("is_opt_out", "by")) == [
        (True, ops.pk),
        (False, ops.pk),
    ]
    assert AttributeChange.objects.order_by("-pk")[0].source == "person:olga@accord.test"


@pytest.mark.parametrize("role", [role for role in Role if role != Role.MARKETING_OPS])
def test_nobody_else_decides_about_contact(role: Role) -> None:
    state(is_opt_out=True)
    client = Client()
    client.force_login(UserFactory(roles=[role]))

    response = client.post(
        reverse("lead_contact", args=[Lead.objects.get().pk]), {"is_opt_out": "no", "reason": "Because."}
    )

    assert response.status_code == (404 if role == Role.SDR else 403)
    assert is_silent()


def test_a_decision_is_shown_until_a_sender_states_something_later() -> None:
    state(is_opt_out=False)
    lead = Lead.objects.get()
    decision = contact_decisions.decide_contact(
        lead_id=lead.pk, is_opt_out=True, by=UserFactory(), reason="Asked.", now=NOW + DAY
    )

    assert contact_decisions.current_decision(lead.pk) == decision
    state(is_opt_out=False, valid_from=NOW + 2 * DAY, now=NOW + 3 * DAY)
    assert contact_decisions.current_decision(lead.pk) is None
