"""The processes of the database that hold the locks a migration waits for, named while it waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

LOOK_EVERY_SECONDS: Final = 1.0

_BLOCKERS: Final = """
    SELECT pid, coalesce(application_name, ''), coalesce(state, ''), coalesce(query, ''),
           coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::int
    FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(%s)) ORDER BY pid
"""


@contextmanager
def name_blockers(connection: BaseDatabaseWrapper, write: Callable[[str], object]) -> Iterator[None]:
    """Write a line for each process that keeps this connection waiting for a lock within the block, by another connection."""
    pid = backend_pid(connection)
    is_over = threading.Event()
    watch = threading.Thread(target=_watch, args=(connection, pid, is_over, write), daemon=True)
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join()


def backend_pid(connection: BaseDatabaseWrapper) -> int:
    """Return the number of the server's process for a connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _watch(connection: BaseDatabaseWrapper, pid: int, is_over: threading.Event, write: Callable[[str], object]) -> None:
    lines: set[str] = set()
    with closing(connection.copy()) as observer:
        while not is_over.wait(LOOK_EVERY_SECONDS):
            try:
                with observer.cursor() as cursor:
                    cursor.execute(_BLOCKERS, [pid])
                    rows = cursor.fetchall()
            except DatabaseError:
                # The migration itself will say so.
                return
            for blocker, program, state, query, seconds in rows:
                line = f"process {blocker} ({program or 'unnamed'}, {state or 'not to be seen'}): {_shorten(query)}"
                if line not in lines:
                    lines.add(line)
                    write(f"Waiting for a lock of {line}, in a transaction since {seconds} s")


def _shorten(query: str) -> str:
    """Return the beginning of a statement without its values, which may be people's."""
    return " ".join(query.partition("'")[0].split())[:80] or "no statement"
