"""Faults from outside on real processes: no work is lost, and none is done twice (rules 17.4)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from config import periodic
from definitions import version_documents
from leads import named_lists, shipped_signals
from leads.intake import events
from leads.models import Lead, Signal
from scoring.models import Qualification, Score
from sla.models import Clock, Handoff
from tests.factories import CommitmentFactory, CompanyFactory, TeamFactory, WorkCalendarFactory
from tests.scoring import facts
from tests.scoring.reference_lead import put_in_force

ROOT = Path(__file__).parents[2]
MQLS = 150

pytestmark = pytest.mark.django_db(transaction=True)

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a Celery program on the test's database, and kill those programs after the test."""
    started: list[subprocess.Popen[bytes]] = []
    database = connection.settings_dict
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)

    def program(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", "config", *arguments]
        environment = os.environ | {"DATABASE_URL": url, "COLUMN_CACHE_DIR": str(tmp_path / "columns")}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        started.append(process)
        return process

    yield program
    for process in started:
        _kill(process)


@pytest.fixture
def company_at_work() -> None:
    """A definition in force, commitments, one team that never sleeps, and as many demo requests as `MQLS`."""
    now = timezone.now()
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
    draft = version_documents.import_document(document=facts.document(), by=None, now=now)
    put_in_force(draft, now - dt.timedelta(days=1))
    CommitmentFactory(active=True)
    TeamFactory(working=True, reps=3, calendar=WorkCalendarFactory(always_open=True))
    company = CompanyFactory(fits=True, recorded_at=now)
    Lead.objects.bulk_create(
        Lead(email=f"{n}@fit.example", company=company, stage_at=now, recorded_at=now) for n in range(MQLS)
    )


def _ask_for_demos() -> None:
    at = (timezone.now() - dt.timedelta(seconds=1)).isoformat()
    items = [
        {"email": f"{n}@fit.example", "signal": "demo_request", "occurred_at": at, "id": str(n)} for n in range(MQLS)
    ]
    answers = events.record(items=items, source="drill", now=timezone.now())
    assert {answer.status for answer in answers} == {"accepted"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until(holds: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not come to pass."
        time.sleep(0.05)


def _each_lead_is_handed_off_once() -> None:
    assert Score.objects.count() == MQLS
    assert Qualification.objects.count() == MQLS
    assert Handoff.objects.count() == MQLS
    assert Handoff.objects.values("lead").distinct().count() == MQLS
    assert Clock.objects.count() == 3 * MQLS


@pytest.mark.usefixtures("company_at_work")
def test_a_worker_killed_during_a_sweep_loses_and_repeats_nothing(start: Start) -> None:
    beat = ["beat", "--schedule", "/dev/null", "--scheduler", "celery.beat:Scheduler"]
    first = start("worker", "--concurrency", "2", "--loglevel", "error")
    start(*beat, "--loglevel", "error")
    _ask_for_demos()

    _until(Qualification.objects.exists)
    _kill(first)
    assert Handoff.objects.count() < MQLS
    start("worker", "--concurrency", "2", "--loglevel", "error")

    _until(lambda: Handoff.objects.filter(rep__isnull=False).count() == MQLS)
    _each_lead_is_handed_off_once()


@pytest.mark.usefixtures("company_at_work")
def test_an_emptied_valkey_and_a_second_beat_lose_and_repeat_nothing(start: Start) -> None:
    beat = ["beat", "--schedule", "/dev/null", "--scheduler", "celery.beat:Scheduler"]
    start("worker", "--concurrency", "2", "--loglevel", "error")
    start(*beat, "--loglevel", "error")
    start(*beat, "--loglevel", "error")
    _ask_for_demos()

    _until(Qualification.objects.exists)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()

    _until(lambda: Handoff.objects.filter(rep__isnull=False).count() == MQLS)
    _each_lead_is_handed_off_once()


@pytest.mark.usefixtures("company_at_work")
def test_one_tick_takes_an_event_to_a_rep() -> None:
    _ask_for_demos()

    counts = periodic.tick(now=timezone.now())

    assert counts["rescored"] == MQLS
    assert counts["handed_off"] == MQLS
    assert Handoff.objects.filter(rep__isnull=False, tier=1).count() == MQLS
