"""The queue of leads to rescore: the date `Lead.next_look_at`, which nothing else writes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from config import outages
from config.jobs import sweeps
from leads.models import Lead

#: The name under which leads that could not be judged are set aside.
SWEEP: Final = "leads to judge"
#: A lead that has been due for so long waits behind others; a new fact takes it to the front.
_BACKLOG_AFTER: Final = dt.timedelta(seconds=5)

#: Leads of an import that are planned for each second. The live loop judges them several times as fast, so that the
#: leads of live events never wait behind a million others.
PACE_A_SECOND: Final = 200


@dataclass(slots=True)
class RescorePace:
    """The pace of the rescoring that an import asks for: the leads of a batch are due after those of the one before."""

    until: dt.datetime

    def plan(self, count: int, at: dt.datetime) -> dt.datetime:
        """Return when the next `count` leads are due: at `at` if everything before is done by then."""
        due = max(self.until, at)
        self.until = due + dt.timedelta(seconds=count / PACE_A_SECOND)
        return due


_pace: ContextVar[RescorePace | None] = ContextVar("rescore_pace", default=None)


@contextmanager
def slow_down(pace: RescorePace) -> Iterator[None]:
    """Have `request` plan its leads at this pace within the block, instead of all at once (rules 13.46)."""
    token = _pace.set(pace)
    try:
        yield
    finally:
        _pace.reset(token)


def enter_new(leads: Collection[Lead], *, at: dt.datetime) -> None:
    """Put leads on the queue that the caller is about to insert, as `request` does with those that exist."""
    if pace := _pace.get():
        at = pace.plan(len(leads), at)
    for lead in leads:
        lead.next_look_at = at


def request(*, lead_ids: Collection[int], at: dt.datetime, goes_first: bool = False) -> int:
    """Have these leads rescored at `at` or earlier. Return how many were planned anew.

    With `goes_first`, for something that happened at `at`, leads that wait behind others are taken to the front.

    For a lead that is merged into another one, that one is rescored (rules 13.50).

    Rows are locked in id order, so that two callers cannot deadlock. Leads that are due already are locked, too: the
    worker that rescores one of them right now may not see what the caller wrote, and must take the lead off the queue
    before the caller puts it there again. Within `slow_down` they become due later.
    """
    if pace := _pace.get():
        at, goes_first = pace.plan(len(lead_ids), at), False
    behind = at - _BACKLOG_AFTER if goes_first else None
    while True:
        try:
            # A savepoint: going back to it lets go of its locks, so that the next round takes all of them in id order.
            with transaction.atomic():
                return _request_standing(list(lead_ids), at, behind)
        except _MergedMeanwhile:
            continue


class _MergedMeanwhile(Exception):
    """A lead that was to be rescored was merged into another one while its lock was waited for."""


def _request_standing(lead_ids: list[int], at: dt.datetime, behind: dt.datetime | None) -> int:
    """Plan the leads that stand for these, also those due before `behind`; return how many. Raises _MergedMeanwhile."""
    with connection.cursor() as cursor:
        # The lock reads the latest version of a row, so it also shows a merge that was committed after the first query.
        cursor.execute(
            """
            WITH standing AS (SELECT coalesce(merged_into_id, id) AS id FROM leads_lead WHERE id = ANY(%s)),
            locked AS (
                SELECT id, next_look_at, merged_into_id FROM leads_lead WHERE id IN (SELECT id FROM standing)
                ORDER BY id FOR NO KEY UPDATE
            ),
            planned AS (
                UPDATE leads_lead SET next_look_at = %s FROM locked
                WHERE leads_lead.id = locked.id AND locked.merged_into_id IS NULL
                AND (locked.next_look_at IS NULL OR locked.next_look_at > %s OR locked.next_look_at < %s)
                RETURNING leads_lead.id
            )
            SELECT (SELECT count(*) FROM planned), EXISTS (SELECT FROM locked WHERE merged_into_id IS NOT NULL)
            """,
            [lead_ids, at, at, behind],
        )
        count, is_merged_meanwhile = cursor.fetchone()
    if is_merged_meanwhile:
        raise _MergedMeanwhile
    return int(count)


def withdraw(*, lead_ids: Collection[int]) -> None:
    """Take leads off the queue that have been merged into another one. The caller has locked their rows."""
    sweeps.take_back(SWEEP, lead_ids)
    Lead.objects.filter(pk__in=lead_ids).update(next_look_at=None, look_failures=0, look_error="")


def claim(*, now: dt.datetime, limit: int) -> list[int]:
    """Lock up to `limit` leads that are due, until the caller's transaction ends, and return their ids.

    Rows that another worker has locked are skipped. Of more than `limit` leads half are those that became due last, so
    that a new fact does not wait for thousands whose windows ended together, and half those that have waited longest.
    """
    due = Lead.objects.standing().due_for_rescore(now)
    due = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    latest = list(due.order_by("-next_look_at", "-pk").values_list("pk", flat=True)[: limit // 2])
    if len(latest) < limit // 2:
        return latest
    # Rows of our own locks are not skipped, so they are left out by their ids.
    longest = due.exclude(pk__in=latest).order_by("next_look_at", "pk")
    return latest + list(longest.values_list("pk", flat=True)[: limit - len(latest)])


def settle(*, next_looks: Mapping[int, dt.datetime | None], now: dt.datetime) -> None:
    """Plan the next rescoring of leads that were rescored at `now`: at an instant, or with the next fact (None).

    A look after `now` stays: a lead that was not due may have got a fact since, which the judgement has not seen.
    """
    if not next_looks:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH judged AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) AS judged(id, at)),
            taken_back AS (DELETE FROM jobs_setasiderow WHERE sweep = %s AND row_id IN (SELECT id FROM judged))
            UPDATE leads_lead SET look_failures = 0, look_error = '', next_look_at = least(
                judged.at, CASE WHEN leads_lead.next_look_at > %s THEN leads_lead.next_look_at END
            )
            FROM judged WHERE leads_lead.id = judged.id
            """,
            [list(next_looks), list(next_looks.values()), SWEEP, now],
        )


def fail(*, lead_id: int, error: Exception, now: dt.datetime) -> None:
    """Postpone a lead that could not be rescored, for a time that grows with each failure, and store why."""
    reason = outages.describe_failure(error)
    lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead_id)
    lead.next_look_at = sweeps.put_aside(SWEEP, lead_id, reason=reason, is_failure=True, now=now)
    lead.look_failures = min(lead.look_failures + 1, 1000)
    lead.look_error = reason
    lead.save(update_fields=["next_look_at", "look_failures", "look_error"])
