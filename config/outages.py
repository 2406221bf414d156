"""Failures of the database and of disks that pass, what callers are told then, and what records say of the others.

Rules 17.5, 17.12 and 17.20.
"""

from __future__ import annotations

import errno
from typing import Final

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError

RETRY_AFTER_SECONDS: Final = 5
SENTENCE: Final = "The database is away. Nothing was stored; send it again."
FULL_DISK_SENTENCE: Final = "The disk is full. Nothing was stored; send it again when there is room."
_FULL_DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

#: The beginnings of the SQLSTATEs of failures that pass by themselves.
_PASSING: Final = (
    "08",  # the connection
    "25P03",  # a transaction that stood still for too long
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
    """Return whether an error passes: the database is away, takes no writes or gave this transaction up for others, or a disk is full.

    Whatever failed so leaves no trace but the log, and is tried again.
    """
    if state := read_sqlstate(error):
        return state.startswith(_PASSING)
    return isinstance(error, _WITHOUT_STATE) or is_full_disk(error)


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


def is_full_disk(error: object) -> bool:
    """Return whether an error says that a disk of this machine, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL_DISK_ERRORS


def describe_outage(error: object) -> str:
    """Return the sentence that tells a caller of this outage."""
    return FULL_DISK_SENTENCE if is_full_disk(error) else SENTENCE
