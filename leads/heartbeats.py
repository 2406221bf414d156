"""When each periodic work last ended well. `/readyz` reads it: a silent beat is a fault that people must see."""

from __future__ import annotations

import datetime as dt

from leads.models import Heartbeat


def note(*, name: str, now: dt.datetime) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})


def last(*, name: str) -> dt.datetime | None:
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
