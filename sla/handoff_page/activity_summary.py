"""What a lead did, as one would tell it on the phone: "Viewed the pricing page 3 times yesterday evening." Pure.

Told from the frozen evidence of a qualification, so it says what was known on the day; only "yesterday" is the reader's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from scoring.engine.why import signal_words

#: What is older than this did not trigger anything; it is counted in the second sentence.
LATELY: Final = dt.timedelta(days=7)
TOLD: Final = 3
DAYS_WITH_NAMES: Final = 7

_MORNING, _NOON, _EVENING = 6, 12, 17

#: The shipped signals as things a person does. A customer's own are told by their names.
_PHRASES: Final = {
    "demo_request": "asked for a demo",
    "contact_request": "asked to be contacted",
    "talk_to_sales": "asked to talk to sales",
    "pricing_inquiry": "asked what it costs",
    "outbound_reply": "answered our mail with interest",
    "meeting_booked": "booked a meeting",
    "callback_request": "asked to be called back",
    "live_demo_attended": "attended a live demo",
    "trial_signup": "began a trial",
    "trial_click": "clicked “start a trial”",
    "pricing_view": "viewed the pricing page",
    "demo_video_watched": "watched the demo video",
    "implementation_content": "read how it is set up",
    "calculator_used": "used the calculator",
    "webinar_question": "put a question in a webinar",
    "comparison_guide": "read a comparison",
    "buying_committee_invite": "brought a colleague in",
    "repeat_visit": "came back several times",
    "usage_limit_reached": "reached a limit of the free plan",
    "trial_activated": "got the trial working",
    "upgrade_viewed": "looked at the paid plans",
    "webinar_attended": "attended a webinar",
    "workshop_attended": "attended a workshop",
    "event_attended": "came to an event",
    "badge_scan": "was scanned at our stand",
    "case_study": "read a case study",
    "product_page_return": "returned to a product page",
    "site_return": "returned to the site",
    "chat_started": "wrote in the chat",
    "form_submit": "sent a form",
    "product_login": "used the product",
    "feature_used": "used a key feature",
    "webinar_recording": "watched a webinar's recording",
    "ebook_download": "downloaded an e-book",
    "guide_download": "downloaded a guide",
    "template_download": "downloaded a template",
    "whitepaper_download": "downloaded a white paper",
    "report_download": "downloaded a report",
    "webinar_registered": "registered for a webinar",
    "product_page": "viewed a product page",
    "homepage_visit": "visited the homepage",
    "blog_read": "read the blog",
    "checklist_download": "downloaded a checklist",
    "email_open": "opened a mail",
    "email_click": "clicked in a mail",
    "newsletter_signup": "signed up for the newsletter",
    "newsletter_open": "opened the newsletter",
    "social_follow": "followed us",
    "social_engagement": "reacted to a post",
    "ad_click": "clicked an ad",
    "video_watched": "watched a video",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """`points`: what it was worth at the instant of the verdict."""

    at: dt.datetime
    signal: str
    points: float


@dataclass(frozen=True, slots=True)
class Past:
    """What the frozen evidence says was done: the deeds kept, how many there were, and the signals that triggers counted."""

    deeds: tuple[Deed, ...]
    total: int
    triggers: frozenset[str]


def read(document: object) -> Past:
    """Of the evidence as scoring stored it (scoring.engine.explanation); what cannot be read is left out."""
    told = document if isinstance(document, Mapping) else {}
    deeds = tuple(deed for raw in _maps(told.get("events")) if (deed := _deed(raw)) is not None)
    total = told.get("events_total")
    return Past(deeds, total if isinstance(total, int) else len(deeds), frozenset(_triggers(told)))


def sentences(past: Past, *, asked_at: dt.datetime, now: dt.datetime, zone: dt.tzinfo) -> str:
    """One or two sentences, times of the day in `zone`; empty when the evidence holds no deed."""
    story = _worth_telling(past, asked_at)
    if not story:
        return ""
    phrases = [_told(deeds, now=now, zone=zone) for deeds in story]
    first = listed(phrases)
    rest = past.total - sum(map(len, story))
    return f"{first[:1].upper()}{first[1:]}.{_rest(past, rest, now, zone)}"


def phrase(signal: str) -> str:
    return _PHRASES.get(signal, f"“{signal_words(signal)}”")


def listed(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def when(at: dt.datetime, *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """The day and its part as people name it: this morning, yesterday evening, on Monday afternoon, on 3 March."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    days = (today.date() - local.date()).days
    if not 0 <= days < DAYS_WITH_NAMES:
        return f"on {local.day} {local:%B}" + ("" if local.year == today.year else f" {local.year}")
    part = "afternoon" if _NOON <= local.hour < _EVENING else "morning" if local.hour < _NOON else "evening"
    early = "early " if local.hour < _MORNING else ""
    if days == 0:
        return f"{early}this {part}"
    return f"{early}yesterday {part}" if days == 1 else f"{early}on {local:%A} {part}"


