"""When a lead must be judged again: the dated row that the floor above finds. Nothing else writes `next_look_at`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Final

from django.db import connection

from leads.models import Lead

#: How far a lead whose judging failed is pushed ahead, by the number of failures so far.
BACKOFF: Final = (dt.timedelta(seconds=10), dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1))


def request(*, lead_ids: Collection[int], at: dt.datetime) -> int:
    """Have these leads judged at `at` or earlier; how many were planned later or not at all.

    Rows are locked in the order of their ids, so intakes cannot deadlock. Those that are due anyway are locked, too: whoever
    judges them right now may not have seen what we just wrote, and settles them before we look.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS (SELECT id, next_look_at FROM leads_lead WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)
            UPDATE leads_lead SET next_look_at = %s FROM held
            WHERE leads_lead.id = held.id AND (held.next_look_at IS NULL OR held.next_look_at > %s)
            """,
            [list(lead_ids), at, at],
        )
        return int(cursor.rowcount)


def request_all(*, at: dt.datetime) -> int:
    """Have every lead judged, as when a version is activated: in batches, each its own short transaction."""
    total = 0
    for first in range(0, _last_id() + 1, 10_000):
        ids = Lead.objects.filter(pk__gte=first, pk__lt=first + 10_000)
        total += request(lead_ids=list(ids.values_list("pk", flat=True)), at=at)
    return total


def claim(*, now: dt.datetime, limit: int) -> list[int]:
    """Up to `limit` leads that are due, locked until the end of the caller's transaction; rows others hold are passed over."""
    due = Lead.objects.due_for_a_look(now).order_by("next_look_at", "pk")
    return list(due.select_for_update(of=("self",), no_key=True, skip_locked=True).values_list("pk", flat=True)[:limit])


def settle(*, next_looks: Mapping[int, dt.datetime | None]) -> None:
    """The leads were judged: their next look is at these instants, or only when a new fact comes (None)."""
    if not next_looks:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE leads_lead SET next_look_at = judged.at, look_failures = 0, look_error = ''
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS judged(id, at) WHERE leads_lead.id = judged.id
            """,
            [list(next_looks), list(next_looks.values())],
        )


def fail(*, lead_id: int, error: str, now: dt.datetime) -> None:
    """This lead could not be judged: it is pushed ahead with its error, out of the others' way."""
    lead = Lead.objects.select_for_update(of=("self",), no_key=True).get(pk=lead_id)
    lead.next_look_at = now + BACKOFF[min(lead.look_failures, len(BACKOFF) - 1)]
    lead.look_failures = min(lead.look_failures + 1, 1000)
    lead.look_error = error[:2000]
    lead.save(update_fields=["next_look_at", "look_failures", "look_error"])


def _last_id() -> int:
    return Lead.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
