"""The request's type, the middleware of every page and the page of a failure. Imports no app."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django_structlog.middlewares import RequestMiddleware

from config import lock_waits, outages

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from config.accounts.models import User


#: More does not fit a bigint.
DIGITS_AT_MOST: Final = 18


class Request(HttpRequest):
    """A signed-in person's request, after the middleware."""

    user: User
    htmx: HtmxDetails


def typed_number(text: str) -> int | None:
    """The whole number that an address or a form carries; None for what is none or fits no column."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_AT_MOST else None


class QueryRefused(BadRequest):
    """A parameter of an address that cannot be read: its name and the rule, as parts of a sentence."""

    def __init__(self, parameter: str, rule: str) -> None:
        super().__init__(f"“{parameter}” in the address {rule}")
        self.parameter = parameter


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400; for a parameter that cannot be read the page names it and its rule."""
    sentence = str(exception) if isinstance(exception, QueryRefused) else ""
    return render(request, "400.html", {"sentence": sentence}, status=400)


class RequestLog(RequestMiddleware):
    """Log each request by method and path only: a query may name a person (`?email=`, `?q=`)."""

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


def show_refused_step(
    sentence: str, *, link: str, label: str = "See it as it is now", status: int = 409
) -> HttpResponse:
    """Answer a step that was overtaken: a sentence and a link, without a query, since a hundred may be late at once.

    It is a page of its own, with nothing of the menu.
    """
    context = {"sentence": sentence, "link": link, "label": label, "status": status}
    # Without the request no context processor reads the menu, the alarms and the messages.
    return HttpResponse(render_to_string("409.html", context), status=status)


class ContendedRows:
    """Steps of pages that waited too long for a lock are answered 409; the API answers by its own handler."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    @staticmethod
    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, lock_waits.RowContended):
            return None
        # The page that the step was taken on; never another site's.
        path = urlsplit(request.headers.get("Referer", "")).path.lstrip("/")
        return show_refused_step(lock_waits.SENTENCE, link=f"/{path}", label="Look again")


def report_failure(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed: 503 and when to try again while the database is away, else 500.

    Django calls it while it handles the exception, also for one of a middleware.
    """
    failure = sys.exc_info()[1]
    is_away = outages.is_outage(failure)
    status = 503 if is_away else 500
    headers = {"Retry-After": outages.RETRY_AFTER_SECONDS} if is_away else {}
    if request.path.startswith("/api/"):
        error = {
            "code": "unavailable" if is_away else "error",
            "detail": outages.describe_outage(failure) if is_away else "Accord failed.",
            "attr": None,
        }
        return JsonResponse({"type": "server_error", "errors": [error]}, status=status, headers=headers)
    return HttpResponse(render_to_string(f"{status}.html"), status=status, headers=headers)


def zone_of(user: Any) -> dt.tzinfo:
    """The zone on a user's account; UTC when it names none."""
    try:
        return ZoneInfo(user.time_zone)
    except (AttributeError, KeyError, ValueError, OSError):
        return dt.UTC
