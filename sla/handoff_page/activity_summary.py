"""The sentence about a lead's recent activity: "Viewed the pricing page 3 times yesterday evening." Pure.

Built from the frozen evidence of a qualification, so it reports what was known on that day; only words such as
"yesterday" are relative to the reader.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from scoring.engine.why import signal_words

#: Older activity triggered nothing; it is only counted, in the second sentence.
RECENT: Final = dt.timedelta(days=7)
SIGNALS_NAMED: Final = 3
DAYS_WITH_NAMES: Final = 7

_MORNING, _NOON, _EVENING = 6, 12, 17

#: The shipped signals as things a person does. A company's own signals are quoted by name.
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
    "billing_viewed": "looked at the billing settings",
    "teammates_invited": "invited teammates into the product",
    "integration_connected": "connected the product to another system",
    "data_imported": "brought their own data in",
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
    "opt_in": "opted in again",
    "newsletter_open": "opened the newsletter",
    "social_follow": "followed us",
    "social_engagement": "reacted to a post",
    "ad_click": "clicked an ad",
    "video_watched": "watched a video",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity of a lead; `points` is its worth at the instant of the qualification."""

    at: dt.datetime
    signal: str
    points: float


@dataclass(frozen=True, slots=True)
class ActivityHistory:
    """A lead's activity as the frozen evidence has it.

    `activities` are those that the evidence keeps, `total` counts all, `triggers` are the signals that fired a trigger.
    """

    activities: tuple[Activity, ...]
    total: int
    triggers: frozenset[str]


def read_history(document: object) -> ActivityHistory:
    """Read the evidence as scoring stored it (scoring.engine.explanation); unreadable parts are skipped."""
    evidence = document if isinstance(document, Mapping) else {}
    activities = tuple(
        activity for raw in _mappings_in(evidence.get("events")) if (activity := _read_activity(raw)) is not None
    )
    total = evidence.get("events_total")
    return ActivityHistory(
        activities, total if isinstance(total, int) else len(activities), frozenset(_trigger_signals(evidence))
    )


def write_summary(history: ActivityHistory, *, asked_at: dt.datetime, now: dt.datetime, zone: dt.tzinfo) -> str:
    """Write one or two sentences, times of the day in `zone`; empty when the evidence has no activity."""
    groups = _choose_activities(history, asked_at)
    if not groups:
        return ""
    phrases = [_describe_signal(group, now=now, zone=zone) for group in groups]
    first = join_with_and(phrases)
    rest = history.total - sum(map(len, groups))
    return f"{first[:1].upper()}{first[1:]}.{_describe_rest(history, rest, now, zone)}"


def signal_phrase(signal: str) -> str:
    """Return a shipped signal as something a person does, and a company's own signal by its name in quotes."""
    return _PHRASES.get(signal, f"“{signal_words(signal)}”")


def join_with_and(phrases: Sequence[str]) -> str:
    """Join phrases as in a sentence: a, b and c."""
    return " and ".join((", ".join(phrases[:-1]), phrases[-1])) if len(phrases) > 1 else "".join(phrases)


