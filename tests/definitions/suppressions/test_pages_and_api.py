"""The pages and the API of suppressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import ApiKey
from config.accounts.vocabulary import Role
from definitions.models import KeptBack, Suppression
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import DAY, NOW, CompanyFactory, LeadFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def signed_in(role: Role = Role.MARKETING_OPS) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=[role]))
    return client


class Machine(Client):
    def __init__(self, *scopes: str, role: Role = Role.MARKETING_OPS) -> None:
        owner = UserFactory(roles=[role])
        _, secret = ApiKey.objects.create_key(name="crm", owner=owner, source="crm", scopes=list(scopes))
        super().__init__(headers={"authorization": f"Api-Key {secret}"})

    def send(self, path: str, body: dict[str, Any]) -> Any:
        return self.post(f"/api/v1/suppressions{path}", body, content_type="application/json")


def keep_back(suppression: Suppression, **lead: Any) -> None:
    KeptBack.objects.create(
        suppression=suppression, version=VersionFactory(active=True), lead=LeadFactory(**lead), at=NOW
    )


def test_the_list_says_why_until_when_and_how_many_were_kept_back() -> None:
    keep_back(suppress("domain", "competitor.example", at=NOW, reason="<b>Spies</b>"))

    for role in (Role.MARKETING_OPS, Role.SALES_LEADER, Role.VIEWER):
        text = signed_in(role).get(reverse("suppressions")).content.decode()
        assert "Domain competitor.example" in text
        assert "&lt;b&gt;Spies&lt;/b&gt;" in text
        assert "1 lead" in text
    rows = b"".join(signed_in().get(reverse("suppressions_export")).streaming_content).decode().splitlines()
    assert rows[1].startswith("Domain,competitor.example,<b>Spies</b>,In force,2026-03-10")
    assert rows[1].endswith(",1,0")


def test_an_empty_list_says_so() -> None:
    assert "Nothing is suppressed" in signed_in().get(reverse("suppressions")).content.decode()


def test_marketing_ops_sets_one_from_a_lead_and_ends_it() -> None:
    page, lead = signed_in(), LeadFactory(first_name="Mia")
    link = f"{reverse('suppression_new')}?subject=lead&value={lead.pk}"
    assert f"?subject=lead&amp;value={lead.pk}" in page.get(reverse("lead", args=[lead.pk])).content.decode()
    assert f'value="{lead.pk}"' in page.get(link).content.decode()

    typed = {"subject": "lead", "value": lead.pk, "reason": "A test account.", "until": "2026-04-01"}
    answer = page.post(reverse("suppression_new"), typed)

    suppression = Suppression.objects.get()
    assert answer["location"] == reverse("suppression", args=[suppression.pk])
    shown = page.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "Suppressed until 1 April 2026 by" in shown
    page.post(answer["location"], {"reason": "Not a test."})
    assert Suppression.objects.get().ends_at == NOW
    assert "Suppressed until" not in page.get(reverse("lead", args=[lead.pk])).content.decode()


def test_the_page_of_a_company_says_that_it_is_suppressed() -> None:
    page, company = signed_in(), CompanyFactory(domain="competitor.example")
    address = reverse("company", args=[company.pk])
    assert f"?subject=company&amp;value={company.pk}" in page.get(address).content.decode()

    suppress("domain", "competitor.example", at=NOW)

    assert "Suppressed until 8 June 2026 by" in page.get(address).content.decode()


def test_a_mistake_is_said_beside_its_field_and_nothing_is_stored() -> None:
    typed = {"subject": "domain", "value": "no domain", "reason": "A competitor."}

    answer = signed_in().post(reverse("suppression_new"), typed)

    assert answer.status_code == 422
    assert "is no domain, as competitor.example is" in answer.content.decode()
    assert not Suppression.objects.exists()


def test_others_may_read_and_not_set_or_end_one() -> None:
    suppression, viewer = suppress("domain", "competitor.example", at=NOW), signed_in(Role.VIEWER)

    assert viewer.get(reverse("suppression", args=[suppression.pk])).status_code == 200
    assert viewer.get(reverse("suppression_new")).status_code == 403
    assert viewer.post(reverse("suppression", args=[suppression.pk]), {"reason": "No."}).status_code == 404
    assert Suppression.objects.get().ended_at is None


def test_a_machine_sets_lists_and_ends_one() -> None:
    machine = Machine("facts:read", "definitions:write")

    answer = machine.send("", {"subject": "source", "value": "Spring Fair", "reason": "Bought list."})
    keep_back(Suppression.objects.get())
    listed = machine.get("/api/v1/suppressions").json()["results"]
    ended = machine.send(f"/{answer.json()['id']}/end", {"reason": "Clean."})

    assert answer.status_code == 201
    assert answer.json()["state"] == "in_force"
    assert [(row["value"], row["kept_back_leads"]) for row in listed] == [("Spring Fair", 1)]
    assert ended.json()["state"] == "ended"
    assert machine.send(f"/{answer.json()['id']}/end", {"reason": "Clean."}).status_code == 409


def test_a_machine_is_told_the_field_and_the_rule() -> None:
    machine = Machine("facts:read", "definitions:write")
    body = {"subject": "source", "value": "Fair", "reason": "Bad.", "until": (NOW + 400 * DAY).isoformat()}

    answer = machine.send("", body)

    assert answer.status_code == 400
    assert "may lie 366 days after the beginning at most" in answer.content.decode()


def test_scopes_and_the_owners_role_are_needed() -> None:
    body = {"subject": "source", "value": "Fair", "reason": "Bad."}

    assert Machine("facts:read").send("", body).status_code == 403
    assert Machine("definitions:write").get("/api/v1/suppressions").status_code == 403
    assert Machine("definitions:write", role=Role.SALES_MANAGER).send("", body).status_code == 403


def test_the_explanation_of_a_lead_names_the_suppression_beside_the_verdict() -> None:
    VersionFactory(active=True)
    lead = LeadFactory()
    suppress("lead", lead.pk, at=NOW, reason="A test account.")

    (answer,) = Machine("facts:read").get(f"/api/v1/leads/{lead.pk}/explanation").json()

    assert answer["suppressed"]["reason"] == "A test account."
    assert answer["suppressed"]["text"].startswith("Suppressed until 8 June 2026 by ")
    assert answer["meets"] is False
