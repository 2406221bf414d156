"""Template components and the page's shell; a template builtin. Imports no app."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final
from urllib.parse import urlencode

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.forms import BoundField
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.web import holds, roles_of

register = template.Library()

SECONDS_SHOWN_BELOW: Final = 10 * 60
#: Beyond this the hour of the day says more than a number of hours.
COUNTDOWN_BELOW: Final = 8 * 3600
DAYS_BELOW: Final = 48
DAYS_OF_A_WEEK: Final = 7
SECONDS_OF_A_MINUTE: Final = 60
SECONDS_OF_AN_HOUR: Final = 3600
MARKETING: Final = ("marketing_ops", "marketing_leader", "sales_leader", "sales_manager", "viewer")
TIER_NAMES: Final = {1: "hot", 2: "standard", 3: "nurture first"}
MESSAGE_TONES: Final = {"success": "good", "warning": "warn", "error": "bad"}

# ── The shell: what base.html shows on every page ─────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation. No roles: everybody's. Pages under its own address or one of `within` are in it."""

    label: str
    name: str
    roles: tuple[str, ...] = ()
    within: tuple[str, ...] = ()


PLACES: Final = (
    Place("Queue", "queue", ("sdr", "sales_manager"), within=("/handoffs/",)),
    Place("Overview", "overview", MARKETING),
    Place("Unrouted", "unrouted", ("sales_manager",)),
    Place("Leads", "lead_list", MARKETING, within=("/companies/",)),
    Place("Nurture", "nurture", (*MARKETING, "sdr")),
    Place(
        "Definition",
        "definition",
        within=("/definitions/", "/backtests/", "/comparisons/", "/replays/", "/quick-figures/"),
    ),
    Place("Reviews", "reviews", MARKETING),
    Place("SLA", "sla_report"),
    Place("Rules", "rules", (*MARKETING, "sdr"), within=("/commitments/", "/calendars/", "/routing/")),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str
    is_current: bool


def shell(request: HttpRequest) -> dict[str, Any]:
    """What base.html shows on every page; navigation and counts are computed only where they are shown, and once."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"roles": frozenset(), "now": timezone.now()}
    return {
        "roles": roles_of(user),
        "now": timezone.now(),
        "nav": partial(navigation, request),
        "unread": cache(partial(unread_notices, user)),
    }


def navigation(request: HttpRequest) -> list[Link]:
    allowed = [place for place in PLACES if not place.roles or holds(request.user, *place.roles)]
    return [_link(place, request.path) for place in allowed]


def unread_notices(user: Any) -> int:
    return user.notices.filter(read_at__isnull=True).count()  # type: ignore[no-any-return]


def _link(place: Place, path: str) -> Link:
    url = reverse(place.name)
    return Link(place.label, url, is_current=path.startswith((url, *place.within)))


# ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────


def remaining(due: dt.datetime, now: dt.datetime) -> str:
    """A countdown in words: to the second below ten minutes, by the clock on the wall beyond eight hours."""
    seconds = (due - now).total_seconds()
    if seconds < 0:
        return f"{_span(max(SECONDS_OF_A_MINUTE, int(-seconds)))} late"
    if seconds < SECONDS_SHOWN_BELOW:
        return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
    return _span(int(seconds)) if seconds < COUNTDOWN_BELOW else _day_and_time(due, now)


def _span(seconds: int) -> str:
    """Minutes, hours or days; one word for each size, as in static/js/countdown.js."""
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours >= DAYS_BELOW:
        return f"{hours // 24} days"
    if hours >= COUNTDOWN_BELOW // 3600:
        return f"{hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _day_and_time(at: dt.datetime, now: dt.datetime) -> str:
    at, now = timezone.localtime(at), timezone.localtime(now)
    days = (at.date() - now.date()).days
    if days == 0:
        return f"today {at:%H:%M}"
    if days == 1:
        return f"tomorrow {at:%H:%M}"
    return f"{at:%a %H:%M}" if 0 < days < DAYS_OF_A_WEEK else f"{at.day} {at:%b}"


@register.simple_tag
def clock(due: dt.datetime, now: dt.datetime, warn: dt.datetime | None = None) -> SafeString:
    """A countdown: text from here, ticking by static/js/countdown.js."""
    left = (due - now).total_seconds()
    is_soon = left < SECONDS_SHOWN_BELOW or (warn is not None and now >= warn)
    tone = "bad" if left < 0 else "warn" if is_soon else "calm"
    local = timezone.localtime(due)
    # Written here, as `moment`: a queue shows dozens, and what a template ends in stands before the next comma.
    return format_html(
        '<time class="clock" datetime="{}" data-due="{}" data-warn="{}" data-tone="{}" title="Due {}">{}</time>',
        local.isoformat(),
        int(due.timestamp()),
        int((warn or due).timestamp()),
        tone,
        f"{local:%a} {local.day} {local:%b, %H:%M %Z}",
        remaining(due, now),
    )


@register.simple_tag
def countdown_limits() -> SafeString:
    """Write the limits of `remaining`, in seconds, as data attributes for static/js/countdown.js."""
    return format_html(
        'data-seconds-shown-below="{}" data-countdown-below="{}" data-days-from="{}"',
        SECONDS_SHOWN_BELOW,
        COUNTDOWN_BELOW,
        DAYS_BELOW * SECONDS_OF_AN_HOUR,
    )


@register.simple_tag
def moment(at: dt.datetime | None, now: dt.datetime | None = None) -> SafeString | str:
    """An instant in the reader's zone: "Tue 14 May, 10:20", with the year when it is not this one."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    year = "" if now is None or local.year == timezone.localtime(now).year else f" {local.year}"
    title = f"{local:%A} {local.day} {local:%B %Y, %H:%M %Z}"
    text = f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), title, text)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as people say them: 45 s, 12 min, 3 h 05 min, 4 days."""
    if seconds is None:
        return "–"
    return f"{int(seconds)} s" if seconds < SECONDS_OF_A_MINUTE else _span(int(seconds))


# ── Figures ───────────────────────────────────────────────────────────────────────────────────────────────


@register.filter
def percent(share: float | None) -> str:
    """0.7 as 70 %; no share of nothing."""
    return "–" if share is None else f"{share * 100:.0f}\u202f%"


@register.filter
def rate(of_a_hundred: float | None) -> str:
    """A share that is in percent already."""
    return "–" if of_a_hundred is None else f"{of_a_hundred:.0f}\u202f%"


@register.filter
def minutes(count: float | None) -> str:
    return duration(None if count is None else count * 60)


@register.filter
def points(value: Any) -> str:
    """A score as people read it: at most one decimal, none that says nothing."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, (int, float)) else "–"


