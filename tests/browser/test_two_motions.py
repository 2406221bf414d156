"""The page of a person who was rejected in one motion and won in another, in a browser: it tells both stories."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.vocabulary import Role
from leads.models import Lead
from leads.vocabulary import Motion
from sla.handoffs import dispositions, sales_stages
from tests.factories import (
    HOUR,
    MINUTE,
    CompanyFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def lead() -> Lead:
    """A person who was an MQL and a PQL at once; sales rejected the MQL for its profile and won the PQL."""
    TeamFactory(working=True, name="EMEA", calendar=WorkCalendarFactory(always_open=True))
    start = timezone.now() - 5 * HOUR
    company = CompanyFactory(name="Northlane Freight", domain="northlane.test")
    lead = LeadFactory(mql=True, first_name="Dana", last_name="Whitfield", title="COO", company=company, at=start)
    mql = HandoffFactory(lead=lead, now=start)
    pql = HandoffFactory(lead=lead, motion=Motion.PQL, now=start + MINUTE)
    reason = ReasonCodeFactory(code="wrong_profile", label="Wrong company profile", family="fit", route="disqualify")
    dispositions.accept(handoff=pql, by=pql.rep.user, now=start + HOUR)
    dispositions.reject(handoff=mql, reason=reason, by=mql.rep.user, now=start + 2 * HOUR, note="Too small.")
    answers = {"problem": "Late trucks", "budget": "40k", "authority": "COO", "timeline": "This year"}
    sales_stages.qualify(handoff=pql, by=pql.rep.user, now=start + 3 * HOUR, **answers)
    sales_stages.win(handoff=pql, amount=None, by=pql.rep.user, now=start + 4 * HOUR)
    lead.refresh_from_db()
    return lead


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_of_a_lead_tells_the_story_of_each_motion(
    page: Page, context: BrowserContext, live_server: object, lead: Lead, width: int
) -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": str(live_server)}])
    page.set_viewport_size({"width": width, "height": 900})

    page.goto(f"{live_server}/leads/{lead.pk}/")

    expect(page.locator(".page-head .badge")).to_have_text("Won")
    mql, pql = (page.get_by_role("region", name=f"As {motion}", exact=True) for motion in ("MQL", "PQL"))
    expect(mql.locator("[aria-current]")).to_have_text("Disqualified")
    expect(mql).to_contain_text("owned by Marketing")
    expect(pql.locator("[aria-current]")).to_have_text("Won")
    expect(pql).to_contain_text("owned by Customer success")
    expect(pql.get_by_role("listitem").nth(2)).to_have_text("PQL")
    timeline = page.get_by_role("main")
    for entry in (
        "MQL: Rejected: Wrong company profile",
        "MQL: MQL → Disqualified",
        "PQL: PQL → SAL",
        "PQL: SQL → Won",
    ):
        expect(timeline).to_contain_text(entry)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Axe().run(page, options=RULES).response["violations"] == []
