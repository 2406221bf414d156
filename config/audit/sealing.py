"""Sealing: entries of the audit are moved from their table of waiting ones into the chain (rules 17.17).

Entries are written by many transactions at once, which commit in another order than that of their ids. So the chain is
made afterwards, by one sealer at a time, and nobody who changes a governed row waits for another.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

#: So many entries take a few tenths of a second.
BATCH: Final = 2_000


def seal_batch() -> int:
    """Seal the next waiting entries; return their number, 0 also while another process seals."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accord_audit_seal(%s)", [BATCH])
        (count,) = cursor.fetchone()
    return int(count)


def seal_all() -> None:
    """Seal everything that waits now."""
    while seal_batch():
        pass
