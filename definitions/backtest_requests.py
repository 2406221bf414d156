"""Backtests as work asked for and as records; the floor above does them (`scoring.backtests.jobs.run_pending`). Rules 10.1, 10.6, 10.7."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, version_documents
from definitions.models import Backtest, Version

MONTHS: Final = 6
LONGEST: Final = dt.timedelta(days=3660)
MAY_ASK: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


class BacktestRefused(Exception):
    """The backtest cannot be asked for, or cancelled, like this; the sentence says why."""


@transaction.atomic
def request(*, version: Version, start: dt.datetime, end: dt.datetime, by: User | None, now: dt.datetime) -> Backtest:
    """Ask for a backtest over [start, end) of the version as it is now; the one that is pending already, if it asks the same.

    A pending one of an earlier state of the draft is cancelled: nobody waits for it any more.
    Raises BacktestRefused, rights.NotAllowed.
    """
    permissions.require(by, *MAY_ASK, to="backtest a version")
    _check_period(start, end, now)
    definition = version_documents.lock(version.definition)
    document = version_documents.export(version)
    digest = version_documents.digest(document)
    for pending in Backtest.objects.pending().filter(version=version).select_for_update(of=("self",), no_key=True):
        if (pending.digest, pending.start, pending.end) == (digest, start, end):
            return pending
        _finish_cancelled(pending, by, now)
    return Backtest.objects.create(
        version=version,
        against=Version.objects.active().filter(definition=definition).exclude(pk=version.pk).first(),
        document=document,
        digest=digest,
        start=start,
        end=end,
        requested_at=now,
        requested_by=by,
    )


@transaction.atomic
def cancel(*, backtest: Backtest, by: User | None, now: dt.datetime) -> Backtest:
    """Stop a pending one; the worker that is at it finds out after its current range. Raises BacktestRefused, rights.NotAllowed."""
    permissions.require(by, *MAY_ASK, to="cancel a backtest")
    backtest = Backtest.objects.select_for_update(of=("self",), no_key=True).get(pk=backtest.pk)
    if not backtest.is_pending:
        raise BacktestRefused("This backtest is finished; there is nothing to cancel.")
    return _finish_cancelled(backtest, by, now)


def current(version: Version) -> Backtest | None:
    """The latest successful backtest of exactly what the version says now; None when it was edited since, or never tested."""
    tested = version.backtests.successful().filter(digest=version_documents.digest(version_documents.export(version)))
    return tested.order_by("-finished_at", "-pk").first()


def _finish_cancelled(backtest: Backtest, by: User | None, now: dt.datetime) -> Backtest:
    backtest.cancelled_at, backtest.cancelled_by, backtest.finished_at = now, by, now
    backtest.save(update_fields=["cancelled_at", "cancelled_by", "finished_at"])
    return backtest


def _check_period(start: dt.datetime, end: dt.datetime, now: dt.datetime) -> None:
    if not start < end:
        raise BacktestRefused("The period ends before it begins.")
    if end > now:
        raise BacktestRefused("The period lies in the past: it cannot end after now.")
    if end - start > LONGEST:
        raise BacktestRefused("The period is at most ten years.")
