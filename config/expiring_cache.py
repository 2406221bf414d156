from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.db import connections


class ExpiringCache(DatabaseCache):
    """A cache in the database from which nothing is dropped before it expires.

    Failed sign-ins are counted in it. Django's own class drops a third of a full cache, in the order of the keys: whoever
    fills it with failures of other addresses would wipe out the count of the address that is attacked.
    """

    def _cull(self, db: str, cursor: Any, now: dt.datetime, _num: int) -> None:
        table = connections[db].ops.quote_name(self._table)  # type: ignore[attr-defined]  # missing in the stubs
        cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])  # noqa: S608  # the name is that of the settings
