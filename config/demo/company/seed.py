"""Puts the example company into an empty database, whole or not at all."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F

from config.demo.company import definition_history, lead_generator, lead_loader, staff
from config.demo.company.lead_generator import CompanySize
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.year_simulation import YearSimulation
from leads.authentication import SCOPES
from leads.models import ApiKey, Event, Lead
from scoring.models import HotUpgrade, Qualification
from sla.models import Delivery, Notice

#: Notices older than this were read in the story.
_READ_AFTER: Final = dt.timedelta(hours=20)
_KEY_NAME: Final = "Example website"
_SCOPES: Final = ["facts:write", "facts:read", "handoffs:read", "reports:read"]


class NotEmpty(Exception):
    """There are leads already, and the example never mixes with somebody's own."""


def key_file() -> Path:
    return Path(settings.BASE_DIR) / ".local" / "demo_api_key"


@transaction.atomic
def seed(*, profile: CompanySize, seed: int, now: dt.datetime, say: Callable[[str], None], books: bool = True) -> str:
    """Write the year that ends at `now`; returns the website's API key, which is shown only this once. Raises NotEmpty.

    The same profile, seed and `now` give the same rows, the key excepted.
    """
    if Lead.objects.exists():
        raise NotEmpty("There are leads in this database already; the example goes into an empty one only.")
    step = _Steps(say)
    world = lead_generator.generate(profile, seed=seed, now=now)
    people = staff.create_staff(start=world.calendar.start)
    step(f"{len(world.firms)} companies, {len(world.people)} people, 3 teams drawn")
    leads = lead_loader.store_leads(world)
    step(f"{Event.objects.count()} events stored")
    candidates = QualifyingInstants(list(leads.values()), definition_history.versions_in_force(world.calendar))
    candidates.accept_for_marketing()
    step("Every lead judged at every instant of the year")
    rng = random.Random(f"{seed}/story")  # noqa: S311 (a story, not a secret)
    YearSimulation(world=world, people=people, leads=leads, candidates=candidates, rng=rng).play(books=books)
    _put_the_mail_away(now)
    step(f"The year played: {Qualification.objects.count()} MQLs and what became of them")
    _, secret = ApiKey.objects.create_key(
        name=_KEY_NAME,
        owner=people.ops,
        source="example-website",
        scopes=[scope for scope in _SCOPES if scope in SCOPES],
    )
    return str(secret)


def _put_the_mail_away(now: dt.datetime) -> None:
    """Nobody gets mail about the past, nor is hurried by it; what is of today is still unread."""
    HotUpgrade.objects.filter(taken_at=None).update(taken_at=F("recorded_at"))
    Delivery.objects.unsent().update(sent_at=F("send_at"))
    Notice.objects.filter(created_at__lt=now - _READ_AFTER, read_at=None).update(
        read_at=F("created_at") + dt.timedelta(hours=2)
    )


class _Steps:
    """Progress lines with the seconds each step took."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._begun = say, time.monotonic()

    def __call__(self, text: str) -> None:
        took, self._begun = time.monotonic() - self._begun, time.monotonic()
        self._say(f"  {text} ({took:.1f} s)")