def day(at: dt.datetime, *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """The day alone: today, yesterday, on Monday, on 3 March."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    days = (today.date() - local.date()).days
    if days in (0, 1):
        return ("today", "yesterday")[days]
    return f"on {local:%A}" if 0 < days < DAYS_WITH_NAMES else when(at, now=now, zone=zone)


def _deed(raw: Mapping[str, Any]) -> Deed | None:
    try:
        at, points = dt.datetime.fromisoformat(str(raw.get("at"))), float(raw.get("points") or 0)
    except (TypeError, ValueError):
        return None
    return None if at.tzinfo is None else Deed(at, str(raw.get("signal", "")), points)


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _triggers(told: Mapping[str, Any]) -> Iterable[str]:
    """The signals counted by what held, hot triggers and paths alike."""
    held = (path for key in ("hot_paths", "paths") for path in _maps(told.get(key)) if path.get("held"))
    clauses = (answer.get("clause") for path in held for answer in _maps(path.get("clauses")) if answer.get("held"))
    signals = (clause.get("signals") for clause in clauses if isinstance(clause, Mapping))
    return map(str, chain.from_iterable(each for each in signals if isinstance(each, list)))


def _worth_telling(past: Past, asked_at: dt.datetime) -> list[list[Deed]]:
    """By signal the deeds to tell: those that triggered before those of many points, then in the order of their last."""
    counted = [deed for deed in past.deeds if deed.points > 0 or deed.signal in past.triggers]
    counted = counted or [deed for deed in past.deeds if deed.points == 0]
    recent = [deed for deed in counted if deed.at > asked_at - LATELY] or sorted(counted, key=_at)[-1:]
    by_signal: dict[str, list[Deed]] = {}
    for deed in sorted(recent, key=_at):
        by_signal.setdefault(deed.signal, []).append(deed)
    best = sorted(by_signal.values(), key=lambda deeds: (deeds[0].signal not in past.triggers, -_worth(deeds)))
    return sorted(best[:TOLD], key=lambda deeds: deeds[-1].at)


def _told(deeds: list[Deed], *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """`deeds` of one signal, the oldest first."""
    times: dict[str, int] = {}
    for deed in deeds:
        moment = when(deed.at, now=now, zone=zone)
        times[moment] = times.get(moment, 0) + 1
    words = phrase(deeds[0].signal)
    if len(times) == 1:
        ((moment, count),) = times.items()
        return f"{words} {_times(count)}{moment}"
    days = {day(deed.at, now=now, zone=zone) for deed in deeds}
    if len(days) == 1:
        return f"{words} {_times(len(deeds))}{days.pop()}"
    if len(times) == 2:  # noqa: PLR2004 (two moments can be named, more are a period)
        return f"{words} " + " and ".join(f"{_times(count) or 'once '}{moment}" for moment, count in times.items())
    return f"{words} {_times(len(deeds))}since {next(iter(times)).removeprefix('on ')}"


def _rest(past: Past, count: int, now: dt.datetime, zone: dt.tzinfo) -> str:
    if count <= 0:
        return ""
    since = ""
    if len(past.deeds) == past.total:
        since = f" since {when(min(past.deeds, key=_at).at, now=now, zone=zone).removeprefix('on ')}"
    return f" {count} other {'signal' if count == 1 else 'signals'}{since}."


def _times(count: int) -> str:
    return {1: "", 2: "twice "}.get(count, f"{count} times ")


def _worth(deeds: list[Deed]) -> float:
    return sum(deed.points for deed in deeds)


def _at(deed: Deed) -> dt.datetime:
    return deed.at
