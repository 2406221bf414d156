"""The SDR's main deeds in a real browser, by keyboard; and the main pages under axe."""

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
from leads.vocabulary import Stage
from sla.handoffs import undo_window
from sla.models import Disposition, Handoff, PendingDecision, ReasonCode
from sla.vocabulary import Family, HandoffState, Route
from tests.factories import HandoffFactory, ReasonCodeFactory, TeamFactory, UserFactory, WorkCalendarFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def work() -> list[Handoff]:
    """Three fresh MQLs in one rep's hands, in a team that works around the clock."""
    hours = WorkCalendarFactory(always_open=True)
    TeamFactory(working=True, name="EMEA", calendar=hours)
    for position, (code, family, route) in enumerate(
        [("wrong_fit", Family.FIT, Route.DISQUALIFY), ("bad_timing", Family.TIMING, Route.RECYCLE)]
    ):
        ReasonCodeFactory(
            code=code, label=code.replace("_", " ").capitalize(), family=family, route=route, position=position
        )
    now = timezone.now()
    return [HandoffFactory(now=now - dt.timedelta(seconds=30 - at)) for at in range(3)]


def make_final() -> None:
    """What the beat does once the seconds for undoing are over."""
    undo_window.finish_due(now=timezone.now() + dt.timedelta(minutes=1))


@pytest.fixture
def open_as(context: BrowserContext, page: Page, live_server: object) -> Callable[[User, str], Page]:
    """Sign in and go to a path; anything on the console is a failure, a refused style or script first of all."""
    address = str(live_server)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def go(user: User, path: str) -> Page:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
        page.goto(address + path)
        assert said == []
        return page

    return go


