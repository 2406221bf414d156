"""What people do: visits in several manners, and the parts of the closing scene. Pure."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from config.demo.company import names_and_places

_DAY = dt.timedelta(days=1)
_HOUR = dt.timedelta(hours=1)
_MINUTE = dt.timedelta(minutes=1)
_SATURDAY = 5


class VisitorType(StrEnum):
    PASSERBY = "passerby"
    READER = "reader"
    EVALUATOR = "evaluator"
    ASKER = "asker"
    SYNDICATED = "syndicated"


#: How often each comes up among those who find the company by themselves.
TYPE_WEIGHTS: Final = {
    VisitorType.PASSERBY: 33,
    VisitorType.READER: 46,
    VisitorType.EVALUATOR: 14,
    VisitorType.ASKER: 7,
}

#: What each manner does besides asking for something, with weights.
ACTIVITY_WEIGHTS: Final = {
    VisitorType.PASSERBY: {"homepage_visit": 30, "blog_read": 30, "ad_click": 12, "product_page": 18, "email_open": 10},
    VisitorType.READER: {
        "newsletter_open": 34, "email_open": 20, "blog_read": 22, "email_click": 9, "product_page": 6, "machine_open": 4,
        "case_study": 2, "ebook_download": 2, "social_engagement": 1,
    },
    VisitorType.EVALUATOR: {
        "product_page": 27, "pricing_view": 15, "case_study": 10, "email_click": 9, "blog_read": 9, "comparison_guide": 5,
        "calculator_used": 4, "implementation_content": 6, "demo_video_watched": 5, "webinar_attended": 5, "guide_download": 5,
    },
    VisitorType.ASKER: {"homepage_visit": 20, "product_page": 45, "pricing_view": 20, "case_study": 15},
    VisitorType.SYNDICATED: {
        "email_open": 18, "email_click": 24, "blog_read": 14, "ebook_download": 16, "report_download": 14, "guide_download": 14,
    },
}  # fmt: skip

#: How a source's leads first appear.
FIRST_ACTIVITIES: Final = {
    "Webinar": ("webinar_registered", "webinar_attended"),
    "Event": ("badge_scan",),
    "Paid search": ("ad_click",),
    "Outbound": ("email_click",),
    names_and_places.SYNDICATION: ("report_download",),
}
REQUESTS: Final = {"demo_request": 55, "talk_to_sales": 15, "contact_request": 18, "pricing_inquiry": 12}

_ASSETS: Final = {
    "blog_read": names_and_places.BLOG,
    "product_page": names_and_places.PRODUCT_PAGES,
    "implementation_content": names_and_places.INTEGRATIONS,
    "ebook_download": names_and_places.EBOOKS,
    "guide_download": names_and_places.EBOOKS,
    "webinar_registered": names_and_places.WEBINARS,
    "webinar_attended": names_and_places.WEBINARS,
    "pricing_view": ["/pricing"],
    "homepage_visit": ["/"],
    "case_study": ["/customers/harbourline-freight", "/customers/grünwald-components", "/customers/tasman-dairy"],
    "comparison_guide": ["/compare/planwise", "/compare/stocksmith"],
    "calculator_used": ["/tools/safety-stock-calculator"],
    "report_download": [names_and_places.SYNDICATED_REPORT],
}
_MAILED: Final = frozenset({"email_open", "email_click", "newsletter_open", "machine_open"})
_OF_PLATFORM: Final = {"webinar_registered": "webinars", "webinar_attended": "webinars", "badge_scan": "events"}


@dataclass(frozen=True, slots=True)
class WebActivity:
    at: dt.datetime
    signal: str
    asset: str = ""
    campaign: str = ""

    @property
    def source(self) -> str:
        """The system that reports it."""
        return "mailing" if self.signal in _MAILED else _OF_PLATFORM.get(self.signal, "website")


@dataclass(frozen=True, slots=True)
class VisitorHistory:
    """A person's acquaintance with the company: how they behave, since when, in which zone, where they came from."""

    manner: VisitorType
    first: dt.datetime
    now: dt.datetime
    zone: ZoneInfo
    source: str


