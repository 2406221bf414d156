"""Pages that change under somebody's hands: a decision becomes final, leads come while a form is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from sla.handoffs import undo_window
from sla.models import Handoff, Note
from sla.vocabulary import Family, Route
from tests.factories import HandoffFactory, ReasonCodeFactory, TeamFactory, WorkCalendarFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def work() -> list[Handoff]:
    """Two fresh MQLs in one rep's hands, in a team that works around the clock."""
    TeamFactory(working=True, name="EMEA", calendar=WorkCalendarFactory(always_open=True))
    ReasonCodeFactory(code="wrong_fit", label="Wrong fit", family=Family.FIT, route=Route.DISQUALIFY, position=0)
    ReasonCodeFactory(
        code="other", label="Other", family=Family.FIT, route=Route.DISQUALIFY, position=1, needs_note=True
    )
    now = timezone.now()
    return [HandoffFactory(now=now - dt.timedelta(seconds=30 - at)) for at in range(2)]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def open_path(
    context: BrowserContext, page: Page, live_server: object, work: list[Handoff], said: list[str]
) -> Callable[[str], Page]:
    """A path as the rep sees it; what the console says is kept in `said`."""
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def go(path: str) -> Page:
        client = Client()
        client.force_login(work[0].rep.user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])
        page.goto(f"{live_server}{path}")
        return page

    return go


def make_final() -> None:
    undo_window.finish_due(now=timezone.now() + dt.timedelta(minutes=1))


def test_the_page_of_a_lead_becomes_current_when_its_decision_is_final(
    open_path: Callable[[str], Page], work: list[Handoff]
) -> None:
    page = open_path(f"/handoffs/{work[0].pk}/")

    page.keyboard.press("a")
    expect(page.locator("#state")).to_have_text("Accepting…")
    expect(page.locator("[data-undo]")).to_be_visible()
    make_final()

    expect(page.locator("#state")).to_have_text("Accepted", timeout=20_000)
    expect(page.locator('[data-step="m"]')).to_be_visible()
    expect(page.locator('[data-step="s"]')).to_be_visible()
    expect(page.locator("#decide .is-decided")).to_have_count(0)
    expect(page.locator("#messages")).to_contain_text("Accepted")
    page.keyboard.press("m")
    expect(page.locator('[data-step="m"] input[name=at]')).to_be_focused()


def test_a_note_that_is_being_written_stays_when_the_decision_is_final(
    open_path: Callable[[str], Page], work: list[Handoff]
) -> None:
    page = open_path(f"/handoffs/{work[0].pk}/")

    page.keyboard.press("a")
    expect(page.locator("[data-undo]")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("Asked for")
    make_final()
    expect(page.locator("#state")).to_have_text("Accepted", timeout=20_000)
    page.keyboard.type(" a call.")
    expect(page.locator('[data-step="m"]')).to_have_count(0)
    page.locator('[data-step="n"]').get_by_role("button").click()

    expect(page.locator('[data-step="m"]')).to_be_visible()
    assert Note.objects.get().text == "Asked for a call."


def test_a_lead_that_comes_while_a_form_is_open_is_said_and_shown_after_it(
    open_path: Callable[[str], Page], work: list[Handoff]
) -> None:
    page = open_path("/queue/")
    page.keyboard.press("j")
    page.keyboard.press("r")
    form = page.locator(f"#reject-{work[0].pk} form")
    expect(form).to_be_visible()
    place = form.bounding_box()
    late = HandoffFactory(now=timezone.now(), tier=1)

    expect(page.locator("#new-leads-waiting")).to_have_text(
        "1 new lead, tier 1: Esc closes the form and shows it.", timeout=15_000
    )
    assert form.bounding_box() == place
    expect(page.locator(f"#handoff-{late.pk}")).to_have_count(0)
    page.wait_for_function("document.title.startsWith('(')")
    page.keyboard.press("Escape")

    expect(page.locator(f"#handoff-{late.pk}.is-new")).to_be_visible()
    expect(page.locator("#new-leads-waiting")).to_have_text("")
    expect(page.locator("#new-leads-shown")).to_have_text(f"New: {late.lead}, tier 1")
    expect(page.locator(f"#handoff-{work[0].pk}")).to_be_focused()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_lead_that_came_is_marked_for_some_seconds(
    open_path: Callable[[str], Page], work: list[Handoff], motion: str
) -> None:
    page = open_path("/queue/")
    page.emulate_media(reduced_motion=motion)
    page.clock.install()
    late = HandoffFactory(now=timezone.now())
    row = page.locator(f"#handoff-{late.pk}")

    page.evaluate("htmx.trigger('#queue', 'refresh')")
    page.clock.run_for(100)
    expect(row).to_have_class("queue-row is-arriving is-new")
    other = page.locator(f"#handoff-{work[0].pk}").evaluate("row => getComputedStyle(row).backgroundColor")
    assert row.evaluate("row => getComputedStyle(row).backgroundColor") != other
    page.clock.run_for(11_000)

    expect(page.locator(".is-new")).to_have_count(0)


def test_a_refused_rejection_is_taken_up_where_something_is_missing(
    open_path: Callable[[str], Page], work: list[Handoff], said: list[str]
) -> None:
    page = open_path("/queue/")

    page.keyboard.press("j")
    page.keyboard.press("r")
    slot = page.locator(f"#reject-{work[0].pk}")
    other = slot.get_by_label("Other")
    expect(slot.locator("form")).to_be_visible()
    page.keyboard.press(other.get_attribute("data-digit"))
    # Fields carry a style once a picture was taken of them, or somebody has made one larger.
    page.screenshot()
    slot.get_by_role("button", name="Reject").click()

    expect(slot.locator(".errorlist")).to_be_visible()
    expect(other).to_be_checked()
    expect(slot.locator("textarea")).to_be_focused()
    assert not [text for text in said if "inline style" in text]


@pytest.mark.parametrize(
    ("at_lead", "keys"),
    [(False, "j k ↓ ↑ Enter a r u c m x A / Esc ? e l n s o w g q"), (True, "a r u c e l m s o w n Esc ? g q")],
)
def test_the_list_of_keys_names_each_that_works_once(
    open_path: Callable[[str], Page], work: list[Handoff], at_lead: bool, keys: str
) -> None:
    page = open_path(f"/handoffs/{work[0].pk}/" if at_lead else "/queue/")

    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    named = page.locator("#keys kbd").all_inner_texts()

    pages = {link.get_attribute("data-go") for link in page.locator("[data-go]").all()}
    assert set(keys.split()) <= set(named)
    told = page.locator("#keys span", has_text="go, then").locator("kbd").all_inner_texts()
    assert set(told) == pages
    others = page.locator("#keys .keys-list > span:nth-child(odd) kbd").all_inner_texts()
    assert len(others) == len(set(others))
