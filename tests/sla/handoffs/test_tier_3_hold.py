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
from tests.sla import situations
from tests.sla.situations import DAY, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> Qualification:
    situations.commitment(tier_3_nurture_days=14)
    situations.team()
    return situations.qualification(tier=3, of=situations.lead(first_name="=Ada<b>"))


@pytest.fixture
def page() -> Iterator[Client]:
    client = Client()
    client.force_login(situations.user(Role.MARKETING_OPS))
    with time_machine.travel(NOW + DAY, tick=False):
        yield client


def test_who_is_nurtured_first_is_listed_with_the_day_it_goes(page: Client, held: Qualification) -> None:
    shown = page.get(reverse("nurture_first")).content.decode()

    assert "24 Mar 2026" in shown
    assert held.why in shown
    assert "=Ada&lt;b&gt;" in shown


def test_the_file_has_everybody_and_no_formula(page: Client, held: Qualification) -> None:
    answer = page.get(reverse("nurture_first_export"))

    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(rows) == 2
    assert "2026-03-24" in rows[1]
    assert not rows[1].startswith(("=", '"='))


def test_nobody_nurtured_first_is_said(page: Client) -> None:
    assert "Nobody is nurtured first" in page.get(reverse("nurture_first")).content.decode()


def test_handing_over_is_asked_once_more_and_then_done(page: Client, held: Qualification) -> None:
    said = {"mql": held.pk, "why": "Met at the fair"}

    asked = page.post(reverse("nurture_first_hand_over"), said)
    assert "Hand to sales now?" in asked.content.decode()
    assert not Handoff.objects.exists()
    done = page.post(reverse("nurture_first_hand_over"), said | {"confirmed": "1"})

    assert done["Location"] == reverse("nurture_first")
    assert Handoff.objects.get().qualification == held
    assert Note.objects.get().text.endswith("Met at the fair")


def test_without_a_reason_or_a_lead_nothing_is_handed_over(page: Client, held: Qualification) -> None:
    assert page.post(reverse("nurture_first_hand_over"), {"mql": held.pk, "confirmed": "1"}).status_code == 422
    nobody = page.post(reverse("nurture_first_hand_over"), {"mql": "x", "why": "Fair", "confirmed": "1"})

    assert [str(message) for message in get_messages(nobody.wsgi_request)] == ["Nothing was ticked."]
    assert not Handoff.objects.exists()


def test_the_leads_page_says_that_it_is_nurtured_first(page: Client, held: Qualification) -> None:
    shown = page.get(reverse("lead", args=[held.lead_id])).content.decode()

    assert "Nurture first" in shown
    assert "Goes to sales on 24 Mar 2026" in shown


def test_the_page_takes_as_many_queries_for_many_as_for_one(page: Client, held: Qualification) -> None:
    page.get(reverse("nurture_first"))
    with CaptureQueriesContext(connection) as one:
        page.get(reverse("nurture_first"))
    for _ in range(5):
        situations.qualification(tier=3)

    with CaptureQueriesContext(connection) as many:
        page.get(reverse("nurture_first"))

    assert len(many) == len(one)


def test_the_queue_and_the_handoff_say_what_made_it_hot() -> None:
    handoff = situations.handoff()
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
