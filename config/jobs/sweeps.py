"""Sweeps of waiting rows: what cannot be done is set aside with its reason, and the rest goes on (rules 17.5).

A sweep has a name, under which its rows are set aside; people read it on the page of such rows.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, QuerySet
from django.db.models.base import Model

from config import outages
from config.jobs.models import SetAsideRow

log = logging.getLogger(__name__)

#: For how long a row is left out, by the number of its tries so far.
BACKOFF: Final = (dt.timedelta(seconds=10), dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1))
#: What only cannot be done yet is tried every ten minutes at least: a rep may come back any time.
_WAITS_WITHOUT_FAILURE: Final = 3
#: A sweep with many failing rows ends after this long; the next run takes the rest.
SECONDS_A_RUN: Final = 20
REASON_AT_MOST: Final = 300
_CHECKED_AT_ONCE: Final = 1_000

_PUT_ASIDE: Final = """
    INSERT INTO jobs_setasiderow AS aside (sweep, row_id, reason, is_failure, tries, since, until)
    VALUES (%(sweep)s, %(row)s, %(reason)s, %(is_failure)s, 1, %(now)s, %(now)s + (%(waits)s::interval[])[1])
    ON CONFLICT (sweep, row_id) DO UPDATE SET
        reason = excluded.reason, is_failure = excluded.is_failure, tries = aside.tries + 1,
        until = %(now)s + (%(waits)s::interval[])[least(aside.tries + 1, cardinality(%(waits)s::interval[]))]
    RETURNING until
"""

RowType = TypeVar("RowType", bound=Model)
Rows = TypeVar("Rows", bound=QuerySet[Any])
Result = TypeVar("Result")


class CannotBeDone(Exception):
    """A row that cannot be done for now, though nothing failed; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class SetAsideCount:
    """The rows that one sweep has set aside: how many, and since when the first of them."""

    sweep: str
    count: int
    since: dt.datetime


def claim_each(
    sweep: str,
    waiting: QuerySet[RowType],
    work: Callable[[RowType], Result | None],
    *,
    now: dt.datetime,
    limit: int,
) -> Iterator[Result]:
    """Do the waiting rows in their order, each in its own transaction, and yield what `work` returns unless that is None.

    1. Forget the rows that were set aside and wait no longer.
    2. Read the ids of the next rows, without those that are set aside until later.
    3. Lock a row, or skip it if another worker has it, and read it again: it may be done meanwhile.
    4. Do it. If that fails, undo it and set the row aside with the reason.
    5. Go on until no row waits, `limit` are done or the time is over. Rows that could not be done do not count.
    """
    until = time.monotonic() + SECONDS_A_RUN
    # 1.
    forget_done(sweep, waiting, now)
    tried: list[int] = []
    done_count = 0
    while True:
        # 2.
        page = exclude_set_aside(sweep, waiting.exclude(pk__in=tried), now).values_list("pk", flat=True)[:limit]
        ids = list(page)
        for pk in ids:
            tried.append(pk)
            # 3. and 4.
            result = _do_alone(sweep, waiting, work, pk, now)
            if result is not None:
                done_count += 1
                yield result
            # 5.
            if done_count >= limit or time.monotonic() > until:
                return
        if len(ids) < limit:
            return


def claim_together(
    sweep: str,
    waiting: QuerySet[RowType],
    work: Callable[[Sequence[RowType]], object],
    *,
    now: dt.datetime,
    limit: int,
) -> int:
    """Lock up to `limit` waiting rows and do them in one transaction, or one by one if that fails; return how many.

    Rows that another worker has locked are skipped. Where a row was set aside, the next rows are done as well.
    """
    until = time.monotonic() + SECONDS_A_RUN
    forget_done(sweep, waiting, now)
    count = 0
    while True:
        with transaction.atomic():
            rows = exclude_set_aside(sweep, waiting, now)
            rows = rows.select_for_update(of=("self",), no_key=True, skip_locked=True)
            locked_ids = list(rows.values_list("pk", flat=True)[:limit])
            # Read again in a new snapshot: what was committed before the lock counts.
            failed = do_together(sweep, locked_ids, lambda ids: work(list(waiting.filter(pk__in=ids))), now=now)
        count += len(locked_ids)
        if not failed or len(locked_ids) < limit or time.monotonic() > until:
            return count


def do_together(
    sweep: str, row_ids: Sequence[int], work: Callable[[Sequence[int]], object], *, now: dt.datetime
) -> int:
    """Do rows together; if that fails one by one, so that only the failing ones are set aside. Return how many failed.

    `work` reads the rows by their ids: objects of an attempt that failed would keep what it had changed in them.
    """
    if not row_ids:
        return 0
    try:
        with transaction.atomic():
            work(row_ids)
            take_back(sweep, row_ids)
    except Exception as error:
        if len(row_ids) > 1:
            return sum(do_together(sweep, [pk], work, now=now) for pk in row_ids)
        set_aside(sweep, row_ids[0], error, now=now)
        return 1
    return 0


