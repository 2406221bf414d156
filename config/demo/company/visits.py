"""The activities of leads: drawn visits of several types of visitors, and the scripted leads of the last hours."""

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
    """The ways in which people use the company's website and mails."""

    PASSERBY = "passerby"
    READER = "reader"
    EVALUATOR = "evaluator"
    ASKER = "asker"
    SYNDICATED = "syndicated"


#: The shares of the types among leads of the usual sources.
TYPE_WEIGHTS: Final = {
    VisitorType.PASSERBY: 33,
    VisitorType.READER: 46,
    VisitorType.EVALUATOR: 14,
    VisitorType.ASKER: 7,
}

#: The activities of each type besides requests, with weights.
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

#: The first activities of leads of a source.
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
_SOURCES: Final = {"webinar_registered": "webinars", "webinar_attended": "webinars", "badge_scan": "events"}


@dataclass(frozen=True, slots=True)
class WebActivity:
    """An activity of a lead, as an event reports it."""

    at: dt.datetime
    signal: str
    asset: str = ""
    campaign: str = ""

    @property
    def source(self) -> str:
        """Return the system that reports the activity."""
        return "mailing" if self.signal in _MAILED else _SOURCES.get(self.signal, "website")


@dataclass(frozen=True, slots=True)
class VisitorHistory:
    """The frame of a lead's activities: the type of visitor, the first day, the end, the time zone and the source."""

    visitor_type: VisitorType
    first: dt.datetime
    now: dt.datetime
    zone: ZoneInfo
    source: str


def draw_bool(rng: random.Random, share: float) -> bool:
    """Return True with a probability of `share`."""
    return rng.random() < share


def draw_activities(rng: random.Random, history: VisitorHistory) -> tuple[WebActivity, ...]:
    """Draw at least one activity of a visitor, in order of time, all before `history.now`."""
    activities = [*_first_activities(rng, history), *_later_activities(rng, history)]
    before_now = [activity for activity in activities if activity.at < history.now - 6 * _HOUR]
    return tuple(
        sorted(
            before_now or [WebActivity(history.now - 7 * _HOUR, "homepage_visit", "/")],
            key=lambda activity: activity.at,
        )
    )


def _first_activities(rng: random.Random, history: VisitorHistory) -> Iterator[WebActivity]:
    at = _daytime(rng, history.first, history.zone)
    campaign = (
        names_and_places.SYNDICATION_CAMPAIGN
        if history.visitor_type == VisitorType.SYNDICATED
        else rng.choice(names_and_places.CAMPAIGNS)
    )
    for number, signal in enumerate(FIRST_ACTIVITIES.get(history.source, ("first_contact",))):
        if number and draw_bool(rng, 0.4):
            return
        yield _activity(rng, at + number * 3 * _DAY, signal, campaign)


def _later_activities(rng: random.Random, history: VisitorHistory) -> Iterator[WebActivity]:
    if history.visitor_type == VisitorType.PASSERBY:
        yield from _spread_activities(rng, history, rng.randint(1, 4), 20)
    elif history.visitor_type == VisitorType.READER:
        yield from _spread_activities(rng, history, rng.randint(7, 22), 240)
    elif history.visitor_type == VisitorType.SYNDICATED:
        yield from _spread_activities(rng, history, rng.randint(7, 13), 12)
    elif history.visitor_type == VisitorType.ASKER:
        yield from _request(rng, history, history.first + rng.uniform(0.1, 6) * _DAY)
    else:
        yield from _evaluation(rng, history)


def _evaluation(rng: random.Random, history: VisitorHistory) -> Iterator[WebActivity]:
    """Yield some reading, then a comparison of vendors; a third of evaluators repeat it months later."""
    reader = VisitorHistory(VisitorType.READER, history.first, history.now, history.zone, history.source)
    quiet_days = rng.uniform(0, 40)
    yield from _spread_activities(rng, reader, rng.randint(2, 8), quiet_days + 1)
    starts = [history.first + quiet_days * _DAY]
    if draw_bool(rng, 0.3):
        starts.append(starts[0] + rng.uniform(80, 200) * _DAY)
    for start in starts:
        evaluator = VisitorHistory(VisitorType.EVALUATOR, start, history.now, history.zone, history.source)
        days = rng.uniform(3, 18)
        yield from _spread_activities(rng, evaluator, rng.randint(9, 18), days)
        if draw_bool(rng, 0.25):
            yield from _request(rng, evaluator, start + days * _DAY)


def _request(rng: random.Random, history: VisitorHistory, day: dt.datetime) -> Iterator[WebActivity]:
    """Yield some minutes of looking around, then a request to be contacted."""
    at = _daytime(rng, day, history.zone)
    weights = ACTIVITY_WEIGHTS[VisitorType.ASKER]
    for _ in range(rng.randint(2, 5)):
        yield _activity(rng, at, rng.choices(list(weights), list(weights.values()))[0])
        at += rng.uniform(0.4, 5) * _MINUTE
    request = rng.choices(list(REQUESTS), list(REQUESTS.values()))[0]
    yield _activity(rng, at, "outbound_reply" if history.source == "Outbound" else request)


def _spread_activities(rng: random.Random, history: VisitorHistory, count: int, days: float) -> Iterator[WebActivity]:
    """Yield `count` activities spread over `days`, often a few of them in one visit."""
    weights = ACTIVITY_WEIGHTS[history.visitor_type]
    at = history.first
    for _ in range(count):
        is_same_visit = draw_bool(rng, 0.35)
        apart = history.first + rng.random() * days * _DAY
        at = at + rng.uniform(0.5, 9) * _MINUTE if is_same_visit else _daytime(rng, apart, history.zone)
        yield _activity(rng, at, rng.choices(list(weights), list(weights.values()))[0])


