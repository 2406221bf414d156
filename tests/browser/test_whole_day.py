"""An SDR's whole day in a real browser with the keyboard alone: from the first alert to a meeting, an SQL and a timing rejection."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from config import periodic
from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from config.web import zone_of
from definitions import version_documents
from leads import named_lists, shipped_signals
from leads.models import Lead, Signal
from leads.vocabulary import Stage
from sla.models import AlertSettings, Attempt, Disposition, Handoff, Note, PendingDecision, ReasonCode
from sla.vocabulary import AttemptOutcome, Channel, ClockKind, DispositionKind, Family, HandoffState, Route
from tests.factories import (
    CommitmentFactory,
    CompanyFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
    read_handoff,
)
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

PASSWORD = "north-by-northlane"
#: What the browser is asked to show, and to sound, stays to be read.
NOTIFICATIONS_ARE_KEPT = """
window.kept = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); kept.push(title); }
};
"""


@pytest.fixture
def sam() -> User:
    """One SDR around the clock, in Berlin, with a definition in force, promises and reasons; told of tier 1 in the browser."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    now = timezone.now()
    put_in_force(
        version_documents.import_document(document=facts.document(), by=None, now=now), now - dt.timedelta(days=1)
    )
    CommitmentFactory(active=True)
    hours = WorkCalendarFactory(always_open=True, zone="Europe/Berlin")
    team = TeamFactory(working=True, name="EMEA", reps=0, calendar=hours)
    for position, (code, family, route) in enumerate(
        [("wrong_fit", Family.FIT, Route.DISQUALIFY), ("bad_timing", Family.TIMING, Route.RECYCLE)]
    ):
        ReasonCodeFactory(
            code=code, label=code.replace("_", " ").capitalize(), family=family, route=route, position=position
        )
    # The shipped reasons may be there as well; the keys of the day are those of these two.
    ReasonCode.objects.exclude(code__in=["wrong_fit", "bad_timing"]).update(is_offered=False)
    ReasonCode.objects.filter(code="bad_timing").update(label="Bad timing", position=1)
    person = RepFactory(team=team, user__name="sam").user
    person.set_password(PASSWORD)
    person.time_zone = "Europe/Berlin"
    person.save()
    AlertSettings.objects.create(user=person, in_browser=True)
    return person