@register.filter
def money(amount: Any) -> str:
    return "–" if amount is None else f"{amount:,.0f}"


@register.filter
def figure(count: Any) -> str:
    """A count as people read it, its thousands apart."""
    return f"{count:,}" if isinstance(count, int) else "–"


@register.inclusion_tag("components/chart.html")
def chart(chart: Any, figures: bool = True) -> dict[str, Any]:
    """A chart of config.charts, its figures in a table behind it. `figures=False`: the page has that table already."""
    return {"chart": chart, "figures": figures}


@register.inclusion_tag("components/heat_grid.html")
def heat_grid(grid: Any) -> dict[str, Any]:
    """A grid of config.charts."""
    return {"grid": grid}


@register.inclusion_tag("components/score_bar.html")
def score_bar(label: str, value: float | None, ceiling: float | None = 100, tone: str = "") -> dict[str, Any]:
    share = 0.0 if not value or not ceiling else max(0.0, min(100.0, value / ceiling * 100))
    return {"label": label, "text": points(value), "share": f"{share:.1f}", "tone": tone}


@register.simple_block_tag
def stat(content: str, label: str, value: object, lead: bool = False) -> SafeString:
    """A figure with its label; the block says period and sample size."""
    return render_to_string("components/stat.html", {"content": content, "label": label, "value": value, "lead": lead})


# ── Small marks ───────────────────────────────────────────────────────────────────────────────────────────

STAGE_TONES: Final = {
    "mal": "marketing", "mql": "marketing", "sal": "sales", "sql": "sales", "opportunity": "sales", "won": "good",
    "lost": "bad", "nurture": "info", "disqualified": "bad",
}  # fmt: skip
STATE_TONES: Final = {
    "unrouted": "warn", "assigned": "info", "accepted": "sales", "rejected": "bad", "qualified": "sales",
    "opportunity": "sales", "won": "good", "lost": "bad",
}  # fmt: skip
NOTICE_TONES: Final = {
    "sla.breached": "bad",
    "mql.unrouted": "bad",
    "sla.warning": "warn",
    "signature.waiting": "warn",
    "lead.reengaged": "marketing",
}
LADDER: Final = {
    "lead": "Lead", "mal": "MAL", "mql": "MQL", "sal": "SAL", "sql": "SQL", "opportunity": "Opportunity", "won": "Won",
}  # fmt: skip


@register.inclusion_tag("components/badge.html")
def badge(text: str, tone: str = "") -> dict[str, str]:
    return {"text": text, "tone": tone}


@register.inclusion_tag("components/stage.html")
def stage(lead: Any) -> dict[str, str]:
    """Where a lead stands on the ladder."""
    return {"text": lead.get_stage_display(), "tone": STAGE_TONES.get(lead.stage, "")}