@contextmanager
def set_aside_failure(sweep: str, row_id: int, *, now: dt.datetime) -> Iterator[None]:
    """Set a row aside if the block fails. The block has its own transactions, of which nothing is left by then."""
    try:
        yield
    except Exception as error:
        set_aside(sweep, row_id, error, now=now)
    else:
        take_back(sweep, [row_id])


def set_aside(sweep: str, row_id: int, error: Exception, *, now: dt.datetime) -> None:
    """Set a row aside with what kept it from being done; what passes by itself is tried again by the next run (rules 17.20).

    Raises the error if the connection is gone: the run ends, and the next one goes on.
    """
    if isinstance(error, CannotBeDone):
        put_aside(sweep, row_id, reason=str(error), is_failure=False, now=now)
        return
    if outages.is_outage(error):
        log.warning("A row is tried again.", exc_info=error, extra={"sweep": sweep, "row": row_id})
        if connection.connection is None or connection.connection.closed:
            raise error
        return
    log.error("A row was set aside.", exc_info=error, extra={"sweep": sweep, "row": row_id})
    put_aside(sweep, row_id, reason=outages.describe_failure(error), is_failure=True, now=now)


def exclude_set_aside(sweep: str, rows: Rows, now: dt.datetime) -> Rows:
    """Leave out the rows that are set aside until later."""
    aside = SetAsideRow.objects.filter(sweep=sweep, row_id=OuterRef("pk"), until__gt=now)
    return rows.filter(~Exists(aside))


def list_set_aside(sweep: str, *, now: dt.datetime) -> list[int]:
    """Return the ids of the rows that a sweep has set aside until later."""
    return list(SetAsideRow.objects.filter(sweep=sweep, until__gt=now).values_list("row_id", flat=True))


def put_aside(sweep: str, row_id: int, *, reason: str, is_failure: bool, now: dt.datetime) -> dt.datetime:
    """Leave a row out of its sweep for a while that grows with each try; return until when."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT_ASIDE,
            {
                "sweep": sweep,
                "row": row_id,
                "reason": reason[:REASON_AT_MOST],
                "is_failure": is_failure,
                "now": now,
                "waits": list(BACKOFF if is_failure else BACKOFF[:_WAITS_WITHOUT_FAILURE]),
            },
        )
        (until,) = cursor.fetchone()
    return until  # type: ignore[no-any-return]  # a cursor's rows are typed Any


def forget_done(sweep: str, waiting: QuerySet[RowType], now: dt.datetime) -> None:
    """Forget the rows whose time is over and that wait no longer: somebody else did them, or nothing is to be done."""
    aside = SetAsideRow.objects.filter(sweep=sweep, until__lte=now).order_by("until")
    ids = set(aside.values_list("row_id", flat=True)[:_CHECKED_AT_ONCE])
    if ids:
        take_back(sweep, ids - set(waiting.filter(pk__in=ids).values_list("pk", flat=True)))


def forget_others(sweep: str, waiting_ids: Collection[int], now: dt.datetime) -> None:
    """Forget the rows whose time is over and that are not among these, which are all that wait."""
    aside = SetAsideRow.objects.filter(sweep=sweep, until__lte=now)
    aside.exclude(row_id__in=waiting_ids).delete()


def take_back(sweep: str, row_ids: Collection[int]) -> None:
    """Forget that rows were set aside: they are done."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM jobs_setasiderow WHERE sweep = %s AND row_id = ANY(%s::bigint[])", [sweep, list(row_ids)]
        )


def retry_now(*, now: dt.datetime) -> int:
    """Have every row that is set aside tried again at once, as after its cause was mended; return how many."""
    return SetAsideRow.objects.filter(until__gt=now).update(until=now)


def count_set_aside() -> list[SetAsideCount]:
    """Count the rows that are set aside by their sweep, in the order of the names."""
    counts = SetAsideRow.objects.values("sweep").annotate(count=Count("pk"), first=Min("since")).order_by("sweep")
    return [SetAsideCount(row["sweep"], row["count"], row["first"]) for row in counts]


@transaction.atomic
def _do_alone(
    sweep: str, waiting: QuerySet[RowType], work: Callable[[RowType], Result | None], pk: int, now: dt.datetime
) -> Result | None:
    rows: QuerySet[Any] = waiting.model._default_manager.filter(pk=pk)  # noqa: SLF001  # Django documents _default_manager
    if not rows.select_for_update(no_key=True, skip_locked=True).values_list("pk"):
        return None
    row = waiting.filter(pk=pk).first()
    if row is None:
        return None
    try:
        with transaction.atomic():
            result = work(row)
    except Exception as error:
        set_aside(sweep, pk, error, now=now)
        return None
    return result
