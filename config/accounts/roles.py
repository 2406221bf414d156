"""Role checks: the groups of a user, and views that need one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase


def roles_of(user: Any) -> frozenset[str]:
    """Return the names of a user's groups, read once per request."""
    if not user.is_authenticated:
        return frozenset()
    known = vars(user)
    if "roles" not in known:
        known["roles"] = frozenset(user.groups.values_list("name", flat=True))
    roles: frozenset[str] = known["roles"]
    return roles


def holds(user: Any, *roles: str) -> bool:
    """Return whether an active user holds one of these roles; a superuser holds them all (rules 1.1)."""
    return user.is_active and (user.is_superuser or not roles_of(user).isdisjoint(roles))


def roles_required(
    *roles: str, seen_by: Collection[str] = ()
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Require sign-in, then one of these roles, else answer 403. Rows are guarded by the lookup, not by this.

    `seen_by` are the roles for which the page exists at all: everybody else gets a 404 (rules 1.11).
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not holds(request.user, *roles):
                raise PermissionDenied if not seen_by or holds(request.user, *seen_by) else Http404
            return view(request, *args, **kwargs)

        return guarded

    return decorate
