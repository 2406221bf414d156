"""Failures of the database that pass, and what callers are told then (rules 17.12)."""

from __future__ import annotations

from typing import Final

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import ReadOnlySqlTransaction

RETRY_AFTER_SECONDS: Final = 5
SENTENCE: Final = "The database is away. Nothing was stored; send it again."


def is_outage(error: object) -> bool:
    """Return whether an error says that the database is away, or that it takes no writes, as during a failover."""
    if isinstance(error, InternalError):
        return isinstance(error.__cause__, ReadOnlySqlTransaction)
    return isinstance(error, OperationalError | InterfaceError)
