from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import acknowledgements
from definitions.models import Acknowledgement, Version
from sla.commitments import commitments
from tests.definitions.documents import load_reference
from tests.definitions.version_lifecycles import create_active, create_draft
from tests.factories import CommitmentFactory, UserFactory

pytestmark = pytest.mark.django_db

CONTENT = {key: value for key, value in load_reference().items() if key not in ("format", "name")}
LINK = 'href="/onboarding/"'


@pytest.fixture
def version() -> Version:
    return create_active(**CONTENT)


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read(client: Client, path: str = "/onboarding/") -> str:
    return client.get(path).content.decode()


def test_a_new_hire_reads_the_agreement_and_says_so(version: Version) -> None:
    commitments.activate(
        commitment=CommitmentFactory(),
        by_marketing=UserFactory(roles=[Role.MARKETING_LEADER]),
        by_sales=UserFactory(roles=[Role.SALES_LEADER]),
        now=timezone.now(),
    )
    person = UserFactory(roles=[Role.SDR])
    client = login(person)

    shown = read(client)
    for text in (
        "An MQL works at a company with 50 to 5,000 employees",
        "Asked to talk:",
        "First contact within 30 business minutes",
        "How each promise is measured",
        "How to reject a lead",
        "I have read this",
        LINK,
    ):
        assert text in shown
    begun = timezone.now()
    after = client.post(f"/onboarding/read/{version.pk}/", follow=True).content.decode()

    row = Acknowledgement.objects.get()
    assert (row.person, row.version) == (person, version)
    assert begun <= row.at <= timezone.now()
    assert f"You read {version}" in after
    assert "I have read this" not in after
    assert LINK not in read(client, "/glossary/").split("</header>")[0]


def test_the_link_stays_for_who_has_not_read(version: Version) -> None:
    acknowledgements.acknowledge(version=version, by=UserFactory(roles=[Role.SDR]), now=timezone.now())

    assert LINK in read(login(UserFactory(roles=[Role.SDR])), "/definition/").split("</header>")[0]


def test_the_first_time_counts(version: Version) -> None:
    person, first = UserFactory(roles=[Role.SDR]), timezone.now() - dt.timedelta(days=1)
    acknowledgements.acknowledge(version=version, by=person, now=first)

    assert acknowledgements.acknowledge(version=version, by=person, now=timezone.now()).at == first


def test_the_next_version_asks_again_and_shows_what_changed(version: Version) -> None:
    person = UserFactory(roles=[Role.SDR])
    acknowledgements.acknowledge(version=version, by=person, now=timezone.now())
    newer = create_active(**{**CONTENT, "gate": [{**CONTENT["gate"][0], "value": [60, 5000]}, *CONTENT["gate"][1:]]})

    shown = read(login(person))

    assert f"onboarding/read/{newer.pk}/" in shown
    assert "What changed since you read it" in shown
    assert "60 to 5,000" in shown


def test_only_a_version_in_force_is_acknowledged(version: Version) -> None:
    client, draft = login(UserFactory(roles=[Role.SDR])), create_draft(**CONTENT)

    response = client.post(f"/onboarding/read/{draft.pk}/", follow=True)

    assert "is not in force" in response.content.decode()
    assert not Acknowledgement.objects.exists()
    assert client.get(f"/onboarding/read/{version.pk}/").status_code == 405
    assert client.get(f"/onboarding/?version={draft.pk}").status_code == 404
    assert client.post("/onboarding/read/987654/").status_code == 404


def test_without_a_definition_the_page_is_empty() -> None:
    shown = read(login(UserFactory(roles=[Role.VIEWER])))

    assert "Nothing to read yet" in shown
    assert LINK not in shown.split("</header>")[0]


def test_an_acknowledgement_stays_as_it_is(version: Version) -> None:
    row = acknowledgements.acknowledge(version=version, by=UserFactory(roles=[Role.SDR]), now=timezone.now())

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Acknowledgement.objects.filter(pk=row.pk).update(at=timezone.now())
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        row.delete()
