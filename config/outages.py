"""Failures of the database and of disks that pass, and what callers are told then (rules 17.12)."""

from __future__ import annotations

import errno
from typing import Final

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import ReadOnlySqlTransaction

RETRY_AFTER_SECONDS: Final = 5
SENTENCE: Final = "The database is away. Nothing was stored; send it again."
FULL_DISK_SENTENCE: Final = "The disk is full. Nothing was stored; send it again when there is room."
_FULL_DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_outage(error: object) -> bool:
    """Return whether an error says that the database is away or takes no writes, as during a failover, or that a disk is full."""
    if isinstance(error, InternalError):
        return isinstance(error.__cause__, ReadOnlySqlTransaction)
    return isinstance(error, OperationalError | InterfaceError) or is_full_disk(error)


def is_full_disk(error: object) -> bool:
    """Return whether an error says that a disk of this machine, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL_DISK_ERRORS


def describe_outage(error: object) -> str:
    """Return the sentence that tells a caller of this outage."""
    return FULL_DISK_SENTENCE if is_full_disk(error) else SENTENCE
