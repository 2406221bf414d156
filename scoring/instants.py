"""Conversion between the engine's instants (int64 microseconds since the epoch, UTC) and datetimes."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def microseconds(at: dt.datetime) -> int:
    """Return an aware datetime as int64 microseconds since the epoch."""
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def from_microseconds(at: int) -> dt.datetime:
    """Return the engine's microseconds as a datetime in UTC."""
    return _EPOCH + dt.timedelta(microseconds=at)
