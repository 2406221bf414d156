"""One person as an MQL and a PQL at once in a real browser: one is rejected, the other is won, and pages tell them apart."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads import named_lists, shipped_signals
from leads.models import Signal
from leads.vocabulary import Motion
from sla.handoffs import attempts, dispositions, sales_stages
from sla.models import Handoff
from sla.vocabulary import AttemptOutcome, Channel, Family, Route
from tests.factories import (
    CommitmentFactory,
    DefinitionFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
    WorkCalendarFactory,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PHONE = 390
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def manager() -> User:
    return UserFactory(roles=[Role.SALES_MANAGER, Role.MARKETING_LEADER, Role.MARKETING_OPS])


@pytest.fixture
def handoffs(manager: User) -> dict[str, Handoff]:
    """Return the handoffs of one person by motion, and another waiting one of each."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    now = timezone.now() - 2 * HOUR
    TeamFactory(working=True, name="EMEA", calendar=WorkCalendarFactory(always_open=True), managers=[manager])
    CommitmentFactory(active=True, motion=Motion.PQL, contact_minutes=120)
    mql_version = VersionFactory(active=True, definition=DefinitionFactory(name="Fit and intent"))
    usage = DefinitionFactory(name="Product usage", motion=Motion.PQL)
    pql_version = VersionFactory(active=True, definition=usage)
    versions = {Motion.MQL: mql_version, Motion.PQL: pql_version}
    clara = LeadFactory(mql=True, first_name="Clara", last_name="Lindqvist")
    for motion, version in versions.items():
        HandoffFactory(lead=LeadFactory(mql=True), version=version, motion=motion, now=now)
    return {
        motion: HandoffFactory(lead=clara, version=version, motion=motion, now=now)
        for motion, version in versions.items()
    }


def reject(handoff: Handoff) -> None:
    reason = ReasonCodeFactory(code="bad_timing", label="Bad timing", family=Family.TIMING, route=Route.RECYCLE)
    dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=timezone.now() - HOUR)


def win(handoff: Handoff) -> None:
    user, now = handoff.rep.user, timezone.now() - HOUR
    answers = {"problem": "Stock", "budget": "10k", "authority": "Head", "timeline": "Q2"}
    dispositions.accept(handoff=handoff, by=user, now=now)
    attempts.log_attempt(
        handoff=handoff, by=user, now=now, at=now, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED
    )
    sales_stages.qualify(handoff=handoff, by=user, now=now, **answers)
    sales_stages.open_opportunity(handoff=handoff, amount=Decimal(5000), by=user, now=now)
    sales_stages.win(handoff=handoff, amount=Decimal(5000), by=user, now=now)


def sign_in(context: BrowserContext, person: User, address: str) -> None:
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def test_pages_tell_both_stories_apart(
    context: BrowserContext, page: Page, live_server: object, manager: User, handoffs: dict[str, Handoff]
) -> None:
    sign_in(context, manager, str(live_server))

    page.goto(f"{live_server}/queue/")
    expect(page.get_by_role("link", name="Clara Lindqvist", exact=True)).to_have_count(2)
    page.get_by_label("Motion").select_option("pql")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="Clara Lindqvist", exact=True)).to_have_count(1)
    page.get_by_label("Name of this view").fill("Usage")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("link", name="Usage", exact=True)).to_have_attribute("aria-current", "true")

    reject(handoffs[Motion.MQL])
    win(handoffs[Motion.PQL])
    page.goto(f"{live_server}/overview/")
    expect(page.get_by_role("heading", name="Overview MQL")).to_be_visible()
    expect(page.get_by_text("1 of 1; a whole month above 35 % opens a review")).to_be_visible()
    page.get_by_role("navigation", name="Motion").get_by_role("link", name="PQL").click()
    expect(page.get_by_text("Won from PQLs")).to_be_visible()
    expect(page.get_by_text("1 deal in the last 90")).to_be_visible()

    page.goto(f"{live_server}/definition/?motion=pql")
    page.get_by_role("heading", name="Motion", exact=True).click()
    page.get_by_role("button", name="Make PQL the primary motion").click()
    page.goto(f"{live_server}/overview/")
    expect(page.get_by_role("heading", name="Overview PQL")).to_be_visible()


def test_they_fit_a_phone_and_are_accessible(
    context: BrowserContext, page: Page, live_server: object, manager: User, handoffs: dict[str, Handoff]
) -> None:
    sign_in(context, manager, str(live_server))
    paths = (
        *(
            "/queue/",
            "/queue/?motion=pql",
            "/overview/?motion=pql",
            "/reports/sla/",
            "/reports/sla/promises/?motion=pql",
        ),
        *(
            "/commitments/?motion=pql",
            "/commitments/new/?motion=pql",
            "/definition/?motion=pql",
            "/definition/?motion=aql",
        ),
        *(
            "/definitions/",
            "/definitions/presets/",
            "/reviews/",
            "/nurture/",
            "/nurture/first/",
            "/unrouted/",
            "/rules/",
        ),
        *(f"/handoffs/{handoffs[Motion.PQL].pk}/", "/overview/?motion=xql"),
    )
    for path in paths:
        page.set_viewport_size({"width": PHONE, "height": 900})
        page.goto(f"{live_server}{path}")
        violations = Axe().run(page, options=RULES).response["violations"]
        assert [violation["id"] for violation in violations] == [], path
        for width in (PHONE, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, path
