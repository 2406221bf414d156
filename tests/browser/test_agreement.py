"""From a copy of the version in force to the next one and back again, in a real browser: marketing ops and both leaders."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.demo.company import definition_documents
from definitions.models import Backtest, Version
from leads import named_lists, shipped_signals
from leads.models import Signal
from scoring.backtests import pending_backtests
from sla.commitments import commitments
from tests.definitions import version_lifecycles
from tests.definitions.documents import criterion
from tests.factories import CommitmentFactory, CompanyFactory, EventFactory, LeadFactory, UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
CONTENT = {
    "gate": [criterion("company.employees", "between", [50, 5000]), criterion("company.industry", "in", ["Software"])],
    "signals": [
        {"signal": "demo_request", "points": 30, "cap": None, "rationale": "They ask."},
        {"signal": "webinar_attended", "points": 20, "cap": 40, "rationale": "An hour."},
    ],
    "paths": [
        {"name": "Engaged", "clauses": [{"axis": "engagement", "at_least": 50}], "rationale": "Enough interest."}
    ],
    "timing": {"engaged_within_days": 30, "or_request_within_days": 60},
}

Go = Callable[[User, str], Page]


@pytest.fixture
def people() -> dict[Role, User]:
    """Marketing ops and both leaders, who have agreed on what sales does."""
    people_by_role = {role: UserFactory(roles=[role], is_staff=role == Role.MARKETING_OPS) for role in _ROLES}
    commitments.activate(
        commitment=CommitmentFactory(),
        by_marketing=people_by_role[Role.MARKETING_LEADER],
        by_sales=people_by_role[Role.SALES_LEADER],
        now=timezone.now(),
    )
    return people_by_role


_ROLES = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


@pytest.fixture
def in_force() -> Version:
    """A version in force, and two leads who asked: one from a company of 80, one of 55."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    now = timezone.now()
    for name, size in (("ada", 80), ("bob", 55)):
        company = CompanyFactory(
            name=name, industry="Software", employees_low=size, employees_high=size, recorded_at=now
        )
        lead = LeadFactory(email=f"{name}@acme.example", first_name="", title="Director", company=company, at=now)
        for number in range(2):
            EventFactory(lead=lead, occurred_at=now - dt.timedelta(days=2 + number), recorded_at=now)
    return version_lifecycles.create_active(**CONTENT)


@pytest.fixture
def go(context: BrowserContext, page: Page, live_server: object) -> Go:
    """Somebody, at a path; anything on the console is a failure, but a refusal's status and what leaving a page cuts off."""
    address = str(live_server)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def at(user: User, path: str) -> Page:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
        page.goto(address + path)
        assert [each for each in said if not each.startswith(("htmx:", "Failed to load resource: the server"))] == []
        return page

    return at


def test_the_whole_life_of_a_change(go: Go, people: dict[Role, User], in_force: Version) -> None:
    ops, marketing, sales = (people[role] for role in _ROLES)

    version = copied_and_edited(go(ops, "/definition/"), in_force)
    backtested(go(ops, path_of(version, "propose")), version)
    proposed(go(ops, path_of(version, "propose")), version)
    for leader in (marketing, sales):
        signed(go(leader, path_of(version, "sign")))
    activated(go(ops, path_of(version, "activate")), version)
    told(go(sales, "/definition/"))
    back = reverted(go(ops, f"/definitions/{version.definition.slug}/v1.0/"), in_force)

    version.refresh_from_db()
    in_force.refresh_from_db()
    assert back.is_draft
    assert back.criteria.order_by("position")[0].low == 50
    assert version.proposal.backtest == version.backtests.get()
    assert version.proposal.driver == "sal_rate"
    assert version.hands_over_entrants is False
    assert version.sign_offs.count() == 2
    assert list(version.changes.order_by("pk").values_list("to_state", flat=True)) == ["proposed", "approved", "active"]
    assert in_force.state == "retired"


def copied_and_edited(page: Page, in_force: Version) -> Version:
    page.get_by_role("link", name="Copy to a new draft").click()
    page.get_by_label("Reason for the change").fill("Sales rejects the smallest companies.")
    page.get_by_role("button", name="Copy to a new draft").click()
    version = Version.objects.select_related("definition").get(based_on=in_force)
    expect(page).to_have_url(re.compile(f"/definitions/version/{version.pk}/change/"))

    expect(page.locator("[data-qualify-now]")).to_be_visible()
    low = page.locator("input[name$='-low']").first
    low.fill("60")
    expect(page.locator("#panel")).to_contain_text("60 to 5,000 employees", timeout=20_000)
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".messagelist")).to_contain_text("is saved")
    expect(low).to_have_value("60")
    return version


