"""Leases: long work is claimed without waiting, done outside a transaction, and left to another worker if its own dies (rules 12.40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

from config.jobs.models import Lease

#: A worker that did not end its work by then loses it.
LENGTH: Final = dt.timedelta(minutes=10)

_CLAIM: Final = """
    INSERT INTO jobs_lease AS lease (work, until) VALUES (%(work)s, %(until)s)
    ON CONFLICT (work) DO UPDATE SET until = excluded.until WHERE lease.until <= %(now)s
"""


@contextmanager
def hold_lease(work: str, *, now: dt.datetime) -> Iterator[bool]:
    """Yield whether this worker has the work, named in 64 characters at most; give it back at the end, also after a failure.

    Call it outside a transaction: others see a lease once it is committed. Who gets one looks again whether the work is still
    to be done, and stores the result so that a second one of it is left out: the lease of a slow worker ends before its work.
    """
    until = now + LENGTH
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"work": work, "until": until, "now": now})
        is_held = cursor.rowcount == 1
    try:
        yield is_held
    finally:
        if is_held:
            # Another worker's lease ends at another instant.
            Lease.objects.filter(work=work, until=until).delete()
