"""The primary motion: that of outcomes for leads that never qualified (rules 2.8, 2.16).

The app above knows it by its definitions and registers how to read it.
"""

from __future__ import annotations

from collections.abc import Callable

from leads.vocabulary import Motion

_readers: list[Callable[[], Motion]] = []


def register_reader(reader: Callable[[], Motion]) -> None:
    """Let `reader` say which motion is primary from now on."""
    _readers[:] = [reader]


def read_primary_motion() -> Motion:
    """Return the primary motion of leads; MQL while nobody says otherwise, and where companies are primary."""
    motion = _readers[0]() if _readers else Motion.MQL
    return Motion.MQL if motion == Motion.AQL else motion
