"""Small marks: badges, tiers, the ladder, icons; a template builtin. A mark of an unknown state raises."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()

TIER_NAMES: Final = {1: "hot", 2: "standard", 3: "nurture first"}
TIER_TONES: Final = {1: "bad", 2: "", 3: ""}
MOTION_TONES: Final = {"mql": "", "pql": "info", "aql": "marketing"}
MESSAGE_TONES: Final = {"debug": "info", "info": "info", "success": "good", "warning": "warn", "error": "bad"}
#: The mark of a check by its verdict: of evidence in words, of a routing rule as true or false.
CHECK_CLASSES: Final = {
    True: "is-pass",
    "pass": "is-pass",
    False: "is-fail",
    "fail": "is-fail",
    None: "is-unknown",
    "unknown": "is-unknown",
    "not needed": "is-spare",
}
CHECK_ICONS: Final = {"is-pass": "check", "is-fail": "cross", "is-unknown": "unknown", "is-spare": "dash"}


@register.inclusion_tag("components/badge.html")
def badge(text: str, tone: str = "") -> dict[str, str]:
    return {"text": text, "tone": tone}


@register.simple_tag
@cache
def motion(code: str) -> SafeString:
    """A motion's mark, rendered once each, as a queue shows dozens. Raises KeyError for no motion."""
    return render_to_string("components/badge.html", {"text": code.upper(), "tone": MOTION_TONES[code]})


@register.filter
def motion_article(code: str) -> str:
    """Return the article before a motion's name: an MQL, a PQL."""
    return "a" if code == "pql" else "an"


@register.filter
def motion_subject(code: str) -> str:
    """Return what a definition of the motion judges: a company or a lead."""
    return "company" if code == "aql" else "lead"


@register.filter
def motion_subjects(code: str) -> str:
    """Return the plural of what a definition of the motion judges."""
    return "companies" if code == "aql" else "leads"


@register.inclusion_tag("components/not_understood.html")
def not_understood(subject: Any, attribute: str) -> dict[str, str]:
    """Show the text of a lead's or company's attribute that could not be read; nothing where it was."""
    return {"text": subject.not_understood.get(attribute, "")}


@register.inclusion_tag("components/stage.html")
def stage(lead: Any) -> dict[str, str]:
    """A lead's summary stage. Raises ValueError for a stage that does not exist."""
    return {"text": lead.stage_label, "tone": lead.stage_tone}


@register.inclusion_tag("components/badge.html")
def handoff_state(handoff: Any) -> dict[str, str]:
    """A handoff's state. Raises ValueError for a state that does not exist."""
    return {"text": handoff.get_state_display(), "tone": handoff.state_tone}


@register.inclusion_tag("components/ladder.html")
def ladder(standing: Any) -> dict[str, Any]:
    """The steps of rules 2.1 in one motion, with the one of a lead's stage there marked; beside the ladder it is the last."""
    steps = standing.ladder_steps
    return {
        "name": f"Stage as {standing.motion_name}",
        "steps": [
            {
                "label": label,
                "is_current": at == standing.ladder_place,
                "is_done": at < standing.ladder_place and standing.is_on_ladder,
            }
            for at, label in enumerate(steps)
        ],
    }


@register.simple_tag
@cache
def tier(number: int, long: bool = False) -> SafeString:
    """A tier's mark, rendered once each: there are six of them, and a queue shows dozens. Raises KeyError for no tier."""
    context = {"tier": number, "name": TIER_NAMES[number], "long": long}
    return render_to_string("components/tier.html", context)


@register.inclusion_tag("components/icon.html")
def icon(name: str) -> dict[str, str]:
    return {"name": name}


@register.filter
def tier_tone(number: int) -> str:
    return TIER_TONES[number]


@register.filter
def message_tone(level: str) -> str:
    return MESSAGE_TONES[level]


@register.filter
def last_digit(number: int) -> int:
    """The key for the tenth of a list is 0."""
    return number % 10


@register.filter
def notice_tone(notice: Any) -> str:
    """A notice's tone. Raises ValueError for a kind that does not exist."""
    tone: str = notice.tone
    return tone


@register.filter
def check_class(verdict: bool | str | None) -> str:
    return CHECK_CLASSES[verdict]


@register.filter
def check_icon(verdict: bool | str | None) -> str:
    return CHECK_ICONS[check_class(verdict)]
