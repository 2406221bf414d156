"""A person's saved filters of the queue, by name. Pages call them views."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from config.accounts.models import User
from config.web import QueryRefused
from definitions import motions
from sla.models import SavedFilter

AT_MOST: Final = 20
NAME_AT_MOST: Final = 60
QUERY_AT_MOST: Final = 500
#: The query parameters that make a filter; others, such as the position in the list, are dropped.
FILTER_NAMES: Final = ("q", "tier", "motion", "rep")


class FilterRefused(Exception):
    """Refuse to save a filter, with a sentence."""


def for_user(user: User) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(user=user).order_by("name", "pk")


def canonical_query(query: QueryDict) -> str:
    """Return the parameters that make a filter as a query string in a fixed order; empty for the whole queue."""
    parameters = QueryDict(mutable=True)
    for name in FILTER_NAMES:
        if value := query.get(name, "").strip():
            parameters[name] = value
    return parameters.urlencode()


@transaction.atomic
def save(*, name: str, query: str, by: User) -> SavedFilter:
    """Save a filter; one with the same name is replaced. Raises FilterRefused."""
    name, query = name.strip(), canonical_query(QueryDict(query))
    if not name.isprintable():
        raise FilterRefused("A view's name is plain text on one line.")
    if not name or not query:
        raise FilterRefused("Filter the queue first, then give the view a name." if name else "A view needs a name.")
    try:
        motions.read_motion_filter(QueryDict(query))
    except QueryRefused as refusal:
        raise FilterRefused(str(refusal)) from refusal
    if len(query) > QUERY_AT_MOST or len(name) > NAME_AT_MOST:
        raise FilterRefused("That is too long to be kept.")
    if for_user(by).exclude(name=name).count() >= AT_MOST:
        raise FilterRefused(f"{AT_MOST} views are kept at most; take one away first.")
    return SavedFilter.objects.update_or_create(user=by, name=name, defaults={"query": query})[0]


def delete(*, pk: int, by: User) -> bool:
    deleted, _ = SavedFilter.objects.filter(user=by, pk=pk).delete()
    return bool(deleted)