def _activity(rng: random.Random, at: dt.datetime, signal: str, campaign: str = "") -> WebActivity:
    asset = rng.choice(_ASSETS[signal]) if signal in _ASSETS else ""
    if signal in _MAILED:
        campaign = campaign or rng.choice(names_and_places.CAMPAIGNS)
    return WebActivity(at, signal, asset, campaign)


def _daytime(rng: random.Random, day: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Draw an instant of that day around local working hours; most weekend days become the Monday or Tuesday after."""
    local = day.astimezone(zone)
    if local.weekday() >= _SATURDAY and draw_bool(rng, 0.85):
        local += 2 * _DAY
    seconds = rng.triangular(7.8, 18.6, 11) * 3600
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    wall = midnight + dt.timedelta(seconds=round(seconds, 3))
    return wall.astimezone(dt.UTC)


# ── Scripted leads ────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class ScriptedLead:
    """A lead of the last hours: `activities` are (how long ago, signal, asset), `cue` says what reps do, see `sales_plan`."""

    countries: Sequence[str]
    title: str
    source: str
    activities: Sequence[tuple[dt.timedelta, str, str]]
    cue: str


def scripted_activities(script: ScriptedLead, now: dt.datetime) -> tuple[WebActivity, ...]:
    """Return the activities of a scripted lead when the year ends at `now`."""
    return tuple(WebActivity(now - ago, signal, asset) for ago, signal, asset in script.activities)


def _two_weeks_before(ago: dt.timedelta, *, is_lukewarm: bool = False) -> list[tuple[dt.timedelta, str, str]]:
    """Return activities of the two weeks before: engaged, but short of the threshold."""
    activities = [
        (ago + 13 * _DAY, "webinar_registered", names_and_places.WEBINARS[1]),
        (ago + 11 * _DAY, "webinar_attended", names_and_places.WEBINARS[1]),
        (ago + 6 * _DAY, "product_page", names_and_places.PRODUCT_PAGES[0]),
        (ago + 6 * _DAY - 4 * _MINUTE, "product_page", names_and_places.PRODUCT_PAGES[2]),
    ]
    return (
        activities if is_lukewarm else [*activities, (ago + 3 * _DAY, "case_study", "/customers/harbourline-freight")]
    )


def _demo_request(ago: dt.timedelta) -> list[tuple[dt.timedelta, str, str]]:
    return [
        *_two_weeks_before(ago),
        (ago + 5 * _MINUTE, "product_page", names_and_places.PRODUCT_PAGES[3]),
        (ago, "demo_request", "/demo"),
    ]


def _pricing_view(ago: dt.timedelta, *, is_lukewarm: bool = False) -> list[tuple[dt.timedelta, str, str]]:
    return [*_two_weeks_before(ago, is_lukewarm=is_lukewarm), (ago, "pricing_view", "/pricing")]


def _pricing_views(ago: dt.timedelta) -> list[tuple[dt.timedelta, str, str]]:
    views = [(ago + minutes * _MINUTE, "pricing_view", "/pricing") for minutes in (200, 95, 0)]
    return [*_two_weeks_before(ago + 4 * _HOUR, is_lukewarm=True)[2:], *views]


_EMEA: Final = ("DE", "GB", "NL", "SE", "FR")
SCRIPTED_LEADS: Final = (
    ScriptedLead(_EMEA, "VP Supply Chain", "Referral", _demo_request(2 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Head of Supply Chain", "Organic search", _pricing_views(14 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Director of Operations", "Webinar", _pricing_view(17 * _MINUTE), "untouched"),
    ScriptedLead(
        _EMEA, "Demand Planning Manager", "Paid search", _pricing_view(26 * _MINUTE, is_lukewarm=True), "untouched"
    ),
    ScriptedLead(_EMEA, "Director of Procurement", "Event", _pricing_view(150 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Logistics Manager", "Organic search", _pricing_view(5 * _HOUR), "contacted"),
    ScriptedLead(_EMEA, "Chief Operating Officer", "Partner", _demo_request(23 * _HOUR - 4 * _MINUTE), "contacted"),
    ScriptedLead(_EMEA, "VP Operations", "Webinar", _pricing_view(26 * _HOUR), "contacted"),
    ScriptedLead(("US", "CA"), "Director of Operations", "Organic search", _pricing_view(40 * _MINUTE), "untouched"),
    ScriptedLead(("US", "CA"), "VP Supply Chain", "Referral", _demo_request(75 * _MINUTE), "untouched"),
    ScriptedLead(("SG", "AU"), "Head of Supply Chain", "Webinar", _pricing_view(50 * _MINUTE), "untouched"),
    ScriptedLead(("BR",), "Director of Procurement", "Organic search", _demo_request(65 * _MINUTE), "untouched"),
    ScriptedLead(_EMEA, "Director of Operations", "Referral", _pricing_view(6 * _DAY), "sql"),
    ScriptedLead(_EMEA, "Procurement Manager", "Webinar", _pricing_view(34 * _DAY), "back today"),
    ScriptedLead(_EMEA, "Senior Manager Logistics", "Organic search", _pricing_view(33 * _DAY), "back soon"),
)
#: The lead for whom a reader of the README sends a demo request.
DEMO_REQUEST_LEAD: Final = ScriptedLead(
    ("SE",), "Head of Supply Chain", "Webinar", _two_weeks_before(2 * _DAY), "untouched"
)
