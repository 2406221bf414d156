from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.vocabulary import Role
from scoring.models import HotUpgrade, Qualification
from sla.models import Handoff, Note
from tests.factories import DAY, NOW, CommitmentFactory, HandoffFactory, QualificationFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> Qualification:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    return QualificationFactory(tier=3, lead__first_name="=Ada<b>")


@pytest.fixture
def page() -> Iterator[Client]:
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    with time_machine.travel(NOW + DAY, tick=False):
        yield client


def test_held_leads_are_listed_with_the_day_they_go(page: Client, held: Qualification) -> None:
    shown = page.get(reverse("nurture_first")).content.decode()

    assert "24 Mar 2026" in shown
    assert held.why in shown
    assert "=Ada&lt;b&gt;" in shown


def test_the_csv_file_has_all_held_leads_and_no_formula(page: Client, held: Qualification) -> None:
    answer = page.get(reverse("nurture_first_export"))

    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert len(rows) == 2
    assert "2026-03-24" in rows[1]
    assert not rows[1].startswith(("=", '"='))


def test_an_empty_list_of_held_leads_says_so(page: Client) -> None:
    assert "Nobody is nurtured first" in page.get(reverse("nurture_first")).content.decode()


def test_handing_over_early_asks_for_confirmation(page: Client, held: Qualification) -> None:
    said = {"mql": held.pk, "why": "Met at the fair"}

    asked = page.post(reverse("nurture_first_hand_over"), said)
    assert "Hand to sales now?" in asked.content.decode()
    assert not Handoff.objects.exists()
    done = page.post(reverse("nurture_first_hand_over"), said | {"confirmed": "1"})

    assert done["Location"] == reverse("nurture_first")
    assert Handoff.objects.get().qualification == held
    assert Note.objects.get().text.endswith("Met at the fair")


def test_handing_over_without_a_reason_or_a_lead_does_nothing(page: Client, held: Qualification) -> None:
    assert page.post(reverse("nurture_first_hand_over"), {"mql": held.pk, "confirmed": "1"}).status_code == 422
    nobody = page.post(reverse("nurture_first_hand_over"), {"mql": "x", "why": "Fair", "confirmed": "1"})

    assert [str(message) for message in get_messages(nobody.wsgi_request)] == ["Nothing was ticked."]
    assert not Handoff.objects.exists()


def test_the_leads_page_shows_that_it_is_held(page: Client, held: Qualification) -> None:
    shown = page.get(reverse("lead", args=[held.lead_id])).content.decode()

    assert "Nurture first" in shown
    assert "Goes to sales on 24 Mar 2026" in shown


def test_the_page_takes_a_constant_number_of_queries(page: Client, held: Qualification) -> None:
    page.get(reverse("nurture_first"))
    with CaptureQueriesContext(connection) as one:
        page.get(reverse("nurture_first"))
    for _ in range(5):
        QualificationFactory(tier=3)

    with CaptureQueriesContext(connection) as many:
        page.get(reverse("nurture_first"))

    assert len(many) == len(one)


def test_the_queue_and_the_handoff_show_what_made_it_hot() -> None:
    handoff = HandoffFactory()
    HotUpgrade.objects.create(
        qualification=handoff.qualification, version=handoff.version, at=NOW, recorded_at=NOW, why="Demo request.", evidence={}
    )  # fmt: skip
    Handoff.objects.filter(pk=handoff.pk).update(hot_upgraded_at=NOW)
    client = Client()
    client.force_login(handoff.rep.user)

    with time_machine.travel(NOW, tick=False):
        pages = [
            client.get(path).content.decode() for path in (reverse("queue"), reverse("handoff", args=[handoff.pk]))
        ]

    assert all("Hot now" in page and "Demo request." in page for page in pages)
