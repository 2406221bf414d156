"""Rows that were refused for their address, taken under a mended one (rules 13.54)."""

from __future__ import annotations

import pytest
from django.test import Client

from config.accounts.vocabulary import Role
from leads.exceptions import Refused
from leads.imports import refused_addresses
from leads.imports.refused_addresses import suggest_address
from leads.models import Event, ImportRefusedRow, ImportRun, Lead
from tests.factories import NOW, LeadFactory, SignalFactory, UserFactory
from tests.leads.imports import stored_imports

LEADS = "Email,First Name,Country\nada@@acme.example,Ada,DE\nbob@acme.example,Bob,US\n"
EVENTS = (
    "email,signal,occurred_at,id\n"
    "ada@@acme.example,demo_request,2026-03-02T10:00:00Z,e1\n"
    "ada@@acme.example,no_such_signal,2026-03-02T11:00:00Z,e2\n"
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@@acme.example", "ada@acme.example"),
        ("ada (at) acme.example", "ada@acme.example"),
        ("ada@acme,example", "ada@acme.example"),
        ("ada@acme..example", "ada@acme.example"),
        ("ada @ acme.example;", "ada@acme.example"),
        ("so\u00adft@acme.example", "soft@acme.example"),
        ("ada", ""),
        ("call her", ""),
    ],
)
def test_the_suggestion_mends_what_is_usual(text: str, address: str) -> None:
    assert suggest_address(text) == address


@pytest.mark.django_db
class TestTakingRows:
    @pytest.fixture(autouse=True)
    def _refused_rows(self) -> None:
        SignalFactory(code="demo_request")
        stored_imports.start(LEADS)
        stored_imports.start(EVENTS, kind="events", name="events.csv")
        stored_imports.work()

    def test_an_address_is_listed_with_its_rows_and_the_lead_who_has_it(self) -> None:
        ada = LeadFactory(email="ada@acme.example")

        (row,) = refused_addresses.list_refused_addresses(limit=10)

        assert (row.text, row.suggestion, row.lead_rows, row.event_rows) == (
            "ada@@acme.example",
            "ada@acme.example",
            1,
            2,
        )
        assert row.lead == ada

    def test_the_rows_are_stored_under_the_mended_address(self) -> None:
        rows = refused_addresses.take_rows(
            address="ada@@acme.example", as_address="Ada@acme.example", by=UserFactory(), now=NOW
        )

        assert (rows.stored, rows.refused) == (2, 1)
        assert "signal" in rows.reason
        ada = Lead.objects.get(email="ada@acme.example")
        assert (ada.first_name, ada.country) == ("Ada", "DE")
        assert Event.objects.get().lead == ada
        taken = ImportRefusedRow.objects.filter(taken_at=NOW)
        assert list(taken.values_list("taken_as", flat=True)) == ["ada@acme.example"] * 2

    def test_rows_are_taken_once(self) -> None:
        user = UserFactory()
        refused_addresses.take_rows(address="ada@@acme.example", as_address="ada@acme.example", by=user, now=NOW)

        again = refused_addresses.take_rows(
            address="ada@@acme.example", as_address="ada@acme.example", by=user, now=NOW
        )

        assert (again.stored, again.refused) == (0, 1)

    def test_what_is_no_address_takes_nothing(self) -> None:
        with pytest.raises(Refused):
            refused_addresses.take_rows(address="ada@@acme.example", as_address="ada", by=UserFactory(), now=NOW)

        assert not ImportRefusedRow.objects.exclude(taken_at=None)

    def test_the_page_lists_and_takes(self, client: Client) -> None:
        client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

        assert "1 address of imported rows could not be read" in client.get("/duplicates/").content.decode()
        run = ImportRun.objects.get(kind="leads")
        assert "/duplicates/refused/" in client.get(f"/imports/{run.pk}/").content.decode()
        page = client.get("/duplicates/refused/").content.decode()
        assert "1 lead, 2 events" in page
        answer = client.post(
            "/duplicates/refused/take/",
            {"address": "ada@@acme.example", "as_address": "ada@acme.example"},
            follow=True,
        ).content.decode()
        assert "Stored under ada@acme.example: 2 rows." in answer

    @pytest.mark.parametrize("role", [Role.SDR, Role.VIEWER, Role.SALES_MANAGER])
    def test_others_may_not(self, role: Role, client: Client) -> None:
        client.force_login(UserFactory(roles=[role]))

        status = 404 if role == Role.SDR else 403
        assert client.get("/duplicates/refused/").status_code == status
        assert client.post("/duplicates/refused/take/", {"address": "x", "as_address": "y"}).status_code == status


@pytest.mark.django_db
def test_mended_rows_are_read_as_the_file_was_and_not_as_its_header_alone_would_be() -> None:
    rows = "".join(f"yes,p{number}@acme.example,CTO\n" for number in range(3))
    run = stored_imports.start(f"E-mail,Mail,Title\n{rows}no,norbert(at)acme.example,CEO\n", now=NOW)
    stored_imports.work()
    run.refresh_from_db()
    assert run.columns == [["email", 1], ["title", 2]]

    refused_addresses.take_rows(
        address="norbert(at)acme.example", as_address="norbert@acme.example", by=UserFactory(), now=NOW
    )

    assert Lead.objects.get(email="norbert@acme.example").title == "CEO"
