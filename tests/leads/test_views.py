from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.views import PAGE
from leads.vocabulary import READERS_OF_LEADS, Stage
from tests.sla import situations

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ops() -> Client:
    return signed_in(situations.user(Role.MARKETING_OPS))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", ["lead_list", "lead_export", "lead"])
def test_all_but_sdrs_look_through_the_leads(role: Role, name: str) -> None:
    path = reverse(name, args=[situations.lead().pk] if name == "lead" else [])

    response = signed_in(situations.user(role)).get(path)

    assert response.status_code == (200 if role in READERS_OF_LEADS else 403)


def test_a_lead_that_is_not_there_is_not_found(ops: Client) -> None:
    assert ops.get(reverse("lead", args=[999999])).status_code == 404


def test_the_list_is_found_through_by_name_stage_and_source(ops: Client) -> None:
    company = situations.company(name="Halden Works")
    wanted = situations.lead(first_name="Jonas", company=company, stage=Stage.NURTURE, source="Webinar")
    other = situations.lead(first_name="Priya")

    for query in ({"q": "jonas halden"}, {"stage": "nurture"}, {"source": "Webinar"}):
        page = ops.get(reverse("lead_list"), query).content.decode()
        assert wanted.name in page
        assert other.name not in page


def test_pages_follow_each_other_without_a_gap(ops: Client) -> None:
    made = [situations.lead(first_name=f"Number{index:03}x") for index in range(PAGE + 5)]

    first = ops.get(reverse("lead_list")).content.decode()
    oldest = made[5]
    second = ops.get(reverse("lead_list"), {"after": oldest.pk}).content.decode()

    assert f"after={oldest.pk}" in first
    shown = [lead for lead in made if lead.first_name in first]
    followed = [lead for lead in made if lead.first_name in second]
    assert shown == made[5:]
    assert followed == made[:5]
    assert 'rel="next"' not in second


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "١٢"])
def test_a_page_that_cannot_be_is_the_first(ops: Client, after: str) -> None:
    assert ops.get(reverse("lead_list"), {"after": after}).status_code == 200


def test_the_list_takes_as_many_queries_for_many_as_for_few(ops: Client) -> None:
    counts = []
    for _ in range(2):
        situations.lead(company=situations.company())
        with CaptureQueriesContext(connection) as captured:
            ops.get(reverse("lead_list"))
        counts.append(len(captured))
        for _ in range(10):
            situations.lead(company=situations.company())

    assert counts[0] == counts[1]


def test_the_export_runs_nothing_in_a_spreadsheet(ops: Client) -> None:
    situations.lead(first_name="=cmd|' /C calc'!A0", title="+1", source="@import")

    table = b"".join(ops.get(reverse("lead_export"))).decode()

    assert "'=cmd|" in table
    assert "'+1" in table
    assert "'@import" in table


def test_a_lead_page_tells_its_whole_story(ops: Client) -> None:
    handoff = situations.rejected()

    page = ops.get(reverse("lead", args=[handoff.lead_id])).content.decode()

    assert "Rejected" in page
    assert reverse("handoff", args=[handoff.pk]) in page
