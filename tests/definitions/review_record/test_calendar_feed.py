"""The calendar of reviews at a private address (rules 8.34)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import ReviewCalendarLink
from definitions.review_record import participants
from definitions.vocabulary import ReviewKind, ReviewSeat
from tests.definitions.review_record.opened_reviews import decide, open_review
from tests.factories import DAY, HOUR, NOW, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def make_address(person: User) -> str:
    client = Client()
    client.force_login(person)
    address: str = client.post(reverse("review_calendar")).context["address"]
    return address


def fetch(address: str) -> str:
    answer = Client().get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    return answer.content.decode().replace("\r\n ", "")


def test_the_calendar_has_due_days_and_meetings() -> None:
    review = open_review(title="Spain; or not", kind=ReviewKind.FULL, meets_at=NOW + DAY)

    text = fetch(make_address(UserFactory(roles=[Role.VIEWER])))

    assert "SUMMARY:Review due: Spain\\; or not\r\n" in text
    assert "DTSTART;VALUE=DATE:20260324\r\n" in text
    assert "SUMMARY:Full review: Spain\\; or not\r\n" in text
    assert "DTSTART:20260311T100000Z\r\nDTEND:20260311T113000Z\r\n" in text
    assert f"URL:http://testserver/reviews/{review.pk}/\r\n" in text


def test_a_decided_review_keeps_its_meeting_for_a_while() -> None:
    decide(open_review(title="Spain", meets_at=NOW + HOUR))
    address = make_address(UserFactory(roles=[Role.VIEWER]))

    text = fetch(address)

    assert "SUMMARY:Light check: Spain" in text
    assert "Review due" not in text
    with time_machine.travel(NOW + 100 * DAY, tick=False):
        assert "Spain" not in fetch(address)


def test_a_person_without_the_list_sees_reviews_in_which_they_take_part() -> None:
    sdr, ops = UserFactory(roles=[Role.SDR]), UserFactory(roles=[Role.MARKETING_OPS])
    open_review(title="Hidden")
    review = open_review(title="Shown")
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=ops, now=NOW)

    text = fetch(make_address(sdr))

    assert ("Shown" in text, "Hidden" in text) == (True, False)


def test_a_renewed_or_removed_address_opens_nothing() -> None:
    person = UserFactory(roles=[Role.VIEWER])
    first = make_address(person)
    second = make_address(person)

    assert Client().get(first).status_code == 404
    fetch(second)
    client = Client()
    client.force_login(person)
    assert second not in client.get(reverse("review_calendar")).content.decode()
    client.post(reverse("review_calendar"), {"remove": "1"})
    assert Client().get(second).status_code == 404
    assert Client().get(reverse("review_feed")).status_code == 404


def test_only_a_digest_is_stored_and_who_has_left_gets_nothing() -> None:
    person = UserFactory(roles=[Role.VIEWER])
    address = make_address(person)

    assert ReviewCalendarLink.objects.get().digest not in address
    person.is_active = False
    person.save()
    assert Client().get(address).status_code == 404
