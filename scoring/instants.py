"""Instants of the engine (int64 microseconds since the epoch, UTC) and those of people."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def microseconds(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def from_microseconds(at: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=at)
