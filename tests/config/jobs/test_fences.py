from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from config.jobs.heartbeat import last_heartbeat, record_heartbeat
from config.jobs.periods import claim_period

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)


def test_a_heartbeat_is_the_last_one() -> None:
    record_heartbeat(name="tick", now=NOW)
    record_heartbeat(name="tick", now=NOW + dt.timedelta(seconds=2))

    assert last_heartbeat(name="tick") == NOW + dt.timedelta(seconds=2)
    assert last_heartbeat(name="tock") is None


def test_a_job_has_a_period_once() -> None:
    assert claim_period(job="report", period="2026-03", now=NOW)
    assert not claim_period(job="report", period="2026-03", now=NOW)
    assert claim_period(job="report", period="2026-04", now=NOW)
    assert claim_period(job="review", period="2026-03", now=NOW)


def test_a_job_that_fails_leaves_the_period_to_another() -> None:
    with transaction.atomic():
        assert claim_period(job="report", period="2026-03", now=NOW)
        transaction.set_rollback(True)

    assert claim_period(job="report", period="2026-03", now=NOW)
