"""The page of a backtest in a real browser: its sliders, its progress, under axe, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.vocabulary import Role
from definitions.models import Backtest, Version
from leads import shipped_signals
from leads.models import Signal
from tests.definitions import version_lifecycles
from tests.factories import LeadFactory, UserFactory
from tests.scoring import backtest_results

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PATHS = [{"name": "Engaged", "clauses": [{"axis": "engagement", "at_least": 40}], "rationale": "Enough interest."}]
TIMING = {"engaged_within_days": 40, "or_request_within_days": None}


@pytest.fixture
def draft() -> Version:
    shipped_signals.ship(signals=Signal.objects)
    return version_lifecycles.create_draft(paths=PATHS, timing=TIMING)


@pytest.fixture
def go(context: BrowserContext, page: Page, live_server: object) -> Callable[[str], Page]:
    """Marketing ops, at a path; anything on the console is a failure."""
    address = str(live_server)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS]))
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])

    def at(path: str) -> Page:
        page.goto(address + path)
        assert said == []
        return page

    return at


def test_a_slider_moves_its_number_and_asks_at_once(go: Callable[[str], Page], draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)
    page = go(f"/backtests/{row.pk}/")

    slider = page.get_by_role("slider", name="Engaged: engagement points")
    slider.fill("30")

    expect(page.get_by_role("spinbutton", name="Engaged: engagement points")).to_have_value("30")
    expect(page.locator("#what-if-answer")).to_contain_text("fewer than tested")
    page.get_by_role("button", name="Take these values into the draft").click()
    expect(page.locator("#messages")).to_contain_text("has these values now")
    assert draft.paths.get().clauses.get().at_least == 30


def test_progress_follows_by_itself_to_the_figures(go: Callable[[str], Page], draft: Version) -> None:
    row = backtest_results.pending_backtest(draft, done=1, total=4, requested_at=timezone.now())
    page = go(f"/backtests/{row.pk}/")
    expect(page.locator("progress")).to_have_attribute("value", "1")

    Backtest.objects.filter(pk=row.pk).update(done=3)
    expect(page.locator("progress")).to_have_attribute("value", "3")
    Backtest.objects.filter(pk=row.pk).update(finished_at=timezone.now(), result=backtest_results.result())

    expect(page.get_by_text("36 of 50 leads won in the period")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_pages_are_accessible_and_fit(go: Callable[[str], Page], draft: Version, scheme: str, width: int) -> None:
    now = timezone.now()
    lead = LeadFactory(first_name="Ada", at=now)
    full = backtest_results.finished_backtest(draft, backtest_results.result(leads=(lead.pk,)))
    empty = backtest_results.finished_backtest(draft, backtest_results.empty_result())
    pending = backtest_results.pending_backtest(draft, requested_at=now)

    for path in (
        f"/backtests/{full.pk}/what-if/?t0=30",
        f"/backtests/{empty.pk}/",
        f"/backtests/{pending.pk}/",
        f"/backtests/version/{draft.pk}/",
    ):
        page = go(path)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"
