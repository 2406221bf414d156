"""The import of a file in a real browser, with a newcomer's clicks; by keyboard, under axe and on a phone."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads import named_lists, shipped_signals
from leads.models import ImportRun, Lead, Signal
from tests.factories import UserFactory
from tests.leads.imports import stored_imports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
EXPORTS = Path(__file__).parent.parent / "data" / "exports"
CONTACTS = (
    "Record ID,First Name,Last Name,Email,Phone Number,Job Title,Country/Region,Create Date,Favourite Colour\n"
    "101,Ada,Lovelace,ada@acme.example,+44 20 7946 0001,CTO,GB,2026-01-05 10:00,blue\n"
    "102,Grace,Hopper,grace@acme.example,+1 212 555 0002,VP Engineering,US,2026-01-06 11:00,navy\n"
    ",Nix,Nobody,not an address,,Intern,FR,2026-01-07 12:00,\n"
    "104,Eve,<b>Mallory</b>,eve@acme.example,,=cmd(),DE,2026-01-08 13:00,red\n"
)


@pytest.fixture
def go(context: BrowserContext, page: Page, live_server: object) -> Callable[[str], Page]:
    """Marketing ops, at a path; anything on the console is a failure."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    address = str(live_server)
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    page.on("pageerror", lambda error: lines.append(str(error)))
    client = Client()
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS], time_zone="UTC"))
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])

    def at(path: str) -> Page:
        page.goto(address + path)
        assert lines == []
        return page

    return at


def check(page: Page, name: str) -> None:
    """Check access and width of the page, and keep a picture of it if somebody wants to see it."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"imports-{name}.png", full_page=True)
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_newcomer_imports_a_file_and_mends_the_refused_row(
    go: Callable[[str], Page], tmp_path: Path, scheme: str, width: int
) -> None:
    file = tmp_path / "hubspot-contacts.csv"
    file.write_text(CONTACTS)
    page = go("/")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal in the parameters
    page.set_viewport_size({"width": width, "height": 900})

    find_the_way(page)
    upload(page, file)
    choose_meanings(page)
    start_after_the_preview(page)
    stored_imports.work(timezone.now())

    expect(page.get_by_text("Download them, mend them")).to_be_visible()
    check(page, f"result-{width}")
    assert Lead.objects.get(email="ada@acme.example").custom == {"favourite_colour": "blue"}
    with page.expect_download() as download:
        page.get_by_role("link", name="Refused rows").click()
    rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    assert rows[1][-9:][3] == "not an address"
    page.get_by_role("link", name="Imports", exact=True).first.click()
    expect(page.get_by_role("link", name="hubspot-contacts.csv")).to_be_visible()
    check(page, f"list-{width}")


def find_the_way(page: Page) -> None:
    """Follow the navigation to the empty list, which says what to do."""
    page.get_by_role("link", name="Imports", exact=True).click()
    expect(page.get_by_text("Nothing imported yet")).to_be_visible()
    check(page, "empty")
    page.locator("main").get_by_role("link", name="Import a file").first.click()


def upload(page: Page, file: Path) -> None:
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("System of the ids").fill("hubspot")
    check(page, "upload")
    page.get_by_role("button", name="Upload").click()


def choose_meanings(page: Page) -> None:
    """Take the guessed meanings, make an attribute of one's own of a column, and go on by keyboard."""
    expect(page.get_by_label("Meaning of Email")).to_have_value("email")
    page.get_by_label("Meaning of Favourite Colour").select_option("own")
    expect(page.get_by_label("Name of your own attribute for Favourite Colour")).to_have_value("favourite_colour")
    expect(page.get_by_label("Name of your own attribute for Email")).to_be_hidden()
    page.get_by_label("Keep this mapping under a name").fill("HubSpot contacts")
    check(page, "mapping")
    page.get_by_role("button", name="See the first rows").focus()
    page.keyboard.press("Enter")


def start_after_the_preview(page: Page) -> None:
    expect(page.get_by_text("1 of these 4 rows would be refused")).to_be_visible()
    expect(page.get_by_text("<b>Mallory</b>")).to_be_visible()
    assert not Lead.objects.exists()
    check(page, "preview")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()


def test_an_import_is_cancelled_after_a_question(go: Callable[[str], Page]) -> None:
    run = stored_imports.start(CONTACTS, now=timezone.now())
    ImportRun.objects.filter(pk=run.pk).update(lines_done=1, lines_total=5, worked_seconds=1, created=1)
    page = go(f"/imports/{run.pk}/")
    check(page, "progress")

    page.get_by_text("Cancel it").click()
    page.get_by_role("button", name="Cancel the import").click()

    expect(page.locator("#messages")).to_contain_text("Cancelled")
    stored_imports.work(timezone.now())
    assert not Lead.objects.exists()


def test_problems_stand_at_their_column(go: Callable[[str], Page]) -> None:
    file = stored_imports.store(CONTACTS)
    page = go(f"/imports/files/{file.pk}/")

    page.get_by_label("Meaning of Favourite Colour").select_option("title")
    page.get_by_role("button", name="See the first rows").click()

    expect(page.get_by_text("both mean title")).to_be_visible()
    check(page, "problem")


def test_salesforces_export_is_imported_by_keyboard_alone_with_times_of_the_reader(go: Callable[[str], Page]) -> None:
    User.objects.update(time_zone="America/Los_Angeles")
    page = go("/imports/")
    press(page, "Import a file")
    # The choice of a file is a window of the system.
    page.get_by_label("File", exact=True).set_input_files(EXPORTS / "salesforce_lead_labels.csv")
    press(page, "Upload")
    press(page, "See the first rows")

    expect(page.get_by_text("2026-03-11 17:00 PDT")).to_be_visible()
    expect(page.get_by_text("Dates and times without a zone are read as those of UTC.")).to_be_visible()
    check(page, "preview-keyboard")
    press(page, "Start the import")
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    stored_imports.work(timezone.now())
    expect(page.get_by_text("Import it again")).to_be_visible()
    press(page, "Import it again")
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    stored_imports.work(timezone.now())

    expect(page.get_by_role("heading", name="Other imports of this file")).to_be_visible()
    expect(page.get_by_text("Times are in America/Los_Angeles")).to_be_visible()
    check(page, "repetition")
    first, again = ImportRun.objects.order_by("pk")
    assert (first.created, first.unchanged) == (again.unchanged, again.created)


def press(page: Page, text: str) -> None:
    """Go to the link or button by tabulator and press it."""
    for _ in range(150):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.innerText || document.activeElement.value || ''")
        if focused.strip() == text:
            break
    else:
        raise AssertionError(f"{text} is not reached by keyboard.")
    with page.expect_navigation():
        page.keyboard.press("Enter")