def draw_chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def draw_activities(rng: random.Random, visit: VisitorHistory) -> tuple[WebActivity, ...]:
    """In order of time, all before `visit.now`; at least one."""
    found = [*_entrance(rng, visit), *_course(rng, visit)]
    past = [deed for deed in found if deed.at < visit.now - 6 * _HOUR]
    return tuple(sorted(past or [WebActivity(visit.now - 7 * _HOUR, "homepage_visit", "/")], key=lambda deed: deed.at))


def _entrance(rng: random.Random, visit: VisitorHistory) -> Iterator[WebActivity]:
    at = _waking(rng, visit.first, visit.zone)
    campaign = (
        names_and_places.SYNDICATION_CAMPAIGN
        if visit.manner == VisitorType.SYNDICATED
        else rng.choice(names_and_places.CAMPAIGNS)
    )
    for number, signal in enumerate(FIRST_ACTIVITIES.get(visit.source, ("first_contact",))):
        if number and draw_chance(rng, 0.4):
            return
        yield _deed(rng, at + number * 3 * _DAY, signal, campaign)


def _course(rng: random.Random, visit: VisitorHistory) -> Iterator[WebActivity]:
    if visit.manner == VisitorType.PASSERBY:
        yield from _spread(rng, visit, rng.randint(1, 4), 20)
    elif visit.manner == VisitorType.READER:
        yield from _spread(rng, visit, rng.randint(7, 22), 240)
    elif visit.manner == VisitorType.SYNDICATED:
        yield from _spread(rng, visit, rng.randint(7, 13), 12)
    elif visit.manner == VisitorType.ASKER:
        yield from _ask(rng, visit, visit.first + rng.uniform(0.1, 6) * _DAY)
    else:
        yield from _evaluate(rng, visit)


def _evaluate(rng: random.Random, visit: VisitorHistory) -> Iterator[WebActivity]:
    """Reads for a while, then compares vendors in earnest; a third come back to it months later."""
    reader = VisitorHistory(VisitorType.READER, visit.first, visit.now, visit.zone, visit.source)
    lull = rng.uniform(0, 40)
    yield from _spread(rng, reader, rng.randint(2, 8), lull + 1)
    begins = [visit.first + lull * _DAY]
    if draw_chance(rng, 0.3):
        begins.append(begins[0] + rng.uniform(80, 200) * _DAY)
    for begin in begins:
        burst = VisitorHistory(VisitorType.EVALUATOR, begin, visit.now, visit.zone, visit.source)
        days = rng.uniform(3, 18)
        yield from _spread(rng, burst, rng.randint(9, 18), days)
        if draw_chance(rng, 0.25):
            yield from _ask(rng, burst, begin + days * _DAY)


def _ask(rng: random.Random, visit: VisitorHistory, day: dt.datetime) -> Iterator[WebActivity]:
    """Looks around for some minutes, then asks to be contacted."""
    at = _waking(rng, day, visit.zone)
    habits = ACTIVITY_WEIGHTS[VisitorType.ASKER]
    for _ in range(rng.randint(2, 5)):
        yield _deed(rng, at, rng.choices(list(habits), list(habits.values()))[0])
        at += rng.uniform(0.4, 5) * _MINUTE
    request = rng.choices(list(REQUESTS), list(REQUESTS.values()))[0]
    yield _deed(rng, at, "outbound_reply" if visit.source == "Outbound" else request)


def _spread(rng: random.Random, visit: VisitorHistory, count: int, days: float) -> Iterator[WebActivity]:
    """So many deeds over so many days, often a few of them in one sitting."""
    habits = ACTIVITY_WEIGHTS[visit.manner]
    at = visit.first
    for _ in range(count):
        together = draw_chance(rng, 0.35)
        apart = visit.first + rng.random() * days * _DAY
        at = at + rng.uniform(0.5, 9) * _MINUTE if together else _waking(rng, apart, visit.zone)
        yield _deed(rng, at, rng.choices(list(habits), list(habits.values()))[0])


def _deed(rng: random.Random, at: dt.datetime, signal: str, campaign: str = "") -> WebActivity:
    asset = rng.choice(_ASSETS[signal]) if signal in _ASSETS else ""
    if signal in _MAILED:
        campaign = campaign or rng.choice(names_and_places.CAMPAIGNS)
    return WebActivity(at, signal, asset, campaign)


