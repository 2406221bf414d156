"""Failures of the database that pass, what callers are told then, and what records say of the others (rules 17.5, 17.12)."""

from __future__ import annotations

from typing import Final

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError

RETRY_AFTER_SECONDS: Final = 5
SENTENCE: Final = "The database is away. Nothing was stored; send it again."

#: The beginnings of the SQLSTATEs of failures that pass by themselves.
_PASSING: Final = (
    "08",  # the connection
    "25006",  # a server that takes no writes, as during a failover
    "40",  # a deadlock or a serialization failure that was broken at the cost of this transaction
    "53",  # no memory, disk or connection left
    "55006",  # an object in use
    "55P03",  # a lock that was not waited for any longer
    "57",  # a shutdown, a crash or a cancelled statement
    "58",  # an error of the disk
)
_WITHOUT_STATE: Final = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


def is_outage(error: object) -> bool:
    """Return whether an error of the database passes: it is away, takes no writes, or gave up this transaction for others.

    Whatever failed so leaves no trace but the log, and is tried again.
    """
    if state := read_sqlstate(error):
        return state.startswith(_PASSING)
    return isinstance(error, _WITHOUT_STATE)


def is_lock_timeout(error: object) -> bool:
    """Return whether a statement gave up because somebody else held a lock for longer than it was to wait."""
    return read_sqlstate(error) == "55P03"


def describe_failure(error: Exception) -> str:
    """Return what a record or a message says of an error: never the words of the database or the error.

    These may hold names and addresses of people; the log has them without.
    """
    if is_outage(error):
        return "The database was away, or other work was in the way."
    if isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
        return "The database refused it. An administrator finds more in the log."
    return f"Accord failed ({type(error).__name__}). An administrator finds more in the log."


def read_sqlstate(error: object) -> str:
    """Return the SQLSTATE of an error of the driver, or of the one behind an error of Django; empty without one."""
    behind = getattr(error, "__cause__", None)
    return getattr(error, "sqlstate", None) or getattr(behind, "sqlstate", None) or ""
