"""The retry of a transaction that conflicts with another one: on the next attempt it sees the other's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from django.db import IntegrityError, OperationalError, transaction

Result = TypeVar("Result")

#: As many as transactions that add the same leads at once may meet each other; each attempt sees what the others added.
_ATTEMPTS: Final = 10
#: SQLSTATEs of a unique violation and of a deadlock.
_CONFLICT_SQLSTATES: Final = frozenset({"23505", "40P01"})


def run_with_retries(attempt: Callable[[], Result]) -> Result:
    """Run `attempt` in a transaction of its own, or in a savepoint, and again after a conflict, up to ten times."""
    for _ in range(_ATTEMPTS - 1):
        try:
            with transaction.atomic():
                return attempt()
        except (IntegrityError, OperationalError) as error:
            if getattr(error.__cause__, "sqlstate", "") not in _CONFLICT_SQLSTATES:
                raise
    with transaction.atomic():
        return attempt()