@register.inclusion_tag("components/badge.html")
def handoff_state(handoff: Any) -> dict[str, str]:
    return {"text": handoff.get_state_display(), "tone": STATE_TONES.get(handoff.state, "")}


@register.inclusion_tag("components/ladder.html")
def ladder(lead: Any) -> dict[str, Any]:
    """The steps of SPEC 2, with the lead's own marked; a stage beside the ladder is marked at its end."""
    steps = list(LADDER) if lead.stage in LADDER else [*list(LADDER)[:-1], lead.stage]
    here = steps.index(lead.stage)
    beside = lead.stage not in LADDER
    return {
        "steps": [
            {
                "label": LADDER.get(step) or lead.get_stage_display(),
                "is_current": at == here,
                "is_done": at < here and not beside,
            }
            for at, step in enumerate(steps)
        ]
    }


@register.simple_tag
@cache
def tier(number: int, long: bool = False) -> SafeString:
    """There are six of them, and a queue shows dozens."""
    context = {"tier": number, "name": TIER_NAMES.get(number, "none"), "long": long}
    return render_to_string("components/tier.html", context)


@register.inclusion_tag("components/icon.html")
def icon(name: str) -> dict[str, str]:
    return {"name": name}


@register.filter
def tier_tone(number: int) -> str:
    return "bad" if number == 1 else ""


@register.filter
def message_tone(level: str) -> str:
    return MESSAGE_TONES.get(level, "info")


@register.filter
def last_digit(number: int) -> int:
    """The key for the tenth of a list is 0."""
    return number % 10


@register.filter
def notice_tone(notice: Any) -> str:
    return NOTICE_TONES.get(notice.kind, "info")


@register.filter
def check_class(verdict: Any) -> str:
    """is-pass, is-fail, is-unknown or is-spare, from a verdict given as true/false/null, 1/0/-1 or a word."""
    if verdict in (True, "pass", "passed", "held"):
        return "is-pass"
    if verdict == "not needed":
        return "is-spare"
    return "is-unknown" if verdict in (None, -1, "unknown") else "is-fail"


@register.filter
def check_icon(verdict: Any) -> str:
    return {"is-pass": "check", "is-fail": "cross", "is-unknown": "unknown", "is-spare": "dash"}[check_class(verdict)]


# ── Boxes ─────────────────────────────────────────────────────────────────────────────────────────────────


@register.simple_block_tag
def card(
    content: str, title: str = "", note: str = "", tone: str = "", anchor: str = "", flush: bool = False
) -> SafeString:
    """A titled box. `flush`: the content goes to the edges, as a table does."""
    return render_to_string(
        "components/card.html",
        {"content": content, "title": title, "note": note, "tone": tone, "anchor": anchor, "flush": flush},
    )


@register.simple_block_tag
def table(content: str, caption: str, hide_caption: bool = False, stacking: bool = False) -> SafeString:
    """A table that scrolls in its own box. `stacking`: on a phone each row becomes a block, by `data-label` of its cells."""
    return render_to_string(
        "components/table.html",
        {"content": content, "caption": caption, "hide_caption": hide_caption, "stacking": stacking},
    )


@register.simple_block_tag
def empty(content: str, title: str, icon_name: str = "inbox") -> SafeString:
    """Nothing here: what would fill this place, and the one next thing to do."""
    return render_to_string("components/empty.html", {"content": content, "title": title, "icon_name": icon_name})


@register.inclusion_tag("components/field.html")
def field(field: BoundField, optional: bool = True) -> dict[str, Any]:
    """A form's field with its label, help and errors."""
    if not isinstance(field, BoundField):
        raise ImproperlyConfigured("{% field %} needs a form's field; is the name right?")
    return {"field": field, "optional": optional, "inline": field.widget_type == "checkbox"}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: template.Context, text: str, after: object = None) -> dict[str, Any]:
    """Keyset pages: the next one begins after the row named `after`; none: this is the last."""
    query: QueryDict = context["request"].GET
    return {
        "text": text,
        "next_url": with_query(query, after=after) if after is not None else "",
        "first_url": with_query(query, after=None) if query.get("after") else "",
    }


@register.simple_tag(takes_context=True)
def query_with(context: template.Context, **changes: object) -> str:
    """This page's address with other parameters; none takes a parameter away."""
    return with_query(context["request"].GET, **changes)


def with_query(query: QueryDict, **changes: object) -> str:
    pairs: Iterable[tuple[str, str]] = (
        (name, value) for name, values in query.lists() for value in values if name not in changes
    )
    added = ((name, str(value)) for name, value in changes.items() if value is not None)
    return "?" + urlencode([*pairs, *added])
