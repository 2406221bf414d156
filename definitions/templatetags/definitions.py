"""Template tags with which pages of other apps show what versions keep."""

from __future__ import annotations

from typing import Any

from django import template

from definitions import amendments
from leads.models import ListEntry, NamedList, Signal

register = template.Library()


@register.inclusion_tag("definitions/_kept_earlier.html")
def kept_earlier(edited: NamedList | ListEntry | Signal) -> dict[str, Any]:
    """Return the versions in force that keep an earlier content of a list, or an earlier meaning of a signal."""
    if isinstance(edited, Signal):
        return {"offers": amendments.list_offers_about_signal(edited.code), "of": "meaning"}
    named_list = edited.list if isinstance(edited, ListEntry) else edited
    return {"offers": amendments.list_offers_about_list(named_list.name), "of": "content"}


@register.inclusion_tag("definitions/_kept_earlier.html")
def changes_not_in_force() -> dict[str, Any]:
    """Return the versions in force that are judged with earlier lists or signals than those of today."""
    return {"offers": list(amendments.list_offers()), "of": "content of lists and signals"}