def test_a_lead_is_accepted_by_keyboard(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")

    page.keyboard.press("j")
    expect(page.locator(f"#handoff-{work[0].pk}")).to_be_focused()
    page.keyboard.press("a")

    expect(page.locator("#messages")).to_contain_text(f"Accepted {work[0].lead}")
    expect(page.locator(f"#handoff-{work[0].pk} [data-undo]")).to_be_visible()
    make_final()
    work[0].refresh_from_db()
    assert work[0].state == HandoffState.ACCEPTED


def test_a_lead_is_rejected_for_timing_by_keyboard(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")
    digit = list(ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")).index(
        ReasonCode.objects.get(code="bad_timing")
    )

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    slot = page.locator(f"#reject-{work[1].pk}")
    expect(slot.locator("form")).to_be_visible()
    expect(slot.locator("input[type=date]")).to_be_hidden()
    page.keyboard.press(str(digit + 1))
    expect(slot.locator("input[type=date]")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#messages")).to_contain_text("Rejected")
    make_final()
    page.reload()
    expect(page.locator(f"#handoff-{work[1].pk}")).to_have_count(0)
    work[1].refresh_from_db()
    assert work[1].lead.stage == Stage.NURTURE
    assert work[1].dispositions.get().reengage_on > timezone.now().date()


def test_a_reason_with_details_is_chosen_by_two_digits(
    open_as: Callable[[User, str], Page], work: list[Handoff]
) -> None:
    reason = ReasonCodeFactory(code="gone", label="Gone", position=0, needs_note=True)
    for position, label in enumerate(("Bad number", "Bounced"), start=1):
        reason.sub_reasons.create(code=label.lower().replace(" ", "_"), label=label, position=position)
    page = open_as(work[0].rep.user, "/queue/")
    digit = 1 + list(ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")).index(reason)

    page.keyboard.press("j")
    page.keyboard.press("r")
    slot = page.locator(f"#reject-{work[0].pk}")
    expect(slot.locator("[name=sub_reason]").first).to_be_hidden()
    page.keyboard.press(str(digit))
    expect(slot.locator("[name=sub_reason]").first).to_be_visible()
    page.keyboard.press("2")
    expect(slot.locator("textarea")).to_be_focused()
    page.keyboard.type("He left, says the exchange.")
    slot.get_by_role("button", name="Reject").click()

    expect(page.locator("#messages")).to_contain_text("Rejected")
    make_final()
    disposition = work[0].dispositions.get()
    assert (disposition.reason, str(disposition.sub_reason)) == (reason, "Bounced")


def test_a_slip_in_the_detail_is_mended_by_the_next_digit(
    open_as: Callable[[User, str], Page], work: list[Handoff]
) -> None:
    reason = ReasonCodeFactory(code="gone", label="Gone", position=0)
    for position, label in enumerate(("Bad number", "Bounced"), start=1):
        reason.sub_reasons.create(code=label.lower().replace(" ", "_"), label=label, position=position)
    page = open_as(work[0].rep.user, "/queue/")
    digit = 1 + list(ReasonCode.objects.filter(is_offered=True).order_by("position", "pk")).index(reason)

    for key in ("j", "r"):
        page.keyboard.press(key)
    slot = page.locator(f"#reject-{work[0].pk}")
    expect(slot.locator("[name=sub_reason]").first).to_be_hidden()
    for key in (str(digit), "1", "2"):
        page.keyboard.press(key)

    expect(slot.get_by_label("Gone")).to_be_checked()
    expect(slot.get_by_label("Bounced")).to_be_checked()


def test_a_slip_of_the_finger_is_undone_by_keyboard(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")

    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(f"#handoff-{work[1].pk}")).to_be_focused()
    page.keyboard.press("u")

    expect(page.locator("#messages")).to_contain_text("Taken back")
    expect(page.locator(f"#handoff-{work[0].pk} [data-accept]")).to_be_visible()
    assert not PendingDecision.objects.exists()


def test_several_are_selected_and_accepted_by_keyboard(
    open_as: Callable[[User, str], Page], work: list[Handoff]
) -> None:
    page = open_as(work[0].rep.user, "/queue/")

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    page.evaluate("htmx.trigger('#queue', 'refresh')")
    expect(page.locator("[data-bulk-count]")).to_have_text("2 selected")
    page.keyboard.press("A")

    expect(page.locator("#messages")).to_contain_text("Accepted: 2 leads.")
    make_final()
    assert Disposition.objects.count() == 2


def test_c_leads_to_the_form_for_a_contact(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")

    page.keyboard.press("j")
    page.keyboard.press("c")

    expect(page).to_have_url(re.compile(rf"/handoffs/{work[0].pk}/#attempt$"))
    expect(page.locator('#attempt [data-contact="c"]')).to_be_visible()


def test_a_poll_takes_neither_focus_nor_an_open_form_away(
    open_as: Callable[[User, str], Page], work: list[Handoff]
) -> None:
    page = open_as(work[0].rep.user, "/queue/")
    page.keyboard.press("j")
    late = HandoffFactory(now=timezone.now())

    page.evaluate("htmx.trigger('#queue', 'refresh')")
    expect(page.locator(f"#handoff-{late.pk}.is-new")).to_be_visible()
    expect(page.locator(f"#handoff-{work[0].pk}")).to_be_focused()
    page.keyboard.press("r")
    expect(page.locator(f"#reject-{work[0].pk} form")).to_be_visible()
    page.evaluate("htmx.trigger('#queue', 'refresh')")

    expect(page.locator(f"#reject-{work[0].pk} form")).to_be_visible()


def test_keys_are_silent_while_one_types(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")

    page.locator("#id_q").fill("")
    page.locator("#id_q").press_sequentially("jar?")

    assert page.locator("#id_q").input_value() == "jar?"
    assert Handoff.objects.filter(state=HandoffState.ASSIGNED).count() == 3


def test_a_new_lead_comes_in_without_a_reload(open_as: Callable[[User, str], Page], work: list[Handoff]) -> None:
    page = open_as(work[0].rep.user, "/queue/")
    late = HandoffFactory(now=timezone.now())

    page.evaluate("htmx.ajax('GET', '/queue/', {target: '#queue', swap: 'outerHTML'})")

    expect(page.locator(f"#handoff-{late.pk}")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_main_pages_are_accessible_and_fit(
    open_as: Callable[[User, str], Page], work: list[Handoff], scheme: str, width: int
) -> None:
    manager = work[0].team.managers.first()
    HandoffFactory(now=timezone.now())
    paths = ["/queue/", f"/handoffs/{work[0].pk}/", f"/handoffs/{work[0].pk}/reject/", "/reports/sla/", "/overview/"]
    paths += ["/leads/", f"/leads/{work[0].lead_id}/", "/nurture/", "/unrouted/", "/notices/", "/reports/sla/promises/"]
    paths += ["/reports/funnel/", "/reports/speed-to-lead/", "/reports/forecast/", "/reports/funnel/rows/?figure=mql"]
    paths += ["/reports/meeting/", "/reports/subscriptions/", "/overhaul/", "/satisfaction/", "/today/"]

    for path in paths:
        page = open_as(manager, path)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"


def test_signing_in_is_accessible(page: Page, live_server: object) -> None:
    page.goto(f"{live_server}/accounts/login/")

    assert Axe().run(page, options=RULES).violations_count == 0


def test_without_script_the_same_deeds_are_forms(browser: object, live_server: object, work: list[Handoff]) -> None:
    client = Client()
    client.force_login(work[0].rep.user)
    name = settings.SESSION_COOKIE_NAME
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])
    page = context.new_page()

    page.goto(f"{live_server}/queue/")
    page.locator(f"#handoff-{work[0].pk}").get_by_role("button", name="Accept").click()
    expect(page.locator("#messages")).to_contain_text("Accepted")
    page.locator(f"#handoff-{work[1].pk}").get_by_role("link", name="Reject").click()
    page.get_by_label("Bad timing").check()
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#messages")).to_contain_text("Rejected")
    expect(page).to_have_url(f"{live_server}/queue/")
    context.close()


def test_a_poll_that_hangs_or_fails_leaves_the_buttons_as_they_are(
    open_as: Callable[[User, str], Page], work: list[Handoff]
) -> None:
    page = open_as(work[0].rep.user, "/queue/")
    page.route("**/notices/bell/", lambda route: route.fulfill(status=500, body="no"))
    page.route("**/queue/", lambda route: None)

    expect(page.locator("#queue.htmx-request")).to_be_attached(timeout=15_000)
    button = page.locator("[data-accept]").first

    expect(button).to_be_enabled()
    expect(button).to_have_css("opacity", "1")


def test_the_navigation_shows_only_ones_own_places(open_as: Callable[[User, str], Page]) -> None:
    page = open_as(UserFactory(roles=[Role.MARKETING_OPS]), "/overview/")

    expect(page.get_by_role("navigation", name="Main")).to_contain_text("Leads")
    expect(page.get_by_role("navigation", name="Main")).not_to_contain_text("Queue")
