"""What every page's view needs and no app owns: the request's type, role checks, cache headers. Imports no app."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django_structlog.middlewares import RequestMiddleware

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from leads.models import User


#: More does not fit a bigint.
DIGITS_AT_MOST: Final = 18


class Request(HttpRequest):
    """A signed-in person's request, after the middleware."""

    user: User
    htmx: HtmxDetails


def typed_number(text: str) -> int | None:
    """The whole number that an address or a form carries; None for what is none or fits no column."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_AT_MOST else None


def roles_of(user: Any) -> frozenset[str]:
    """The names of a user's groups, read once per request."""
    if not user.is_authenticated:
        return frozenset()
    known = vars(user)
    if "roles" not in known:
        known["roles"] = frozenset(user.groups.values_list("name", flat=True))
    roles: frozenset[str] = known["roles"]
    return roles


def holds(user: Any, *roles: str) -> bool:
    return user.is_active and (user.is_superuser or not roles_of(user).isdisjoint(roles))


def roles_required(*roles: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Sign-in, then one of these roles, else 403. Rows are guarded by the lookup, not by this."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not holds(request.user, *roles):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class RequestLog(RequestMiddleware):
    """Each request in the log by method and path: a query may name a person (`?email=`, `?q=`)."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


class PersonalPages:
    """Pages of a signed-in person are never stored by a cache on the way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_store=True)
        return response


class OwnTimeZone:
    """A person reads and types times in their own zone; everything behind the page is UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone_of(request.user)):
            return self.get_response(request)


def zone_of(user: Any) -> dt.tzinfo:
    """The zone on a user's account; UTC when it names none."""
    try:
        return ZoneInfo(user.time_zone)
    except (AttributeError, KeyError, ValueError, OSError):
        return dt.UTC
