"""The daily search for blind rules in active versions (rules 4.22), its page and its notices."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Version
from definitions.vocabulary import VersionState
from leads.intake import lead_upserts
from leads.models import Company, Lead
from scoring.blind_rules import daily_search, value_counts
from scoring.models import BlindRule, BlindRuleKind
from sla.models import Notice
from sla.notifications import blind_rule_notices
from sla.vocabulary import NoticeKind
from tests.account_plays import account_document, see_signal
from tests.factories import DAY, NOW, EventFactory, SignalFactory, UserFactory, VersionFactory, advance_version
from tests.scoring import facts, lead_histories

pytestmark = pytest.mark.django_db

GATE = {"field": "company.industry", "op": "in", "value": ["Manufacturing", "Logistics"], "points": 0, "rationale": "x"}


@pytest.fixture
def version() -> Version:
    document = {**facts.document(), "gate": [GATE], "fit": [], "bant": [], "disqualifiers": []}
    document["signals"] = [{"signal": "demo_request", "points": 50, "cap": None, "rationale": "x"}]
    document["paths"] = [
        {
            "name": "Asked",
            "clauses": [{"count_of": ["demo_request"], "at_least": 1, "within_days": 30}],
            "rationale": "x",
        }
    ]
    document["hot"] = []
    SignalFactory(code="demo_request")
    approved = lead_histories.approve_version(document, NOW - 100 * DAY)
    return lead_histories.activate_version(approved, NOW - 100 * DAY)


def arrive(industry: str | None, *, count: int, at: dt.datetime, prefix: str) -> None:
    """Have companies of an industry arrive, each with one lead."""
    domains = [f"{prefix}{number}.example" for number in range(count)]
    companies = [lead_upserts.read_company({"domain": domain, "industry": industry}, now=at) for domain in domains]
    lead_upserts.upsert_companies(items=companies, source="test", now=at)
    leads = [lead_upserts.read_lead({"email": f"person@{domain}"}, now=at) for domain in domains]
    lead_upserts.upsert_leads(items=leads, source="test", now=at)


def month_of_leads(until: dt.datetime = NOW) -> None:
    for day in range(2, 30):
        arrive("Manufacturing", count=2, at=until - day * DAY, prefix=f"usual{day}-")


def open_alarms(kind: BlindRuleKind) -> list[tuple[str, str, int]]:
    return list(BlindRule.objects.open().filter(kind=kind).values_list("field", "value", "count"))


def test_one_day_of_a_new_spelling_is_reported_with_its_leads(version: Version) -> None:
    month_of_leads()
    arrive("Fertigung", count=4, at=NOW - 3 * dt.timedelta(hours=1), prefix="new")

    assert daily_search.watch_daily(now=NOW) == 1

    alarm = BlindRule.objects.get()
    assert (alarm.version, alarm.kind, alarm.field, alarm.value, alarm.count) == (
        version, BlindRuleKind.NEW_VALUE, "company.industry", "Fertigung", 4,
    )  # fmt: skip
    new_leads = Lead.objects.filter(email__startswith="person@new").order_by("-pk")
    assert alarm.lead_ids == list(new_leads.values_list("pk", flat=True))


def test_many_new_values_are_looked_for_in_the_history_at_once(
    version: Version, django_assert_num_queries: Any
) -> None:
    arrive("Fertigung", count=2, at=NOW - 5 * DAY, prefix="early")

    with django_assert_num_queries(1):
        texts = [" fertigung", "Bergbau", "MANUFACTURING", *map(str, range(50))]
        earlier = value_counts.find_stated_before("company.industry", texts, start=NOW - DAY)

    assert earlier == {" fertigung"}


def test_a_usual_day_is_silent(version: Version) -> None:
    month_of_leads()
    arrive("manufacturing ", count=4, at=NOW - DAY / 2, prefix="new")

    assert daily_search.watch_daily(now=NOW) == 0


def test_firms_that_are_sent_again_in_a_new_spelling_are_noticed(version: Version) -> None:
    month_of_leads()
    for company in Company.objects.filter(domain__startswith="usual3"):
        lead_upserts.upsert_company(
            domain=str(company.domain), values={"industry": "Mfg"}, source="test", now=NOW - DAY / 2
        )
    arrive("Mfg", count=1, at=NOW - DAY / 3, prefix="new")

    daily_search.watch_daily(now=NOW)

    assert open_alarms(BlindRuleKind.NEW_VALUE) == [("company.industry", "Mfg", 3)]


def test_values_that_stop_arriving_are_reported(version: Version) -> None:
    month_of_leads()
    arrive(None, count=8, at=NOW - DAY / 2, prefix="bare")

    daily_search.watch_daily(now=NOW)

    assert open_alarms(BlindRuleKind.STOPPED) == [("company.industry", "", 8)]


def test_the_alarm_ends_when_the_values_are_back(version: Version) -> None:
    month_of_leads()
    arrive(None, count=8, at=NOW - DAY / 2, prefix="bare")
    daily_search.watch_daily(now=NOW)

    arrive("Logistics", count=60, at=NOW + 8 * DAY, prefix="back")
    daily_search.watch_daily(now=NOW + 9 * DAY)

    assert not BlindRule.objects.open()


def test_a_criterion_that_never_matches_is_reported(version: Version) -> None:
    arrive("Software", count=200, at=NOW - 20 * DAY, prefix="soft")

    daily_search.watch_daily(now=NOW)

    assert open_alarms(BlindRuleKind.NEVER_MATCHES) == [("company.industry", "gate.0", 200)]


def test_a_value_that_could_not_be_read_is_reported(version: Version) -> None:
    month_of_leads()
    arrive(None, count=3, at=NOW - DAY / 2, prefix="odd")
    Company.objects.filter(domain__startswith="odd").update(not_understood={"industry": "???"})

    daily_search.watch_daily(now=NOW)

    assert open_alarms(BlindRuleKind.NOT_UNDERSTOOD) == [("company.industry", "???", 3)]


def test_a_signal_that_stops_is_reported_also_where_timing_alone_names_it(version: Version) -> None:
    by_timing = VersionFactory(
        active=True, moved_at=NOW - 100 * DAY, engaged_within_days=30, timing_signals=["demo_request"]
    )
    arrive("Manufacturing", count=1, at=NOW - 90 * DAY, prefix="one")
    lead = Lead.objects.get()
    for day in range(1, 60):
        for number in range(5):
            at = NOW - day * DAY - number * dt.timedelta(hours=1)
            EventFactory(lead=lead, signal__code="demo_request", occurred_at=at)

    daily_search.watch_daily(now=NOW)

    assert [field for field, _, _ in open_alarms(BlindRuleKind.STOPPED)] == ["signal.demo_request"] * 2
    assert set(BlindRule.objects.values_list("version", flat=True)) == {version.pk, by_timing.pk}


def test_versions_that_judge_companies_are_searched_as_well() -> None:
    """Rules 4.22: a field of their gate, and a signal of companies, that stop arriving."""
    gate = [{"field": "company.industry", "op": "in", "value": ["Manufacturing"], "points": 0, "rationale": "x"}]
    signals = {"count_of": ["job_posting"], "at_least": 1, "within_days": 90, "rationale": "x"}
    SignalFactory(code="job_posting")
    draft = version_documents.import_document(
        document=account_document(company_signals=signals) | {"gate": gate}, by=None, now=NOW - 100 * DAY
    )
    version = advance_version(draft, to=VersionState.ACTIVE, at=NOW - 100 * DAY)
    month_of_leads()
    arrive(None, count=12, at=NOW - DAY / 8, prefix="bare")
    company = Company.objects.earliest("pk")
    for day in range(1, 60):
        for number in range(5):
            see_signal(company, at=NOW - day * DAY - number * dt.timedelta(hours=1))

    assert daily_search.watch_daily(now=NOW) == 2
    assert sorted(field for field, _, _ in open_alarms(BlindRuleKind.STOPPED)) == [
        "company.industry",
        "signal.job_posting",
    ]
    assert set(BlindRule.objects.values_list("version", flat=True)) == {version.pk}


def test_the_search_runs_once_a_day_and_stores_an_open_alarm_once(version: Version) -> None:
    month_of_leads()
    arrive("Fertigung", count=4, at=NOW - DAY / 8, prefix="new")

    assert daily_search.watch_daily(now=NOW) == 1
    assert daily_search.watch_daily(now=NOW) == 0
    assert daily_search.watch_version(version, now=NOW + DAY / 2) == 0


def test_marketing_ops_get_one_notice_each(version: Version) -> None:
    month_of_leads()
    arrive("Fertigung", count=4, at=NOW - DAY / 8, prefix="new")
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    UserFactory(roles=[Role.SDR])
    daily_search.watch_daily(now=NOW)

    assert blind_rule_notices.notify_marketing_ops(now=NOW) == 1
    assert blind_rule_notices.notify_marketing_ops(now=NOW) == 0

    notice = Notice.objects.get(kind=NoticeKind.BLIND_RULE)
    assert notice.to == ops
    assert notice.text == "Industry: “Fertigung” is new, came 4 times, and no criterion matches it."
    assert notice.path == "/blind-rules/"


def test_the_page_shows_and_closes_alarms(version: Version, client: Client) -> None:
    month_of_leads()
    arrive("Fertigung<b>", count=7, at=NOW - DAY / 8, prefix="new")
    daily_search.watch_daily(now=NOW)
    alarm = BlindRule.objects.get()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    page = client.get("/blind-rules/").content.decode()
    assert "Fertigung&lt;b&gt;" in page
    assert "and 2 more" in page
    assert client.get(f"/blind-rules/{alarm.pk}/leads/").content.decode().count("person@new") == 7

    page = client.post(f"/blind-rules/{alarm.pk}/close/", follow=True).content.decode()
    assert "Every rule sees what it asks for" in page
    assert "closed by" in page


@pytest.mark.parametrize(("role", "read", "close"), [(Role.SDR, 404, 404), (Role.VIEWER, 200, 403)])
def test_only_marketing_ops_close_alarms(role: Role, read: int, close: int, version: Version, client: Client) -> None:
    alarm = BlindRule.objects.create(version=version, kind=BlindRuleKind.STOPPED, field="lead.country", count=1, at=NOW)
    client.force_login(UserFactory(roles=[role]))

    assert client.get("/blind-rules/").status_code == read
    assert client.post(f"/blind-rules/{alarm.pk}/close/").status_code == close
