"""Pages while a server behind them is away (rules 17.11, 17.12)."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
import redis
from django.db import InternalError, OperationalError, connection
from django.test import Client
from django.urls import reverse
from psycopg.errors import ReadOnlySqlTransaction

from config.accounts.vocabulary import Role
from tests.factories import UserFactory, VersionFactory

pytestmark = pytest.mark.django_db

PASSWORD = "north-by-northlane"


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(redis.connection.AbstractConnection, "connect", refuse)


def test_people_sign_in_and_are_limited_without_redis(no_redis: None) -> None:
    person = UserFactory()
    person.set_password(PASSWORD)
    person.save()
    login = {"login": person.email, "password": PASSWORD}

    signed_in = Client().post(reverse("account_login"), login)
    for _ in range(5):
        Client().post(reverse("account_login"), login | {"password": "wrong"})
    limited = Client().post(reverse("account_login"), login)

    assert (signed_in.status_code, signed_in["Location"]) == (302, reverse("home"))
    assert (limited.status_code, "Too many failed" in limited.content.decode()) == (200, True)


def test_the_editor_of_a_definition_opens_without_redis(no_redis: None, client: Client) -> None:
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS], is_staff=True))

    assert client.get(reverse("admin:definitions_definition_changelist")).status_code == 200
    assert client.get(reverse("admin:definitions_version_change", args=[VersionFactory().pk])).status_code == 200


@pytest.mark.parametrize("path", ["/queue/", "/accounts/login/", "/api/v1/leads"])
def test_the_answer_while_the_database_is_away_says_when_to_try_again(client: Client, path: str) -> None:
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER]))
    client.raise_request_exception = False

    with connection.execute_wrapper(_refuse_statement):
        answer = client.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert ("Accord is out for a moment" in answer.content.decode()) == (not path.startswith("/api/"))


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
@pytest.mark.parametrize("path", ["/queue/", "/admin/", "/leads/", "/api/v1/handoffs"])
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_within_a_request_is_an_outage(
    client: Client, path: str, headers: dict[str, str]
) -> None:
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER], is_staff=True, is_superuser=True))
    client.raise_request_exception = False

    try:
        with connection.execute_wrapper(_CutConnection(after=2)):
            answer = client.get(path, headers=headers)
    finally:
        connection.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get(path, headers=headers).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_within_which_the_connection_is_lost_is_an_outage(client: Client) -> None:
    person = UserFactory()
    client.raise_request_exception = False

    try:
        with connection.execute_wrapper(_CutConnection(after=0)):
            answer = client.post(reverse("account_login"), {"login": person.email, "password": "x"})
    finally:
        connection.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_the_api_says_in_its_own_form_that_the_database_is_away(client: Client) -> None:
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER]))
    client.raise_request_exception = False

    with connection.execute_wrapper(_refuse_statement):
        answers = [
            client.get("/api/v1/leads"),
            Client(raise_request_exception=False, headers={"authorization": "Api-Key x"}).get("/api/v1/leads"),
        ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert {(answer.json()["type"], answer.json()["errors"][0]["code"]) for answer in answers} == {
        ("server_error", "unavailable")
    }


def test_a_database_that_takes_no_writes_is_away(client: Client) -> None:
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER]))
    client.raise_request_exception = False

    with connection.execute_wrapper(_refuse_write):
        answers = [client.get("/queue/"), client.get("/api/v1/leads")]

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(503, "5")] * 2


def test_another_failure_is_an_error_of_ours(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(UserFactory(roles=[Role.SALES_MANAGER]))
    client.raise_request_exception = False

    with connection.execute_wrapper(_break_down):
        page, answer = client.get("/queue/"), client.get("/api/v1/leads")

    assert (page.status_code, answer.status_code) == (500, 500)
    assert "Something broke on our side" in page.content.decode()


class _CutConnection:
    """A wrapper of statements that lets some pass, and has the server end the connection before the next one."""

    def __init__(self, *, after: int) -> None:
        self.left = after

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if self.left == -1:
            pid = connection.connection.info.backend_pid
            other = connection.copy()
            with closing(other), other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return execute(sql, params, many, context)


def _refuse_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise OperationalError("server closed the connection unexpectedly")


def _refuse_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise InternalError from ReadOnlySqlTransaction()


def _break_down(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise RuntimeError("a fault of the program")


# What a worker runs, started as one: it begins to work in a transaction and then stands still.
_STANDING_STILL = """
import sys
sys.argv = ["celery", "worker"]
import django
django.setup()
from django.db import DatabaseError, connection, transaction
from config import outages
try:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(1204)")
        cursor.execute("SHOW work_mem")
        print("locked", cursor.fetchone()[0], flush=True)
        sys.stdin.readline()
        cursor.execute("SELECT 1")
except DatabaseError as error:
    print(outages.is_outage(error))
"""


def test_a_worker_that_stands_still_in_a_transaction_gives_its_locks_back() -> None:
    where = connection.settings_dict
    address = f"postgresql://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    # An address may bring options of its own.
    address += "?options=-c%20work_mem%3D7MB"
    environment = os.environ | {"DATABASE_URL": address, "WORKER_MAY_IDLE_SECONDS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", _STANDING_STILL]

    with (
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker,
        connection.cursor() as cursor,
    ):
        assert worker.stdout is not None
        beginning = worker.stdout.readline()
        cursor.execute("SET LOCAL lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(1204)")
        # It goes on, and what it meets passes: the work is repeated.
        ending, _ = worker.communicate("\n")

    assert (beginning, ending) == ("locked 7MB\n", "True\n")
