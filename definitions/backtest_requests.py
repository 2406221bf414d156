"""Backtests as requests and as records; `scoring.backtests.pending_backtests.run_pending` runs them. Rules 10.1, 10.6, 10.7."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, version_basis, version_documents
from definitions.document.fingerprint import compute_fingerprint
from definitions.models import Backtest, Version

MONTHS: Final = 6
LONGEST: Final = dt.timedelta(days=3660)
MAY_REQUEST: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)


def default_period(end: dt.datetime, months: int = MONTHS) -> tuple[dt.datetime, dt.datetime]:
    """Return the period from midnight `months` calendar months ago to `end`, in the company's time zone (rules 4.16)."""
    zone = ZoneInfo(settings.COMPANY_TIME_ZONE)
    local = end.astimezone(zone)
    years, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    day = min(local.day, calendar.monthrange(years, month + 1)[1])
    return dt.datetime(years, month + 1, day, tzinfo=zone).astimezone(dt.UTC), end


class BacktestRefused(Exception):
    """The backtest cannot be requested or cancelled like this; the sentence says why."""


@transaction.atomic
def request_backtest(
    *, version: Version, start: dt.datetime, end: dt.datetime, by: User | None, now: dt.datetime
) -> Backtest:
    """Request a backtest over [start, end) of the version as it is now; return the pending one if it is the same request.

    A pending backtest of the version that a person requested is cancelled by that of another person, for nobody waits for
    it any more; so is one of Accord (`by` None) by its next one. Those of people and of Accord do not cancel each other.
    Raises BacktestRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, *MAY_REQUEST, to="backtest a version")
    _check_period(start, end, now)
    definition = version_documents.lock_definition(version.definition)
    document = version_documents.export_document(version)
    basis = version_documents.read_basis(version)
    digest = compute_fingerprint(document, basis.digests())
    # At most two rows: a constraint allows one of people and one of Accord. The lock keeps a worker from finishing them.
    locked = Backtest.objects.pending().filter(version=version).select_for_update(of=("self",), no_key=True)
    pending = list(locked.order_by("pk"))
    for backtest in pending:
        if (backtest.digest, backtest.start, backtest.end) == (digest, start, end):
            return backtest
    for backtest in pending:
        if (backtest.requested_by_id is None) == (by is None):
            _finish_cancelled(backtest, by, now)
    return Backtest.objects.create(
        version=version,
        against=Version.objects.active().filter(definition=definition).exclude(pk=version.pk).first(),
        document=document,
        digest=digest,
        basis=version_basis.keep_basis(basis, now=now),
        start=start,
        end=end,
        requested_at=now,
        requested_by=by,
    )


@transaction.atomic
def cancel_backtest(*, backtest: Backtest, by: User | None, now: dt.datetime) -> Backtest:
    """Cancel a pending backtest; the worker that runs it finds out after its current range.

    Raises BacktestRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, *MAY_REQUEST, to="cancel a backtest")
    backtest = Backtest.objects.select_for_update(of=("self",), no_key=True).get(pk=backtest.pk)
    if not backtest.is_pending:
        raise BacktestRefused("This backtest is finished; there is nothing to cancel.")
    return _finish_cancelled(backtest, by, now)


def find_current_backtest(version: Version) -> Backtest | None:
    """Return the latest successful backtest of exactly the version's present rules.

    None when what decides was edited since, or when it was never tested.
    """
    backtests = version.backtests.successful().filter(digest__in=list_fingerprints(version))
    return backtests.order_by("-finished_at", "-pk").first()


def list_fingerprints(version: Version) -> frozenset[str]:
    """Return the digests of backtests of the version's present rules: its fingerprint, and the one from before (rules 9.19)."""
    return frozenset({version_documents.fingerprint(version), version.earlier_fingerprint} - {""})


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
