"""Claims that let a job run once a period (rules 17.7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from config.jobs.models import PeriodicRun


def claim_period(*, job: str, period: str, now: dt.datetime) -> bool:
    """Claim a period for a job; return False if another worker has claimed it.

    Call it in the transaction that does the work: a second worker waits for the unique index until the first one
    ends, and a worker that fails leaves the period to another.
    """
    _, is_new = PeriodicRun.objects.get_or_create(job=job, period=period, defaults={"started_at": now})
    return is_new


def list_claimed(periods: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the pairs of job and period that have been claimed. One query."""
    jobs, names = {job for job, _ in periods}, {period for _, period in periods}
    runs = PeriodicRun.objects.filter(job__in=jobs, period__in=names)
    return set(runs.values_list("job", "period")).intersection(periods)
