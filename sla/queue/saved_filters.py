"""A person's own views of the queue, by name."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict

from config.accounts.models import User
from sla.models import SavedFilter

AT_MOST: Final = 20
NAME_AT_MOST: Final = 60
QUERY_AT_MOST: Final = 500
#: What of an address makes a view; where one was on it does not.
KEPT: Final = ("q", "tier", "rep")


class FilterRefused(Exception):
    """This view cannot be kept, in a sentence."""


def for_user(user: User) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(user=user).order_by("name", "pk")


def canonical(query: QueryDict) -> str:
    """The part of an address that makes a view, always in the same order; empty: the whole queue."""
    kept = QueryDict(mutable=True)
    for name in KEPT:
        if value := query.get(name, "").strip():
            kept[name] = value
    return kept.urlencode()


@transaction.atomic
def save(*, name: str, query: str, by: User) -> SavedFilter:
    """Keep a view; a name that is taken gets the new view. Raises FilterRefused."""
    name, query = name.strip(), canonical(QueryDict(query))
    if not name.isprintable():
        raise FilterRefused("A view's name is plain text on one line.")
    if not name or not query:
        raise FilterRefused("Filter the queue first, then give the view a name." if name else "A view needs a name.")
    if len(query) > QUERY_AT_MOST or len(name) > NAME_AT_MOST:
        raise FilterRefused("That is too long to be kept.")
    if for_user(by).exclude(name=name).count() >= AT_MOST:
        raise FilterRefused(f"{AT_MOST} views are kept at most; take one away first.")
    return SavedFilter.objects.update_or_create(user=by, name=name, defaults={"query": query})[0]


def forget(*, pk: int, by: User) -> bool:
    deleted, _ = SavedFilter.objects.filter(user=by, pk=pk).delete()
    return bool(deleted)
