"""Marketing ops edits a version in a real browser: a threshold, its figures, a clause, saved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Version
from leads import named_lists, shipped_signals
from leads.models import Signal
from tests.definitions import version_lifecycles
from tests.definitions.documents import criterion
from tests.factories import CompanyFactory, EventFactory, LeadFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTENT = {
    "gate": [criterion("company.industry", "in", ["Software"]), criterion("company.employees", "between", [50, 5000])],
    "disqualifiers": [criterion("lead.seniority", "at_most", "intern")],
    "signals": [{"signal": "demo_request", "points": 30, "cap": None, "rationale": "They ask."}],
    "paths": [
        {"name": "Engaged", "clauses": [{"axis": "engagement", "at_least": 50}], "rationale": "Enough interest."}
    ],
}


@pytest.fixture
def version() -> Version:
    """Two leads asked for a demo, one of them twice; a draft of what is in force."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    now = timezone.now()
    company = CompanyFactory(industry="Software", employees_low=80, employees_high=80, recorded_at=now)
    for name, times in (("ada", 2), ("bob", 1)):
        lead = LeadFactory(email=f"{name}@acme.example", first_name="", title="Director", company=company, at=now)
        for number in range(times):
            EventFactory(lead=lead, occurred_at=now - dt.timedelta(hours=2 + number), recorded_at=now)
    return version_lifecycles.create_draft(**CONTENT)


@pytest.fixture
def open_editor(context: BrowserContext, page: Page, live_server: object, version: Version) -> Callable[[], Page]:
    """The version's page, as marketing ops; anything on the console is a failure."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS], is_staff=True))
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])

    def go() -> Page:
        page.goto(f"{live_server}{reverse('admin:definitions_version_change', args=[version.pk])}")
        expect(page.locator("[data-qualify-now]")).to_be_visible()
        assert said == []
        return page

    return go


def test_a_threshold_is_tried_and_a_clause_added(open_editor: Callable[[], Page], version: Version) -> None:
    page = open_editor()
    path = page.locator("#row-paths-0")
    expect(page.locator("[data-qualify-now]")).to_have_text("1")

    path.locator('[name="paths-0-clauses-0-at_least"]').fill("25")

    expect(page.locator("[data-qualify-now]")).to_have_text("2")
    expect(page.locator("#panel")).to_contain_text("at least 25 engagement points")
    expect(page.locator("[data-unsaved]")).to_be_visible()

    path.get_by_role("button", name="and also").click()
    added = path.locator("#row-paths-0-clauses-1")
    added.locator('[name$="-at_least"]').fill("2")
    expect(page.locator("#panel")).to_contain_text("clause 2 is not finished")
    added.locator("summary").click()
    added.get_by_label("Demo request").check()
    added.locator('[name$="-within_days"]').fill("7")
    expect(page.locator("#panel")).to_contain_text("demo request at least 2 times in the last 7 days")
    expect(page.locator("[data-qualify-now]")).to_have_text("1")

    page.get_by_role("button", name="Save draft").click()

    expect(page.locator(".messagelist")).to_contain_text("is saved")
    assert version_documents.export_document(Version.objects.get(pk=version.pk))["paths"][0]["clauses"] == [
        {"axis": "engagement", "at_least": 25, "rationale": "So many."},
        {"count_of": ["demo_request"], "at_least": 2, "within_days": 7},
    ]


def test_only_the_inputs_that_a_question_takes_are_shown(open_editor: Callable[[], Page], version: Version) -> None:
    page = open_editor()
    size, industry = page.locator("#row-criteria-1"), page.locator("#row-criteria-0")
    expect(size.locator('[data-input="low"]')).to_be_visible()
    expect(size.locator('[data-input="flag"]')).to_be_hidden()

    size.locator('[data-input="op"] select').select_option("at_least")
    expect(size.locator('[data-input="high"]')).to_be_hidden()
    industry.get_by_label("Add a value: Industry").fill("Mining")
    industry.get_by_label("Add a value: Industry").press("Enter")
    industry.get_by_role("button", name="Remove Software").click()
    size.get_by_role("button", name="Move up").click()
    page.locator("#row-criteria-2-0").get_by_label("Seniority", exact=True).select_option("individual contributor")
    page.get_by_role("button", name="Save draft").click()

    expect(page.locator(".messagelist")).to_contain_text("is saved")
    document = version_documents.export_document(Version.objects.get(pk=version.pk))
    assert [(row["op"], row["value"]) for row in document["gate"]] == [("at_least", 50), ("in", ["Mining"])]
    assert document["disqualifiers"][0]["value"] == "individual contributor"


def test_a_new_path_is_written_and_a_row_taken_away(open_editor: Callable[[], Page], version: Version) -> None:
    page = open_editor()

    page.get_by_role("button", name="Add a hot trigger").click()
    added = page.locator("#row-paths-2-0")
    added.get_by_label("Name", exact=True).fill("Asked")
    added.locator("summary").click()
    added.get_by_label("Contact request").check()
    added.locator('[name$="-clauses-0-at_least"]').fill("1")
    added.locator('[name="paths-2-0-rationale"]').fill("They asked.")
    page.locator("#row-criteria-1").get_by_label("Remove").check()
    page.get_by_role("button", name="Save draft").click()

    expect(page.locator(".messagelist")).to_contain_text("is saved")
    document = version_documents.export_document(Version.objects.get(pk=version.pk))
    assert document["hot"][0]["clauses"] == [{"count_of": ["contact_request"], "at_least": 1, "within_days": None}]
    assert [row["field"] for row in document["gate"]] == ["company.industry"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_editor_is_accessible_and_fits(open_editor: Callable[[], Page], scheme: str, width: int) -> None:
    page = open_editor()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.locator("details.e-pick").first.evaluate("pick => { pick.hidden = false; pick.open = true; }")

    # The admin's own header and list of apps are not ours.
    found = Axe().run(page, context={"include": [["#content"]]}, options=RULES)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