def describe_time(at: dt.datetime, *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """Describe the day and its part as people do: this morning, yesterday evening, on Monday afternoon, on 3 March."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    days = (today.date() - local.date()).days
    if not 0 <= days < DAYS_WITH_NAMES:
        return f"on {local.day} {local:%B}" + ("" if local.year == today.year else f" {local.year}")
    part = "afternoon" if _NOON <= local.hour < _EVENING else "morning" if local.hour < _NOON else "evening"
    early = "early " if local.hour < _MORNING else ""
    if days == 0:
        return f"{early}this {part}"
    return f"{early}yesterday {part}" if days == 1 else f"{early}on {local:%A} {part}"


def describe_day(at: dt.datetime, *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """Describe the day alone: today, yesterday, on Monday, on 3 March."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    days = (today.date() - local.date()).days
    if days in (0, 1):
        return ("today", "yesterday")[days]
    return f"on {local:%A}" if 0 < days < DAYS_WITH_NAMES else describe_time(at, now=now, zone=zone)


def _read_activity(raw: Mapping[str, Any]) -> Activity | None:
    try:
        at, points = dt.datetime.fromisoformat(str(raw.get("at"))), float(raw.get("points") or 0)
    except (TypeError, ValueError):
        return None
    return None if at.tzinfo is None else Activity(at, str(raw.get("signal", "")), points)


def _mappings_in(value: object) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []


def _trigger_signals(evidence: Mapping[str, Any]) -> Iterable[str]:
    """Return the signals that were counted in satisfied paths, hot triggers included."""
    paths = (path for key in ("hot_paths", "paths") for path in _mappings_in(evidence.get(key)) if path.get("held"))
    clauses = (
        answer.get("clause") for path in paths for answer in _mappings_in(path.get("clauses")) if answer.get("held")
    )
    signals = (clause.get("signals") for clause in clauses if isinstance(clause, Mapping))
    return map(str, chain.from_iterable(names for names in signals if isinstance(names, list)))


def _choose_activities(history: ActivityHistory, asked_at: dt.datetime) -> list[list[Activity]]:
    """Choose at most SIGNALS_NAMED signals to name, each with its activities; ordered by the latest activity of each.

    1. Keep activities that counted: with points, or of a triggering signal; if there are none, those without points.
    2. Keep the recent ones; if there are none, the latest.
    3. Group them by signal; prefer triggering signals, then those with the most points.
    """
    in_order = sorted(history.activities, key=_occurred_at)
    counted = [activity for activity in in_order if activity.points > 0 or activity.signal in history.triggers]
    counted = counted or [activity for activity in in_order if activity.points == 0]
    recent = [activity for activity in counted if activity.at > asked_at - RECENT] or counted[-1:]
    by_signal: dict[str, list[Activity]] = {}
    for activity in recent:
        by_signal.setdefault(activity.signal, []).append(activity)

    def rank(group: list[Activity]) -> tuple[bool, float]:
        return group[0].signal not in history.triggers, -_total_points(group)

    best = sorted(by_signal.values(), key=rank)
    return sorted(best[:SIGNALS_NAMED], key=lambda group: group[-1].at)


def _describe_signal(activities: list[Activity], *, now: dt.datetime, zone: dt.tzinfo) -> str:
    """Describe the activities of one signal, given oldest first: the phrase, how often, and when."""
    times: dict[str, int] = {}
    for activity in activities:
        moment = describe_time(activity.at, now=now, zone=zone)
        times[moment] = times.get(moment, 0) + 1
    phrase = signal_phrase(activities[0].signal)
    if len(times) == 1:
        ((moment, count),) = times.items()
        return f"{phrase} {_describe_count(count)}{moment}"
    days = {describe_day(activity.at, now=now, zone=zone) for activity in activities}
    if len(days) == 1:
        return f"{phrase} {_describe_count(len(activities))}{days.pop()}"
    if len(times) == 2:  # noqa: PLR2004 (two moments can be named, more are a period)
        return f"{phrase} " + " and ".join(
            f"{_describe_count(count) or 'once '}{moment}" for moment, count in times.items()
        )
    return f"{phrase} {_describe_count(len(activities))}since {next(iter(times)).removeprefix('on ')}"


def _describe_rest(history: ActivityHistory, count: int, now: dt.datetime, zone: dt.tzinfo) -> str:
    if count <= 0:
        return ""
    since = ""
    if len(history.activities) == history.total:
        earliest = min(history.activities, key=_occurred_at).at
        since = f" since {describe_time(earliest, now=now, zone=zone).removeprefix('on ')}"
    return f" {count} other {'signal' if count == 1 else 'signals'}{since}."


def _describe_count(count: int) -> str:
    return {1: "", 2: "twice "}.get(count, f"{count} times ")


def _total_points(activities: list[Activity]) -> float:
    return sum(activity.points for activity in activities)


def _occurred_at(activity: Activity) -> dt.datetime:
    return activity.at
