"""The rescoring of all leads, as after an activation: a row written with its cause, with a cursor that any worker moves.

The leads are judged in the order of their ids, a few at a time, when no lead is due: new facts go first.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Max

from leads.models import Lead, MassRescore


def request(*, cause: str, why: str, at: dt.datetime) -> None:
    """Have every lead judged anew. Call it in the transaction of the change that asks for it: they are kept together."""
    MassRescore.objects.create(cause=cause, why=why, requested_at=at, advanced_at=at)


def claim(*, now: dt.datetime, limit: int) -> list[int]:
    """Lock up to `limit` leads that are still to be judged anew, until the caller's transaction ends, and return their ids.

    1. Lock the oldest unfinished row. A worker that finds it locked claims nothing: one at a time is at these leads, and
       the others are free for what is due.
    2. Let a row that nobody has begun reach up to the last lead there is.
    3. Take the next leads in the order of their ids, and wait for those that somebody else has locked.
    4. Move the cursor behind them. It is stored with their scores or, if the worker is killed, not at all.
    """
    # 1.
    unfinished = MassRescore.objects.filter(finished_at__isnull=True).order_by("pk")
    row = unfinished.select_for_update(of=("self",), no_key=True, skip_locked=True).first()
    if row is None:
        return []
    # 2. After the commit of the cause: who was stored later is judged with the cause in force anyway.
    if row.last_id is None:
        row.last_id = Lead.objects.aggregate(last=Max("pk"))["last"] or 0
        row.total = Lead.objects.standing().filter(pk__lte=row.last_id).count()
    # 3.
    rest = Lead.objects.standing().filter(pk__gt=row.after, pk__lte=row.last_id).order_by("pk")
    ids = list(rest.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True)[:limit])
    # 4.
    row.after = ids[-1] if ids else row.after
    row.judged += len(ids)
    row.advanced_at = now
    row.finished_at = now if len(ids) < limit else None
    row.save(update_fields=["last_id", "total", "after", "judged", "advanced_at", "finished_at"])
    return ids


def find_latest(cause: str) -> MassRescore | None:
    """Return the latest rescoring for a cause, finished or not."""
    return MassRescore.objects.filter(cause=cause).order_by("-pk").first()


def list_unfinished() -> list[MassRescore]:
    """Return the rescorings that are not finished, in the order in which they are done."""
    return list(MassRescore.objects.filter(finished_at__isnull=True).order_by("pk"))
