"""What reaches people and what does not, in a real browser: by keyboard, under axe, on a phone."""

from __future__ import annotations

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config import encryption
from config.accounts.models import User
from sla.models import AlertSettings, Delivery, Notice
from sla.notifications import outbox, preferences
from sla.vocabulary import NoticeKind
from tests.factories import DAY, TeamFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
HOOK = "https://hooks.slack.com/services/T000/B000/s3cr3t"


@pytest.fixture
def manager(context: BrowserContext, live_server: object) -> User:
    """Signed in; told of a few things, some of which did not get out."""
    team = TeamFactory(working=True, name="EMEA")
    person = team.managers.first()
    AlertSettings.objects.create(user=person, email_kinds=list(NoticeKind.values), slack_sealed=encryption.seal(HOOK))
    for days, kind in ((0, NoticeKind.BREACHED), (0, NoticeKind.UNROUTED), (1, NoticeKind.NEW_MQL)):
        at = timezone.now() - days * DAY
        outbox.write_notices(
            [outbox.NoticeDraft(kind, f"{kind}", None, [person], "First contact is overdue: Clara Lindqvist", at)]
        )
    Notice.objects.filter(kind=NoticeKind.NEW_MQL).update(read_at=timezone.now())
    Delivery.objects.filter(notice__kind=NoticeKind.BREACHED).update(failures=5, error="HTTP 404")
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": str(live_server)}])
    return person


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("path", ["/alerts/", "/notices/"])
@pytest.mark.usefixtures("manager")
def test_the_page_is_whole_in_both_widths_and_lights(
    page: Page, live_server: object, path: str, width: int, scheme: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)

    page.goto(f"{live_server}{path}")

    if shots := os.environ.get("SHOTS"):
        page.screenshot(path=f"{shots}/{path.strip('/')}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Axe().run(page, options=RULES).violations_count == 0


def test_alerts_are_chosen_by_keyboard(page: Page, live_server: object, manager: User) -> None:
    page.goto(f"{live_server}/alerts/")

    page.get_by_label("Due soon in Slack").focus()
    page.keyboard.press("Space")
    page.get_by_label("Play a sound for tier 1").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.locator("#messages")).to_contain_text("Saved.")
    chosen = preferences.for_user(manager)
    assert (chosen.slack_kinds, chosen.with_sound, preferences.read_webhook(chosen)) == (
        [NoticeKind.DUE_SOON],
        True,
        HOOK,
    )


def test_what_failed_is_tried_again(page: Page, live_server: object, manager: User) -> None:
    page.goto(f"{live_server}/notices/")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator("#messages")).to_contain_text("Being sent again: 1.")
    assert not Delivery.objects.failing().exists()
