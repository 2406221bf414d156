"""Limits of requests to the API: by key or person, and of wrong keys by source (rules 16.17)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.accounts.models import ApiKey, RequestCount
from config.accounts.networks import network_of

_KEEP: Final = dt.timedelta(days=1)
# One statement counts, whatever else counts at the same instant: a row belongs to one caller and its current minute.
_COUNT: Final = """
    INSERT INTO accounts_requestcount AS stored (caller, minute, requests) VALUES (%s, %s, 1)
    ON CONFLICT (caller) DO UPDATE SET
        requests = CASE WHEN stored.minute = EXCLUDED.minute THEN stored.requests + 1 ELSE 1 END,
        minute = EXCLUDED.minute
    RETURNING requests
"""


class RequestLimit(BaseThrottle):
    """The limit of reads and of writes a minute for each key, each signed-in person, and each source of others."""

    _seconds: float = 0

    def allow_request(self, request: Request, _view: Any) -> bool:
        is_read = request.method in SAFE_METHODS
        limit = settings.API_READS_A_MINUTE if is_read else settings.API_WRITES_A_MINUTE
        now = timezone.now()
        self._seconds = seconds_to_wait(
            f"{_caller_of(request)} {'reads' if is_read else 'writes'}", limit=limit, now=now
        )
        return self._seconds == 0

    def wait(self) -> float:
        """Return the seconds until the next minute; DRF makes a Retry-After header of them."""
        return self._seconds


def count_wrong_key(request: Request, *, now: dt.datetime) -> float:
    """Count a wrong key of the request's source; returns the seconds to wait, or 0 within the limit.

    Right keys from the same source are not counted: an office has one address.
    """
    return seconds_to_wait(f"source {_source_of(request)}", limit=settings.API_WRONG_KEYS_A_MINUTE, now=now)


def _caller_of(request: Request) -> str:
    if isinstance(request.auth, ApiKey):
        return f"key {request.auth.pk}"
    if request.user.is_authenticated:
        return f"person {request.user.pk}"
    return f"source {_source_of(request)}"


def _source_of(request: Request) -> str:
    return network_of(BaseThrottle().get_ident(request))[:80]


def seconds_to_wait(caller: str, *, limit: int, now: dt.datetime) -> float:
    """Count a request of this minute; returns the seconds until the next one if it is over the limit, else 0."""
    minute = now.replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [caller, minute])
        (requests,) = cursor.fetchone()
    return 60 - (now - minute).total_seconds() if requests > limit else 0


def delete_old_counts(*, now: dt.datetime) -> int:
    """Delete the counts of callers that have been silent for a day; returns how many."""
    return RequestCount.objects.filter(minute__lt=now - _KEEP).delete()[0]
