"""Calendars, commitments and nurture in a real browser: on a phone, in the dark, under axe, and the preview by htmx."""

from __future__ import annotations

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.models import Commitment, SpecialDay
from sla.vocabulary import Family, Route
from tests.factories import (
    HandoffFactory,
    QualificationFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PHONE = 390


@pytest.fixture
def pages(context: BrowserContext, page: Page, live_server: object) -> list[str]:
    """Their addresses, the calendar's first, with somebody signed in who may edit all of it."""
    now = timezone.now()
    hours = WorkCalendarFactory(always_open=True, country="DE", subdivision="BY")
    SpecialDay.objects.create(calendar=hours, date=dt.date(2030, 12, 24), label="Christmas Eve")
    TeamFactory(working=True, name="EMEA", calendar=hours)
    reason = ReasonCodeFactory(code="bad_timing", label="Bad timing", family=Family.TIMING, route=Route.RECYCLE)
    for days in (100, 90, 2):
        HandoffFactory(rejected=True, decision__reason=reason, now=now - dt.timedelta(days=days))
    QualificationFactory(tier=3, at=now)
    everybody = UserFactory(roles=[Role.SALES_MANAGER, Role.MARKETING_OPS, Role.SALES_LEADER])
    usual = {term.name: getattr(Commitment(opportunity_percent=12), term.name) for term in commitments.TERMS}
    draft = commitments.create_draft(
        motion=Motion.MQL, terms=usual | {"contact_minutes": 15}, reason="Faster.", by=everybody, now=now
    )
    client = Client()
    client.force_login(everybody)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])
    own, of_draft = f"/calendars/{hours.pk}/", f"/commitments/{draft.pk}/"
    paths = (
        own,
        "/rules/",
        "/calendars/",
        "/commitments/",
        of_draft,
        f"{of_draft}edit/",
        "/nurture/",
        "/nurture/first/",
    )
    return [f"{live_server}{path}" for path in paths]


def test_they_fit_a_phone_and_are_accessible_in_the_light_and_in_the_dark(page: Page, pages: list[str]) -> None:
    for address in pages:
        for width, scheme in ((1280, "light"), (PHONE, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.goto(address)
            found = Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_a_calendar_is_previewed_without_a_reload(page: Page, pages: list[str]) -> None:
    page.goto(pages[0])

    page.fill("[name=arrives]", "2026-11-20T16:50")
    for day, hours in (("fri", "09:00-17:00"), ("sat", ""), ("sun", ""), ("mon", "9-17")):
        page.fill(f"[name={day}]", hours)
    page.click("[name=preview]")

    expect(page.locator("#preview")).to_contain_text("10 min on Friday, weekend closed, 20 min on Monday")
    page.fill("[name=mon]", "9-9")
    page.click("[name=preview]")
    expect(page.locator("#preview")).to_contain_text("is no time at all")
