"""Data health beside SQL that knows nothing of the product (rules 12.54)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.vocabulary import VersionState
from leads.identity import merges
from leads.models import Company, DuplicateCandidate, Lead, Outcome
from leads.vocabulary import OutcomeKind
from tests.account_plays import activate_accounts
from tests.definitions.documents import criterion, minimal_document, with_reasons
from tests.factories import (
    DAY,
    NOW,
    CompanyFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    UserFactory,
    advance_version,
)
from tests.sla.reports.report_reading import cards_of, read_api, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

LATER = NOW + 10 * DAY
#: The fields by the conditions under which they are unknown, on the tables of leads and companies.
UNKNOWN = {
    "company.annual_revenue.USD": "c.annual_revenue IS NULL OR c.annual_revenue_currency <> 'USD'",
    "company.employees": "c.employees_low IS NULL AND c.employees_high IS NULL",
    "company.industry": "coalesce(c.industry, '') = ''",
    "lead.country": "l.country = ''",
    "lead.custom.segment": "NOT l.custom ? 'segment'",
    "lead.seniority": "l.seniority = '' AND l.title = ''",
}


def activate() -> None:
    gate = [
        criterion("company.industry", "in", ["Logistics"]),
        criterion("company.annual_revenue.USD", "at_least", 5),
        criterion("lead.country", "in", ["DE"]),
    ]
    fit = [
        criterion("company.employees", "at_least", 50, points=10),
        criterion("lead.seniority", "at_least", "manager", points=10),
        criterion("lead.custom.segment", "known", True, points=5),
        criterion("lead.do_not_contact", "is", False, points=5),
    ]
    timing = {"engaged_within_days": 400}
    document = with_reasons(minimal_document(gate=gate, fit=fit, timing=timing))
    draft = version_documents.import_document(document=document, by=None, now=NOW - 365 * DAY)
    advance_version(draft, to=VersionState.ACTIVE, at=NOW - 364 * DAY)


def win(lead: Lead, at=NOW + DAY) -> None:
    Outcome.objects.create(lead=lead, kind=OutcomeKind.WON, at=at, recorded_at=at, source="crm", amount=5)


@pytest.fixture
def ops():
    """Leads with and without what the version reads, wins with and without an MQL, doubtful people and values."""
    activate()
    logistics = CompanyFactory(industry="Logistics", annual_revenue=7, annual_revenue_currency="USD", employees_low=3)
    known = HandoffFactory(
        lead__company=logistics, lead__country="DE", lead__custom={"segment": "A"}, lead__source="ads"
    )
    half = HandoffFactory(
        lead__company=CompanyFactory(industry="", annual_revenue=9), lead__title="", lead__source="fair"
    )
    HandoffFactory(lead__company=None, lead__source="ads")
    strangers = [LeadFactory(source="fair", recorded_at=NOW) for _ in range(2)]
    LeadFactory(source="ads", recorded_at=NOW - 300 * DAY)
    EventFactory(lead=known.lead, signal__code="demo_request", occurred_at=NOW - 20 * DAY)
    EventFactory(lead=known.lead, signal__code="pricing_view", occurred_at=NOW - 390 * DAY)
    for lead in (known.lead, half.lead, *strangers):
        win(lead)
    win(known.lead, at=NOW - DAY)
    alias = LeadFactory(email="also@example.org", source="fair")
    merges.merge(lead_id=alias.pk, into_id=half.lead_id, by=None, now=NOW + DAY)
    win(alias, at=NOW + 2 * DAY)
    DuplicateCandidate.objects.create(first=strangers[0], second=strangers[1], reason="phone", found_at=NOW)
    Lead.objects.filter(pk=strangers[0].pk).update(not_understood={"country": "Ruritania"})
    Company.objects.filter(pk=logistics.pk).update(not_understood={"country": "Atlantis", "employees": "some"})
    return UserFactory(roles=[Role.MARKETING_OPS])


def expect(rows: str) -> dict[str, tuple[int, int]]:
    return {
        field: run_sql(f"SELECT count(*) FILTER (WHERE {condition}), count(*) FROM {rows}")[0]  # noqa: S608  # constants
        for field, condition in UNKNOWN.items()
    }


def test_unknown_fields_are_counted_as_sql_counts_them(ops):
    rows = {row["key"]: row["cells"] for row in tables_of(read_api(ops, "data-health", at=LATER))["fields"]["rows"]}

    mqls = expect(
        "scoring_qualification q JOIN leads_lead l ON l.id = q.lead_id LEFT JOIN leads_company c ON c.id = l.company_id"
    )
    leads = expect(
        "leads_lead l LEFT JOIN leads_company c ON c.id = l.company_id"
        " WHERE l.recorded_at >= '2025-12-22' AND l.merged_into_id IS NULL"
    )
    # Of a lead without a company everything of it is unknown; do not contact is never unknown.
    assert {key: (cells["mqls"]["count"], cells["mqls"]["of"]) for key, cells in rows.items()} == mqls
    assert {key: (cells["leads"]["count"], cells["leads"]["of"]) for key, cells in rows.items()} == leads
    assert "Hand raise v1.0: gate" in rows["lead.country"]["asked_by"]["value"]


def test_the_rows_behind_are_as_many_as_the_figures_say(ops):
    answer = read_api(ops, "data-health", at=LATER)
    links = [
        (cell["rows"], cell["count"])
        for key in ("fields", "wins")
        for row in tables_of(answer)[key]["rows"]
        for cell in row["cells"].values()
        if cell["rows"]
    ]
    links.append((cards_of(answer)["unexplained_wins"]["rows"], cards_of(answer)["unexplained_wins"]["count"]))

    assert len(links) > 10
    for link, number in links:
        assert f'<span class="faint">{number}</span>' in read_page(ops, link, at=LATER).content.decode(), link


def test_a_win_is_explained_by_an_earlier_mql_of_the_person_alone(ops):
    answer = read_api(ops, "data-health", at=LATER)
    ((unexplained, wins),) = run_sql(
        """SELECT count(*) FILTER (WHERE NOT EXISTS (
                SELECT FROM scoring_qualification q JOIN leads_lead ql ON ql.id = q.lead_id
                WHERE q.at <= o.at AND coalesce(ql.merged_into_id, ql.id) = coalesce(l.merged_into_id, l.id))), count(*)
            FROM leads_outcome o JOIN leads_lead l ON l.id = o.lead_id WHERE o.kind = 'won'"""
    )

    assert (unexplained, wins) == (3, 6)
    card = cards_of(answer)["unexplained_wins"]
    assert (card["count"], card["of"]) == (unexplained, wins)
    total = tables_of(answer)["wins"]["total"]["cells"]["unexplained_wins"]
    assert (total["count"], total["of"]) == (unexplained, wins)


def test_windows_stand_beside_the_history_of_their_signals(ops):
    rows = {
        row["label"]: row["cells"] for row in tables_of(read_api(ops, "data-health", at=NOW + DAY))["windows"]["rows"]
    }

    timing = rows["Timing: engaged"]
    assert (timing["days"]["value"], timing["history"]["value"], timing["verdict"]["value"]) == (
        400, 391, "longer than the history",
    )  # fmt: skip
    window = rows["Path Asked to talk: contact_request, demo_request"]
    assert (window["days"]["value"], window["history"]["value"], window["verdict"]["value"]) == (
        30, 21, "longer than the history",
    )  # fmt: skip


def test_duplicates_and_values_wait_with_links_for_marketing_ops(ops):
    answer = read_api(ops, "data-health", at=LATER)
    tables = tables_of(answer)

    (pair,) = tables["duplicates"]["rows"]
    assert (pair["cells"]["count"]["value"], pair["cells"]["count"]["rows"]) == (1, "/duplicates/?reason=phone")
    values = {
        row["key"]: (row["cells"]["subjects"]["value"], row["cells"]["texts"]["value"])
        for row in tables["values"]["rows"]
    }
    assert values == {"lead.country": (1, 1), "company.country": (1, 1), "company.employees": (1, 1)}
    assert cards_of(answer)["not_understood"]["value"] == 3
    leader = UserFactory(roles=[Role.SALES_LEADER])
    for row in tables_of(read_api(leader, "data-health", at=LATER))["values"]["rows"]:
        assert row["cells"]["subjects"]["rows"] in ("", None)


def test_an_unknown_field_is_refused(ops):
    for field in ("", "lead.password", "company", "lead.company__name"):
        answer = read_page(ops, "/reports/data-health/rows/", at=LATER, figure="unknown_of_leads", field=field)
        assert answer.status_code == 400
        assert "field" in answer.content.decode()


def test_without_a_version_and_for_companies_the_page_stands():
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    assert read_page(ops, "/reports/data-health/", at=LATER).status_code == 200

    activate_accounts()
    assert read_page(ops, "/reports/data-health/", at=LATER, motion="aql").status_code == 200
    assert set(tables_of(read_api(ops, "data-health", at=LATER, motion="aql"))) == {"fields", "duplicates", "values"}


def test_new_leads_are_those_of_the_period_from_every_source_and_from_none():
    activate()
    for source, at in (("fair", NOW), ("", NOW), ("web", NOW), ("web", NOW - 200 * DAY)):
        LeadFactory(source=source, recorded_at=at)
    leader = UserFactory(roles=[Role.SALES_LEADER])

    (row, *_) = tables_of(read_api(leader, "data-health", at=LATER, weeks="12"))["fields"]["rows"]

    assert row["cells"]["leads"]["of"] == 3


def test_what_is_counted_of_all_leads_is_counted_once_a_page():
    activate()
    leader = UserFactory(roles=[Role.SALES_LEADER])

    with CaptureQueriesContext(connection) as queries:
        read_api(leader, "data-health", at=LATER)

    statements = [query["sql"] for query in queries if "leads_duplicatecandidate" in query["sql"]]
    assert len(statements) == 1
