"""Answers of the API when something fails: never a 5xx for the content of a request, always a 503 while the database is away
or a disk is full."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.db import DataError
from drf_standardized_errors.handler import ExceptionHandler as StandardHandler
from rest_framework.exceptions import APIException, ParseError

from config import lock_waits, outages

_BAD_INPUT = (DataError, UnicodeError, OverflowError, RecursionError)


class Unavailable(APIException):
    """503 while the database is away or a disk is full. DRF makes a Retry-After header, in seconds, of `wait`."""

    status_code = 503
    default_detail = outages.SENTENCE
    default_code = "unavailable"
    wait = outages.RETRY_AFTER_SECONDS


class TooLarge(APIException):
    status_code = 413
    default_detail = "The body is too large: send it in smaller batches."
    default_code = "too_large"


class Conflict(APIException):
    """409: somebody was faster, or the row is in a state that does not allow the step; the sentences say which."""

    status_code = 409
    default_code = "conflict"


class Unprocessable(APIException):
    """422: a rule forbids the step; the message is a sentence."""

    status_code = 422
    default_code = "refused"


class ExceptionHandler(StandardHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, _BAD_INPUT):
            return ParseError(
                "The request holds a value that cannot be read or stored: a number too large or a character that is none."
            )
        if isinstance(exc, RequestDataTooBig):
            return TooLarge()
        if isinstance(exc, lock_waits.RowContended):
            return Conflict(lock_waits.SENTENCE)
        if outages.is_outage(exc):
            return Unavailable(outages.describe_outage(exc))
        converted: Exception = super().convert_known_exceptions(exc)
        return converted
