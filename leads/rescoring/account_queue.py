"""The queue of companies to judge under definitions of the motion AQL; nothing else writes `AccountQueueEntry`.

A company is due when one of its contacts is rescored, when a signal of its own arrives, and on a day planned for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

from django.db import connection

from config import outages
from config.jobs import sweeps
from leads.models import AccountQueueEntry

#: The name under which companies that could not be judged are set aside.
SWEEP: Final = "companies to judge"


def request(*, company_ids: Collection[int], at: dt.datetime) -> None:
    """Have these companies judged at `at` or earlier.

    Rows are locked in id order. A worker that judges one of them right now may not see what the caller wrote; the
    caller waits for that worker, and then makes the company due again.
    """
    if not company_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO leads_accountqueueentry AS entry (company_id, due_at, failures, error)
            SELECT id, %s, 0, '' FROM unnest(%s::bigint[]) AS company (id) ORDER BY id
            ON CONFLICT (company_id) DO UPDATE
            SET due_at = least(coalesce(entry.due_at, EXCLUDED.due_at), EXCLUDED.due_at)
            """,
            [at, sorted(set(company_ids))],
        )


def request_of_leads(*, lead_ids: Collection[int], at: dt.datetime) -> None:
    """Have the companies of these leads, and of the leads merged into them, judged at `at` or earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT company_id FROM leads_lead WHERE id = ANY(%s::bigint[]) AND company_id IS NOT NULL
            UNION SELECT company_id FROM leads_lead WHERE merged_into_id = ANY(%s::bigint[]) AND company_id IS NOT NULL
            """,
            [list(lead_ids), list(lead_ids)],
        )
        companies = [pk for (pk,) in cursor.fetchall()]
    request(company_ids=companies, at=at)


def claim(*, now: dt.datetime, limit: int) -> list[int]:
    """Lock up to `limit` companies that are due, until the caller's transaction ends, and return their ids.

    Rows that another worker has locked are skipped. As of leads, of more than `limit` companies half are those that became
    due last: new facts go before a backlog.
    """
    due = AccountQueueEntry.objects.filter(due_at__lte=now)
    due = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    latest = list(due.order_by("-due_at", "-pk").values_list("company_id", flat=True)[: limit // 2])
    if len(latest) < limit // 2:
        return latest
    longest = due.exclude(company__in=latest).order_by("due_at", "pk")
    return latest + list(longest.values_list("company_id", flat=True)[: limit - len(latest)])


def settle(*, company_id: int, next_at: dt.datetime | None) -> None:
    """Plan the next look at a company that was judged: at an instant, or with the next fact (None)."""
    sweeps.take_back(SWEEP, [company_id])
    AccountQueueEntry.objects.filter(company=company_id).update(due_at=next_at, failures=0, error="")


def fail(*, company_id: int, error: Exception, now: dt.datetime) -> None:
    """Postpone a company that could not be judged, for a time that grows with each failure, and store why."""
    reason = outages.describe_failure(error)
    entry = AccountQueueEntry.objects.select_for_update(of=("self",), no_key=True).get(company=company_id)
    entry.due_at = sweeps.put_aside(SWEEP, company_id, reason=reason, is_failure=True, now=now)
    entry.failures = min(entry.failures + 1, 1000)
    entry.error = reason
    entry.save(update_fields=["due_at", "failures", "error"])