def ask_for_a_demo(name: str, *, number: int) -> Lead:
    """As the website reports it, of somebody of a company that fits; then what the beat does by itself."""
    now = timezone.now()
    employer = CompanyFactory(
        name=f"Freight {number}", domain=f"freight{number}.test", industry="Software", country="DE",
        employees_low=200, employees_high=200,
    )  # fmt: skip
    first, last = name.split()
    lead = LeadFactory(mql=True,
        first_name=first, last_name=last, email=f"{first.lower()}@freight{number}.test", title="Head of Operations",
        country="DE", company=employer, phone="+49 30 5550100", stage=Stage.LEAD, stage_at=now,
    )  # fmt: skip
    _, secret = ApiKey.objects.create_key(
        name=f"site {number}", owner=UserFactory(roles=[Role.MARKETING_OPS]), source="site", scopes=["facts:write"]
    )
    event = {"email": lead.email, "signal": "demo_request", "occurred_at": now.isoformat(), "id": f"form-{number}"}
    answer = Client(headers={"Authorization": f"Api-Key {secret}"}).post(
        reverse("api:events"), event, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    periodic.tick(now=timezone.now())
    return lead


def row_of(page: Page, lead: Lead) -> Locator:
    return page.locator("[data-row]").filter(has_text=str(lead))


def told(page: Page) -> Locator:
    return page.locator("#messages")


def test_a_whole_day_is_worked_with_the_keyboard_alone(  # noqa: PLR0915  # the steps of a day depend on each other
    page: Page, context: BrowserContext, live_server: object, sam: User
) -> None:
    context.grant_permissions(["notifications"], origin=str(live_server))
    page.add_init_script(NOTIFICATIONS_ARE_KEPT)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    typed = page.keyboard.type

    def press(key: str) -> None:
        # The scripts of a page have run by then; a message is there before them.
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press(key)

    later = ask_for_a_demo("Erik Visser", number=1)

    # Signed in, in the queue, told how the keys work.
    page.goto(f"{live_server}/")
    expect(page.get_by_label("Email")).to_be_focused()
    typed(sam.email)
    press("Tab")
    typed(PASSWORD)
    press("Enter")
    expect(page.get_by_role("heading", name="Your queue")).to_be_visible()
    press("?")
    expect(page.locator("#keys")).to_be_visible()
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    press("Enter")
    expect(page.locator("#keys")).to_be_hidden()
    press("j")
    expect(row_of(page, later)).to_be_focused()

    # The first alert: the list, the title, the bell and the browser say so, and the place on the page stays.
    hot = ask_for_a_demo("Dana Whitfield", number=2)
    expect(row_of(page, hot)).to_have_class(re.compile("is-new"), timeout=15_000)
    expect(page).to_have_title("(2) Queue · Accord")
    expect(page.get_by_role("link", name="Notices, 2 unread")).to_be_visible(timeout=15_000)
    assert "Tier 1: Dana Whitfield" in page.evaluate("kept")
    expect(row_of(page, later)).to_be_focused()
    press("g")
    press("b")
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    press("g")
    press("q")
    expect(page.get_by_role("heading", name="Your queue")).to_be_visible()

    # Found by the search, opened, read, accepted, called, noted.
    press("/")
    typed("whitfield")
    press("Enter")
    expect(row_of(page, hot)).to_be_focused()
    press("Enter")
    expect(page.locator(".key-sentence")).to_contain_text("Asked for a demo")
    press("a")
    expect(told(page)).to_contain_text("Accepted Dana Whitfield: it is yours.")
    press("c")
    press("3")
    expect(told(page)).to_contain_text("Logged: Call, reached.")
    press("n")
    typed("Wants to see it with their own lanes.")
    press("Tab")
    press("Enter")
    expect(told(page)).to_contain_text("Noted.")

    # The meeting, its day and hour typed; then the four answers.
    day = timezone.now().date() + dt.timedelta(days=9)
    press("m")
    typed(f"{day:%m%d%Y}")
    press("Tab")
    typed("0230PM")
    press("Enter")
    expect(told(page)).to_contain_text("Meeting booked with Dana Whitfield.")
    expect(page.locator(".advice")).to_contain_text("Bring the four questions")
    press("s")
    for answer in ("Late trucks", "40k a year", "The COO"):
        typed(answer)
        press("Tab")
    typed("June")
    press("Enter")
    expect(told(page)).to_contain_text("Dana Whitfield is sales qualified.")
    expect(page.locator(".advice")).to_contain_text("Open the opportunity")

    # Back to the queue; the other one asked too early: rejected, taken back, rejected with a day of its own.
    back_on = timezone.now().date() + dt.timedelta(days=100)
    press("g")
    press("q")
    expect(row_of(page, hot)).to_be_focused()
    press("k")
    expect(row_of(page, later)).to_be_focused()
    press("r")
    press("2")
    expect(row_of(page, later).get_by_label("Comes back on")).to_be_focused()
    press("Enter")
    expect(told(page)).to_contain_text("Rejected Erik Visser: Bad timing. Back on")
    press("u")
    expect(told(page)).to_contain_text("Taken back: Erik Visser waits for a decision again.")
    expect(row_of(page, later)).to_be_focused()
    assert not PendingDecision.objects.exists()
    press("r")
    expect(row_of(page, later).locator("[data-reasons]")).to_be_visible()
    press("2")
    expect(row_of(page, later).get_by_label("Comes back on")).to_be_focused()
    typed(f"{back_on:%m%d%Y}")
    press("Enter")
    expect(told(page)).to_contain_text(f"Back on {back_on.day} {back_on:%B %Y}.")
    periodic.tick(now=timezone.now() + dt.timedelta(minutes=1))
    expect(row_of(page, later)).to_have_count(0, timeout=15_000)
    press("g")
    press("n")
    expect(page.get_by_role("row").filter(has_text="Erik Visser")).to_be_visible()

    won, postponed = Handoff.objects.get(lead=hot), Handoff.objects.get(lead=later)
    disposition = Disposition.objects.get(handoff=postponed)
    attempt = Attempt.objects.get()
    assert said == []
    assert (won.state, postponed.state) == (HandoffState.QUALIFIED, HandoffState.REJECTED)
    assert won.meeting_at is not None
    assert timezone.localtime(won.meeting_at, zone_of(sam)).replace(tzinfo=None) == dt.datetime.combine(
        day, dt.time(14, 30)
    )
    assert (attempt.handoff, attempt.channel, attempt.outcome) == (won, Channel.CALL, AttemptOutcome.CONNECTED)
    assert Note.objects.filter(handoff=won, text="Wants to see it with their own lanes.").exists()
    assert not won.clocks.filter(breached_at__isnull=False).exists()
    assert won.clocks.get(kind=ClockKind.FIRST_CONTACT).met_at is not None
    assert Disposition.objects.get(handoff=won).kind == DispositionKind.ACCEPT
    assert (disposition.reason.code, disposition.reengage_on, disposition.by) == ("bad_timing", back_on, sam)
    assert read_handoff(postponed).lead.stage == Stage.NURTURE
    assert postponed.clocks.get(kind=ClockKind.DISPOSITION).met_at is not None
