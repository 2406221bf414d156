from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.web import QueryRefused
from leads.filters import LeadFilter
from leads.models import Lead
from leads.views import PAGE
from leads.vocabulary import READERS_OF_LEADS, Motion, Stage
from tests.factories import CompanyFactory, HandoffFactory, LeadFactory, UserFactory, place_leads

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ops() -> Client:
    return signed_in(UserFactory(roles=[Role.MARKETING_OPS]))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", ["lead_list", "lead_export", "lead"])
def test_every_role_but_sdr_can_list_leads(role: Role, name: str) -> None:
    path = reverse(name, args=[LeadFactory(mql=True).pk] if name == "lead" else [])

    response = signed_in(UserFactory(roles=[role])).get(path)

    assert response.status_code == (200 if role in READERS_OF_LEADS else 404)


def test_leads_are_listed_by_their_stage_in_a_motion() -> None:
    both, mql, other = LeadFactory(), LeadFactory(), LeadFactory()
    place_leads(Stage.SAL, both)
    place_leads(Stage.MQL, both, motion=Motion.PQL)
    place_leads(Stage.MQL, mql)

    def find(**query: str) -> set[Lead]:
        return set(LeadFilter(query, queryset=Lead.objects.all()).qs)

    assert find(stage="mql") == {mql}
    assert find(motion="pql") == {both}
    assert find(motion="pql", stage="mql") == {both}
    assert find(motion="mql", stage="mql") == {mql}
    assert find(motion="pql", stage="lead") == {mql, other}
    with pytest.raises(QueryRefused, match="must be one of mql, pql, aql"):
        find(motion="xql")


def test_an_unknown_lead_is_404(ops: Client) -> None:
    assert ops.get(reverse("lead", args=[999999])).status_code == 404


def test_the_list_is_filtered_by_name_stage_and_source(ops: Client) -> None:
    company = CompanyFactory(name="Halden Works")
    match = LeadFactory(mql=True, first_name="Jonas", company=company, stage=Stage.NURTURE, source="Webinar")
    other = LeadFactory(mql=True, first_name="Priya")

    for query in ({"q": "jonas halden"}, {"stage": "nurture"}, {"source": "Webinar"}):
        page = ops.get(reverse("lead_list"), query).content.decode()
        assert match.name in page
        assert other.name not in page


def test_pages_follow_each_other_without_a_gap(ops: Client) -> None:
    leads = [LeadFactory(mql=True, first_name=f"Number{index:03}x") for index in range(PAGE + 5)]

    first = ops.get(reverse("lead_list")).content.decode()
    oldest = leads[5]
    second = ops.get(reverse("lead_list"), {"after": oldest.pk}).content.decode()

    assert f"after={oldest.pk}" in first
    shown = [lead for lead in leads if lead.first_name in first]
    followed = [lead for lead in leads if lead.first_name in second]
    assert shown == leads[5:]
    assert followed == leads[:5]
    assert 'rel="next"' not in second


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "١٢"])
def test_an_invalid_page_is_the_first_page(ops: Client, after: str) -> None:
    assert ops.get(reverse("lead_list"), {"after": after}).status_code == 200


def test_the_list_takes_as_many_queries_for_many_as_for_few(ops: Client) -> None:
    counts = []
    for _ in range(2):
        LeadFactory(mql=True, company=CompanyFactory())
        with CaptureQueriesContext(connection) as captured:
            ops.get(reverse("lead_list"))
        counts.append(len(captured))
        for _ in range(10):
            LeadFactory(mql=True, company=CompanyFactory())

    assert counts[0] == counts[1]


def test_the_export_runs_nothing_in_a_spreadsheet(ops: Client) -> None:
    LeadFactory(mql=True, first_name="=cmd|' /C calc'!A0", title="+1", source="@import")

    table = b"".join(ops.get(reverse("lead_export"))).decode()

    assert "'=cmd|" in table
    assert "'+1" in table
    assert "'@import" in table


def test_a_lead_page_shows_the_history_of_the_lead(ops: Client) -> None:
    handoff = HandoffFactory(rejected=True)

    page = ops.get(reverse("lead", args=[handoff.lead_id])).content.decode()

    assert "Rejected" in page
    assert reverse("handoff", args=[handoff.pk]) in page
