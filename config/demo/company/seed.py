"""The seeding of the example company into an empty database, in one transaction."""

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

from config.accounts.models import ApiKey
from config.accounts.vocabulary import SCOPES
from config.demo.company import cost_history, definition_history, lead_generator, lead_loader, staff
from config.demo.company.lead_generator import CompanySize
from config.demo.company.qualifying_instants import QualifyingInstants
from config.demo.company.year_simulation import YearSimulation
from leads.models import Event, Lead
from scoring.models import HotUpgrade, Qualification, TierUpgrade
from sla.forecast import weekly_forecasts
from sla.models import Delivery, Notice, WeeklyForecast

#: Older notices count as read.
_READ_AFTER: Final = dt.timedelta(hours=20)
_WEEKS_WITH_FORECAST: Final = 8
_KEY_NAME: Final = "Example website"
_SCOPES: Final = ["facts:write", "facts:read", "handoffs:read", "reports:read"]


class NotEmpty(Exception):
    """The database has leads already, and the example never mixes with somebody's own."""


def key_file() -> Path:
    """Return the file that holds the API key of the example's website."""
    return Path(settings.BASE_DIR) / ".local" / "demo_api_key"


@transaction.atomic
def seed(*, size: CompanySize, seed: int, now: dt.datetime, say: Callable[[str], None], in_bulk: bool = True) -> str:
    """Write the year that ends at `now` and return the website's API key, which is shown only this once.

    The same size, seed and `now` give the same rows, except the key. Not `in_bulk`, every handoff goes through the
    use-cases, which takes minutes. Raises NotEmpty.

    1. Generate companies, leads and their activities, and store them.
    2. Judge every lead at every instant of the year.
    3. Simulate the year: definition, handoffs, decisions.
    4. Enter the costs of the sources, and make the forecasts of the last weeks, each from what was known then.
    5. Mark old notices as read and their mail as sent.
    6. Create the API key.
    """
    if Lead.objects.exists():
        raise NotEmpty("There are leads in this database already; the example goes into an empty one only.")
    progress = _Progress(say)
    year = lead_generator.generate(size, seed=seed, now=now)
    people = staff.create_staff(start=year.dates.start)
    progress.report(f"{len(year.companies)} companies, {len(year.leads)} people, 3 teams drawn")
    leads = lead_loader.store_leads(year)
    progress.report(f"{Event.objects.count()} events stored")
    instants = QualifyingInstants(list(leads.values()), definition_history.versions_in_force(year.dates))
    instants.accept_for_marketing()
    progress.report("Every lead judged at every instant of the year")
    rng = random.Random(f"{seed}/story")  # noqa: S311 (an example, not a secret)
    YearSimulation(year=year, people=people, leads=leads, instants=instants, rng=rng).run(in_bulk=in_bulk)
    cost_history.enter_costs(ops=people.ops, start=year.dates.start, now=now)
    progress.report(f"The year played: {Qualification.objects.count()} MQLs and what became of them")
    for weeks_ago in reversed(range(_WEEKS_WITH_FORECAST)):
        weekly_forecasts.make_due_forecasts(now=now - dt.timedelta(weeks=weeks_ago))
    _settle_notices(now)
    progress.report(f"{WeeklyForecast.objects.count()} forecasts made")
    _, secret = ApiKey.objects.create_key(
        name=_KEY_NAME,
        owner=people.ops,
        source="example-website",
        scopes=[scope for scope in _SCOPES if scope in SCOPES],
    )
    return secret


def _settle_notices(now: dt.datetime) -> None:
    """Mark what is past as dealt with, so that nobody gets mail about it; the notices of today stay unread."""
    for upgrades in (HotUpgrade, TierUpgrade):
        upgrades.objects.filter(taken_at=None).update(taken_at=F("recorded_at"))
    Delivery.objects.unsent().update(sent_at=F("send_at"))
    Notice.objects.filter(created_at__lt=now - _READ_AFTER, read_at=None).update(
        read_at=F("created_at") + dt.timedelta(hours=2)
    )


class _Progress:
    """The printer of progress lines with the seconds that each step took."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._started_at = say, time.monotonic()

    def report(self, text: str) -> None:
        seconds, self._started_at = time.monotonic() - self._started_at, time.monotonic()
        self._say(f"  {text} ({seconds:.1f} s)")
