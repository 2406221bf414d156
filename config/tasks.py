"""The tasks of Celery beat: each takes the time, makes one call and returns counts.

The work is claimed from rows, so a task carries no state, and none is ever sent by our own code.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from config import periodic


@shared_task
def tick() -> dict[str, int]:
    """Carry out due decisions, rescore due leads, hand off and route."""
    return periodic.tick(now=timezone.now())


@shared_task
def deliver() -> dict[str, int]:
    return periodic.deliver(now=timezone.now())


@shared_task
def watch_clocks() -> dict[str, int]:
    return periodic.watch_clocks(now=timezone.now())


@shared_task
def watch_figures() -> dict[str, int]:
    return periodic.watch_figures(now=timezone.now())


@shared_task
def rescore_daily() -> dict[str, int]:
    return periodic.rescore_daily(now=timezone.now())


@shared_task
def run_backtests() -> dict[str, int]:
    return periodic.run_backtests(now=timezone.now())


@shared_task
def renew_reported_mqls() -> dict[str, int]:
    return periodic.renew_reported_mqls(now=timezone.now())


@shared_task
def look_ahead() -> dict[str, int]:
    return periodic.look_ahead(now=timezone.now())


@shared_task
def run_imports() -> dict[str, int]:
    return periodic.run_imports(now=timezone.now())


@shared_task
def seal_audit() -> dict[str, int]:
    return periodic.seal_audit(now=timezone.now())
