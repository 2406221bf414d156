"""The page of a handoff by keyboard: a contact in two keystrokes, the steps by their letters, the filters of the timeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from leads import shipped_signals
from leads.models import Signal
from sla.handoffs import attempts, notes
from sla.models import Attempt, Handoff
from sla.vocabulary import AttemptOutcome, Channel, HandoffState
from tests.factories import (
    MINUTE,
    CompanyFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    TeamFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def handoff() -> Handoff:
    """A hot lead that asked for a demo, in a team that works around the clock."""
    shipped_signals.ship(signals=Signal.objects)
    TeamFactory(working=True, name="EMEA", calendar=WorkCalendarFactory(always_open=True))
    now = timezone.now() - 2 * MINUTE
    done = [("demo_request", 1)] + [("pricing_view", 14 + hour) for hour in range(3)] + [("blog_read", 900)]
    frozen = {
        "events": [
            {"at": (now - dt.timedelta(hours=hours)).isoformat(), "signal": signal, "points": 20.0}
            for signal, hours in done
        ],
        "events_total": len(done),
        "fit": {"value": 40.0, "ceiling": 100},
        "engagement": {"value": 62.0, "ceiling": 100},
    }
    company = CompanyFactory(name="Northlane Freight", domain="northlane.test", industry="Logistics")
    LeadFactory(mql=True, company=company, first_name="Carla", title="COO")
    lead = LeadFactory(
        mql=True,
        first_name="Dana",
        last_name="Whitfield",
        title="VP Operations",
        company=company,
        phone="+1 312 555 0100",
        budget="About 40k",
        use_case="Late trucks",
        source="Webinar",
    )
    return HandoffFactory(
        accepted=True, lead=lead, evidence=frozen, tier=1, now=now, why="Demo request; 62 points, 40 needed."
    )


@pytest.fixture
def page_of(context: BrowserContext, page: Page, live_server: object) -> Callable[[Handoff], Page]:
    """The page as its rep sees it; anything on the console is a failure, a refused style or script first of all."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def go(handoff: Handoff) -> Page:
        client = Client()
        client.force_login(handoff.rep.user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])
        page.goto(f"{live_server}/handoffs/{handoff.pk}/")
        assert said == []
        return page

    return go


def test_a_contact_takes_two_keystrokes(page_of: Callable[[Handoff], Page], handoff: Handoff) -> None:
    page = page_of(handoff)

    page.keyboard.press("c")
    expect(page.locator('[data-contact="c"]')).to_have_class("contact is-chosen")
    assert not Attempt.objects.exists()
    page.keyboard.press("2")

    expect(page.locator("#messages")).to_contain_text("Logged: Call, left a voicemail.")
    expect(page.get_by_text("1 of 6 attempts").first).to_be_visible()
    attempt = Attempt.objects.get()
    assert (attempt.channel, attempt.outcome) == (Channel.CALL, AttemptOutcome.LEFT_MESSAGE)


def test_a_channel_chosen_by_mistake_is_left_again(page_of: Callable[[Handoff], Page], handoff: Handoff) -> None:
    page = page_of(handoff)

    page.keyboard.press("e")
    page.keyboard.press("Escape")
    page.keyboard.press("1")

    expect(page.locator(".is-chosen")).to_have_count(0)
    assert not Attempt.objects.exists()


def test_the_steps_open_by_their_letters(page_of: Callable[[Handoff], Page], handoff: Handoff) -> None:
    page = page_of(handoff)

    page.keyboard.press("m")
    expect(page.locator('[data-step="m"] input[name=at]')).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    for answer in ("Late trucks", "40k", "The COO"):
        page.keyboard.type(answer)
        page.keyboard.press("Tab")
    page.keyboard.type("June")
    page.keyboard.press("Enter")

    expect(page.locator("#messages")).to_contain_text("is sales qualified")
    assert read_handoff(handoff).state == HandoffState.QUALIFIED


def test_the_timeline_is_filtered_in_place(page_of: Callable[[Handoff], Page], handoff: Handoff) -> None:
    notes.write_note(handoff=handoff, text="Prefers mail.", by=handoff.rep.user, now=timezone.now())
    page = page_of(handoff)

    page.get_by_role("link", name="Notes and meetings").click()

    expect(page.locator("#history .timeline > li")).to_have_count(1)
    expect(page.locator("#history")).to_contain_text("Prefers mail.")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_full_page_is_accessible_and_fits(
    page_of: Callable[[Handoff], Page], handoff: Handoff, scheme: str, width: int
) -> None:
    now = timezone.now()
    asset = "a-story-with-a-very-long-name-that-does-not-break-anywhere-at-all.pdf"
    EventFactory(lead=handoff.lead, signal__code="case_study", occurred_at=now, asset=asset)
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.NO_ANSWER,
        at=now,
        by=handoff.rep.user,
        now=now,
    )
    page = page_of(handoff)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

    for step in page.locator("details.next-step").all():
        step.locator("summary").click()

    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
