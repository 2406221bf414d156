from __future__ import annotations

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """The instant at which a periodic task last ended well; `/readyz` reads it."""

    name = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class SetAsideRow(models.Model):
    """A row that a sweep could not do: why, how often it was tried, and until when the sweep leaves it out (rules 17.5)."""

    sweep = models.CharField(max_length=64)
    row_id = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    is_failure = models.BooleanField(help_text="Whether it failed, or only cannot be done for now.")
    tries = models.PositiveIntegerField(default=1)
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["sweep", "row_id"], name="set_aside_once")]

    def __str__(self) -> str:
        return f"{self.sweep} {self.row_id}: {self.reason}"


class PeriodicRun(models.Model):
    """A claim: each job runs once a period, however many beats there are (rules 17.7)."""

    job = models.CharField(max_length=64)
    period = models.CharField(max_length=32)
    started_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "period"], name="job_once_a_period")]

    def __str__(self) -> str:
        return f"{self.job} {self.period}"


class Lease(models.Model):
    """A claim of long work by one worker, until it is done or the time is over (`config.jobs.leases`)."""

    work = models.CharField(max_length=64, primary_key=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.work
