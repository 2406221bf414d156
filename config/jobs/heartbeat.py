"""The heartbeat of each periodic job. `/readyz` reads it: a silent beat is a fault that people must see."""

from __future__ import annotations

import datetime as dt

from config.jobs.models import Heartbeat


def record_heartbeat(*, name: str, now: dt.datetime) -> None:
    """Store that a job ended well now."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})


def last_heartbeat(*, name: str) -> dt.datetime | None:
    """Return when a job last ended well; None if it never did."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
