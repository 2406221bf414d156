"""The formats as template builtins: the filters of config.ui.formats, and the two times that are HTML."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.ui import formats
from config.ui.formats import COUNTDOWN_BELOW, DAYS_BELOW, SECONDS_OF_AN_HOUR, SECONDS_SHOWN_BELOW, remaining

register = template.Library()

#: What came without a date is known since this instant (`leads.vocabulary.BEGINNING`).
_BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

for text_filter in (
    formats.duration,
    formats.percent,
    formats.rate,
    formats.minutes,
    formats.points,
    formats.money,
    formats.figure,
):
    register.filter(text_filter)


@register.simple_tag
def clock(due: dt.datetime, now: dt.datetime, warn: dt.datetime | None = None) -> SafeString:
    """Write a countdown: its text, and the attributes by which static/js/countdown.js counts on."""
    left = (due - now).total_seconds()
    is_soon = left < SECONDS_SHOWN_BELOW or (warn is not None and now >= warn)
    tone = "bad" if left < 0 else "warn" if is_soon else "calm"
    local = timezone.localtime(due)
    # Built with format_html, as `moment`: a queue renders dozens, and a template file's trailing newline would add
    # a space before the comma.
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
    if at == _BEGINNING:
        return "the beginning"
    local = timezone.localtime(at)
    year = "" if now is None or local.year == timezone.localtime(now).year else f" {local.year}"
    title = f"{local:%A} {local.day} {local:%B %Y, %H:%M %Z}"
    text = f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), title, text)
