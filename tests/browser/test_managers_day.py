"""A manager changes a rule, an absence and a calendar in a real browser, and sees what it does to the next lead (rules 6.4, 6.7, 6.12)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from config.accounts.models import User
from config.accounts.vocabulary import Role
from sla.handoffs import creation
from sla.models import Clock, Handoff, Rep, Team, WorkCalendar
from sla.vocabulary import ClockKind
from tests.factories import (
    CommitmentFactory,
    LeadFactory,
    QualificationFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
    read_handoff,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

OpenAs = Callable[[User, str], Page]


@pytest.fixture
def team() -> Team:
    """A team of two that works around the clock and takes every lead; its manager is Maria."""
    CommitmentFactory(active=True)
    maria = UserFactory(roles=[Role.SALES_MANAGER], name="maria")
    world = TeamFactory(working=True, name="World", calendar=_always(), managers=(maria,), reps=0)
    for name in ("wanda", "willem"):
        RepFactory(team=world, user__name=name)
    return world


@pytest.fixture
def open_as(context: BrowserContext, page: Page, live_server: object) -> OpenAs:
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


def test_a_new_rule_sends_the_next_lead_elsewhere_as_the_dry_run_said(open_as: OpenAs, team: Team) -> None:
    dutch = TeamFactory(working=True, name="Benelux", calendar=_always(), managers=(_maria(team),), reps=0)
    nina = RepFactory(team=dutch, user__name="nina")
    page = open_as(_maria(team), "/routing/try/?country=NL&tier=2")
    expect(page.locator("#answer")).to_contain_text("team World → Wanda")

    page.get_by_role("link", name="Rules", exact=True).last.click()
    page.get_by_role("link", name="New rule").click()
    page.fill("[name=name]", "The Netherlands")
    page.select_option("[name=team]", label="Benelux")
    page.fill("[name=countries]", "NL")
    page.get_by_role("button", name="Add").click()

    expect(page.locator("tr", has_text="The Netherlands")).to_contain_text("never reached")
    for _ in range(2):
        page.get_by_role("button", name="Move The Netherlands up").click()
    expect(page.locator("tbody tr").first).to_contain_text("The Netherlands")
    page.get_by_role("link", name="Try a lead").click()
    page.fill("[name=country]", "NL")
    page.get_by_role("button", name="Try", exact=True).click()
    why = "Rule 1: The Netherlands → team Benelux → Nina, next in turn"
    expect(page.locator("#answer")).to_contain_text(why)
    handoff = _next_lead(country="NL")
    assert handoff.rep == nina
    _expect_trace(open_as(nina.user, f"/handoffs/{handoff.pk}/"), why, "Rule 1: The Netherlands", "next in turn")


def test_an_absence_sends_the_next_lead_to_the_next_rep(open_as: OpenAs, team: Team) -> None:
    wanda, willem = _reps(team)
    page = open_as(_maria(team), "/routing/reps/")
    row, today = page.locator(f"#rep-{wanda.pk}"), timezone.now().replace(second=0, microsecond=0)
    expect(row).to_contain_text("takes leads")

    row.locator("summary").click()
    row.locator("[name=starts_at]").fill(f"{today:%Y-%m-%dT%H:%M}")
    row.locator("[name=ends_at]").fill(f"{today + dt.timedelta(days=3):%Y-%m-%dT%H:%M}")
    row.locator("[name=label]").fill("Trade fair")
    row.get_by_role("button", name="Add absence").click()

    until = today + dt.timedelta(days=3)
    expect(row).to_contain_text(
        re.compile(rf"absent.*until.*{until.day} {until:%b}.*{until:%H:%M}.*Trade fair", re.DOTALL)
    )
    page.goto(page.url.replace("/reps/", "/try/?tier=2"))
    expect(page.locator("#answer")).to_contain_text("Willem, next in turn")
    expect(page.locator("#answer")).to_contain_text("absent until")
    handoff = _next_lead()
    assert handoff.rep == willem
    _expect_trace(open_as(willem.user, f"/handoffs/{handoff.pk}/"), "Willem, next in turn", "Wanda", "absent until")


def test_the_switch_away_and_back_takes_a_rep_out_of_turn_and_in_again(open_as: OpenAs, team: Team) -> None:
    wanda, willem = _reps(team)
    page = open_as(_maria(team), "/routing/reps/")
    row = page.locator(f"#rep-{wanda.pk}")

    row.get_by_role("button", name="Away").click()
    expect(row).to_contain_text("away")
    assert _next_lead().rep == willem
    page.locator(f"#rep-{wanda.pk}").get_by_role("button", name="Back").click()

    expect(row).to_contain_text("takes leads")
    assert _next_lead().rep == wanda


def test_new_hours_hold_for_the_next_handoff_as_previewed_and_not_for_a_running_clock(
    open_as: OpenAs, team: Team
) -> None:
    running = _contact_clock(_next_lead())
    page = open_as(_maria(team), f"/calendars/{team.calendar_id}/")
    monday = _coming_monday()
    offsite, later = monday + dt.timedelta(days=7), monday + dt.timedelta(days=14)

    for day in ("tue", "wed", "thu", "fri", "sat", "sun"):
        page.fill(f"[name={day}]", "")
    page.fill("[name=mon]", "09:00-17:00")
    page.fill("[name=days-0-date]", f"{offsite:%Y-%m-%d}")
    page.fill("[name=days-0-label]", "Offsite")
    page.fill("[name=arrives]", f"{monday:%Y-%m-%dT16:50}")
    page.fill("[name=why]", "We meet on Mondays only.")
    page.get_by_role("button", name="Preview").click()

    preview = page.locator("#preview")
    expect(preview).to_contain_text("Tue–Sun closed instead of 0:00–24:00")
    expect(preview).to_contain_text(
        f"would be due Monday {later.day} {later:%B %Y}, 9:20 in UTC, because: 10 min on Monday"
    )
    expect(preview).to_contain_text("By the hours as they are saved: Monday 17:20.")
    page.get_by_role("button", name="Save calendar").click()
    expect(page.locator("#messages")).to_contain_text("Clocks that run already keep the hours they started with.")
    history = page.locator("#history")
    for said in ("Maria", "Monday 9:00–17:00 instead of 0:00–24:00", "(Offsite) closed", "We meet on Mondays only."):
        expect(history).to_contain_text(said)
    next_one = _contact_clock(_next_lead(now=monday.replace(hour=16, minute=50)))
    assert next_one.due_at == later.replace(hour=9, minute=20)
    assert _contact_clock(running.handoff).due_at == running.due_at


def _always() -> WorkCalendar:
    return WorkCalendarFactory(always_open=True)


def _maria(team: Team) -> User:
    return team.managers.first()


def _reps(team: Team) -> list[Rep]:
    return list(team.reps.select_related("user").order_by("pk"))


def _coming_monday() -> dt.datetime:
    """Its midnight; never today, so that a lead of that day comes after everything else."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today + dt.timedelta(days=7 - today.weekday())


def _next_lead(now: dt.datetime | None = None, **columns: str) -> Handoff:
    """Somebody qualifies, and the next beat hands them off."""
    now = now or timezone.now()
    qualification = QualificationFactory(lead=LeadFactory(mql=True, **columns), at=now)
    creation.hand_off_waiting(now=now)
    return read_handoff(Handoff.objects.get(qualification=qualification))


def _contact_clock(handoff: Handoff) -> Clock:
    return handoff.clocks.select_related("handoff").get(kind=ClockKind.FIRST_CONTACT, cancelled_at=None)


def _expect_trace(page: Page, why: str, *lines: str) -> None:
    """The page of the handoff says the same, and opens rule by rule."""
    expect(page.locator("aside")).to_contain_text(why)
    page.get_by_text("Every decision, rule by rule").click()
    for line in lines:
        expect(page.locator("aside .checks")).to_contain_text(line)
