"""Waiting by polling: a condition comes to hold, also while the database is away in between."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

#: Longer than anything takes on a loaded machine: beyond it something is stuck.
PATIENCE_SECONDS = 240.0


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS) -> float:
    """Poll until the condition holds; return the seconds that it took. Fails with `what` in its message."""
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except (OperationalError, InterfaceError):
            # The server that this connection led to is gone.
            connection.close()
        assert time.monotonic() - began < seconds, f"Not within {seconds:.0f} s: {what}."
        time.sleep(0.05)
