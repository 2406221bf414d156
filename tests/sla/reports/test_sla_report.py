"""The SLA report: page, file and API have the same figures, and each reader sees what is theirs (rules 12.30, 12.33)."""

from __future__ import annotations

import csv

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from tests.factories import DAY, NOW, HandoffFactory, RepFactory, TeamFactory, UserFactory
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db


def read(user: User, path: str, **parameters: object):
    client = Client()
    client.force_login(user)
    with time_machine.travel(NOW + DAY, tick=False):
        return client.get(path, parameters)


def read_csv(user: User, table: str, **parameters: object) -> list[dict[str, str]]:
    answer = read(user, reverse("sla_export"), table=table, **parameters)
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(answer.getvalue().decode().splitlines()))


def read_api(user: User, **parameters: object) -> dict:
    with time_machine.travel(NOW + DAY, tick=False):
        return ApiClient(user, "reports:read").get("reports/sla", **parameters).json()


@pytest.fixture
def team():
    team = TeamFactory(working=True, name="EMEA", reps=0)
    RepFactory(team=team, user__name="ana")
    RepFactory(team=team, user__name="ben")
    for _ in range(4):
        HandoffFactory(accepted=True)
    HandoffFactory(rejected=True)
    return team


def test_page_file_and_api_have_the_same_figures(team):
    leader = UserFactory(roles=[Role.SALES_LEADER])

    page = read(leader, reverse("sla_report")).content.decode()
    (row,) = read_csv(leader, "team")
    answer = read_api(leader)

    tables = {section["table"]["key"]: section["table"] for section in answer["sections"] if section["table"]}
    cell = tables["team"]["rows"][0]["cells"]["disposition_kept"]
    assert (cell["value"], cell["count"], cell["of"]) == (100.0, 5, 5)
    assert (row["Team"], row["Decided in time (%)"], row["Decided in time: of"]) == ("EMEA", "100.0", "5")
    assert "5 of 5" in page
