"""Boxes of a page: cards, tables, fields, pagers, charts and figures; a template builtin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.forms import BoundField
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from config.ui.formats import points

register = template.Library()


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
def folded(content: str, title: str, note: str = "", is_printed: bool = False) -> SafeString:
    """A part of a page that opens on a click. On paper it is left out, or stands open with `is_printed`."""
    return render_to_string(
        "components/folded.html", {"content": content, "title": title, "note": note, "is_printed": is_printed}
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
    """Return this page's address with other parameters; None takes a parameter away."""
    return with_query(context["request"].GET, **changes)


def with_query(query: QueryDict, **changes: object) -> str:
    pairs: Iterable[tuple[str, str]] = (
        (name, value) for name, values in query.lists() for value in values if name not in changes
    )
    added = ((name, str(value)) for name, value in changes.items() if value is not None)
    return "?" + urlencode([*pairs, *added])


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