def _waking(rng: random.Random, day: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """An instant on that day, when people there are at work, or nearly; most weekends are moved to the days after."""
    local = day.astimezone(zone)
    if local.weekday() >= _SATURDAY and draw_chance(rng, 0.85):
        local += 2 * _DAY
    seconds = rng.triangular(7.8, 18.6, 11) * 3600
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    wall = midnight + dt.timedelta(seconds=round(seconds, 3))
    return wall.astimezone(dt.UTC)


# ── The closing scene ─────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class ScriptedLead:
    """Somebody of the last hours: `acts` are (how long ago, signal, asset). `cue` says what the rep does, see story."""

    countries: Sequence[str]
    title: str
    source: str
    acts: Sequence[tuple[dt.timedelta, str, str]]
    cue: str


def scripted_activities(part: ScriptedLead, now: dt.datetime) -> tuple[WebActivity, ...]:
    return tuple(WebActivity(now - ago, signal, asset) for ago, signal, asset in part.acts)


def _warm(ago: dt.timedelta, *, lukewarm: bool = False) -> list[tuple[dt.timedelta, str, str]]:
    """The two weeks before: engaged, but short of the threshold."""
    acts = [
        (ago + 13 * _DAY, "webinar_registered", names_and_places.WEBINARS[1]),
        (ago + 11 * _DAY, "webinar_attended", names_and_places.WEBINARS[1]),
        (ago + 6 * _DAY, "product_page", names_and_places.PRODUCT_PAGES[0]),
        (ago + 6 * _DAY - 4 * _MINUTE, "product_page", names_and_places.PRODUCT_PAGES[2]),
    ]
    return acts if lukewarm else [*acts, (ago + 3 * _DAY, "case_study", "/customers/harbourline-freight")]


def _asks(ago: dt.timedelta) -> list[tuple[dt.timedelta, str, str]]:
    return [
        *_warm(ago),
        (ago + 5 * _MINUTE, "product_page", names_and_places.PRODUCT_PAGES[3]),
        (ago, "demo_request", "/demo"),
    ]


def _prices(ago: dt.timedelta, *, lukewarm: bool = False) -> list[tuple[dt.timedelta, str, str]]:
    return [*_warm(ago, lukewarm=lukewarm), (ago, "pricing_view", "/pricing")]


def _compares(ago: dt.timedelta) -> list[tuple[dt.timedelta, str, str]]:
    views = [(ago + minutes * _MINUTE, "pricing_view", "/pricing") for minutes in (200, 95, 0)]
    return [*_warm(ago + 4 * _HOUR, lukewarm=True)[2:], *views]


_EMEA: Final = ("DE", "GB", "NL", "SE", "FR")
SCRIPTED_LEADS: Final = (
    ScriptedLead(_EMEA, "VP Supply Chain", "Referral", _asks(2 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Head of Supply Chain", "Organic search", _compares(14 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Director of Operations", "Webinar", _prices(17 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Demand Planning Manager", "Paid search", _prices(26 * _MINUTE, lukewarm=True), "untouched"),
    ScriptedLead(_EMEA, "Director of Procurement", "Event", _prices(150 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Logistics Manager", "Organic search", _prices(5 * _HOUR), "contacted"),
    ScriptedLead(_EMEA, "Chief Operating Officer", "Partner", _asks(23 * _HOUR - 4 * _MINUTE), "contacted"),
    ScriptedLead(_EMEA, "VP Operations", "Webinar", _prices(26 * _HOUR), "contacted"),
    ScriptedLead(("US", "CA"), "Director of Operations", "Organic search", _prices(40 * _MINUTE), "untouched"),
    ScriptedLead(("US", "CA"), "VP Supply Chain", "Referral", _asks(75 * _MINUTE), "untouched"),
    ScriptedLead(("SG", "AU"), "Head of Supply Chain", "Webinar", _prices(50 * _MINUTE), "untouched"),
    ScriptedLead(("BR",), "Director of Procurement", "Organic search", _asks(65 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Director of Operations", "Referral", _prices(6 * _DAY), "sql"),
    ScriptedLead(_EMEA, "Procurement Manager", "Webinar", _prices(34 * _DAY), "back today"),
    ScriptedLead(_EMEA, "Senior Manager Logistics", "Organic search", _prices(33 * _DAY), "back soon"),
)
#: Waits for the reader's own demo request.
DEMO_REQUEST_LEAD: Final = ScriptedLead(("SE",), "Head of Supply Chain", "Webinar", _warm(2 * _DAY), "untouched")
