"""Reading a report as people and machines do: its page, its files and its API."""

from __future__ import annotations

import csv
import datetime as dt
from typing import Any

import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from config.accounts.models import User
from tests.sla.api_client import ApiClient


def read_page(user: User, path: str, *, at: dt.datetime, **parameters: object) -> HttpResponse:
    client = Client()
    client.force_login(user)
    with time_machine.travel(at, tick=False):
        return client.get(path, parameters)


def read_csv(user: User, name: str, *, at: dt.datetime, **parameters: object) -> list[dict[str, str]]:
    answer = read_page(user, f"/reports/{name}.csv", at=at, **parameters)
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(answer.getvalue().decode().splitlines()))


def read_api(user: User, name: str, *, at: dt.datetime, **parameters: object) -> dict[str, Any]:
    with time_machine.travel(at, tick=False):
        answer = ApiClient(user, "reports:read").get(f"reports/{name}", **parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def tables_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {section["table"]["key"]: section["table"] for section in answer["sections"] if section["table"]}


def cards_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {card["key"]: card["now"] for section in answer["sections"] for card in section["figures"]}


def whole_cards_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the cards by key, with their period before, target and note."""
    return {card["key"]: card for section in answer["sections"] for card in section["figures"]}


def counts(table: dict[str, Any], column: str) -> dict[str, tuple[int | None, int | None]]:
    """Return count and sample of a column by the labels of the rows."""
    return {row["label"]: (row["cells"][column]["count"], row["cells"][column]["of"]) for row in table["rows"]}


def run_sql(query: str, **values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
