"""Limits of the API hit the one who exceeds them, and nobody else (rules 16.17)."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import Settings

from config.accounts.models import ApiKey, RequestCount
from config.accounts.vocabulary import Role
from config.api import request_limits
from tests.factories import NOW, UserFactory
from tests.threads import at_once

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def client_with_key(key: str, source: str = "203.0.113.5") -> Client:
    return Client(headers={"Authorization": f"Api-Key {key}"}, REMOTE_ADDR=source)


def create_key() -> str:
    _, key = ApiKey.objects.create_key(
        name="CRM", owner=UserFactory(roles=[Role.MARKETING_OPS]), source="crm", scopes=["facts:read", "facts:write"]
    )
    return key


def test_a_key_over_its_limit_is_told_when_to_try_again(settings: Settings) -> None:
    settings.API_READS_A_MINUTE = 3
    busy, other = client_with_key(create_key()), client_with_key(create_key())

    answers = [busy.get("/api/v1/leads") for _ in range(4)]

    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    # At the turn of a minute the count begins anew; then the fourth is within the limit.
    if RequestCount.objects.get(caller__startswith="key").requests == 4:
        assert answers[3].status_code == 429
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
    assert other.get("/api/v1/leads").status_code == 200


def test_reads_and_writes_are_counted_apart(settings: Settings) -> None:
    settings.API_READS_A_MINUTE = 0
    client = client_with_key(create_key())

    assert client.get("/api/v1/leads").status_code == 429
    assert (
        client.post("/api/v1/leads", {"email": "ada@acme.example"}, content_type="application/json").status_code == 201
    )


def test_wrong_keys_are_limited_by_source_and_hold_up_no_right_key(settings: Settings) -> None:
    settings.API_WRONG_KEYS_A_MINUTE = 0
    key = create_key()

    wrong = client_with_key("acc_nothing.at-all").get("/api/v1/leads")

    assert wrong.status_code == 429
    assert int(wrong.headers["Retry-After"]) >= 1
    assert client_with_key(key).get("/api/v1/leads").status_code == 200


def test_wrong_keys_from_one_ipv6_network_are_counted_together() -> None:
    for number in range(3):
        client_with_key("acc_nothing.at-all", source=f"2001:db8:0:7::{number}").get("/api/v1/leads")

    assert RequestCount.objects.get().caller == "source 2001:db8:0:7::"


def test_readers_of_the_schema_who_are_not_signed_in_hold_up_nobody_else(settings: Settings) -> None:
    settings.API_READS_A_MINUTE = 1
    busy, other = Client(REMOTE_ADDR="203.0.113.5"), Client(REMOTE_ADDR="198.51.100.7")

    with time_machine.travel(NOW, tick=False):
        assert [busy.get("/api/v1/docs").status_code for _ in range(2)] == [200, 429]
        assert other.get("/api/v1/docs").status_code == 200


def test_a_new_minute_begins_at_nothing() -> None:
    assert [request_limits.seconds_to_wait("key 1 reads", limit=2, now=NOW) for _ in range(3)] == [0, 0, 60]
    assert request_limits.seconds_to_wait("key 1 reads", limit=2, now=NOW + MINUTE) == 0


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_instant_are_all_counted() -> None:
    waits = at_once(8, lambda _: request_limits.seconds_to_wait("key 1 writes", limit=5, now=NOW))

    assert sorted(wait > 0 for wait in waits) == [False] * 5 + [True] * 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT requests FROM accounts_requestcount")
        assert cursor.fetchall() == [(8,)]


def test_counts_of_silent_callers_are_deleted() -> None:
    request_limits.seconds_to_wait("source 203.0.113.5", limit=5, now=NOW)

    assert request_limits.delete_old_counts(now=NOW + dt.timedelta(hours=23)) == 0
    assert request_limits.delete_old_counts(now=NOW + dt.timedelta(hours=25)) == 1


def test_requests_of_one_key_do_not_wait_for_the_disk_in_turn() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = %s", [RequestCount._meta.db_table])
        (persistence,) = cursor.fetchone()

    assert persistence == "u"