def backtested(page: Page, version: Version) -> None:
    """From the refusal to propose without one."""
    page.get_by_label("What does this version answer?").select_option("sal_rate")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_role("alert")).to_contain_text("it was never backtested")
    fits(page)

    page.get_by_role("link", name="Run a backtest").click()
    page.get_by_role("button", name=f"Backtest {version.number}").click()
    expect(page).to_have_url(re.compile(r"/backtests/\d+/"))
    while Backtest.objects.pending().exists():
        assert pending_backtests.run_pending(now=timezone.now()) == 1


def proposed(page: Page, version: Version) -> None:
    page.get_by_label("What does this version answer?").select_option("sal_rate")
    page.get_by_label("What shows it").fill("Of 40 handoffs below 60 people 31 were rejected.")
    for reason in page.locator("input[name^='accept-']").all():
        reason.fill("Both teams know it.")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text(f"{version} is proposed now.")).to_be_visible()


def signed(page: Page) -> None:
    sales = page.get_by_role("region", name="3. What sales does, and by when")
    expect(sales).to_contain_text("First contact within 30 business minutes")
    expect(page.get_by_role("region", name="Warnings that were accepted")).to_contain_text("Both teams know it.")
    fits(page)
    page.get_by_label("Approved").check()
    page.get_by_label("Comment").fill("It says what we mean.")
    page.get_by_role("button", name="Sign or comment").click()
    expect(page.get_by_text("Your word")).to_have_count(0)


def activated(page: Page, version: Version) -> None:
    expect(page.get_by_role("region", name="Who enters, who leaves")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text(f"{version} is active now.")).to_be_visible()


def told(page: Page) -> None:
    story = page.get_by_role("group", name="What happened")
    story.get_by_text("What happened").click()
    for step in ("Drafted from v1.0", "Proposed", "Marketing: approved", "Sales: approved", "Activated"):
        expect(story).to_contain_text(step)
    page.get_by_role("link", name="Changes since v1.0").click()
    expect(page.get_by_text("tighter")).to_be_visible()
    fits(page)


def reverted(page: Page, to: Version) -> Version:
    page.get_by_role("link", name="Revert to this").click()
    expect(page.get_by_label("Reason for going back")).to_have_value(re.compile("Back to v1.0, in force from"))
    page.get_by_role("button", name="Revert to this").click()
    expect(page).to_have_url(re.compile(r"/definitions/version/\d+/change/"))
    return Version.objects.get(based_on=to, minor=2)


def path_of(version: Version, step: str) -> str:
    return f"/definitions/versions/{version.pk}/{step}/"


def test_the_published_page_of_the_example_is_one_screen_and_one_sheet(go: Go) -> None:
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    document = definition_documents.second_version("Downloads are capped.")
    version_lifecycles.create_active(
        **{key: document[key] for key in document if key not in ("format", "name", "version")}
    )

    page = go(UserFactory(roles=[Role.SDR]), "/definition/")
    page.set_viewport_size({"width": 1280, "height": 800})
    rules = page.get_by_role("region", name="Rules").bounding_box()
    versions = page.get_by_role("group", name="Versions")

    assert rules is not None
    assert rules["y"] + rules["height"] <= 800
    expect(versions.get_by_role("table")).to_have_count(0)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format="A4"))) == 1
    page.emulate_media(media="print")
    expect(versions.get_by_role("table")).to_be_visible()
    expect(page.get_by_text("Each rule and its reason")).to_be_hidden()
    page.emulate_media(media="screen")
    fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_agreement_are_accessible(
    go: Go, people: dict[Role, User], in_force: Version, scheme: str
) -> None:
    slug, ops = in_force.definition.slug, people[Role.MARKETING_OPS]
    draft = version_lifecycles.create_draft(**CONTENT)

    for path in (
        "/definition/",
        "/definitions/",
        "/definitions/presets/",
        f"/definitions/{slug}/{draft.number}/diff/{in_force.number}/",
        f"/definitions/versions/{draft.pk}/propose/",
        f"/definitions/versions/{in_force.pk}/copy/",
    ):
        page = go(ops, path)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        fits(page)


def fits(page: Page) -> None:
    """On a phone nothing is wider than the page."""
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size(size or {"width": 1280, "height": 720})
