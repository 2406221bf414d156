"""Threads that start together, each with a database connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection


def at_once(workers: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act(0)`, `act(1)` … in threads that start together; return the result or exception of each."""
    start = Barrier(workers)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=60)
            return act(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))
